"""Multiple choices as one 0/1 column a choice, of the whole list and not of what the rows happen to hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidInput, sentence
from .choices import text
from .convert import failures
from .facts import check_columns, insight, table_of
from .warning import warn

_BETWEEN = re.compile(r"[,\s]+")  # as stored by OpenClinica, and by the forms behind it


def indicators(
    frame: pd.DataFrame, column: str, *, codes: Mapping[Any, str | None] | Iterable[Any] | None = None
) -> pd.DataFrame:
    """Put one 0/1 column a choice behind a multiple choice (``1,3`` in one cell).

    Parameters
    ----------
    frame : DataFrame
        It is not changed.
    column : str
        The column ``x`` with the codes, between commas or spaces.
    codes : dict of code to label, or list of codes, optional
        The list of choices in its order; taken from the frame if it was read with ``choices=``.

    Returns
    -------
    DataFrame
        With ``x_1``, ``x_2`` ... behind ``x``, one for each choice of the list, also for those that nobody took; int64,
        or float64 with NaN where the item was not answered. They replace text columns of these names, and their labels
        (``x_1_label``), that the table may hold. A code that is not in the list gets a column behind them and a
        :class:`DataWarning`.

    Raises
    ------
    ColumnNotFound, InvalidInput
        The column is not there; its list is not known; it is a single choice, already read as levels.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"symptoms": ["1,3", "2", ""]})
    >>> indicators(frame, "symptoms", codes={1: "Pain", 2: "Edema", 3: "Cough"})["symptoms_3"].tolist()
    [1, 0, 0]
    """
    check_columns(frame, [column], "column=")
    if isinstance(frame[column].dtype, pd.CategoricalDtype):
        raise InvalidInput(
            sentence(
                f"{column!r} is a single choice, and its levels are read already",
                where=table_of(frame),
                expected="a text column with codes such as '1,3'",
                try_="pandas.get_dummies",
            )
        )
    levels = _levels(frame, column, codes)
    numbers, distinct = pd.factorize(frame[column])
    chosen = [{one for one in _BETWEEN.split(str(cell).strip()) if one} for cell in distinct]
    others = sorted(set().union(*chosen) - set(levels)) if chosen else []
    missing = numbers < 0
    made = frame.drop(columns=[one for one in _replaced(column, [*levels, *others]) if one in frame.columns])
    at = made.columns.tolist().index(column) + 1
    for place, code in enumerate([*levels, *others]):
        name = f"{column}_{code}"
        held = np.array([code in one for one in chosen] + [False], dtype="int64")[numbers]
        made.insert(at + place, name, np.where(missing, np.nan, held) if missing.any() else held)
    made.attrs = _told(frame, column, {**levels, **dict.fromkeys(others)})
    if others:
        strange = np.array([bool(one - set(levels)) for one in chosen] + [False])[numbers]
        report = failures(frame, column, strange, "a code that is not in the list")
        message = sentence(
            f"A multiple choice of {table_of(frame)} holds codes that are not in its list",
            where=f"column {column!r}, {len(report):,} rows",
            try_="they have columns of their own behind the list's; the warning's report names the rows",
        )
        warn(message, report)
    return made


def _levels(frame: pd.DataFrame, column: str, codes: Any) -> dict[str, str | None]:
    if codes is None:
        told = insight(frame).get("columns", {}).get(column, {}).get("choices")
        if not told:
            raise InvalidInput(
                sentence(
                    f"The list of choices of {column!r} is not known",
                    where=table_of(frame),
                    try_="read_table(..., choices='label'), or codes={code: label}",
                )
            )
        return {str(code): label for code, label in told}
    if isinstance(codes, str) or not isinstance(codes, Iterable):
        raise InvalidInput(sentence("codes= cannot be meant", expected="codes, or a mapping of codes to labels"))
    given = codes if isinstance(codes, Mapping) else dict.fromkeys(codes)
    return {text(code): label for code, label in given.items()}


def _replaced(column: str, levels: Iterable[str]) -> list[str]:
    """Name the text columns that say the same: ``x_1`` and ``x_1_label``."""
    return [f"{column}_{code}{ending}" for code in levels for ending in ("", "_label")]


def _told(frame: pd.DataFrame, column: str, levels: Mapping[str, str | None]) -> dict[Any, Any]:
    told = insight(frame)
    if "columns" not in told:
        return dict(frame.attrs)
    dropped = _replaced(column, levels)
    columns = {name: facts for name, facts in told["columns"].items() if name not in dropped}
    item = columns.get(column, {}).get("comment") or column
    for code, label in levels.items():
        columns[f"{column}_{code}"] = {"type": "integer", "comment": f"{item}: {code if label is None else label}"}
    return {**frame.attrs, "insight": {**told, "columns": columns}}
