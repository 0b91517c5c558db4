"""The values of many columns at once: what stands behind each taken off, its dot, and their lengths counted.

One array holds the columns one after the other, because a call for each of several hundred columns costs more than what
it does; only columns behind which texts of one length stand can be put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_DOT = ord(".")
_NULL = int.from_bytes(b"null", "little")
_FAR = 1 << 31  # behind the end of every text; without a stop pyarrow 26 adds one to the largest integer
_WORD = 8  # bytes that are compared at a time


class Changed(Exception):
    """A text without the dot that it was sent with."""


class OtherForm(Exception):
    """Something else than objects with the keys asked for (inside ``wire``: or than the CSV reader can read)."""


@dataclass(frozen=True)
class Values:
    """Columns of text, and how many characters the values of each row have together, with the dot of each."""

    columns: list[pa.StringArray]
    lengths: np.ndarray[Any, np.dtype[np.int64]]


def undotted(columns: Sequence[pa.StringArray], behind: Sequence[str]) -> Values:
    """Take the dot off each text, and what stands behind it: for each column one text, all of one length.

    What has no dot must be NULL: nothing, or ``null``; Changed otherwise. OtherForm if something else stands behind.
    """
    count, ends = len(columns[0]), [one.encode() for one in behind]
    width = len(ends[0])
    whole: Any = pa.concat_arrays(columns) if len(columns) > 1 else columns[0]
    texts = _Texts(whole)
    _check_ends(texts, ends, count)
    dotted = texts.lengths > width
    dotted &= texts.first_bytes() == _DOT
    _check_nulls(texts, np.flatnonzero(~dotted), width)
    nulls = len(dotted) - int(np.count_nonzero(dotted))
    valid = pa.py_buffer(np.packbits(dotted, bitorder="little")) if nulls else None
    masked = pa.Array.from_buffers(pa.binary(), len(whole), [valid, *whole.buffers()[1:]], nulls, whole.offset)
    if whole.offset and nulls:  # the mask would be read from the offset on
        masked = pa.Array.from_buffers(pa.binary(), len(whole), [valid, texts.moved(), whole.buffers()[2]], nulls)
    bare = pc.binary_slice(masked, 1, -width or _FAR).view(pa.string())
    return Values(_parts(bare, len(columns), count), _lengths(bare, dotted, len(columns), count))


class _Texts:
    """The bytes of an array of texts, and where each begins."""

    def __init__(self, texts: Any) -> None:
        _, offsets, data = texts.buffers()
        self.offsets = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        self.data = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        self.lengths = np.diff(self.offsets)

    def first_bytes(self) -> Any:
        """Give the first byte of each text; of an empty one, any."""
        if not len(self.data):
            return np.zeros(len(self.lengths), np.uint8)
        return self.data.take(self.offsets[:-1], mode="clip")

    def words(self, ends: Any, size: int) -> Any:
        """Give the ``size`` bytes before each of the places as one number, the first byte the smallest."""
        found = np.zeros(len(ends), np.uint64)
        early = np.flatnonzero(ends < _WORD)
        if len(self.data) >= _WORD:
            window: Any = np.ndarray(len(self.data) - _WORD + 1, "<u8", self.data, 0, (1,))
            found = window[np.maximum(ends, _WORD) - _WORD] >> np.uint64(8 * (_WORD - size))
        for place in early:
            found[place] = int.from_bytes(bytes(self.data[ends[place] - size : ends[place]]), "little")
        return found

    def moved(self) -> pa.Buffer:
        """Give the offsets for an array that begins with the first of these texts."""
        return pa.py_buffer(self.offsets)


def _check_ends(texts: _Texts, behind: Sequence[bytes], count: int) -> None:
    """Raise OtherForm unless each text ends as those of its column must."""
    width = len(behind[0])
    if len(texts.lengths) and int(texts.lengths.min()) < width:
        raise OtherForm
    for start in range(0, width, _WORD):  # from the end on
        size = min(_WORD, width - start)
        parts = [one[width - start - size : width - start] for one in behind]
        expected = np.array([int.from_bytes(one, "little") for one in parts], np.uint64)
        found = texts.words(texts.offsets[1:] - start, size).reshape(len(behind), count)
        if not np.array_equal(found, np.broadcast_to(expected[:, None], found.shape)):
            raise OtherForm


def _check_nulls(texts: _Texts, places: Any, width: int) -> None:
    """Raise Changed unless the texts at these places are ``null`` or nothing before what stands behind them."""
    rest = texts.lengths[places] - width
    written = places[rest == 4]
    if np.count_nonzero(rest) != len(written):
        raise Changed
    if len(written) and np.any(texts.words(texts.offsets[1:][written] - width, 4) != _NULL):
        raise Changed


def _parts(whole: pa.StringArray, columns: int, count: int) -> list[pa.StringArray]:
    if columns == 1:
        return [whole]
    return [whole.slice(place * count, count) for place in range(columns)]


def _lengths(bare: pa.StringArray, dotted: Any, columns: int, count: int) -> Any:
    characters = pc.utf8_length(bare)
    if characters.null_count:
        characters = pc.fill_null(characters, 0)
    held = characters.to_numpy(zero_copy_only=False) + dotted
    return held.reshape(columns, count).sum(axis=0, dtype=np.int64)
