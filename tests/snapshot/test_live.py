"""Live and offline are twins: the same words give equal frames, over every type and every table of the study."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from insight_frames import KEY, Connection
from insight_frames.errors import (
    ColumnNotFound,
    InconsistentSnapshot,
    InvalidInput,
    SchemaNotFound,
    TableNotFound,
    ValueOutOfRange,
)
from insight_frames.snapshots import Snapshot, open_snapshot

pytestmark = pytest.mark.parametrize("era", ["0.47"])

WAYS: list[dict[str, Any]] = [
    {},
    {"coerce_float": False},
    {"out_of_range": "text"},
    {"dtype_backend": "numpy_nullable"},
    {"dtype_backend": "pyarrow", "coerce_float": False},
]

# Type, then values as SQL literals; every column gets them all and a NULL.
TYPES = {
    "smallint": ("-32768", "7"),
    "integer": ("2147483647", "0"),
    "bigint": ("9223372036854775807", "9007199254740993"),
    "oid": ("4294967295", "1"),
    "numeric": ("'NaN'", "1.50", "'Infinity'", "-0.1000000000000000000000000000000000001"),
    "numeric(10,2)": ("99999999.99", "-0.01"),
    "numeric(38,10)": ("1234567890123456789012345678.0123456789", "0.1"),
    "numeric(60,4)": ("9007199254740993", "-0.0001"),
    "numeric(80,4)": ("9007199254740993", "1e75"),
    "numeric(3,-2)": ("99900", "-100"),
    "money": ("'12.34'", "-0.05"),
    "real": ("'NaN'", "0.1", "'-0'", "1e-45"),
    "double precision": ("'Infinity'", "0.30000000000000004", "'-0'", "5e-324"),
    "boolean": ("true", "false"),
    "text": ("''", "'NA'", "E'a\\tb\\n\"c\\\\'", "'é😀'", "'NULL'"),
    "varchar(5)": ("'007'", "''"),
    "char(5)": ("'ab'", "''"),
    "uuid": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",),
    "json": ('\'{"a" : 1, "a":2}\'',),
    "jsonb": ("'{\"b\": 1}'", "'null'"),
    "bytea": ("'\\x00ff'", "''"),
    "date": ("'0001-01-01'", "'9999-12-31'", "'2020-02-29'"),
    "timestamp": ("'0001-01-01'", "'9999-12-31 23:59:59.999999'"),
    "timestamptz": ("'2026-03-29 01:30:00+00'", "'1850-01-01 00:00+00'"),
    "time": ("'00:00'", "'23:59:59.999999'"),
    "timetz": ("'24:00:00-15:59'",),
    "interval": ("'1 day 02:03:04.5'", "'-1 year 2 days'"),
    "inet": ("'10.0.0.1/8'", "'::1'"),
    "bit(3)": ("'101'",),
    "point": ("'(0.1,-1e300)'",),
    "int4range": ("'[1,5)'", "'empty'"),
    "tstzrange": ("'[2020-01-01 10:00+01,infinity]'",),
    "colour": ("'green'", "'red'", "'a \"b'"),
    "site": ("'001'",),
    "colour[]": ('\'{green,NULL,"a \\"b"}\'',),
    "integer[]": ("'{1,NULL,3}'", "'{}'"),
    "numeric(6,2)[]": ("'{1.50,-2}'",),
    "text[]": ('\'{"a,b","NULL",NULL,""}\'',),
    "date[]": ("'{2020-02-29,NULL}'",),
    "timestamptz[]": ("'{2020-02-29 12:00+00}'",),
    "bytea[]": ("array['\\x00ff'::bytea, null]",),
    "double precision[]": ("'{0.1,NaN,-0}'",),
}
# Type, a value that fits, and one that does not.
UNFIT = {
    "date": ("'2020-02-29'", "'infinity'"),
    "timestamp": ("'2020-02-29 12:00:00.5'", "'0044-03-15 BC'"),
    "timestamptz": ("'2020-02-29 12:00+02'", "'-infinity'"),
    "time": ("'12:00:00.25'", "'24:00'"),
    "integer[]": ("'{1,NULL}'", "'{{1},{2}}'"),
    "text[]": ('\'{"a,b","x\\"y"}\'', "'[0:0]={x}'"),
}


@pytest.fixture
def types(scratch: Any) -> Any:
    scratch.run("create type colour as enum ('red', 'green', 'blue', 'a \"b')")
    scratch.run("create domain site as varchar(3)")
    columns = ", ".join(f'"{type_}" {type_}' for type_ in TYPES)
    for name in ("filled", "empty", "nulls"):
        scratch.run(f"create table {name} (n serial primary key, {columns})")
    scratch.run("comment on column filled.text is 'Words'")
    for type_, values in TYPES.items():
        for value in (*values, "null"):
            scratch.run(f'insert into filled ("{type_}") values ({value})')
    scratch.run("insert into nulls default values")
    scratch.run("insert into nulls default values")
    scratch.run("create table bare (); insert into bare default values; insert into bare default values")
    return scratch


def same(live: Connection, cut: Snapshot, schema: str, name: str, **keywords: Any) -> None:
    equal(live.read_table(schema, name, **keywords), cut.read_table(schema, name, **keywords))


def equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    for frame in (one, other):
        for place, values in enumerate(frame.items()):
            if frame.dtypes.iloc[place].kind == "O" and any(isinstance(value, list) for value in values[1]):
                frame.isetitem(place, values[1].map(repr))  # a NaN inside a list equals no other
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_every_type(connection: Connection, types: Any, tmp_path: Path) -> None:
    cut = connection.snapshot(tmp_path / "cut", schemas=[types.schema])
    assert cut.verify()
    assert cut.manifest["insight"]["warnings"] == []
    for name in ("filled", "empty", "nulls", "bare"):
        for keywords in WAYS:
            same(connection, cut, types.schema, name, **keywords)
        described = connection.describe_table(types.schema, name)
        pd.testing.assert_frame_equal(described, cut.describe_table(types.schema, name))
    same(connection, cut, types.schema, "filled", columns=["text", "n"], index_col=KEY)
    same(connection, cut, types.schema, "filled", columns=["numeric", "bigint"], dtype={"numeric": "string"})
    same(connection, cut, types.schema, "filled", columns=["text"], limit=3)
    chunks = zip(
        connection.read_table(types.schema, "filled", chunksize=17),
        cut.read_table(types.schema, "filled", chunksize=17),
        strict=True,
    )
    for one, other in chunks:
        equal(one, other)


ORDERABLE = [
    one
    for one in TYPES
    if one not in ("json", "jsonb", "timetz", "interval", "inet", "bit(3)", "point", "int4range", "tstzrange")
    and not one.endswith("[]")
]


def test_order_is_postgresqls(connection: Connection, types: Any, tmp_path: Path) -> None:
    """Text in collation C, to which the sandbox's database is set by casting."""
    types.run('alter table filled alter "text" type text collate "C"')
    types.run('alter table filled alter "varchar(5)" type varchar(5) collate "C"')
    cut = connection.snapshot(tmp_path / "cut", schemas=[types.schema], tables=["filled"])
    for type_ in ORDERABLE:
        for order in ([type_, "n"], [f"{type_} desc", "n desc"]):
            keywords = {"columns": ["n"], "order_by": order, "limit": 60}
            one = connection.read_table(types.schema, "filled", **keywords)["n"].tolist()
            assert cut.read_table(types.schema, "filled", **keywords)["n"].tolist() == one, order
    for type_ in set(TYPES).difference(ORDERABLE):
        with pytest.raises(InvalidInput, match="cannot sort"):
            cut.read_table(types.schema, "filled", order_by=type_)


def test_values_that_do_not_fit(connection: Connection, types: Any, tmp_path: Path) -> None:
    for number, (type_, (fits, unfit)) in enumerate(UNFIT.items()):
        types.run(f"create table u{number} (n int, v {type_}, w numeric(6,2))")
        # More than a packed block, so that the misfit comes after rows that are already written.
        types.run(f"insert into u{number} select i, {fits}, i from generate_series(1, 200) i")
        types.run(f"insert into u{number} values (201, {unfit}, 'NaN'), (202, null, null), (203, {fits}, 1)")
    cut = connection.snapshot(tmp_path / "cut", schemas=[types.schema], exclude=["filled", "empty", "nulls", "bare"])
    assert cut.verify()
    warned = {(one["table"], one["column"]) for one in cut.manifest["insight"]["warnings"]}
    assert warned == {(f"u{number}", column) for number in range(len(UNFIT)) for column in ("v", "w")}
    for number in range(len(UNFIT)):
        same(connection, cut, types.schema, f"u{number}", out_of_range="text")
        same(connection, cut, types.schema, f"u{number}", columns=["n", "w"])
        same(connection, cut, types.schema, f"u{number}", columns=["w"], dtype_backend="numpy_nullable")
        assert (
            str(cut.read_table(types.schema, f"u{number}", coerce_float=False, out_of_range="text")["w"][200]) == "NaN"
        )
        for source in (connection, cut):
            with pytest.raises(ValueOutOfRange, match='out_of_range="text"') as caught:
                source.read_table(types.schema, f"u{number}")
            assert caught.value.column == "v"


def test_every_table_of_the_study(connection: Connection, tmp_path: Path) -> None:
    connection.snapshot(tmp_path / "cut", schemas=["s_cardio3prod"])
    cut = open_snapshot(tmp_path / "cut")
    assert len(cut.tables) > 30
    for schema, name in cut.tables:
        if name == "participant_overview":  # a view that groups: its rows come in no order that could be repeated
            key = "participant_id"
            frames = [one.read_table(schema, name).sort_values(key, ignore_index=True) for one in (connection, cut)]
            equal(*frames)
            continue
        same(connection, cut, schema, name)
    live = connection.list_tables("s_cardio3prod").drop(columns="rows_estimate")
    pd.testing.assert_frame_equal(live, cut.list_tables("s_cardio3prod").drop(columns="rows_estimate"))
    closed = [one.list_tables("s_cardio3prod").attrs["insight"]["not_readable"] for one in (connection, cut)]
    assert closed[0] == closed[1] != []
    schemas = connection.list_schemas().set_index("schema").loc[["s_cardio3prod"], ["tables"]]
    pd.testing.assert_frame_equal(schemas, cut.list_schemas().set_index("schema")[["tables"]])


def test_the_same_mistakes_the_same_errors(connection: Connection, types: Any, tmp_path: Path) -> None:
    cut = connection.snapshot(tmp_path / "cut", schemas=[types.schema])
    for source in (connection, cut):
        with pytest.raises(SchemaNotFound, match=r"(?i)did you mean 's_scratch'"):
            source.read_table("s_scrach", "filled")
        with pytest.raises(TableNotFound, match=r"(?i)did you mean 'filled'"):
            source.read_table(types.schema, "filed")
        with pytest.raises(ColumnNotFound, match=r"(?i)did you mean 'text'"):
            source.read_table(types.schema, "filled", columns=["texd"])
        with pytest.raises(ColumnNotFound):
            source.read_table(types.schema, "filled", order_by="texd")
        with pytest.raises(InvalidInput, match="declares no key"):
            source.read_table(types.schema, "bare", index_col=KEY)
        with pytest.raises(InvalidInput, match="chunksize"):
            source.read_table(types.schema, "filled", chunksize=0)
        with pytest.raises(InvalidInput, match="dtype_backend"):
            source.read_table(types.schema, "filled", dtype_backend="polars")
        with pytest.raises(InvalidInput, match="limit"):
            source.read_table(types.schema, "filled", limit=-1)
        with pytest.raises(TypeError):
            source.read_table(types.schema, "filled", colums=["n"])
        with pytest.raises(SchemaNotFound):
            source.list_tables("s_scrach")
        with pytest.raises(TableNotFound):
            source.describe_table(types.schema, "filed")


@pytest.mark.parametrize(
    "mode", ["swap", *(pytest.param(one, marks=pytest.mark.long) for one in ("delete", "truncate"))]
)
def test_one_moment_while_the_study_is_refreshed(connection: Connection, box: Any, mode: str, tmp_path: Path) -> None:
    """A refresh moves `refreshed_at` of all tables at once: two values in one snapshot would be two states."""
    seen = set()
    with box.refreshing(every=0.1, mode=mode) as generations:
        for number in range(40):
            before = len(generations)
            path = tmp_path / f"cut{number}"
            try:
                cut = connection.snapshot(path, schemas=["s_cardio3prod"])
            except InconsistentSnapshot:
                assert not path.exists()
                continue
            moments = set()
            for schema, name in cut.tables:
                if "refreshed_at" in cut.describe_table(schema, name)["column"].tolist():
                    moments.update(cut.read_table(schema, name, columns=["refreshed_at"])["refreshed_at"].unique())
            assert len(moments) == 1
            assert cut.read_table("s_cardio3prod", "refresh_log")["source_as_of"].max() in moments
            seen |= moments
            if len(seen) == 3:
                break
            while len(generations) == before:
                time.sleep(0.01)
    assert len(seen) == 3
