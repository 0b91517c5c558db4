"""pandas' own read_sql over a connection of ours, through either door; PEP 249 where pandas does not ask."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from sandboxes import Scratch

from insight_frames import Connection, InvalidInput, ParameterError, QueryFailed, TableNotFound
from insight_frames.sql import placeholders

pytestmark = [
    pytest.mark.parametrize("era", ["0.47"]),
    pytest.mark.parametrize("path", ["auto", "direct"]),
    pytest.mark.filterwarnings("ignore:pandas only supports SQLAlchemy"),
]
SITES = "select site_id, country from s_cardio3prod.site where site_id < {} order by 1"


@pytest.mark.parametrize(
    ("mark", "params"), [(":n", {"n": 3}), ("%(n)s", {"n": 3}), ("%s", [3]), ("%s", (3,)), ("3", None)]
)
def test_pandas_reads_with_every_style_of_parameters(on_path: Connection, mark: str, params: Any) -> None:
    frame = pd.read_sql(SITES.format(mark), on_path, params=params)
    expected = on_path.read_sql(SITES.format(3))
    pd.testing.assert_frame_equal(frame, expected, check_dtype=True)


def test_pandas_own_keywords(on_path: Connection) -> None:
    query = "select participant_id, enrollment_date, label from s_cardio3prod.participant order by 1"
    keywords: dict[str, Any] = {"index_col": "participant_id", "parse_dates": ["enrollment_date"]}
    whole = pd.read_sql(query, on_path, **keywords)
    pd.testing.assert_frame_equal(whole, on_path.read_sql(query, index_col="participant_id"), check_dtype=False)
    parts = list(pd.read_sql(query, on_path, chunksize=20, **keywords))
    assert [len(one) for one in parts] == [20, 20, 20, 2]
    pd.testing.assert_frame_equal(pd.concat(parts), whole)
    arrow = pd.read_sql_query(query, on_path, dtype_backend="pyarrow")
    assert arrow["participant_id"].tolist() == whole.index.tolist()


def test_values_are_exact(on_path: Connection, scratch: Scratch) -> None:
    scratch.run(
        "create table v (a numeric, b timestamptz, c bool, d bytea, e int[], f text, g bigint, h date, i float8)"
    )
    scratch.run(
        "insert into v values (0.1000000000000000055511151231257827, '2024-02-29 12:00:00.123456+02', true, '\\x00ff',"
        " '{1,null}', '', 9007199254740993, '2024-02-29', 'NaN'),"
        " (null, null, null, null, null, null, null, null, null)"
    )
    cursor = on_path.cursor().execute("select * from s_scratch.v order by f")
    assert [one[:2] for one in cursor.description or []][:3] == [
        ("a", "numeric"), ("b", "timestamp with time zone"), ("c", "boolean"),
    ]  # fmt: skip
    first = cursor.fetchone()
    assert first is not None
    assert first[0] == Decimal("0.1000000000000000055511151231257827")
    assert first[1] == dt.datetime(2024, 2, 29, 10, 0, 0, 123456, tzinfo=dt.UTC)
    assert first[2:8] == (True, b"\x00\xff", [1, None], "", 9007199254740993, dt.date(2024, 2, 29))
    assert first[8] != first[8]
    assert cursor.fetchmany() == [(None,) * 9]
    assert (cursor.fetchone(), cursor.fetchall(), cursor.rowcount) == (None, [], 2)


def test_a_cursor_left_early_and_one_that_is_closed(on_path: Connection) -> None:
    with on_path.cursor() as cursor:
        cursor.execute("select g from generate_series(1, 100000) g")
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert next(iter(cursor)) == (3,)
        assert cursor.execute("select 1 as one").fetchall() == [(1,)]
    for ask in (cursor.fetchone, lambda: cursor.execute("select 1"), lambda: on_path.cursor().fetchall()):
        with pytest.raises(InvalidInput):
            ask()
    on_path.commit()
    on_path.rollback()


def test_mistakes_are_our_errors(on_path: Connection) -> None:
    old = pd.__version__.startswith("2.")  # puts every error into one of its own
    kinds = (pd.errors.DatabaseError,) if old else (QueryFailed, ParameterError, InvalidInput, TableNotFound)
    for sql, params in (
        ("select nowhere", None),
        ("select %s", []),
        ("select %s, %s", [1]),
        ("select :a", {"b": 1}),
        ("select 1", "a"),
        ("delete from s_cardio3prod.site", None),
        ("site", None),
    ):
        with pytest.raises(kinds):
            pd.read_sql(sql, on_path, params=params)
    with pytest.raises(InvalidInput, match="only reads"):
        on_path.cursor().executemany("insert into x values (%s)", [(1,)])
    with pytest.raises(QueryFailed, match=r'column "nowhere" does not exist.*line 1, column 12'):
        on_path.cursor().execute("select %s, nowhere", [1])


def test_what_only_looks_like_a_placeholder(on_path: Connection) -> None:
    sql = "select '%s' as a, /* %s */ 7 % s as b, %s as c, d[1:a] as d"
    sql += " from (select 4 as s, array[8] as d, 1 as a) x -- %s"
    assert on_path.cursor().execute(sql, ["x"]).fetchall() == [("%s", 3, "x", [8])]
    many = [f"v{i}" for i in range(60)]
    assert on_path.cursor().execute("select " + ", ".join(["%s"] * 60), many).fetchone() == tuple(many)
    assert placeholders.named("select a%(b)s", {"c": 1}) == ("select a%(b)s", {"c": 1})  # a modulo, called s
