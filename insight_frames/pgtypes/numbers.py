"""Integers, floats, booleans and the two ways to read ``numeric``: exact (decimal or text) or as the nearest float64.

Everything becomes a float from the digits PostgreSQL wrote, never through another binary number, so that a snapshot's
decimals and a live read give the identical float64.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .codec import PLAIN, Codec, each, from_hex, spread
from .kinds import PgType

_DOUBLE = pa.float64()
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True)
class Integer(Codec):
    """A type that pyarrow.csv reads as it stands."""

    bare: bool = True

    def decode(self, strings: Any) -> Any:
        limit = 2 ** (self.arrow.bit_width - 1)

        def convert(text: str) -> int:
            if not _INTEGER.fullmatch(text):
                raise ValueError("it is not an integer")
            if not -limit <= int(text) < limit:
                raise ValueError(f"it does not fit {self.arrow}")
            return int(text)

        try:
            return strings.cast(self.arrow)
        except pa.ArrowInvalid:
            return each(strings, convert, self.arrow)

    def finish(self, column: Any) -> Any:
        return column

    def encode(self, column: Any) -> Any:
        return column.cast(pa.string())


_BOOLEANS = pa.array(["t", "true", "f", "false"])


@dataclass(frozen=True)
class Boolean(Codec):
    """``t`` and ``f`` in a packed line, ``true`` and ``false`` where the value was cast to text."""

    bare: bool = True

    def decode(self, strings: Any) -> Any:
        strings = strings.cast(pa.string())
        place = pc.index_in(strings, _BOOLEANS)
        if place.null_count > strings.null_count:
            return each(strings, _boolean, pa.bool_())
        return pc.less(place, 2)

    def finish(self, column: Any) -> Any:
        return column

    def render(self, strings: Any) -> Any:
        return self.encode(self.decode(strings))

    def encode(self, column: Any) -> Any:
        return pc.if_else(column, "t", "f").cast(pa.string())


def _boolean(text: str) -> bool:
    if text not in ("t", "f", "true", "false"):
        raise ValueError("it is not a boolean")
    return text.startswith("t")


@dataclass(frozen=True)
class Float(Codec):
    """float4 and float8 by their bits: no setting of extra_float_digits can cost a digit."""

    wire: str = ">f8"
    bare: bool = True

    def decode(self, strings: Any) -> Any:
        values, mask = from_hex(strings, self.wire)
        return spread(values.astype(values.dtype.newbyteorder("=")), mask, self.arrow)

    def render(self, strings: Any) -> Any:
        return self.encode(self.decode(strings))

    def encode(self, column: Any) -> Any:
        kind = np.float32 if self.arrow == pa.float32() else np.float64
        return pa.array([None if v is None else float_text(kind(v)) for v in column.to_pylist()], pa.string())


def float_text(value: np.floating[Any]) -> str:
    """The shortest digits that give the value back, written as PostgreSQL does (``1e+20``, ``Infinity``)."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    shortest = np.format_float_scientific(value, unique=True, trim="-", exp_digits=2)
    if _halfway(value, shortest):
        # PostgreSQL does not trust a reader to round half to even: it writes more digits then.
        lengths = (f"{value:.{size}e}" for size in range(len(shortest.split("e")[0].strip("-")) - 1, 17))
        shortest = next(text for text in lengths if type(value)(text) == value and not _halfway(value, text))
    digits, exponent = shortest.split("e")
    # PostgreSQL leaves the exponent out between 1e-4 and the type's decimal digits.
    if -4 <= int(exponent) < (6 if isinstance(value, np.float32) else 15):
        return np.format_float_positional(value, unique=True, trim="-")
    return f"{digits}e{exponent}"


def _halfway(value: np.floating[Any], text: str) -> bool:
    """True if the digits lie exactly between the value and its neighbour."""
    from fractions import Fraction

    twice = 2 * Fraction(text) - Fraction(float(value))
    with np.errstate(over="ignore"):
        edges = [np.nextafter(value, type(value)(side)) for side in (np.inf, -np.inf)]
    return any(np.isfinite(edge) and twice == Fraction(float(edge)) for edge in edges)


@dataclass(frozen=True)
class Rounded(Codec):
    """numeric as the nearest float64; a number beyond its range is an error, ``Infinity`` itself is not.

    It is parsed as text, because pyarrow.csv would make a too large number infinite without a word.
    """

    arrow: pa.DataType = _DOUBLE
    bare: bool = True

    def decode(self, strings: Any) -> Any:
        return nearest_floats(strings)

    def encode(self, column: Any) -> Any:
        return pa.array([None if v is None else float_text(np.float64(v)) for v in column.to_pylist()], pa.string())


def nearest_floats(strings: Any) -> Any:
    """Digits -> correctly rounded float64; raise BadValue for what is no number or beyond the range."""
    try:
        made = strings.cast(pa.float64())
    except pa.ArrowInvalid:
        return each(strings, _nearest_float, pa.float64())
    if pc.any(pc.is_inf(made)).as_py():
        return each(strings, _nearest_float, pa.float64())
    return made


def decimal_floats(column: Any) -> Any:
    """Decimals -> correctly rounded float64, as their digits would give it."""
    scale = column.type.scale
    if pa.types.is_decimal128(column.type) and scale <= 22:
        halves = np.frombuffer(column.buffers()[1] or b"", np.int64).reshape(-1, 2)[column.offset :][: len(column)]
        low = halves[:, 0]
        mask = pc.is_valid(column).to_numpy(zero_copy_only=False)
        # Both the integer and the power of ten are float64s, so that one division rounds once.
        if np.all(((halves[:, 1] == low >> 63) & (low >= -(2**53)) & (low <= 2**53)) | ~mask):
            return pa.array(low / np.float64(10**scale), pa.float64(), mask=~mask)
    return nearest_floats(column.cast(pa.string()))


def _nearest_float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("it is not a number") from None
    if np.isinf(value) and text not in ("Infinity", "-Infinity"):
        raise ValueError("it does not fit float64")
    return value


@dataclass(frozen=True)
class Fixed(Codec):
    """numeric(p,s) as a decimal of the same digits; NaN and Infinity have no place in it."""

    bare: bool = True

    def decode(self, strings: Any) -> Any:
        try:
            return strings.cast(self.arrow)
        except pa.ArrowInvalid:
            return each(strings, self._convert, self.arrow)

    def finish(self, column: Any) -> Any:
        return column if column.type == self.arrow else self.decode(column)

    def encode(self, column: Any) -> Any:
        texts = column.cast(pa.string())
        if pc.any(pc.match_substring(texts, "E")).as_py():  # Arrow writes 0.00000001 as 1E-8, PostgreSQL does not
            texts = pa.array([None if v is None else f"{v:f}" for v in column.to_pylist()], pa.string())
        return texts

    def _convert(self, text: str) -> Decimal:
        try:
            value = Decimal(text)
            if not value.is_finite():
                raise ValueError("it is NaN or infinite, which no decimal holds")
            pa.scalar(value, self.arrow)
        except (InvalidOperation, pa.ArrowInvalid):
            raise ValueError(f"it does not fit {self.arrow}") from None
        return value


def numeric(type_: PgType, exact: bool) -> Codec:
    """The codec of a numeric column with its precision and scale."""
    if not exact:
        return Rounded()
    precision, scale = type_.precision, type_.scale
    if precision is None or scale is None or not 0 <= scale <= precision <= 76:
        return PLAIN
    if precision <= 38:
        decimal = pa.decimal128(precision, scale)
        return Fixed(csv=decimal, arrow=decimal)
    return Fixed(arrow=pa.decimal256(precision, scale))  # pyarrow.csv cannot parse decimal256
