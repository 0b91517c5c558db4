"""Every value comes back from PostgreSQL as it went in, or is refused without being named."""

from __future__ import annotations

import enum
import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight_frames.errors import InvalidInput, ParameterError
from insight_frames.sql import identifier, literal, qualified, render, string_literal

Database = psycopg.Connection[tuple[Any, ...]]
thorough = settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NASTY = [
    "'",
    '"',
    "\\",
    "{{",
    "[[",
    "}}",
    "]]",
    "$$",
    "--",
    "/*",
    "*/",
    ";",
    ":v",
    "?",
    "%",
    "\n",
    "\r",
    "E'",
    "x",
    "😀",
    "é",
]
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    st.lists(st.sampled_from(NASTY), max_size=12).map("".join),
)
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(lambda one: timezone(one))
scalars = {
    "bool": st.booleans(),
    "int": st.one_of(st.integers(), st.integers(-(2**63) - 2, 2**63 + 2), st.sampled_from([-(2**63), 2**63, -(2**31)])),
    "float": st.floats(allow_nan=False),
    "decimal": st.decimals(allow_nan=False),
    "text": texts,
    "bytes": st.binary(max_size=40),
    "date": st.dates(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=offsets),
    "time": st.times(),
    "interval": st.timedeltas(timedelta(days=-(10**6)), timedelta(days=10**6)),
    "uuid": st.uuids(),
}


def ask(database: Database, text: str) -> Any:
    row = database.execute(text.encode()).fetchone()
    assert row is not None
    return row[0]


@thorough
@given(value=st.one_of(*scalars.values()))
def test_a_value_comes_back(database: Database, value: Any) -> None:
    text = render("select :v", {"v": value}).text
    back = ask(database, text)
    if isinstance(value, int) and not isinstance(value, bool):
        assert int(back) == value
    else:
        assert type(back) is type(value)
        assert back == value
    assert "[[" not in text
    assert "{{" not in text


@thorough
@given(values=st.one_of(*(st.lists(st.none() | kind, min_size=1, max_size=6) for kind in scalars.values())))
def test_a_list_comes_back(database: Database, values: list[Any]) -> None:
    text = render("select :v", {"v": values}).text
    back = ask(database, text)
    assert back == (values if any(one is not None for one in values) else "{" + ",".join(["NULL"] * len(values)) + "}")
    assert "[[" not in text
    assert "{{" not in text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9).filter(bool) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@thorough
@given(value=st.dictionaries(texts, json_values, max_size=4))
def test_a_dict_comes_back_as_jsonb(database: Database, value: dict[str, Any]) -> None:
    assert ask(database, render("select :v", {"v": value}).text) == value


@thorough
@given(text=texts)
def test_a_text_is_the_same_whatever_standard_conforming_strings_says(database: Database, text: str) -> None:
    try:
        for setting in ("off", "on"):
            database.execute(f"set standard_conforming_strings to {setting}")
            assert ask(database, f"select {string_literal(text)}") == text
            assert ask(database, f"select {literal(text.encode())}") == text.encode()
    finally:
        database.execute("set standard_conforming_strings to on")


@thorough
@given(schema=texts.filter(bool), name=texts.filter(bool))
def test_an_identifier_is_the_name(database: Database, schema: str, name: str) -> None:
    name = name.encode()[:63].decode(errors="ignore") or "n"
    cursor = database.execute(f"select 1 as {identifier(name)}".encode())
    assert cursor.description is not None
    assert cursor.description[0].name == name
    both = qualified(schema, name)
    assert "[[" not in both
    assert "{{" not in both


def test_a_qualified_name_finds_its_table(database: Database) -> None:
    names = ('we.ird "schema"', "[[tab{{le")
    database.execute(f"create schema if not exists {identifier(names[0])}".encode())
    database.execute(f"create table if not exists {qualified(*names)} (a int)".encode())
    database.execute(f"select a from {qualified(*names)}".encode())
    found = database.execute("select table_schema, table_name from information_schema.tables where table_name ~ '{{'")
    assert found.fetchall() == [names]


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = -3


class Spoken(enum.StrEnum):
    YES = "yes"


@pytest.mark.parametrize(
    ("value", "kind", "back"),
    [
        (None, "text", None),
        (pd.NA, "text", None),
        (pd.NaT, "text", None),
        (np.datetime64("NaT"), "text", None),
        (np.timedelta64("NaT", "ns"), "text", None),
        (Colour.RED, "text", "red"),
        (Level.HIGH, "integer", -3),
        (Spoken.YES, "text", "yes"),
        (5, "integer", 5),
        (-(2**63), "bigint", -(2**63)),
        (2**63, "numeric", 2**63),
        (np.int8(-4), "integer", -4),
        (np.uint64(2**64 - 1), "numeric", 2**64 - 1),
        (np.bool_(True), "boolean", True),
        (np.float64(0.1), "double precision", 0.1),
        (np.float32(0.1), "real", 0.1),
        (np.float32("inf"), "real", math.inf),
        (np.float16(0.1), "real", 0.099975586),
        (-0.0, "double precision", -0.0),
        (math.inf, "double precision", math.inf),
        (5e-324, "double precision", 5e-324),
        (Decimal("1.10"), "numeric", Decimal("1.10")),
        (Decimal("-Infinity"), "numeric", Decimal("-Infinity")),
        (np.str_("a"), "text", "a"),
        (bytearray(b"\0a"), "bytea", b"\0a"),
        (memoryview(b"\xff"), "bytea", b"\xff"),
        (date(202, 1, 2), "date", date(202, 1, 2)),
        (np.datetime64("2026-01-02"), "date", date(2026, 1, 2)),
        (np.datetime64("2026-01-02T03:04"), "timestamp without time zone", datetime(2026, 1, 2, 3, 4)),
        (
            np.datetime64("2026-01-02T03:04:05.000001", "ns"),
            "timestamp without time zone",
            datetime(2026, 1, 2, 3, 4, 5, 1),
        ),
        (pd.Timestamp("2026-01-02 03:04:05.000001"), "timestamp without time zone", datetime(2026, 1, 2, 3, 4, 5, 1)),
        (
            pd.Timestamp("2026-07-02 03:04", tz="Europe/Berlin"),
            "timestamp with time zone",
            datetime(2026, 7, 2, 1, 4, tzinfo=UTC),
        ),
        (
            datetime(1880, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
            "timestamp with time zone",
            datetime(1879, 12, 31, 23, 6, 32, tzinfo=UTC),
        ),
        (time(23, 59, 59, 999999), "time without time zone", time(23, 59, 59, 999999)),
        (
            time(1, 2, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
            "time with time zone",
            time(1, 2, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        ),
        (timedelta(days=-1, microseconds=1), "interval", timedelta(days=-1, microseconds=1)),
        (pd.Timedelta("1 day 00:00:00.5"), "interval", timedelta(days=1, seconds=0.5)),
        (np.timedelta64(90, "m"), "interval", timedelta(minutes=90)),
        (uuid.UUID(int=7), "uuid", uuid.UUID(int=7)),
        ({"a": [1, None, "[[{{"]}, "jsonb", {"a": [1, None, "[[{{"]}),
        ([1, 2**70], "numeric[]", [1, 2**70]),
        ([1, 2.5], "double precision[]", [1.0, 2.5]),
        ([[1, 2], [3, 4]], "bigint[]", [[1, 2], [3, 4]]),
        ((True, None), "boolean[]", [True, None]),
        ({"b", "a"}, "text[]", ["a", "b"]),
        (range(3), "bigint[]", [0, 1, 2]),
        ({"x": 1}.keys(), "text[]", ["x"]),
        (np.array([1, 2], "int32"), "bigint[]", [1, 2]),
        (np.array([[0.5], [1.5]]), "double precision[]", [[0.5], [1.5]]),
        (np.array(["2026-01-02"], "M8[ns]"), "timestamp without time zone[]", [datetime(2026, 1, 2)]),
        (np.array(3), "integer", 3),
        (pd.Series([1, None], dtype="Int64"), "bigint[]", [1, None]),
        (pd.Series(["a", "{{"]), "text[]", ["a", "{{"]),
        (
            pd.Series([pd.Timestamp("2026-01-02"), pd.NaT]),
            "timestamp without time zone[]",
            [datetime(2026, 1, 2), None],
        ),
        (pd.Index([1.5]), "double precision[]", [1.5]),
        (pd.Categorical(["b", "a"]), "text[]", ["b", "a"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_has_its_type(database: Database, value: Any, kind: str, back: Any) -> None:
    text = literal(value)
    row = database.execute(f"select pg_typeof({text})::text, {text}".encode()).fetchone()
    assert row is not None
    assert row[0] == {"text": "unknown"}.get(kind, kind)
    assert row[1] == back
    assert not isinstance(back, float) or math.copysign(1, row[1]) == math.copysign(1, back)


def test_nan_is_not_null(database: Database) -> None:
    assert math.isnan(ask(database, f"select {literal(math.nan)}"))
    assert math.isnan(ask(database, f"select {literal(np.float32('nan'))}"))
    assert ask(database, f"select {literal(Decimal('NaN'))}").is_nan()
    assert ask(database, f"select {literal([1.5, math.nan])}")[0] == 1.5


@pytest.mark.parametrize("style", ["postgres", "sql_standard", "iso_8601"])
def test_an_interval_reads_the_same_in_every_style(database: Database, style: str) -> None:
    value = timedelta(days=-3, hours=5, microseconds=7)
    try:
        database.execute(f"set intervalstyle to {style}")
        seconds = ask(database, f"select extract(epoch from {literal(value)})")
    finally:
        database.execute("reset intervalstyle")
    assert seconds == Decimal("-241199.999993")


@pytest.mark.parametrize("style", ["ISO, MDY", "SQL, DMY", "German", "Postgres, YMD"])
def test_a_day_reads_the_same_in_every_style(database: Database, style: str) -> None:
    try:
        database.execute(f"set datestyle to '{style}'")
        for value in (date(12, 3, 4), date(2026, 4, 3)):
            assert ask(database, f"select extract(doy from {literal(value)})") == value.timetuple().tm_yday
            assert ask(database, f"select extract(year from {literal(datetime(value.year, 1, 2))})") == value.year
    finally:
        database.execute("reset datestyle")


class Secretive:
    def __repr__(self) -> str:
        return "planted"


RECURSIVE: list[Any] = []
RECURSIVE.append(RECURSIVE)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Secretive(), "Secretive"),
        (1j, "complex"),
        (np.complex128(1), "complex128"),
        (np.longdouble(1), "longdouble"),
        (pd.Timestamp("2026-01-02 03:04:05.000000001"), "nanoseconds"),
        (pd.Timedelta(1, "ns"), "nanoseconds"),
        (np.datetime64("2026-01-02T03:04:05.000000001"), "finer than a microsecond"),
        (np.datetime64(20_000, "Y"), "outside the years"),
        (np.timedelta64(3, "M"), "no fixed length"),
        (pd.Period("2026-01"), "Period"),
        (pd.DataFrame({"planted": [1]}), "DataFrame"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "outside the years"),
        (time(1, 2, tzinfo=ZoneInfo("Europe/Berlin")), "no such offset"),
        (time(1, 2, tzinfo=timezone(timedelta(hours=20))), "no such offset"),
        ("planted\0", "NUL"),
        ("planted\ud800", "surrogate"),
        ({"planted": float("nan")}, "JSON"),
        ({1: "planted"}, "JSON"),
        ({"a": object()}, "JSON"),
        ({"a": "planted\0"}, "JSON"),
        (10**5000, "digits"),
        (Decimal("1e-20000"), "exponent"),
        (Decimal("1e140000"), "exponent"),
        ([1, "planted"], "mixes"),
        ([date(2026, 1, 2), datetime(2026, 1, 2)], "mixes"),
        ([2**53 + 1, 0.5], "mixes"),
        ([[1], [2, 3]], "rectangular"),
        ([[1], 2], "rectangular"),
        (RECURSIVE, "nested"),
        (["fine", "planted\0"], "NUL"),
        ((one for one in "planted"), "generator"),
    ],
    ids=lambda value: value if type(value) is str and value.isascii() and value.isprintable() else type(value).__name__,
)
def test_a_value_without_an_exact_literal_is_refused(value: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says) as caught:
        render("select :v", {"v": value})
    assert ":v" in str(caught.value)
    assert "planted" not in str(caught.value)
    with pytest.raises(ParameterError):
        literal(value)


@pytest.mark.parametrize("name", ["", "a\0b", "a\ud800"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        identifier(name)


def test_a_text_that_cannot_be_a_literal_is_refused() -> None:
    with pytest.raises(InvalidInput, match="NUL"):
        string_literal("a\0")


@pytest.mark.parametrize(
    ("name", "written"),
    [("a", '"a"'), ('a"b', '"a""b"'), ("a[[b", 'U&"a\\005B\\005Bb"'), ("a{b\\", 'U&"a\\007Bb\\\\"')],
)
def test_how_a_name_is_written(name: str, written: str) -> None:
    assert identifier(name) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [("a", "'a'"), ("it's", "'it''s'"), ("a\\b", "E'a\\\\b'"), ("[[[", "E'\\x5b\\x5b['"), ("{{x}}", "E'\\x7b{x}}'")],
)
def test_how_a_text_is_written(text: str, written: str) -> None:
    assert string_literal(text) == written
