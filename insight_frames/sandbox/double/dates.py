"""The date expressions of filters: ``2021-02``, ``Q1-2021``, ``2021-02-01~2021-02-03``, ``past7days``, ``thismonth``.

Every expression is a range of whole days, open at one end where the expression is; both ends belong to it, as in the
front end's calendar.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from dataclasses import dataclass

_DAY = r"(\d{4}-\d\d-\d\d)(?:T[\d:.]+Z?)?"
_UNITS = {"day": 1, "week": 7}


@dataclass(frozen=True)
class Range:
    """Days from ``start`` to ``end``; None where it is open (then the day itself is outside)."""

    start: dt.date | None
    end: dt.date | None


def _month(year: int, month: int, count: int = 1) -> Range:
    last = month + count - 1
    return Range(dt.date(year, month, 1), dt.date(year, last, monthrange(year, last)[1]))


def _shift(first: dt.date, months: int) -> dt.date:
    place = first.year * 12 + first.month - 1 + months
    return dt.date(place // 12, place % 12 + 1, 1)


def _start(today: dt.date, unit: str) -> dt.date:
    if unit == "week":
        return today - dt.timedelta(days=(today.weekday() + 1) % 7)
    if unit == "month":
        return today.replace(day=1)
    if unit == "quarter":
        return today.replace(month=today.month - (today.month - 1) % 3, day=1)
    return today.replace(month=1, day=1) if unit == "year" else today


def _moved(start: dt.date, unit: str, count: int) -> dt.date:
    if unit in _UNITS:
        return start + dt.timedelta(days=_UNITS[unit] * count)
    return _shift(start, count * {"month": 1, "quarter": 3, "year": 12}[unit])


def _relative(text: str, today: dt.date) -> Range | None:
    if text in ("today", "yesterday", "thisday", "lastday"):
        day = today - dt.timedelta(days=text in ("yesterday", "lastday"))
        return Range(day, day)
    one = dt.timedelta(days=1)
    if match := re.fullmatch(r"(past|next)(\d+)(day|week|month|quarter|year)s?(~)?", text):
        count, unit = int(match[2]), match[3]
        start = _start(today, unit)
        this_end = _moved(start, unit, 1) - one
        if match[1] == "past":
            return Range(_moved(start, unit, -count), this_end if match[4] else start - one)
        return Range(start if match[4] else this_end + one, _moved(start, unit, count + 1) - one)
    if match := re.fullmatch(r"(this|last|next)(week|month|quarter|year)", text):
        start = _moved(_start(today, match[2]), match[2], {"this": 0, "last": -1, "next": 1}[match[1]])
        return Range(start, _moved(start, match[2], 1) - one)
    return None


def parse(text: str, today: dt.date) -> Range | None:
    """The days that an expression means, or None if it is none."""
    day = dt.date.fromisoformat
    if match := re.fullmatch(rf"{_DAY}~{_DAY}", text):
        return Range(day(match[1]), day(match[2]))
    if match := re.fullmatch(rf"{_DAY}(~)?", text):
        return Range(day(match[1]), None if match[2] else day(match[1]))
    if match := re.fullmatch(rf"~{_DAY}", text):
        return Range(None, day(match[1]))
    if match := re.fullmatch(r"(\d{4})-(\d\d)", text):
        return _month(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"Q([1-4])-(\d{4})", text):
        return _month(int(match[2]), 3 * int(match[1]) - 2, 3)
    return _relative(text, today)
