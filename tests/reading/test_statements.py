"""Statements are sized where a server holds whole answers in memory, and what they give is of one moment or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from expected import expected_table, same
from sandboxes import Connect, Database, Scratch

from insight_frames import InconsistentSnapshot
from insight_frames.sandbox import Box
from insight_frames.sources import metabase, plan

BUFFERING = ("0.31", "0.34", "0.49")
BUFFERS = pytest.mark.parametrize("era", ["0.31", "0.34", pytest.param("0.49", marks=pytest.mark.long)])
SMALL = 200_000
READS = 5
PROD = "s_cardio3prod"


def exports(box: Box) -> int:
    return sum(path == "/api/dataset/json" for _, path, _ in box.requests)


def test_a_large_table_comes_in_several_statements_only_where_the_server_buffers(
    box: Box, connect: Connect, superuser: Database, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metabase, "STATEMENT_BYTES", SMALL)
    connection = connect()
    table = connection._source.table(PROD, "item_data")
    ranges = list(plan.page_ranges(table, SMALL))
    assert len(ranges) == -(-table.bytes * plan.TEXT_PER_BYTE // SMALL) > 10
    box.clear_requests()
    snapshot = "select txid_current_snapshot()::text"
    before = superuser.execute(snapshot).fetchone()
    frame = connection.read_table(PROD, "item_data")
    quiet = superuser.execute(snapshot).fetchone() == before  # PostgreSQL's own housekeeping commits too
    same(frame, expected_table(superuser, PROD, "item_data"))
    expected = len(ranges) if era in BUFFERING else 1
    assert frame.attrs["insight"]["statements"] == expected
    proofs = exports(box) - expected
    assert proofs == 0 if quiet or expected == 1 else proofs in (0, 1)  # nothing committed: no proof is needed


def test_ranges_of_pages_cover_the_table_and_what_comes_behind() -> None:
    table = plan.Table(schema="s", name="t", pages=10, bytes=81920)
    assert list(plan.page_ranges(table, 1 << 30)) == [(0, None)]
    assert list(plan.page_ranges(table, 81920)) == [(0, 5), (5, None)]
    assert list(plan.page_ranges(table, 1)) == [*((n, n + 1) for n in range(9)), (9, None)]
    assert list(plan.page_ranges(plan.Table(schema="s", name="t"), 1)) == [(0, None)]


def test_a_table_that_has_grown_is_read_to_its_end(connect: Connect, scratch: Scratch) -> None:
    scratch.run("create table grown as select g, repeat('x', 200) t from generate_series(1, 1000) g")
    connection = connect(statement_bytes=50_000)
    assert len(connection.read_table("s_scratch", "grown")) == 1000
    scratch.run("insert into grown select g, repeat('x', 200) t from generate_series(1001, 5000) g")
    frame = connection.read_table("s_scratch", "grown")
    assert sorted(frame["g"]) == list(range(1, 5001))


@pytest.mark.parametrize("era", ["0.34"])
@pytest.mark.parametrize("width", [20, 200, 1000])
def test_ranges_of_any_length_give_each_row_once(connect: Connect, scratch: Scratch, width: int) -> None:
    """A cell holds several pages, of which the last ones may lie behind the range."""
    scratch.run(
        f"create table ranged as select g, repeat('x', {width}) t from generate_series(1, {120_000 // width}) g"
    )
    connection = connect()
    table = connection._source.table("s_scratch", "ranged")
    for pages in (1, 2, 3, 4, 5, 6, 7, 9, 11):
        connection._source._statement_bytes = pages * table.bytes * plan.TEXT_PER_BYTE // table.pages
        frame = connection.read_table("s_scratch", "ranged")
        assert sorted(frame["g"]) == list(range(1, 120_000 // width + 1))
        assert frame.attrs["insight"]["statements"] > 1


AFTER = {
    "elsewhere": ("create table other as select 1 as one", True),
    "updated": ("update long set t = 'changed' where g = 5", False),
    "inserted": ("insert into long values (0, 'new')", False),
    "deleted from what was read": ("delete from long where g = 1", False),
    "deleted from what will be read": ("delete from long where g = 3000", True),
    "refreshed": (
        "delete from long; insert into long select g, repeat('y', 200) from generate_series(1, 3000) g",
        False,
    ),
    "truncated": ("truncate long", False),
    "truncated and filled": (
        "truncate long; insert into long select g, repeat('y', 200) from generate_series(1, 3000) g",
        False,
    ),
    "swapped": (
        "create table new as select g, repeat('y', 200) t from generate_series(1, 3000) g;"
        " drop table long; alter table new rename to long",
        False,
    ),
    "rows moved": ("create index on long ((-g)); cluster long using long_expr_idx", False),
}


@BUFFERS
@pytest.mark.parametrize("change", AFTER)
def test_a_change_between_two_statements(box: Box, connect: Connect, scratch: Scratch, change: str) -> None:
    command, harmless = AFTER[change]
    scratch.run("create table long as select g, repeat('x', 200) t from generate_series(1, 3000) g")
    connection = connect(statement_bytes=100_000)
    ranges = len(list(plan.page_ranges(connection._source.table("s_scratch", "long"), 100_000)))
    parts = connection.read_table("s_scratch", "long", chunksize=100)
    got = [next(parts)]
    scratch.run(command)
    box.clear_requests()
    if not harmless:
        with pytest.raises(
            InconsistentSnapshot, match=r"s_scratch\.long changed while it was read in several statements"
        ):
            list(parts)
        return
    got += list(parts)
    read = [one for part in got for one in part["g"]]
    assert read == list(range(1, 3000 + (change == "elsewhere")))
    assert exports(box) == ranges - 1 + 1  # and the proof


@BUFFERS
@pytest.mark.parametrize("change", AFTER)
def test_a_change_between_two_statements_of_a_snapshot(connect: Connect, scratch: Scratch, change: str) -> None:
    command, harmless = AFTER[change]
    scratch.run("create table long as select g, repeat('x', 200) t from generate_series(1, 3000) g")
    scratch.run("create table short as select 1 as one")
    source = connect(statement_bytes=100_000)._source
    tables = list(source.catalog("s_scratch").tables.values())
    assert [one.name for one in tables] == ["long", "short"]
    with source.open_tables(tables) as batches:
        coming = iter(batches)
        index, batch = next(coming)
        read: list[list[int]] = [[], []]
        read[index] += batch[0].to_pylist()
        scratch.run(command)
        for index, batch in coming:
            if batch is None:
                read[index] = []
            else:
                read[index] += batch[0].to_pylist()
    assert sorted(read[0]) == [one for (one,) in scratch.run("select g from long order by 1")]
    assert read[1] == [1]
    assert batches.evidence["read_again"] == ({} if harmless else {"s_scratch.long": 1})
    assert batches.evidence["consistency"] == "same-generation"
    assert len(batches.evidence["snapshots"]) == (2 if harmless else 1)
    assert batches.evidence["proof"]


@pytest.mark.parametrize("mode", ["delete", "truncate", "swap"])
@pytest.mark.parametrize("era", ["0.34", "0.47"])
def test_a_refresh_at_work_never_mixes_two_states(
    box: Box, connect: Connect, mode: str, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one state of the study the mark `refreshed_at` has one value in all rows of all refreshed tables."""
    monkeypatch.setattr(metabase, "STATEMENT_BYTES", 30_000)
    connection = connect()
    with box.refreshing(every=0.02, mode=mode):
        seen = refused = 0
        for _ in range(READS):
            try:
                frame = connection.read_table(PROD, "ig_chem_chemistry")
            except InconsistentSnapshot:
                refused += 1
                continue
            seen += 1
            assert len(frame) == 167
            assert frame["refreshed_at"].nunique() == 1
    assert seen + refused == READS
    assert seen == READS or era == "0.34"


@pytest.mark.parametrize("era", [pytest.param("0.34", marks=pytest.mark.long), "0.47"])
def test_a_snapshot_is_one_state_or_none(
    box: Box, connect: Connect, era: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metabase, "STATEMENT_BYTES", 100_000)
    connection = connect()
    tables = ["ig_chem_chemistry", "ig_ae_event", "ig_cm_drug", "refresh_log"]
    with box.refreshing(every=0.02, mode="delete"):
        for number in range(3):
            target = tmp_path / str(number)
            try:
                cut = connection.snapshot(target, schemas=PROD, tables=tables)
            except InconsistentSnapshot:
                assert not target.exists()
                assert era == "0.34"
                continue
            marks = {mark for name in tables[:3] for mark in cut.read_table(PROD, name)["refreshed_at"]}
            log = cut.read_table(PROD, "refresh_log", order_by="refresh_log_id")
            assert marks == {log["source_as_of"].iloc[-1]}
