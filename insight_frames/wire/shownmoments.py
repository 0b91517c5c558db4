"""Dates and times as Metabase shows them, and back: at once where they are ordinary ones, else one by one.

Java shows infinity as a year of nine digits and 24:00 as the last nanosecond of a day; versions that have dates as the
old calendar has them are believed only for days that both calendars name alike.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..pgtypes import BadValue, Reading
from ..pgtypes.moments import DAY_US

Era = int | None
_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d{1,6})?"
_ZONE = r"(?:Z|[+-]\d\d:\d\d)"
_ORDINARY = {
    "date": f"^{_DATE}(?:T00:00:00(?:\\.0{{1,3}})?{_ZONE})?$",
    "timestamp": f"^{_DATE}(?:T{_CLOCK}{_ZONE}?)?$",
    "timestamptz": f"^{_DATE}T{_CLOCK}{_ZONE}$",
    "time": f"^{_CLOCK}{_ZONE}?$",
}
_LAYOUTS = {"timestamp": b"", "timestamptz": b"Z"}  # how nearly all of them are shown
_MARKS = tuple(zip((10, 13, 16), b"T::", strict=True))
_YEAR_ONE, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # microseconds
_ANY = re.compile(
    r"([+-]?\d{4,9})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d(?::\d\d)?)?)?"
)
_ANY_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|[+-]\d\d:\d\d)?")
MILLISECONDS_UNTIL = 33  # the last version that cuts times to milliseconds, and dates as Java's old calendar has them
GREGORIAN = "1600"  # before, the old calendar names another day
_FOREVER = 999_999_999  # the year that Java shows infinity as


def each(values: Sequence[Any], convert: Callable[[Any], str]) -> pa.Array:
    """Convert value by value; what is of another form becomes a BadValue."""
    made: list[str | None] = []
    for index, value in enumerate(values):
        try:
            made.append(None if value is None else convert(value))
        except (ValueError, ArithmeticError):
            raise BadValue(index, str(value), "the server shows it in another form than its type") from None
    return pa.array(made, pa.string())


def moments(texts: pa.Array, reading: Reading, era: Era) -> pa.Array:
    """Dates and times: all at once where they are ordinary ones, else each by itself as PostgreSQL's number."""
    name = reading.type.name
    old = era is not None and era <= MILLISECONDS_UNTIL
    if name in _LAYOUTS and not old and reading.arrow != pa.string() and _is_laid_out(texts, _LAYOUTS[name]):
        with suppress(pa.ArrowInvalid):
            made = texts.cast(reading.arrow)
            if _in_our_years(made):
                return made
    ordinary = pc.match_substring_regex(texts, _ORDINARY[name])
    if name != "time" and reading.arrow != pa.string() and pc.all(ordinary).as_py() is not False:
        least = pc.min_max(texts)["min"].as_py()
        if least is None or least >= (GREGORIAN if old else "0001"):
            made = _ordinary(texts, name, reading.arrow)
            if name == "date" or _in_our_years(made):
                return made
    if old:
        _refuse_old(texts)
    return reading.parse(each(texts.to_pylist(), lambda text: _hex(text, name)))


def _in_our_years(made: pa.Array) -> bool:
    """Whether moments lie in the years 1 to 9999 also in UTC, where those of the first and last hours may not."""
    ends = pc.min_max(made)
    return ends["min"].value is None or (ends["min"].value >= _YEAR_ONE and ends["max"].value <= _LAST)


def _is_laid_out(texts: pa.Array, zone: bytes) -> bool:
    """Whether all are ordinary moments if they are moments at all: Arrow's own parser takes a few other layouts too."""
    if texts.null_count or not len(texts):
        return False
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    starts, sizes, whole = ends[:-1].astype(np.intp), np.diff(ends), 19 + len(zone)
    if not zone:  # midnight is shown as its day
        starts, sizes = starts[sizes != 10], sizes[sizes != 10]
    if not np.all(sizes >= whole):
        return False
    codes = np.frombuffer(data, np.uint8)
    if not all(np.all(codes[starts + place] == one) for place, one in _MARKS):
        return False
    if zone and not np.all(codes[starts + (sizes - 1)] == zone[0]):
        return False
    broken = sizes > whole
    return bool(np.all(sizes[broken] > whole + 1) and np.all(codes[starts[broken] + 19] == ord(".")))


def _ordinary(texts: pa.Array, name: str, arrow: pa.DataType) -> pa.Array:
    if name == "date":
        return pc.utf8_slice_codeunits(texts, 0, 10).cast(arrow)
    with suppress(pa.ArrowInvalid):  # with a zone where the type has one, without it where it has none
        return texts.cast(arrow)
    wall = pc.replace_substring_regex(texts, f"{_ZONE}$", "") if name == "timestamp" else texts
    return wall.cast(arrow)


def _refuse_old(texts: pa.Array) -> None:
    for index, text in enumerate(texts.to_pylist()):
        if text is not None and not GREGORIAN <= text[:4] <= "9999":
            raise BadValue(index, text, "this version of Metabase shows another day in place of it")


def _hex(text: str, name: str) -> str:
    """PostgreSQL's own number of a date or time, as its hex digits."""
    if name == "time":
        return struct.pack(">q", _time_of_day(text)).hex()
    found = _ANY.fullmatch(text)
    if found is None or (name == "timestamptz" and found[8] is None):
        raise ValueError
    year = int(found[1])
    if abs(year) == _FOREVER:
        return ("7fffffff" if year > 0 else "80000000") + ("" if name == "date" else ("f" if year > 0 else "0") * 8)
    days = _days(year, int(found[2]), int(found[3]))
    clock = _microseconds(found[4], found[5], found[6], found[7])
    if name == "date":
        if clock:  # the column has become one of moments since Metabase looked
            raise ValueError
        return struct.pack(">i", days).hex()
    zone = _offset(found[8]) if name == "timestamptz" else 0
    return struct.pack(">q", days * DAY_US + clock - zone).hex()


def _time_of_day(text: str) -> int:
    found = _ANY_TIME.fullmatch(text)
    if found is None:
        raise ValueError
    if found[4] == "999999999":  # how Java has PostgreSQL's 24:00
        return DAY_US
    return _microseconds(*found.groups()[:4])


def _microseconds(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> int:
    digits = (fraction or "").ljust(6, "0")
    if len(digits.rstrip("0")) > 6:
        raise ValueError
    return ((int(hour or 0) * 60 + int(minute or 0)) * 60 + int(second or 0)) * 1_000_000 + int(digits[:6] or 0)


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    hours, minutes, *more = map(int, zone[1:].split(":"))
    size = ((hours * 60 + minutes) * 60 + (more[0] if more else 0)) * 1_000_000
    return -size if zone[0] == "-" else size


def _days(year: int, month: int, day: int) -> int:
    """Days since 2000-01-01 in the calendar that PostgreSQL counts in, for any year."""
    shifted = year - (month <= 2)
    cycle, rest = divmod(shifted, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return cycle * 146_097 + rest * 365 + rest // 4 - rest // 100 + of_year - 730_425
