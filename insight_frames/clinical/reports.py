"""The column report: how full each column is, and which values are not what the study's design says they are.

A typed column of a clinical table holds NULL where a value could not be cast (``UNK``, ``see note``); such a value
lives only in the study's long table of values, and is found there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..catalog import Table
from .choices import Choice
from .convert import FAILED, failures
from .design import Item, Shape
from .facts import row_keys, table_of
from .levels import Coded

COLUMNS = ["table", "column", "type", "rows", "missing", "distinct", "failed"]
_TESTS = {
    "INT": re.compile(r"\s*[+-]?\d+(\.0*)?\s*"),
    "REAL": re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*"),
    "DATE": re.compile(r"\d{4}-\d\d-\d\d"),
    "PDATE": re.compile(r"\d{4}(-\d\d(-\d\d)?)?"),
}
_VALUES = {
    "form": r"event_crf_id|event_form_id",
    "item": r"item_id",
    "repeat": r"(item_)?group_repeat(_key)?|item_data_repeat_key|ordinal",
    "value": r"value",
}
_GONE = r"deleted|removed"


@dataclass(frozen=True)
class ColumnReport:
    """How full the columns of a table are, and what in them is not what it should be.

    Attributes
    ----------
    columns : DataFrame
        One row a column: table, column, type, rows, missing, distinct, failed (values that are out of type).
    failed : DataFrame
        One row a value that is out of type: table, column, problem, value, row_key.
    """

    columns: pd.DataFrame
    failed: pd.DataFrame

    def __repr__(self) -> str:
        return f"{self.columns.to_string(index=False)}\n{len(self.failed):,} values are out of type, see .failed"

    def _repr_html_(self) -> str:
        shown: str = self.columns.to_html(index=False, border=0)
        return f"{shown}<p>{len(self.failed):,} values are out of type, see <code>.failed</code></p>"


def report(frame: pd.DataFrame, failed: Iterable[pd.DataFrame]) -> ColumnReport:
    """Count a frame's columns, and join the reports of values that failed."""
    some = [one for one in failed if len(one)]
    wrong = pd.concat(some, ignore_index=True) if some else pd.DataFrame(columns=FAILED, dtype=object)
    counts = wrong["column"].value_counts()
    facts = frame.attrs.get("insight", {}).get("columns", {})
    lines = [
        (
            table_of(frame),
            name,
            facts.get(name, {}).get("type"),
            len(frame),
            int(values.isna().sum()),
            _distinct(values),
            int(counts.get(name, 0)),
        )
        for name, values in frame.items()
    ]
    return ColumnReport(pd.DataFrame(lines, columns=COLUMNS), wrong)


def _distinct(values: pd.Series[Any]) -> int:
    try:
        return int(values.nunique())
    except TypeError:  # lists cannot be hashed
        return int(values.dropna().map(repr).nunique())


def text_failures(frame: pd.DataFrame, items: Mapping[str, Item]) -> list[pd.DataFrame]:
    """Find the texts that are not of the type that the design gives their item."""
    found = []
    for name, item in items.items():
        test = _TESTS.get(str(item.data_type).upper())
        if test is None or name not in frame.columns or not _textual(frame[name]):
            continue
        numbers, distinct = pd.factorize(frame[name])
        wrong = np.array([one != "" and not test.fullmatch(str(one)) for one in distinct] + [False], bool)[numbers]
        found.append(failures(frame, name, wrong, f"not of type {item.data_type}"))
    return found


def _textual(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_string_dtype(values.dtype) or pd.api.types.is_object_dtype(values.dtype)


def code_failures(frame: pd.DataFrame, choices: Iterable[Choice]) -> list[pd.DataFrame]:
    """Find the rows of choice items that do not fit their list."""
    found = []
    for one in choices:
        labels = frame[one.pair] if one.pair is not None and one.pair in frame else None
        for problem, code, _, mask in Coded(one, frame[one.column], labels).lines():
            if code is not None and problem in ("a code that is not in the list", "another label than in the list"):
                found.append(failures(frame, one.column, mask, problem))
    return found


def values_in(tables: Iterable[Table]) -> Shape | None:
    """Find the study's long table of values: one row a value, by started form, item and repeat."""
    for one in tables:
        parts = {
            part: next((c.name for c in one.columns if re.fullmatch(pattern, c.name, re.I)), None)
            for part, pattern in _VALUES.items()
        }
        if one.readable and all(parts.values()):
            gone = [c.name for c in one.columns if re.fullmatch(_GONE, c.name, re.I) and c.type == "boolean"]
            return Shape(
                one, {part: name for part, name in parts.items() if name} | ({"gone": gone[0]} if gone else {})
            )
    return None


def place_in(frame: pd.DataFrame) -> list[str] | None:
    """Name the columns of a clinical table that meet the long table's form and repeat."""
    found = []
    for part in ("form", "repeat"):
        hits = [one for one in frame.columns if re.fullmatch(_VALUES[part], str(one), re.I)]
        if not hits:
            return None
        found.append(str(hits[0]))
    return found


def lost(frame: pd.DataFrame, values: pd.DataFrame, shape: Shape, numbers: Mapping[Any, str]) -> pd.DataFrame:
    """Find the values that a typed column lost: NULL in the table, text in the long table.

    Parameters
    ----------
    frame : DataFrame
        The clinical table.
    values, shape
        Rows of the long table, and which column is what.
    numbers : dict
        The items' numbers and the columns that hold them.
    """
    keys = place_in(frame) or []
    parts = shape.parts
    rows = values[values[parts["item"]].isin(list(numbers)) & values[parts["value"]].notna()]
    rows = rows[rows[parts["value"]] != ""]
    if "gone" in parts:
        rows = rows[~rows[parts["gone"]].eq(True)]
    places = pd.Series(range(len(frame)), index=pd.MultiIndex.from_frame(frame[keys]))
    places = places[~places.index.duplicated()]
    at = places.reindex(pd.MultiIndex.from_frame(rows[[parts["form"], parts["repeat"]]])).to_numpy()
    empty = {column: frame[column].isna().to_numpy() for column in set(numbers.values())}
    lines = []
    for place, number, value in zip(at, rows[parts["item"]], rows[parts["value"]], strict=True):
        column = numbers[number]
        if not np.isnan(place) and empty[column][int(place)]:
            lines.append((table_of(frame), column, "lost by its type: NULL in the table", value, int(place)))
    made = pd.DataFrame(lines, columns=FAILED, dtype=object)
    made["row_key"] = pd.Series(row_keys(frame, made["row_key"]), dtype=object)
    return made
