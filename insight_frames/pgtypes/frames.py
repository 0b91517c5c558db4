"""The table's last step: a column of the stream becomes a column of a pandas frame.

The default dtypes are those that every modelling library takes (numpy, ``str``, category); "numpy_nullable" and
"pyarrow" never depend on the data, and neither do the default dtypes of a frame that comes in chunks (`stable`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import map_elements
from .codec import by_chunk
from .fields import type_of
from .gather import Numbers, Rules, gathers
from .intervals import interval_microseconds
from .numbers import decimal_floats, nearest_floats

_STR: Any = pd.StringDtype(na_value=np.nan) if int(pd.__version__.split(".")[0]) >= 3 else None


def to_pandas(column: pa.ChunkedArray[Any], field: pa.Field[Any], rules: Rules) -> Any:
    """Make a numpy or extension array of a column, by the table of types.

    Raises
    ------
    BadValue
        If a numeric does not fit float64, or a NOT NULL column of a chunked frame holds a NULL.
    """
    name = type_of(field).name
    if isinstance(field.type, pa.DictionaryType):
        return categorical(column, field)
    if name in ("numeric", "money") and not pa.types.is_floating(field.type):
        return _numeric(column, rules)
    if name == "interval" and pa.types.is_string(field.type):
        return _interval(column, rules)
    if gathers(field, rules):
        return _gathered(column, field, rules)
    if pa.types.is_list(field.type):
        return _lists(column, field, rules)
    if rules.backend == "pyarrow":
        return pd.arrays.ArrowExtensionArray(column)
    maker = next((make for test, make in _MAKERS if test(field.type)), _foreign)
    return maker(column, field, rules)


def kept_as(field: pa.Field[Any], rules: Rules) -> pa.DataType:
    """Give the Arrow type in which pandas itself keeps a column of the stream's; that of the field if in none."""
    name = type_of(field).name
    is_text = pa.types.is_string(field.type) and name not in ("numeric", "money", "interval")
    return pa.large_string() if is_text and rules.backend is None and _STR is not None else field.type


def _gathered(column: Any, field: Any, rules: Rules) -> Any:
    numbers = Numbers(field, rules)
    for chunk in column.chunks:
        numbers.add(chunk)
    return numbers.array()


def strings(column: Any, rules: Rules) -> Any:
    """Text in the string dtype of the pandas at hand: ``str`` since 3, object before; ``string`` if nullable."""
    if rules.backend == "pyarrow":
        return pd.arrays.ArrowExtensionArray(column)
    if rules.backend == "numpy_nullable":
        return _from_arrow(pd.StringDtype(), column)
    if _STR is not None:
        return _from_arrow(_STR, column)
    return np.asarray(column.to_pandas(), dtype=object)


def _from_arrow(dtype: Any, column: Any) -> Any:
    return dtype.__from_arrow__(column)


def _strings(column: Any, field: Any, rules: Rules) -> Any:
    return strings(column, rules)


def _own(values: Any) -> Any:
    """Memory that is the frame's: pyarrow lends that of a single chunk, and nobody could write to the column."""
    return values if values.flags.writeable else values.copy()


def _objects(column: Any, field: Any, rules: Rules) -> Any:
    return as_objects(column.to_pylist())


def as_objects(values: Sequence[Any]) -> Any:
    """An object array of the values as they are: a list in a cell stays one cell."""
    made = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        made[row] = value
    return made


def _foreign(column: Any, field: Any, rules: Rules) -> Any:
    """An Arrow type that no PostgreSQL type becomes, from somebody else's file: as pyarrow sees it."""
    return column.to_pandas().array


def categorical(column: Any, field: Any) -> pd.Categorical:
    """An ordered category with all labels of the enum, also those that no row has."""
    labels = list(type_of(field).labels)
    if not labels:
        column = column.unify_dictionaries()
        labels = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
    codes = np.empty(len(column), np.int32)
    start = 0
    for chunk in column.chunks:
        place = pc.index_in(chunk.dictionary, pa.array(labels, pa.string()))
        codes[start : start + len(chunk)] = pc.fill_null(place.take(chunk.indices), -1).to_numpy()
        start += len(chunk)
    dtype = pd.CategoricalDtype(labels, ordered=field.type.ordered)
    return pd.Categorical.from_codes(codes, dtype=dtype)


def _numeric(column: Any, rules: Rules) -> Any:
    if not rules.coerce_float:
        if rules.backend == "pyarrow" and pa.types.is_decimal(column.type):
            return pd.arrays.ArrowExtensionArray(column)
        return as_objects([None if one is None else Decimal(one) for one in column.to_pylist()])
    convert = decimal_floats if pa.types.is_decimal(column.type) else nearest_floats
    floats = by_chunk(convert, column, pa.float64())
    if rules.backend == "pyarrow":
        return pd.arrays.ArrowExtensionArray(floats)
    return _gathered(floats, pa.field("", pa.float64()), rules)


def _lists(column: Any, field: Any, rules: Rules) -> Any:
    """Lists, their exact numerics as `coerce_float` asks."""
    element, inner = type_of(field).element, field.type.value_type
    exact = element is not None and element.name in ("numeric", "money") and not pa.types.is_floating(inner)
    if exact and rules.coerce_float:
        convert = decimal_floats if pa.types.is_decimal(inner) else nearest_floats
        column = by_chunk(lambda chunk: map_elements(chunk, convert), column, pa.list_(pa.float64()))
    digits = pa.types.is_string(column.type.value_type) and exact
    if rules.backend == "pyarrow" and not digits:
        return pd.arrays.ArrowExtensionArray(column)
    rows = column.to_pylist()
    if digits:
        rows = [row and [None if one is None else Decimal(one) for one in row] for row in rows]
    return as_objects(rows)


def _interval(column: Any, rules: Rules) -> Any:
    if rules.backend is not None or rules.stable:
        return strings(column, rules)
    coded = pa.chunked_array(column, pa.string()).combine_chunks().dictionary_encode()
    lengths = [interval_microseconds(str(text)) for text in coded.dictionary.to_pylist()]
    if None in lengths:
        return strings(column, rules)
    values = pa.array(lengths, pa.duration("us")).take(coded.indices).to_numpy(zero_copy_only=False)
    return _own(values)


_MAKERS: list[tuple[Callable[[Any], bool], Callable[[Any, Any, Rules], Any]]] = [
    (pa.types.is_string, _strings),
    (pa.types.is_time, _objects),
    (pa.types.is_binary, _objects),
    (pa.types.is_decimal, _objects),
]
