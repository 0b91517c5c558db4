"""THE table: PostgreSQL type -> how it is asked for, what it is in Arrow (``frames.py`` goes on to pandas).

Nothing else in the package decides a type; what is not listed is read as PostgreSQL's text, so that a type nobody
thought of, or one of the future, arrives unharmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from .arrays import array_of
from .codec import PLAIN, Codec, as_text, by_chunk
from .intervals import INTERVAL
from .kinds import PgType, words
from .moments import DATE, TIME, TIMESTAMP, TIMESTAMPTZ
from .numbers import Boolean, Float, Integer, numeric
from .texts import REG_CATALOGUES, Bytes, enum, moment_range, registered

Numbers = Literal["float", "exact", "digits"]
OutOfRange = Literal["raise", "text"]

_TABLE: dict[str, Codec] = {
    "int2": Integer(csv=pa.int16(), arrow=pa.int16()),
    "int4": Integer(csv=pa.int32(), arrow=pa.int32()),
    "int8": Integer(csv=pa.int64(), arrow=pa.int64()),
    "oid": Integer(csv=pa.int64(), arrow=pa.int64()),
    "bool": Boolean(csv=pa.bool_(), arrow=pa.bool_()),
    "float4": Float("encode(float4send({0}),'hex')", arrow=pa.float32(), wire=">f4"),
    "float8": Float("encode(float8send({0}),'hex')", arrow=pa.float64(), wire=">f8"),
    "date": DATE,
    "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMPTZ,
    "time": TIME,
    "interval": INTERVAL,
    "bytea": Bytes("encode({0},'hex')", arrow=pa.binary()),
    # A cast to text would cut the padding of char(n) and add the mask to an inet; the output functions do neither.
    "bpchar": Codec("textin(bpcharout({0}))"),
    "inet": Codec("textin(inet_out({0}))"),
    "daterange": moment_range(DATE, False),
    "tsrange": moment_range(TIMESTAMP, False),
    "tstzrange": moment_range(TIMESTAMPTZ, False),
    "datemultirange": moment_range(DATE, True),
    "tsmultirange": moment_range(TIMESTAMP, True),
    "tstzmultirange": moment_range(TIMESTAMPTZ, True),
    **{name: registered(name) for name in REG_CATALOGUES},
}
# Their text holds floats, dates or whatever their parts are, in the session's own style.
_SESSION = words("point line lseg box path polygon circle composite range other")
_OUT_OF_RANGE = words("date timestamp timestamptz time array")
_LISTS = words(
    """int2 int4 int8 oid bool float4 float8 numeric money date timestamp timestamptz time timetz interval bytea text
    varchar bpchar char name uuid json jsonb inet cidr macaddr macaddr8 bit varbit enum"""
)


@dataclass(frozen=True)
class Reading:
    """How one column is read.

    Attributes
    ----------
    type : PgType
        The column's type.
    codec : Codec
        The table's entry for it.
    """

    type: PgType
    codec: Codec

    @property
    def csv_type(self) -> pa.DataType:
        """What pyarrow.csv parses the packed field as."""
        return self.codec.csv

    @property
    def arrow(self) -> pa.DataType:
        """What the stream carries."""
        return self.codec.arrow

    @property
    def session_dependent(self) -> bool:
        """True if the text follows the session's settings (DateStyle, TimeZone, extra_float_digits) all the same."""
        return self.codec.session

    @property
    def bare(self) -> bool:
        """True if the expression's text holds no comma, no quote and no line's end, whatever the value."""
        return self.codec.bare

    def expression(self, ref: str) -> str:
        """SQL over a quoted reference such as ``t."x"``; the same whatever `numbers` and `out_of_range` are."""
        return self.codec.sql.format(ref)

    def finish(self, column: Any) -> Any:
        """Turn a parsed packed column of `csv_type` into `arrow`; arrays and chunked arrays.

        Raises
        ------
        BadValue
            For the first value that does not fit; `parse` refuses the same values.
        """
        return by_chunk(self.codec.finish, column, self.arrow)

    def parse(self, strings: Any) -> Any:
        """Turn the text of the expression into `arrow`; raise BadValue for the first value that does not fit."""
        return by_chunk(self.codec.decode, strings, self.arrow)

    def to_text(self, column: Any) -> Any:
        """Turn a column of `arrow` into PostgreSQL's own text (ISO dates, UTC)."""
        return by_chunk(self.codec.encode, column, pa.string())

    def as_text(self) -> Reading:
        """The same expression read as PostgreSQL's text, which takes every value."""
        return Reading(self.type, as_text(self.codec))


def reading(type_: PgType, *, numbers: Numbers = "float", out_of_range: OutOfRange = "raise") -> Reading:
    """Decide how a column of `type_` is read.

    Parameters
    ----------
    type_ : PgType
        From :func:`pg_type`.
    numbers : {"float", "exact", "digits"}
        numeric and money as float64; as decimals where the type is ``numeric(p,s)``; or as digits in text, which take
        NaN too.
    out_of_range : {"raise", "text"}
        "text" reads dates, times, arrays and exact numerics as PostgreSQL's text, whatever the data are, so that BC,
        infinity, 24:00:00, arrays of several dimensions and NaN in a decimal arrive.

    Examples
    --------
    >>> from insight_frames.pgtypes import pg_type
    >>> reading(pg_type("date")).arrow
    DataType(date32[day])
    >>> reading(pg_type("date")).expression('t."born"')
    'encode(date_send(t."born"),\\'hex\\')'
    """
    found = Reading(type_, _codec(type_, numbers != "float"))
    digits = type_.name in ("numeric", "money") and (
        numbers == "digits" or (numbers, out_of_range) == ("exact", "text")
    )
    return found.as_text() if digits or (out_of_range == "text" and type_.name in _OUT_OF_RANGE) else found


def _codec(type_: PgType, exact: bool) -> Codec:
    if type_.name == "numeric":
        return numeric(type_, exact)
    if type_.name == "money":
        return _money(type_, exact)
    if type_.name == "enum":
        return enum(type_.labels)
    if type_.name == "array" and type_.element is not None:
        return _array(type_.element, exact)
    return _TABLE.get(type_.name) or Codec(session=type_.name in _SESSION)


def _money(type_: PgType, exact: bool) -> Codec:
    codec = numeric(type_, exact)  # without precision: lc_monetary decides how many digits a currency has
    return type(codec)(sql="{0}::numeric", csv=codec.csv, arrow=codec.arrow)


def _array(element: PgType, exact: bool) -> Codec:
    if element.name not in _LISTS:
        return Codec(session=element.name in _SESSION)
    if element.name in ("enum", "bpchar", "inet"):
        return array_of(PLAIN)
    return array_of(_codec(element, exact))
