"""Several statements, one moment: what moves between two of them is read again, or nothing is published."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from moments import PROD, before_statements, proves, states
from sandboxes import Connect, Scratch

from insight_frames import IncompleteResult, InconsistentSnapshot, InvalidInput, QueryFailed, TableNotFound
from insight_frames.sandbox import Box
from insight_frames.sources import metabase, together
from insight_frames.sources.unchanged import full_digest

MODES = ("delete", "truncate", "swap")
SMALL = 400_000
buffering = pytest.mark.parametrize("era", ["0.34"])
streaming = pytest.mark.parametrize("era", ["0.47"])


BETWEEN = [("truncate", "last"), ("swap", "middle")]
OTHERS = [("delete", "middle"), ("delete", "last"), ("truncate", "middle"), ("swap", "last")]


@buffering
@pytest.mark.parametrize(("mode", "place"), [*BETWEEN, *(pytest.param(*one, marks=pytest.mark.long) for one in OTHERS)])
def test_a_refresh_between_two_statements(box: Box, connect: Connect, mode: str, place: str, tmp_path: Path) -> None:
    connection = connect(statement_bytes=SMALL)
    with box.connect() as database:
        before = database.execute(f"select max(source_as_of) from {PROD}.refresh_log".encode()).fetchone()
    refreshed = list[int]()

    def change(number: int) -> None:
        if not refreshed and (number == 15 if place == "middle" else proves(sent[-1])):
            refreshed.append(box.refresh(mode))

    with before_statements(connection, change) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas=PROD)
    assert refreshed
    marks = states(cut)
    assert len(marks) == 1
    assert before is not None
    assert marks.pop() > before[0]
    summary = cut.manifest["insight"]
    assert summary["consistency"] == "same-generation"
    assert summary["statements"] == len(sent) > 30
    assert set(summary["evidence"]["read_again"].values()) == {1}
    log = summary["refresh_log"][PROD]
    assert len(log) == 3
    assert log[0]["refresh_log_id"] == cut.read_table(PROD, "refresh_log")["refresh_log_id"].max()


@buffering
@pytest.mark.parametrize("mode", ["swap", *(pytest.param(one, marks=pytest.mark.long) for one in MODES[:2])])
def test_a_refresh_loop_beside_it(box: Box, connect: Connect, mode: str, tmp_path: Path) -> None:
    connection = connect(statement_bytes=1_500_000)
    with box.connect() as database:
        tables = [one for (one,) in database.execute(MARKED.encode())]
    taken = again = refused = 0
    until = time.monotonic() + 20
    with box.refreshing(every=1.5, mode=mode):
        while (taken < 3 or not again) and time.monotonic() < until:
            path = tmp_path / f"{taken} {refused}"
            try:
                cut = connection.snapshot(path, schemas=PROD, tables=[*tables[:12], "refresh_log"])
            except InconsistentSnapshot:
                refused += 1
                assert not path.exists()
                continue
            assert len(states(cut)) == 1
            taken += 1
            again += bool(cut.manifest["insight"]["evidence"]["read_again"])
    assert taken


MARKED = f"""select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = '{PROD}'::regnamespace and a.attname = 'refreshed_at' and c.relkind = 'r'
    order by c.relpages > 60, c.relname like 'ig%' desc, c.relname"""


@buffering
def test_what_never_holds_still_is_refused_after_a_bounded_number_of_statements(
    connect: Connect, scratch: Scratch, tmp_path: Path
) -> None:
    scratch.run("create table a as select g as n from generate_series(1, 9000) g; create table b as select 1 as n")
    scratch.run("create view v as select max(n) from a")
    connection = connect(statement_bytes=500_000)
    with (
        before_statements(connection, lambda number: scratch.run("update a set n = n where n = 1")) as sent,
        pytest.raises(InconsistentSnapshot, match=r"s_scratch\.a changed while the tables were read in \d+ statements"),
    ):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert list(tmp_path.iterdir()) == []
    ranges = len(sent) // together.ROUNDS
    assert ranges > 1
    assert len(sent) == ranges * together.ROUNDS


KINDS = """
create table plain as select 1 as state, g as n from generate_series(1, 3000) g;
create view seen as select state, n from plain where n < 10;
create materialized view kept as select * from plain;
create table parted (state int, n int) partition by range (n);
create table parted_1 partition of parted default;
insert into parted select * from plain;
create table parent as select * from plain;
create table child () inherits (parent);
insert into child select * from plain;
create table guarded as select * from plain;
alter table guarded enable row level security;
create policy low on guarded using (n <= 100);
create table columns_only as select * from plain;
revoke select on columns_only from insight_site;
grant select (state, n) on columns_only to insight_site;
create table empty (state int, n int);
"""
NEXT = """
update plain set state = state + 1;
refresh materialized view {} kept;
update parted set state = state + 1;
update only parent set state = state + 1;
truncate child; insert into child select * from plain;
update guarded set state = state + 1;
update columns_only set state = state + 1;
"""


@buffering
@pytest.mark.parametrize("how", ["", "concurrently"])
def test_relations_of_every_kind(connect: Connect, scratch: Scratch, how: str, tmp_path: Path) -> None:
    scratch.run(KINDS)
    if how:
        scratch.run("create unique index on kept (n)")
    connection = connect("site", statement_bytes=50_000)
    with before_statements(connection, lambda number: None) as sent:
        connection.snapshot(tmp_path / "before", schemas="s_scratch")
    count = len(sent)
    assert count > 5
    for at in (1, count // 2, count - 1):

        def change(number: int, at: int = at) -> None:
            if number == at:
                with scratch.database.transaction():
                    scratch.run(NEXT.format(how))

        with before_statements(connection, change):
            cut = connection.snapshot(tmp_path / str(at), schemas="s_scratch")
        names = {name for _, name in cut.tables}
        assert names == {"plain", "seen", "kept", "parted", "parent", "child", "guarded", "columns_only", "empty"}
        frames = {name: cut.read_table("s_scratch", name) for name in names}
        assert len({state for frame in frames.values() for state in frame["state"]}) == 1
        assert sorted(frames["parent"]["n"]) == sorted([*range(1, 3001)] * 2)
        assert len(frames["guarded"]) == 100
        warned = [one["table"] for one in cut.manifest["insight"]["warnings"]]
        assert warned == ["guarded"]


# ---------------------------------------------------------------- what a snapshot's list of transactions does not tell
@buffering
def test_a_subtransaction_that_was_at_work(box: Box, connect: Connect, scratch: Scratch, tmp_path: Path) -> None:
    """It is in no list of a snapshot; a later transaction, already over, makes its rows look old."""
    scratch.run("create table a as select 1 as n; create table b as select g from generate_series(1, 9000) g")
    scratch.run("create table other (n int)")
    connection = connect(statement_bytes=300_000)
    with box.connect() as writer:
        writer.execute("set search_path to s_scratch")
        writer.execute("begin; insert into other values (1); savepoint s; update a set n = 2")
        scratch.run("insert into other values (3)")
        with before_statements(connection, lambda number: number == 1 and writer.execute("commit")):
            cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert cut.read_table("s_scratch", "a")["n"].tolist() == [2]
    assert sorted(cut.read_table("s_scratch", "other")["n"]) == [1, 3]
    assert set(cut.manifest["insight"]["evidence"]["read_again"]) == {"s_scratch.a", "s_scratch.other"} & set(
        cut.manifest["insight"]["evidence"]["read_again"]
    )


@buffering
def test_an_old_writer_elsewhere_does_not_stand_in_the_way(
    box: Box, connect: Connect, scratch: Scratch, tmp_path: Path
) -> None:
    """Rows that are younger than it cannot be told from new ones by their mark; a digest of all of them can."""
    with box.connect() as writer:
        writer.execute("begin; create table s_scratch.unseen (n int)")
        scratch.run("create table a as select 1 as n; create table b as select g from generate_series(1, 9000) g")
        scratch.run("create table other (n int)")
        connection = connect(statement_bytes=300_000)
        tables = ["a", "b"]
        with before_statements(connection, lambda number: scratch.run("insert into other values (1)")):
            cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch", tables=tables)
        writer.execute("rollback")
    assert len(cut.read_table("s_scratch", "b")) == 9000
    evidence = cut.manifest["insight"]["evidence"]
    assert evidence["read_again"] == {}
    assert cut.manifest["insight"]["statements"] > 1
    assert cut.manifest["insight"]["consistency"] == "same-generation"


@buffering
def test_one_table_beside_an_old_writer(box: Box, connect: Connect, scratch: Scratch) -> None:
    """A table that is read alone, in several statements, is proven in the same way, but not read again."""
    with box.connect() as writer:
        writer.execute("begin; create table s_scratch.unseen (n int)")
        scratch.run("create table b as select g from generate_series(1, 9000) g; create table other (n int)")
        connection = connect(statement_bytes=300_000)
        parts = connection.read_table("s_scratch", "b", chunksize=500)
        first = next(parts)
        scratch.run("insert into other values (1)")
        assert len(first) + sum(len(one) for one in parts) == 9000
        parts = connection.read_table("s_scratch", "b", chunksize=500)
        next(parts)
        scratch.run("delete from b where g = 1; insert into b values (1)")
        with pytest.raises(InconsistentSnapshot, match=r"s_scratch\.b changed while it was read in several statements"):
            list(parts)
        writer.execute("rollback")


@buffering
def test_on_a_standby_equal_snapshots_prove_nothing(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run("create table b as select g from generate_series(1, 9000) g")
    connection = connect(statement_bytes=300_000)
    statements = connection.read_table("s_scratch", "b").attrs["insight"]["statements"]
    connection._source._settings["in_recovery"] = True
    box.clear_requests()
    assert len(connection.read_table("s_scratch", "b")) == 9000
    assert sum(path.startswith("/api/dataset") for _, path, _ in box.requests) == statements + 1


@buffering
@pytest.mark.parametrize("version", [90600, 160000])
def test_a_digest_tells_row_versions_apart(connect: Connect, scratch: Scratch, version: int) -> None:
    scratch.run("create table a as select g as n from generate_series(1, 3000) g; create table empty (n int)")
    catalog = connect()._source.catalog("s_scratch")

    def found(name: str) -> str:
        return str(scratch.run(f"select {full_digest(catalog.table('s_scratch', name), version)}")[0][0])

    seen = [found("a")]
    assert found("a") == seen[0]
    for change in ("update a set n = n where n = 7", "delete from a where n = 8", "insert into a values (8)"):
        scratch.run(change)
        seen.append(found("a"))
    scratch.run("vacuum full a")
    seen.append(found("a"))
    assert len(set(seen)) == 5
    assert found("empty") == "0"


# ---------------------------------------------------------------- what is insisted on
@pytest.mark.parametrize("era", ["0.34", "0.47"])
@pytest.mark.parametrize("consistency", [None, "one-statement", "same-generation", "none"])
def test_consistency(
    era: str, consistency: Any, connect: Connect, scratch: Scratch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch.run("create table a as select 1 as n; create table b as select 1 as n, g from generate_series(1, 9000) g")
    monkeypatch.setattr(metabase, "STATEMENT_BYTES", 300_000)
    connection = connect()

    def change(number: int) -> None:
        if number == 1:
            scratch.run("update a set n = 2")

    with before_statements(connection, change) as sent:
        if (era, consistency) == ("0.34", "one-statement"):
            with pytest.raises(InconsistentSnapshot, match=r"too large for one statement of this server.*same-gen"):
                connection.snapshot(tmp_path / "cut", schemas="s_scratch", consistency=consistency)
            assert sent == []
            assert list(tmp_path.iterdir()) == []
            return
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch", consistency=consistency)
    summary = cut.manifest["insight"]
    if era == "0.47":
        assert (summary["consistency"], summary["statements"], summary["warnings"]) == ("one-statement", 1, [])
        return
    assert summary["consistency"] == (consistency or "same-generation")
    assert summary["statements"] == len(sent) > 2
    assert cut.read_table("s_scratch", "a")["n"].tolist() == ([1] if consistency == "none" else [2])
    assert [one["reason"].split(":")[0] for one in summary["warnings"]] == ["nothing was proven"] * (
        consistency == "none"
    )
    assert ("none was asked for" in summary["evidence"]["proof"]) == (consistency == "none")


@buffering
def test_without_consistency_no_table_is_torn(connect: Connect, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table b as select 1 as state, g from generate_series(1, 9000) g; create table c (n int)")
    connection = connect(statement_bytes=300_000)
    with before_statements(connection, lambda number: number == 1 and scratch.run("update b set state = 2")):
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch", consistency="none")
    assert cut.read_table("s_scratch", "b")["state"].tolist() == [2] * 9000


@streaming
def test_a_limit_of_the_users_own(box: Box, connect: Connect, tmp_path: Path) -> None:
    connection = connect(statement_bytes=3 * SMALL)
    refreshed = list[int]()

    def change(number: int) -> None:
        if number == 5:
            refreshed.append(box.refresh("swap"))

    with before_statements(connection, change) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas=PROD)
    assert refreshed
    assert len(states(cut)) == 1
    assert cut.manifest["insight"]["consistency"] == "same-generation"
    assert len(sent) > 10


@pytest.mark.parametrize("wrong", [0, -1, "1MB", 1.5])
def test_a_limit_that_cannot_be_meant(connect: Connect, wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="statement_bytes cannot be meant"):
        connect(statement_bytes=wrong)


@streaming
def test_a_consistency_that_is_not_known(box: Box, connect: Connect, tmp_path: Path) -> None:
    connection = connect()
    with pytest.raises(InvalidInput, match="consistency is not known; expected 'one-transaction' or 'one-statement'"):
        connection.snapshot(tmp_path / "cut", consistency="strong")  # type: ignore[arg-type]
    assert box.requests == []


@streaming
def test_more_tables_than_one_statement_takes(
    connect: Connect, scratch: Scratch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch.run(
        "do $$ begin for i in 1..600 loop execute format('create table t%s as select 1 as n', i); end loop; end $$;"
        " create view v as select (select n from t1) as n"
    )
    connection = connect()

    def change(number: int) -> None:
        if number == 1:
            scratch.run("update t1 set n = 2; update t600 set n = 2; drop table t7; create table t7 as select 2 as n")

    with before_statements(connection, change) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert len(sent) == 3
    assert len(cut.tables) == 601
    moved = {one: cut.read_table("s_scratch", one)["n"].tolist() for one in ("t1", "t600", "t7", "v", "t2")}
    assert moved == {"t1": [2], "t600": [2], "t7": [2], "v": [2], "t2": [1]}
    read_again = cut.manifest["insight"]["evidence"]["read_again"]
    assert "s_scratch.t1" in read_again
    assert len(read_again) <= 3
    with pytest.raises(InconsistentSnapshot, match="too many or too large"):
        connection.snapshot(tmp_path / "one", schemas="s_scratch", consistency="one-statement")


# ---------------------------------------------------------------- the catalogue moves too
@streaming
def test_a_table_altered_or_gone_since_the_catalogue(connect: Connect, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table a as select 1 as n; create table b as select 1 as n; create table c as select 1 as n")
    connection = connect()
    changes = ["alter table a add column m int default 7; drop table b"]

    def change(number: int) -> None:
        if changes:
            scratch.run(changes.pop())

    with before_statements(connection, change):
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert cut.tables == [("s_scratch", "a"), ("s_scratch", "c")]
    assert cut.read_table("s_scratch", "a").iloc[0].tolist() == [1, 7]
    changes.append("drop table c")
    with (
        before_statements(connection, change),
        pytest.raises(TableNotFound, match="There is no table 'c' to table"),
    ):
        connection.snapshot(tmp_path / "next", schemas="s_scratch", tables=["a", "c"])
    assert [one.name for one in tmp_path.iterdir()] == ["cut"]


@streaming
def test_a_table_that_is_new_since_the_catalogue(connect: Connect, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table a as select 1 as n")
    connection = connect()
    names = ["b", 'Ü "b"']

    def change(number: int) -> None:
        if number < 2 and names:
            scratch.run("create table {} as select 1 as n".format('"' + names.pop().replace('"', '""') + '"'))

    with before_statements(connection, change) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert cut.tables == [("s_scratch", "a"), ("s_scratch", "b"), ("s_scratch", 'Ü "b"')]
    assert len(sent) == 3
    names.append("c")
    connection.snapshot(tmp_path / "named", schemas="s_scratch", tables=["a", "b"])
    with (
        before_statements(connection, lambda number: scratch.run(f"create table more{number} (n int)")),
        pytest.raises(IncompleteResult, match="Tables have come or gone since the catalogue was read"),
    ):
        connection.snapshot(tmp_path / "moving", schemas="s_scratch")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["cut", "named"]


@streaming
def test_a_catalogue_that_never_holds_still(connect: Connect, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table a as select 1 as n; create view v as select 1 / (n - 1) as x from a")
    connection = connect()
    with before_statements(connection, lambda number: None) as sent, pytest.raises(QueryFailed, match="division"):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert len(sent) == 1
    assert list(tmp_path.iterdir()) == []
