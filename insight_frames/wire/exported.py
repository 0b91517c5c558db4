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

import numpy as np
import pyarrow as pa

from ..pgtypes import BadValue
from . import shown
from .listed import OtherForm, blocks, rows
from .parted import Keys, Tokens, parted
from .unpack import BadColumn, Layout, in_threads, out_of_range, without_columns

BLOCK = 1 << 20  # bytes of the body that one thread reads at a time
BLOCK_COLUMN = 16 << 10  # and as many more for each column, because a column has a cost of its own
ROWS = 1 << 12  # batches of fewer are put together: each column of a batch costs who takes it a call

# What is of another form says so itself, or Arrow's and Python's readers of numbers, moments and escapes do.
_OTHER = (OtherForm, BadValue, ValueError, ArithmeticError, LookupError, pa.ArrowException)
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
        def work(block: bytearray) -> pa.RecordBatch | BadColumn:
            quick = self._quick(block)
            return self._one_by_one(block, where) if quick is None else quick

        done, size = 0, BLOCK + BLOCK_COLUMN * len(self.keys)
        with closing(in_threads(work, blocks(pieces, where, size))) as landed:
            for made in landed:
                ready = checked(made, self.layout, done)
                done += ready.num_rows
                yield ready

    def _one_by_one(self, block: bytearray, where: str) -> pa.RecordBatch | BadColumn:
        read = rows(block, where)
        columns = self.columns(read)
        return batch(columns, self.layout, self.era) if columns else without_columns(len(read))

    def _quick(self, block: bytearray) -> pa.RecordBatch | None:
        if self._plan is None:
            return None
        keys, groups = self._plan
        with suppress(*_OTHER):
            made = self._columns(parted(block, keys), groups)
            if not self.is_strange(made):
                return made
        return None

    @cached_property
    def _plan(self) -> tuple[Keys, list[list[int]]] | None:
        """The keys, and which columns are of one type, so that they become what they are together."""
        keys = Keys.of(self.keys)
        if keys is None or any(shown.is_quoted(one.type) is None for one in self.layout.readings):
            return None
        groups: dict[Any, list[int]] = {}
        for place, one in enumerate(self.layout.readings):
            groups.setdefault((one.type.name, one.codec), []).append(place)
        return keys, list(groups.values())

    def _columns(self, tokens: Tokens, groups: Sequence[Sequence[int]]) -> pa.RecordBatch:
        made: dict[int, pa.Array] = {}
        for places in groups:
            values = self._values(tokens, np.array(places))
            for i, place in enumerate(places):
                made[place] = values.slice(i * tokens.rows, tokens.rows) if len(places) > 1 else values
        return pa.RecordBatch.from_arrays([made[place] for place in range(len(made))], schema=self.layout.schema)

    def _values(self, tokens: Tokens, places: Any) -> pa.Array:
        """Give the values of columns of one type, one column after the other."""
        reading = self.layout.readings[places[0]]
        if shown.is_text(reading.type):
            return tokens.texts_of(places)
        quoted = bool(shown.is_quoted(reading.type))
        return tokens.made_of(places, quoted=quoted, make=lambda found: shown.at_once(found, reading, self.era))
