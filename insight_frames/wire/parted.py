"""Takes a block of an export apart into the tokens behind its keys, all rows at once, without a Python object for each.

All objects of an export have the same keys in one order, so that the places of the colons behind the keys tell where
each value stands. What is not proven to be that, byte for byte, is left to JSON's own reader by an OtherForm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .listed import OtherForm

_QUOTE, _COLON, _BACKSLASH, _CLOSE = b'":\\}'
_MEANT = ord("x")  # put behind each backslash while the places are looked for: no byte that has a meaning
_NULL = b"null"
_WORD = 8  # bytes that are compared at a time
_LEAST = 16  # bytes of a block that are worth it
_BYTES, _VALUES = 1 << 18, 1 << 15  # looked at together, so that what is made of them stays near the processor


@dataclass(frozen=True)
class Keys:
    """The keys of an export as its objects write them, in any order."""

    quoted: tuple[bytes, ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> Keys | None:
        """Give the keys; None for a name twice, or one that is written with escapes, in which servers differ."""
        with suppress(UnicodeEncodeError):
            quoted = tuple(json.dumps(one, ensure_ascii=False).encode() for one in names)
            if quoted and len(set(quoted)) == len(quoted) and not any(_BACKSLASH in one for one in quoted):
                return cls(quoted)
        return None

    def order(self, block: bytes | bytearray) -> list[int]:
        """Give the keys' order in the first object: what is found here is proven for all of them later."""
        places = [block.find(one + b":") for one in self.quoted]
        return sorted(range(len(places)), key=places.__getitem__)


@dataclass(frozen=True)
class Tokens:
    """The values of a block: numbers and words as they stand there, texts without quotes, and which of them are what.

    ``found`` holds what stands in the block between the quotes or commas, each value followed by what separates it from
    the next one. ``nulls`` and ``texts`` have a row for each object and a column for each key in its order there, which
    ``places`` tells for the keys as they were given.
    """

    found: pa.StringArray
    nulls: Any
    texts: Any
    places: Any
    escaped: bool

    @property
    def rows(self) -> int:
        return len(self.nulls)

    def texts_of(self, keys: Sequence[int]) -> pa.StringArray:
        """Give the values of some keys, one key after the other; OtherForm unless all are texts or NULL."""
        places = self.places[keys]
        nulls = self._nulls_of(places, quoted=True)
        index = pa.array(self._index(places), mask=nulls if nulls.any() else None)
        return self._meant(self.found.take(index))

    def made_of(self, keys: Sequence[int], *, quoted: bool, make: Callable[[pa.StringArray], pa.Array]) -> pa.Array:
        """Make a column of the values of some keys that are not NULL; OtherForm unless all are texts, or none is."""
        places = self.places[keys]
        nulls, index = self._nulls_of(places, quoted=quoted), self._index(places)
        there = ~nulls
        found = self.found.take(pa.array(index[there] if nulls.any() else index))
        made = make(self._meant(found) if quoted else found)
        return (
            made
            if len(made) == len(index)
            else pc.replace_with_mask(pa.nulls(len(index), made.type), pa.array(there), made)
        )

    def _index(self, places: Any) -> Any:
        width = self.nulls.shape[1]
        return np.add.outer(2 * places, np.arange(0, 2 * width * self.rows, 2 * width)).ravel()

    def _nulls_of(self, places: Any, *, quoted: bool) -> Any:
        nulls, texts = self.nulls[:, places], self.texts[:, places]
        if not np.all(texts | nulls) if quoted else np.any(texts):
            raise OtherForm
        return nulls.T.ravel()

    def _meant(self, texts: pa.StringArray) -> pa.StringArray:
        """Undo the escapes, by the reader that knows them all."""
        if not self.escaped:
            return texts
        mask = pc.fill_null(pc.match_substring(texts, "\\"), False)
        if not mask.true_count:
            return texts
        written = texts.filter(mask).to_pylist()
        read = json.loads("[" + ",".join(f'"{one}"' for one in written) + "]")
        if len(read) != len(written):
            raise OtherForm
        return pc.replace_with_mask(texts, mask, pa.array(read, pa.string()))


def parted(block: bytes | bytearray, keys: Keys) -> Tokens:
    """Take whole objects apart that have these keys in one order; OtherForm if that cannot be proven of them."""
    order = keys.order(block)
    opening = b"{" + keys.quoted[order[0]]
    if len(block) < _LEAST or not (block.startswith(opening + b":") and block[-1] == _CLOSE):
        raise OtherForm
    codes, escaped = _neutral(block)
    lined = b"\n" in block
    before = _before((b"},\n" if lined else b"},") + opening, tuple(keys.quoted[one] for one in order[1:]))
    places = _places(codes, len(order), len(opening))
    offsets, firsts = _values(codes, places, before)
    texts = firsts == _QUOTE
    if np.count_nonzero(codes < ord(" ")) != (len(texts) - 1 if lined else 0):
        raise OtherForm  # a control byte inside a text
    if np.count_nonzero(codes == _QUOTE) != 2 * (texts.size + np.count_nonzero(texts)):
        raise OtherForm  # a quote inside a text
    _check_utf8(block)
    found: Any = pa.Array.from_buffers(
        pa.string(), 2 * texts.size, [None, pa.py_buffer(offsets), pa.py_buffer(block)], 0
    )
    return Tokens(found, firsts == _NULL[0], texts, np.argsort(order), escaped)


def _neutral(block: bytes | bytearray) -> tuple[Any, bool]:
    """Give the block's bytes, with none behind a backslash that could be taken for one of JSON's; whether any was."""
    if _BACKSLASH not in block:
        return np.frombuffer(block, np.uint8), False
    codes = np.frombuffer(bytearray(block.replace(b"\\\\", b"\\x")), np.uint8)  # each backslash left begins an escape
    behind = np.flatnonzero(codes == _BACKSLASH) + 1
    if behind[-1] == len(codes):
        raise OtherForm
    codes[behind] = _MEANT
    return codes, True


def _places(codes: Any, width: int, first: int) -> Any:
    """Give the places of colons behind quotes: those behind the keys, if there are as many as there should be."""
    found = []
    for start in range(0, len(codes) - 1, _BYTES):
        part = codes[start : start + _BYTES + 1]
        hits = np.flatnonzero((part[:-1] == _QUOTE) & (part[1:] == _COLON))
        found.append((hits + (start + 1)).astype(np.int32))
    places: Any = np.concatenate(found)
    if len(places) % width:  # texts that begin with a colon
        places = places[np.diff(places, prepend=-_WORD) != 2]
    if not len(places) or len(places) % width or places[0] != first:
        raise OtherForm
    return places


@dataclass(frozen=True)
class _Before:
    """What stands before the colon of each key, by eight bytes from its end on, and behind the value before it.

    Each of ``words`` is: which keys have so many, what they are, how many of their bits belong to something else.
    """

    lengths: Any
    words: tuple[tuple[Any, Any, Any], ...]


@lru_cache(8)
def _before(first: bytes, others: tuple[bytes, ...]) -> _Before:
    """Prepare the comparison; ``first`` begins behind the last value of the object before."""
    texts = [first, *(b"," + one for one in others)]
    words = []
    for start in range(0, max(map(len, texts)), _WORD):
        columns = [place for place, one in enumerate(texts) if len(one) > start]
        parts = [texts[one][: len(texts[one]) - start][-_WORD:] for one in columns]
        expected = np.array([int.from_bytes(one, "little") for one in parts], np.uint64)
        unused = np.array([8 * (_WORD - len(one)) for one in parts], np.uint64)
        words.append((slice(None) if len(columns) == len(texts) else columns, expected, unused))
    return _Before(np.array([len(one) for one in texts]), tuple(words))


def _values(codes: Any, places: Any, before: _Before) -> tuple[Any, Any]:
    """Give where each value begins and ends, without its quotes, and its first byte; OtherForm for another key."""
    width = len(before.lengths)
    count, behind = len(places), np.roll(before.lengths, -1)
    offsets, firsts = np.empty(2 * count + 1, np.int32), np.empty(count, np.uint8)
    offsets[-1] = len(codes)
    places = np.append(places, len(codes) - 1 + before.lengths[0])  # as if another object followed
    step = max(1, _VALUES // width) * width
    for at in range(0, count, step):
        here = places[at : at + step + 1].astype(np.intp)
        colons = here[:-1].reshape(-1, width)
        _check_keys(codes, colons, before, begin=not at)
        starts, ends = here[:-1] + 1, (here[1:].reshape(-1, width) - behind).ravel()
        if not np.all(ends > starts):
            raise OtherForm
        first = firsts[at : at + step] = codes[starts]
        nulls, texts = first == _NULL[0], first == _QUOTE
        _check_values(codes, starts, ends, nulls, texts)
        offsets[2 * at : 2 * (at + len(first)) : 2] = starts + texts
        offsets[2 * at + 1 : 2 * (at + len(first)) : 2] = ends - texts
    return offsets, firsts.reshape(-1, width)


def _check_keys(codes: Any, colons: Any, before: _Before, *, begin: bool) -> None:
    """OtherForm unless each key stands before its colon; the first of all is known to stand there."""
    ends = colons.copy()
    if begin:
        ends[0, 0] = ends[-1, -1]
        if ends.min() < _WORD * len(before.words):
            raise OtherForm
    window = np.ndarray(len(codes) - _WORD + 1, "<u8", codes, 0, (1,))
    for columns, expected, unused in before.words:
        ends -= _WORD
        found = window[ends[:, columns]]  # `take` would copy the window out
        found >>= unused
        if begin and 0 in (columns if isinstance(columns, list) else [0]):
            found[0, 0] = expected[0]
        if not np.all(found == expected):
            raise OtherForm


def _check_values(codes: Any, starts: Any, ends: Any, nulls: Any, texts: Any) -> None:
    """OtherForm unless all that begins like ``null`` is that, and what begins with a quote ends with another one."""
    begins, stops = starts[nulls], ends[nulls]
    if not np.all(stops - begins == len(_NULL)):
        raise OtherForm
    if not all(np.all(codes[place:][begins] == one) for place, one in enumerate(_NULL) if place):
        raise OtherForm
    begins, stops = starts[texts], ends[texts] - 1
    if not np.all(stops > begins) or not np.all(codes[stops] == _QUOTE):
        raise OtherForm


def _check_utf8(block: bytes | bytearray) -> None:
    if not block.isascii():
        offsets = np.array([0, len(block)], np.int32)
        pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(block)]).validate(full=True)
