"""What must hold before two snapshots are compared, and what a reader of the comparison must be told beside it.

Two studies, or two databases, differ in everything and mean nothing; so they are refused unless asked for. Filters and
masks change what a snapshot holds without the study having changed; so other ones are said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ... import manifest as inventory
from ...errors import ColumnNotFound, InvalidInput, SnapshotError, TableNotFound, near, sentence
from ..cut import Snapshot

Keys: TypeAlias = Mapping[str, str | Sequence[str]] | Mapping[tuple[str, str], str | Sequence[str]]
_FILTERS = ("filters", "masks")


def check(old: Snapshot, new: Snapshot, *, other_source: bool) -> None:
    """Refuse manifests that were edited, and snapshots of two databases or of no study in common."""
    for one in (old, new):
        if inventory.own_hash(one.manifest) != one.manifest["insight"]["sha256"]:
            raise SnapshotError(
                sentence(
                    f"{inventory.NAME} was edited after the snapshot was taken: its own hash does not fit",
                    where=str(one.path),
                    try_="verify() tells what is wrong; restore it from a copy",
                )
            )
    if other_source:
        return
    for fact in ("server", "database"):
        before, after = (one.manifest["insight"]["source"].get(fact) for one in (old, new))
        if None not in (before, after) and before != after:
            raise _foreign(f"The snapshots are of two {fact}s", str(before), str(after))
    before, after = ({schema for schema, _ in one.tables} for one in (old, new))
    if not before & after:
        raise _foreign("The snapshots have no schema in common", _few(before), _few(after))


def _foreign(what: str, expected: str, got: str) -> InvalidInput:
    return InvalidInput(
        sentence(what, expected=expected, got=got, try_="other_source=True (--other-source) if that is meant")
    )


def _few(names: set[str]) -> str:
    shown = sorted(names)[:3]
    return ", ".join(map(repr, shown)) + (" ..." if len(names) > len(shown) else "")


def remarks(old: Snapshot, new: Snapshot) -> Iterator[str]:
    """Say what makes the two less comparable than they look."""
    before, after = (one.manifest["insight"] for one in (old, new))
    if before["taken"] > after["taken"]:
        yield f"the old snapshot is the later one (taken {before['taken']}; the new one {after['taken']})"
    for fact in ("server", "database"):
        if before["source"].get(fact) != after["source"].get(fact):
            yield f"the snapshots are of two {fact}s: {before['source'].get(fact)}, {after['source'].get(fact)}"
    if _filtered(before, after):
        yield "the snapshots were taken with different filters or masks: what differs may be due to them alone"


def remark(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Say the same of one table."""
    if _filtered(old, new):
        yield "it was taken with different filters or masks: what differs may be due to them alone"


def _filtered(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether other filters or masks were applied; that there were none is written in two ways."""
    return any((old.get(one) or None) != (new.get(one) or None) for one in _FILTERS)


def named_keys(old: Snapshot, new: Snapshot, keys: Keys | None) -> dict[tuple[str, str], tuple[str, ...]]:
    """Read ``keys=``: which table each entry means, and its columns; errors with near matches."""
    known = {f"{schema}.{table}": (schema, table) for schema, table in (*old.tables, *new.tables)}
    found = {}
    for name, columns in (keys or {}).items():
        place = known.get(name) if isinstance(name, str) else name
        if place is None or place not in known.values():
            label = name if isinstance(name, str) else ".".join(map(str, name))
            hint = near(label, known) or 'name it "schema.table"'
            raise TableNotFound(sentence(f"keys= names {label!r}, no table of either snapshot", try_=hint))
        found[place] = _columns(place, (columns,) if isinstance(columns, str) else tuple(columns), old, new)
    return found


def _columns(place: tuple[str, str], columns: tuple[str, ...], old: Snapshot, new: Snapshot) -> tuple[str, ...]:
    label = ".".join(place)
    if not columns or len(set(columns)) < len(columns):
        raise InvalidInput(
            sentence(f"keys= names no key of {label}", expected="one or more columns, each once", got=repr(columns))
        )
    tables = [one.catalog.tables[place] for one in (old, new) if place in one.catalog.tables]
    present = {column.name for table in tables for column in table.columns}
    for one in columns:
        if one not in present:
            hint = near(one, present) or f"describe_table({place[0]!r}, {place[1]!r}) lists its columns"
            raise ColumnNotFound(
                sentence(f"keys= names {one!r}, a column that {label} has in neither snapshot", try_=hint)
            )
    return columns


def ignored_columns(old: Snapshot, new: Snapshot, ignore: Sequence[str]) -> frozenset[str]:
    """Read ``ignore=``: names of columns; ColumnNotFound with near matches."""
    names = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    present = {column.name for one in (old, new) for table in one.catalog.tables.values() for column in table.columns}
    for one in names:
        if one not in present:
            hint = near(one, present) or "columns are named alone, without their table"
            raise ColumnNotFound(sentence(f"ignore= names {one!r}, no column of any table", try_=hint))
    return frozenset(names)
