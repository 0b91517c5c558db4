"""The content hash of a table: equal for equal rows, whatever their order, their file or the library that wrote it.

Row hashes are cryptographic and are added up, so that rows may come in any order and nothing has to be kept or sorted;
the encoding of a row below is fixed by this text and numpy, so that it can be computed again without this package.

**Version 1.** Each column has an *encoding*, named after how the file stores it, and each row is written as bytes:

1. For every column, in order, a fixed part: one byte, 1 for a value and 0 for NULL, followed by

   =====================  =============================================================================================
   ``bool``               1 byte, 0 or 1
   ``int16 int32 int64``  2, 4, 8 bytes, two's complement (``uint32``: 4 bytes)
   ``float32 float64``    4, 8 bytes, IEEE 754; every NaN is the quiet NaN 0x7FC00000 or 0x7FF8000000000000
   ``date``               4 bytes, signed days since 1970-01-01
   ``time timestamp``     8 bytes, signed microseconds since midnight, or since 1970-01-01 00:00 (in UTC with a zone)
   ``decimal(p,s)``       16 bytes up to p = 38, else 32: the value times 10^s, two's complement
   ``text bytes``         4 bytes: the number of bytes of the value (text as UTF-8); enums count as text
   ``list<...>``          4 bytes: the number of bytes of the value, which is the elements one after another, each
                          written as a row of one column
   =====================  =============================================================================================

   All numbers are little-endian. The bytes after the 0 of a NULL are zero.
2. Then the bytes of every ``text``, ``bytes`` and ``list`` value, in the order of the columns.

The BLAKE2b-512 digests of all rows, as little-endian integers, are added modulo 2^512. The content hash is the SHA-256,
in hexadecimal, of this text in UTF-8, followed by the 64 bytes of the sum (little-endian)::

    insight-content-1\\n
    ["<column>","<PostgreSQL type>","<encoding>"]\\n      for every column: JSON without blanks, not escaped to ASCII
    <number of rows>\\n
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SnapshotError, sentence

VERSION = "insight-content-1"
_MODULUS = 1 << 512
_ROWS = 8192  # rows hashed at a time: their bytes stay in the processor's cache
_FIXED = {
    pa.int16(): ("int16", "<i2"),
    pa.int32(): ("int32", "<i4"),
    pa.int64(): ("int64", "<i8"),
    pa.uint32(): ("uint32", "<u4"),
    pa.float32(): ("float32", "<f4"),
    pa.float64(): ("float64", "<f8"),
    pa.bool_(): ("bool", "|u1"),
    pa.date32(): ("date", "<i4"),
    pa.time64("us"): ("time", "<i8"),
}


def encoding(type_: pa.DataType) -> str:
    """Name the encoding of an Arrow type.

    >>> encoding(pa.decimal128(10, 2)), encoding(pa.list_(pa.int32()))
    ('decimal(10,2)', 'list<int32>')
    """
    if type_ in _FIXED:
        return _FIXED[type_][0]
    if pa.types.is_timestamp(type_) and type_.unit == "us":
        return "timestamp"
    if pa.types.is_decimal128(type_) or pa.types.is_decimal256(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_dictionary(type_):
        return encoding(type_.value_type)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return "text"
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return "bytes"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"list<{encoding(type_.value_type)}>"
    raise SnapshotError(sentence(f"A snapshot cannot hold the Arrow type {type_}"))


class ContentHash:
    """Adds up the rows of one table.

    >>> one, other = ContentHash(), ContentHash()
    >>> one.add([pa.array([1, 2]), pa.array(["a", None])], 2)
    >>> other.add([pa.array([2]), pa.array([None], pa.string())], 1)
    >>> other.add([pa.array([1]), pa.array(["a"])], 1)
    >>> columns = [("n", "bigint", "int64"), ("s", "text", "text")]
    >>> one.hexdigest(columns) == other.hexdigest(columns)
    True
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, columns: list[pa.Array], rows: int) -> None:
        """Add the rows of a batch, given by its columns."""
        for start in range(0, rows, _ROWS):
            size = min(_ROWS, rows - start)
            encoded = _encode([one.slice(start, size) for one in columns], size)
            self._sum = (self._sum + _digest_sum(encoded)) % _MODULUS
        self.rows += rows

    def hexdigest(self, columns: Iterable[tuple[str, str, str]]) -> str:
        """Give the hash of all rows so far; `columns` are (name, PostgreSQL type, encoding)."""
        lines = [VERSION, *(_compact(list(one)) for one in columns), str(self.rows), ""]
        return hashlib.sha256("\n".join(lines).encode() + self._sum.to_bytes(64, "little")).hexdigest()


def fingerprint(tables: Iterable[tuple[str, str, str]]) -> str:
    """Hash (schema, table, content hash) of all tables into the whole snapshot's 64 hexadecimal digits."""
    lines = sorted(_compact(list(one)) for one in tables)
    return hashlib.sha256("\n".join(["insight-snapshot-1", *lines, ""]).encode()).hexdigest()


def row_bytes(columns: list[pa.Array], rows: int) -> bytes:
    """Give the bytes of all rows, one after another, for who hashes them in their order."""
    data = _encode(columns, rows).buffers()[2]
    return b"" if data is None else data.to_pybytes()


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _digest_sum(rows: pa.LargeBinaryArray) -> int:
    offsets = _offsets(rows).tolist()
    data = rows.buffers()[2]
    whole = data.to_pybytes() if data is not None else b""
    blake2b = hashlib.blake2b
    digests = b"".join([blake2b(whole[start:stop]).digest() for start, stop in pairwise(offsets)])
    words = np.frombuffer(digests, "<u4").reshape(-1, 16).sum(axis=0, dtype=np.uint64)
    return sum(int(word) << (32 * place) for place, word in enumerate(words))


def _encode(columns: list[pa.Array], rows: int) -> pa.LargeBinaryArray:
    """Write every row as bytes: the fixed parts of all columns, then what varies in length."""
    parts = [_parts(one) for one in columns]
    fixed = np.zeros(
        rows,
        np.dtype(
            [
                (f"{place}{part}", kind)
                for place, (_, kind, _) in enumerate(parts)
                for part, kind in (("n", "|u1"), ("v", kind))
            ]
        ),
    )
    varying = []
    for place, (column, (values, _, bytes_)) in enumerate(zip(columns, parts, strict=True)):
        fixed[f"{place}n"] = 1 if column.null_count == 0 else column.is_valid().cast(pa.uint8()).to_numpy()
        fixed[f"{place}v"] = values
        if bytes_ is not None:
            varying.append(bytes_)
    width = fixed.dtype.itemsize
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int64) if width else np.zeros(rows + 1, np.int64)
    head = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(fixed.tobytes())]
    )
    if not varying:
        return head
    nothing = pa.scalar(b"", pa.large_binary())
    return pc.binary_join_element_wise(head, *varying, nothing, null_handling="replace", null_replacement=b"")


def _parts(column: pa.Array) -> tuple[Any, Any, pa.Array | None]:
    """Give a column's fixed values, their numpy type, and the bytes that follow (None if there are none)."""
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return _parts(column.dictionary_decode())
    if pa.types.is_decimal(type_):
        return _wide(column)
    if pa.types.is_timestamp(type_):
        return _numbers(column.cast(pa.int64()), "<i8")
    if type_ in _FIXED:
        return _numbers(column, _FIXED[type_][1])
    bytes_ = _list_bytes(column) if pa.types.is_nested(type_) else column.cast(pa.large_binary())
    lengths = pc.binary_length(bytes_)
    return *_numbers(lengths.cast(pa.int32()), "<i4")[:2], bytes_


def _numbers(column: pa.Array, kind: str) -> tuple[Any, Any, None]:
    """Take a fixed-width column as numbers with 0 for NULL and one NaN for all."""
    type_ = column.type
    if pa.types.is_boolean(type_):
        column = column.cast(pa.uint8())
    elif pa.types.is_date32(type_):
        column = column.cast(pa.int32())
    elif pa.types.is_time64(type_):
        column = column.cast(pa.int64())
    if column.null_count:
        column = column.fill_null(pa.scalar(0, column.type))
    values = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        unknown = np.isnan(values)
        if unknown.any():
            values = np.where(unknown, values.dtype.type(np.nan), values)
    return values, kind, None


def _wide(column: pa.Array) -> tuple[Any, Any, None]:
    """Take the little-endian words of a decimal column, zeros for NULL."""
    width = 16 if pa.types.is_decimal128(column.type) else 32
    data = column.buffers()[1]
    whole = np.zeros((len(column), width), np.uint8)
    if data is not None and len(column):
        start = column.offset * width
        whole[:] = np.frombuffer(data, np.uint8)[start : start + len(column) * width].reshape(-1, width)
    if column.null_count:
        whole[~column.is_valid().to_numpy(zero_copy_only=False)] = 0
    return whole.view(f"|V{width}").ravel(), f"|V{width}", None


def _list_bytes(column: pa.Array) -> pa.Array:
    """Write every list as the bytes of its elements one after another."""
    elements = column.flatten()  # those of NULL lists are left out, as their length below
    encoded = _encode([elements], len(elements))
    lengths = pc.list_value_length(column).fill_null(0).to_numpy()
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    offsets = _offsets(encoded)[ends]
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(column), [None, pa.py_buffer(np.ascontiguousarray(offsets)), encoded.buffers()[2]]
    )


def _offsets(column: pa.LargeBinaryArray) -> Any:
    buffer = column.buffers()[1]
    return np.frombuffer(buffer, np.int64)[column.offset : column.offset + len(column) + 1]
