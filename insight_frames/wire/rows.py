"""The plain path: one JSON object per row, every column cast to text, for servers where packing does not work.

Each value travels behind a dot, because some servers write NULL as an empty text; the dot tells '' and NULL apart and
shows that a value arrived untouched. Rows carry their number and whether another follows, so that a row cap is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from ..errors import IncompleteResult, sentence
from ..pgtypes import BadValue
from .cells import cut, no_list, no_rows, stale
from .packed import ALIAS
from .unpack import BadColumn, Layout, assemble, in_threads, out_of_range, without_columns

BLOCK = 4 << 20
_NEWLINE, _COMMA, _BLANK = b"\n, "

_FIRST_KEY = re.compile(rb'\{"(?:[neh]|c\d+)":')


def statement(source: str, expressions: Sequence[str], *, offset: int = 0, shape: str = "null") -> tuple[str, int]:
    """Give the SQL that sends any query's rows one by one as text, and where the user's own text begins in it.

    The first row tells ``shape``, the SQL of a hash of the columns: what was read of them earlier must hold still.
    """
    aliases = f"({','.join(f'c{i}' for i in range(len(expressions)))})" if expressions else ""
    values = "".join(f", '.'||({one})::text as c{i}" for i, one in enumerate(expressions))
    head = (
        f"select s.*, case when coalesce(s.n,'1')='1' then {shape} end as h from (select) o left join (\n"
        f" select (row_number() over ())::text as n, lead('.'::text) over () as e{values}\n from (\n"
    )
    return f"{head}{source}\n ) {ALIAS}{aliases}) s on true", len(head) + offset


def read_rows(
    pieces: Iterable[bytes], where: str, layout: Layout, shape: str | None = None
) -> Generator[tuple[int, pa.RecordBatch], None, None]:
    """Give record batches of a plain export, and end only if it was proven whole; StaleCatalog for another shape."""
    names = ["n", "e", "h", *(f"c{i}" for i in range(len(layout.readings)))]
    schema = pa.schema([(one, pa.string()) for one in names])
    count, ended = 0, False
    work = partial(_read, schema=schema, layout=layout, where=where)
    with closing(in_threads(work, _blocks(pieces, where))) as blocks:
        for marks, made in blocks:
            empty = marks.num_rows == 1 and not count and marks.column("n").combine_chunks()[0].as_py() in (None, "")
            if empty:
                ended = True
                _check_shape(marks, shape)
                continue
            before = count
            count, ended = _in_order(marks, count, ended, layout.label)
            if not before:
                _check_shape(marks, shape)
            if isinstance(made, BadColumn):
                raise out_of_range(layout, made, before)
            yield 0, made
    if not ended:
        raise _incomplete(layout.label, f"{count} rows without an end mark (a row cap of the server?)")


def _blocks(pieces: Iterable[bytes], where: str) -> Iterator[bytes | pa.Buffer]:
    """Cut the body into lines of whole JSON objects, a few megabytes at a time."""
    source = iter(pieces)
    data = b""
    while len(data.lstrip()) < 24 and (piece := next(source, b"")):
        data += piece
    data = data.lstrip()
    if data[:1] != b"[":
        raise no_rows(data + b"".join(source), where)
    glue = b"},\n" if data[1:2] == b"\n" else b"},"
    data = data[1:].lstrip()
    first = _FIRST_KEY.match(data)
    if first is None:
        raise no_list(b"[" + data + b"".join(source), where)
    separator, line = glue + first[0], b"}\n" + first[0]
    for piece in source:
        data += piece
        if len(data) >= BLOCK and (end := data.rfind(separator)) >= 0:
            yield _lines(data[: end + 1], separator, line)
            data = data[end + len(glue) :]
    end_of_list = data.rstrip()
    if not (end_of_list.endswith(b"]") and end_of_list[:-1].rstrip().endswith(b"}")):
        late = re.search(rb'\}\s*(?=\{"(?!(?:[neh]|c\d+)":))', data)
        raise no_rows(data[late.end() :], where) if late else cut(where, "a body without its end")
    yield _lines(end_of_list[:-1].rstrip(), separator, line)


def _lines(data: bytes, separator: bytes, line: bytes) -> bytes | pa.Buffer:
    """Put every object on a line of its own; where it has one already, blank the comma before the line's end."""
    if not separator.startswith(b"},\n"):
        return data.replace(separator, line)
    codes = np.frombuffer(data, np.uint8).copy()
    commas = np.flatnonzero(codes == _NEWLINE) - 1  # a line feed never stands inside a JSON text
    commas = commas[codes[commas] == _COMMA]
    codes[commas] = _BLANK
    return pa.py_buffer(codes)


def _parse(block: bytes | pa.Buffer, schema: pa.Schema, where: str) -> pa.Table:
    try:
        buffer = pa.py_buffer(block)
        return pajson.read_json(
            buffer,
            read_options=pajson.ReadOptions(use_threads=False, block_size=buffer.size + 1),
            parse_options=pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        ).combine_chunks()
    except pa.ArrowInvalid:
        raise cut(where, "rows of another shape") from None


def _in_order(table: pa.Table, before: int, ended: bool, label: str) -> tuple[int, bool]:
    """Check the rows' numbers and marks; give the number of rows so far and whether the last one was among them."""
    numbers = pc.cast(table.column("n"), pa.int64())
    after = before + table.num_rows
    if ended or not numbers.combine_chunks().equals(pa.array(np.arange(before + 1, after + 1))):
        raise _incomplete(label, "rows out of order")
    more = pc.fill_null(pc.equal(table.column("e"), "."), False).combine_chunks()
    ends = table.num_rows - (pc.sum(more).as_py() or 0)
    if ends > 1 or (ends == 1 and more[table.num_rows - 1].as_py()):
        raise _incomplete(label, "an end mark before the last row")
    return after, ends == 1


def _check_shape(table: pa.Table, expected: str | None) -> None:
    if expected is not None and table.column("h")[0].as_py() != expected:
        raise stale()


def _read(
    block: bytes | pa.Buffer, schema: pa.Schema, layout: Layout, where: str
) -> tuple[pa.Table, pa.RecordBatch | BadColumn]:
    """Parse one block: its marks, and its rows or the first value that does not fit."""
    table = _parse(block, schema, where)
    marks = table.select(["n", "e", "h"])
    if table.num_rows == 1 and table.column("n")[0].as_py() in (None, ""):
        return marks, without_columns(0)
    return marks, _batch(table, layout)


def _batch(table: pa.Table, layout: Layout) -> pa.RecordBatch | BadColumn:
    if not layout.readings:
        return without_columns(table.num_rows)
    columns = []
    for i, one in enumerate(layout.readings):
        strings = _undotted(table.column(f"c{i}").combine_chunks(), layout.label)
        try:
            columns.append(one.parse(strings))
        except BadValue as bad:
            key = tuple(
                _undotted(table.column(f"c{k}").combine_chunks(), layout.label)[bad.index].as_py() for k in layout.key
            )
            return BadColumn(i, bad, key)
    return assemble(layout.schema, columns)


def _undotted(column: pa.Array, label: str) -> pa.Array:
    """Take the dot off; a text without it was NULL, or was changed on the way."""
    if pc.min(pc.binary_length(column)).as_py() == 0:
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    if pc.all(pc.starts_with(column, ".")).as_py() is False:
        raise _incomplete(label, "values that were changed on the way")
    return pc.utf8_slice_codeunits(column, 1)


def _incomplete(label: str, got: str) -> IncompleteResult:
    return IncompleteResult(
        sentence(
            f"{label} did not arrive whole",
            expected="each row once and in order, and the end mark",
            got=got,
            try_="ask again with a narrower question; nothing of this answer was used",
        )
    )
