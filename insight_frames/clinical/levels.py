"""Rows of a choice item become codes of an ordered categorical; every disagreement with the list is a line of a report.

Rows are looked at once per distinct pair of code and label, so that the work follows the number of choices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from .choices import Choice, How, text
from .facts import row_keys, table_of

REPORT = ["table", "column", "problem", "code", "label", "rows", "row_key"]
Line = tuple[str, str | None, str | None, Any]  # problem, code, label, mask of the rows


class Coded:
    """The rows of one choice item, by distinct pair of code and label."""

    def __init__(self, choice: Choice, codes: pd.Series[Any] | None, labels: pd.Series[Any] | None) -> None:
        self.choice = choice
        size = len(next(one for one in (codes, labels) if one is not None))
        left, self._codes = _factors(codes, size)
        right, self._labels = _factors(labels, size)
        width = len(self._labels) + 1
        self._seen, self.inverse = np.unique(left * width + right, return_inverse=True)
        self.pairs = [self._pair(int(one), width) for one in self._seen]
        self.paired = labels is not None
        self.levels: dict[str, list[str]] = {}
        for code, label in choice.levels or ():
            self.levels.setdefault(code, []).extend([] if label is None else [label])

    def _pair(self, number: int, width: int) -> tuple[str | None, str | None]:
        code, label = divmod(number, width)
        return (
            None if code == 0 else text(self._codes[code - 1]),
            None if label == 0 else str(self._labels[label - 1]),
        )

    def codes(self) -> pd.Categorical:
        """Make the categorical of codes: the list's, then others that rows hold; numbers where all are numbers."""
        others = sorted({code for code, _ in self.pairs if code is not None} - set(self.levels))
        order = [*self.levels, *others]
        return self._categorical(order, [code for code, _ in self.pairs], _typed(order, self.choice.numeric))

    def labels(self) -> pd.Categorical:
        """Make the categorical of labels: the list's in its order, then what only rows hold."""
        order = [self._shown(code, label) for code, found in self.levels.items() for label in found or (None,)]
        rows = [
            None if code is None and label is None else self._shown(code, self._own(code, label))
            for code, label in self.pairs
        ]
        order = list(dict.fromkeys([*order, *sorted({one for one in rows if one is not None} - set(order))]))
        return self._categorical(order, rows, order)

    def _own(self, code: str | None, label: str | None) -> str | None:
        """The row's own label; without one that of the list, and all of them if it has several for the code."""
        found = self.levels.get(code or "", [])
        return label if label is not None else " / ".join(found) or None

    def _shown(self, code: str | None, label: str | None) -> str:
        """Write a label so that no two codes look alike."""
        if label is None:
            return str(code)
        owners = [one for one, found in self.levels.items() if label in found]
        return f"{label} ({code})" if len(owners) > 1 and code is not None else label

    def _categorical(self, order: list[str], rows: list[str | None], categories: list[Any]) -> pd.Categorical:
        place = {one: at for at, one in enumerate(order)}
        places = np.array([-1 if one is None else place[one] for one in rows], dtype=np.intp)
        index = pd.Index(categories) if categories else pd.Index([], dtype=object)
        return pd.Categorical.from_codes(places[self.inverse], categories=index, ordered=True)

    def lines(self) -> Iterable[Line]:
        """Say what does not fit together."""
        labels = [label for found in self.levels.values() for label in found]
        for code, found in self.levels.items():
            if len(found) > 1:
                yield "several labels for a code", code, " / ".join(found), self._where(lambda a, b, c=code: a == c)
            if not found:
                yield "a code without a label", code, None, self._where(lambda a, b, c=code: a == c)
        for twice in dict.fromkeys(one for one in labels if labels.count(one) > 1):
            codes = [code for code, found in self.levels.items() if twice in found]
            if len(codes) > 1:
                yield "several codes for a label", " / ".join(codes), twice, self._where(lambda a, b, c=codes: a in c)
        for at, pair in enumerate(self.pairs):
            problem = self._problem(*pair)
            if problem is not None:
                yield problem, *pair, self.inverse == at

    def _problem(self, code: str | None, label: str | None) -> str | None:
        if code is None:
            return None if label is None else "a label without a code"
        found = self.levels.get(code)
        if found is None:
            return "a code that is not in the list"
        if label is not None and label not in found:
            return "another label than in the list"
        return "a code without its label" if self.paired and label is None and found else None

    def _where(self, test: Any) -> Any:
        return np.array([test(code, label) for code, label in self.pairs], dtype=bool)[self.inverse]


def _factors(values: pd.Series[Any] | None, size: int) -> tuple[Any, Any]:
    """Number the distinct values from 1; missing is 0."""
    if values is None:
        return np.zeros(size, dtype=np.int64), []
    numbers, distinct = pd.factorize(values)
    return numbers.astype(np.int64) + 1, distinct


def _typed(codes: list[str], numeric: bool) -> list[Any]:
    """Write the codes of a numeric column as numbers, so that they compare with its values."""
    for kind in (int, float) if numeric else ():
        try:
            return [kind(one) for one in codes]
        except ValueError:
            continue
    return list(codes)


def apply(
    frame: pd.DataFrame, choices: Iterable[Choice], how: How, keep: Iterable[str] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make choice items categoricals.

    Parameters
    ----------
    frame : DataFrame
        With the columns of the choices; it is changed.
    choices : iterable of Choice
        With levels.
    how : {"label", "code", "both"}
        What the item's own column holds; "both": codes in it, labels in the column beside it.
    keep : iterable of str or None
        The columns that were asked for by name; None: all, and of a pair one.

    Returns
    -------
    frame, report : DataFrame
        The report has one line a disagreement, with the number of rows and the key of the first one.
    """
    asked = None if keep is None else set(keep)
    found: list[dict[str, Any]] = []
    table = table_of(frame)
    for one in choices:
        coded = Coded(one, _column(frame, one.column), _column(frame, one.pair))
        for problem, code, label, mask in coded.lines():
            places = np.flatnonzero(mask)
            key = row_keys(frame, places[:1])[0] if len(places) else None
            line = (table, one.column, problem, code, label, len(places), key)
            found.append(dict(zip(REPORT, line, strict=True)))
        frame = _place(frame, one, coded, how, asked)
    return frame, pd.DataFrame(found, columns=REPORT, dtype=object).astype({"rows": "int64"})


def _column(frame: pd.DataFrame, name: str | None) -> pd.Series[Any] | None:
    return None if name is None or name not in frame.columns else frame[name]


def _place(frame: pd.DataFrame, choice: Choice, coded: Coded, how: How, asked: set[str] | None) -> pd.DataFrame:
    """Put the categoricals where the columns stood."""
    beside = choice.pair or f"{choice.column}_label"
    names = frame.columns.tolist()
    at = names.index(choice.column)
    frame.isetitem(at, coded.labels() if how == "label" else coded.codes())
    if beside in names:
        if how != "both" and (asked is None or beside not in asked):
            return frame.drop(columns=beside)
        frame.isetitem(names.index(beside), coded.labels())
    elif how == "both":
        frame.insert(at + 1, beside, pd.Series(coded.labels(), index=frame.index))
    return frame
