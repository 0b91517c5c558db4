"""Record batches set aside on disk in buckets, so that a table of any size is compared a bucket at a time.

All of them stand in one temporary file that has no name wherever the system allows it: it is gone when it is closed,
also after a kill, and nobody else can open it meanwhile.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from types import TracebackType

import pyarrow as pa

from ...errors import SnapshotError, sentence


class Scratch:
    """A temporary file to put bytes into and get them back from; deleted when it is closed or collected."""

    def __init__(self) -> None:
        self._end = 0
        try:
            self._file = tempfile.TemporaryFile(prefix="insight-frames-", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise _full(error) from error
        weakref.finalize(self, self._file.close)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything."""
        self._file.close()

    def put(self, data: pa.Buffer) -> tuple[int, int]:
        """Append bytes; give their place and number."""
        place, rest = self._end, memoryview(data)
        try:
            self._file.seek(place)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _full(error) from error
        self._end += data.size
        return place, data.size

    def get(self, place: int, size: int) -> pa.Buffer:
        """Give bytes back."""
        self._file.seek(place)
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            count = self._file.readinto(rest)
            if not count:
                raise SnapshotError(sentence("A temporary file was cut off", where=tempfile.gettempdir()))
            rest = rest[count:]
        return pa.py_buffer(data)


class Spill:
    """Record batches of one schema by bucket.

    Parameters
    ----------
    scratch : Scratch
        Where the bytes go; several may share one.
    schema : pyarrow.Schema
        Of all batches.
    buckets : int
        How many there are.
    """

    def __init__(self, scratch: Scratch, schema: pa.Schema, buckets: int = 1) -> None:
        self.schema = schema
        self._scratch = scratch
        self._segments: list[list[tuple[int, int]]] = [[] for _ in range(buckets)]

    def __len__(self) -> int:
        return len(self._segments)

    def add(self, batch: pa.RecordBatch, bucket: int = 0) -> None:
        """Put a batch aside."""
        self._segments[bucket].append(self._scratch.put(batch.serialize()))

    def bytes(self, bucket: int = 0) -> int:
        """How large a bucket is."""
        return sum(size for _, size in self._segments[bucket])

    def batches(self, bucket: int = 0) -> Iterator[pa.RecordBatch]:
        """Give a bucket's batches in the order in which they came."""
        for place, size in self._segments[bucket]:
            yield pa.ipc.read_record_batch(self._scratch.get(place, size), self.schema)

    def batch(self, bucket: int = 0) -> pa.RecordBatch:
        """Give a bucket as one batch."""
        whole = pa.Table.from_batches(self.batches(bucket), self.schema).combine_chunks().to_batches()
        return whole[0] if whole else pa.RecordBatch.from_pylist([], self.schema)


def _full(error: OSError) -> SnapshotError:
    return SnapshotError(
        sentence(
            "The comparison cannot write its temporary file",
            where=tempfile.gettempdir(),
            got=error.strerror or type(error).__name__,
            try_="free space there, or name another folder in the environment variable TMPDIR",
        )
    )
