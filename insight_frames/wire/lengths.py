"""Texts that travel one behind the other, parted by how many bytes each has, whatever signs stand in them.

A single column is the text itself with other marks for NULL, which costs nothing; of several, each is copied out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


class OtherLength(Exception):
    """The texts of a row are not as long as was told."""


def within(texts: pa.StringArray) -> tuple[Any, pa.Buffer]:
    """Give where each text begins and the last one ends, and the bytes in which they lie."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return places, data if data is not None else pa.py_buffer(b"")


def by_length(lengths: Sequence[pa.Int64Array], together: pa.StringArray) -> list[pa.StringArray]:
    """Give one column for each array of lengths; a length that is NULL is a NULL.

    ``together`` has the texts of each row, one behind the other; a NULL there is an empty text.

    Raises
    ------
    OtherLength
        A row's texts are longer or shorter together than they should be.
    ArrowInvalid
        They are no UTF-8, or are parted inside a character.
    """
    offsets, data = within(together)
    count, columns = len(together), len(lengths)
    told: Any = pa.concat_arrays(lengths) if columns > 1 else lengths[0]
    nulls: Any = told.is_null().to_numpy(zero_copy_only=False)
    sizes: Any = (told.fill_null(0) if told.null_count else told).to_numpy().reshape(columns, count)
    if np.any(sizes < 0) or not np.array_equal(sizes.sum(axis=0), np.diff(offsets)):
        raise OtherLength
    if columns == 1:
        made = _array(offsets, data, told.is_valid().buffers()[1] if told.null_count else None, told.null_count)
        made.validate(full=True)
        return [made]
    ends = offsets[0] + np.cumsum(sizes.T.ravel())
    whole = _array(np.concatenate((offsets[:1], ends.astype(np.int32))), data)
    whole.validate(full=True)
    by_column = np.arange(count * columns).reshape(count, columns).T.ravel()
    parted = whole.take(pa.array(by_column, mask=nulls if told.null_count else None))
    return [parted.slice(place * count, count) for place in range(columns)]


def _array(offsets: Any, data: pa.Buffer, valid: pa.Buffer | None = None, nulls: int = 0) -> pa.StringArray:
    made: Any = pa.Array.from_buffers(pa.string(), len(offsets) - 1, [valid, pa.py_buffer(offsets), data], nulls)
    return made
