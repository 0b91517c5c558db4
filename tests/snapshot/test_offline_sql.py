"""SQL over a snapshot: what it may not reach, what it says when it fails, what is translated, and life without it."""

from __future__ import annotations

import sys
import traceback
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from standin import Given, Source, study

from insight_frames import manifest
from insight_frames.errors import InsightError, InvalidInput, QueryFailed, SnapshotError, ValueOutOfRange
from insight_frames.snapshots import Snapshot, take
from insight_frames.sources import duckengine
from insight_frames.sources.duckdialect import Untranslatable, translate
from insight_frames.sources.duckviews import size


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    source = Source([*study(), Given("s_juno", "marks", {}, rows=4)])
    return take(source, source.tables, tmp_path_factory.mktemp("sql") / "cut")


ATTACKS = [
    "select * from read_text('FILE')",
    "select * from read_blob('FILE')",
    "select * from read_csv('FILE')",
    "select * from 'FILE'",
    'select * from "FILE"',
    "select * from glob('FOLDER/*')",
    "select * from read_parquet('SNAPSHOT/s_juno/site.parquet')",
    "select * from parquet_metadata('SNAPSHOT/s_juno/site.parquet')",
    "select * from sniff_csv('FILE')",
    "select * from read_duckdb('FILE')",
    "select * from sqlite_scan('FILE', 'x')",
    "select * from 'https://example.com/x.csv'",
    "select * from read_csv('https://example.com/x.csv')",
    "select * from duckdb_secrets()",
    "select * from enable_logging('QueryLog', storage='file', storage_path='FOLDER/logs')",
    "select * from query('select 1')",
    "select * from json_execute_serialized_sql('{}')",
    "select * from arrow_scan(1, 2, 3)",
    "select * from pandas_scan(1)",
    "select * from secret_frame",
    "with a as (copy (select 1) to 'FOLDER/out.csv') select * from a",
    "copy (select 1) to 'FOLDER/out.csv'",
    "attach 'FOLDER/other.db'",
    "install httpfs",
    "load httpfs",
    "export database 'FOLDER/out'",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma database_list",
    "create table s_juno.more as select 1",
    "drop view s_juno.site",
    "call enable_profiling()",
    "select 1; attach 'FOLDER/other.db'",
    "select * from s_juno.site; copy (select 1) to 'FOLDER/out.csv'",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_query_reaches_nothing_but_the_snapshot(attack: str, cut: Snapshot, tmp_path: Path) -> None:
    secret_frame = pa.table({"a": [1]})  # DuckDB would find it by its name
    (tmp_path / "file.csv").write_text("a,b\n1,2\n")
    text = attack.replace("FILE", str(tmp_path / "file.csv")).replace("FOLDER", str(tmp_path))
    with pytest.raises((InvalidInput, QueryFailed)):
        cut.read_sql(text.replace("SNAPSHOT", str(cut.path)))
    with pytest.raises((InvalidInput, QueryFailed)):
        cut.read_table("s_juno", "site", where=f"site_id in ({text.replace('SNAPSHOT', str(cut.path))})")
    assert [one.name for one in tmp_path.iterdir()] == ["file.csv"]
    assert secret_frame.num_rows == 1
    assert cut.verify()


def test_nothing_is_left_beside_the_snapshot(cut: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cut.read_sql("select count(*) from s_juno.site a, s_juno.site b, s_juno.participant c")
    assert cut.read_sql("select current_setting('temp_directory') as t")["t"].tolist() == [""]
    assert list(tmp_path.iterdir()) == []


FAILURES = [
    "select 'Jane Secret'::int",
    "select cast(label || 'Jane Secret' as date) from s_juno.site",
    "select case when label = 'A' then 'Jane Secret'::date end from s_juno.site",
    "select label from s_juno.site where site_id = :name",
    "select 'Jane Secret' 'Jane Secret'",
    "select strptime('Jane Secret', '%Y')",
    "select error('Jane Secret')",
    "select nope as \"x\", 'Jane Secret' from s_juno.site",
]


@pytest.mark.parametrize("text", FAILURES)
def test_no_value_in_an_error(text: str, cut: Snapshot) -> None:
    params = {"name": "Jane Secret"} if ":name" in text else None
    with pytest.raises(InsightError) as caught:
        cut.read_sql(text, params=params)
    shown = "".join(traceback.format_exception(caught.value))
    ours = "\n".join(one for one in shown.splitlines() if "Error" in one or "Failed" in one)
    assert "Jane" not in ours
    assert "Secret" not in ours
    assert "_duckdb" not in ours


def test_errors_say_where_and_what(cut: Snapshot) -> None:
    with pytest.raises(
        QueryFailed, match=r"column \"labl\" does not exist\. Did you mean 'label'\? At line 2"
    ) as caught:
        cut.read_sql("select 'é' as e,\n labl from s_juno.site")
    assert (caught.value.sqlstate, caught.value.position) == ("42703", 19)
    assert caught.value.server_message == 'column "labl" does not exist'
    with pytest.raises(QueryFailed, match=r"schema\.table, as list_tables") as caught:
        cut.read_sql("select * from s_juno.sites")
    assert caught.value.sqlstate == "42P01"
    with pytest.raises(QueryFailed, match=r"Did you mean 's_juno\.site'"):
        cut.read_sql("select * from site")
    with pytest.raises(QueryFailed, match='function "to_char" does not exist in DuckDB'):
        cut.read_sql("select to_char(1, '9')")
    with pytest.raises(QueryFailed, match="division by zero"):
        cut.read_sql("select 1 / (site_id - 1) from s_juno.site")
    with pytest.raises(QueryFailed, match="files, the network and extensions are closed"):
        cut.read_sql("select * from read_text('x')")
    with pytest.raises(QueryFailed, match="type boolean, got type integer"):
        cut.read_table("s_juno", "site", where="site_id + 1")
    with pytest.raises(QueryFailed) as caught:
        cut.read_table("s_juno", "site", where="label = :a\n and nope = :b", params={"a": "x" * 50, "b": 1})
    assert caught.value.position == 17


def test_types_without_a_counterpart(cut: Snapshot) -> None:
    for text in (
        "select {'a': 1} as x",
        "select map {'a': 1} as x",
        "select [[1]] as x",
        "select '10:00:00+02'::timetz as x",
    ):
        with pytest.raises(InvalidInput, match="of column 'x' has no counterpart"):
            cut.read_sql(text)
    for text in (
        "select 10000000000000000000::hugeint as x",
        "select 'infinity'::date as x",
        "select '10000-01-01'::timestamp as x",
        "select '24:00:00'::time as x",
        "select null as x union all select '0001-01-01 (BC)'::date",
    ):
        with pytest.raises(ValueOutOfRange, match="column 'x'"):
            cut.read_sql(text)
    assert cut.read_sql("select null as x")["x"].isna().all()


def test_types_with_one(cut: Snapshot) -> None:
    found = cut.read_sql(
        "select sum(site_id) as a, 5::ubigint as b, '9999-12-31 23:59:59.999999'::timestamp as c,"
        " [1.5::decimal(3,1)] as d, json '{}' as e, -7::hugeint as f, timestamp_s '2020-01-01' as g, ['a', null] as h,"
        " uuid '" + "0" * 8 + "-0000-0000-0000-" + "0" * 12 + "' as i from s_juno.site",
        coerce_float=False,
    )
    assert found.iloc[0].tolist()[:2] == [6, 5]
    assert found["d"][0] == [Decimal("1.5")]
    assert found["h"][0] == ["a", None]
    assert found["a"].dtype == found["f"].dtype == "int64"


def test_damage_is_told_by_queries_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source([Given("s", "t", {"n": ("integer", list(range(5000))), "x": ("text", ["a"] * 5000)})])
    one = take(source, source.tables, tmp_path / "one")
    file = one.path / "s" / "t.parquet"
    data = bytearray(file.read_bytes())
    with pq.ParquetFile(file) as opened:
        column = opened.metadata.row_group(0).column(0)
        stop = column.data_page_offset + column.total_compressed_size
    data[stop - 1] ^= 0xFF
    kept = manifest.file_hash(file)
    file.write_bytes(data)
    with pytest.raises(SnapshotError, match="not the file"):
        one.read_sql("select sum(n) from s.t")
    monkeypatch.setattr(manifest, "file_hash", lambda path: kept)  # damaged after it was checked
    with pytest.raises(SnapshotError, match="damaged"):
        one.read_sql("select sum(n) from s.t")
    with pytest.raises(SnapshotError, match="damaged"):
        one.read_table("s", "t", where="n > 3")
    file.write_bytes(data + b"x")
    with pytest.raises(SnapshotError, match="not the file"):
        one.read_sql("select sum(n) from s.t")


def test_without_duckdb(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for ask in (
        lambda: cut.read_sql("select 1"),
        lambda: cut.read_table("s_juno", "site", where="site_id = 1"),
    ):
        with pytest.raises(InvalidInput, match=r'pip install "insight-frames\[duckdb\]"') as caught:
            ask()
        assert caught.value.__suppress_context__
    found = cut.read_table("s_juno", "participant", columns=["weight"], order_by="weight desc", limit=2, index_col=None)
    assert found["weight"].tolist()[1:] == [99.99]
    assert [len(one) for one in cut.read_table("s_juno", "participant", chunksize=2)] == [2, 2, 1]


def test_an_old_duckdb(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", types.SimpleNamespace(__version__="1.4.2"))
    with pytest.raises(InvalidInput, match=r"too old .*expected 2 or later, got 1\.4\.2"):
        cut.read_sql("select 1")


def test_out_of_memory_is_told(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(duckengine._SETTINGS, "memory_limit", "20MB")
    with pytest.raises(QueryFailed, match=r"out of memory.*Try: fewer rows") as caught:
        cut.read_sql("select count(distinct md5(i::text)) as n from range(2000000) t(i)")
    assert caught.value.sqlstate == "53200"


def test_filtering_stays_lazy(cut: Snapshot) -> None:
    parts = cut.read_table("s_juno", "participant", where="state = 0", chunksize=2)
    assert len(next(parts)) == 2
    parts.close()
    parts = cut.read_sql("select * from s_juno.participant", chunksize=2)
    assert len(next(parts)) == 2
    parts.close()
    assert cut.read_table("s_juno", "marks", where="1 = 1").shape == (4, 0)
    assert cut.read_table("s_juno", "marks", where="1 = 2").shape == (0, 0)
    assert cut.read_table("s_juno", "note", where="note_id > 1").shape == (0, 2)
    assert cut.read_table("s_juno", "site", where="null").shape == (0, 3)


TRANSLATED = {
    "x = '1.50'::numeric": "x = 1.50::decimal(3,2)",
    "x = '-1e3'::numeric": "x = (-1000)::decimal(4,0)",
    "x = '0.001'::numeric": "x = 0.001::decimal(3,3)",
    "x = 'NaN'::numeric": "x = 'NaN'::double",
    "x::numeric(5,2)": "x::numeric(5,2)",
    "cast(x as numeric(5,2))": "cast(x as numeric(5,2))",
    "numeric as numeric": "numeric as numeric",
    "any(ARRAY['1'::numeric]::numeric[])": "any(ARRAY[1::decimal(1,0)])",
    r"E'\\x00ff'::bytea": "from_hex('00ff')",
    r"'\x41'::text": r"'\x41'::text",
    r"E'\x5b\'\t\101\u00e9\U0001F600\q'''": "'['' \tAé😀q'''".replace(" \t", "\t"),
    "$a$b$a$": "'b'",
    "'a'\n 'b'": "'ab'",
    "N'a'": "'a'",
    r"x like 'a\_'": r"x like 'a\_' escape '\'",
    r"x like 'a\_' escape '#'": r"x like 'a\_' escape '#'",
    "x = any('{}')": "x = any([])",
    "'{}'::int8[]": "[]::int8[]",
    "'{NULL, NULL}'::int8[]": "[NULL, NULL]::int8[]",
    "'+1 days -3.5 seconds'::interval": "'1 days -3.5 seconds'::interval",
    "x ~ 'a.b' and x !~* 'c'": "x ~ '(?s)a.b' and x !~* '(?s)c'",
    "0xFF + 1_000 + 1.5e3": "255 + 1000 + 1.5e3",
    "x::jsonb": "x::json",
    '"Group" + Group': '"Group~1" + Group',
    r'U&"\0047roup"': '"Group~1"',
    "x -- 'numeric'\n": "x -- 'numeric'\n",
}


@pytest.mark.parametrize("text", TRANSLATED)
def test_translations(text: str) -> None:
    made = translate(text, {"Group": "Group~1"})
    assert made.text == TRANSLATED[text]
    assert made.original(0) == 0
    assert made.original(len(made.text)) == len(text)


def test_the_way_back_from_a_translation() -> None:
    text = "a = '1.5'::numeric and b = E'\\t' and c"
    made = translate(text, {})
    assert made.original(made.text.index("1.5")) == text.index("'1.5'")
    assert made.original(made.text.index("and b")) == text.index("and b")
    assert made.original(made.text.index("and c") + 4) == text.index("c", 30)
    assert "1.5" not in repr(made)


@pytest.mark.parametrize(
    "text",
    [
        "x::decimal",
        "numeric '1.5'",
        "cast(x as dec)",
        "x::char(3)",
        "x::timestamp(0)",
        "U&'a'",
        "X'00'",
        "'{1}'::int[]",
    ],
)
def test_what_has_no_translation(text: str) -> None:
    with pytest.raises(Untranslatable):
        translate(text, {})


def test_the_decimal_that_holds_all_digits() -> None:
    wide = "1" * 30
    assert size([pa.array(["1", "-0.125", None]), pa.array([], pa.string())]) == (4, 3)
    assert size([pa.array([wide, "0." + "1" * 8])]) == (38, 8)
    assert size([pa.array([wide, "0." + "1" * 9])]) is None
    assert size([pa.array(["NaN"])]) is size([pa.array(["1", "-Infinity"])]) is None
    assert size([pa.array([Decimal("-1.50")], pa.decimal256(60, 4))]) == (5, 4)
    assert size([pa.array([None], pa.string())]) == (1, 0)


def test_names_that_differ_in_capitals_only(tmp_path: Path) -> None:
    columns = {"Name": ("text", ["A"]), "name": ("text", ["b"]), "NAME": ("integer", [3])}
    source = Source([Given("s", "T", columns), Given("s", "t", {"n": ("integer", [1])}), Given("S", "t", columns)])
    one = take(source, source.tables, tmp_path / "cut")
    found = one.read_sql('select "Name", name, "NAME", NAME as x from s."T"')
    assert found.columns.tolist() == ["Name", "name", "NAME", "x"]
    assert found.iloc[0].tolist() == ["A", "b", 3, "b"]
    assert one.read_sql("select * from s.t")["n"].tolist() == [1]
    assert one.read_sql('select * from "S".t').shape == (1, 3)
    assert one.read_table("s", "T", where="\"NAME\" = 3 and name = 'b'", columns=["Name"]).shape == (1, 1)


@pytest.mark.parametrize("name", ["memory", "main", "temp", "system", "MEMORY", "public", "select", "a.b", 'q"q'])
def test_schemas_that_are_called_like_something_of_duckdbs(name: str, tmp_path: Path) -> None:
    source = Source([Given(name, name, {name: ("integer", [1]), "order": ("text", ["x"])})])
    one = take(source, source.tables, tmp_path / "cut")
    quoted = '"' + name.replace('"', '""') + '"'
    found = one.read_sql(f'select {quoted}.{quoted}, "order" from {quoted}.{quoted} where "order" = \'x\'')
    assert found.columns.tolist() == [name, "order"]
    assert one.read_table(name, name, where=f"{quoted} = 1 and t.\"order\" = 'x'").shape == (1, 2)


def test_repr_of_what_may_hold_values(cut: Snapshot) -> None:
    found: Any = cut.read_table("s_juno", "site", where="label = :a", params={"a": "A"})
    assert "where" not in found.attrs["insight"]
    assert found.attrs["insight"]["table"] == "site"
