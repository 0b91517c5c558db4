"""The keywords of read_table and read_sql, on both paths: what pandas users know, and PostgreSQL's order."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from expected import TEXT
from sandboxes import Scratch

from insight_frames import KEY, ColumnNotFound, Connection, InvalidInput, ValueOutOfRange

pytestmark = pytest.mark.parametrize("era", ["0.31", "0.47"])
S = "s_scratch"


@pytest.fixture(autouse=True)
def data(scratch: Scratch) -> None:
    scratch.run("create table v (k int primary key, g text, n int, x numeric(8,3), b bool, d date, ts text, j jsonb)")
    scratch.run(
        """insert into v values
          (1, 'b', 5, 1.500, true, '2024-02-29', '2024-01-02', '{"a": 1}'),
          (2, 'a', null, 0.001, false, '2023-12-31', '2023-01-02', '{"b": 1}'),
          (3, null, 7, null, null, null, null, null),
          (4, 'a', -2, 99999.999, true, '0202-05-03', '2022-05-06', '{}')"""
    )


def test_columns_in_the_order_asked_for(on_path: Connection) -> None:
    frame = on_path.read_table(S, "v", columns=["n", "k"])
    assert frame.columns.tolist() == ["n", "k"]
    assert on_path.read_table(S, "v", columns=("k",)).columns.tolist() == ["k"]
    assert on_path.read_table(S, "v", columns=[]).shape == (4, 0)


def test_where_with_params(on_path: Connection) -> None:
    def keys(where: str, **params: object) -> list[int]:
        return on_path.read_table(S, "v", columns=["k"], where=where, params=params or None, order_by="k")["k"].tolist()

    assert keys("g = :g", g="a") == [2, 4]
    assert keys("k in :ks", ks=[1, 3, 9]) == [1, 3]
    assert keys("d >= :day and b", day=dt.date(2024, 1, 1)) == [1]
    assert keys("x = :x", x=Decimal("0.001")) == [2]
    assert keys("n < :n or g is null -- a comment", n=np.int64(0)) == [3, 4]
    assert keys("j ? 'a'") == [1]
    assert keys("j ? :key or false", key="b") == [2]
    assert keys("g = ':g' or g = '??' or k = :k", k=1) == [1]
    assert keys("exists (select 1 from s_scratch.v w where w.k = t.k + 1)") == [1, 2, 3]
    assert keys("g like '%b%' /* % :none */") == [1]


def test_order_and_limit_are_those_of_postgresql(on_path: Connection) -> None:
    def keys(**how: object) -> list[int]:
        return on_path.read_table(S, "v", columns=["k"], **how)["k"].tolist()

    assert keys(order_by="k desc") == [4, 3, 2, 1]
    assert keys(order_by="n") == [4, 1, 3, 2]  # NULL comes last
    assert keys(order_by="n desc") == [2, 3, 1, 4]  # and first the other way round
    assert keys(order_by=["g", "k DESC"]) == [4, 2, 1, 3]
    assert keys(order_by=["g asc", "n"], limit=2) == [4, 2]
    assert keys(order_by="k", limit=0) == []
    assert keys(order_by="k", limit=99) == [1, 2, 3, 4]
    assert len(keys(limit=3)) == 3
    assert keys(where="k > :k", params={"k": 1}, order_by="d desc", limit=2) == [3, 2]


def test_index_col(on_path: Connection) -> None:
    keyed = on_path.read_table(S, "v", index_col=KEY)
    assert keyed.index.name == "k"
    assert sorted(keyed.index) == [1, 2, 3, 4]
    assert "k" not in keyed.columns
    two = on_path.read_table(S, "v", index_col=["g", "k"], columns=["k", "g", "n"])
    assert two.index.names == ["g", "k"]
    assert two.columns.tolist() == ["n"]
    query = on_path.read_sql("select k, g from s_scratch.v order by k", index_col="k")
    assert query.index.tolist() == [1, 2, 3, 4]


def test_a_key_that_is_not_there(on_path: Connection, scratch: Scratch) -> None:
    scratch.run("create table keyless (a int, b int unique); create table unique_one (a int, b int not null unique)")
    with pytest.raises(InvalidInput, match=r"s_scratch\.keyless declares no key"):
        on_path.read_table(S, "keyless", index_col=KEY)
    assert on_path.read_table(S, "unique_one", index_col=KEY).index.name == "b"
    with pytest.raises(ColumnNotFound, match=r"index_col= names 'k'"):
        on_path.read_table(S, "v", index_col=KEY, columns=["n"])
    with pytest.raises(ColumnNotFound, match=r"index_col= names 'kk'.*'k'"):
        on_path.read_table(S, "v", index_col="kk")


def test_default_dtypes(on_path: Connection) -> None:
    frame = on_path.read_table(S, "v", order_by="k")
    shown = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert shown == {
        "k": "int64", "g": TEXT, "n": "float64", "x": "float64", "b": "object", "d": "datetime64[us]", "ts": TEXT,
        "j": TEXT,
    }  # fmt: skip
    assert frame["x"].tolist()[:2] == [1.5, 0.001]
    assert frame["b"].tolist() == [True, False, None, True]
    assert frame["d"].iloc[3] == pd.Timestamp("0202-05-03")


def test_dtype_backends(on_path: Connection) -> None:
    nullable = on_path.read_table(S, "v", order_by="k", dtype_backend="numpy_nullable")
    assert [str(one) for one in nullable.dtypes[["k", "n", "x", "b", "g"]]] == [
        "Int32" if str(nullable.dtypes["k"]) == "Int32" else "Int64",
        str(nullable.dtypes["k"]),
        "Float64",
        "boolean",
        "string",
    ]
    arrow = on_path.read_table(S, "v", order_by="k", dtype_backend="pyarrow")
    assert all(isinstance(one, pd.ArrowDtype) for one in arrow.dtypes)
    assert nullable["n"].tolist() == [5, pd.NA, 7, -2] or nullable["n"].isna().tolist() == [False, True, False, False]
    assert arrow["g"].isna().tolist() == [False, False, True, False]


def test_exact_numbers(on_path: Connection) -> None:
    for frame in (
        on_path.read_table(S, "v", order_by="k", coerce_float=False),
        on_path.read_sql("select * from s_scratch.v order by k", coerce_float=False),
    ):
        assert frame["x"].tolist() == [Decimal("1.500"), Decimal("0.001"), None, Decimal("99999.999")]
        assert str(frame["x"].iloc[0]) == "1.500"


def test_dtype_and_parse_dates(on_path: Connection) -> None:
    frame = on_path.read_table(
        S, "v", order_by="k", dtype={"k": "int8", "n": "Int64", "g": "category"}, parse_dates=["ts"]
    )
    assert [str(frame.dtypes[name]) for name in ("k", "n", "g")] == ["int8", "Int64", "category"]
    assert pd.api.types.is_datetime64_any_dtype(frame["ts"])
    assert frame["ts"].iloc[0] == pd.Timestamp("2024-01-02")
    given = on_path.read_sql("select '31.12.2023' as day", parse_dates={"day": "%d.%m.%Y"})
    assert given["day"].iloc[0] == pd.Timestamp("2023-12-31")
    with pytest.raises(ColumnNotFound, match="'tss'"):
        on_path.read_table(S, "v", parse_dates=["tss"])


def test_out_of_range(on_path: Connection, scratch: Scratch) -> None:
    scratch.run("create table far (k int primary key, d date, t timestamp)")
    scratch.run("insert into far values (1, '2024-01-01', 'infinity'), (2, '0044-03-15 BC', '2024-01-01')")
    for name, reader in (
        ("s_scratch.far", lambda **how: on_path.read_table(S, "far", order_by="k", **how)),
        ("the query", lambda **how: on_path.read_sql("select * from s_scratch.far order by k", **how)),
    ):
        with pytest.raises(ValueOutOfRange, match=rf"{name}, column '(d|t)', row [12]") as caught:
            reader()
        error = caught.value
        assert (error.column, error.row) in (("t", 1), ("d", 2))
        assert error.value in ("infinity", "0044-03-15 BC")
        assert error.value not in str(error)
        assert error.row_key == ({"k": str(error.row)} if name != "the query" else None) or error.row_key == {
            "k": error.row
        }
        texts = reader(out_of_range="text")
        assert texts["d"].tolist() == ["2024-01-01", "0044-03-15 BC"]
        assert texts["t"].tolist() == ["infinity", "2024-01-01 00:00:00"]


def test_attributes_tell_where_a_frame_comes_from(on_path: Connection, path: str) -> None:
    assert on_path.server_version  # a frame tells it once it is known
    table = on_path.read_table(S, "v", where="g = :g", params={"g": "canary-7"}).attrs["insight"]
    query = on_path.read_sql("select :x as x", params={"x": "canary-7"}).attrs["insight"]
    assert table["schema"] == S
    assert table["table"] == "v"
    assert len(query["sql_sha256"]) == 16
    for told in (table, query):
        assert told["server"] == on_path.url
        assert told["server_version"] == on_path.server_version
        assert told["path"] == {"auto": "packed"}.get(path, path)
        moment = dt.datetime.fromisoformat(told["time"])
        assert abs(dt.datetime.now(dt.UTC) - moment) < dt.timedelta(minutes=5)
        assert "canary-7" not in repr(told)


def test_a_query_may_be_written_in_many_ways(on_path: Connection) -> None:
    for sql in (
        "select k from s_scratch.v order by 1;",
        "  -- first\nselect k from s_scratch.v order by 1 -- last",
        "select k from s_scratch.v order by 1 ; ; /* end */ ",
        "with w as (select * from s_scratch.v) select k from w order by k",
        "with recursive r(k) as (values (1) union all select k + 1 from r where k < 4) table r",
        "values (1), (2), (3), (4)",
        "(select k from s_scratch.v order by 1)",
        "select k from s_scratch.v where j is null or j ? 'a' or not j ? 'a' order by k",
        "select k from s_scratch.v where '[[' <> '{{' and ':x' <> '$1' order by 1",
    ):
        assert on_path.read_sql(sql).iloc[:, 0].tolist() == [1, 2, 3, 4], sql
    assert on_path.read_sql("select (array[1,2,3])[2:3] as a, '2024-01-01'::date as d").iloc[0, 0] == [2, 3]
