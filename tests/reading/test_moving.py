"""The database changes while it is read: the right frame or a clear error, never a short, mixed or shifted one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
import pytest
from sandboxes import Connect, Scratch

from insight_frames import ColumnNotFound, Connection, QueryFailed, TableNotFound
from insight_frames.sandbox import Box

CHANGES = {
    "added": ("alter table t add column z text default 'new'", ["a", "b", "z"], [1, "one", "new"]),
    "dropped": ("alter table t drop column a", ["b"], ["one"]),
    "renamed": ("alter table t rename column b to c", ["a", "c"], [1, "one"]),
    "exchanged": (
        "alter table t rename column a to x; alter table t rename column b to a; alter table t rename column x to b",
        ["b", "a"],
        [1, "one"],
    ),
    "replaced": ("alter table t drop column b; alter table t add column b text default 'new'", ["a", "b"], [1, "new"]),
    "retyped": ("alter table t alter column a type numeric(30,20) using a + 0.5", ["a", "b"], [1.5, "one"]),
    "swapped": (
        "drop table t; create table t (b text, a text); insert into t values ('x', 'y')",
        ["b", "a"],
        ["x", "y"],
    ),
    "view": ("alter table t rename to u; create view t as select b, a from u", ["b", "a"], ["one", 1]),
    "partitioned": (
        "drop table t; create table t (a int not null, b text) partition by range (a);"
        " create table t_1 partition of t default; insert into t values (1, 'one')",
        ["a", "b"],
        [1, "one"],
    ),
    "nullable": (
        "alter table t alter column a drop not null; insert into t values (null, 'none'); delete from t where a = 1",
        ["a", "b"],
        [None, "none"],
    ),
}


def table(scratch: Scratch) -> None:
    scratch.run("create table t (a int not null, b text); insert into t values (1, 'one')")


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_catalogue_and_data(on_path: Connection, scratch: Scratch, change: str) -> None:
    table(scratch)
    assert on_path.read_table("s_scratch", "t").iloc[0].tolist() == [1, "one"]
    command, columns, values = CHANGES[change]
    scratch.run(command)
    frame = on_path.read_table("s_scratch", "t")
    assert frame.columns.tolist() == columns
    assert [None if one != one else one for one in frame.iloc[0].tolist()] == values
    assert len(frame) == 1


@pytest.mark.parametrize("how", [{"where": "true"}, {"columns": ["b", "a"]}, {"order_by": "b"}, {"limit": 5}])
def test_a_change_is_noticed_however_the_table_is_asked_for(on_path: Connection, scratch: Scratch, how: dict) -> None:
    table(scratch)
    on_path.read_table("s_scratch", "t", **how)
    scratch.run("alter table t alter column a type text using 'a' || a; alter table t add column z int")
    frame = on_path.read_table("s_scratch", "t", **how)
    assert frame["a"].tolist() == ["a1"]
    assert ("z" in frame.columns) == ("columns" not in how)


def test_a_column_asked_for_that_has_gone_is_named(on_path: Connection, scratch: Scratch) -> None:
    table(scratch)
    on_path.read_table("s_scratch", "t", columns=["b"])
    scratch.run("alter table t rename column b to bb")
    with pytest.raises(ColumnNotFound, match=r"'b'.*'bb'"):
        on_path.read_table("s_scratch", "t", columns=["b"])


def test_a_table_that_has_gone_and_one_that_is_new(on_path: Connection, scratch: Scratch) -> None:
    table(scratch)
    on_path.read_table("s_scratch", "t")
    scratch.run("drop table t; create table t2 as select 5 as n")
    with pytest.raises(TableNotFound, match="'t2'"):
        on_path.read_table("s_scratch", "t")
    assert on_path.read_table("s_scratch", "t2")["n"].tolist() == [5]


def test_what_is_new_is_found_by_a_connection_that_knows_the_old(on_path: Connection, scratch: Scratch) -> None:
    table(scratch)
    on_path.read_table("s_scratch", "t")
    scratch.run("create table new_one as select 5 as n; alter table t add primary key (a), add column z int")
    assert on_path.read_table("s_scratch", "new_one")["n"].tolist() == [5]
    assert on_path.read_table("s_scratch", "t", columns=["z"]).shape == (1, 1)
    scratch.run("create schema if not exists s_scratch_2; grant usage on schema s_scratch_2 to insight_analyst")
    try:
        scratch.run("create table s_scratch_2.t as select 1 as n; grant select on s_scratch_2.t to insight_analyst")
        assert on_path.read_table("s_scratch_2", "t").shape == (1, 1)
    finally:
        scratch.run("drop schema s_scratch_2 cascade")


def test_a_new_label_of_an_enum(on_path: Connection, scratch: Scratch) -> None:
    scratch.run(
        "create type mood as enum ('low', 'high'); create table moods (m mood); insert into moods values ('low')"
    )
    assert on_path.read_table("s_scratch", "moods")["m"].tolist() == ["low"]
    scratch.run("alter type mood add value 'middle' before 'high'")
    scratch.run("insert into moods values ('middle')")
    frame = on_path.read_table("s_scratch", "moods")
    assert frame["m"].tolist() == ["low", "middle"]
    assert frame["m"].cat.categories.tolist() == ["low", "middle", "high"]


def test_a_child_that_came_later_is_read_too(on_path: Connection, scratch: Scratch) -> None:
    table(scratch)
    on_path.read_table("s_scratch", "t")
    scratch.run("create table child () inherits (t); insert into child values (2, 'two')")
    assert sorted(on_path.read_table("s_scratch", "t")["a"]) == [1, 2]


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not failed, failed


@pytest.mark.parametrize("mode", ["swap", "truncate", "rewritten"])
def test_a_reader_who_waits_for_a_refresh_gets_the_new_table_whole(
    box: Box, on_path: Connection, scratch: Scratch, mode: str
) -> None:
    """The statement is already waiting for the table's lock when the table it named is exchanged."""
    fill = "select g as a, repeat('x', 500) as b from generate_series(1, {}) g"
    scratch.run(f"create table big as {fill.format(2000)}")
    assert len(on_path.read_table("s_scratch", "big")) == 2000
    locked = threading.Event()

    def refresh() -> None:
        with box.connect() as database, database.transaction():
            database.execute("set search_path to s_scratch")
            database.execute("lock table big in access exclusive mode")
            if mode == "swap":
                database.execute(f"create table new as {fill.format(3000)}".encode())
                database.execute(
                    "grant select on new to insight_analyst; drop table big; alter table new rename to big"
                )
            elif mode == "truncate":
                database.execute(f"truncate big; insert into big {fill.format(3000)}".encode())
            else:
                database.execute(f"insert into big {fill.format(1000)}; alter table big alter a type bigint".encode())
            locked.set()

            with box.connect() as watching:
                for _ in range(300):
                    if watching.execute("select count(*) from pg_locks where not granted").fetchone()[0]:
                        break
                    time.sleep(0.01)

    with meanwhile(refresh):
        locked.wait(10)
        frame = on_path.read_table("s_scratch", "big")
    assert len(frame) == 3000


QUERY_CHANGES = {
    "shifted": (
        "alter table t drop column b; alter table t add column d text default 'new'",
        ["a", "c", "d"],
        [1, 2, "new"],
    ),
    "exchanged": (
        "alter table t rename column a to x; alter table t rename column c to a; alter table t rename column x to c",
        ["c", "b", "a"],
        [1, "one", 2],
    ),
    "retyped": ("alter table t alter column a type text using 'x' || a", ["a", "b", "c"], ["x1", "one", 2]),
    "widened": (
        "alter table t alter column a type bigint; update t set a = 9007199254740993",
        ["a", "b", "c"],
        [9007199254740993, "one", 2],
    ),
    "added": ("alter table t add column z int default 5", ["a", "b", "c", "z"], [1, "one", 2, 5]),
    "dropped": ("alter table t drop column c", ["a", "b"], [1, "one"]),
    "swapped": ("drop table t; create table t as select 'x' as b, 7 as a, 'y' as c", ["b", "a", "c"], ["x", 7, "y"]),
    "not at all": ("update t set b = 'two'", ["a", "b", "c"], [1, "two", 2]),
}


@pytest.mark.parametrize("change", QUERY_CHANGES)
def test_a_change_between_a_querys_columns_and_its_rows(on_path: Connection, scratch: Scratch, change: str) -> None:
    scratch.run("create table t (a int, b text, c int); insert into t values (1, 'one', 2)")
    command, columns, values = QUERY_CHANGES[change]
    changes = [command]
    rows = on_path._source.server.rows

    def then_change(*asked: object) -> object:
        got = rows(*asked)  # type: ignore[arg-type]
        if changes:
            scratch.run(changes.pop())
        return got

    on_path._source.server.rows = then_change  # type: ignore[method-assign, assignment]
    frame = on_path.read_sql("select * from s_scratch.t")
    assert frame.columns.tolist() == columns
    assert frame.iloc[0].tolist() == values
    assert len(frame) == 1


REMEMBERED_CHANGES = {
    **QUERY_CHANGES,
    "another type's function": ("alter table t alter column a type date using date '2020-01-02'", None, None),
    "an enum": ("create type e as enum ('one'); alter table t alter column b type e using b::e", None, None),
}


@pytest.mark.parametrize("change", REMEMBERED_CHANGES)
def test_a_change_between_two_readings_of_a_query(on_path: Connection, scratch: Scratch, change: str) -> None:
    scratch.run("create table t (a int, b text, c int); insert into t values (1, 'one', 2)")
    assert on_path.read_sql("select * from s_scratch.t").iloc[0].tolist() == [1, "one", 2]
    command, columns, values = REMEMBERED_CHANGES[change]
    scratch.run(command)
    frame = on_path.read_sql("select * from s_scratch.t")
    assert columns in (None, frame.columns.tolist())
    assert values in (None, frame.iloc[0].tolist())
    pd.testing.assert_frame_equal(frame, on_path.read_sql("select * from s_scratch.t -- anew"))


def test_a_date_that_became_a_text(on_path: Connection, scratch: Scratch) -> None:
    scratch.run("create table t (a date); insert into t values ('2020-01-02')")
    assert on_path.read_sql("select a from s_scratch.t")["a"].dt.year.tolist() == [2020]
    scratch.run("alter table t alter column a type text")
    assert on_path.read_sql("select a from s_scratch.t")["a"].tolist() == ["2020-01-02"]
    scratch.run("alter table t rename column a to b")
    with pytest.raises(QueryFailed, match='column "a" does not exist'):
        on_path.read_sql("select a from s_scratch.t")


def test_a_label_added_between_two_readings_of_a_query(on_path: Connection, scratch: Scratch) -> None:
    scratch.run("create type e as enum ('no'); create table t (x e); insert into t values ('no')")
    assert on_path.read_sql("select x from s_scratch.t")["x"].cat.categories.tolist() == ["no"]
    scratch.run("alter type e add value 'yes'")
    scratch.run("insert into t values ('yes')")
    assert on_path.read_sql("select x from s_scratch.t")["x"].tolist() == ["no", "yes"]


def test_a_query_that_packing_cannot_do_comes_row_by_row(connect: Connect, scratch: Scratch, era: str) -> None:
    """A failure that is ours, not the user's: here PostgreSQL says that a statement is too complex once it packs."""
    scratch.run(
        """create function touchy() returns int language plpgsql as $$
           begin
             if current_query() like '%string_agg(s.d%' then
               raise exception 'stack depth limit exceeded' using errcode = '54001';
             end if;
             return 7;
           end $$"""
    )
    scratch.run("create view touchy_view as select touchy() as n")
    connection = connect()
    for frame in (
        connection.read_sql("select s_scratch.touchy() as n"),
        connection.read_table("s_scratch", "touchy_view"),
        *connection.read_sql("select s_scratch.touchy() as n", chunksize=10),
    ):
        assert frame["n"].tolist() == [7]
        assert frame.attrs["insight"]["path"] == "plain"
    with pytest.raises(QueryFailed, match="stack depth"):
        connect(path="packed").read_sql("select s_scratch.touchy() as n")
