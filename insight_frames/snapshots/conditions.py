"""The conditions of a data cut, once as PostgreSQL's words and once over record batches: both mean the same rows.

A condition is a list of tests, each along a chain of links. A test is positive, where a missing value passes nothing,
or negative, where only what is surely meant is left out: days that are missing are kept or dropped by choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import sql
from ..clinical.cuts import Chain
from ..errors import InvalidInput, sentence
from ..sources.offline import OfflineSource


@dataclass(frozen=True)
class Test:
    """A test of one table's rows: its chain ends in one of ``listed``, or in a day until ``until``."""

    schema: str
    chain: Chain
    listed: tuple[str, ...] = ()
    until: date | None = None
    zoned: bool = False
    negative: bool = False

    def sql(self, *, shown: bool = False) -> str:
        """Write it over the alias t; ``shown``: with names in place of values."""
        hit = self._sql(0, shown)
        return f"({hit}) is not true" if self.negative else hit

    def _sql(self, place: int, shown: bool) -> str:
        alias = f"t{place or ''}"
        if place < len(self.chain.links):
            link = self.chain.links[place]
            inner = f"t{place + 1}"
            return (
                f"{alias}.{sql.identifier(link.column)} in (select {inner}.{sql.identifier(link.references)}"
                f" from {sql.qualified(self.schema, link.table)} {inner} where {self._sql(place + 1, shown)})"
            )
        column = f"{alias}.{sql.identifier(self.chain.column)}"
        if self.until is None:
            return f"{column}::text = any ({':participants' if shown else sql.literal(list(self.listed))})"
        day = ":until + 1" if shown else sql.literal(self._end())
        return f"{column} {'>=' if self.negative else '<'} {day}"

    def _end(self) -> date:
        """Give the first moment that is no longer meant; a moment with a zone is seen in UTC."""
        assert self.until is not None
        end = self.until + timedelta(days=1)
        return datetime(end.year, end.month, end.day, tzinfo=UTC) if self.zoned else end

    def prepare(self, source: OfflineSource) -> _Prepared:
        """Look up what the chain leads to, in a snapshot."""
        if not self.chain.links:
            return _Prepared(self, self.chain.column, None)
        link = self.chain.links[0]
        rest = Test(
            self.schema,
            Chain(self.chain.links[1:], self.chain.column),
            self.listed,
            self.until,
            self.zoned,
            self.negative,
        ).prepare(source)
        found: list[pa.Array[Any]] = []
        for batch in stored(source, self.schema, link.table, [link.references, rest.column]):
            found.append(_plain(batch.column(link.references).filter(rest.hits(batch))).drop_null())
        return _Prepared(self, link.column, pa.chunked_array(found).unique() if found else pa.array([], pa.string()))

    def leaf(self, values: pa.Array[Any]) -> pa.Array[Any]:
        """Say which values of the last column are hits; a missing one is none."""
        if self.until is None:
            return pc.is_in(values.cast(pa.string()), value_set=pa.array(self.listed, pa.string()))
        if pa.types.is_string(values.type):
            raise InvalidInput(
                sentence(
                    f"The days in {self.chain.column!r} are kept as text: at least one does not fit Arrow",
                    where="until=",
                    try_="another column in rules=, or a cut taken live",
                )
            )
        end = pa.scalar(self._end())
        if pa.types.is_timestamp(values.type) and not self.zoned:
            end = end.cast(values.type)
        compare = pc.greater_equal if self.negative else pc.less
        return pc.fill_null(compare(values, end), False)


@dataclass(frozen=True)
class _Prepared:
    """A test over batches: by the values that its first link may have, or by the column itself."""

    test: Test
    column: str
    allowed: pa.Array[Any] | None

    def hits(self, batch: pa.RecordBatch) -> pa.Array[Any]:
        values = batch.column(self.column)
        if self.allowed is None:
            return self.test.leaf(values)
        if not len(self.allowed):
            return pa.array([False] * len(values), pa.bool_())
        values, allowed = _plain(values), self.allowed
        if values.type != allowed.type:
            values, allowed = values.cast(pa.string()), allowed.cast(pa.string())
        return pc.is_in(values, value_set=allowed)

    def keeps(self, batch: pa.RecordBatch) -> pa.Array[Any]:
        hits = self.hits(batch)
        return pc.invert(hits) if self.test.negative else hits


class Filter:
    """Keeps the rows of a table's batches that pass all tests."""

    def __init__(self, tests: Iterable[Test], source: OfflineSource) -> None:
        self._tests = [one.prepare(source) for one in tests]
        self.columns = [one.column for one in self._tests]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for one in self._tests:
            batch = batch.filter(one.keeps(batch))
        return batch


def stored(source: OfflineSource, schema: str, table: str, columns: Sequence[str]) -> Iterable[pa.RecordBatch]:
    """Give a table's batches as they are stored, with some columns."""
    known = source.table(schema, table)
    names = list(dict.fromkeys(columns))
    with source.file(known) as file:
        yield from (batch.select(names) for batch in file.iter_batches(columns=names))


def _plain(values: pa.Array[Any]) -> pa.Array[Any]:
    return values.cast(pa.int64() if pa.types.is_integer(values.type) else pa.string())
