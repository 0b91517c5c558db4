"""The tidy lines of one table's comparison: key, what happened, column, old value, new value.

Values are PostgreSQL's own text, because one column holds those of all types and 1.10 is to stay apart from 1.1; the
key keeps its types. Lines wait on disk, so that a table in which everything changed takes no more memory than another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from .spill import Scratch, Spill
from .values import text

Change = Literal["added", "removed", "changed"]
CHANGES: tuple[Change, ...] = ("added", "removed", "changed")
TIDY = ("change", "column", "old", "new")
_PENDING_BYTES = 1 << 20


class Lines:
    """The lines of one table.

    Parameters
    ----------
    scratch : Scratch
        Where they wait.
    keys : list of pyarrow.Field
        What names a row.
    columns : list of str
        Of the table, in the order in which a row's lines are to stand.

    Attributes
    ----------
    count : int
        How many lines there are.
    longest : int
        Bytes of the longest text in one of them.
    """

    def __init__(self, scratch: Scratch, keys: Sequence[pa.Field[Any]], columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self.count = self.longest = 0
        self.keys = [one.with_name(name) for one, name in zip(keys, _apart([one.name for one in keys]), strict=True)]
        facts = [("change", pa.int8()), ("column", pa.int16()), ("old", pa.string()), ("new", pa.string())]
        self._spill = Spill(scratch, pa.schema([*self.keys, *(pa.field(name, type_) for name, type_ in facts)]))
        self._pending: list[pa.RecordBatch] = []
        self._bytes = 0

    @classmethod
    def none(cls) -> Lines:
        """No lines: those of a table in which nothing is different, or which is in one of the snapshots only."""
        return cls(Scratch(), [], [])

    @property
    def schema(self) -> pa.Schema:
        """Of what `batches` and `sorted` give."""
        return pa.schema([*self.keys, *(pa.field(name, pa.string()) for name in TIDY)])

    def add(self, keys: Sequence[Any], change: Change, column: str | None, old: Any = None, new: Any = None) -> None:
        """Add one line for each row of `keys`; `old` and `new` are text."""
        rows = len(keys[0])
        if not rows:
            return
        place = None if column is None else self.columns.index(column)
        told = [pa.nulls(rows, pa.string()) if one is None else one for one in (old, new)]
        marks = [pa.repeat(pa.scalar(CHANGES.index(change), pa.int8()), rows)]
        marks.append(pa.repeat(pa.scalar(place, pa.int16()), rows))
        batch = pa.RecordBatch.from_arrays([*keys, *marks, *told], schema=self._spill.schema)
        self.count += rows
        self.longest = max(self.longest, *(_longest(one) for one in (*keys, *told)))
        self._pending.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > _PENDING_BYTES:
            self.flush()

    def add_rows(self, keys: Sequence[Any], change: Change, columns: dict[str, tuple[Any, pa.Field[Any]]]) -> None:
        """Add what came or went: a line for each value, and one without a column for a row that is all NULL."""
        empty = pa.repeat(True, len(keys[0]))
        for name, (column, field) in columns.items():
            known = column.is_valid()
            empty = pc.and_(empty, pc.invert(known))
            told = text(column.filter(known), field)
            self.add([one.filter(known) for one in keys], change, name, **{_SIDE[change]: told})
        self.add([one.filter(empty) for one in keys], change, None)

    def flush(self) -> None:
        """Put what is pending on disk."""
        batches, self._pending, self._bytes = self._pending, [], 0
        for one in pa.Table.from_batches(batches, self._spill.schema).combine_chunks().to_batches():
            self._spill.add(one)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give the lines as they were found."""
        for one in self._spill.batches():
            yield self._told(one)

    def sorted(self) -> pa.RecordBatch:
        """Give all lines by key, and those of one row in the order of the columns."""
        whole = self._spill.batch()
        sorted_by = zip(whole.columns[: len(self.keys) + 2], whole.schema, strict=False)
        by = {str(place): _sortable(column, field) for place, (column, field) in enumerate(sorted_by)}
        order = pc.sort_indices(pa.table(by), sort_keys=[(one, "ascending") for one in by])
        return self._told(whole.take(order))

    def _told(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        width = len(self.keys)
        change = pa.array(CHANGES).take(batch.column(width))
        column = pa.array(self.columns, pa.string()).take(batch.column(width + 1))
        arrays = [*batch.columns[:width], change, column, *batch.columns[width + 2 :]]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


_SIDE = {"added": "new", "removed": "old"}


def _apart(names: list[str]) -> list[str]:
    """Keep key columns apart from the columns of a line, should one be called like them."""
    found: list[str] = []
    for name in names:
        while name in TIDY or name in found or (name in names and name != names[len(found)]):
            name = f"key.{name}"
        found.append(name)
    return found


def _longest(column: Any) -> int:
    if not (pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
        return 0
    return pc.max(pc.binary_length(column)).as_py() or 0


def _sortable(column: Any, field: pa.Field[Any]) -> Any:
    return text(column, field) if pa.types.is_nested(column.type) else column
