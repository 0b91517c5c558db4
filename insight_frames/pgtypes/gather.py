"""Columns of numbers, gathered while their record batches arrive: no column is held in Arrow and in pandas at once.

Values are copied into memory of the dtype that pandas will have as soon as they come, so that a batch can be let go;
memory is taken in growing pieces, which are put together, and given back, column by column at the end.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .fields import is_not_null, type_of
from .kinds import BadValue
from .perobject import per_object

Backend = Literal["numpy_nullable", "pyarrow"] | None
_EXACT = 2**53  # every integer up to here is a float64
# Not shared with processes that are forked, where a system can tell.
_PRIVATE: dict[str, int] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
_PIECE, _LARGEST = 1 << 17, 1 << 22  # rows of the second and of the largest piece of memory


@dataclass(frozen=True)
class Rules:
    """How frames are asked for.

    Attributes
    ----------
    backend : {None, "numpy_nullable", "pyarrow"}
        pandas' ``dtype_backend``.
    stable : bool
        True if dtypes must follow from the field alone, because more chunks will come.
    coerce_float : bool
        numeric as float64 (True) or as exact decimals.
    """

    backend: Backend = None
    stable: bool = False
    coerce_float: bool = True


def memory(size: int, dtype: Any) -> Any:
    """Give an array whose memory goes back to the system with it, where that of ``numpy.empty`` may stay with us."""
    return np.frombuffer(mmap.mmap(-1, size * dtype.itemsize, **_PRIVATE), dtype)


class Gathered:
    """The values of a column (0 where NULL, if NULLs are asked for as a mask) and which of them are NULL."""

    def __init__(self, dtype: Any, take: Callable[[Any], Any], *, masked: bool = True) -> None:
        self.dtype, self.rows = dtype, 0
        self._take, self._masked = take, masked
        self._pieces: list[Any] = []
        self._room = 0  # rows still free in the last piece
        self._nulls: list[tuple[int, int, Any]] = []  # from which row on, of how many, a bit for each

    def add(self, chunk: Any) -> None:
        """Take over an Arrow array."""
        values = self._take(chunk)
        if self._masked and chunk.null_count:
            mask: Any = pc.is_null(chunk).to_numpy(zero_copy_only=False)
            values = np.where(mask, np.zeros(1, values.dtype), values)
            self._nulls.append((self.rows, len(mask), np.packbits(mask)))
        if not self.rows and len(values):  # often these are all
            self._pieces.append(np.array(values, self.dtype))
            self.rows, values = len(values), ()
        while len(values):
            if not self._room:
                self._grow(len(values))
            part, values = values[: self._room], values[self._room :]
            last = self._pieces[-1]
            start = len(last) - self._room
            last[start : start + len(part)] = part
            self._room -= len(part)
            self.rows += len(part)

    def _grow(self, wanted: int) -> None:
        size = max(wanted, min(_LARGEST, max(_PIECE, self.rows)))
        self._pieces.append(memory(size, self.dtype))
        self._room = size

    @property
    def has_nulls(self) -> bool:
        return bool(self._nulls)

    @property
    def first_null(self) -> int:
        start, count, bits = self._nulls[0]
        return int(start + np.flatnonzero(np.unpackbits(bits, count=count))[0])

    def mask(self) -> Any:
        """Tell of every row whether it is NULL."""
        whole = np.zeros(self.rows, np.bool_)
        for start, count, bits in self._nulls:
            whole[start : start + count] = np.unpackbits(bits, count=count)
        return whole

    def within(self, low: int, high: int) -> bool:
        """Tell whether all values lie between the two."""
        ends = [(part.min(), part.max()) for part in self._parts()]
        return all(low <= least and most <= high for least, most in ends)

    def write(self, out: Any) -> None:
        """Write all values to ``out``, and let go of them."""
        start = 0
        for part in self._parts():
            out[start : start + len(part)] = part
            start += len(part)
        self._pieces, self._room = [], 0

    def values(self) -> Any:
        """Give all values in memory of their own, and let go of them."""
        if len(self._pieces) == 1 and not self._room:
            return self._pieces.pop()
        out = np.empty(self.rows, self.dtype)
        self.write(out)
        return out

    def _parts(self) -> list[Any]:
        if not self._pieces:
            return []
        *full, last = self._pieces
        return [*full, last[: len(last) - self._room]]


class Numbers:
    """A column of integers, floats, booleans or moments on its way into a frame.

    Raises
    ------
    BadValue
        From `target`, if a NOT NULL column of a chunked frame holds a NULL.
    """

    def __init__(self, field: pa.Field[Any], rules: Rules) -> None:
        self._field, self._rules = field, rules
        self._nullable = rules.backend == "numpy_nullable"
        dtype = _dtype(field)
        if dtype == _MOMENT:
            self._held = Gathered(dtype, _moments, masked=False)
        elif dtype == np.float64:
            self._held = Gathered(dtype, _buffer if self._nullable else _floats, masked=self._nullable)
        else:
            self._held = Gathered(dtype, _buffer)

    def add(self, chunk: Any) -> None:
        """Take over an Arrow array."""
        self._held.add(chunk)

    def target(self) -> Any:
        """Give the numpy dtype that the column has now that all of it came; None if it is no plain numpy column."""
        held, field = self._held, self._field
        if held.dtype == _MOMENT:
            return None if _is_zoned(field.type) else held.dtype
        if self._nullable:
            return None
        if held.dtype == np.float64 or self._whole():
            return held.dtype
        if held.dtype == np.bool_:
            return None
        if self._rules.stable:
            as_float = field.type != pa.int64() or type_of(field).name == "oid"
        else:
            as_float = held.within(-_EXACT, _EXACT)
        return np.dtype(np.float64) if as_float else None

    def _whole(self) -> bool:
        """True if the dtype needs no room for NULL: there is none, or (stable) there can be none."""
        if not self._rules.stable:
            return not self._held.has_nulls
        if is_not_null(self._field) and self._held.has_nulls:
            why = "it is NULL in a column that the catalogue calls NOT NULL"
            raise BadValue(self._held.first_null, "", why)
        return is_not_null(self._field)

    def write(self, out: Any) -> None:
        """Write the column to ``out``, an array of the dtype `target`."""
        held = self._held
        held.write(out)
        if held.has_nulls and out.dtype == np.float64:
            out[held.mask()] = np.nan

    def array(self) -> Any:
        """Give the column as an array of its own."""
        held, target = self._held, self.target()
        if target is not None and target != held.dtype:
            out = np.empty(held.rows, target)
            self.write(out)
            return out
        values = held.values()
        if target is not None:
            return values
        if held.dtype == _MOMENT:
            return pd.array(values, dtype=_UTC, copy=False)
        if held.dtype == np.bool_ and not self._nullable:
            objects = values.astype(object)
            objects[held.mask()] = None
            return objects
        return _MASKED[held.dtype.kind](values, held.mask())


_US = pa.timestamp("us")
_MOMENT = np.dtype("M8[us]")
_UTC = pd.DatetimeTZDtype("us", "UTC")
_MASKED: dict[str, Callable[[Any, Any], Any]] = {
    "i": pd.arrays.IntegerArray,
    "f": pd.arrays.FloatingArray,
    "b": pd.arrays.BooleanArray,
}


def gathers(field: pa.Field[Any], rules: Rules) -> bool:
    """Tell whether a column's values can be gathered as numbers."""
    return rules.backend != "pyarrow" and _dtype(field) is not None


@per_object
def _dtype(field: pa.Field[Any]) -> Any:
    """Give the numpy dtype in which a column's values are gathered; None if they are no numbers."""
    type_ = field.type
    if pa.types.is_floating(type_):
        return None if pa.types.is_float16(type_) else np.dtype(np.float64)
    if pa.types.is_integer(type_):
        return None if type_ == pa.uint64() else np.dtype(np.int64)
    if pa.types.is_boolean(type_):
        return np.dtype(np.bool_)
    return _MOMENT if pa.types.is_timestamp(type_) or pa.types.is_date(type_) else None


def numbers(column: pa.ChunkedArray[Any], dtype: Any) -> tuple[Any, Any]:
    """Values (0 where NULL) in memory of their own, and the mask of the NULLs or None."""
    held = Gathered(np.dtype(dtype), _buffer)
    for chunk in column.chunks:
        held.add(chunk)
    return held.values(), held.mask() if held.has_nulls else None


def _is_zoned(type_: Any) -> bool:
    return bool(pa.types.is_timestamp(type_) and type_.tz is not None)


def _moments(chunk: Any) -> Any:
    type_ = chunk.type
    if type_ != _US:  # a zone is nothing but a mark
        chunk = chunk.view(_US) if _is_zoned(type_) and type_.unit == "us" else chunk.cast(_US)
    return chunk.to_numpy(zero_copy_only=False)


def _floats(chunk: Any) -> Any:
    return chunk.to_numpy(zero_copy_only=False)


def _buffer(chunk: Any) -> Any:
    """The numbers of an array with NULLs, whatever stands in their place: pyarrow would make floats of them."""
    if not chunk.null_count:
        return chunk.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(chunk.type):
        return pc.fill_null(chunk, False).to_numpy(zero_copy_only=False)
    whole = np.frombuffer(chunk.buffers()[1], chunk.type.to_pandas_dtype())
    return whole[chunk.offset : chunk.offset + len(chunk)]
