"""When two values are one: equal to the last bit, NaN equal to NaN, NULL to NULL only, and -0.0 not to 0.0.

That is what the content hash of a table means by equal, so that whatever makes two hashes differ is found here too.
Rows are found by codes and never by hashes; hashes only spread them over buckets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import pgtypes

_STEP = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_MANY = 1 << 62


def comparable(column: pa.Array, field: pa.Field[Any]) -> pa.Array:
    """Bring a stored column into a type whose equality in Arrow is the one meant here."""
    if pa.types.is_floating(column.type):
        known = pc.if_else(pc.is_nan(column), pa.scalar(math.nan, column.type), column)
        return known.view(pa.int32() if pa.types.is_float32(column.type) else pa.int64())
    return text(column, field) if pa.types.is_nested(column.type) else column


def text(column: pa.Array, field: pa.Field[Any]) -> pa.Array:
    """Write a stored column as PostgreSQL prints it."""
    return pgtypes.from_field(field).to_text(column)


def differs(old: pa.Array, new: pa.Array) -> Any:
    """Say row by row whether two comparable columns differ."""
    unequal = pc.fill_null(pc.not_equal(old, new), False)
    if old.null_count or new.null_count:
        unequal = pc.or_(unequal, pc.xor(old.is_null(), new.is_null()))
    return unequal.to_numpy(zero_copy_only=False)


def codes(columns: Sequence[pa.Array], rows: int) -> Any:
    """Give every row a number: the same number if, and only if, all its values are the same."""
    if len(columns) == 1 and pa.types.is_integer(columns[0].type) and not columns[0].null_count:
        return columns[0].cast(pa.int64()).to_numpy()
    found, size = np.zeros(rows, np.int64), 1
    for column in columns:
        coded = column.dictionary_encode()
        more = len(coded.dictionary) + 1
        if size > _MANY // more:
            _, found = np.unique(found, return_inverse=True)
            size = rows
        found = found * more + coded.indices.fill_null(more - 1).to_numpy()
        size *= more
    return found


def buckets(columns: Sequence[pa.Array], rows: int, count: int, salt: int = 0) -> Any:
    """Spread rows over buckets by their values; another salt spreads them otherwise."""
    mixed = np.full(rows, salt, np.uint64)
    for column in columns:
        mixed = (mixed ^ _numbers(column)) * _STEP
        mixed ^= mixed >> _HALF
    return (mixed % np.uint64(count)).astype(np.int64)


def _numbers(column: pa.Array) -> Any:
    """Give every value a number; different values may share one."""
    type_ = column.type
    if pa.types.is_decimal(type_):
        column, type_ = column.cast(pa.string()), pa.string()
    if pa.types.is_string(type_) or pa.types.is_binary(type_):
        coded = column.cast(pa.binary()).dictionary_encode()
        sums = np.fromiter(map(crc32, [*coded.dictionary.to_pylist(), b"\0"]), np.uint64)
        return sums[coded.indices.fill_null(len(sums) - 1).to_numpy()]
    if pa.types.is_boolean(type_) or pa.types.is_uint32(type_):
        column = column.cast(pa.int64())
    elif type_.bit_width == 64:
        column = column.view(pa.int64())
    elif type_.bit_width == 32:
        column = column.view(pa.int32()).cast(pa.int64())
    return pc.fill_null(column.cast(pa.int64()), -1).to_numpy().view(np.uint64)
