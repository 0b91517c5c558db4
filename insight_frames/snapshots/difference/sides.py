"""One table of one snapshot, read whole in batches of a few megabytes, and spread over buckets by its values.

Which file is read, and whether it is the one of the inventory, is the offline source's business; that all of its rows
came is checked here, because a comparison of a part of a table would call the rest new or gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from ...catalog import Table
from ...errors import SnapshotError, sentence
from ...progress import Progress
from ...sources.offline import OfflineSource
from .spill import Scratch, Spill
from .values import buckets

BATCH_ROWS = 65_536
BUCKET_BYTES = 12 << 20
_LARGEST = 2 * BUCKET_BYTES
_DEPTH = 3  # times that a bucket is split again: rows that stay together longer than that are the same ones
_MOST = 128  # buckets at a time: each piece of a batch that goes into one should be worth a write
_GROUP_PARTS = 4  # row groups are 32 MB at most

Arrays: TypeAlias = list[Any]
By: TypeAlias = Callable[[pa.RecordBatch], Arrays]


@dataclass
class Side:
    """A table and the source that holds it; what is read of it for the first time is told as progress."""

    source: OfflineSource
    table: Table
    rows: int
    progress: Progress
    _told: int = 0

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"{self.table.schema}.{self.table.name}"

    def schema(self) -> pa.Schema:
        """Say what is stored."""
        with self.source.file(self.table) as file:
            return file.schema_arrow

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give all rows; SnapshotError if the file is not the one of the inventory, is damaged or ends early."""
        seen = 0
        with self.source.file(self.table) as file:
            try:
                for group in range(file.num_row_groups):
                    size = file.metadata.row_group(group).num_rows // _GROUP_PARTS
                    for batch in file.iter_batches(min(BATCH_ROWS, max(size, 1)), row_groups=[group]):
                        seen += batch.num_rows
                        self._tell(seen)
                        yield batch
            except (OSError, pa.ArrowException) as error:
                raise self._damaged(got=type(error).__name__) from error
        if seen != self.rows:
            raise self._damaged(expected=f"{self.rows} rows", got=f"{seen} rows")

    def _tell(self, rows: int) -> None:
        """So many rows were read; a table that is read again tells nothing new."""
        self.progress.advance(max(0, rows - self._told))
        self._told = max(rows, self._told)

    def _damaged(self, **facts: str) -> SnapshotError:
        where = f"{self.label} in {self.source.path}"
        return SnapshotError(
            sentence("A file of the snapshot is damaged", where=where, try_="verify() tells what is wrong", **facts)
        )


def guess(sides: Iterable[Side]) -> int:
    """Guess by its first rows how many buckets the larger one of some tables needs."""
    largest = 0.0
    for side in sides:
        first = next(side.batches(), None)
        if first is not None:
            largest = max(largest, side.rows * first.nbytes / first.num_rows)
    return count_for(int(largest))


def count_for(size: int) -> int:
    """How many buckets hold so many bytes."""
    return min(_MOST, size // BUCKET_BYTES + 1)


def spread(
    batches: Iterable[pa.RecordBatch],
    by: By,
    scratch: Scratch,
    count: int,
    *,
    salt: int = 0,
    schema: pa.Schema,
) -> Spill:
    """Put rows into buckets: rows with the same values in the columns that `by` gives go into the same one."""
    spill = Spill(scratch, schema, count)
    for batch in batches:
        if count == 1:
            by(batch)  # it also checks
            spill.add(batch)
            continue
        places = buckets(by(batch), batch.num_rows, count, salt)
        order = np.argsort(places, kind="stable")
        ends = np.cumsum(np.bincount(places, minlength=count))
        sorted_ = batch.take(pa.array(order))
        for bucket, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if end > start:
                spill.add(sorted_.slice(start, end - start), bucket)
    return spill


def meet(
    scratch: Scratch,
    old: Spill,
    new: Spill,
    by: tuple[By, By],
    each: Callable[[pa.RecordBatch, pa.RecordBatch], None],
    depth: int = 1,
) -> None:
    """Give `each` the rows of both sides bucket by bucket; a bucket that came out too large is spread again."""
    for bucket in range(len(old)):
        size = max(old.bytes(bucket), new.bytes(bucket))
        if size <= _LARGEST or depth > _DEPTH:
            each(old.batch(bucket), new.batch(bucket))
            continue
        parts = [
            spread(_gathered(one.batches(bucket)), how, scratch, count_for(size), salt=depth, schema=one.schema)
            for one, how in zip((old, new), by, strict=True)
        ]
        meet(scratch, parts[0], parts[1], by, each, depth + 1)


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches, so that there is something to spread."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size > _LARGEST // _GROUP_PARTS:
            yield pa.concat_batches(held)
            held, size = [], 0
    if held:
        yield pa.concat_batches(held)
