"""Small tables come in one cell, with the shortest statement that proves as much as the long one."""

from __future__ import annotations

import pytest
from expected import expected_table, same
from sandboxes import Database, Scratch

from insight_frames import Connection
from insight_frames.sandbox import Box
from insight_frames.sources import plan
from insight_frames.wire import packed

pytestmark = pytest.mark.parametrize("era", ["0.47"])


def exports(box: Box) -> int:
    return sum(path.startswith("/api/dataset") for _, path, _ in box.requests)


def test_a_table_that_has_grown_is_read_by_its_pages(box: Box, connection: Connection, scratch: Scratch) -> None:
    scratch.run("create table t (n int, a text)")
    assert connection.read_table("s_scratch", "t").shape == (0, 2)
    scratch.run("insert into t select i, repeat(md5(i::text), 2) from generate_series(1, 5000) i")
    for asked in (3, 1):  # the first time also for the catalogue, and again
        box.clear_requests()
        same(connection.read_table("s_scratch", "t"), expected_table(scratch.database, "s_scratch", "t"))
        assert exports(box) == asked


def test_a_little_growth_is_taken_along(box: Box, connection: Connection, scratch: Scratch) -> None:
    scratch.run("create table t (n int)")
    assert connection.read_table("s_scratch", "t").empty
    scratch.run("insert into t select generate_series(1, 2000)")
    box.clear_requests()
    assert sorted(connection.read_table("s_scratch", "t")["n"]) == list(range(1, 2001))
    assert exports(box) == 1


def test_the_short_hash_is_the_catalogues(connection: Connection, superuser: Database, scratch: Scratch) -> None:
    scratch.run("create type mood as enum ('low', 'high'); create table moods (a mood, b mood[])")
    catalog = connection._source.catalog()
    for table in catalog.tables.values():
        names = {0: (table.schema, table.name)}
        settings = packed.combine([], names, labelled=table.labelled).partition("\nunion all\n")[0]
        found = superuser.execute(f"select (d::json->'tables'->'0'->>0) from ({settings}) s".encode()).fetchone()
        assert found == (table.shape,), table.name
    assert {one.labelled for one in catalog.tables.values()} == {True, False}


def test_labels_that_come_later_are_seen(connection: Connection, scratch: Scratch) -> None:
    scratch.run("create type mood as enum ('low', 'high'); create domain mine as mood; create table t (a text, b text)")
    scratch.run("insert into t values ('low', 'high')")
    assert not connection._source.table("s_scratch", "t").labelled
    scratch.run("alter table t alter a type mood using a::mood, alter b type mine using b::mood")
    assert connection.read_table("s_scratch", "t")["a"].cat.categories.tolist() == ["low", "high"]
    scratch.run("alter type mood add value 'mixed'")
    assert connection.read_table("s_scratch", "t")["a"].cat.categories.tolist() == ["low", "high", "mixed"]


def test_what_one_cell_takes(connection: Connection, scratch: Scratch) -> None:
    scratch.run("create table parent (n int); create table child () inherits (parent); create view v as select 1 as n")
    scratch.run("create table large as select repeat(md5(i::text), 9) as a from generate_series(1, 2000) i")
    scratch.run("create table heavy as select string_agg(md5(i::text), '') as a from generate_series(1, 9000) i")
    scratch.run("create materialized view m as select 1 as n; create table t (n int)")
    small = {one.name: plan.in_one_cell(one) for one in connection._source.catalog("s_scratch").tables.values()}
    assert small == {
        "parent": False, "child": True, "v": False, "large": False, "heavy": False, "m": True, "t": True,
    }  # fmt: skip
