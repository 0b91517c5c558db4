"""One session of PostgreSQL that gives Arrow columns: ADBC, which reads COPY's binary rows without Python.

It is twice as fast for the server and used where that is safe: in a transaction that has locked its tables, because
COPY takes its snapshot before it locks. Whatever goes wrong in it is told by asking again over a plain session.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing, suppress
from importlib import import_module
from typing import Any

import pyarrow as pa

from .link import MOMENT, SETTINGS

log = logging.getLogger("insight_frames")

PIECE = 1 << 21  # bytes of a record batch, about
_SAME_ORDER = "set local max_parallel_workers_per_gather to 0", "set local synchronize_seqscans to off"


class ArrowFailed(Exception):
    """ADBC could not do it (internal: the rows are read in another way, or that way tells what is wrong)."""


class ArrowLink:
    """One ADBC session; every error in it is ArrowFailed, without the server's text."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._cursor = session.cursor(adbc_stmt_kwargs={"adbc.postgresql.batch_size_hint_bytes": str(PIECE)})

    def begin(self, snapshot: str) -> None:
        """Begin a transaction that only reads and sees another session's snapshot, rows in their order on disk."""
        self.run(f"begin isolation level {MOMENT} read only")
        self.run(f"set transaction snapshot '{snapshot}'")
        for one in (*SETTINGS, *_SAME_ORDER, "set local idle_in_transaction_session_timeout to 0"):
            self.run(one)

    def run(self, text: str) -> None:
        """Run one statement; what rows it gives are thrown away."""
        with _Failing():
            self._cursor.execute(text)
            self._cursor.fetchall() if self._cursor.description else None

    def batches(self, text: str) -> Generator[pa.RecordBatch, None, None]:
        """Give a query's rows as they come; ends only with the server's word that these were all."""
        with _Failing():
            self._cursor.execute(text)
            with closing(self._cursor.fetch_record_batch()) as reader:
                yield from reader

    def cancel(self) -> None:
        """Cancel what the server is doing, from another thread than the one that waits for it."""
        with suppress(Exception):
            self._cursor.adbc_cancel()

    def drop(self) -> None:
        """Cancel what the server is doing and hang up; safe twice."""
        self.cancel()
        for one in (self._cursor, self._session):
            with suppress(Exception):  # whatever fails here: the error that brought us here is the one to be told
                one.close()


class _Failing:
    """Within it, an error of ADBC becomes ArrowFailed."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, OSError | pa.ArrowException) or hasattr(error, "sqlstate"):
            raise ArrowFailed(getattr(error, "sqlstate", None) or type(error).__name__) from None


def open_arrow(conninfo: Any) -> ArrowLink | None:
    """Open a session by libpq's words in a Secret; None if ADBC is not installed, or cannot go there."""
    try:
        adbc = import_module("adbc_driver_postgresql.dbapi")
    except ImportError:
        return None
    try:
        return ArrowLink(adbc.connect(conninfo.reveal(), autocommit=True))
    except Exception as error:  # its text may hold what was revealed
        log.info("ADBC cannot be used here (%s); reading packed rows", type(error).__name__)
        return None
