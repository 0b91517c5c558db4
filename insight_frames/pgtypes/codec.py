"""How the values of one PostgreSQL type travel: the SQL that writes them, the Arrow type they become, their text.

Whatever PostgreSQL's session settings could change (dates, floats, intervals, bytea) is sent in its binary form as hex
digits, because that is exact under every setting and the hex of a whole column decodes at once.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .kinds import BadValue

STRING = pa.string()


@dataclass(frozen=True)
class Codec:
    """Text that PostgreSQL writes is what we keep; every other codec refines this one.

    One that adds no attribute is no dataclass of its own: making one takes longer than all else in its module.

    Attributes
    ----------
    sql : str
        Expression with ``{0}`` for the quoted column.
    csv, arrow : pyarrow.DataType
        As a packed line is parsed; as the stream carries it.
    session : bool
        True if the text depends on the session's settings and SQL cannot cure it.
    bare : bool
        True if no text of the expression holds a comma, a quote or a line's end: digits, hex, ``t`` and ``f``.
    """

    sql: str = "{0}"
    csv: pa.DataType = STRING
    arrow: pa.DataType = STRING
    session: bool = False
    bare: bool = False

    def decode(self, strings: Any) -> Any:
        """Text of the expression -> Arrow; raise BadValue for the first value that does not fit."""
        return strings

    def finish(self, column: Any) -> Any:
        """A parsed packed column (of type `csv`) -> Arrow."""
        return self.decode(column)

    def render(self, strings: Any) -> Any:
        """Text of the expression -> the text that PostgreSQL prints (ISO dates, UTC); takes every value."""
        return strings

    def encode(self, column: Any) -> Any:
        """Arrow -> the text that PostgreSQL prints."""
        return column


PLAIN = Codec()


@dataclass(frozen=True)
class Textual(Codec):
    """The values of another codec kept as PostgreSQL's text, because some do not fit its Arrow type."""

    renderer: Callable[[Any], Any] = str

    def decode(self, strings: Any) -> Any:
        return self.renderer(strings)

    render = decode


def as_text(codec: Codec) -> Codec:
    """Same expression, every value taken, Arrow string."""
    if type(codec) is Codec or isinstance(codec, Textual):
        return codec
    return Textual(sql=codec.sql, session=codec.session, bare=codec.bare, renderer=codec.render)


def each(strings: Any, convert: Callable[[str], Any], type_: pa.DataType) -> Any:
    """Convert value by value; `convert` raises ValueError with the reason, which becomes a BadValue."""
    out: list[Any] = []
    for index, text in enumerate(strings.to_pylist()):
        try:
            out.append(None if text is None else convert(text))
        except ValueError as why:
            raise BadValue(index, text, str(why)) from None
    return pa.array(out, type_)


def from_hex(strings: Any, dtype: str | np.dtype[Any]) -> tuple[Any, Any]:
    """Decode a column of hex digits into the numbers of its non-NULL values and the mask of those (None: all)."""
    strings = strings if strings.type == STRING else strings.cast(STRING)
    mask, kind = _validity(strings), np.dtype(dtype)
    count, width = len(strings) - strings.null_count, 2 * kind.itemsize
    if not count:
        return np.empty(0, kind), mask
    _, places, digits = strings.buffers()
    ends = np.frombuffer(places, np.int32)[strings.offset : strings.offset + len(strings) + 1]
    sizes = ends[1:] - ends[:-1]
    start, end = int(ends[0]), int(ends[-1])
    if end - start == width * count and ((sizes if mask is None else sizes[mask]) == width).all():
        try:
            return np.frombuffer(binascii.unhexlify(memoryview(digits)[start:end]), kind), mask
        except binascii.Error:
            pass
    each(strings, lambda text: _check_hex(text, width), pa.null())
    return from_hex(strings.drop_null(), kind)[0], mask  # bytes stand where a value is NULL


def _validity(column: Any) -> Any:
    """Tell of every row whether it has a value; None if all have."""
    if not column.null_count:
        return None
    bits = np.frombuffer(column.buffers()[0], np.uint8)
    return np.unpackbits(bits, count=column.offset + len(column), bitorder="little")[column.offset :].view(np.bool_)


def _check_hex(text: str, width: int) -> None:
    if len(text) != width or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"it is not {width} hex digits")


def spread(values: Any, mask: Any, type_: pa.DataType) -> Any:
    """Put the numbers of the non-NULL rows back to their rows, as a column of `type_`, whose numbers they are."""
    if values.dtype.itemsize * 8 != type_.bit_width:
        raise TypeError(f"{values.dtype} holds no values of {type_}")
    if mask is None:
        return pa.Array.from_buffers(type_, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))], 0)
    full = np.zeros(len(mask), values.dtype)
    full[mask] = values
    there = pa.py_buffer(np.packbits(mask, bitorder="little"))
    return pa.Array.from_buffers(type_, len(mask), [there, pa.py_buffer(full)], len(mask) - len(values))


def refuse(bad: Any, mask: Any, text: Callable[[int], str], why: Callable[[int], str]) -> None:
    """Raise BadValue for the first True in `bad`, which like `text` and `why` counts the non-NULL values only."""
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        index = place if mask is None else int(np.flatnonzero(mask)[place])
        raise BadValue(index, text(place), why(place))


def by_chunk(convert: Callable[[Any], Any], column: Any, type_: Any) -> Any:
    """Convert an array, or each chunk of a chunked one; a BadValue counts the rows of all chunks."""
    if not isinstance(column, pa.ChunkedArray):
        return convert(column)
    done, rows = [], 0
    for chunk in column.chunks:
        try:
            done.append(convert(chunk))
        except BadValue as bad:
            raise BadValue(rows + bad.index, bad.text, bad.why) from None
        rows += len(chunk)
    return pa.chunked_array(done, type_)
