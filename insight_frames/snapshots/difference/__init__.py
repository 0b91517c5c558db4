"""What changed between two snapshots: tables, columns, rows and values, exactly and in bounded memory.

Tables whose content hashes are equal are not read at all; the others are compared by key, or as multisets of rows where
there is none. Nothing but pyarrow and numpy is needed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...progress import Asked, Progress
from ...sources.offline import OfflineSource
from ..cut import Snapshot
from . import columns
from .agreement import Keys, check, ignored_columns, named_keys, remark, remarks
from .columns import ColumnChange
from .keyed import Counts, Keyed, NotAKey
from .lines import Lines
from .multiset import KEYS, Multiset
from .result import Diff, TableDiff, plain
from .sides import Side
from .spill import Scratch

__all__ = ["ColumnChange", "Diff", "Keys", "TableDiff", "compare"]


def compare(
    old: Snapshot,
    new: Snapshot,
    *,
    keys: Keys | None = None,
    ignore: Sequence[str] = (),
    other_source: bool = False,
    progress: Asked = None,
) -> Diff:
    """Compare two opened snapshots; see :func:`insight_frames.diff`."""
    check(old, new, other_source=other_source)
    given, ignored = named_keys(old, new, keys), ignored_columns(old, new, ignore)
    scratch = Scratch()
    places, tables = sorted({*old.tables, *new.tables}), []
    with Progress(progress, "diff", tables=len(places)) as told:
        found = _Tables(old, told), _Tables(new, told)
        told.expect(tables=len(places), rows=_to_read(*found))
        for place in places:
            told.begin(".".join(place))
            tables.append(_table(place, *found, given.get(place), ignored, scratch))
            told.table_done()
    return Diff((_head(old), _head(new)), tables, list(remarks(old, new)))


class _Tables:
    """The tables of a snapshot, ready to be read."""

    def __init__(self, cut: Snapshot, progress: Progress) -> None:
        self._progress = progress
        self.source = OfflineSource(cut.path, cut.manifest)
        self.facts: dict[tuple[str, str], dict[str, Any]] = {
            (one["insight"]["schema"], one["insight"]["table"]): one["insight"] for one in cut.manifest["resources"]
        }

    def side(self, place: tuple[str, str]) -> Side:
        return Side(self.source, self.source.catalog.tables[place], self.facts[place]["rows"], self._progress)


def _to_read(old: _Tables, new: _Tables) -> int:
    """Count the rows of the tables in both whose contents differ."""
    both = ((one, new.facts.get(place)) for place, one in old.facts.items())
    return sum(a["rows"] + b["rows"] for a, b in both if b is not None and a["content"] != b["content"])


def _head(cut: Snapshot) -> str:
    return f"{cut.path}, taken {cut.manifest['insight']['taken']}, fingerprint {cut.fingerprint}"


def _table(
    place: tuple[str, str],
    old: _Tables,
    new: _Tables,
    key: tuple[str, ...] | None,
    ignored: frozenset[str],
    scratch: Scratch,
) -> TableDiff:
    """Compare one table, be it in one of the snapshots or in both."""
    before, after = old.facts.get(place), new.facts.get(place)
    if before is None or after is None:
        was, is_ = (None if one is None else one["rows"] for one in (before, after))
        return TableDiff(*place, "added" if before is None else "removed", was, is_)
    notes = tuple(remark(before, after))
    if before["content"] == after["content"]:
        return TableDiff(*place, "same", before["rows"], after["rows"], 0, 0, 0, notes=notes)
    return _Comparison(old.side(place), new.side(place), ignored, scratch).run(key, notes)


class _Comparison:
    """The comparison of one table that is in both snapshots with other contents."""

    def __init__(self, old: Side, new: Side, ignored: frozenset[str], scratch: Scratch) -> None:
        self._old, self._new, self._scratch = old, new, scratch
        self._schemas = old.schema(), new.schema()
        paired = columns.pairs(*self._schemas)
        self._changes = columns.changes(old.table, new.table, self._schemas, paired)
        self._ignored = sorted(ignored & set(paired))
        self._pairs = {name: one for name, one in paired.items() if name not in ignored}

    def run(self, given: tuple[str, ...] | None, notes: tuple[str, ...]) -> TableDiff:
        left_out = [one.column for one in self._changes if not one.compared]
        if left_out:
            notes += (f"values of {_names(left_out)} not compared: no conversion between the types is exact",)
        if self._ignored:
            notes += (f"values of {_names(self._ignored)} ignored",)
        key, why = self._key(given)
        if key:
            try:
                counts, lines = self._by_key(key)
            except NotAKey as error:
                key, why = (), f"compared by whole rows: {_names(key)} is no key, {error}"
        if not key:
            counts, lines = self._by_rows()
            notes += (why,)
        found = (*self._changes, *_cells(counts))
        return TableDiff(
            self._old.table.schema,
            self._old.table.name,
            "changed" if found or counts.added or counts.removed else "same",
            self._old.rows,
            self._new.rows,
            counts.added,
            counts.removed,
            counts.changed,
            key,
            found,
            notes,
            lines,
        )

    def _key(self, given: tuple[str, ...] | None) -> tuple[tuple[str, ...], str]:
        """Choose the key: the one given, else the one declared; or say why there is none."""
        declared = [one for one in (self._new.table.key, self._old.table.key) if one]
        wanted = [given] if given else declared
        for one in wanted:
            if all(name in self._pairs for name in one):
                return one, ""
        if not wanted:
            return (), "compared by whole rows: no key is declared, and none was given in keys="
        lost = next(name for name in wanted[0] if name not in self._pairs)
        return (
            (),
            f"compared by whole rows: {plain(lost)} of the key is new, gone, ignored or not comparable",
        )

    def _by_key(self, key: tuple[str, ...]) -> tuple[Counts, Lines]:
        pairs = [self._pairs[name] for name in key]
        lines = Lines(self._scratch, [one.shown for one in pairs], self._names(self._schemas[1], self._schemas[0]))
        values = [one for name, one in self._pairs.items() if name not in key]
        return Keyed(pairs, values, self._schemas, lines).compare(self._old, self._new), lines

    def _by_rows(self) -> tuple[Counts, Lines]:
        lines = Lines(self._scratch, KEYS, list(self._pairs))
        return Multiset(list(self._pairs.values()), lines).compare(self._old, self._new), lines

    def _names(self, *schemas: Any) -> list[str]:
        return list(dict.fromkeys(name for schema in schemas for name in schema.names))


def _cells(counts: Counts) -> list[ColumnChange]:
    return [ColumnChange(name, "values", cells=count) for name, count in counts.cells.items()]


def _names(found: Sequence[str]) -> str:
    return ", ".join(map(plain, found))
