"""Any value as a PostgreSQL literal: a single one, or a list of one type as an array.

The type of an array comes from its values, and mixed types are refused rather than converted. A list that holds
nothing but missing values gets no type: PostgreSQL then takes it from the other side of the comparison.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from insight_frames.errors import ParameterError, sentence
from insight_frames.sql.scalars import Typed, no_literal, scalar

_EXACT_IN_FLOAT = 2**53
_DIMENSIONS = 6  # of a PostgreSQL array


def literal(value: Any) -> str:
    """Write a value as a PostgreSQL literal of the right type.

    Parameters
    ----------
    value : object
        None, bool, int, float, Decimal, str, bytes, date, datetime, time, timedelta, UUID, an Enum of these, a dict
        (jsonb), their numpy and pandas scalars; lists, tuples, sets, Series, Index and arrays of one type (an array).

    Returns
    -------
    str
        None, NaT and NA are ``NULL``; a datetime with a zone is a timestamptz, one without a timestamp; a str is a
        string without a type, as one would write it; NaN stays NaN.

    Raises
    ------
    ParameterError
        The value has no exact literal (nanoseconds, a complex number, a list of mixed types, ...). The message names
        the type, never the value.

    Examples
    --------
    >>> literal(1.5)
    "'1.5'::float8"
    >>> literal([1, 2])
    'ARRAY[1, 2]::int8[]'
    """
    return typed(value)[0]


def typed(value: Any) -> Typed:
    """Write a value as a literal, and name its type."""
    written = scalar(value)
    if written is not None:
        return written
    found = items(value)
    if found is None:
        raise no_literal(value)
    return _array(found)


def items(value: Any) -> list[Any] | None:
    """Give the values of anything like a list; None for anything else. Sets come in a fixed order."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return None
    if isinstance(value, AbstractSet):
        return sorted(value, key=literal)
    if isinstance(value, Sequence):
        return list(value)
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and isinstance(value, pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray):
        return list(value)
    if numpy is not None and isinstance(value, numpy.ndarray) and value.ndim:
        return list(value)  # not tolist(): that makes plain integers of datetime64[ns]
    return None


def _array(values: list[Any]) -> Typed:
    leaves = [typed(one) for one in _leaves(values)]
    kind = _common_type(values, {kind for _, kind in leaves if kind})
    if not kind:  # nothing says of what: without a type PostgreSQL finds it out from the other side
        return f"'{_empty(values)}'", "text[]"
    return f"{_constructor(values, iter(leaves))}::{kind}[]", f"{kind}[]"


def _leaves(values: list[Any], depth: int = 1) -> Iterator[Any]:
    if depth > _DIMENSIONS:
        raise ParameterError(sentence("A list is nested too deeply", expected=f"at most {_DIMENSIONS} dimensions"))
    inner = [items(one) for one in values]
    if all(one is None for one in inner):
        yield from values
        return
    lengths = {-1 if one is None else len(one) for one in inner}
    if len(lengths) > 1:
        raise ParameterError(sentence("A list of lists is not rectangular, so it is no PostgreSQL array"))
    for one in inner:
        yield from _leaves(one or [], depth + 1)


def _common_type(values: list[Any], kinds: set[str]) -> str:
    if len(kinds) <= 1:
        return next(iter(kinds), "")
    if kinds == {"int8", "numeric"}:
        return "numeric"
    exact = all(abs(one) <= _EXACT_IN_FLOAT for one in _leaves(values) if isinstance(one, int))
    if kinds <= {"int8", "float4", "float8"} and exact:
        return "float8"
    raise ParameterError(
        sentence("A list mixes values of several types", expected="one type", got=", ".join(sorted(kinds)))
    )


def _empty(values: list[Any]) -> str:
    return "{" + ",".join(" " + _empty(inner) if (inner := items(one)) is not None else "NULL" for one in values) + "}"


def _constructor(values: list[Any], leaves: Iterator[Typed]) -> str:
    inner = (items(one) for one in values)
    written = [next(leaves)[0] if one is None else _constructor(one, leaves) for one in inner]
    return f"ARRAY[{', '.join(written)}]"
