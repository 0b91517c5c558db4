"""Columns that Arrow holds until the frame is made: texts, decimals, lists.

Their chunks are brought into their last type when they come, and in frames that follow one another long texts get
memory of their own, because what the allocator keeps between the pieces of one frame is lost to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .gather import memory

_LONG = 1 << 16  # bytes of texts, from which on memory of their own is worth its price
_PIECE = 1 << 22  # bytes of memory that are taken at a time: a process has a limited number of such pieces


class Chunks:
    """The chunks of a column that Arrow holds until the end, in the type that it will have then.

    They are of that type as soon as they come, because several columns of a batch can share memory, which stays as
    long as one of them does. With ``apart``, long texts are copied to memory that goes back to the system with them:
    of one frame behind the other, some of each would stay between what was made of the next one.
    """

    def __init__(self, type_: pa.DataType, *, apart: bool = False) -> None:
        self._type, self._apart = type_, apart
        self._held: list[Any] = []
        self._room: Any = np.empty(0, np.uint8)

    def add(self, chunk: Any) -> None:
        """Take over an Arrow array."""
        made = chunk if chunk.type == self._type else chunk.cast(self._type)
        self._held.append(self._copied(made) if self._apart and made.type == pa.large_string() else made)

    def take(self) -> pa.ChunkedArray[Any]:
        """Give them, and let go of them."""
        taken, self._held = self._held, []
        return pa.chunked_array(taken, self._type)

    def _copied(self, texts: Any) -> Any:
        """Give many or long texts with their bytes in memory of their own."""
        _, places, data = texts.buffers()
        ends = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        start, size = int(ends[0]), int(ends[-1] - ends[0])
        if size < _LONG:
            return texts
        if size > len(self._room):
            self._room = memory(max(size, _PIECE), np.dtype(np.uint8))
        copy, self._room = self._room[:size], self._room[size:]
        copy[:] = np.frombuffer(data, np.uint8)[start : start + size]
        valid = None
        if texts.null_count:
            valid = pa.py_buffer(np.packbits(texts.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
        buffers = [valid, pa.py_buffer(ends - start), pa.py_buffer(copy)]
        return pa.Array.from_buffers(texts.type, len(texts), buffers, texts.null_count)
