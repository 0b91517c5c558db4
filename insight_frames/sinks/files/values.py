"""What a format can carry: columns become doubles and texts, or the first value that would change is refused.

A double carries a value if what is read back from it is that value: whole numbers up to 2**53, decimals that its
shortest spelling gives back, moments whose microsecond survives the format's unit. Each test is that, and no rule of
thumb.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import pgtypes
from ...errors import InvalidInput, ValueOutOfRange, sentence
from .report import Change
from .table import FileTable

Column = Any  # pyarrow.ChunkedArray
Convert = Callable[[Column], Column]
OutOfRange = Literal["raise", "text"]
_EXACT = 2**53
_DAY = 86_400_000_000


class Unfit(Exception):
    """A column, or a value of it, that the format cannot hold; `place` is None if the whole type is meant."""

    def __init__(self, why: str, place: int | None = None) -> None:
        super().__init__(why)
        self.why, self.place = why, place


@dataclass
class Carrier:
    """What one format can carry.

    Attributes
    ----------
    format : str
        As messages call it.
    by_kind : dict
        Kind of column (see :func:`kind`) to the conversion; a kind that is missing does not exist in the format.
    text : callable
        Checks a column of text.
    out_of_range : {"raise", "text"}
        What to do about a column that does not fit.
    changes : list of Change
        Filled while columns are converted.
    """

    format: str
    by_kind: dict[str, Convert]
    text: Convert
    out_of_range: OutOfRange = "raise"
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.out_of_range not in ("raise", "text"):
            raise InvalidInput(sentence("out_of_range= cannot be meant", expected="'raise' or 'text'"))

    def carry(self, table: FileTable, place: int) -> tuple[str, Column]:
        """Give the kind of a column in the file, and its values there."""
        about, column = table.data.schema.field(place), table.data.column(place)
        named = kind(about)
        try:
            if named == "text":
                return named, self.text(column)
            if named not in self.by_kind:
                raise Unfit(f"{self.format} has no {named}s")
            return named, self.by_kind[named](column)
        except Unfit as unfit:
            if named == "text" or self.out_of_range == "raise":
                raise self._error(table, place, unfit, named) from None
        told = pgtypes.type_of(about).text
        self.changes.append(Change(table.label, about.name, "type", told, "text"))
        try:
            return "text", self.text(as_text(column, about))
        except Unfit as unfit:
            raise self._error(table, place, unfit, "text") from None

    def _error(self, table: FileTable, place: int, unfit: Unfit, named: str) -> Exception:
        about, column = table.data.schema.field(place), table.data.column(place)
        where = f"{table.label}, column {about.name!r}"
        hint = "leave the column out, or another format"
        if named != "text":
            hint = "out_of_range='text' writes such columns as PostgreSQL's text"
        if unfit.place is None:
            return InvalidInput(sentence(f"{self.format} cannot hold a column", where=where, got=unfit.why, try_=hint))
        type_ = pgtypes.type_of(about).text
        message = sentence(
            f"{self.format} cannot hold a value, and nothing was written",
            where=f"{where}, row {unfit.place + 1}, type {type_}",
            got=f"a value of which is true: {unfit.why}",
            try_=hint,
        )
        row = table.data.slice(unfit.place, 1)
        key = {one: row.column(one)[0].as_py() for one in table.keys} or None
        value = as_text(column.slice(unfit.place, 1), about)[0].as_py()
        return ValueOutOfRange(
            message, value=value, row_key=key, table=table.label, column=about.name, row=unfit.place + 1, type=type_
        )


def kind(field: pa.Field[Any]) -> str:
    """Say what a column is, as the formats tell kinds apart.

    >>> kind(pa.field("born", pa.date32())), kind(pa.field("seen", pa.timestamp("us", "UTC")))
    ('date', 'moment')
    """
    name, type_ = pgtypes.type_of(field).name, field.type
    if pa.types.is_string(type_):
        return {"interval": "interval", "numeric": "decimal", "money": "decimal"}.get(name, "text")
    if pa.types.is_timestamp(type_):
        return "timestamp" if type_.tz is None else "moment"
    tests: list[tuple[str, Callable[[Any], bool]]] = [
        ("enum", pa.types.is_dictionary),
        ("integer", pa.types.is_integer),
        ("float", pa.types.is_floating),
        ("decimal", pa.types.is_decimal),
        ("bool", pa.types.is_boolean),
        ("date", pa.types.is_date),
        ("time", pa.types.is_time),
        ("list", pa.types.is_list),
    ]
    return next((one for one, test in tests if test(type_)), "binary value")


def as_text(column: Column, field: pa.Field[Any]) -> Column:
    """Write a column as PostgreSQL prints it; booleans as its casts do, in full."""
    if pa.types.is_boolean(field.type):
        return pc.if_else(column, "true", "false")
    if pa.types.is_dictionary(field.type):
        return column.cast(pa.string())
    if pa.types.is_string(field.type):
        return column
    return pgtypes.from_field(field).to_text(column)


def enum_codes(column: Column) -> Column:
    """Number the labels of an enum from 1, in their order."""
    parts = [pc.add(chunk.indices.cast(pa.int64()), 1) for chunk in column.chunks]
    return pa.chunked_array(parts, pa.int64()).cast(pa.float64())


def integers(column: Column) -> Column:
    """Whole numbers as doubles."""
    wide = column.cast(pa.int64())
    refuse(pc.or_(pc.greater(wide, _EXACT), pc.less(wide, -_EXACT)), "it lies beyond 2^53")
    return wide.cast(pa.float64(), safe=False)


def floats(column: Column) -> Column:
    """Floats as doubles: NaN and infinity are refused, because formats take them for missing or for nothing at all."""
    wide = column.cast(pa.float64())
    refuse(pc.invert(pc.is_finite(wide)), "it is NaN or infinite")
    return wide


def in_range(convert: Convert, least: float, most: float) -> Convert:
    """Let a conversion to doubles also refuse what is nearer to 0 than `least`, or beyond `most`."""

    def checked(column: Column) -> Column:
        made = convert(column)
        size = pc.abs(made)
        beyond = pc.or_(pc.greater(size, most), pc.and_(pc.greater(size, 0), pc.less(size, least)))
        refuse(beyond, f"its size is not within {least:.3g} and {most:.3g}")
        return made

    return checked


def decimals(column: Column) -> Column:
    """Exact numerics as doubles, if the double gives all digits back."""
    made: list[float | None] = []
    for place, value in enumerate(column.to_pylist()):
        number = None if value is None else Decimal(value)
        if number is not None and (not number.is_finite() or Decimal(repr(float(number))) != number):
            raise Unfit("a double does not give its digits back", place)
        made.append(None if number is None else float(number))
    return pa.chunked_array([pa.array(made, pa.float64())])


def booleans(column: Column) -> Column:
    """True as 1, false as 0."""
    return column.cast(pa.float64())


def dates(epoch: str, *, first: str = "0001-01-01") -> Convert:
    """Days since `epoch`; dates before `first` are refused."""
    start, least = (np.datetime64(one, "D").astype(np.int64) for one in (epoch, first))

    def convert(column: Column) -> Column:
        days = column.cast(pa.int32()).cast(pa.int64())
        refuse(pc.less(days, int(least)), f"it lies before {first}")
        return pc.subtract(days, int(start)).cast(pa.float64())

    return convert


def moments(epoch: str, unit: int, *, first: str = "0001-01-01") -> Convert:
    """Units of so many microseconds since `epoch`, if the double gives the microsecond back."""
    start, least = (int(np.datetime64(one, "us").astype(np.int64)) for one in (epoch, first))

    def convert(column: Column) -> Column:
        counts = column.cast(pa.int64())
        refuse(pc.less(counts, least), f"it lies before {first}")
        return _divided(pc.subtract(counts, start), unit)

    return convert


def times(unit: int) -> Convert:
    """Units of so many microseconds since midnight."""
    return lambda column: _divided(column.cast(pa.int64()), unit)


def _divided(counts: Column, unit: int) -> Column:
    known = counts.is_valid()
    whole = pc.fill_null(counts, 0).to_numpy()
    # In two parts, because a count of microseconds may itself have more than 53 bits.
    made = (whole // unit) + (whole % unit) / unit
    back = np.rint((made - np.floor(made)) * unit).astype(np.int64) + np.floor(made).astype(np.int64) * unit
    refuse(pa.array(back != whole), "its parts of a second do not fit")
    array = pa.array(made, pa.float64(), mask=~known.to_numpy())
    return pa.chunked_array([array])


def texts(
    *,
    most: int | None,
    count: Callable[[Column], Column] = pc.binary_length,
    what: str = "bytes",
    na_rep: str | None = "",
    rstrip: bool | None = None,
    forbidden: Sequence[str] = ("\0",),
) -> Convert:
    """Texts of at most so many bytes.

    Parameters
    ----------
    most : int or None
        The longest that fits, as `count` counts it.
    na_rep : str or None
        What stands for NULL; a column that also holds it as a value is refused. None: the format can tell.
    rstrip : bool or None
        For formats that lose blanks at the end: False refuses them, True cuts them off. None: blanks are kept.
    forbidden : list of str
        Characters that the format ends a text at.
    """

    def convert(column: Column) -> Column:
        if rstrip:
            column = pc.utf8_rtrim(column, characters=" ")
        elif rstrip is False:
            refuse(pc.ends_with(column, " "), "it ends in blanks, which are lost; rstrip=True cuts them off")
        for one in forbidden:
            refuse(pc.match_substring(column, one), f"it holds the character U+{ord(one):04X}")
        if most is not None:
            refuse(pc.greater(count(column), most), f"it is longer than {most:,} {what}")
        if na_rep is None:
            return column
        if column.null_count:
            why = f"it is {'empty' if not na_rep else 'na_rep'}, and NULL is written so: na_rep='...' tells them apart"
            refuse(pc.equal(column, na_rep), why)
        return pc.fill_null(column, na_rep)

    return convert


def refuse(bad: Column, why: str) -> None:
    """Raise Unfit for the first true value."""
    found = pc.index(pc.fill_null(bad, False), True).as_py()
    if found >= 0:
        raise Unfit(why, found)
