"""A snapshot as a source of another one: its stored rows, those that pass a cut's tests, in the columns that are left.

What a snapshot rests on passes to what is made of it: the same moment, the same evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from ..catalog import Table
from ..sources.duckfilter import bare
from ..sources.offline import OfflineSource
from .conditions import Filter, Test, stored

Place = tuple[str, str]  # schema and table


class SiftedBatches:
    """Record batches of some tables of a snapshot."""

    def __init__(self, source: OfflineSource, tables: Sequence[Table], tests: Mapping[Place, Sequence[Test]]) -> None:
        self._source, self._tables, self._tests = source, tables, tests
        summary = source.manifest["insight"]
        facts = {key: summary[key] for key in ("consistency", "statements", "taken")}
        self.evidence: dict[str, Any] = {**summary["evidence"], **facts}
        self.whole: dict[int, dict[str, Any]] = {}  # what is on a disk needs no second attempt
        self.schemas: list[pa.Schema] = [self._schema(one) for one in tables]

    def _schema(self, table: Table) -> pa.Schema:
        with self._source.file(self._source.table(table.schema, table.name)) as file:
            return pa.schema([file.schema_arrow.field(one.name) for one in table.columns])

    def __iter__(self) -> Iterator[tuple[int, pa.RecordBatch | None]]:
        for index, table in enumerate(self._tables):
            names = [one.name for one in table.columns]
            if not names:  # no column tells how many rows there are
                yield index, bare(table.rows_estimate or 0)
                continue
            sift = Filter(self._tests[table.schema, table.name], self._source)
            for batch in stored(self._source, table.schema, table.name, [*names, *sift.columns]):
                kept = sift(batch)
                if kept.num_rows:
                    yield index, kept.select(names)


class SiftedSource:
    """Opens them."""

    def __init__(self, source: OfflineSource, tests: Mapping[Place, Sequence[Test]]) -> None:
        self._source, self._tests = source, tests

    @contextmanager
    def open_tables(self, tables: Sequence[Table], **_: Any) -> Iterator[SiftedBatches]:
        """Open the tables; nothing can move in them."""
        yield SiftedBatches(self._source, tables, self._tests)
