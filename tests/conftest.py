"""Sandboxes for every test that talks to a server: one PostgreSQL per worker, one double of Metabase per era before it.

They are started when first asked for and shared by all tests of a worker, so a test that changes the database does so
in a schema of its own (`scratch`), and what a test switches on in a double (faults, settings) is switched off for the
next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from insight_frames import Connection, api, sandbox
from insight_frames.sandbox import Box
from insight_frames.sandbox.serving import Double

ERAS = ("0.31", "0.34", "0.47", "0.49")
ROLES = ("insight_analyst", "insight_unblinded", "insight_site")
Database = psycopg.Connection[tuple[Any, ...]]


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


@pytest.fixture(scope="session")
def boxes() -> Iterator[Boxes]:
    """The sandboxes by era, ``boxes("0.47")``, each started when first asked for."""
    made = Boxes()
    with made.stack:
        yield made


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """Each era in turn; ``parametrize("era", ["0.47"])`` narrows it for what does not depend on it."""
    return str(request.param)


@pytest.fixture
def box(boxes: Boxes, era: str) -> Iterator[Box]:
    """The era's sandbox, with no fault left of an earlier test and nothing served yet."""
    found = boxes(era)
    found.advance_clock(3600)  # every login counts towards the throttle of the oldest era; an hour forgets them
    found.clear_requests()
    yield found
    found.fault()
    found.setting(download_row_limit=None)


Connect = Callable[..., Connection]


@pytest.fixture
def connect(box: Box) -> Iterator[Connect]:
    """Make connections to the era's sandbox: ``connect("unblinded", path="plain")``; closed behind the test."""
    with ExitStack() as stack:

        def make(account: str = "analyst", **settings: Any) -> Connection:
            person = box.accounts[account]
            asked = {"username": person.username, "password": person.password} | settings
            return stack.enter_context(Connection(box.url, **asked))

        yield make


@pytest.fixture
def connection(connect: Connect) -> Connection:
    """A fresh connection of the analyst."""
    return connect()


@pytest.fixture(params=["auto", "plain"], ids=["packed", "plain"])
def path(request: pytest.FixtureRequest) -> str:
    """Both ways rows can come."""
    return str(request.param)


@pytest.fixture
def on_path(connect: Connect, path: str) -> Connection:
    """A fresh connection of the analyst on either path."""
    return connect(path=path)


@pytest.fixture(scope="session")
def superuser(boxes: Boxes) -> Iterator[Database]:
    """The PostgreSQL behind the sandboxes, seen directly, as its superuser, in UTC."""
    with boxes().connect() as database:
        database.execute("set time zone 'UTC'")
        yield database


@dataclass
class Scratch:
    """A schema of one test; what is made in it is readable by every account."""

    database: Database
    schema: str

    def run(self, sql: str, *more: object) -> list[tuple[Any, ...]]:
        """Run statements with the schema as search path; the rows of the last one, if it gives any."""
        cursor = self.database.execute(sql.encode(), more or None)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def scratch(superuser: Database) -> Iterator[Scratch]:
    """A schema ``s_scratch`` that lives as long as the test."""
    readers = ", ".join(ROLES)
    superuser.execute("drop schema if exists s_scratch cascade; create schema s_scratch")
    superuser.execute(f"grant usage on schema s_scratch to {readers}; set search_path to s_scratch".encode())
    superuser.execute(f"alter default privileges in schema s_scratch grant select on tables to {readers}".encode())
    yield Scratch(superuser, "s_scratch")
    superuser.execute("reset search_path; drop schema s_scratch cascade")


@pytest.fixture(autouse=True)
def _no_default_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the default connection of another, or an INSIGHT_* variable of who runs the tests."""
    monkeypatch.setattr(api, "_default", None)
    for name in ("URL", "USERNAME", "PASSWORD", "API_KEY", "DATABASE"):
        monkeypatch.delenv(f"INSIGHT_{name}", raising=False)
