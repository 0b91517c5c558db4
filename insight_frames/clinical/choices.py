"""Choice items as ordered categoricals: which columns are choices, which levels they have, and what does not fit.

All levels of a list are kept in its order, used or not, so that a reference level never moves between two cuts; what
the rows hold beside the list becomes a level behind it and a row of the report, never a missing value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import pandas as pd

from ..catalog import Column, Table
from ..errors import InvalidInput, sentence
from .design import Item, Pairs, order_of

How = Literal["label", "code", "both"]
Given = Mapping[str, Mapping[Any, str | None]]
_LABEL = "_label"
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double")
_TEXTS = ("text", "character")


@dataclass(frozen=True)
class Choice:
    """A choice item: its column, the column of labels beside it, and its levels.

    ``levels`` is None if only the rows tell them; ``origin`` says where they come from.
    """

    column: str
    pair: str | None
    levels: Pairs | None
    origin: str
    numeric: bool
    multiple: bool = False

    def learn(self, codes: pd.Series[Any], labels: pd.Series[Any]) -> Choice:
        """Take the levels from the pairs that rows hold, sorted by code."""
        seen = pd.DataFrame({"code": codes.to_numpy(object), "label": labels.to_numpy(object)}).drop_duplicates()
        known = [
            (text(code), None if pd.isna(label) else str(label))
            for code, label in zip(seen["code"], seen["label"], strict=True)
            if not pd.isna(code)
        ]
        labelled = {code for code, label in known if label is not None}
        known = [one for one in known if one[1] is not None or one[0] not in labelled]
        return replace(self, levels=tuple(sorted(known, key=lambda one: (*order_of(one[0]), one[1] or ""))))


def choices_of(
    table: Table, items: Mapping[str, Item], lists: Mapping[Any, Pairs], origin: str, given: Given | None = None
) -> dict[str, Choice]:
    """Find a table's choice items: given, in the study's lists, or as pairs of columns ``x`` and ``x_label``."""
    _check_given(table, given)
    columns = {one.name: one for one in table.columns if one.readable}
    pairs = {one: one + _LABEL for one in columns if _is_text(columns.get(one + _LABEL))}
    bases = _bases(columns, pairs, items, lists)
    parts = {name + "_" + code for name, codes in bases.items() for code in codes}
    found = {}
    for name, column in columns.items():
        item = items.get(name)
        numeric = column.type.startswith(_NUMBERS)
        codes = tuple((code, None) for code in bases.get(name, ()))
        made = Choice(name, pairs.get(name), None, "the pairs in the rows", numeric, bool(codes))
        if given is not None and name in given:
            levels = tuple((text(code), label) for code, label in given[name].items())
            made = replace(made, levels=levels, origin="given", multiple=made.multiple or bool(item and item.multiple))
        elif item is not None and item.choices in lists:
            levels = tuple((_same(code, numeric), label) for code, label in lists[item.choices])
            made = replace(made, levels=levels, origin=origin, multiple=item.multiple or bool(codes))
        elif codes:
            made = replace(made, levels=codes, origin="the names of the columns")
        elif name not in pairs or name in parts:
            continue
        found[name] = made
    return found


def _is_text(column: Column | None) -> bool:
    return column is not None and column.type.startswith(_TEXTS)


def _bases(
    columns: Mapping[str, Column], pairs: Mapping[str, str], items: Mapping[str, Item], lists: Mapping[Any, Pairs]
) -> dict[str, list[str]]:
    """Give the multiple choices that have a pair per choice (``x_1``, ``x_1_label``), with their codes.

    Other columns have such names too (``x_unit`` beside ``x``): without the design's word, all codes must be digits.
    """
    found: dict[str, list[str]] = {}
    for one in pairs:
        base, _, code = one.rpartition("_")
        if base in columns and base not in pairs and _is_text(columns[base]):
            found.setdefault(base, []).append(code)
    sure = {}
    for base, codes in found.items():
        item = items.get(base, Item())
        known = {code for code, _ in lists.get(item.choices, ())}
        if item.multiple or known.issuperset(codes) or (len(codes) > 1 and all(one.isdigit() for one in codes)):
            sure[base] = codes
    return sure


def _check_given(table: Table, given: Given | None) -> None:
    for name, levels in (given or {}).items():
        table.column(name)
        if not isinstance(levels, Mapping):
            raise InvalidInput(
                sentence(
                    f"choice_lists= for {name!r} cannot be meant",
                    where=f"{table.schema}.{table.name}",
                    expected="a mapping of codes to labels, in the order of the levels",
                    got=type(levels).__name__,
                )
            )


def text(code: Any) -> str:
    """Write a code as a list does: 1.0 as ``1``, ``01`` as it stands.

    >>> text(1.0), text("01"), text(True)
    ('1', '01', 'true')
    """
    if isinstance(code, str):
        return code
    if isinstance(code, bool):
        return str(code).lower()
    return _same(str(code), True)


def _same(code: str, numeric: bool) -> str:
    """Write a code of a numeric column in one way, whatever the list writes: ``01`` and ``1.0`` are ``1``."""
    if not numeric:
        return code
    try:
        number = Decimal(code)
    except InvalidOperation:
        return code
    return format(number.normalize(), "f") if number.is_finite() else code


def needed(choices: Mapping[str, Choice], asked: Sequence[str] | None) -> tuple[dict[str, Choice], list[str]]:
    """Say which choices a selection of columns meets, and which columns must be read beside it."""
    single = {name: one for name, one in choices.items() if not one.multiple}
    if asked is None:
        return single, []
    met = {name: one for name, one in single.items() if name in asked or one.pair in asked}
    wanted = [side for one in met.values() for side in (one.column, one.pair) if side is not None]
    return met, [one for one in dict.fromkeys(wanted) if one not in asked]


def check_how(how: Any) -> None:
    """InvalidInput unless ``choices=`` can be meant."""
    if how not in (None, "label", "code", "both"):
        raise InvalidInput(sentence("choices= is not known", expected="'label', 'code', 'both' or None"))


def told(choices: Iterable[Choice]) -> dict[str, dict[str, Any]]:
    """Say in JSON values what a frame carries of its choices."""
    return {
        one.column: {"choices": [list(pair) for pair in one.levels or ()]}
        | ({"multiple": True} if one.multiple else {})
        for one in choices
    }
