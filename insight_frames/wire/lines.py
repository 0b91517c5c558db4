"""The text of packed rows: JSON's escapes off, then pyarrow's CSV reader; no Python object per row.

Escapes are few in most tables, and Python's own JSON scanner takes them off without a call for each; where a long text
is full of them (line breaks and quotes in notes), Arrow's JSON reader is twice as fast, because its time does not grow
with their number and needs no interpreter lock.
Arrow's readers take the system's memory, because its own pool keeps three times as much of it for later blocks; but
where many columns make small pieces of it, the system keeps more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson

_TEXT = pa.schema([("d", pa.string())])
_SYSTEM = pa.system_memory_pool()
_MANY = 64  # columns of half a megabyte: some kilobytes each
_DENSE = 16  # one escape in so many bytes, from which on Arrow's JSON reader is the faster way
_SHORT = 1 << 16  # bytes, up to which Python's is in any case


def unescape(raw: bytes) -> bytes | pa.Buffer:
    r"""Undo JSON's string escapes in the bytes between two quotes; ValueError if they are no text of JSON.

    >>> bytes(unescape(rb'(0,\"a b\",\\\\,0)\n'))
    b'(0,"a b",\\\\,0)\n'
    """
    if len(raw) > _SHORT and raw.count(b"\\") * _DENSE > len(raw):
        return _by_reader(raw)
    try:
        plain: str = json.loads(f'"{raw.decode()}"')
        return plain.encode()
    except ValueError:  # which holds the text
        raise ValueError("JSON text cannot be read") from None


def own(*pieces: bytes | memoryview) -> pa.Buffer:
    """Copy bytes, one piece behind the other, to memory of Arrow's own, for its readers.

    A thread of theirs lets go of what they have read a moment after they have given it: were that Python's, and Python
    just ending, the whole process would be aborted.
    """
    buffer = pa.allocate_buffer(sum(map(len, pieces)), memory_pool=_SYSTEM)
    codes, start = np.frombuffer(buffer, np.uint8), 0
    for piece in pieces:
        codes[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        start += len(piece)
    return buffer


def _by_reader(raw: bytes) -> pa.Buffer:
    """Undo them by Arrow's JSON reader, whose time does not grow with their number."""
    line = own(b'{"d":"', raw, b'"}')
    read = objects(line, _TEXT)
    text = read.column(0).chunk(0)
    if read.num_rows != 1 or text.offset:
        raise ValueError("one text became several")
    start, end = np.frombuffer(text.buffers()[1], np.int32, 2)
    return text.buffers()[2].slice(int(start), int(end - start))


def objects(lines: pa.Buffer, schema: pa.Schema) -> pa.Table:
    """Read JSON objects, one on a line, by Arrow's reader; ArrowInvalid for a key that is not in the schema."""
    return pajson.read_json(
        lines,
        read_options=pajson.ReadOptions(use_threads=False, block_size=lines.size + 1),
        parse_options=pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        memory_pool=pool(len(schema)),
    )


class Columns:
    """How the fields of packed lines are read; made once for a table, because Arrow takes long to be told."""

    def __init__(self, types: Sequence[pa.DataType]) -> None:
        names = [str(i) for i in range(len(types))]
        self.names = ["first", *names, "last"]
        self.convert = converted(dict(zip(names, types, strict=True)) or {"first": pa.string()})


def converted(types: Mapping[str, pa.DataType]) -> pacsv.ConvertOptions:
    """Say what fields become, by name; others are left out, and one without a sign in it is NULL."""
    return pacsv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
        true_values=["t"],
        false_values=["f"],
    )


def _lines(*, escaped: bool) -> pacsv.ParseOptions:
    escape = "\\" if escaped else False
    return pacsv.ParseOptions(escape_char=escape, newlines_in_values=True, ignore_empty_lines=False)


_PLAIN, _ESCAPED = _lines(escaped=False), _lines(escaped=True)


def rows(data: bytes | pa.Buffer, columns: Columns) -> pa.RecordBatch:
    """Read the lines ``(0,...,0)`` of a block; column ``i`` is named ``str(i)`` and converted as `columns` says."""
    buffer = own(data) if isinstance(data, bytes) else data
    escaped = not isinstance(data, bytes) or b"\\" in data
    reader = pacsv.open_csv(  # read_csv hands every block to threads of its own, which a small answer waits for
        buffer,
        read_options=pacsv.ReadOptions(column_names=columns.names, use_threads=False, block_size=buffer.size + 1),
        parse_options=_ESCAPED if escaped else _PLAIN,
        convert_options=columns.convert,
        memory_pool=pool(len(columns.names)),
    )
    whole = reader.read_next_batch()
    if any(more.num_rows for more in reader):
        raise ValueError("one block became several")
    return whole


def pool(columns: int) -> pa.MemoryPool:
    """Give the pool that keeps less of what a block of so many columns took."""
    return pa.default_memory_pool() if columns > _MANY else _SYSTEM


def give_back(columns: int) -> None:
    """Give back what a block of so many columns left behind: what a thread has taken, no other can give back."""
    if columns > _MANY:
        pa.default_memory_pool().release_unused()
