"""One session of PostgreSQL: transactions that only read, and the rows of packed statements as they come.

Statements are plain queries and not COPY: PostgreSQL gives a query its snapshot when all its tables are locked, and
COPY before, so that COPY would see nothing of a table that a refresh exchanges meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from functools import cache
from typing import Any

from ..wire import limits
from ..wire.cells import Cell, cut
from .address import driver
from .troubles import meaning

# What an Insight server's sessions have, so that the same statement says the same through either door.
SETTINGS = (
    "set local TimeZone to 'UTC'",
    "set local DateStyle to 'ISO, MDY'",
    "set local IntervalStyle to 'postgres'",
    "set local extra_float_digits to 3",
    "set local bytea_output to 'hex'",
)
MOMENT = "repeatable read"
_STATEMENT = "read committed"


class Link:
    """One session. Every use of it is a transaction that begins with `begin` and ends with `end` or `drop`."""

    def __init__(self, session: Any, where: str) -> None:
        self._session, self.where = session, where
        self.clean = True  # no transaction is open, and the session can be used again

    def begin(self, *, moment: bool = False, snapshot: str | None = None) -> None:
        """Begin: every statement sees its own moment; or all see one (``moment``), be it another session's snapshot.

        READ ONLY stands in the BEGIN itself, where no setting of role, pooler or query can take it away again.
        """
        head = f"begin isolation level {MOMENT if moment else _STATEMENT} read only; "
        if snapshot is not None:
            head += f"set transaction snapshot '{snapshot}'; "
        self.clean = False
        self.run(head + "; ".join(SETTINGS))

    def run(self, text: str) -> None:
        """Run statements that give no rows."""
        with self._said():
            self._session.execute(text.encode())

    def rows(self, text: str) -> list[tuple[str | None, ...]]:
        """Run a small statement whose columns are text."""
        with self._said():
            cursor = self._session.execute(text.encode())
            return [tuple(one) for one in cursor.fetchall()]

    def stream(self, text: str) -> Generator[tuple[bytes | None, ...], None, None]:
        """Give rows of text columns, as bytes, while the server still makes them; ends only with the server's word."""
        with self._said():
            cursor = self._session.cursor()
            cursor.adapters.register_loader("text", _loader())
            with closing(cursor.stream(text.encode(), binary=True)) as rows:
                yield from rows

    def cells(self, text: str) -> Generator[Cell, None, None]:
        """Give the cells of a packed statement, whose rows need no unescaping."""
        with closing(self.stream(text)) as rows:
            for row in rows:
                yield _cell(row, self.where)

    def end(self) -> None:
        """End the transaction and with it every setting that a query has made."""
        self.run("rollback")
        self.clean = True

    def drop(self) -> None:
        """Cancel what the server is doing and hang up; safe from any thread, and twice."""
        self.clean = False
        with suppress(Exception):  # whatever fails here: the error that brought us here is the one to be told
            self._session.cancel_safe(timeout=5)
        with suppress(Exception):
            self._session.close()

    def cancel(self) -> None:
        """Cancel what the server is doing, from another thread than the one that waits for it."""
        with suppress(Exception):
            self._session.cancel_safe(timeout=5)

    def _said(self) -> _Said:
        return _Said(self.where)


class _Said:
    """Within it, an error of psycopg becomes one of ours, with nothing of the statement in its chain."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is not None and isinstance(error, driver().Error):
            made = meaning(error, self._where)
            made.__cause__ = None
            raise made from None


@cache
def _loader() -> Any:
    psycopg = driver()

    class Raw(psycopg.adapt.Loader):  # type: ignore[name-defined,misc]
        """Text as the bytes in which it came."""

        format = psycopg.pq.Format.BINARY

        def load(self, data: Any) -> bytes:
            return bytes(data)

    return Raw


def _cell(row: Sequence[bytes | None], where: str) -> Cell:
    t, m, n, text = row
    key = int(t or 0)
    if text is None or key < 0:  # a row of ours is read as if it had come in JSON
        return Cell(key, m or b"", n or b"", None if text is None else json.dumps(text.decode()).encode()[1:-1])
    limits.check_cell(len(text), where)
    end = text.rfind(b"\n") + 1
    rows, _, size = text[end:].partition(b" ")
    if not (rows.isdigit() and size.isdigit()):
        raise cut(where, "a cell of another shape")
    return Cell(key, m or b"", n or b"", text[:end], int(rows), int(size))
