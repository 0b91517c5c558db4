"""Single values as literals: one function a type, each exact or an error.

Every literal but a text, a number and a bool carries its type, so that nothing depends on what stands beside it. What
PostgreSQL would round is refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from insight_frames.errors import InvalidInput, ParameterError, sentence
from insight_frames.sql.quoting import string_literal

Typed = tuple[str, str]  # a literal and the name of its type; the type of NULL is ""

_LONGEST_INTEGER = 13_000  # bits: Python itself refuses to write more than 4,300 digits
_LONGEST_FRACTION = 16_383  # digits behind the point in a numeric
_LONGEST_WHOLE = 131_072  # and before it


def is_missing(value: Any) -> bool:
    """Tell None, NaT and NA from values; NaN is a value of float8."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return type(value).__name__ in ("datetime64", "timedelta64") and bool(value != value)


def scalar(value: Any) -> Typed | None:
    """Write a single value as a literal and name its type; None for what is no single value.

    Raises
    ------
    ParameterError
        PostgreSQL has no exact literal for the value.
    """
    if isinstance(value, Enum):
        return scalar(value.value)
    if is_missing(value):
        return "NULL", ""
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    numpy = sys.modules.get("numpy")  # whoever has a numpy scalar has imported numpy
    if numpy is None:
        return None
    if isinstance(value, numpy.ndarray) and value.ndim == 0:
        return scalar(value[()])
    return _of_numpy(numpy, value) if isinstance(value, numpy.generic) else None


def no_literal(value: Any, why: str = "") -> ParameterError:
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return ParameterError(sentence(f"A value of type {name} has no PostgreSQL literal", where=why))


def _of_bool(value: bool) -> Typed:
    return ("true" if value else "false"), "bool"


def _of_int(value: int) -> Typed:
    if value.bit_length() > _LONGEST_INTEGER:
        raise no_literal(value, "it has more than 3,900 digits")
    kind = "int8" if -(2**63) <= value < 2**63 else "numeric"
    if value == -(2**63):  # the bare digits without the sign would be a numeric
        return f"'{int(value)}'::int8", kind
    return (f"({int(value)})" if value < 0 else f"{int(value)}"), kind


def _of_float(value: float) -> Typed:
    return f"'{_spelled(repr(float(value)))}'::float8", "float8"


def _spelled(digits: str) -> str:
    return digits.replace("inf", "Infinity").replace("nan", "NaN")


def _of_decimal(value: Decimal) -> Typed:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and (exponent < -_LONGEST_FRACTION or value.adjusted() >= _LONGEST_WHOLE):
        raise no_literal(value, "its exponent is outside numeric's")
    text = "NaN" if value.is_nan() else str(value)
    return f"'{text}'::numeric", "numeric"


def _of_text(value: str) -> Typed:
    try:
        return string_literal(str.__str__(value)), "text"
    except InvalidInput as refused:
        raise ParameterError(str(refused)) from None


def _of_datetime(value: datetime) -> Typed:
    if getattr(value, "nanosecond", 0):
        raise no_literal(value, "it has nanoseconds, PostgreSQL keeps microseconds")
    offset = value.utcoffset()
    if offset is None:
        if value.tzinfo is not None:
            raise no_literal(value, "its time zone gives no offset")
        return f"'{_stamp(value)}'::timestamp", "timestamp"
    try:
        utc = value.astimezone(UTC)
    except (OverflowError, ValueError):
        raise no_literal(value, "in UTC it lies outside the years 1 to 9999") from None
    return f"'{_stamp(utc.replace(tzinfo=None))}+00:00'::timestamptz", "timestamptz"


def _stamp(value: datetime) -> str:
    if not 1 <= value.year <= 9999:
        raise no_literal(value, "it lies outside the years 1 to 9999")
    return (
        f"{value.year:04}-{value.month:02}-{value.day:02} "
        f"{value.hour:02}:{value.minute:02}:{value.second:02}.{value.microsecond:06}"
    )


def _of_date(value: date) -> Typed:
    return f"'{value.year:04}-{value.month:02}-{value.day:02}'::date", "date"


def _of_time(value: time) -> Typed:
    offset = value.utcoffset()
    if value.tzinfo is None:
        return f"'{value.isoformat()}'::time", "time"
    if offset is None or offset.microseconds or abs(offset) >= timedelta(hours=16):
        raise no_literal(value, "PostgreSQL has no such offset from UTC")
    return f"'{value.isoformat()}'::timetz", "timetz"


def _of_timedelta(value: timedelta) -> Typed:
    if getattr(value, "nanoseconds", 0):
        raise no_literal(value, "it has nanoseconds, PostgreSQL keeps microseconds")
    # Both signs are written: under IntervalStyle sql_standard a leading minus would count for all fields.
    return f"'{value.days:+} days {value.seconds:+}.{value.microseconds:06} seconds'::interval", "interval"


def _of_uuid(value: UUID) -> Typed:
    return f"'{value}'::uuid", "uuid"


def _of_bytes(value: bytes | bytearray | memoryview) -> Typed:
    return string_literal(f"\\x{bytes(value).hex()}") + "::bytea", "bytea"


def _of_mapping(value: Mapping[Any, Any]) -> Typed:
    if not _is_json(value):
        raise no_literal(value, "as JSON it may hold dicts with str keys, lists, str, numbers, bool and None")
    text, _ = _of_text(json.dumps(value, ensure_ascii=False, allow_nan=False, default=dict))
    return f"{text}::jsonb", "jsonb"


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and "\0" not in key and _is_json(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    if isinstance(value, float):
        return abs(value) < float("inf")
    if isinstance(value, str):
        return "\0" not in value
    return value is None or (isinstance(value, int) and value.bit_length() <= _LONGEST_INTEGER)


_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Typed]], ...] = (
    (bool, _of_bool),
    (int, _of_int),
    (float, _of_float),
    (str, _of_text),
    (Decimal, _of_decimal),
    (datetime, _of_datetime),
    (date, _of_date),
    (time, _of_time),
    (timedelta, _of_timedelta),
    (UUID, _of_uuid),
    ((bytes, bytearray, memoryview), _of_bytes),
    (Mapping, _of_mapping),
)


def _of_numpy(numpy: Any, value: Any) -> Typed:
    if isinstance(value, numpy.bool_):
        return _of_bool(bool(value))
    if isinstance(value, numpy.float32 | numpy.float16):
        digits = str(value) if isinstance(value, numpy.float32) else repr(float(value))
        return f"'{_spelled(digits)}'::float4", "float4"
    if isinstance(value, numpy.datetime64 | numpy.timedelta64):
        return _of_numpy_time(numpy, value)
    if isinstance(value, numpy.integer):  # behind timedelta64, which numpy counts among the integers
        return _of_int(int(value))
    raise no_literal(value)


def _of_numpy_time(numpy: Any, value: Any) -> Typed:
    unit = numpy.datetime_data(value.dtype)[0]
    if isinstance(value, numpy.timedelta64) and unit in ("Y", "M", "generic"):
        raise no_literal(value, f"its unit {unit} has no fixed length")
    if unit in ("ns", "ps", "fs", "as"):
        micro = value.astype(f"{'m8' if isinstance(value, numpy.timedelta64) else 'M8'}[us]")
        if micro != value:
            raise no_literal(value, "it is finer than a microsecond")
        value = micro
    plain = value.item()
    if isinstance(plain, timedelta):
        return _of_timedelta(plain)
    if isinstance(plain, datetime):
        return _of_datetime(plain)
    if isinstance(plain, date):
        return _of_date(plain)
    raise no_literal(value, "it lies outside the years 1 to 9999 or the days of a timedelta")
