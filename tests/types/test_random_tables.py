"""Random tables of random types: packed lines, strings and frames of every back end equal what psycopg returns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typeoracle import check, printed_elements, printed_values, python_values
from typereader import Connection, read_packed, read_strings

from insight_frames.pgtypes import from_field, pg_type, reading
from insight_frames.pgtypes.arrays import join_array, split_array
from insight_frames.pgtypes.intervals import interval_parts
from insight_frames.sinks.frame import to_frame, to_frames

# No NUL and no lone surrogate: PostgreSQL has neither.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "NULL", "null", "NA", "\\", '"', '\\"', "\\N", "{}", "(,)", ",", "\n", "\r\n", " x ", "é", "😀", "\u2028"]
)
FLOATS = st.floats(width=64)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(allow_nan=False, min_value="-1e40", max_value="1e40") | st.just(Decimal("NaN")),
    "numeric(12,3)": st.decimals(places=3, min_value="-999999999", max_value="999999999"),
    "numeric(50,20)": st.decimals(places=20, min_value="-1e29", max_value="1e29"),
    "float4": st.floats(width=32),
    "float8": FLOATS,
    "bool": st.booleans(),
    "text": TEXT,
    "char(14)": TEXT,
    "date": st.dates(),
    "timestamp": st.datetimes(),
    # a day off the edges: psycopg cannot bring the last hours of year 9999 to another zone
    "timestamptz": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    "time": st.times(),
    "interval": st.timedeltas(timedelta(days=-(10**8)), timedelta(days=10**8)),
    "bytea": st.binary(max_size=20),
    "colour": st.sampled_from(["red", "green", "blue", "NULL", 'a "b", c']),
    "uuid": st.uuids().map(str),
}
LISTS = ("int4", "int8", "float8", "text", "date", "timestamp", "timestamptz", "bool", "bytea", "numeric(12,3)")
TYPES = {**SCALARS, **{f"{one}[]": st.lists(SCALARS[one] | st.none(), max_size=4) for one in LISTS}}
PRINTED = ("text", "char(14)", "uuid", "colour")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    types = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=6))
    rows = draw(st.lists(st.tuples(*(TYPES[one] | st.none() for one in types)), max_size=6))
    return types, [list(row) for row in rows]


def make(connection: Connection, types: list[str], rows: list[list[Any]]) -> None:
    columns = ", ".join(f"c{place} {one}" for place, one in enumerate(types))
    connection.execute("drop table if exists pg_temp.random_table")
    connection.execute(f"create temp table random_table (n int not null, {columns})".encode())
    marks = ", ".join(f"%s::{one}" for one in types)
    for number, row in enumerate(rows):
        connection.execute(f"insert into random_table values ({number}, {marks})".encode(), row)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(table=tables())
def test_random_table(connection: Connection, table: tuple[list[str], list[list[Any]]]) -> None:
    types, rows = table
    make(connection, types, rows)
    oracle = [_oracle(connection, one, f"c{place}") for place, one in enumerate(types)]
    for exact in (False, True):
        numbers = {"numbers": "exact" if exact and not _has_nan(rows) else "float"}
        packed = read_packed(connection, "random_table", order="order by t.n", **numbers)
        strings = read_strings(connection, "random_table", order="order by t.n", **numbers)
        assert packed.schema == strings.schema
        assert repr(packed.to_pydict()) == repr(strings.to_pydict())
        for backend in (None, "numpy_nullable", "pyarrow"):
            frame = to_frame(packed.schema, packed.to_batches(), dtype_backend=backend, coerce_float=not exact)
            parts = list(to_frames(packed.schema, packed.to_batches(), chunksize=2, dtype_backend=backend))
            assert sum(map(len, parts)) == len(frame) == len(rows)
            for place, (values, printed) in enumerate(oracle):
                check(frame[f"c{place}"], values, printed)
                for start, part in enumerate(parts):
                    own = slice(2 * start, 2 * start + 2)
                    check(part[f"c{place}"], values[own], printed[own])


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(table=tables())
def test_text_of_random_tables(connection: Connection, table: tuple[list[str], list[list[Any]]]) -> None:
    types, rows = table
    make(connection, types, rows)
    numbers = "float" if _has_nan(rows) else "exact"
    arrow = read_packed(connection, "random_table", order="order by t.n", numbers=numbers)
    for place, one in enumerate(types):
        if "numeric" in one and numbers == "float":
            continue  # a float has lost the digits
        column = arrow[f"c{place}"]
        text = from_field(arrow.schema.field(f"c{place}")).to_text(column)
        assert text.to_pylist() == printed_values(connection, "random_table", f"c{place}")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(items=st.lists(TEXT | st.none(), max_size=6), low=st.integers(-3, 3))
def test_array_text_there_and_back(items: list[str | None], low: int) -> None:
    bounds = [(low, low + len(items) - 1)] if items else []
    assert split_array(join_array(bounds, items)) == (bounds, items)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    microseconds=st.integers(-(2**62), 2**62),
    days=st.integers(-(2**31) + 1, 2**31 - 1),
    months=st.integers(-(2**31) + 1, 2**31 - 1) | st.integers(-30, 30),
)
def test_interval_text(connection: Connection, microseconds: int, days: int, months: int) -> None:
    connection.execute("drop table if exists pg_temp.one_interval")
    connection.execute("create temp table one_interval (n int, v interval)")
    parts = "make_interval(months => %s, days => %s) + %s * interval '1 microsecond'"
    quotient, rest = divmod(microseconds, 2**31)
    parts += " + %s * interval '2147.483648 s'"
    connection.execute(f"insert into one_interval values (1, {parts})".encode(), [months, days, rest, quotient])
    (printed,) = printed_values(connection, "one_interval")
    for read in (read_packed, read_strings):
        assert read(connection, "one_interval")["v"].to_pylist() == [printed]
    assert printed is not None
    assert interval_parts(printed) == (microseconds, days, months)


@pytest.mark.parametrize(("bits", "type_"), [(64, "float8"), (32, "float4")])
def test_float_text(bits: int, type_: str, connection: Connection) -> None:
    """Thousands of floats of every size, and integers between and around them, as PostgreSQL prints them."""
    draw = Random(bits)
    patterns = np.array([draw.getrandbits(bits) for _ in range(3000)], f"u{bits // 8}").view(f"f{bits // 8}")
    mantissa = 53 if bits == 64 else 24
    integers = [draw.getrandbits(mantissa) << draw.randrange(20) for _ in range(3000)]
    values = np.concatenate([patterns, np.array(integers, patterns.dtype), np.arange(-20, 20, dtype=patterns.dtype)])
    sent = values.astype(f">f{bits // 8}").tobytes()
    halves = np.frombuffer(sent, f">i{bits // 8}").tolist()
    rows = connection.execute(
        f"select v::text from unnest(%s::{type_}[]) with ordinality u(v, n) order by n".encode(),
        [[float(one) for one in values]],
    ).fetchall()
    assert len(halves) == len(rows)
    how = reading(pg_type(type_))
    wire = pa.array([one.to_bytes(bits // 8, "big", signed=True).hex() for one in halves], pa.string())
    assert how.to_text(how.parse(wire)).to_pylist() == [text for (text,) in rows]


def _has_nan(rows: list[list[Any]]) -> bool:
    return any("nan" in str(one).lower() for row in rows for one in row if not isinstance(one, str))


def _oracle(connection: Connection, type_: str, column: str) -> tuple[list[Any], list[Any]]:
    if type_.endswith("[]"):
        printed: list[Any] = printed_elements(connection, "random_table", column)
    else:
        printed = list(printed_values(connection, "random_table", column))
    return (printed if type_ in PRINTED else python_values(connection, "random_table", column)), printed
