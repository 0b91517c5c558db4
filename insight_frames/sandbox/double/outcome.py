"""A question's way as data: the statement it becomes, on whose behalf it runs, its columns and rows, or how it
failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import pq


@dataclass
class Statement:
    """SQL as it goes to PostgreSQL (without the remark), and what the answer says about it."""

    sql: str
    args: list[Any] | None = None  # None: no parameters at all, question marks are PostgreSQL's own
    cols: list[dict[str, Any]] | None = None  # data.cols of a table question; None: read from the result
    native_form: dict[str, Any] | None = None  # None: {"query": sql, "params": args} as the era does
    bare: bool = True  # rows of a table, not aggregated: the lower row cap applies
    limit: int | None = None  # the question's own limit


@dataclass
class Context:
    """On whose behalf a query runs, as failed answers and file names repeat it."""

    name: str = "ad-hoc"  # "question" for a card
    card_id: int | None = None
    stem: str = "query_result"  # of the file name


class QueryError(Exception):
    """A question that failed; it becomes the era's *failed* result, not an HTTP error."""

    def __init__(
        self,
        error: str,
        *,
        java: str = "class clojure.lang.ExceptionInfo",
        error_type: str | None = None,
        state: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.java = java  # the class of the exception, repeated in the answer
        self.error_type = error_type
        self.state = state  # SQLSTATE
        self.extra = extra or {}  # further keys of the failed answer


@dataclass
class Column:
    """One column of a result as PostgreSQL describes it."""

    name: str
    oid: int
    typmod: int
    type_name: str  # as pg_type has it: int4, timestamptz, _text ...
    key: bool = False  # of a table, as the question's metadata says


class Result:
    """A statement that has begun to answer: its columns, then its rows in chunks that are read once."""

    def __init__(
        self,
        columns: list[Column],
        chunks: Iterator[pq.abc.PGresult],
        limit: int,
        give_back: Callable[[], None] | None = None,
    ) -> None:
        self.columns = columns
        self._give_back = give_back
        self._chunks = chunks
        self._left = limit

    def chunks(self) -> Iterator[tuple[pq.abc.PGresult, int]]:
        """Chunks with the number of rows to take from each; raises :class:`QueryError` for a late failure."""
        try:
            for chunk in self._chunks:
                count = min(chunk.ntuples, self._left)
                self._left -= count
                yield chunk, count
                if self._left <= 0:
                    return
        finally:
            self.close()

    def close(self) -> None:
        """Give up what was not read; the connection goes back."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        if self._give_back is not None:  # a generator that has not begun runs nothing when it is closed
            self._give_back()
