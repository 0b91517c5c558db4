"""One table on its way into a file: Arrow columns whose fields carry PostgreSQL's types, comments and enum labels.

A frame becomes one too, by what it says of its columns (``df.attrs["insight"]["columns"]``), so that an integer column
with gaps, which pandas holds as floats, is an integer again, and a date is a date.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ... import pgtypes
from ...errors import InvalidInput, sentence
from ...pgtypes.intervals import interval_text

_PLAIN: list[tuple[Any, pa.DataType]] = [
    (pa.types.is_int8, pa.int16()),
    (pa.types.is_unsigned_integer, pa.int64()),
    (pa.types.is_float16, pa.float32()),
    (pa.types.is_date, pa.date32()),
    (pa.types.is_time, pa.time64("us")),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_null, pa.string()),
    (pa.types.is_large_binary, pa.binary()),
    (pa.types.is_fixed_size_binary, pa.binary()),
]
_DAY = 86_400_000_000
CHOICES = b"choices"  # metadata of a field: the study's own [[code, label], ...], as JSON


@dataclass(frozen=True)
class FileTable:
    """What a writer gets.

    Attributes
    ----------
    name : str
        How the file calls the table.
    data : pyarrow.Table
        Fields as :func:`insight_frames.pgtypes.field` makes them; column names differ.
    comment : str or None
        The table's own.
    label : str
        How messages call it: ``s_juno.participant``, or "the frame".
    keys : tuple of str
        Columns that name a row, where that is known.
    """

    name: str
    data: pa.Table = field(repr=False)  # no traceback that prints its variables shall print rows
    comment: str | None = None
    label: str = "the frame"
    keys: tuple[str, ...] = ()


def comment_of(field: pa.Field[Any]) -> str | None:
    """The comment of a column, which becomes its label."""
    found = (field.metadata or {}).get(b"comment")
    return None if found is None else found.decode()


def from_frame(frame: pd.DataFrame, *, index: bool | None, name: str | None = None) -> FileTable:
    """Take a frame: exact, its named index levels first; InvalidInput for what is no table."""
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput(sentence("A frame is needed", expected="a DataFrame", got=type(frame).__name__))
    said = frame.attrs.get("insight")
    said = said if isinstance(said, Mapping) else {}
    label = f"{said['schema']}.{said['table']}" if "schema" in said and "table" in said else "the frame"
    told = said.get("columns")
    told = told if isinstance(told, Mapping) else {}
    columns = [*_levels(frame, index), *((one, frame.iloc[:, place]) for place, one in enumerate(frame.columns))]
    names = [one for one, _ in columns]
    for one in names:
        if not isinstance(one, str):
            raise InvalidInput(sentence("The name of a column is no text", where=label, got=type(one).__name__))
    if len(set(names)) != len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise InvalidInput(sentence("Two columns have one name", where=f"{label}, column {twice!r}"))
    made = [_with_choices(*_column(one, values, told.get(one) or {}, label), told.get(one)) for one, values in columns]
    schema = pa.schema([field for field, _ in made])
    data = pa.Table.from_arrays([column for _, column in made], schema=schema)
    keys = tuple(one for one in said.get("key") or () if one in names)
    return FileTable(name or str(said.get("table", "data")), data, said.get("comment"), label, keys)


def _label(told: Mapping[str, Any]) -> str | None:
    """Join the label and the unit that a frame knows of a column."""
    label, unit = told.get("comment") or told.get("label"), told.get("unit")
    if not unit:
        return label
    return f"{label} [{unit}]" if label else f"[{unit}]"


def _with_choices(field: pa.Field[Any], column: Any, told: Any) -> tuple[pa.Field[Any], Any]:
    choices = told.get("choices") if isinstance(told, Mapping) else None
    if not choices:
        return field, column
    return field.with_metadata({**(field.metadata or {}), CHOICES: json.dumps(choices).encode()}), column


def _levels(frame: pd.DataFrame, index: bool | None) -> list[tuple[Any, Any]]:
    """Give the index levels to be written: those with a name, unless `index` says otherwise."""
    if frame.columns.nlevels > 1:
        raise InvalidInput(sentence("The frame's columns have several levels", try_="frame.columns = [...] with names"))
    named = [one for one in frame.index.names if one is not None]
    if index is False or (index is None and not named and isinstance(frame.index, pd.RangeIndex)):
        return []
    if len(named) < frame.index.nlevels:
        raise InvalidInput(
            sentence("The frame's index has no name", try_='frame.rename_axis("...") to write it, or index=False')
        )
    return [(one, frame.index.get_level_values(place).to_series()) for place, one in enumerate(frame.index.names)]


def _column(name: str, values: pd.Series[Any], told: Mapping[str, Any], label: str) -> tuple[pa.Field[Any], Any]:
    comment = _label(told)
    text = told.get("type")
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = values.cat.categories
        if len(levels) and all(isinstance(one, str) for one in levels):
            return _category(name, values, text, comment)
        values = values.astype(levels.dtype if not values.hasnans else object)
    type_ = pgtypes.pg_type(text) if isinstance(text, str) else None
    digits = _digits(values, type_)
    if digits is not None:
        numeric = pgtypes.reading(pgtypes.pg_type("numeric"), numbers="exact")
        return pgtypes.field(name, numeric, nullable=None, comment=comment), digits
    column = _array(name, values, label)
    if type_ is not None:
        how = pgtypes.reading(type_, numbers="exact")
        fitting = _as(column, how.arrow) if how.arrow != column.type else column
        if fitting is not None:
            return pgtypes.field(name, how, nullable=None, comment=comment), fitting
    if pa.types.is_duration(column.type):
        return _interval(name, column, comment)
    how = pgtypes.reading(_nearest(column.type), numbers="exact")
    found = column if how.arrow == column.type else _as(column, how.arrow)
    if found is None:
        raise _no_data(name, values, label)
    return pgtypes.field(name, how, nullable=None, comment=comment), found


def _nearest(type_: pa.DataType) -> pgtypes.PgType:
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return pgtypes.pg_type(_nearest(type_.value_type).text + "[]")
    return pgtypes.type_of(pa.field("", type_))


def _category(name: str, values: pd.Series[Any], text: Any, comment: str | None) -> tuple[pa.Field[Any], Any]:
    levels = [str(one) for one in values.cat.categories]
    type_ = pgtypes.pg_type(text if isinstance(text, str) else "enum", typtype="e", labels=levels)
    codes = values.cat.codes.to_numpy().astype(np.int32)
    indices = pa.array(codes, pa.int32(), mask=codes < 0)
    ordered = bool(values.cat.ordered)
    field = pgtypes.field(name, pgtypes.reading(type_), nullable=None, comment=comment)
    type_arrow = pa.dictionary(pa.int32(), pa.string(), ordered=ordered)
    column = pa.DictionaryArray.from_arrays(indices, pa.array(levels, pa.string()), ordered=ordered)
    return field.with_type(type_arrow), pa.chunked_array([column], type_arrow)


def _array(name: str, values: pd.Series[Any], label: str) -> pa.ChunkedArray[Any]:
    if values.dtype == object and not _of_one_kind(values):
        raise _no_data(name, values, label)
    try:
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise _no_data(name, values, label) from None
    column = found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    target = next((plain for test, plain in _PLAIN if test(column.type)), column.type)
    if pa.types.is_timestamp(column.type):
        target = pa.timestamp("us", None if column.type.tz is None else "UTC")
    if pa.types.is_duration(column.type):
        target = pa.duration("us")
    try:
        return column if target == column.type else column.cast(target)
    except pa.ArrowInvalid:
        raise InvalidInput(
            sentence(
                "A column has parts of a microsecond, or numbers beyond 64 bits",
                where=f"{label}, column {name!r}",
                got=f"dtype {values.dtype}",
                try_="round it first, or make it text",
            )
        ) from None


def _of_one_kind(values: pd.Series[Any]) -> bool:
    """Whether objects are of one kind; Arrow would take a day for a moment, and drop a zone, where they are not."""
    kinds = {_kind(one) for one in values if not pd.api.types.is_scalar(one) or not pd.isna(one)}
    return len(kinds) < 2 and None not in kinds


def _kind(value: Any) -> Any:
    """Say of which kind an object is; None if Arrow would keep less than it holds."""
    if isinstance(value, datetime):
        return None if getattr(value, "nanosecond", 0) else ("moment", value.tzinfo is None)
    if isinstance(value, time):
        return "time" if value.tzinfo is None else None
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return "number"
    return "text" if isinstance(value, str) else type(value)


def _no_data(name: str, values: pd.Series[Any], label: str) -> InvalidInput:
    return InvalidInput(
        sentence(
            "A column holds what no file can: values of several kinds, or of a kind that is no data",
            where=f"{label}, column {name!r}",
            got=f"dtype {values.dtype}",
            try_="frame.astype({...}) with the dtype that is meant",
        )
    )


def _digits(values: pd.Series[Any], type_: pgtypes.PgType | None) -> pa.ChunkedArray[Any] | None:
    """Write Decimals as their digits, as numeric without scale is kept; None for what is not that.

    Arrow would give all of them one scale (1.50 for 1.5), and take NaN for a missing one.
    """
    if values.dtype != object:
        return None
    found = [
        one if isinstance(one, Decimal) or not pd.api.types.is_scalar(one) or not pd.isna(one) else None
        for one in values
    ]
    known = [one for one in found if one is not None]
    if not known or not all(isinstance(one, Decimal) for one in known):
        return None
    if type_ is not None and type_.precision is not None and all(one.is_finite() for one in known):
        return None
    return pa.chunked_array([pa.array([None if one is None else f"{one:f}" for one in found], pa.string())])


def _as(column: pa.ChunkedArray[Any], type_: pa.DataType) -> pa.ChunkedArray[Any] | None:
    """Bring a column into the type that PostgreSQL's would have here; None if a value would not survive."""
    if pa.types.is_timestamp(column.type) and type_ == pa.date32():
        counts = column.cast(pa.int64())
        days = pc.divide(counts, _DAY)
        whole = pc.all(pc.equal(pc.multiply(days, _DAY), counts)).as_py()
        return column.cast(pa.timestamp("us")).cast(pa.date32()) if whole is not False else None
    if pa.types.is_string(column.type) or pa.types.is_string(type_) or pa.types.is_timestamp(type_):
        nothing = column.null_count == len(column)
        return pa.chunked_array([pa.nulls(len(column), type_)]) if nothing else None
    try:
        made = column.cast(type_)
        return made if made.cast(column.type).equals(column) else None
    except pa.ArrowException:
        return None


def _interval(name: str, column: pa.ChunkedArray[Any], comment: str | None) -> tuple[pa.Field[Any], Any]:
    how = pgtypes.reading(pgtypes.pg_type("interval"))
    counts = column.cast(pa.int64()).to_pylist()
    texts = [None if one is None else _duration_text(one) for one in counts]
    return pgtypes.field(name, how, nullable=None, comment=comment), pa.chunked_array([pa.array(texts, pa.string())])


def _duration_text(microseconds: int) -> str:
    days, rest = divmod(abs(microseconds), _DAY)
    sign = -1 if microseconds < 0 else 1
    return interval_text(sign * rest, sign * days, 0)
