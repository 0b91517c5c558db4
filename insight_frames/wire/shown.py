"""How Metabase itself shows PostgreSQL's values, and back: exactly, or not at all.

Without SQL nothing can be cast before it is sent, so that each type is taken in the form of each version; what a
version cannot show without loss is refused by name before anything is asked, as recorded answers of servers show.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..pgtypes import BadValue, PgType, Reading
from ..pgtypes.arrays import join_array
from ..pgtypes.intervals import interval_text
from ..pgtypes.kinds import words
from ..pgtypes.moments import DAY_US

Era = int | None

_INTEGERS = words("int2 int4 int8 oid")
_FLOATS = words("float4 float8")
_TEXTS = words(
    "text varchar bpchar char name citext uuid json jsonb inet cidr macaddr macaddr8 tsvector int4range int8range"
    " numrange daterange tsrange"
)
_MOMENTS = words("date timestamp timestamptz time")
_IN_LISTS = words("int2 int4 int8 numeric bool text varchar name uuid")
_WHY = {
    "bytea": "it shows only the first four bytes",
    "timetz": "it shifts the value to its own time zone",
    "money": "its digits follow a setting of the database",
    "bit": "it shows one bit as true or false and several as text",
    "varbit": "older versions show nothing of it",
    "xml": "it shows no text of it",
    "enum": "it does not know the labels and their order",
    "tstzrange": "its text follows the session's time zone",
}
MILLISECONDS_UNTIL = 33  # the last version that cuts times to milliseconds, and dates as Java's old calendar has them
SIGNLESS = (34,)  # versions that show 44 BC as 0044, and an infinite number as NULL
GREGORIAN = "1600"  # before, the old calendar names another day


def refusal(type_: PgType, era: Era, numbers: str) -> str | None:
    """Say why values of a type cannot be taken from Metabase's own answers; None if they can."""
    name = type_.name
    if name == "array":
        fine = type_.element is not None and type_.element.name in _IN_LISTS
        return None if fine else "how it shows the parts of such a list is not known"
    if era is not None and era <= MILLISECONDS_UNTIL and name in ("timestamp", "timestamptz", "time"):
        return "this version leaves out the microseconds"
    if name == "numeric" and numbers == "exact":
        return "it does not know how many digits the column has"
    if name in _INTEGERS | _FLOATS | _TEXTS | _MOMENTS | {"numeric", "bool", "interval"}:
        return None
    return _WHY.get(name, "how it shows such values is not known")


def column(values: Sequence[Any], reading: Reading, era: Era) -> pa.Array:
    """Make one column of the stream of what Metabase shows; BadValue for the first value that does not fit.

    ``values`` are None, bool, str, :class:`Number` or a list, as JSON has them.
    """
    name = reading.type.name
    if name in _MOMENTS:
        return _moments(values, reading, era)
    if name in _FLOATS:
        return reading.parse(_each(values, lambda value: _float_hex(value, name)))
    if name in _INTEGERS:
        return reading.parse(_each(values, _integer))
    if name == "numeric":
        return reading.parse(_each(values, _digits))
    if name == "bool":
        return reading.parse(_each(values, _truth))
    if name == "interval":
        return _each(values, _interval)
    if name == "array":
        return reading.parse(_each(values, _list))
    return _each(values, _text)


def _each(values: Sequence[Any], convert: Callable[[Any], str]) -> pa.Array:
    """Convert value by value; what is of another form becomes a BadValue."""
    made: list[str | None] = []
    for index, value in enumerate(values):
        try:
            made.append(None if value is None else convert(value))
        except (ValueError, ArithmeticError):
            raise BadValue(index, str(value), "the server shows it in another form than its type") from None
    return pa.array(made, pa.string())


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    return value


def _integer(value: Any) -> str:
    if not isinstance(value, str):  # as text where a key is shown in an interactive answer
        raise ValueError
    return str(value)


def _truth(value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError
    return "true" if value else "false"


def _digits(value: Any) -> str:
    if type(value) is str and value != "NaN":
        raise ValueError
    if "E" not in value and "e" not in value:
        return str(value)
    return f"{Decimal(value):f}"


def _float_hex(value: Any, name: str) -> str:
    if type(value) is str and value not in ("NaN", "Infinity", "-Infinity"):
        raise ValueError
    return struct.pack(">d", float(value)).hex() if name == "float8" else _float4_hex(value)


def _float4_hex(value: str) -> str:
    """The bits of the float4 whose shortest digits these are."""
    nearest = pa.array([str(value)]).cast(pa.float32())[0].as_py()
    return struct.pack(">f", nearest).hex()


def _list(value: Any) -> str:
    if type(value) is str:
        return value
    if not isinstance(value, list) or any(isinstance(one, list | dict) for one in value):
        raise ValueError
    shown = [("t" if one else "f") if isinstance(one, bool) else one if one is None else str(one) for one in value]
    return join_array([(1, len(shown))], shown)


_INTERVAL = re.compile(
    r"(-?\d+) years (-?\d+) mons (-?\d+) days (-?\d+) hours (-?\d+) mins (-?)(\d+)(?:\.(\d+))?(?:E(-?\d+))? secs"
)


def _interval(value: Any) -> str:
    found = _INTERVAL.fullmatch(_text(value))
    if found is None:
        raise ValueError
    years, months, days, hours, minutes = map(int, found.groups()[:5])
    digits = Decimal(f"{found[7]}.{found[8] or '0'}E{found[9] or '0'}") * 1_000_000
    if digits != int(digits):
        raise ValueError
    seconds = -int(digits) if found[6] else int(digits)
    return interval_text((hours * 60 + minutes) * 60_000_000 + seconds, days, years * 12 + months)


# ------------------------------------------------------------------------------------------------ moments
_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d{1,6})?"
_ZONE = r"(?:Z|[+-]\d\d:\d\d)"
_ORDINARY = {
    "date": f"^{_DATE}(?:T00:00:00(?:\\.0{{1,3}})?{_ZONE})?$",
    "timestamp": f"^{_DATE}(?:T{_CLOCK}{_ZONE}?)?$",
    "timestamptz": f"^{_DATE}T{_CLOCK}{_ZONE}$",
    "time": f"^{_CLOCK}{_ZONE}?$",
}
_ANY = re.compile(
    r"([+-]?\d{4,9})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d(?::\d\d)?)?)?"
)
_ANY_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|[+-]\d\d:\d\d)?")
_FOREVER = 999_999_999  # the year that Java shows infinity as


def _moments(values: Sequence[Any], reading: Reading, era: Era) -> pa.Array:
    """Dates and times: all at once where they are ordinary ones, else each by itself as PostgreSQL's number."""
    name = reading.type.name
    texts = _each(values, _text)
    old = era is not None and era <= MILLISECONDS_UNTIL
    ordinary = pc.match_substring_regex(texts, _ORDINARY[name])
    if name != "time" and reading.arrow != pa.string() and not pc.any(pc.invert(ordinary)).as_py():
        least = pc.min_max(texts)["min"].as_py()
        if least is None or least >= (GREGORIAN if old else "0001"):
            return _ordinary(texts, name, reading.arrow)
    if old:
        _refuse_old(texts)
    return reading.parse(_each(texts.to_pylist(), lambda text: _hex(text, name)))


def _ordinary(texts: pa.Array, name: str, arrow: pa.DataType) -> pa.Array:
    if name == "timestamptz":
        return texts.cast(arrow)
    wall = pc.replace_substring_regex(texts, f"{_ZONE}$", "") if name != "date" else texts
    return pc.utf8_slice_codeunits(wall, 0, 10).cast(arrow) if name == "date" else wall.cast(arrow)


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
