"""Two states of a table without a key, compared as multisets: how many copies of each row came or went.

Rows that are the same in one batch are counted before they are put aside, so that a table of few different rows takes
no room; a row that was changed is one that went and another one that came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .columns import Pair
from .keyed import Counts
from .lines import Lines
from .sides import Side, guess, meet, spread
from .spill import Scratch
from .values import codes, comparable

KEYS = [pa.field("row", pa.int64()), pa.field("copies", pa.int64())]


class Multiset:
    """The comparison of one table by whole rows.

    Parameters
    ----------
    columns : sequence of Pair
        Those in both snapshots whose values can be compared.
    lines : Lines
        Where to tell what is found; its keys are ``row``, a number of a row of its own, and ``copies``.
    """

    def __init__(self, columns: Sequence[Pair], lines: Lines) -> None:
        self.counts = Counts()
        self._pairs, self._lines = columns, lines
        self._schema = pa.schema([*(one.shown for one in columns), KEYS[1]])
        self._number = 0

    def compare(self, old: Side, new: Side) -> Counts:
        """Compare all rows."""
        if not self._pairs:
            self.counts.added, self.counts.removed = max(0, new.rows - old.rows), max(0, old.rows - new.rows)
            return self.counts
        count = guess((old, new))
        with Scratch() as scratch:
            old_spill, new_spill = (
                spread(self._counted(side, place), self._by, scratch, count, schema=self._schema)
                for place, side in enumerate((old, new))
            )
            meet(scratch, old_spill, new_spill, (self._by, self._by), self._bucket)
        self._lines.flush()
        return self.counts

    def _counted(self, side: Side, place: int) -> Iterator[pa.RecordBatch]:
        """Give each different row of a batch once, with the number of its copies."""
        for batch in side.batches():
            columns = [(one.new if place else one.old)(batch.column(one.name)) for one in self._pairs]
            yield self._once(columns, pa.repeat(pa.scalar(1, pa.int64()), batch.num_rows))

    def _once(self, columns: list[Any], copies: Any) -> pa.RecordBatch:
        found = codes(self._comparable(columns), len(copies))
        _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
        sums = np.zeros(len(first), np.int64)
        np.add.at(sums, inverse, copies.to_numpy())
        places = pa.array(first)
        return pa.RecordBatch.from_arrays([*(one.take(places) for one in columns), pa.array(sums)], schema=self._schema)

    def _comparable(self, columns: list[Any]) -> list[Any]:
        return [comparable(one, pair.shown) for one, pair in zip(columns, self._pairs, strict=True)]

    def _by(self, batch: pa.RecordBatch) -> list[Any]:
        return self._comparable(batch.columns[:-1])

    def _bucket(self, old: pa.RecordBatch, new: pa.RecordBatch) -> None:
        """Set the copies after against those before."""
        joint = [pa.concat_arrays([before, after]) for before, after in zip(old.columns, new.columns, strict=True)]
        columns, copies = joint[:-1], joint[-1].to_numpy().copy()
        copies[: old.num_rows] *= -1
        balance = self._once(columns, pa.array(copies))
        more = balance.column(len(columns)).to_numpy()
        self._tell(balance, more > 0, more, True)
        self._tell(balance, more < 0, -more, False)

    def _tell(self, balance: pa.RecordBatch, chosen: Any, copies: Any, added: bool) -> None:
        places = pa.array(np.flatnonzero(chosen))
        rows = len(places)
        if not rows:
            return
        numbers = pa.array(np.arange(self._number + 1, self._number + rows + 1))
        self._number += rows
        many = copies[chosen]
        if added:
            self.counts.added += int(many.sum())
        else:
            self.counts.removed += int(many.sum())
        part = balance.take(places)
        columns = {one.name: (part.column(at), one.shown) for at, one in enumerate(self._pairs)}
        self._lines.add_rows([numbers, pa.array(many)], "added" if added else "removed", columns)
