"""A value that its type cannot hold is named (row, reason, PostgreSQL's text on the side), or the column is text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from typecases import CASES, Case
from typeoracle import printed_values
from typereader import Connection, MakeTable, read_packed, read_strings, types_of

from insight_frames.errors import InsightError, ValueOutOfRange
from insight_frames.pgtypes import BadValue, field, pg_type, reading
from insight_frames.sinks.frame import to_frame, to_frames

BEFORE, AFTER, INFINITE = "it lies before year 1", "it lies after year 9999", "it is infinite"
SHAPED = "it has several dimensions, or does not count from 1"
BAD = [
    ("date", "0044-03-15 BC", BEFORE),
    ("date", "10000-01-01", AFTER),
    ("date", "5874897-12-31", AFTER),
    ("date", "4714-11-24 BC", BEFORE),
    ("date", "infinity", INFINITE),
    ("date", "-infinity", INFINITE),
    ("timestamp", "0001-12-31 23:59:59.999999 BC", BEFORE),
    ("timestamp", "10000-01-01 00:00:00", AFTER),
    ("timestamp", "294276-12-31 23:59:59.999999", AFTER),
    ("timestamp", "4714-11-24 00:00:00 BC", BEFORE),
    ("timestamp", "-infinity", INFINITE),
    ("timestamptz", "0001-12-31 23:59:59+00 BC", BEFORE),
    ("timestamptz", "10000-01-01 00:00:00+00", AFTER),
    ("timestamptz", "infinity", INFINITE),
    ("time", "24:00:00", "it is the 24th hour"),
    ("numeric", "1" + "0" * 400, "it does not fit float64"),
    ("int4[]", "{{1,2},{3,4}}", SHAPED),
    ("int4[]", "[0:1]={1,2}", SHAPED),
    ("text[]", '{{a,"b c"},{NULL,"}"}}', SHAPED),
    ("timestamptz[]", '{{"2020-01-01 00:00:00+00"}}', SHAPED),
    ("bytea[]", '[5:5]={"\\\\x00"}', SHAPED),
    ("date[]", "{2020-01-01,infinity}", f"of one element, {INFINITE}"),
    ("time[]", "{24:00:00}", "of one element, it is the 24th hour"),
    ("numeric[]", "{1,1" + "0" * 400 + "}", "of one element, it does not fit float64"),
]
GOOD = {
    "date": "2020-01-01",
    "timestamp": "2020-01-01",
    "timestamptz": "2020-01-01 00:00+00",
    "time": "12:00",
    "numeric": "1",
}


def literal(value: str) -> str:
    return "'" + value + "'"


@pytest.mark.parametrize(("type_", "value", "why"), BAD)
def test_bad_value_is_named(type_: str, value: str, why: str, connection: Connection, make_table: MakeTable) -> None:
    good = literal(GOOD.get(type_, "{}"))
    table = make_table(type_, (good, "null", literal(value), good))
    printed = printed_values(connection, table)
    for read in (read_packed, read_strings):
        with pytest.raises(BadValue) as caught:
            read(connection, table, order="order by t.n")
        assert (caught.value.index, caught.value.why) == (2, why)
        assert caught.value.text == printed[2]
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("type_", "value", "why"), [one for one in BAD if one[0] != "numeric" and one[0] != "numeric[]"]
)
def test_out_of_range_as_text(type_: str, value: str, why: str, connection: Connection, make_table: MakeTable) -> None:
    table = make_table(type_, (literal(GOOD.get(type_, "{}")), "null", literal(value)))
    for read in (read_packed, read_strings):
        arrow = read(connection, table, order="order by t.n", out_of_range="text")
        assert arrow.schema.field("v").type == pa.string()
        assert arrow["v"].to_pylist() == printed_values(connection, table)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_text_is_what_postgresql_prints(case: Case, connection: Connection, make_table: MakeTable) -> None:
    table = make_table(case.type, (*case.ordinary, *case.extreme))
    ((_, type_, _),) = types_of(connection, table)[1:]
    how = reading(type_)
    wire = connection.execute(f"select ({how.expression('t.v')})::text from {table} t order by n".encode()).fetchall()
    assert how.as_text().parse(pa.array([one for (one,) in wire], pa.string())).to_pylist() == printed_values(
        connection, table
    )
    exact = reading(type_, numbers="exact")
    finite = [one for (one,) in wire if one != "NaN" or case.type == "numeric"]
    printed = [one for one in printed_values(connection, table) if one != "NaN" or "numeric(" not in type_.text]
    assert exact.to_text(exact.parse(pa.array(finite, pa.string()))).to_pylist() == printed


def test_endless_intervals_are_text(connection: Connection, make_table: MakeTable) -> None:
    table = make_table("interval", ("'infinity'", "'-infinity'", "null", "'1 day'"))
    for read in (read_packed, read_strings):
        arrow = read(connection, table, order="order by t.n")
        assert arrow["v"].to_pylist() == printed_values(connection, table) == ["infinity", "-infinity", None, "1 day"]
        assert to_frame(arrow.schema, arrow.to_batches())["v"].tolist()[:2] == ["infinity", "-infinity"]


@pytest.mark.parametrize("type_", ["numeric(10,2)", "numeric(60,4)", "numeric(10,2)[]"])
def test_nan_has_no_place_in_a_decimal(type_: str, connection: Connection, make_table: MakeTable) -> None:
    wrap = "{{{}}}" if type_.endswith("[]") else "{}"
    table = make_table(type_, (literal(wrap.format("1.5")), literal(wrap.format("NaN"))))
    with pytest.raises(BadValue) as caught:
        read_strings(connection, table, order="order by t.n", numbers="exact")
    assert caught.value.index == 1
    assert "NaN or infinite" in caught.value.why


def test_rows_are_counted_over_chunks() -> None:
    good = pa.array(["00000000", None], pa.string())
    bad = pa.array([None, "7fffffff"], pa.string())
    with pytest.raises(BadValue) as caught:
        reading(pg_type("date")).finish(pa.chunked_array([good, bad]))
    assert (caught.value.index, caught.value.text) == (3, "infinity")


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("int4", "1.5"),
        ("int4", "2147483648"),
        ("int4", ""),
        ("bool", "maybe"),
        ("numeric(4,1)", "12.55"),
        ("numeric(4,1)", "1234.5"),
        ("numeric(4,1)", "word"),
        ("date", "2020-01-01"),
        ("date", "0000000g"),
        ("float8", "1.5"),
        ("interval", "1 day"),
        ("bytea", "\\x00"),
        ("int4[]", "1,2"),
        ("int4[]", "{1,2"),
        ("int4[]", '{1,"2}'),
        ("int4[]", "{1}}"),
        ("int4[]", "{1,x}"),
        ("tsrange", "[00,)"),
    ],
)
def test_text_that_no_server_sends(type_: str, text: str) -> None:
    with pytest.raises(BadValue) as caught:
        reading(pg_type(type_), numbers="exact").parse(pa.array([None, text], pa.string()))
    assert caught.value.index == 1


def test_a_label_made_after_the_catalogue_was_read() -> None:
    with pytest.raises(BadValue, match="not one of the enum's labels"):
        reading(pg_type("s.colour", typtype="e", labels=["red"])).finish(pa.array(["red", None, "new"]))


def test_errors_of_a_frame_name_column_row_and_type() -> None:
    schema = pa.schema([field("dose", reading(pg_type("numeric"), numbers="exact"), nullable=True)])
    batch = pa.record_batch([pa.array(["1", "7" * 400], pa.string())], schema=schema)
    with pytest.raises(ValueOutOfRange) as caught:
        to_frame(schema, [batch])
    error = caught.value
    assert (error.column, error.row, error.type, error.value) == ("dose", 2, "numeric", "7" * 400)
    assert "'dose', row 2, type numeric" in str(error)
    assert "777" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_null_in_a_chunk_of_a_not_null_column() -> None:
    schema = pa.schema([field("id", reading(pg_type("integer")), nullable=False)])
    batch = pa.record_batch([pa.array([1, None], pa.int32())], schema=schema)
    with pytest.raises(InsightError, match="row 2"):
        list(to_frames(schema, [batch], chunksize=5))
