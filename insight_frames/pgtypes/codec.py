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
import pyarrow.compute as pc

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
    """

    sql: str = "{0}"
    csv: pa.DataType = STRING
    arrow: pa.DataType = STRING
    session: bool = False

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
    return Textual(sql=codec.sql, session=codec.session, renderer=codec.render)


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
    mask = pc.is_valid(strings).to_numpy(zero_copy_only=False) if strings.null_count else None
    present = strings.drop_null() if strings.null_count else strings
    kind = np.dtype(dtype)
    if len(present) == 0:
        return np.empty(0, kind), mask
    width = 2 * kind.itemsize
    sizes: Any = pc.min_max(pc.binary_length(present)).as_py()
    if sizes != {"min": width, "max": width}:
        each(strings, lambda text: _check_hex(text, width), pa.null())
    start = int(np.frombuffer(present.buffers()[1], np.int32)[present.offset])
    digits = memoryview(present.buffers()[2])[start : start + width * len(present)]
    try:
        return np.frombuffer(binascii.unhexlify(digits), kind), mask
    except binascii.Error:
        each(strings, lambda text: _check_hex(text, width), pa.null())
        raise


def _check_hex(text: str, width: int) -> None:
    if len(text) != width or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"it is not {width} hex digits")


def spread(values: Any, mask: Any, type_: pa.DataType) -> Any:
    """Put the numbers of the non-NULL rows back to their rows, as a column of `type_`."""
    if mask is not None:
        full = np.zeros(len(mask), values.dtype)
        full[mask] = values
        values = full
    storage = pa.from_numpy_dtype(values.dtype)
    made = pa.array(values, storage, mask=None if mask is None else ~mask)
    return made if type_ == storage else made.view(type_)


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
