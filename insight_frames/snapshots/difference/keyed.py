"""Two states of a table compared by key: which rows came, went or changed, and in which columns.

Both are spread over buckets by the key, so that equal keys meet and memory does not follow the table's size; within a
bucket whole columns are compared at once. A key that is NULL or stands twice is no key, and is told by an exception.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .columns import Pair
from .lines import Lines
from .sides import Side, guess, meet, spread
from .spill import Scratch
from .values import codes, comparable, differs, text


class NotAKey(Exception):
    """The columns do not name a row each; the text says why."""


@dataclass
class Counts:
    """How many rows are different, and how many values in each column."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    cells: Counter[str] = field(default_factory=Counter)


class Keyed:
    """The comparison of one table by key.

    Parameters
    ----------
    key, values : sequence of Pair
        The columns of the key, and the others that can be compared.
    schemas : (pyarrow.Schema, pyarrow.Schema)
        What is stored before and after.
    lines : Lines
        Where to tell what is found.
    """

    def __init__(
        self, key: Sequence[Pair], values: Sequence[Pair], schemas: tuple[pa.Schema, pa.Schema], lines: Lines
    ) -> None:
        self.counts = Counts()
        self._key, self._values, self._schemas, self._lines = key, values, schemas, lines

    def compare(self, old: Side, new: Side) -> Counts:
        """Compare all rows; NotAKey if the key is none."""
        count = guess((old, new))
        with Scratch() as scratch:
            old_spill, new_spill = (
                spread(side.batches(), self._checked(place), scratch, count, schema=self._schemas[place])
                for place, side in enumerate((old, new))
            )
            meet(scratch, old_spill, new_spill, (self._columns(0), self._columns(1)), self._bucket)
        self._lines.flush()
        return self.counts

    def _columns(self, side: int) -> Callable[[pa.RecordBatch], list[Any]]:
        return lambda batch: [comparable(one, pair.shown) for one, pair in self._keys(batch, side)]

    def _checked(self, side: int) -> Callable[[pa.RecordBatch], list[Any]]:
        give = self._columns(side)

        def columns(batch: pa.RecordBatch) -> list[Any]:
            found = give(batch)
            if any(one.null_count for one in found):
                raise NotAKey(f"it holds NULL in the {('old', 'new')[side]} snapshot")
            _distinct(codes(found, batch.num_rows), side)
            return found

        return columns

    def _keys(self, batch: pa.RecordBatch, side: int) -> list[tuple[Any, Pair]]:
        return [(_bring(pair, side)(batch.column(pair.name)), pair) for pair in self._key]

    def _bucket(self, old: pa.RecordBatch, new: pa.RecordBatch) -> None:
        keys = [[one for one, _ in self._keys(batch, side)] for side, batch in enumerate((old, new))]
        joint = [
            comparable(pa.concat_arrays([before, after]), pair.shown)
            for before, after, pair in zip(*keys, self._key, strict=True)
        ]
        found = codes(joint, old.num_rows + new.num_rows)
        old_codes, new_codes = found[: old.num_rows], found[old.num_rows :]
        _distinct(old_codes, 0)
        _distinct(new_codes, 1)
        _, at_old, at_new = np.intersect1d(old_codes, new_codes, assume_unique=True, return_indices=True)
        self._rows(old, keys[0], at_old, 0)
        self._rows(new, keys[1], at_new, 1)
        self._changed(old, new, at_old, at_new, keys[1])

    def _rows(self, batch: pa.RecordBatch, keys: list[Any], matched: Any, side: int) -> None:
        """Tell the rows of one side that the other one has not."""
        alone = np.ones(batch.num_rows, np.bool_)
        alone[matched] = False
        places = pa.array(np.flatnonzero(alone))
        if side:
            self.counts.added += len(places)
        else:
            self.counts.removed += len(places)
        if not len(places):
            return
        part, names = batch.take(places), {pair.name for pair in self._key}
        columns = {one.name: (part.column(one.name), one) for one in batch.schema if one.name not in names}
        self._lines.add_rows([one.take(places) for one in keys], "added" if side else "removed", columns)

    def _changed(self, old: pa.RecordBatch, new: pa.RecordBatch, at_old: Any, at_new: Any, keys: list[Any]) -> None:
        """Tell the values that differ in rows that both have."""
        before_places, after_places = pa.array(at_old), pa.array(at_new)
        touched = np.zeros(len(at_old), np.bool_)
        for pair in self._values:
            before = pair.old(old.column(pair.name).take(before_places))
            after = pair.new(new.column(pair.name).take(after_places))
            different = differs(comparable(before, pair.shown), comparable(after, pair.shown))
            places = pa.array(np.flatnonzero(different))
            if not len(places):
                continue
            touched |= different
            self.counts.cells[pair.name] += len(places)
            rows = after_places.take(places)
            told = [text(one.take(places), pair.shown) for one in (before, after)]
            self._lines.add([one.take(rows) for one in keys], "changed", pair.name, *told)
        self.counts.changed += int(np.count_nonzero(touched))


def _bring(pair: Pair, side: int) -> Callable[[Any], Any]:
    return pair.new if side else pair.old


def _distinct(found: Any, side: int) -> None:
    if len(np.unique(found)) < len(found):
        raise NotAKey(f"it names several rows in the {('old', 'new')[side]} snapshot")
