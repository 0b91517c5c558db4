"""Text made numbers, and the frame of the values that failed: nothing is coerced away.

Types come from who asks, never from the values; what cannot be read is missing in the result and a line of the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import InvalidInput, sentence
from .facts import check_columns, row_keys, table_of
from .warning import warn

FAILED = ["table", "column", "problem", "value", "row_key"]
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")


class Converted(NamedTuple):
    """What a conversion gives: the frame, and the frame of the values that failed with the keys of their rows."""

    frame: pd.DataFrame
    failed: pd.DataFrame


def names_of(columns: str | Sequence[str], keyword: str) -> list[str]:
    """Take one name or several."""
    names = [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise InvalidInput(sentence(f"{keyword} names no column", expected="one name or several"))
    return names


def to_numbers(frame: pd.DataFrame, columns: str | Sequence[str]) -> Converted:
    """Read text columns as float64, and name every value that is not a number.

    Parameters
    ----------
    frame : DataFrame
        It is not changed. Rows are named by the table's key if the frame carries it, else by a named index or number.
    columns : str or list of str
        Text columns; numeric ones stay as they are.

    Returns
    -------
    Converted
        ``frame`` with float64 columns, missing where a value failed; ``failed`` with one row a value that is there and
        is no number (also an empty text, a null code such as ``UNK``, or what exceeds float64): table, column, problem,
        value, row_key.

    Raises
    ------
    ColumnNotFound
        With the nearest names.

    Examples
    --------
    >>> import warnings, pandas as pd
    >>> frame = pd.DataFrame({"label": ["001", "002"], "weight": ["71.5", "UNK"]}).set_index("label")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the DataWarning that says so, too
    ...     weight, failed = to_numbers(frame, "weight")
    >>> weight["weight"].tolist(), failed[["value", "row_key"]].values.tolist()
    ([71.5, nan], [['UNK', {'label': '002'}]])
    """
    names = names_of(columns, "columns=")
    check_columns(frame, names, "columns=")
    made, failed = frame.copy(), []
    for name in names:
        if pd.api.types.is_numeric_dtype(frame[name].dtype) and not pd.api.types.is_bool_dtype(frame[name].dtype):
            continue
        numbers, distinct = pd.factorize(frame[name])
        read = [_number(one) for one in distinct]
        values = np.array([np.nan if one is None else one for one in read] + [np.nan], dtype="float64")
        made[name] = values[numbers]
        bad = np.array([one is None for one in read] + [False], dtype=bool)[numbers]
        failed.append(failures(frame, name, bad, "not a number"))
    made.attrs = dict(frame.attrs)
    return finished(made, failed)


def _number(value: Any) -> float | None:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if np.isfinite(number) else None


def failures(frame: pd.DataFrame, column: str, bad: Any, problem: str) -> pd.DataFrame:
    """Make the lines of the values that a mask marks."""
    places = np.flatnonzero(bad)
    lines = [
        (table_of(frame), column, problem, value, key)
        for value, key in zip(frame[column].iloc[places].tolist(), row_keys(frame, places), strict=True)
    ]
    return pd.DataFrame(lines, columns=FAILED, dtype=object)


def finished(frame: pd.DataFrame, failed: Iterable[pd.DataFrame]) -> Converted:
    """Join the reports, and warn if there is anything in them."""
    some = [one for one in failed if len(one)]
    report = pd.concat(some, ignore_index=True) if some else pd.DataFrame(columns=FAILED, dtype=object)
    if len(report):
        said = "; ".join(f"{column!r}: {count:,}" for column, count in report["column"].value_counts().items())
        hint = "the second part of the result names them and their rows"
        warn(sentence(f"Values of {table_of(frame)} could not be converted", where=said, try_=hint), report)
    return Converted(frame, report)
