"""Random tables with random edits against an oracle that knows nothing of Arrow, files or buckets."""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import Given, Source

from insight_frames.snapshots import Snapshot, take
from insight_frames.snapshots.difference import compare, sides

FLOATS = [0.0, -0.0, 1.5, float("nan"), float("inf")]
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-3, 3),
    "bigint": st.sampled_from([0, 2**62, -(2**62)]),
    "text": st.sampled_from(["", "a", "A", "NA", "a ", "ä", "\n"]),
    "numeric(6,2)": st.decimals(-2, 2, places=2),
    "numeric": st.sampled_from(["1", "1.0", "NaN", "-0.5"]),
    "double precision": st.sampled_from(FLOATS),
    "real": st.sampled_from(FLOATS),
    "boolean": st.booleans(),
    "date": st.dates(date(2026, 1, 1), date(2026, 1, 3)),
    "bytea": st.sampled_from([b"", b"\0", b"a"]),
    "integer[]": st.lists(st.sampled_from([1, 2, None]), max_size=2),
}
KEYS = ["integer", "text", "date", "numeric(6,2)", "double precision", "boolean"]
Row = dict[str, Any]


def exact(value: Any) -> Any:
    """What makes a value itself: the bits of a float (one NaN for all), the digits of a decimal."""
    if isinstance(value, float):
        return "NaN" if value != value else struct.pack(">d", value)
    if isinstance(value, list):
        return tuple(value)
    return (type(value).__name__, value)


def text(value: Any) -> Any:
    """Write a value as PostgreSQL does."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return {"nan": "NaN", "inf": "Infinity", "0.0": "0", "-0.0": "-0"}.get(str(value), str(value))
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, list):
        return "{" + ",".join("NULL" if one is None else str(one) for one in value) + "}"
    return str(value)


@st.composite
def states(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, str], list[str], list[Row], list[Row]]:
    """Draw a table: its columns before and after, its key (maybe none), its rows before and after."""
    key = {f"k{place}": one for place, one in enumerate(draw(st.lists(st.sampled_from(KEYS), max_size=2)))}
    names = st.sampled_from(list(TYPES))
    values = {f"v{place}": one for place, one in enumerate(draw(st.lists(names, max_size=4)))}
    old = {**key, **values}
    new = {name: old[name] for name in draw(st.permutations(list(old))) if name in key or draw(st.integers(0, 5))}
    if draw(st.booleans()):
        new["fresh"] = draw(names)

    def row(columns: dict[str, str]) -> st.SearchStrategy[Row]:
        return st.fixed_dictionaries(
            {one: TYPES[type_] if one in key else st.none() | TYPES[type_] for one, type_ in columns.items()}
        )

    unique = None if not key else (lambda one: tuple(exact(one[name]) for name in key))
    before = draw(st.lists(row(old), max_size=12, unique_by=unique))
    kept = [one for one in before if draw(st.integers(0, 4))]
    edited = [
        {name: one[name] if name in one and draw(st.integers(0, 6)) else draw(row(new))[name] for name in new}
        | {name: one[name] for name in key}
        for one in kept
    ]
    more = draw(st.lists(row(new), max_size=4))
    found, seen = [], set()
    for one in draw(st.permutations(edited + more)):
        place = unique(one) if unique else len(seen)
        if place not in seen:
            found.append(one)
        seen.add(place)
    return old, new, list(key), before, found


def frozen(path: Path, columns: dict[str, str], key: list[str], rows: list[Row]) -> Snapshot:
    facts = {"has_primary_key": True, "keys": (tuple(key),), "not_null": key} if key else {}
    values = {name: (type_, [one[name] for one in rows]) for name, type_ in columns.items()}
    source = Source([Given("s_x", "t", values, rows=len(rows), **facts)])
    return take(source, source.tables, path)


def by_key(old: list[Row], new: list[Row], key: list[str], values: list[str]) -> Counter[Any]:
    def named(rows: list[Row]) -> dict[Any, Row]:
        return {tuple(exact(one[name]) for name in key): one for one in rows}

    before, after = named(old), named(new)
    lines: Counter[Any] = Counter()
    for name in before.keys() | after.keys():
        if name in before and name in after:
            one, other = before[name], after[name]
            for column in values:
                if exact(one[column]) != exact(other[column]):
                    lines[name, "changed", column, text(one[column]), text(other[column])] += 1
            continue
        change, row = ("removed", before[name]) if name in before else ("added", after[name])
        known = [column for column in row if column not in key and row[column] is not None]
        for column in known:
            sides_ = (text(row[column]), None) if change == "removed" else (None, text(row[column]))
            lines[name, change, column, *sides_] += 1
        if not known:
            lines[name, change, None, None, None] += 1
    return lines


def by_rows(old: list[Row], new: list[Row], columns: list[str]) -> Counter[Any]:
    def counted(rows: list[Row]) -> Counter[Any]:
        return Counter(tuple((column, exact(one[column]), text(one[column])) for column in columns) for one in rows)

    before, after = counted(old), counted(new)
    lines: Counter[Any] = Counter()
    for change, found in (("removed", before - after), ("added", after - before)):
        for row, copies in found.items():
            values = frozenset((column, told) for column, _, told in row if told is not None)
            lines[change, copies, values] += 1
    return lines


@pytest.mark.parametrize(
    ("bucket", "largest"),
    [*(pytest.param(*one, marks=pytest.mark.long) for one in ((1 << 20, 1 << 22), (64, 1 << 22))), (256, 300)],
)
def test_the_oracle_agrees(monkeypatch: pytest.MonkeyPatch, bucket: int, largest: int) -> None:
    monkeypatch.setattr(sides, "BUCKET_BYTES", bucket)
    monkeypatch.setattr(sides, "_LARGEST", largest)
    agrees()


@given(states())
def agrees(state: tuple[dict[str, str], dict[str, str], list[str], list[Row], list[Row]]) -> None:
    old_columns, new_columns, key, old, new = state
    with tempfile.TemporaryDirectory() as folder:
        before = frozen(Path(folder) / "old", old_columns, key, old)
        after = frozen(Path(folder) / "new", new_columns, key, new)
        diff = compare(before, after)
        assert bool(diff) == (before.fingerprint != after.fingerprint)
        if not diff:
            return
        frame = diff.changes("s_x", "t")
        rows = list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))
        common = [one for one in new_columns if one in old_columns]
        table = diff.table("s_x", "t")
        if key:
            expected = by_key(old, new, key, [one for one in common if one not in key])
            lines = [(named(one[: len(key)], new_columns, key), *one[len(key) :]) for one in rows]
            assert Counter(lines) == expected
            counted = Counter({(line[0], line[1]) for line in expected})
            changes = Counter(change for _, change in counted)
            assert (table.added, table.removed, table.changed) == tuple(
                changes[one] for one in ("added", "removed", "changed")
            )
            return
        expected = by_rows(old, new, common)
        if not common:
            assert (table.added, table.removed) == (max(0, len(new) - len(old)), max(0, len(old) - len(new)))
            return
        assert grouped(rows) == expected


def named(key: tuple[Any, ...], columns: dict[str, str], names: list[str]) -> tuple[Any, ...]:
    """Bring a key out of a frame into the words of the oracle."""
    found = []
    for value, name in zip(key, names, strict=True):
        type_ = columns[name]
        if type_ == "numeric(6,2)":
            value = Decimal(str(value)).quantize(Decimal("0.01"))
        elif type_ == "date":
            value = value.date()
        elif type_ == "double precision" and value is None:
            value = float("nan")
        found.append(exact({"integer": int, "boolean": bool}.get(type_, lambda one: one)(value)))
    return tuple(found)


def grouped(rows: list[tuple[Any, ...]]) -> Counter[Any]:
    """Put the lines of each row together again."""
    found: dict[int, tuple[str, int, list[tuple[str, str]]]] = {}
    for number, copies, change, column, old, new in rows:
        values = found.setdefault(number, (change, copies, []))[2]
        if column is not None:
            values.append((column, old if change == "removed" else new))
    return Counter((change, copies, frozenset(values)) for change, copies, values in found.values())
