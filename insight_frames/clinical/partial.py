"""Partial dates (``2015``, ``2015-08``, ``2015-08-14``) as a date and how much of it is known.

A date of which day or month is not known stays missing unless a rule is given; what a rule may not do is make an end
precede its start.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..errors import ColumnNotFound, DataConflict, InvalidInput, sentence
from .convert import Converted, failures, finished, names_of
from .facts import check_columns, insight, row_keys, table_of
from .facts import columns as facts_of

Rule = Literal["first", "middle", "last"]
PRECISIONS = ["year", "month", "day"]
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_NOT = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class _Dates:
    """A column of dates: what is taken as the date, the first and last day it may mean, and how much is known."""

    date: Any
    first: Any
    last: Any
    known: Any


def to_dates(
    frame: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    impute: Rule | Mapping[str, Rule] | None = None,
    periods: Sequence[tuple[str, str]] | Mapping[str, str] = (),
) -> Converted:
    """Read dates of which the day or the month may be unknown (``2015``, ``2015-08``), and name what is no date.

    Parameters
    ----------
    frame : DataFrame
        It is not changed; the text columns stay beside what is made of them.
    columns : str or list of str
        Text columns ``x``; each gets ``x_date`` and ``x_precision`` behind it.
    impute : {"first", "middle", "last"} or dict of column to rule, optional
        What to take for a date that is not known to the day: the first or last day that it may be, or the 15th of the
        month and the 1st of July. Without a rule it is missing: nothing is imputed that was not asked for.
    periods : list of (start, end), or dict of start to end, optional
        Columns, also of dates, that must not be in the wrong order.

    Returns
    -------
    Converted
        ``frame`` with ``x_date`` (datetime64[us]) and ``x_precision`` (ordered category year < month < day: how much
        is known, whatever was imputed); ``failed`` with one row a value that is no date, or an end that precedes its
        start as it is written: table, column, problem, value, row_key.

    Raises
    ------
    ColumnNotFound, InvalidInput
        A column is not there, or would be overwritten; a rule that is none.
    DataConflict
        The rule makes an end precede its start; ``err.row_key`` is the first such row.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"onset": ["2015-08-14", "2015-08", "2015", None]})
    >>> to_dates(frame, "onset").frame["onset_date"].notna().tolist()
    [True, False, False, False]
    >>> made, failed = to_dates(frame, "onset", impute="last")
    >>> made["onset_date"].dt.strftime("%Y-%m-%d").tolist()[:3], made["onset_precision"].tolist()[:3]
    (['2015-08-14', '2015-08-31', '2015-12-31'], ['day', 'month', 'year'])
    """
    names = names_of(columns, "columns=")
    check_columns(frame, names, "columns=")
    rules = _rules(names, impute)
    made, failed, dates = frame.copy(), [], {}
    for name in names:
        dates[name], bad = _read(frame[name], rules[name])
        failed.append(failures(frame, name, bad, "not a date, a month or a year"))
        at = made.columns.tolist().index(name) + 1
        for ending, values in (("date", dates[name].date), ("precision", _precision(dates[name].known))):
            if f"{name}_{ending}" in made.columns:
                raise InvalidInput(
                    sentence(
                        f"The frame has a column {name}_{ending!r} already", where=table_of(frame), try_="rename it"
                    )
                )
            made.insert(at, f"{name}_{ending}", pd.Series(values, index=made.index))
            at += 1
    for start, end in _pairs(periods):
        failed.append(_ordered(frame, start, end, dates))
    made.attrs = _told(frame, names)
    return finished(made, failed)


def _pairs(periods: Any) -> list[tuple[str, str]]:
    """Take pairs of columns; a mapping of start to end is as clear."""
    given = list(periods.items() if isinstance(periods, Mapping) else periods) if not isinstance(periods, str) else [""]
    if not all(isinstance(one, Sequence) and not isinstance(one, str) and len(one) == 2 for one in given):
        raise InvalidInput(sentence("periods= cannot be meant", expected="[('start', 'end'), ...]"))
    return [(one[0], one[1]) for one in given]


def _rules(names: list[str], impute: Any) -> dict[str, Rule | None]:
    given = dict(impute) if isinstance(impute, Mapping) else dict.fromkeys(names, impute)
    for name, rule in given.items():
        if rule not in (None, "first", "middle", "last"):
            raise InvalidInput(sentence("impute= is not known", expected="'first', 'middle', 'last' or None"))
        if name not in names:
            raise ColumnNotFound(sentence(f"impute= names {name!r}, which is none of columns="))
    return {name: given.get(name) for name in names}


def _read(values: pd.Series[Any], rule: Rule | None) -> tuple[_Dates, Any]:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        local = values.dt.tz_localize(None)  # the day where the time was taken down, not the day in UTC
        days = local.to_numpy("datetime64[us]").astype("datetime64[D]").astype("datetime64[us]")
        return _Dates(days, days, days, np.where(np.isnat(days), -1, 2)), np.zeros(len(values), bool)
    numbers, distinct = pd.factorize(values)
    read = [_known(one) for one in distinct]
    rows = [(_NOT, _NOT, _NOT, -1) if one is None else _span(one, rule) for one in read] + [(_NOT, _NOT, _NOT, -1)]
    date, first, last = (np.array([row[part] for row in rows], "datetime64[us]")[numbers] for part in range(3))
    known = np.array([row[3] for row in rows])[numbers]
    return _Dates(date, first, last, known), np.array([one is None for one in read] + [False], bool)[numbers]


def _known(value: Any) -> tuple[int, ...] | None:
    """Take year, month and day as far as they are written; None if that is no date."""
    found = _PARTIAL.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    parts = tuple(int(one) for one in found.groups() if one is not None)
    year, month, day = (*parts, 1, 1)[:3]
    fits = year >= 1 and 1 <= month <= 12 and 1 <= day <= monthrange(max(year, 1), month)[1]
    return parts if fits else None


def _span(parts: tuple[int, ...], rule: Rule | None) -> tuple[Any, Any, Any, int]:
    first = _day(*(*parts, 1, 1)[:3])
    year, month = (*parts, 12)[:2]
    last = _day(year, month, monthrange(year, month)[1]) if len(parts) < 3 else first
    middle = _day(year, 7, 1) if len(parts) == 1 else _day(year, month, 15)
    taken = {"first": first, "middle": middle, "last": last, None: _NOT}[rule] if len(parts) < 3 else first
    return taken, first, last, len(parts) - 1


def _day(year: int, month: int, day: int) -> Any:
    return np.datetime64(f"{year:04}-{month:02}-{day:02}", "us")


def _precision(known: Any) -> Any:
    return pd.Categorical.from_codes(known, categories=pd.Index(PRECISIONS), ordered=True)


def _ordered(frame: pd.DataFrame, start: str, end: str, dates: dict[str, _Dates]) -> pd.DataFrame:
    """Report ends that precede their start as they are written; refuse a rule that makes more of them."""
    check_columns(frame, [start, end], "periods=")
    one, other = (dates[name] if name in dates else _read(frame[name], None)[0] for name in (start, end))
    written = one.first > other.last
    made = (one.date > other.date) & ~written
    if made.any():
        raise DataConflict(
            sentence(
                "The rule of imputation makes an end precede its start",
                where=f"{table_of(frame)}, columns {start!r} and {end!r}",
                got=f"{int(made.sum()):,} rows of which the dates as written allow the right order",
                try_="another impute= for one of the columns; err.row_key is the first such row",
            ),
            table=table_of(frame),
            column=end,
            row_key=row_keys(frame, np.flatnonzero(made)[:1])[0],
        )
    return failures(frame, end, written, f"before {start!r}")


def _told(frame: pd.DataFrame, names: list[str]) -> dict[Any, Any]:
    told = insight(frame)
    if "columns" not in told:
        return dict(frame.attrs)
    columns = facts_of(frame)
    for name in names:
        label = columns.get(name, {}).get("comment") or name
        columns[f"{name}_date"] = {"type": "date", "comment": f"{label}, date"}
        columns[f"{name}_precision"] = {"type": "text", "comment": f"{label}, known to the"}
    return {**frame.attrs, "insight": {**told, "columns": columns}}
