"""The row key of a table: declared, else derived from its columns' parts in a clinical key, to be checked on the rows.

A clinical row belongs to participant and event, to a repeat of the event where events repeat, to a form, and to a
repeat of the item group where groups repeat; the started form stands for all of these but the last. Which parts a
table has, its columns tell; that they are a key, only its rows can.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..catalog import Table
from ..errors import DataConflict, sentence

# The parts of a key and how their columns are called; of several for one part the first pattern that fits wins.
_PARTS: dict[str, tuple[str, ...]] = {
    "started form": (r"event_crf_id|event_form_id",),
    "participant": tuple(rf"(study_)?(participant|subject)_?{end}" for end in ("id", "oid", "key", "label")),
    "event occurrence": (r"study_event_id",),
    "event": tuple(rf"(study_)?event_{end}" for end in ("definition_id", "oid", "name")),
    "event repeat": (r"(study_)?event_(repeat(_key)?|ordinal_repeat)|sample_ordinal",),
    "form": (r"crf_id|form_id", r"(form|crf)_oid", r"(form|crf)_name"),
    "item": (r"item_id", r"item_oid"),
    "group repeat": (r"(item_)?group_repeat(_key)?|item_data_repeat_key",),
}
# What makes a key, if the first part is there: the others are taken where they are.
_KEYS = (
    ("started form", "item", "group repeat"),
    ("event occurrence", "form", "item", "group repeat"),
    ("participant", "event", "event repeat", "form", "item", "group repeat"),
)


@dataclass(frozen=True)
class RowKey:
    """Columns that tell rows apart; ``parts`` names the parts of a clinical key that derived them, if they are not
    declared.
    """

    columns: tuple[str, ...]
    parts: tuple[str, ...] = ()


def candidates(table: Table) -> list[RowKey]:
    """Give the keys that the columns' names suggest, the shortest first; the rows have to prove one."""
    found = {part: name for part, patterns in _PARTS.items() if (name := _first(table, patterns)) is not None}
    own = _own(table)
    made = [] if own is None else [RowKey((own,), ("number of the row",))]
    for parts in _KEYS:
        used = [part for part in parts if part in found]
        if parts[0] in found:
            made.append(RowKey(tuple(found[part] for part in used), tuple(used)))
    return list({one.columns: one for one in reversed(made)}.values())[::-1]


def proven(rows: pd.DataFrame, keys: Sequence[RowKey]) -> RowKey | None:
    """Give the first key that tells all rows apart and is missing in none."""
    return next((one for one in keys if not _faults(rows[list(one.columns)]).any()), None)


def _first(table: Table, patterns: tuple[str, ...]) -> str | None:
    for pattern in patterns:
        for one in table.columns:
            if re.fullmatch(pattern, one.name, re.I):
                return one.name
    return None


def _own(table: Table) -> str | None:
    """Name the column that numbers this table's own rows: ``item_data_id`` of ``item_data``."""
    wanted = {f"{table.name}_id".casefold(), f"{table.name.removesuffix('s')}_id".casefold()}
    return next((one.name for one in table.columns if one.name.casefold() in wanted), None)


def check(rows: pd.DataFrame, label: str, key: RowKey) -> None:
    """DataConflict unless the key's columns tell the rows apart; `label` is what messages call the table."""
    rows = rows[list(key.columns)]
    wrong = _faults(rows)
    if not wrong.any():
        return
    first: dict[str, Any] = dict(zip(rows.columns, rows.iloc[int(wrong.to_numpy().argmax())].tolist(), strict=True))
    raise DataConflict(
        sentence(
            f"{', '.join(key.columns)} is no key of {label}",
            where=f"derived from {', '.join(key.parts)}" if key.parts else "",
            expected="rows that differ in it, none of it missing",
            got=f"{int(wrong.sum()):,} of {len(rows):,} rows that are alike in it or lack part of it",
            try_="index_col=[...] by name; err.row_key is the first such row",
        ),
        table=label,
        row_key=first,
    )


def _faults(rows: pd.DataFrame) -> pd.Series[bool]:
    """Mark the rows whose key is missing in part, or is another row's too."""
    return rows.isna().any(axis=1) | rows.duplicated(keep=False)
