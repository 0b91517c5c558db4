"""Tables of every shape: names, numbers of columns and rows, pages and values that are heavy."""

from __future__ import annotations

import pandas as pd
import pytest
from expected import TEXT, expected_table, same
from sandboxes import TWO_ERAS, Database, Scratch

from insight_frames import Connection
from insight_frames.sources import plan

NAMES = [
    'a "quoted" name',
    "it's",
    "back\\slash",
    "[[optional]]",
    "{{tag}}",
    "per%cent",
    ":param",
    "a::b",
    "what?",
    "semi;colon",
    "-- comment",
    "/* comment",
    "$$dollar$$",
    "Größe 日本 😀",
    "UPPER",
    "select",
    " blank ",
    "comma,)",
    "new\nline",
    "t",
    "g",
    "x" * 63,
]


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_a_name_may_hold_anything(on_path: Connection, scratch: Scratch) -> None:
    for name in NAMES:
        scratch.run(f"create table {quote(name)} ({quote(name)} text, other int)")
        scratch.run(f"insert into {quote(name)} values ('one', 1), (null, 2)")
    assert sorted(on_path.list_tables("s_scratch")["table"]) == sorted(NAMES)
    for name in NAMES:
        same(on_path.read_table("s_scratch", name), expected_table(scratch.database, "s_scratch", name))
        frame = on_path.read_table("s_scratch", name, columns=[name], order_by=f"{name} desc", index_col=name)
        assert frame.index.name == name
        assert frame.index[1] == "one"
    columns = ", ".join(f"(select min({quote(name)}) from s_scratch.{quote(name)}) as {quote(name)}" for name in NAMES)
    every = on_path.read_sql(f"select {columns}")
    assert every.columns.tolist() == NAMES
    assert every.iloc[0].tolist() == ["one"] * len(NAMES)
    assert on_path.describe_table("s_scratch", NAMES[0])["column"].tolist() == [NAMES[0], "other"]


def test_a_schema_may_be_called_anything(on_path: Connection, superuser: Database) -> None:
    names = ['s "quoted"', "s [[x]] {{y}}", "s%:n", "S_Größe", "s\\"]
    try:
        for name in names:
            schema = quote(name)
            superuser.execute(f"create schema {schema}; grant usage on schema {schema} to insight_analyst".encode())
            superuser.execute(f"create table {schema}.t as select 1 as one".encode())
            superuser.execute(f"grant select on {schema}.t to insight_analyst".encode())
        assert set(names) <= set(on_path.list_schemas()["schema"])
        for name in names:
            assert on_path.read_table(name, "t")["one"].tolist() == [1]
    finally:
        for name in names:
            superuser.execute(f"drop schema if exists {quote(name)} cascade".encode())


def test_names_that_meet_ours(on_path: Connection, scratch: Scratch) -> None:
    """Columns called as the aliases and columns of the statements that are sent around them."""
    names = [
        "t",
        "m",
        "n",
        "d",
        "c",
        "g",
        "s",
        "p",
        "o",
        "b",
        "r",
        "x",
        "z",
        "c0",
        "c1",
        "e",
        "h",
        "k",
        "_ifq",
        "q",
        "j",
    ]
    columns = ", ".join(f"{place} as {name}" for place, name in enumerate(names))
    scratch.run(f"create table meet as select {columns} from generate_series(1, 3)")
    frame = on_path.read_table("s_scratch", "meet")
    assert frame.columns.tolist() == names
    assert frame.to_numpy().tolist() == [list(range(len(names)))] * 3
    assert on_path.read_sql("select * from s_scratch.meet").equals(frame)
    assert on_path.read_table("s_scratch", "meet", where="t = 0 and g = 5 and r = 10").equals(frame)


@TWO_ERAS
@pytest.mark.parametrize("kind", ["table", "view"])
def test_sixteen_hundred_columns(on_path: Connection, scratch: Scratch, kind: str) -> None:
    columns = ", ".join(f"c{place} int" for place in range(1600))
    values = ", ".join(str(place) for place in range(1600))
    scratch.run(f"create table wide ({columns})")
    scratch.run(f"insert into wide values ({values})")
    scratch.run("insert into wide default values")
    if kind == "view":
        scratch.run("create view wide_view as select * from wide")
    frame = on_path.read_table("s_scratch", "wide" if kind == "table" else "wide_view")
    assert frame.shape == (2, 1600)
    assert frame.iloc[0].tolist() == list(range(1600))
    assert frame.iloc[1].isna().all()


@TWO_ERAS
def test_numbers_of_rows_at_the_borders_of_cells(on_path: Connection, scratch: Scratch) -> None:
    for rows in (0, 1, 299, 300, 301, 600, 601):
        scratch.run(f"create table counted_{rows} as select g, 'row ' || g label from generate_series(1, {rows}) g")
        scratch.run(f"create view view_{rows} as select * from counted_{rows} order by g")
    for rows in (0, 1, 299, 300, 301, 600, 601):
        expected = list(range(1, rows + 1))
        for frame in (
            on_path.read_table("s_scratch", f"counted_{rows}"),
            on_path.read_table("s_scratch", f"view_{rows}"),
            on_path.read_table("s_scratch", f"counted_{rows}", order_by="g"),
            on_path.read_sql(f"select * from s_scratch.counted_{rows} order by g"),
        ):
            assert frame["g"].tolist() == expected
            assert frame["label"].tolist() == [f"row {one}" for one in expected]


def test_no_columns_keep_the_number_of_rows(on_path: Connection, scratch: Scratch) -> None:
    for rows in (0, 1, 300, 700):
        scratch.run("create table bare ()")
        scratch.run("create view bare_view as select from bare")
        scratch.run(f"insert into bare select from generate_series(1, {rows})")
        for frame in (
            on_path.read_table("s_scratch", "bare"),
            on_path.read_table("s_scratch", "bare_view"),
            on_path.read_table("s_scratch", "bare", columns=[]),
            on_path.read_sql("select from s_scratch.bare"),
        ):
            assert frame.shape == (rows, 0)
        scratch.run("drop table bare cascade")


@TWO_ERAS
def test_heavy_values_come_in_cells_of_one_page_or_less(on_path: Connection, scratch: Scratch) -> None:
    scratch.run("create table heavy (n int, t text)")
    scratch.run("alter table heavy alter t set storage external")
    scratch.run("insert into heavy select g, repeat(chr(96 + g), 4000000) from generate_series(1, 2) g")
    scratch.run("insert into heavy select g, repeat('é\"\\', 500000) from generate_series(4, 4) g")
    frame = on_path.read_table("s_scratch", "heavy").sort_values("n")
    assert frame["t"].str.len().tolist() == [4_000_000] * 2 + [1_500_000]
    assert frame["t"].tolist() == [chr(96 + n) * 4_000_000 for n in (1, 2)] + ['é"\\' * 500_000]


@TWO_ERAS
def test_a_table_of_dead_rows_is_empty(on_path: Connection, scratch: Scratch) -> None:
    series = "generate_series(1, 20000) g"
    scratch.run(f"create table dead with (autovacuum_enabled = false) as select g, repeat('x', 100) t from {series}")
    scratch.run("delete from dead")
    frame = on_path.read_table("s_scratch", "dead")
    assert frame.shape == (0, 2)
    assert [str(one) for one in frame.dtypes] == ["int64", TEXT]
    scratch.run("insert into dead values (7, 'alive')")
    assert on_path.read_table("s_scratch", "dead")["g"].tolist() == [7]


@TWO_ERAS
def test_dropped_and_generated_columns(on_path: Connection, scratch: Scratch) -> None:
    scratch.run("create table worn (a int, b text, c int, d int generated always as (a * 2) stored)")
    scratch.run("insert into worn (a, b, c) select g, 'b' || g, -g from generate_series(1, 5) g")
    scratch.run("alter table worn drop column b")
    scratch.run("alter table worn add column e text default 'new'")
    frame = on_path.read_table("s_scratch", "worn")
    assert frame.columns.tolist() == ["a", "c", "d", "e"]
    assert frame.iloc[-1].tolist() == [5, -5, 10, "new"]


def test_parents_of_inheritance_and_partitions_come_with_their_children(
    connection: Connection, scratch: Scratch
) -> None:
    scratch.run("create table parent (n int); create table child () inherits (parent)")
    scratch.run("insert into parent values (1); insert into child values (2), (3)")
    scratch.run("create table parts (n int) partition by list (n)")
    scratch.run("create table parts_1 partition of parts for values in (1)")
    scratch.run("create table parts_2 partition of parts default")
    scratch.run("insert into parts values (1), (2), (3)")
    catalog = connection._source.catalog("s_scratch")
    forms = {one.name: plan.by_pages(one, catalog.settings) for one in catalog.tables.values()}
    assert forms == {"parent": False, "child": True, "parts": False}
    for name, rows in (("parent", 3), ("child", 2), ("parts", 3)):
        assert len(connection.read_table("s_scratch", name)) == rows


def test_duplicate_and_empty_names_in_a_query_are_kept(on_path: Connection) -> None:
    frame = on_path.read_sql("select 1 as a, 2 as a, 3 as \"A\", 'x' as a, 5, 6")
    assert frame.columns.tolist() == ["a", "a", "A", "a", "?column?", "?column?"]
    assert frame.iloc[0].tolist() == [1, 2, 3, "x", 5, 6]


def test_a_zero_row_query_has_its_dtypes(on_path: Connection) -> None:
    frame = on_path.read_sql("select * from s_cardio3prod.participant where false")
    full = on_path.read_table("s_cardio3prod", "participant")
    assert frame.shape == (0, full.shape[1])
    assert frame.columns.tolist() == full.columns.tolist()
    assert pd.api.types.is_datetime64_any_dtype(frame["enrollment_date"])
