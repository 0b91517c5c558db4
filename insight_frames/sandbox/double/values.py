"""How a PostgreSQL value (as text) becomes a value of an answer, by type and era.

A :class:`Writer` makes the plain text of a value for one destination; JSON quotes it unless its kind is a bare number
or truth value. Interactive answers give every time an offset; exports of 0.49 are written for people, not for
programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from json.encoder import encode_basestring

from . import javatext as java
from .era import Era
from .query import PSQL, Column, QueryError

KINDS: dict[str, str] = {
    **dict.fromkeys(("int2", "int4", "int8"), "int"),
    **dict.fromkeys(("point", "box", "polygon", "circle", "lseg", "path", "line"), "geometry"),
    **{
        name: name
        for name in ("oid", "numeric", "float4", "float8", "money", "bool", "date", "time", "timetz", "timestamp")
    },
    **{name: name for name in ("timestamptz", "interval", "bytea", "bit", "pg_lsn")},
}
BARE = {"int", "oid", "numeric", "float4", "float8", "money", "bool", "bit"}
Text = Callable[[str], str]


_ESCAPE = re.compile(r"(\\u00[01])([a-f])|\\.")  # every escape is looked at, so that none starts inside another
_TRUTHS = ("true", "false")


class Unserializable(Exception):
    """A value that breaks the old serializer after the status went out."""


@dataclass
class Writer:
    """Turns one column's text into the text of an answer."""

    kind: str
    text: Text | None  # None: as it is
    null: str = "null"  # JSON of NULL
    bare: bool = False  # a JSON number or truth value

    def json(self, value: bytes | None) -> str:
        """The value as a JSON token."""
        if value is None:
            return self.null
        text = value.decode("utf-8")
        if self.text is not None:
            text = self.text(text)
        if self.bare and text not in java.SPECIAL and (self.kind != "bit" or text in _TRUTHS):
            return text or "null"
        return quote(text)

    def plain(self, value: bytes | None) -> str:
        """The value as the text of a CSV field; NULL is empty."""
        if value is None:
            return ""
        text = value.decode("utf-8")
        return self.text(text) if self.text is not None else text


def quote(text: str) -> str:
    """A JSON string as the Jackson library writes it: control characters in upper-case hexadecimal."""
    quoted = encode_basestring(text)
    if "\\u00" in quoted:
        quoted = _ESCAPE.sub(lambda match: match[1] + match[2].upper() if match[2] else match[0], quoted)
    return quoted


def writer(era: Era, column: Column, destination: str) -> Writer:
    """The writer of a column for ``dataset``, ``json`` or ``csv``."""
    kind = KINDS.get(column.type_name, "text")
    if destination != "dataset" and era.formatted:
        return _for_people(kind, column.key)
    text = _text(era, kind, destination)
    return Writer(kind, text, bare=kind in BARE)


def _for_people(kind: str, key: bool) -> Writer:
    number = kind in ("int", "numeric", "float4", "float8", "money", "pg_lsn")
    forms: dict[str, Text] = {
        "int": lambda text: java.people_number(text, "int", key),
        "numeric": lambda text: java.people_number(_finite(text), "numeric"),
        "money": lambda text: java.people_number(java.money(text), "numeric"),
        "float4": lambda text: java.people_number(text, "float4"),
        "float8": lambda text: java.people_number(text, "float8"),
        "date": java.people_date,
        "time": java.people_time,
        "timetz": lambda text: java.people_time(java.utc_time(text)),
        "timestamp": java.people_timestamp,
        "timestamptz": java.people_timestamp,
        "bool": _truth,
        "bit": _bit,
        "bytea": _object,
        "interval": java.interval,
        "geometry": java.geometry,
    }
    return Writer(kind, forms.get(kind), null="null" if number else '""')


def _finite(text: str) -> str:
    if text in ("Infinity", "-Infinity"):
        raise QueryError(f"Bad value for type BigDecimal : {text}", java=PSQL, error_type="qp", state="22003")
    return text


def _decimal(text: str) -> str:
    return java.decimal(_finite(text))


def _decimal_31(text: str) -> str:
    if text in java.SPECIAL:
        raise QueryError(f"Bad value for type BigDecimal : {text}", java=PSQL, error_type="qp", state="22003")
    return java.decimal(text)


def _decimal_34(text: str) -> str:
    return "" if text in ("Infinity", "-Infinity") else java.decimal(text)


def _truth(text: str) -> str:
    return "true" if text == "t" else "false"


def _bit(text: str) -> str:
    """One bit is a truth value, several are text."""
    return {"1": "true", "0": "false"}.get(text, text)


def _bit_old(text: str) -> str:
    if text not in ("1", "0"):
        raise QueryError(f'Cannot cast to boolean: "{text}"', java=PSQL, error_type="qp", state="42846")
    return _bit(text)


def _object(text: str) -> str:
    """A byte array, which nobody knows how to write."""
    return java.identity("[B", text)


def _hex(text: str) -> str:
    """Only the first four bytes ever leave the server."""
    return f"0x{text[2:10].upper()}"


def _money_31(text: str) -> str:
    plain = text.replace("$", "")
    if "," in plain:
        raise QueryError(f"Bad value for type double : {plain}", java=PSQL, error_type="qp", state="22003")
    return java.float8(plain)


def _text(era: Era, kind: str, destination: str) -> Text | None:
    """Kinds that look the same everywhere, then the era's own."""
    common: dict[str, Text] = {
        "float4": java.float4,
        "float8": java.float8,
        "bool": _truth,
        "bit": _bit_old if era.number < 35 else _bit,
        "interval": java.interval_old if era.number < 35 else java.interval,
        "geometry": java.geometry,
        "bytea": _object if destination == "csv" else _hex,
        "numeric": {31: _decimal_31, 34: _decimal_34}.get(era.number, _decimal),
        "money": _money_31 if era.number == 31 else java.money,
    }
    if kind in common:
        return common[kind]
    family = {31: _joda, 34: _zoned}.get(era.number, _iso)
    return family(kind, destination == "dataset")


def _day(text: str, year: Callable[[int], str]) -> str:
    if len(text) == 10:
        return text
    if text in java.INFINITE:
        return f"{year(999999999)}-12-31" if text == "infinity" else f"{year(-999999999)}-01-01"
    number, rest = java.split_date(text)
    return f"{year(number)}-{rest}"


def _moment(text: str, year: Callable[[int], str]) -> tuple[str, str]:
    """Day and time of day of a timestamp."""
    if text in java.INFINITE:
        return _day(text, year), "23:59:59.999999999" if text == "infinity" else "00:00:00"
    if text[4:5] == "-" and not text.endswith("BC"):
        return text[:10], java.clock(text)
    return _day(text.removesuffix(" BC").rsplit(" ", 1)[0] + (" BC" if text.endswith("BC") else ""), year), java.clock(
        text
    )


def _midday(time: str) -> str:
    return "23:59:59.999999999" if time.startswith("24:") else time


_FAR = {"infinity": "-18:00", "-infinity": "+18:00"}


def _iso(kind: str, interactive: bool) -> Text | None:
    """Times since 0.35: ISO text; an export drops a midnight."""
    zone = "Z" if interactive else ""

    def timestamp(text: str) -> str:
        day, time = _moment(text, java.iso_year)
        return day if time == "00:00:00" and not interactive else f"{day}T{time}{zone}"

    def timestamptz(text: str) -> str:
        day, time = _moment(text, java.iso_year)
        return f"{day}T{time}{_FAR.get(text, 'Z')}"

    forms: dict[str, Text] = {
        "date": lambda text: _day(text, java.iso_year) + ("T00:00:00Z" if interactive else ""),
        "time": lambda text: _midday(text) + zone,
        "timetz": lambda text: java.utc_time(text) + "Z",
        "timestamp": timestamp,
        "timestamptz": timestamptz,
    }
    return forms.get(kind)


def _zoned(kind: str, interactive: bool) -> Text | None:
    """Times in 0.34: always with a zone, years counted from their era; what cannot move to UTC breaks the answer."""

    def timestamp(text: str) -> str:
        return "T".join(_moment(text, java.era_year)) + "Z"

    def timestamptz(text: str) -> str:
        if text in java.INFINITE:
            year = 1000000000 if text == "infinity" else -1000000000
            raise Unserializable(f"Invalid value for Year (valid values -999999999 - 999999999): {year}")
        return timestamp(text)

    def timetz(text: str) -> str:
        time, offset = java.split_zone(text)
        sign, size = ("-" if offset < 0 else "+"), abs(offset)
        shown = f"{sign}{size // 3600:02d}:{size // 60 % 60:02d}" if offset else "Z"
        return _midday(time) + shown

    forms: dict[str, Text] = {
        "date": lambda text: _day(text, java.era_year) + ("T00:00:00Z" if interactive else ""),
        "time": lambda text: _midday(text) + "Z",
        "timetz": timetz,
        "timestamp": timestamp,
        "timestamptz": timestamptz,
    }
    return forms.get(kind)


_LAST, _FIRST = ("292278994-08-16", "23:00:00"), ("-292275055-05-16", "23:00:00")


def _joda(kind: str, interactive: bool) -> Text | None:
    """Times in 0.31: milliseconds, and the Julian calendar before 1582."""

    def moment(text: str) -> str:
        if text in java.INFINITE:
            day, time = _LAST if text == "infinity" else _FIRST
        else:
            before = " BC" if text.endswith(" BC") else ""
            day = java.joda_date(text.removesuffix(" BC").rsplit(" ", 1)[0] + before)
            time = java.clock(text)
        return f"{day}T{java.millis(time)}Z"

    def date(text: str) -> str:
        day, time = java.joda_date(text), "00:00:00"
        if text in java.INFINITE:
            day, time = _LAST if text == "infinity" else _FIRST
        return f"{day}T{time}.000Z" if interactive else day

    forms: dict[str, Text] = {
        "date": date,
        "time": lambda text: java.millis("00:00:00" if text.startswith("24:") else text) + "Z",
        "timetz": lambda text: java.millis(java.utc_time(text)) + "Z",
        "timestamp": moment,
        "timestamptz": moment,
    }
    return forms.get(kind)
