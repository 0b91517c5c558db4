"""How Metabase itself shows PostgreSQL's values, and back: exactly, or not at all.

Without SQL nothing can be cast before it is sent, so that each type is taken in the form of each version; what a
version cannot show without loss is refused by name before anything is asked, as recorded answers of servers show.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ..pgtypes import PgType, Reading
from ..pgtypes.arrays import join_array
from ..pgtypes.intervals import interval_text
from ..pgtypes.kinds import words
from .shownmoments import MILLISECONDS_UNTIL, Era, each, moments

_INTEGERS = words("int2 int4 int8 oid")
_FLOATS = words("float4 float8")
_TEXTS = words(
    "text varchar bpchar char name citext uuid json jsonb inet cidr macaddr macaddr8 tsvector int4range int8range"
    " numrange daterange tsrange"
)
_MOMENTS = words("date timestamp timestamptz time")
_BARE = _INTEGERS | _FLOATS | {"numeric", "bool"}
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
SIGNLESS = (34,)  # versions that show 44 BC as 0044, and an infinite number as NULL


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
        return moments(each(values, _text), reading, era)
    if name in _FLOATS:
        return reading.parse(each(values, lambda value: _float_hex(value, name)))
    if name in _INTEGERS:
        return reading.parse(each(values, _integer))
    if name == "numeric":
        return reading.parse(each(values, _digits))
    if name == "bool":
        return reading.parse(each(values, _truth))
    if name == "interval":
        return each(values, _interval)
    if name == "array":
        return reading.parse(each(values, _list))
    return each(values, _text)


def json_type(reading: Reading) -> pa.DataType | None:
    """Give what Arrow's JSON reader makes of the values of a type: the same as :func:`column`, a text, or an error.

    None for what it would take in other forms too.
    """
    name = reading.type.name
    if name in _BARE:
        return reading.arrow if _is_read_alike(name, reading.arrow) else None
    return None if name == "array" else pa.string()


def _is_read_alike(name: str, arrow: pa.DataType) -> bool:
    if name in _INTEGERS:
        return bool(pa.types.is_integer(arrow))
    return bool(pa.types.is_boolean(arrow) if name == "bool" else pa.types.is_floating(arrow))


def has_to_be_read(type_: PgType) -> bool:
    """Whether a value is another than the text that is shown."""
    return type_.name in _MOMENTS or type_.name == "interval"


def at_once(texts: pa.StringArray, reading: Reading, era: Era) -> pa.Array:
    """Make of the texts in an answer the same as :func:`column` does, or an error of whatever kind."""
    if reading.type.name == "interval":
        return each(texts.to_pylist(), _interval)
    return moments(texts, reading, era)


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
    if not isinstance(value, str) or (type(value) is str and value != "NaN"):
        raise ValueError
    if "E" not in value and "e" not in value:
        return str(value)
    return f"{Decimal(value):f}"


def _float_hex(value: Any, name: str) -> str:
    if not isinstance(value, str) or (type(value) is str and value not in ("NaN", "Infinity", "-Infinity")):
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
