"""Types come from the catalogue's words, and a field carries them through Parquet and back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typecases import CASES, Case
from typereader import Connection, MakeTable, read_packed, types_of

from insight_frames.pgtypes import PgType, field, from_field, is_not_null, pg_type, reading, type_of
from insight_frames.sinks.frame import to_frame


@pytest.mark.parametrize(
    ("text", "name", "precision", "scale"),
    [
        ("smallint", "int2", None, None),
        ("numeric", "numeric", None, None),
        ("numeric(10,2)", "numeric", 10, 2),
        ("numeric(3,-2)", "numeric", 3, -2),
        ("numeric(7)", "numeric", 7, 0),
        ("character varying(20)", "varchar", None, None),
        ("character(3)", "bpchar", None, None),
        ('"char"', "char", None, None),
        ("bit(3)", "bit", None, None),
        ("timestamp(3) without time zone", "timestamp", None, None),
        ("timestamp with time zone", "timestamptz", None, None),
        ("time(0) with time zone", "timetz", None, None),
        ("interval day to second(3)", "interval", None, None),
        ('pg_catalog."date"', "date", None, None),
        ('"uuid"', "uuid", None, None),
        ('"bit"', "bit", None, None),  # format_type(oid, -1), as for a column of a query
        ("bpchar", "bpchar", None, None),
        ('s_x."text"', "other", None, None),
        ("public.geometry(Point,4326)", "other", None, None),
        ('"odd (name)"', "other", None, None),
        ("tstzmultirange", "tstzmultirange", None, None),
    ],
)
def test_names(text: str, name: str, precision: int | None, scale: int | None) -> None:
    found = pg_type(text)
    assert (found.name, found.precision, found.scale) == (name, precision, scale)


def test_kinds() -> None:
    assert pg_type("s.pair", typtype="c").kind == "composite"
    assert pg_type("s.span", typtype="r").kind == "range"
    assert pg_type("s.colour", typtype="e", labels=["a"]) == PgType("s.colour", "enum", "enum", labels=("a",))
    assert pg_type("s.dose", typtype="d", base="numeric(6,2)").text == "numeric(6,2)"
    assert pg_type("s.choice", typtype="d", base="s.colour", labels=["a"]).name == "enum"
    assert pg_type("integer[]").element == pg_type("integer")
    assert pg_type("s.colour[]", labels=["a"]).element == pg_type("s.colour", typtype="e", labels=["a"])
    assert pg_type("integer[]", element="integer").element == pg_type("integer")


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("how", [{}, {"numbers": "exact"}, {"out_of_range": "text"}], ids=str)
def test_field_there_and_back(
    case: Case, how: dict[str, Any], connection: Connection, make_table: MakeTable, tmp_path: Path
) -> None:
    ((_, type_, not_null),) = types_of(connection, make_table(case.type, ()))[1:]
    read = reading(type_, **how)
    made = field("v", read, nullable=not not_null, comment='what "it" is')
    path = tmp_path / "empty.parquet"
    pq.write_table(pa.schema([made]).empty_table(), path)
    stored = pq.read_schema(path).field("v")
    for one in (made, stored):
        assert type_of(one) == type_
        assert is_not_null(one) == not_null
        assert one.metadata[b"comment"] == b'what "it" is'
        assert from_field(one).arrow == one.type
        assert from_field(one).expression("t.v") == read.expression("t.v")


@pytest.mark.parametrize("type_", ["date", "text", "date[]", "tsmultirange", "regclass", "money"])
def test_braces_in_a_column_name(type_: str) -> None:
    name = 't."{0} {x} }{"'
    expression = reading(pg_type(type_)).expression(name)
    assert expression.replace(name, "t.x") == reading(pg_type(type_)).expression("t.x")


def test_nullability_unknown() -> None:
    made = field("v", reading(pg_type("text")), nullable=None)
    assert b"nullable" not in made.metadata
    assert not is_not_null(made)


@pytest.mark.parametrize(
    "type_",
    [pa.int16(), pa.int64(), pa.float32(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.binary(),
     pa.timestamp("us", "UTC"), pa.time64("us"), pa.decimal128(10, 2), pa.string()],
    ids=str,
)  # fmt: skip
def test_field_without_metadata(type_: pa.DataType) -> None:
    """A file of somebody else's: the PostgreSQL type that becomes this Arrow type."""
    assert from_field(pa.field("v", type_)).arrow == type_


@pytest.mark.parametrize("type_", ["numeric(15,3)", "numeric(38,10)", "numeric(60,30)", "numeric(30,25)", "numeric"])
def test_decimals_give_the_same_floats(
    type_: str, connection: Connection, make_table: MakeTable, tmp_path: Path
) -> None:
    """A live read, and decimals from Parquet, agree to the last bit, and with Python's correctly rounded float."""
    scale = pg_type(type_).scale or 0
    digits = ["0", "1", "9007199254740993", "123456789012345", "0.1", "0.3", "1.005", "-2.675", "0.0000000001"]
    digits += [f"{n}.{n * 7919 % 1000:03d}" for n in range(0, 2_000_000, 9973)]
    limit = Decimal(10) ** ((pg_type(type_).precision or 100) - scale)
    table = make_table(type_, [f"'{one}'" for one in digits if abs(Decimal(one)) < limit])
    live = read_packed(connection, table, order="order by t.n")
    exact = read_packed(connection, table, order="order by t.n", numbers="exact")
    pq.write_table(exact, tmp_path / "exact.parquet")
    stored = pq.read_table(tmp_path / "exact.parquet")
    floats = [to_frame(one.schema, one.to_batches())["v"].to_numpy() for one in (live, exact, stored)]
    rows = connection.execute(f"select v from {table} order by n".encode()).fetchall()
    expected = np.array([float(value) for (value,) in rows])
    for one in floats:
        assert np.array_equal(one, expected)
    decimals = to_frame(stored.schema, stored.to_batches(), coerce_float=False)["v"].tolist()
    assert [str(one) for one in decimals] == [str(value) for (value,) in rows]


def test_all_labels_in_an_empty_enum() -> None:
    how = reading(pg_type("s.severity", typtype="e", labels=["mild", "severe", "fatal"]))
    schema = pa.schema([field("v", how, nullable=True)])
    frame = to_frame(schema, [])
    assert frame["v"].dtype == pd.CategoricalDtype(["mild", "severe", "fatal"], ordered=True)
    column = how.finish(pa.array(["severe", None]))
    frame = to_frame(schema, [pa.record_batch([column], schema=schema)])
    assert frame["v"].cat.codes.tolist() == [1, -1]
    assert frame["v"].max() == "severe"
