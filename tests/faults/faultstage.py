"""What a fault meets: tables that can be moved, and a connection that asks for them.

What is right is what PostgreSQL holds when the answer is there, asked directly; a fault is switched on right before the
request that brings the rows is sent, so that catalogue and columns are known and whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sandboxes import Scratch

from insight_frames import Connection
from insight_frames.sandbox import Box

SCHEMA = "s_scratch"
EXPORT = "/api/dataset/json"
SMALL = [f"p{number}" for number in range(6)]
BUILD = (
    "drop schema s_scratch cascade; create schema s_scratch;"
    "grant usage on schema s_scratch to insight_analyst;"
    "alter default privileges in schema s_scratch grant select on tables to insight_analyst;"
    + "".join(
        f"create table {one} as select g as n, repeat('y', 60) as label, 1 as state from generate_series(1, 100) g;"
        for one in SMALL
    )
    + "create table t as select g as n, 'row ' || g || repeat('x', 150) as label, 1 as state"
    " from generate_series(1, 700) g; create table u (like t); create view v as select * from t"
)
RIGHT = "right"
Switch = Callable[["Stage"], AbstractContextManager[None]]


@dataclass
class Stage:
    """One sandbox, one connection, and the tables of one test."""

    box: Box
    connection: Connection
    tables: Scratch
    folder: Path
    moved: bool = False  # the tables are no longer as they were made
    lasting: bool = False  # a fault meets every request, not only the first
    path: Path = Path()  # of the snapshot that is being taken
    kept: Path | None = None  # what is left of a snapshot that broke
    old: Path | None = None  # a snapshot that stands already
    _numbers: Iterator[int] = field(default_factory=count)

    def build(self) -> None:
        """Make the tables anew; what was left of attempts at the old ones is of no use any more."""
        self.tables.run(BUILD)
        self.moved = False
        self.kept = self.old = None

    def place(self, begun: Path | None = None) -> Path:
        """Give a path to write a snapshot to, beside a copy of what there is already."""
        folder = self.folder / str(next(self._numbers))
        if begun is None:
            folder.mkdir()
        else:
            shutil.copytree(begun.parent, folder)
        return folder / "cut"

    def truth(self, table: str) -> list[tuple[Any, ...]]:
        """Give the rows that PostgreSQL has now, in order."""
        return self.tables.run(f"select * from {table} order by 1")

    @contextmanager
    def meeting(self, switch: Switch) -> Iterator[None]:
        """Switch a fault on when the first request for rows is about to be sent, and off at the end."""
        server = self.connection._source.server
        export, on = server.export, list[AbstractContextManager[None]]()

        def and_first(sql: str, *, small: bool = False) -> Any:
            if not (small or on):
                on.append(switch(self))
                on[0].__enter__()
            return export(sql, small=small)

        server.export = and_first  # type: ignore[method-assign]
        try:
            yield
        finally:
            del server.export  # type: ignore[attr-defined]
            if on:
                on[0].__exit__(None, None, None)
