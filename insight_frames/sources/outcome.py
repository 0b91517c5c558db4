"""What an answer's beginning, or its failure, means for the question: whose fault it is, and whether to ask again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ..errors import QueryFailed
from ..wire.cells import StaleCatalog
from ..wire.packed import ALIAS

# Failures of a statement that PostgreSQL has already accepted as a query: too big, too deep, or not known to a server.
_OURS = ("42", "53", "54", "58", "XX", "0A")
_STALE = ("42P01", "42703")  # no such table, no such column
_OURS_TEXT = ("heap space", "out of memory", "string buffer", "stack depth", "invalid memory alloc")


def now() -> str:
    """Give this moment in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def ours(error: QueryFailed) -> bool:
    """Whether a statement failed for what we made of it, not for what the user asked."""
    if error.sqlstate is not None:
        return error.sqlstate.startswith(_OURS) and error.position is None
    return any(one in error.server_message.lower() for one in _OURS_TEXT)


def stale(error: Exception) -> bool:
    """Whether a failure may mean that the catalogue is older than the table."""
    if isinstance(error, QueryFailed):
        ours = ALIAS in error.server_message  # fewer columns than we have names for
        return ours or error.sqlstate in _STALE or "does not exist" in error.server_message
    return isinstance(error, StaleCatalog)


def started(batches: Generator[pa.RecordBatch, None, None]) -> Generator[pa.RecordBatch, None, None]:
    """Run a generator up to its first batch, so that what is wrong with the question is raised when it is opened.

    The one given back has been started too: closing a generator that never ran would not close what is behind it.
    """
    first = next(batches, None)

    def rest() -> Generator[Any, None, None]:
        with closing(batches):
            yield None
            if first is not None:
                yield first
            yield from batches

    begun = rest()
    next(begun)
    return begun
