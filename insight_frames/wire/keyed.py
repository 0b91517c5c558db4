"""Objects of known keys as columns, by Arrow's JSON reader: no Python object exists for a row or a value.

That reader refuses an unknown key and a key twice, but takes a missing one for NULL, lets commas between objects be
missing, reads NaN as a number and never looks whether texts are UTF-8: all that is proven here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .lines import objects, own
from .parts import Parts

_NEWLINE, _BLANK, _QUOTE, _COLON, _COMMA, _OPEN, _CLOSE, _BACKSLASH = b'\n ":,{}\\'
_PIECE = 1 << 18  # bytes that are looked at together, so that what is made of them stays near the processor
_BLANKS = " \t\r\n"
_IN_TEXT = np.zeros(256, bool)  # what stands before a quote that is followed by a colon and does not end a key
_IN_TEXT[list(b":\\" + _BLANKS.encode())] = True


def written_plainly(keys: Sequence[str]) -> bool:
    """Whether such keys can be counted where they stand: all differ, and none is taken for a part of a text."""
    with suppress(UnicodeEncodeError):
        quoted = [json.dumps(one, ensure_ascii=False).encode() for one in keys]
        return (
            len(set(quoted)) == len(quoted) > 0
            and not any(_BACKSLASH in one for one in quoted)
            and not any(one.startswith(":") or one.endswith((":", *_BLANKS)) for one in keys)
        )
    return False


def columns(block: Parts, schema: pa.Schema) -> list[pa.Array]:
    """Give the values of whole objects by key; the keys have to be `written_plainly`.

    Raises
    ------
    ArrowInvalid
        The block is something else, or a value is of another type.
    """
    lines, table = read(block, schema)
    if _members(np.frombuffer(lines, np.uint8)) != table.num_rows * len(schema):
        raise pa.ArrowInvalid("objects of other keys")
    _check_utf8(lines)
    given = [column.chunk(0) for column in table.columns]
    if any(pa.types.is_floating(one.type) and pc.all(pc.is_finite(one)).as_py() is False for one in given):
        raise pa.ArrowInvalid("a number that JSON does not have")
    return given


def read(block: Parts, schema: pa.Schema) -> tuple[pa.Buffer, pa.Table]:
    """Read objects that have no other keys, with commas between them; give their lines too."""
    lines = own(*block)
    if not lines.size or lines[0] != _OPEN:
        raise pa.ArrowInvalid("no object")  # of a bare null in its place that reader dies (pyarrow 26)
    count = _part(np.frombuffer(lines, np.uint8))
    table = objects(lines, schema)
    if table.num_rows != count or any(column.num_chunks != 1 for column in table.columns):
        raise pa.ArrowInvalid("other objects than commas part, or several blocks")
    return lines, table


def _part(codes: Any) -> int:
    """Put each object on a line of its own, as Arrow's reader wants it; tell how many the commas part.

    Inside a JSON text no line's end can stand, and a quote only behind a backslash; that a text might have become
    another one shows, because that reader refuses a line's end inside a text.
    """
    ends = _places(codes, _NEWLINE)
    if len(ends):
        commas = ends - 1
        commas = commas[codes[commas] == _COMMA]
        codes[commas] = _BLANK
    else:
        commas = _places(codes, _OPEN)[1:] - 1
        commas = commas[(codes[commas] == _COMMA) & (codes[commas - 1] == _CLOSE)]
        codes[commas] = _NEWLINE
    return len(commas) + 1


def _places(codes: Any, sign: int) -> Any:
    """Find a sign in bytes."""
    starts = range(0, len(codes), _PIECE)
    return np.concatenate([np.flatnonzero(codes[start : start + _PIECE] == sign) + start for start in starts])


def _members(codes: Any) -> int:
    """Count the keys: quotes with a colon behind them, but for those that begin a text or stand inside one."""
    found = 0
    for start in range(0, len(codes) - 1, _PIECE):
        part = codes[max(0, start - 1) : start + _PIECE + 1]
        ends = np.flatnonzero((part[1:-1] == _QUOTE) & (part[2:] == _COLON))
        found += len(ends) - int(np.count_nonzero(_IN_TEXT[part[ends]]))
    return found


def _check_utf8(lines: pa.Buffer) -> None:
    offsets = np.array([0, lines.size], np.int32)
    pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(offsets), lines]).validate(full=True)
