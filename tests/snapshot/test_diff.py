"""What changed between two snapshots: every kind of change is found, named and counted, and nothing else is."""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from standin import EVIDENCE, Given, Source, Text, study

import insight_frames as ifr
from insight_frames import manifest
from insight_frames.errors import ColumnNotFound, InvalidInput, SnapshotError, TableNotFound
from insight_frames.snapshots import Snapshot, open_snapshot, take
from insight_frames.snapshots.difference import sides, spill
from insight_frames.snapshots.difference.spill import Scratch

Columns = dict[str, tuple[str, list[Any]]]
HERE = ("s_juno", "visit")


def frozen(
    path: Path, *given: Given, taken: str = EVIDENCE["taken"], info: Mapping[str, Any] | None = None
) -> Snapshot:
    source = Source(given, evidence={**EVIDENCE, "taken": taken})
    return take(source, source.tables, path, info=info)


def visit(columns: Columns, key: tuple[str, ...] = ("id",), **facts: Any) -> Given:
    keys = {"has_primary_key": True, "keys": (key,), "not_null": key} if key else {}
    return Given(*HERE, columns, **{**keys, **facts})


def two(path: Path, old: Given, new: Given, **keywords: Any) -> ifr.Diff:
    return ifr.diff(frozen(path / "old", old), frozen(path / "new", new), **keywords)


def told(diff: ifr.Diff, schema: str = HERE[0], table: str = HERE[1]) -> list[tuple[Any, ...]]:
    frame = diff.changes(schema, table)
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def shape(diff: ifr.Diff) -> list[tuple[Any, ...]]:
    frame = diff.columns
    frame = frame[frame["change"] != "values"][["column", "change", "old", "new"]]
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def counts(diff: ifr.Diff) -> tuple[Any, ...]:
    one = diff.table(*HERE)
    return one.added, one.removed, one.changed


def test_rows_by_key(tmp_path: Path) -> None:
    old = visit(
        {"id": ("integer", [1, 2, 3, 4]), "day": ("text", ["a", "b", "c", None]), "n": ("bigint", [1, 2, 3, 4])}
    )
    new = visit(
        {"id": ("integer", [5, 4, 3, 1]), "day": ("text", [None, "d", "c", "a"]), "n": ("bigint", [None, 5, 3, 9])}
    )
    diff = two(tmp_path, old, new)
    assert told(diff) == [
        (1, "changed", "n", "1", "9"),
        (2, "removed", "day", "b", None),
        (2, "removed", "n", "2", None),
        (4, "changed", "day", None, "d"),
        (4, "changed", "n", "4", "5"),
        (5, "added", None, None, None),
    ]
    assert counts(diff) == (1, 1, 2)
    assert diff.changes(*HERE)["id"].dtype == "int64"
    assert diff.summary.iloc[0].tolist()[:9] == ["s_juno", "visit", "changed", 4, 4, 1, 1, 2, "id"]
    cells = diff.columns
    assert cells[["column", "change", "cells"]].to_numpy().tolist() == [["day", "values", 1], ["n", "values", 2]]
    parts = list(diff.changes(*HERE, chunksize=4))
    assert [len(one) for one in parts] == [4, 2]
    joined = pd.concat(parts).sort_values(["id", "column"]).reset_index(drop=True)
    whole = diff.changes(*HERE).sort_values(["id", "column"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(joined, whole)


def test_rows_without_a_key_are_a_multiset(tmp_path: Path) -> None:
    old = visit({"a": ("text", ["x", "x", "x", "y", None, ""]), "b": ("integer", [1, 1, 1, 2, None, None])}, key=())
    new = visit({"a": ("text", ["x", "z", "z", None, None, ""]), "b": ("integer", [1, 3, 3, None, None, None])}, key=())
    diff = two(tmp_path, old, new)
    assert counts(diff) == (3, 3, 0)
    rows = {(change, copies, column, old, new) for _, copies, change, column, old, new in told(diff)}
    assert rows == {
        ("removed", 2, "a", "x", None),
        ("removed", 2, "b", "1", None),
        ("removed", 1, "a", "y", None),
        ("removed", 1, "b", "2", None),
        ("added", 2, "a", None, "z"),
        ("added", 2, "b", None, "3"),
        ("added", 1, None, None, None),
    }
    assert "no key is declared" in diff.table(*HERE).notes[0]


def test_the_order_of_rows_is_nothing(tmp_path: Path) -> None:
    old = visit({"id": ("integer", [1, 2]), "a": ("text", ["x", "y"])})
    new = visit({"id": ("integer", [2, 1]), "a": ("text", ["y", "x"])})
    assert not two(tmp_path, old, new)


@pytest.mark.parametrize(
    ("type_", "old", "new", "texts"),
    [
        ("text", None, "", (None, "")),
        ("text", "a", "a ", ("a", "a ")),
        ("double precision", None, math.nan, (None, "NaN")),
        ("double precision", 0.0, -0.0, ("0", "-0")),
        ("real", 1.5, math.inf, ("1.5", "Infinity")),
        ("numeric", "1.1", "1.10", ("1.1", "1.10")),
        ("numeric(6,2)", Decimal("1.10"), Decimal("1.11"), ("1.10", "1.11")),
        ("boolean", True, False, ("t", "f")),
        ("boolean", None, False, (None, "f")),
        ("integer[]", [1, None], [None, 1], ("{1,NULL}", "{NULL,1}")),
        ("integer[]", None, [], (None, "{}")),
        ("bytea", b"", b"\0", ("\\x", "\\x00")),
    ],
)
def test_values_that_differ(tmp_path: Path, type_: str, old: Any, new: Any, texts: tuple[Any, Any]) -> None:
    columns = [{"id": ("integer", [1, 2]), "v": (type_, [one, old])} for one in (old, new)]
    diff = two(tmp_path, visit(columns[0]), visit(columns[1]))
    assert told(diff) == [(1, "changed", "v", *texts)]


@pytest.mark.parametrize("value", [math.nan, -0.0, None, math.inf])
def test_values_that_do_not_differ(tmp_path: Path, value: float | None) -> None:
    columns = [{"id": ("integer", [1]), "v": ("double precision", [value]), "w": ("text", [one])} for one in "ab"]
    assert told(two(tmp_path, visit(columns[0]), visit(columns[1]))) == [(1, "changed", "w", "a", "b")]


def test_keys_that_are_the_same_only_to_the_eye(tmp_path: Path) -> None:
    old = visit({"id": ("double precision", [0.0, math.nan]), "v": ("text", ["a", "b"])})
    new = visit({"id": ("double precision", [-0.0, math.nan]), "v": ("text", ["a", "c"])})
    assert [one[1:] for one in told(two(tmp_path, old, new))] == [
        ("added", "v", None, "a"),
        ("removed", "v", "a", None),
        ("changed", "v", "b", "c"),
    ]


# ---------------------------------------------------------------------- columns
def test_columns_come_go_and_move(tmp_path: Path) -> None:
    old = visit({"id": ("integer", [1]), "a": ("text", ["x"]), "gone": ("text", ["y"]), "b": ("text", ["z"])})
    new = visit({"id": ("integer", [1]), "b": ("text", ["z"]), "a": ("text", ["x"]), "fresh": ("date", [None])})
    diff = two(tmp_path, old, new)
    assert diff
    assert shape(diff) == [
        ("b", "moved", "4", "2"),
        ("a", "moved", "2", "3"),
        ("fresh", "added", None, "date"),
        ("gone", "removed", "text", None),
    ]
    assert (counts(diff), told(diff)) == ((0, 0, 0), [])
    assert "+ fresh date" in str(diff)
    assert "- gone text" in str(diff)


RETYPED = [
    ("integer", [1, 2, None], "bigint", [1, 3, None]),
    ("bigint", [1, 2, None], "smallint", [1, 3, None]),
    ("real", [0.5, 2.0, None], "double precision", [0.5, 3.0, None]),
    ("integer", [1, 2, None], "numeric(8,2)", [Decimal(1), Decimal(3), None]),
    ("numeric(6,2)", [Decimal(1), Decimal(2), None], "numeric", ["1", "3.0", None]),
    ("numeric", ["1.50", "NaN", None], "double precision", [1.5, 3.0, None]),
    ("double precision", [1e20, 2.0, None], "numeric", ["100000000000000000000.0", "3", None]),
    ("integer", [1, 2, None], "text", ["1", "3", None]),
    ("character varying(5)", ["a", "b", None], "text", ["a", "c", None]),
    ("boolean", [True, False, None], "text", ["true", "?", None]),
    ("integer[]", [[1], [2], None], "bigint[]", [[1], [3], None]),
]


@pytest.mark.parametrize(("was", "old", "is_", "new"), RETYPED, ids=[f"{one[0]} to {one[2]}" for one in RETYPED])
def test_retyped_columns_are_compared_where_that_is_exact(
    tmp_path: Path, was: str, old: list[Any], is_: str, new: list[Any]
) -> None:
    columns = [{"id": ("integer", [1, 2, 3]), "v": one} for one in ((was, old), (is_, new))]
    diff = two(tmp_path, visit(columns[0]), visit(columns[1]))
    assert shape(diff) == [("v", "retyped", was, is_)]
    assert [one[:3] for one in told(diff)] == [(2, "changed", "v")]
    assert diff.table(*HERE).notes == ()


def test_a_day_that_became_a_moment(tmp_path: Path) -> None:
    day, other = pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02 01:00")
    old = visit({"id": ("integer", [1, 2]), "v": ("date", [day.date(), day.date()])})
    new = visit({"id": ("integer", [1, 2]), "v": ("timestamp without time zone", [day, other])})
    assert told(two(tmp_path, old, new)) == [(2, "changed", "v", "2026-01-01 00:00:00", "2026-01-02 01:00:00")]


def test_retyped_columns_that_cannot_be_compared_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    old = visit({"id": ("integer", [1]), "v": ("boolean", [True]), "w": ("text", ["a"])})
    new = visit({"id": ("integer", [1]), "v": ("integer", [7]), "w": ("text", ["b"])})
    diff = two(tmp_path, old, new)
    assert told(diff) == [(1, "changed", "w", "a", "b")]
    assert shape(diff) == [("v", "retyped", "boolean", "integer")]
    assert "values of v not compared" in diff.table(*HERE).notes[0]
    assert "v retyped, boolean -> integer" in str(diff)


def test_a_key_that_grew(tmp_path: Path) -> None:
    old = visit({"id": ("integer", [1, 2]), "v": ("text", ["a", "b"])})
    new = visit({"id": ("bigint", [2, 2**40]), "v": ("text", ["c", "d"])})
    diff = two(tmp_path, old, new)
    assert [one[:3] for one in told(diff)] == [(1, "removed", "v"), (2, "changed", "v"), (2**40, "added", "v")]


def test_a_column_kept_as_text_in_one_snapshot(tmp_path: Path) -> None:
    old = visit({"id": ("integer", [1, 2]), "v": ("numeric(6,2)", [Decimal("1.50"), Decimal(2)])})
    new = visit({"id": ("integer", [1, 2]), "v": ("numeric(6,2)", Text(["1.50", "NaN"]))})
    diff = two(tmp_path, old, new)
    assert shape(diff) == [("v", "stored", "decimal(6,2)", "text")]
    assert told(diff) == [(2, "changed", "v", "2.00", "NaN")]


# ---------------------------------------------------------------------- tables
def test_tables_come_and_go_and_differ_in_case_only(tmp_path: Path) -> None:
    def one(schema: str, name: str, rows: int) -> Given:
        return Given(schema, name, {"id": ("integer", list(range(rows)))})

    old = frozen(tmp_path / "old", one("s_juno", "Visit", 1), one("s_juno", "visit", 2), one("s_juno", "gone", 3))
    new = frozen(tmp_path / "new", one("s_juno", "Visit", 1), one("s_juno", "VISIT", 4), one("s_vega", "new", 5))
    diff = new.diff(old)
    found = diff.summary[["schema", "table", "status", "old_rows", "new_rows"]]
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [
        ["s_juno", "VISIT", "added", None, 4],
        ["s_juno", "Visit", "same", 1, 1],
        ["s_juno", "gone", "removed", 3, None],
        ["s_juno", "visit", "removed", 2, None],
        ["s_vega", "new", "added", None, 5],
    ]
    assert diff.changes("s_juno", "gone").empty
    assert "5 tables: 1 the same, 2 new, 2 gone" in str(diff)
    assert "1 the same" in diff._repr_html_()


def test_a_snapshot_and_itself(tmp_path: Path) -> None:
    cut = frozen(tmp_path / "cut", *study())
    diff = cut.diff(cut)
    assert not diff
    assert set(diff.summary["status"]) == {"same"}
    assert diff.columns.empty
    assert diff.changes("s_juno", "site").columns.tolist() == ["change", "column", "old", "new"]
    assert str(diff).count("\n") == 2


def test_unchanged_tables_are_not_read(tmp_path: Path) -> None:
    one, other = study(), [study()[0], study()[1], Given("s_juno", "note", {"note_id": ("integer", [1])})]
    old, new = frozen(tmp_path / "old", *one), frozen(tmp_path / "new", *other)
    for cut in (old, new):
        (cut.path / "s_juno/site.parquet").unlink()
        (cut.path / "s_juno/participant.parquet").write_bytes(b"")
    assert ifr.diff(old.path, str(new.path)).summary["status"].tolist() == ["changed", "same", "same"]


def test_tables_without_columns(tmp_path: Path) -> None:
    old = frozen(tmp_path / "old", Given("s_juno", "marks", {}, rows=4), Given("s_juno", "more", {}, rows=1))
    new = frozen(
        tmp_path / "new", Given("s_juno", "marks", {}, rows=1), Given("s_juno", "more", {"a": ("text", ["x"])})
    )
    diff = new.diff(old)
    assert [(one.added, one.removed) for one in diff.tables] == [(0, 3), (0, 0)]
    assert shape(diff) == [("a", "added", None, "text")]


# ---------------------------------------------------------------------- keys
LOOSE = {"id": ("integer", [1, 2]), "site": ("text", ["x", "x"]), "v": ("text", ["a", "b"])}


def loose(path: Path, **keywords: Any) -> ifr.Diff:
    other = {**LOOSE, "v": ("text", ["a", "c"])}
    return two(path, visit(LOOSE, key=()), visit(other, key=()), **keywords)


@pytest.mark.parametrize("keys", [{"s_juno.visit": ["id"]}, {HERE: ("site", "id")}, {"s_juno.visit": "id"}])
def test_a_key_can_be_given(tmp_path: Path, keys: Any) -> None:
    diff = loose(tmp_path, keys=keys)
    assert counts(diff) == (0, 0, 1)
    assert [one[-4:] for one in told(diff)] == [("changed", "v", "b", "c")]


def test_a_key_given_goes_before_the_declared_one(tmp_path: Path) -> None:
    old = visit({"id": ("integer", [1]), "label": ("text", ["x"])})
    new = visit({"id": ("integer", [2]), "label": ("text", ["x"])})
    assert told(two(tmp_path, old, new, keys={"s_juno.visit": "label"})) == [("x", "changed", "id", "1", "2")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ([1, 1, 2], [1, 2, 3], "id is no key, it names several rows in the old snapshot"),
        ([1, 2, 3], [1, 2, 2], "id is no key, it names several rows in the new snapshot"),
        ([1, 2, None], [1, 2, 3], "id is no key, it holds NULL in the old snapshot"),
        ([1, 2, 3], [1, 2, None], "id is no key, it holds NULL in the new snapshot"),
    ],
)
@pytest.mark.parametrize("bucket", [sides.BUCKET_BYTES, 8])
def test_what_is_no_key_is_said_and_rows_compared_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: list[Any], new: list[Any], reason: str, bucket: int
) -> None:
    monkeypatch.setattr(sides, "BUCKET_BYTES", bucket)
    states = [visit({"id": ("integer", ids)}, not_null=()) for ids in (old, new)]
    diff = two(tmp_path, *states)
    assert reason in diff.table(*HERE).notes[0]
    assert diff.table(*HERE).key == ()
    assert counts(diff) == (1, 1, 0)
    assert f"note: compared by whole rows: {reason}" in str(diff)


def test_a_key_column_that_is_gone(tmp_path: Path) -> None:
    old = visit({"id": ("integer", [1, 2]), "v": ("text", ["a", "b"])})
    new = visit({"v": ("text", ["a", "c"])}, key=())
    diff = two(tmp_path, old, new)
    assert (counts(diff), shape(diff)) == ((1, 1, 0), [("id", "removed", "integer", None)])
    assert "id of the key is new, gone" in diff.table(*HERE).notes[0]


def test_a_key_that_is_called_like_a_column_of_the_frame(tmp_path: Path) -> None:
    states = [
        {"column": ("text", ["x"]), "key.column": ("text", ["y"]), "old": ("text", ["z"]), "v": ("text", [one])}
        for one in "ab"
    ]
    diff = two(tmp_path, *(visit(one, key=("column", "key.column", "old")) for one in states))
    frame = diff.changes(*HERE)
    assert frame.columns.tolist() == ["key.key.column", "key.column", "key.old", "change", "column", "old", "new"]
    assert frame.iloc[0].tolist() == ["x", "y", "z", "changed", "v", "a", "b"]


@pytest.mark.parametrize(
    ("keys", "error", "message"),
    [
        ({"s_juno.visits": "id"}, TableNotFound, r"'s_juno.visits'.*Did you mean 's_juno.visit'"),
        ({("s_juno", 3): "id"}, TableNotFound, "no table of either"),
        ({"s_juno.visit": "ids"}, ColumnNotFound, r"'ids'.*Did you mean 'id'"),
        ({"s_juno.visit": []}, InvalidInput, "names no key of s_juno.visit"),
        ({"s_juno.visit": ["id", "id"]}, InvalidInput, "each once"),
    ],
)
def test_keys_that_cannot_be_meant(tmp_path: Path, keys: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        loose(tmp_path, keys=keys)


@pytest.mark.parametrize(
    ("type_", "keys"),
    [
        ("text[]", [["b", None], ["a"], []]),
        ("numeric(5,1)[]", [[Decimal("1.5")], [Decimal("0.5")], []]),
        ("s.colour", ["red", "green", "blue"]),
        ("numeric(50,2)", [Decimal("1" + "0" * 40 + ".01"), Decimal("1" + "0" * 40), Decimal("-1.00")]),
        ("timestamp with time zone", [pd.Timestamp(2026, 1, day, tz="UTC") for day in (3, 2, 1)]),
        ("time without time zone", [pd.Timestamp(2026, 1, 1, hour).time() for hour in (3, 2, 1)]),
        ("bytea", [b"b", b"a", b""]),
        ("boolean", [True, False]),
        ("interval", ["3 mons", "2 days", "00:00:01"]),
    ],
)
def test_keys_of_every_kind(tmp_path: Path, type_: str, keys: list[Any]) -> None:
    labels = {"labels": ["green", "red", "blue"]}
    old, new = (visit({"id": (type_, keys), "v": ("text", [*one][: len(keys)])}, **labels) for one in ("abc", "abd"))
    first = visit({"id": (type_, keys[1:]), "v": ("text", ["b", "c"][: len(keys) - 1])}, **labels)
    assert counts(two(tmp_path / "all", old, new)) == ((0, 0, 1) if len(keys) == 3 else (0, 0, 0))
    diff = two(tmp_path / "less", old, first)
    assert counts(diff) == (0, 1, 0)
    assert [one[1:] for one in told(diff)] == [("removed", "v", "a", None)]
    assert "numeric(5" not in type_ or told(diff)[0][0] == keys[0]
    diff.to_excel(tmp_path / "book.xlsx")


# ---------------------------------------------------------------------- columns to ignore
def test_columns_that_are_not_to_count(tmp_path: Path) -> None:
    old, new = (frozen(tmp_path / f"cut{shift}", *study(shift)) for shift in (0, 1))
    assert ifr.diff(old, new)
    diff = ifr.diff(old, new, ignore=["state"])
    assert not diff
    assert diff.table("s_juno", "site").notes == ("values of state ignored",)
    with pytest.raises(ColumnNotFound, match=r"'stat'.*Did you mean 'state'"):
        ifr.diff(old, new, ignore="stat")


# ---------------------------------------------------------------------- what is refused, and what is said
SOURCE = {"server": "https://acme.example", "database": "Insight"}


@pytest.mark.parametrize("fact", ["server", "database"])
def test_two_sources_are_refused_unless_asked_for(tmp_path: Path, fact: str) -> None:
    old = frozen(tmp_path / "old", *study(), info=SOURCE)
    new = frozen(tmp_path / "new", *study(1), info={**SOURCE, fact: "https://other.example"})
    with pytest.raises(InvalidInput, match=rf"of two {fact}s.*other_source=True"):
        new.diff(old)
    diff = new.diff(old, other_source=True)
    assert f"two {fact}s" in diff.remarks[0]
    assert f"note: the snapshots are of two {fact}s" in str(diff)


def test_two_studies_are_refused_unless_asked_for(tmp_path: Path) -> None:
    old = frozen(tmp_path / "old", *study())
    new = frozen(tmp_path / "new", Given("s_vega", "site", {"id": ("integer", [1])}))
    with pytest.raises(InvalidInput, match="no schema in common"):
        new.diff(old)
    assert set(new.diff(old, other_source=True).summary["status"]) == {"added", "removed"}


def test_other_filters_are_said(tmp_path: Path) -> None:
    old = frozen(tmp_path / "old", *study(), info=SOURCE)
    new = frozen(tmp_path / "new", *study(), info={**SOURCE, "filters": {"s_juno.site": {"where": "site_id < :n"}}})
    assert "different filters or masks" in new.diff(old).remarks[0]
    none = frozen(tmp_path / "none", *study(), info={**SOURCE, "filters": {}, "masks": []})
    assert none.diff(old).remarks == []


def test_old_and_new_the_wrong_way_round_are_said(tmp_path: Path) -> None:
    old = frozen(tmp_path / "old", *study())
    new = frozen(tmp_path / "new", *study(), taken="2026-12-24T01:02:03.000004Z")
    assert new.diff(old).remarks == []
    assert "the old snapshot is the later one" in old.diff(new).remarks[0]


@pytest.mark.parametrize("side", ["old", "new"])
def test_damage_is_an_error(tmp_path: Path, side: str) -> None:
    cuts = {"old": frozen(tmp_path / "old", *study()), "new": frozen(tmp_path / "new", *study(1))}
    file = cuts[side].path / "s_juno/site.parquet"
    data = bytearray(file.read_bytes())
    for start, message in ((len(data), "not the file"), (len(data) // 3, "damaged|not the file")):
        file.write_bytes(bytes(one ^ 0xFF if place > start // 4 else one for place, one in enumerate(data[:start])))
        with pytest.raises(SnapshotError, match=message):
            cuts["new"].diff(cuts["old"])
    file.unlink()
    with pytest.raises(SnapshotError, match="not the file"):
        cuts["new"].diff(cuts["old"])


def test_damaged_pages_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    old, new = frozen(tmp_path / "old", *study()), frozen(tmp_path / "new", *study(1))
    file = new.path / "s_juno/site.parquet"
    with pq.ParquetFile(file) as opened:
        column = opened.metadata.row_group(0).column(0)
        place = column.data_page_offset + column.total_compressed_size - 1
    data = bytearray(file.read_bytes())
    data[place] ^= 0xFF
    kept, real = manifest.file_hash(file), manifest.file_hash
    file.write_bytes(data)
    with pytest.raises(SnapshotError, match="not the file"):
        new.diff(old)
    monkeypatch.setattr(manifest, "file_hash", lambda path: kept if path == file else real(path))  # damaged later
    with pytest.raises(SnapshotError, match=r"damaged .*s_juno\.site in"):
        new.diff(old)


def test_an_edited_manifest_is_an_error(tmp_path: Path) -> None:
    old, new = frozen(tmp_path / "old", *study()), frozen(tmp_path / "new", *study())
    file = new.path / manifest.NAME
    file.write_text(file.read_text("utf-8").replace("Sites of the study", "Sites of a study"), "utf-8")
    with pytest.raises(SnapshotError, match="was edited after"):
        open_snapshot(new.path).diff(old)


def test_folders_that_are_none(tmp_path: Path) -> None:
    cut = frozen(tmp_path / "cut", *study())
    with pytest.raises(SnapshotError, match="There is no snapshot"):
        ifr.diff(tmp_path / "nothing", cut)
    with pytest.raises(SnapshotError, match="not a snapshot"):
        ifr.diff(cut, tmp_path)


def test_no_room_for_the_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = frozen(tmp_path / "old", *study()), frozen(tmp_path / "new", *study(1))
    monkeypatch.setattr(spill.tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(SnapshotError, match=r"temporary file.*nowhere.*TMPDIR"):
        new.diff(old)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = frozen(tmp_path / "old", *study()), frozen(tmp_path / "new", *study(1))
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda **_: full)
        with pytest.raises(SnapshotError, match="No space left"):
            new.diff(old)


def test_tables_that_are_asked_for_must_be_there(tmp_path: Path) -> None:
    cut = frozen(tmp_path / "cut", *study())
    diff = cut.diff(cut)
    with pytest.raises(TableNotFound, match=r"Did you mean 's_juno\.site'"):
        diff.changes("s_juno", "sites")
    for wrong in (0, True, "5"):
        with pytest.raises(InvalidInput, match="chunksize"):
            diff.changes("s_juno", "site", chunksize=wrong)  # type: ignore[arg-type]


def test_what_is_printed_holds_no_value(tmp_path: Path) -> None:
    old = visit({"id": ("text", ["geheim1", "geheim2"]), "v": ("text", ["geheim3", "x"])})
    new = visit({"id": ("text", ["geheim1", "geheim4"]), "v": ("text", ["geheim5", "x"])})
    diff = two(tmp_path, old, new)
    assert counts(diff) == (1, 1, 1)
    for text in (str(diff), repr(diff), diff._repr_html_(), repr(diff.tables), diff.summary.to_string()):
        assert "geheim" not in text
    assert "geheim5" in diff.changes(*HERE).to_string()


def test_odd_names_stay_on_their_line(tmp_path: Path) -> None:
    old = Given("s_juno", "a\nb", {"id\n": ("integer", [1])})
    new = Given("s_juno", "a\nb", {"id\n": ("integer", [2])})
    diff = frozen(tmp_path / "new", new).diff(frozen(tmp_path / "old", old))
    assert r"'a\nb'" in str(diff)


def test_a_difference_that_nobody_closed_lets_go_of_its_file_quietly() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = Scratch()._file
        gc.collect()
    assert file.closed
