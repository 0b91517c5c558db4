"""What the fixtures of ``conftest.py`` give: the sandboxes of a worker, and a schema that a test may write in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from insight_frames import Connection, sandbox
from insight_frames.sandbox import Box
from insight_frames.sandbox.serving import Double

ERAS = ("0.31", "0.34", "0.47", "0.49")
# for what hardly depends on the era: one that buffers and one that streams, the others in the long run
TWO_ERAS = pytest.mark.parametrize(
    "era", ["0.31", "0.47", *(pytest.param(era, marks=pytest.mark.long) for era in ("0.34", "0.49"))]
)
ROLES = ("insight_analyst", "insight_unblinded", "insight_site")
Database = psycopg.Connection[tuple[Any, ...]]
Connect = Callable[..., Connection]


@dataclass
class Boxes:
    """The sandboxes of one worker by era; all of them look at the same PostgreSQL."""

    stack: ExitStack = field(default_factory=ExitStack)
    known: dict[str, Box] = field(default_factory=dict)

    def __call__(self, era: str = "0.47") -> Box:
        if "0.47" not in self.known:
            self.known["0.47"] = self.stack.enter_context(sandbox.start())
        if era not in self.known:
            self.known[era] = self.stack.enter_context(self.beside(era))
        return self.known[era]

    def beside(self, era: str = "0.47", databases: list[str] | None = None) -> Box:
        """Start another double before the same PostgreSQL; ``databases`` are the names it shows."""
        first = self()
        server = first._server
        shown = [
            {"name": name, "dsn": first.dsn, "role": "insight_analyst", "admin_only": False}
            for name in (["Insight"] if databases is None else databases)
        ]
        people = [account.config(name) for name, account in first.accounts.items()]
        config = {"era": era, "host": "127.0.0.1", "port": 0, "control_port": 0}
        double = Double({**config, "databases": shown, "accounts": people}, server.folder)
        stack = ExitStack()
        stack.callback(double.stop)
        return Box(server, double, dict(first.accounts), stack)


def direct_url(box: Box, role: str = "insight_analyst") -> str:
    """The PostgreSQL behind a sandbox as somebody else than its superuser."""
    return box.dsn.replace("postgres@", f"{role}@", 1)


@dataclass
class Scratch:
    """A schema of one test; what is made in it is readable by every account."""

    database: Database
    schema: str

    def run(self, sql: str, *more: object) -> list[tuple[Any, ...]]:
        """Run statements with the schema as search path; the rows of the last one, if it gives any."""
        cursor = self.database.execute(sql.encode(), more or None)
        return cursor.fetchall() if cursor.description else []
