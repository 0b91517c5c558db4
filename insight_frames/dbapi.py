"""A cursor as DB-API 2.0 (PEP 249) describes it, so that ``pd.read_sql(sql, connection)`` and its kin work.

It reads only: there is nothing to commit. pandas guesses dtypes from the rows, as it does with every such connection;
:func:`insight_frames.read_sql` knows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pyarrow as pa

from .errors import InvalidInput, sentence
from .pgtypes import type_of
from .question import sql_question
from .reading import Source
from .sql.placeholders import named

_NUMBERS = ("numeric", "money")


class Cursor:
    """Runs one query at a time over a connection; made by ``connection.cursor()``.

    Attributes
    ----------
    description : list of tuple or None
        Of each column seven values, of which the first is its name and the second its type in PostgreSQL's words.
    rowcount : int
        Rows fetched once all have come, else -1.
    arraysize : int
        How many rows ``fetchmany`` gives if it is not told.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open = ExitStack()
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self._closed = False
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self.arraysize = 1

    def execute(self, sql: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> Cursor:
        """Run a query; values are ``:name`` or ``%(name)s`` with a mapping, ``%s`` with a list or tuple."""
        self._end()
        if self._closed:
            raise InvalidInput(sentence("The cursor is closed", try_="connection.cursor()"))
        text, values = named(sql, params) if isinstance(sql, str) else (sql, None)
        stream = self._open.enter_context(self._source.open(sql_question(text, params=values, numbers="digits")))
        self.description = [
            (one.name, type_of(one).text, None, None, None, None, one.nullable) for one in stream.schema
        ]
        self._rows = self._counted(stream)
        return self

    def executemany(self, sql: str, params: Sequence[Any]) -> None:
        """Refuse: it is for statements that write."""
        raise InvalidInput(sentence("executemany() is for statements that write, and this connection only reads"))

    def fetchone(self) -> tuple[Any, ...] | None:
        """Give the next row, None behind the last."""
        return next(self._asked(), None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Give the next rows, as many as there are up to ``size``."""
        rows = self._asked()
        return [one for _, one in zip(range(self.arraysize if size is None else size), rows, strict=False)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give all rows that are left."""
        return list(self._asked())

    def setinputsizes(self, sizes: object) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, size: object, column: object = None) -> None:
        """Do nothing, as PEP 249 allows."""

    def close(self) -> None:
        """End it, and the query with it if rows are left."""
        self._end()
        self._closed = True

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._asked()

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _asked(self) -> Iterator[tuple[Any, ...]]:
        if self._rows is None:
            raise InvalidInput(sentence("There are no rows to fetch", try_="execute() first"))
        return self._rows

    def _counted(self, stream: Any) -> Iterator[tuple[Any, ...]]:
        for batch in stream:
            yield from _tuples(batch)
        self.rowcount = stream.rows
        self._open.close()

    def _end(self) -> None:
        self._open.close()
        self._rows, self.description, self.rowcount = None, None, -1


def _tuples(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Give rows as Python's own values; digits become Decimal, which rounds nothing."""
    if not batch.num_columns:
        return iter([()] * batch.num_rows)
    return zip(*(_values(batch.column(i), field) for i, field in enumerate(batch.schema)), strict=True)


def _values(column: Any, field: pa.Field[Any]) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if type_of(field).name in _NUMBERS and field.type == pa.string():
        return [None if one is None else Decimal(one) for one in values]
    return values
