"""Two sources, one suite: whatever is asked of the server is asked of its snapshot, and the frames are equal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight_frames import KEY, Connection, InvalidInput, QueryFailed, Snapshot

SCHEMA = "s_cardio3prod"
# A column's type, and what conditions compare it with.
PEERS: dict[str, list[Any]] = {
    "integer": [0, 3, -1, 2**40],
    "bigint": [0, 1, 7, 2**62],
    "smallint": [1, 2],
    "text": ["", "available", "DE", "A", "it's", "é", "back\\slash"],
    "character varying": ["", "available", "3"],
    "boolean": [True, False],
    "date": [date(2023, 6, 1), date(1950, 1, 1)],
    "timestamp without time zone": [datetime(2023, 6, 1, 12), datetime(2026, 1, 1)],
    "timestamp with time zone": [datetime(2023, 6, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)],
    "numeric": [Decimal("1.50"), Decimal("-3"), 0, 70.5],
    "double precision": [1.5, 0.1, 100.0],
    "real": [0.1, 2.0],
}


@pytest.fixture(scope="module")
def study(boxes: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The study live and as a snapshot of the same state."""
    box = boxes("0.47")
    with Connection(box.url, username=box.username, password=box.password) as live:
        yield live, live.snapshot(tmp_path_factory.mktemp("twin") / "cut", schemas=[SCHEMA])


def equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    for key in ("schema", "table", "server", "server_version"):
        assert one.attrs["insight"].get(key) == other.attrs["insight"].get(key)


def both(study: tuple[Connection, Snapshot], table: str, **keywords: Any) -> pd.DataFrame:
    live, cut = study
    frames = [one.read_table(SCHEMA, table, **keywords) for one in (live, cut)]
    equal(*frames)
    return frames[1]


def key_of(cut: Snapshot, table: str) -> list[str]:
    return list(cut.catalog.tables[SCHEMA, table].key or [])


def plain(type_: str) -> str:
    return type_.partition("(")[0]


def test_every_table_with_condition_order_and_limit(study: tuple[Connection, Snapshot]) -> None:
    cut = study[1]
    asked = 0
    for (_, name), table in cut.catalog.tables.items():
        key = key_of(cut, name)
        for column in table.columns:
            peers = PEERS.get(plain(column.type))
            if not key or peers is None or column.name in key:
                continue
            quoted = '"' + column.name.replace('"', '""') + '"'
            condition = f"{quoted} is null or {quoted} <> :peer" if asked % 2 else f"{quoted} = :peer"
            keywords = {"where": condition, "params": {"peer": peers[0]}, "order_by": key, "limit": 50}
            both(study, name, **keywords)
            asked += 1
            if asked % 2 == 0:
                break
    assert asked > 40


@st.composite
def conditions(draw: Any, columns: list[tuple[str, str]]) -> tuple[str, dict[str, Any]]:
    """A random condition over columns, with its parameters."""
    params: dict[str, Any] = {}

    def value(type_: str) -> str:
        params[f"p{len(params)}"] = draw(st.sampled_from(PEERS[type_]))
        return f":p{len(params) - 1}"

    def leaf() -> str:
        name, type_ = draw(st.sampled_from(columns))
        kind = draw(st.sampled_from(["compare", "null", "in", "between", "distinct", "text", "any"]))
        if kind == "null":
            return f"{name} is {draw(st.sampled_from(['', 'not ']))}null"
        if kind == "in":
            params[f"p{len(params)}"] = draw(st.lists(st.sampled_from(PEERS[type_][:2]), max_size=3))
            return f"{name} {draw(st.sampled_from(['', 'not ']))}in :p{len(params) - 1}"
        if kind == "any":
            params[f"p{len(params)}"] = draw(st.lists(st.sampled_from(PEERS[type_][:2]), min_size=1, max_size=3))
            return f"{name} = any(:p{len(params) - 1})"
        if kind == "distinct":
            return f"{name} is distinct from {value(type_)}"
        if kind == "text" and type_ in ("text", "character varying"):
            pattern = draw(st.sampled_from(["%a%", "a_%", "%\\_%", "", "%3"]))
            params[f"p{len(params)}"] = pattern
            return f"{name} {draw(st.sampled_from(['like', 'ilike', 'not like']))} :p{len(params) - 1}"
        if type_ in ("text", "character varying"):  # the server sorts text in a language's way
            return f"{name} {draw(st.sampled_from(['=', '<>']))} {value(type_)}"
        if kind == "between" and type_ != "boolean":
            return f"{name} between {value(type_)} and {value(type_)}"
        return f"{name} {draw(st.sampled_from(['=', '<>', '<', '>=', '>']))} {value(type_)}"

    def tree(depth: int) -> str:
        if depth == 0 or draw(st.booleans()):
            return leaf()
        word = draw(st.sampled_from(["and", "or"]))
        return f"{draw(st.sampled_from(['', 'not ']))}({tree(depth - 1)} {word} {tree(depth - 1)})"

    return tree(2), params


@pytest.mark.parametrize(
    "table",
    [
        "participant",
        "Lab Import",
        "ig_vital_vitals",
        *(pytest.param(one, marks=pytest.mark.long) for one in ("discrepancy_note", "ig_chem_chemistry")),
    ],
)
def test_random_conditions(study: tuple[Connection, Snapshot], table: str) -> None:
    cut = study[1]
    described = cut.describe_table(SCHEMA, table)
    columns = [
        ('"' + name.replace('"', '""') + '"', plain(type_))
        for name, type_ in zip(described["column"], described["type"], strict=True)
        if plain(type_) in PEERS
    ]
    keys = [one for one in described["column"] if one in key_of(cut, table)]

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(
        question=conditions(columns),
        limit=st.sampled_from([None, 0, 1, 40]),
        some=st.booleans(),
        down=st.booleans(),
        chunksize=st.sampled_from([None, 7, 1000]),
    )
    def check(question: tuple[str, dict[str, Any]], limit: Any, some: bool, down: bool, chunksize: Any) -> None:
        where, params = question
        keywords: dict[str, Any] = {"where": where, "params": params, "limit": limit}
        keywords["order_by"] = [f"{one} desc" for one in keys] if down else keys
        if some:
            keywords["columns"] = described["column"].tolist()[::-2]
        if chunksize is None:
            both(study, table, **keywords)
            return
        keywords |= {"chunksize": chunksize, "limit": 40 if limit is None else limit}
        parts = [list(one.read_table(SCHEMA, table, **keywords)) for one in study]
        assert len(parts[0]) == len(parts[1])
        for one, other in zip(*parts, strict=True):
            equal(one, other)

    check()


QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "join and group": (
        "select s.country, count(*) as n, min(p.enrollment_date) as first, max(p.label) as last,"
        f" bool_or(p.status is null) as open from {SCHEMA}.participant p join {SCHEMA}.site s using (site_id)"
        " where p.enrollment_date >= :day and s.country in :countries group by 1 order by 1",
        {"day": date(2023, 6, 1), "countries": ["DE", "PL"]},
    ),
    "whole table": (f"select * from {SCHEMA}.site order by site_id", {}),
    "windows": (
        "select participant_id, row_number() over (partition by site_id order by participant_id) as n, lag(label) over"
        f" (order by participant_id) as before from {SCHEMA}.participant order by 1",
        {},
    ),
    "nulls in order": (f"select date_updated from {SCHEMA}.participant order by 1 desc, participant_id limit 9", {}),
    "whole numbers divide": (
        f"select site_id, site_id / 2 as half, site_id % 2 as odd from {SCHEMA}.site order by 1",
        {},
    ),
    "capitals": (f'select Site_ID as SITE, site_id as "Site" from {SCHEMA}.SITE order by 1', {}),
    "union": (f"select 1 as n, 'a' as t union all select count(*), null from {SCHEMA}.site order by 1", {}),
    "types": (
        "select 1::smallint as a, 2::bigint as b, 1.5::numeric(4,2) as c, 0.1::float8 as d, true as e,"
        " date '2020-02-29' as f, timestamp '2020-02-29 12:00:00.5' as g, timestamptz '2020-02-29 12:00+02' as h,"
        " time '12:00' as i, interval '1 year 2 days 03:04:05' as j,"
        " 'x'::text as k, null::int as l, array[1, 2] as m, null::text as o",
        {},
    ),
    "parameters": (
        "select :a::int + 1 as a, :b::text as b, :c::float8 as c, :d::timestamptz as d, :e::numeric(10,3) as e,"
        " :f::bytea as f, :g::interval as g, :h::uuid as h, :i = any(:j) as i",
        {
            "a": 1,
            "b": "it's \\ [[x]] {{y}} é",
            "c": float("inf"),
            "d": datetime(2020, 1, 1, tzinfo=UTC),
            "e": Decimal("-1.250"),
            "f": b"\x00\xff",
            "g": timedelta(days=-1, seconds=3.5),
            "h": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "i": 3,
            "j": [1, 3],
        },
    ),
    "strings": (
        "select E'a\\n\\t\\x41\\u00e9\\303\\251\\\\' as a, $q$it's$q$ as b, 'a' -- it's\n'b''c' as c, 0x1F as d,"
        " 1_000 as e",
        {},
    ),
    "regular expressions": (
        f"select label from {SCHEMA}.participant where label ~ '^00[12]' order by participant_id",
        {},
    ),
    "with": (
        f"with s as (select * from {SCHEMA}.site where site_id < :n) select site_id from s order by 1 desc",
        {"n": 4},
    ),
    "nothing": (f"select label, site_id from {SCHEMA}.participant where false", {}),
}


@pytest.mark.parametrize("name", QUERIES)
def test_the_same_query(name: str, study: tuple[Connection, Snapshot]) -> None:
    text, params = QUERIES[name]
    for keywords in ({}, {"dtype_backend": "numpy_nullable"}, {"coerce_float": False}):
        frames = [one.read_sql(text, params=params, **keywords) for one in study]
        pd.testing.assert_frame_equal(*frames, check_exact=True)
    live, cut = (one.attrs["insight"] for one in frames)
    assert live["sql_sha256"] == cut["sql_sha256"]
    assert cut["path"] == "snapshot"


def test_chunks_index_and_dates_of_a_query(study: tuple[Connection, Snapshot]) -> None:
    text = f"select item_data_id, value, date_created from {SCHEMA}.item_data order by item_data_id"
    parts = [list(one.read_sql(text, chunksize=10_000, index_col="item_data_id")) for one in study]
    assert [len(one) for one in parts[0]] == [len(one) for one in parts[1]]
    for one, other in zip(*parts, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_subqueries_and_the_key(study: tuple[Connection, Snapshot]) -> None:
    where = f"site_id in (select site_id from {SCHEMA}.site where country = :c) and exists (select 1 from"
    where += f" {SCHEMA}.study_event e where e.participant_id = t.participant_id)"
    found = both(study, "participant", where=where, params={"c": "DE"}, order_by="participant_id", index_col=KEY)
    assert found.index.name == "participant_id"
    assert len(found)
    assert both(study, "participant", where="true", columns=[], limit=3).shape == (3, 0)
    assert both(study, "participant", where="site_id = 1", columns=[]).shape[0] > 3


MISTAKES = {
    "no such column": ("labl = 'x'", "42703", 1),
    "no such column further on": ("label = 'é'\n and  nope = 1", "42703", 19),
    "no number": ("site_id = 'abc'", "22P02", 11),
    "syntax": ("label = = 1", "42601", None),
    "no condition": ("site_id", "42804", None),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_same_mistakes(name: str, study: tuple[Connection, Snapshot]) -> None:
    where, state, position = MISTAKES[name]
    for source in study:
        with pytest.raises(QueryFailed) as caught:
            source.read_table(SCHEMA, "participant", where=where)
        assert caught.value.sqlstate == state
        assert position is None or caught.value.position == position
    for where, params in (("site_id = :s", {}), ("site_id = 1", {"s": 1}), ("site_id = 1; select 1", None), ("", None)):
        for source in study:
            with pytest.raises(InvalidInput):
                source.read_table(SCHEMA, "participant", where=where, params=params)


@pytest.fixture
def types(scratch: Any, study: tuple[Connection, Snapshot], tmp_path: Path) -> tuple[Connection, Snapshot]:
    """Every kind of comparison that is not plain: padding, labels, wide and free numbers, capitals."""
    scratch.run("create type colour as enum ('red', 'green', 'blue', 'a \"b')")
    scratch.run(
        'create table t (n int primary key, "Group" text, "group" text, c char(5), e colour, r real, w numeric(60,4),'
        ' f numeric, u uuid, b bytea, j jsonb, i interval, a int[], s text, "odd ""x" int, "GROUP" int,'
        " z numeric(6,2)[], m numeric, d date, ip inet)"
    )
    scratch.run(
        "insert into t values (1, 'A', 'a', 'ab', 'red', 0.1, 9007199254740993, 1.50,"
        " 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '\\x00ff', '{\"k\": \"v\"}', '1 day', '{1,2}', 'it''s', 1, 7,"
        " '{1.50}', 1, 'infinity', '10.0.0.1'), (2, 'B', 'b', 'ab ', 'green', 2.5, -0.0001,"
        " 12345678901234567890.123456789, null, '', 'null', '24:00:00', '{}', 'a_b', 2, 8, null, 'NaN', null, null),"
        " (3, null, null, '', 'a \"b', null, null, -200, null, null, null, null, null, 'a\\b', null, null, null, null,"
        " null, null), (4, 'A', 'b', 'x', 'blue', 'NaN', 1, 0.00, null, '\\x00', null, null, '{2,NULL}', 'axb', 4, 9,"
        " null, 2, null, null)"
    )
    live = study[0]
    return live, live.snapshot(tmp_path / "cut", schemas=[scratch.schema])


CONDITIONS: list[tuple[str, dict[str, Any]]] = [
    ("\"Group\" = 'A' and \"group\" = 'b'", {}),
    ('"GROUP" > 7', {}),
    ('"odd ""x" >= 2', {}),
    ("c = 'ab'", {}),
    ("U&\"\\0073\" = 'axb'", {}),
    ("c = :c", {"c": "ab"}),
    ("length(c) = 0", {}),
    ("e = 'a \"b'", {}),
    ("e in :e", {"e": ["red", "blue"]}),
    ("r = 0.1", {}),
    ("r = 0.1::real", {}),
    ("r > 5", {}),
    ("w = 9007199254740993", {}),
    ("w < 0", {}),
    ("f = 1.5", {}),
    ("f = :f", {"f": Decimal("12345678901234567890.123456789")}),
    ("f in :f", {"f": [Decimal("-200.0"), Decimal("0")]}),
    ("f > 1 and f < 2", {}),
    ("u = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", {}),
    ("b = :b", {"b": b"\x00\xff"}),
    ("b = '\\x'::bytea", {}),
    ("j is not null", {}),
    ("j::text = :j", {"j": '{"k": "v"}'}),
    ("i is null", {}),
    ("i::text = '1 day'", {}),
    ("2 = any(a)", {}),
    ("a && array[1]", {}),
    ("s like 'a\\_b'", {}),
    ("s like :p", {"p": "a\\\\b"}),
    ("s like 'a#_b' escape '#'", {}),
    ("s ilike 'A_B'", {}),
    ("s = :s", {"s": "it's"}),
    ("s ~ '^a.b$'", {}),
    ("s ~ :p", {"p": "A.B"}),
    ("s ~* :p", {"p": "A.B"}),
    ("s !~ '_'", {}),
    ("s = '7' or '7' = s", {}),
    ("(n, s) in (select n, s from s_scratch.t where n < 3)", {}),
    ("f = 1.500000000000000001", {}),
    ("w = 0.12345", {}),
    ("n = any(:none)", {"none": []}),
    ("n not in :none", {"none": []}),
    ("t.n = 3 /* it's */ -- ' \n", {}),
    ("n / 2 = 1", {}),
    ("d is null", {}),
    ("coalesce(\"group\", 'z') = 'z'", {}),
]


def test_comparisons_that_are_not_plain(types: tuple[Connection, Snapshot]) -> None:
    for where, params in CONDITIONS:
        keywords = {
            "where": where,
            "params": params,
            "order_by": "n",
            "columns": ["n", "Group", "c", "e", "f", "b", "z"],
        }
        live, cut = (one.read_table("s_scratch", "t", **keywords) for one in types)
        pd.testing.assert_frame_equal(live, cut, obj=where)
    found = types[1].read_table("s_scratch", "t", where="n in (1, 2)", columns=["c", "w", "f", "i"], coerce_float=False)
    assert found["c"].tolist() == ["ab   ", "ab   "]
    assert [str(one) for one in found["w"]] == ["9007199254740993.0000", "-0.0001"]


REFUSED = {
    "c = 'ab   '": "does not ignore blanks",
    "i > interval '1 hour'": "of type interval cannot be compared",
    "s = 7": "takes text for numbers",
    "7.5 <> s": "takes text for numbers",
    "s in (1, 2)": "takes text for numbers",
    "j->>'k' = 'v'": "of type jsonb cannot be compared",
    "j = '{}'": "of type jsonb cannot be compared",
    "ip = '10.0.0.1'": "of type inet cannot be compared",
    "d > '2020-01-01'": "of type date cannot be compared",
    "e > 'red'": "labels by their letters",
    "e between 'red' and 'blue'": "labels by their letters",
    "m > 1": "NaN, infinity or more digits",
    "s similar to 'a%'": "SIMILAR TO",
    "n = 1.5::numeric": "no numeric without digits",
    "n = cast(s as numeric)": "no numeric without digits",
    "s::varchar(2) = 'a'": "ignores the length",
    "s = U&'\\0061'": "no strings of this form",
    "s = B'01'": "no strings of this form",
    "U&\"!0073\" uescape '!' = 1": "UESCAPE",
    "n # 1 = 1": "operator #",
    "s ~~ 'a'": "write LIKE",
    "a = '{1,2}'::int[]": "arrays in another way",
    "n > 123456789012345678901234567890123456789": "more than 38 digits",
    "b = '\\x00ff'": "bytes in another way",
    "b = 'a'::bytea": "Bytes cannot be written",
    "f = 'x'::numeric": "no number",
    "f = '1e50'::numeric": "more than 38 digits",
    "s = format('%s', 'a')": "function format is another one",
    "n in (select 1 from query('select 1'))": "closed to queries",
}


def test_what_duckdb_would_read_in_another_way_is_an_error(types: tuple[Connection, Snapshot]) -> None:
    cut = types[1]
    for where, message in REFUSED.items():
        with pytest.raises(InvalidInput, match=message):
            cut.read_table("s_scratch", "t", where=where, columns=["n"])
    for where in ("a = '{}'", "f = 1.500000000000000000000000001"):  # more digits than any decimal of DuckDB's
        with pytest.raises(QueryFailed):
            cut.read_table("s_scratch", "t", where=where, columns=["n"])


def test_queries_over_odd_types_and_names(types: tuple[Connection, Snapshot]) -> None:
    text = (
        'select n, "Group", "group", "GROUP", e, r, f, u, b, a, s, "odd ""x", t."group" as "Group"'
        " from s_scratch.t order by e, n"
    )
    live, cut = (one.read_sql(text) for one in types)
    pd.testing.assert_frame_equal(live, cut)
    assert cut.columns.tolist()[1:4] == ["Group", "group", "GROUP"]
    found = types[1].read_sql("select c, w, f, j, i, m, d, ip from s_scratch.t order by n", coerce_float=False)
    assert found["c"].tolist() == ["ab", "ab", "", "x"]
    assert str(found["w"][0]) == "9007199254740993.0000"
    assert str(found["f"][1]) == "12345678901234567890.123456789"
    assert found["m"].tolist()[:2] == ["1", "NaN"]
    assert found["i"].tolist()[0] == "1 day"
    assert found["d"].tolist()[0] == "infinity"
    assert found["ip"].tolist()[0] == "10.0.0.1"
    counted = types[1].read_sql(
        "select e, count(*) as n from s_scratch.t where f > 1 or f is null group by e order by e"
    )
    assert counted["e"].tolist() == ["red", "green"]
    assert counted["e"].dtype == live["e"].dtype
