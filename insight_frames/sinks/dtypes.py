"""``dtype=`` and ``parse_dates=``: pandas' own conversions, with the cases in which pandas changes a value refused.

``astype`` wraps integers, cuts fractions of a second, drops unknown categories and writes NULL as the text "None"
without a word; each conversion here starts from the stream's exact values and is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidInput, sentence
from ..pgtypes import BadValue, from_field, pg_type, reading, type_of
from ..pgtypes.codec import by_chunk
from ..pgtypes.frames import strings, to_pandas
from ..pgtypes.gather import Rules, numbers
from ..pgtypes.numbers import nearest_floats

_UNITS = ("D", "d", "h", "m", "s", "ms", "us", "ns")


def known_dtype(dtype: Any, stable: bool) -> Any:
    """Check that pandas knows the dtype, and that it can be the same in every chunk."""
    try:
        target = pd.api.types.pandas_dtype(dtype)
    except (TypeError, ValueError):
        raise InvalidInput(sentence("dtype= holds what pandas does not know as a dtype", got=repr(dtype))) from None
    if stable and isinstance(target, pd.CategoricalDtype) and target.categories is None:
        what = "dtype='category' with chunksize= would give every chunk other categories"
        raise InvalidInput(sentence(what, try_="pandas.CategoricalDtype([...]) with the categories written out"))
    return target


def as_asked(column: Any, field: pa.Field[Any], rules: Rules, target: Any) -> Any:
    """Convert a column to a dtype that was asked for.

    Raises
    ------
    BadValue
        For the first value that the dtype cannot hold as it is.
    InvalidInput
        If no column of this type can become the dtype.
    """
    return _first_failure(lambda part: _convert(part, field, rules, target), column, field, f"{target} cannot hold it")


def as_dates(column: Any, values: Any, field: pa.Field[Any], how: Any) -> Any:
    """Read the values of a column as dates, as ``parse_dates`` says; raise as :func:`as_asked` does.

    Unlike in pandas, what cannot be read is an error, not NaT.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or _is_arrow_date(values.dtype):
        return values
    whole = pd.Series(values, copy=False)

    def convert(part: Any) -> Any:
        return _datetimes(whole.iloc[: len(part)], how)

    return _first_failure(convert, column, field, "it cannot be read as a date")


def _first_failure(convert: Callable[[Any], Any], column: Any, field: pa.Field[Any], why: str) -> Any:
    """Convert; if that fails, find the first row without which it would not, by halving."""

    def fails(rows: int) -> bool:
        try:
            convert(column.slice(0, rows))
        except (ValueError, OverflowError):
            return True
        return False

    try:
        return convert(column)
    except BadValue:
        raise
    except (TypeError, NotImplementedError):
        pass
    except (ValueError, OverflowError):
        good, bad = 0, len(column)
        if not fails(0):
            while bad - good > 1:
                middle = (good + bad) // 2
                good, bad = (good, middle) if fails(middle) else (middle, bad)
            text = from_field(field).to_text(column.slice(bad - 1, 1))[0].as_py()
            raise BadValue(bad - 1, text, why) from None
    raise InvalidInput(
        sentence(f"Column {field.name!r} cannot be converted as asked", got=f"a column of type {type_of(field).text}")
    )


def _convert(column: Any, field: pa.Field[Any], rules: Rules, target: Any) -> Any:
    if _is_text(target):
        return _texts(column, field, rules, target)
    if isinstance(target, pd.ArrowDtype):
        return pd.arrays.ArrowExtensionArray(column.cast(target.pyarrow_dtype))
    if isinstance(target, pd.SparseDtype):
        return pd.arrays.SparseArray(_convert(column, field, rules, np.dtype(target.subtype)), dtype=target)
    if _is_number(target):
        return _numbers(_numeric_source(column, field, target), target)
    before = pd.Series(to_pandas(column, field, rules), copy=False)
    known = target.categories if isinstance(target, pd.CategoricalDtype) else None
    if known is not None and not before.dropna().isin(known).all():
        raise ValueError("no such category")
    after = before.astype(target)
    if not before.isna().equals(after.isna()):
        raise ValueError("a value became missing")
    if before.dtype.kind in "mM" and after.dtype.kind in "mM" and not before.equals(after.astype(before.dtype)):
        raise ValueError("a fraction was cut")
    return after.array


def _is_text(target: Any) -> bool:
    if isinstance(target, pd.ArrowDtype):
        return bool(pa.types.is_string(target.pyarrow_dtype) or pa.types.is_large_string(target.pyarrow_dtype))
    return isinstance(target, pd.StringDtype) or (isinstance(target, np.dtype) and target.kind == "U")


def _is_number(target: Any) -> bool:
    """True for numpy's and pandas' own numbers and booleans."""
    plain = isinstance(target, np.dtype) or hasattr(target, "numpy_dtype")
    return plain and pd.api.types.is_numeric_dtype(target) and not pd.api.types.is_complex_dtype(target)


def _texts(column: Any, field: pa.Field[Any], rules: Rules, target: Any) -> Any:
    """Values as pandas writes them, NULL still missing."""
    type_ = field.type
    if pa.types.is_string(type_) or pa.types.is_dictionary(type_) or pa.types.is_integer(type_):
        made = column.cast(pa.string())
    elif pa.types.is_binary(type_) or pa.types.is_nested(type_):
        made = from_field(field).to_text(column)
    else:
        nulls = pc.is_null(column).to_numpy()
        values = pd.Series(to_pandas(column, field, Rules("numpy_nullable", rules.stable, rules.coerce_float)))
        texts = np.full(len(values), None, object)
        texts[~nulls] = values[~nulls].astype(str).to_numpy(object)
        made = pa.chunked_array([pa.array(texts, pa.string())])
    if isinstance(target, pd.ArrowDtype):
        return pd.arrays.ArrowExtensionArray(made.cast(target.pyarrow_dtype))
    if isinstance(target, pd.StringDtype):
        from_arrow: Any = target
        return from_arrow.__from_arrow__(made)
    return strings(made, Rules())


def _numeric_source(column: Any, field: pa.Field[Any], target: Any) -> Any:
    """The column as Arrow integers, floats or booleans, exactly; TypeError if it holds something else."""
    type_ = field.type
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_):
        return column
    whole = pd.api.types.is_integer_dtype(target)
    if pa.types.is_decimal(type_):
        return column.cast(pa.int64()) if whole else by_chunk(nearest_floats, column.cast(pa.string()), pa.float64())
    if not pa.types.is_string(type_) or pd.api.types.is_bool_dtype(target):
        raise TypeError("no numbers")
    if whole:
        return reading(pg_type("bigint")).parse(pc.replace_substring_regex(column, r"\.0+$", ""))
    return by_chunk(nearest_floats, column, pa.float64())


def _numbers(column: Any, target: Any) -> Any:
    """Numbers in another numeric dtype; ValueError where one would change or NULL has no place."""
    kind = target if isinstance(target, np.dtype) else target.numpy_dtype
    values, nulls = numbers(column, column.type.to_pandas_dtype())
    held = values if nulls is None else values[~nulls]
    if not _fit(held, kind).all():
        raise ValueError("a number does not fit")
    with np.errstate(over="ignore", invalid="ignore"):
        made = values.astype(kind)
    if not isinstance(target, np.dtype):
        return target.construct_array_type()(made, np.zeros(len(made), np.bool_) if nulls is None else nulls)
    if nulls is not None:
        if kind.kind != "f":
            raise ValueError("NULL has no place")
        made[nulls] = np.nan
    return made


def _fit(values: Any, kind: np.dtype[Any]) -> Any:
    """Which numbers keep their value in a dtype; a float may be rounded to a shorter float, which was asked for."""
    if values.dtype.kind == "b":
        return np.ones(len(values), np.bool_)
    if kind.kind == "b":
        return (values == 0) | (values == 1)
    if kind.kind in "iu":
        edges = np.iinfo(kind)
        if values.dtype.kind == "i":
            return (values >= edges.min) & (values <= edges.max)
        return (np.floor(values) == values) & (values >= float(edges.min)) & (values < float(edges.max) + 1)
    with np.errstate(over="ignore"):
        floats = values.astype(kind)
    if values.dtype.kind == "f":
        return np.isinf(floats) == np.isinf(values)
    return np.array([int(there) == here for there, here in zip(floats.tolist(), values.tolist(), strict=True)], bool)


def _is_arrow_date(dtype: Any) -> bool:
    if not isinstance(dtype, pd.ArrowDtype):
        return False
    return bool(pa.types.is_date(dtype.pyarrow_dtype) or pa.types.is_timestamp(dtype.pyarrow_dtype))


def _datetimes(values: pd.Series[Any], how: Any) -> Any:
    """``pandas.to_datetime`` in microseconds, as every other timestamp of the frame."""
    keywords: dict[str, Any] = {"errors": "raise"}
    if isinstance(how, dict):
        keywords |= how
    elif how in _UNITS or (how is None and pd.api.types.is_numeric_dtype(values.dtype)):
        keywords["unit"] = how or "s"
    elif how is not None:
        keywords["format"] = how
    read = pd.to_datetime(values, **keywords)
    if not pd.api.types.is_datetime64_any_dtype(read.dtype):
        raise TypeError("no dates")
    if keywords["errors"] == "raise" and not read.isna().equals(values.isna()):
        raise ValueError("a text became missing")
    made = read.dt.as_unit("us")
    if not made.astype(read.dtype).equals(read):
        raise ValueError("a fraction is finer than microseconds")
    return made.array
