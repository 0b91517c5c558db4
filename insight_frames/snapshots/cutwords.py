"""What a data cut is asked with, checked before anything is sent: its date, its participants, its masks.

No message holds a participant: those that are not found stand on the error.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ..catalog import Table
from ..clinical import cuts
from ..clinical.design import Shape
from ..errors import InvalidInput, ParticipantNotFound, TableNotFound, near, sentence
from ..sql.literals import items
from ..study import Reader


def day_of(until: Any, undated: Any, today: date, taken: str | None) -> date | None:
    """Check the cut date: a day that is over in what is cut, with a word on rows that have none."""
    if undated not in (None, "keep", "drop"):
        raise InvalidInput(sentence("undated is not known", expected="'keep' or 'drop'"))
    if until is None:
        if undated is not None:
            raise InvalidInput(sentence("undated= was given without until="))
        return None
    if isinstance(until, str):
        try:
            until = date.fromisoformat(until)
        except ValueError as error:
            raise InvalidInput(sentence("until is no day", expected="a date or 'YYYY-MM-DD'")) from error
    if isinstance(until, datetime) or not isinstance(until, date):
        expected, got = "a date or 'YYYY-MM-DD', which is in the cut", type(until).__name__
        raise InvalidInput(sentence("until must be a day", expected=expected, got=got))
    last = today if taken is None else date.fromisoformat(taken[:10])
    if until > last:
        what = "in the future" if taken is None else "later than the snapshot"
        raise InvalidInput(sentence(f"The cut date is {what}", expected=f"{last} (UTC) or earlier"))
    if undated is None:
        raise InvalidInput(
            sentence(
                "until= says nothing of rows whose date is missing",
                try_="undated='keep' or undated='drop'",
            )
        )
    return until


def listed_in(reader: Reader, schema: str, people: Shape, given: Any) -> tuple[tuple[str, ...], str]:
    """Read the list, and find the column of participants that holds all of it."""
    parts = people.parts
    if given is None:
        return (), parts["id"]
    if isinstance(given, str | os.PathLike):
        try:
            lines = Path(given).read_text("utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            expected, got = "a list, or a text file with one on each line", type(error).__name__
            raise InvalidInput(
                sentence("The file of participants= cannot be read", expected=expected, got=got)
            ) from error
        given = [one.strip() for one in lines if one.strip()]
    values = items(given)
    if values is None:
        expected, got = "a list of labels, OIDs or keys, or a file's path", type(given).__name__
        raise InvalidInput(sentence("participants= is no list", expected=expected, got=got))
    texts = cuts.read_list(values)
    columns = [parts[one] for one in ("label", "oid", "id") if one in parts]
    rows = reader.read_table(schema, people.table.name, columns=columns)
    found = {}
    for one in columns:
        held = rows[one].dropna().astype(str)
        found[one] = set(texts) & set(held)
    best = max(columns, key=lambda one: len(found[one]))
    unknown = [one for one in texts if one not in found[best]]
    if unknown:
        raise ParticipantNotFound(
            sentence(
                f"{len(unknown):,} of {len(texts):,} participants are not in the study",
                where=f"participants=, {schema}.{people.table.name}",
                expected=f"values of {' or '.join(map(repr, columns))}, all of one column",
                try_="err.value lists them",
            ),
            unknown,
        )
    return tuple(sorted(texts)), best


def masked(
    schema: str, tables: Mapping[str, Table], absent: Collection[str], masks: Any
) -> tuple[list[Table], list[dict[str, Any]]]:
    """Narrow the tables; give them, and the masks for the manifest. Those that are ``absent`` may be named too."""
    if masks is not None and not isinstance(masks, Mapping):
        raise InvalidInput(sentence("masks must say what of which table", expected="{'table': '*' or ['column', ...]}"))
    hidden: dict[str, set[str] | None] = {}
    for name, what in (masks or {}).items():
        if name in absent and name not in tables:
            hidden[name] = None
            continue
        if name != "*" and name not in tables:
            hint = near(str(name), tables) or "list_tables() shows what there is"
            raise TableNotFound(sentence(f"masks= names {name!r}, no table here", try_=hint))
        if what == "*" and name != "*":
            hidden[name] = None
            continue
        if isinstance(what, str) or not isinstance(what, Sequence | set) or not all(isinstance(x, str) for x in what):
            raise InvalidInput(sentence("masks must list columns", where=str(name), expected="['column', ...] or '*'"))
        for column in what:
            _hide(column, tables if name == "*" else {name: tables[name]}, hidden)
    found = [{"schema": schema, "table": name, "columns": sorted(hidden[name] or ())} for name in hidden]
    narrow = [_narrowed(one, hidden) for one in tables.values()]
    return [one for one in narrow if one is not None and one.readable], sorted(found, key=lambda one: one["table"])


def _hide(column: str, tables: Mapping[str, Table], hidden: dict[str, set[str] | None]) -> None:
    """Note a column to hide in each of the tables that has it."""
    mine = [name for name, one in tables.items() if any(column == other.name for other in one.columns)]
    if not mine:
        if len(tables) == 1:
            next(iter(tables.values())).column(column)
        raise InvalidInput(sentence(f"masks= names {column!r}, no column of any table"))
    for name in mine:
        known = hidden.setdefault(name, set())
        if known is not None:
            known.add(column)


def _narrowed(table: Table, masks: Mapping[str, set[str] | None]) -> Table | None:
    hidden = masks.get(table.name, set())
    if hidden is None:
        return None
    columns = tuple(one for one in table.columns if one.name not in hidden)
    if hidden and not columns:
        raise InvalidInput(sentence(f"masks= leaves no column of {table.name}", try_=f"{{{table.name!r}: '*'}}"))
    return replace(
        table,
        columns=columns,
        keys=tuple(one for one in table.keys if not hidden & set(one)),
        has_primary_key=table.has_primary_key and not hidden & set(table.keys[0]),
        foreign_keys=tuple(
            one
            for one in table.foreign_keys
            if not hidden & set(one.columns) and not (masks.get(one.table) or set()) & set(one.references)
        ),
    )
