"""One value for one template tag, as Metabase takes it: by the tag's kind, or the widget and field of a field filter.

A text is never taken for a number, nor a number for a text: '007' and 7 are two different sites. Numbers go only if a
double holds them, because that is what the server reads them into.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tags import Tag

_SAFE = 1 << 53
_DAY = r"\d{4}-\d\d-\d\d"
_UNIT = r"(?:minute|hour|day|week|month|quarter|year)"
_WORDS = rf"today|yesterday|(?:this|last|next){_UNIT}|(?:past|next)\d+{_UNIT}s?(?:~|-from-\d+{_UNIT}s?)?"
_DATES = {
    "date/single": _DAY,
    "date/month-year": r"\d{4}-\d\d",
    "date/quarter-year": r"Q[1-4]-\d{4}",
    "date/range": rf"{_DAY}~{_DAY}",
    "date/relative": _WORDS,
}
_ANY_DATE = "|".join([*_DATES.values(), rf"{_DAY}~|~{_DAY}"])
_SAID = {
    "date/single": "a date, or a text such as '2024-01-31'",
    "date/month-year": "a text such as '2024-01'",
    "date/quarter-year": "a text such as 'Q1-2024'",
    "date/range": "two dates, (first, last), or a text such as '2024-01-01~2024-01-31'",
    "date/relative": "a text such as 'past30days'",
}
_SAID_ANY = "a date, two dates (None for an open end), or a text such as '2024-01', 'past30days'"
_TEXTS = ("type/Text", "type/PostgresEnum", "type/UUID")
_NUMBERS = ("type/Integer", "type/BigInteger", "type/Decimal", "type/Float")


class Unfit(Exception):
    """A value that a tag does not take; its text says what would be taken, without the value."""


def kind(tag: Tag) -> str:
    """Which type of parameter goes with a tag, in words that every version takes."""
    by_kind = {"text": "category", "number": "number", "date": "date/single"}
    return (tag.widget or "category") if tag.kind == "dimension" else by_kind.get(tag.kind, tag.kind)


def written(kind: str, widget: str, value: Any, base: str | None) -> Any:
    """Write a value for a tag of a kind; Unfit if it is none."""
    if kind == "dimension":
        return _filter(widget, value, base)
    if kind == "number":
        return _number_or_numbers(value)
    if kind == "date":
        return _date(value, "date/single")
    if kind == "boolean":
        return _as(value, bool, "True or False")
    return _as(value, str, "a str")


def _filter(widget: str, value: Any, base: str | None) -> Any:
    """Write what a field filter is to let through: one value or a list."""
    if widget.startswith("date"):
        return _date(value, widget)
    one: Callable[[Any], Any] = _either
    if widget.startswith("number") or base in _NUMBERS:
        one = _number
    elif widget.startswith(("string", "location")) or base in _TEXTS:
        one = _text
    many = _listed(value)
    if many is None:
        return one(value)
    if not many:
        raise Unfit("a list that is not empty")
    return [one(each) for each in many]


def _listed(value: Any) -> list[Any] | None:
    """Give the items of a list-like value, None for a single one."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return None
    return list(value)


def _as(value: Any, wanted: type, said: str) -> Any:
    if not isinstance(value, wanted):
        raise Unfit(said)
    return value


def _text(value: Any) -> str:
    return str(_as(value, str, "a str, or a list of str"))


def _either(value: Any) -> str | int | float:
    return value if isinstance(value, str) else _number(value, "a str or a number, or a list of them")


def _number(value: Any, said: str = "a number, or a list of numbers") -> int | float:
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        raise Unfit(said)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Decimal):
        return _finite(value, said)
    if isinstance(value, Real) and math.isfinite(float(value)):
        return float(value)
    raise Unfit(said)


def _finite(value: Decimal, said: str) -> int | float:
    if value.is_finite() and value == value.to_integral_value():
        return int(value)
    if not value.is_finite() or Decimal(repr(float(value))) != value:
        raise Unfit(f"{said} with at most 15 digits")
    return float(value)


def _number_or_numbers(value: Any) -> Any:
    """A number as it is, several as a text with commas, which every version reads."""
    many = _listed(value)
    if many is None:
        one = _number(value)
        return str(one) if isinstance(one, int) and abs(one) > _SAFE else one
    if not many:
        raise Unfit("a list that is not empty")
    return ",".join(format(Decimal(repr(_number(one))), "f") for one in many)


# ------------------------------------------------------------------------------------------------ dates
def _date(value: Any, widget: str) -> str:
    said = _SAID.get(widget, _SAID_ANY)
    if isinstance(value, str):
        if not re.fullmatch(_DATES.get(widget, _ANY_DATE), value) or not _real(value):
            raise Unfit(said)
        return value
    pair = _listed(value)
    if pair is not None:
        return _range(pair, widget, said)
    day = _day(value, said)
    if widget in ("date/month-year", "date/quarter-year", "date/relative"):
        raise Unfit(said)
    return f"{day}~{day}" if widget == "date/range" else day


def _real(text: str) -> bool:
    """Whether the days in a text are days of the calendar."""
    try:
        return all(dt.date.fromisoformat(one) is not None for one in re.findall(_DAY, text))
    except ValueError:
        return False


def _range(pair: list[Any], widget: str, said: str) -> str:
    open_ended = widget not in _DATES
    if widget in ("date/single", "date/month-year", "date/quarter-year", "date/relative") or len(pair) != 2:
        raise Unfit(said)
    if pair == [None, None] or (None in pair and not open_ended):
        raise Unfit(said)
    return "~".join("" if one is None else _day(one, said) for one in pair)


def _day(value: Any, said: str) -> str:
    if isinstance(value, str) and re.fullmatch(_DAY, value) and _real(value):
        return value
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None or value != value.replace(hour=0, minute=0, second=0, microsecond=0):
            raise Unfit(said)
        value = value.date()
    if not isinstance(value, dt.date) or value != value:  # NaT is a date that is not itself
        raise Unfit(said)
    return f"{value:%Y-%m-%d}" if value.year >= 1000 else value.isoformat()
