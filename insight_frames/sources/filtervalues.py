"""A value of a condition as Metabase compares it with a column of a type: the same as SQL would, or refused.

Metabase reads a bare day beside a timestamp as the whole day, and a decimal as the nearest float; where that would be
another comparison, the value is written out in full or not taken.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from ..pgtypes import PgType

_INTEGERS = ("int2", "int4", "int8", "oid", "numeric")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FIRST_YEAR = 1600  # before, older versions count in another calendar
TIMES_SINCE = 35  # versions before read times in filters by their own clock


class Unlike(ValueError):
    """A value that Metabase would compare otherwise than PostgreSQL; the text says why and not which."""


def value_of(value: Any, type_: PgType, era: int | None) -> Any:
    """Give the JSON value, or raise :class:`Unlike`."""
    value = value.item() if hasattr(value, "item") and type(value).__module__ == "numpy" else value
    name = type_.name
    if name == "bool" and isinstance(value, bool):
        return value
    if isinstance(value, bool):
        raise Unlike(f"a truth value beside a column of type {type_.text}")
    if name in _INTEGERS and isinstance(value, int | float | Decimal):
        return _exact(value)
    if name in ("float4", "float8") and isinstance(value, int | float | Decimal):
        return _finite(float(value))
    if name in ("text", "varchar") and isinstance(value, str):
        return value
    if name == "uuid" and isinstance(value, str | UUID):
        return str(value)
    if name == "date":
        return _day(value)
    if name in ("timestamp", "timestamptz") and (era is None or era >= TIMES_SINCE):
        return _moment(value, zoned=name == "timestamptz")
    raise Unlike(f"a value of type {type(value).__name__} beside a column of type {type_.text}")


def _exact(value: Any) -> Any:
    if isinstance(value, int):
        return value
    nearest = _finite(float(value))
    if Fraction(value) != Fraction(nearest):
        raise Unlike("a decimal that a float cannot hold, which Metabase would compare as the nearest one")
    return nearest


def _finite(value: float) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise Unlike("a number that is not finite")
    return value


def _day(value: Any) -> str:
    if isinstance(value, str) and _DAY.fullmatch(value):
        value = _parsed(value).date()
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime) and value.year >= _FIRST_YEAR:
        return value.isoformat()
    raise Unlike("something else than a day from 1600 on, as a date or 'YYYY-MM-DD', beside a date")


def _moment(value: Any, *, zoned: bool) -> str:
    if isinstance(value, str):
        value = _parsed(value)
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if not isinstance(value, dt.datetime) or value.year < _FIRST_YEAR or bool(getattr(value, "nanosecond", False)):
        raise Unlike("something else than a moment beside a timestamp")
    if zoned != (value.utcoffset() is not None):
        raise Unlike(
            f"a moment {'without' if zoned else 'with'} a time zone beside one {'with' if zoned else 'without'}"
        )
    shown = value.astimezone(dt.UTC).replace(tzinfo=None) if zoned else value
    return f"{shown:%Y-%m-%dT%H:%M:%S.%f}{'Z' if zoned else ''}"


def _parsed(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise Unlike("a text that is no date or time in ISO form") from None
