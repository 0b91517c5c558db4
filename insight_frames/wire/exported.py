"""Metabase's own JSON export as record batches: whole blocks at once where every byte of them is proven to be plain.

The quick way is never the judge: a block of which it cannot prove everything is read again, alone, by JSON's own reader
and value by value, which takes what can be had exactly and says of the rest in which row and column it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from ..pgtypes import BadValue
from . import keyed, shown
from .lines import give_back
from .listed import blocks, rows
from .parts import Parts
from .threads import in_threads
from .unpack import BadColumn, Layout, out_of_range, without_columns

BLOCK = 2 << 20  # bytes of the body that one thread reads at a time
BLOCK_COLUMN = 8 << 10  # and as many at least for each column, because a column has a cost of its own
ROWS = 1 << 11  # batches of fewer are put together: each column of a batch costs who takes it a call

# What is of another form says so itself, or Arrow's and Python's readers of numbers, moments and escapes do.
_OTHER = (BadValue, ValueError, ArithmeticError, LookupError, pa.ArrowException)
Columns = Sequence[Sequence[Any]]


def batch(columns: Columns, layout: Layout, era: int | None) -> pa.RecordBatch | BadColumn:
    """Make a record batch of values as JSON has them, or tell the first that does not fit."""
    made = []
    for place, (values, reading) in enumerate(zip(columns, layout.readings, strict=True)):
        try:
            made.append(shown.column(values, reading, era))
        except BadValue as bad:
            return BadColumn(place, bad, ())
    return pa.RecordBatch.from_arrays(made, schema=layout.schema)


def checked(made: pa.RecordBatch | BadColumn, layout: Layout, before: int) -> pa.RecordBatch:
    """Give a batch that was made; ValueOutOfRange for what was told in place of it, with so many rows before."""
    if isinstance(made, BadColumn):
        raise out_of_range(layout, made, before)
    return made


def _together(made: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Put batches together: one of them, or a few if Arrow can hold their texts in no less."""
    if len(made) < 2 or not made[0].num_columns:
        return made
    return list(pa.Table.from_batches(made).combine_chunks().to_batches())


@dataclass(frozen=True)
class Export:
    """One export: the columns, their keys in it, the version; how its rows are checked when they are read one by one.

    ``columns`` gives the values of rows by column, or raises an error for rows that are of another form. ``is_strange``
    tells of a batch whether that has to be asked of its rows although nothing but their values may be wrong.
    """

    layout: Layout
    keys: tuple[str, ...]
    era: int | None
    columns: Callable[[list[Any]], Columns]
    is_strange: Callable[[pa.RecordBatch], bool] = lambda _: False

    def batches(self, pieces: Iterable[bytes], where: str) -> Generator[pa.RecordBatch, None, None]:
        """Give the rows in record batches; ValueOutOfRange for a value that does not fit its column."""
        held: list[pa.RecordBatch] = []
        with closing(self._of_blocks(pieces, where)) as made:
            for one in made:
                held.append(one)
                if sum(each.num_rows for each in held) >= ROWS:
                    yield from _together(held)
                    held = []
        yield from _together(held)

    def _of_blocks(self, pieces: Iterable[bytes], where: str) -> Generator[pa.RecordBatch, None, None]:
        def work(block: Parts) -> pa.RecordBatch | BadColumn:
            quick = self._quick(block)
            made = self._one_by_one(block, where) if quick is None else quick
            give_back(len(self.keys))
            return made

        done, size = 0, max(BLOCK, BLOCK_COLUMN * len(self.keys))
        with closing(in_threads(work, blocks(pieces, where, size))) as landed:
            for made in landed:
                ready = checked(made, self.layout, done)
                done += ready.num_rows
                yield ready

    def _one_by_one(self, block: Parts, where: str) -> pa.RecordBatch | BadColumn:
        read = rows(block, where)
        columns = self.columns(read)
        return batch(columns, self.layout, self.era) if columns else without_columns(len(read))

    def _quick(self, block: Parts) -> pa.RecordBatch | None:
        if self._schema is None:
            return None
        with suppress(*_OTHER):
            made = self._finish(keyed.columns(block, self._schema))
            if not self.is_strange(made):
                return made
        return None

    @cached_property
    def _schema(self) -> pa.Schema | None:
        """The keys and what Arrow's reader makes of their values; None if it cannot."""
        types = [shown.json_type(one) for one in self.layout.readings]
        if None in types or not keyed.written_plainly(self.keys):
            return None
        return pa.schema(list(zip(self.keys, types, strict=True)))

    @cached_property
    def _alike(self) -> list[list[int]]:
        """Columns of one type whose values are not yet what they mean, so that they become it together."""
        groups: dict[Any, list[int]] = {}
        for place, one in enumerate(self.layout.readings):
            if shown.has_to_be_read(one.type):
                groups.setdefault((one.type.name, one.codec), []).append(place)
        return list(groups.values())

    def _finish(self, columns: list[pa.Array]) -> pa.RecordBatch:
        count = len(columns[0])
        for places in self._alike:
            given = pa.concat_arrays([columns[place] for place in places]) if len(places) > 1 else columns[places[0]]
            made = shown.at_once(given, self.layout.readings[places[0]], self.era)
            for i, place in enumerate(places):
                columns[place] = made.slice(i * count, count)
        return pa.RecordBatch.from_arrays(columns, schema=self.layout.schema)
