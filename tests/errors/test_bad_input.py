"""What cannot be meant gets a clear error, or the obvious right answer; what can be known beforehand sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sandboxes import Connect

import insight_frames as ifr
from insight_frames import (
    ColumnNotFound,
    Connection,
    InvalidInput,
    ParameterError,
    QueryFailed,
    SchemaNotFound,
    TableNotFound,
)
from insight_frames.sandbox import Box

PROD = "s_cardio3prod"
Ask = Callable[[Connection], Any]

NOTHING_SENT: dict[str, tuple[Ask, type[Exception], str]] = {
    "two statements": (
        lambda c: c.read_sql("select 1; select 2"),
        InvalidInput,
        r"more than one statement \(a semicolon at line 1, column 9\); expected one query",
    ),
    "not a query": (
        lambda c: c.read_sql("delete from s_cardio3prod.site"),
        InvalidInput,
        r"not a query \(line 1, column 1\); expected one query: SELECT, WITH, VALUES or TABLE, got the word DELETE",
    ),
    "a shown setting": (lambda c: c.read_sql("show server_version"), InvalidInput, "got the word SHOW"),
    "empty": (lambda c: c.read_sql(""), InvalidInput, "The SQL is empty"),
    "a comment only": (lambda c: c.read_sql("-- nothing\n;"), InvalidInput, "The SQL is empty"),
    "no text": (lambda c: c.read_sql(7), InvalidInput, "must be SQL text; expected a str, got int"),
    "a template": (
        lambda c: c.read_sql("select {{canary}}"),
        InvalidInput,
        r"Metabase template tag.*Try: write the parameter :name",
    ),
    "an optional template": (lambda c: c.read_sql("select 1 [[ where {{x}} ]]"), InvalidInput, "template tag|bracket"),
    "an open string": (lambda c: c.read_sql("select 'open"), InvalidInput, "line 1, column 8"),
    "an open bracket": (lambda c: c.read_sql("select (1"), InvalidInput, "bracket that is never closed"),
    "a bracket too many": (
        lambda c: c.read_sql("select 1) from (select 2"),
        InvalidInput,
        "closes a bracket it did not open",
    ),
    "a missing parameter": (
        lambda c: c.read_sql("select :x"),
        ParameterError,
        r"parameter :x has no value \(line 1, column 8\)\. Try: params=\{'x': value\}",
    ),
    "a misspelt parameter": (
        lambda c: c.read_sql("select :site", params={"sites": 1}),
        ParameterError,
        "Did you mean 'sites'",
    ),
    "a surplus parameter": (lambda c: c.read_sql("select 1", params={"x": "canary"}), ParameterError, "'x'|:x"),
    "params as a list": (
        lambda c: c.read_sql("select 1", params=["canary"]),
        ParameterError,
        "params is not a mapping",
    ),
    "a value without a literal": (lambda c: c.read_sql("select :x", params={"x": object()}), ParameterError, "x"),
    "params without where": (
        lambda c: c.read_table(PROD, "site", params={"x": "canary"}),
        InvalidInput,
        r"params were given without where=",
    ),
    "a schema that is no name": (
        lambda c: c.read_table("", "site"),
        InvalidInput,
        "schema must be a name; expected a non-empty str, got an empty str",
    ),
    "a table that is no name": (
        lambda c: c.read_table(PROD, None),
        InvalidInput,
        "name must be a name; expected a non-empty str, got NoneType",
    ),
    "columns as one text": (
        lambda c: c.read_table(PROD, "site", columns="site_id"),
        InvalidInput,
        r"Try: columns=\['site_id'\]",
    ),
    "columns that are numbers": (
        lambda c: c.read_table(PROD, "site", columns=[1]),
        InvalidInput,
        "expected str, got int",
    ),
    "a column twice": (lambda c: c.read_table(PROD, "site", columns=["name", "name"]), InvalidInput, "'name' twice"),
    "order by nothing": (
        lambda c: c.read_table(PROD, "site", order_by=[" "]),
        InvalidInput,
        "order_by must name columns",
    ),
    "a limit below 0": (
        lambda c: c.read_table(PROD, "site", limit=-1),
        InvalidInput,
        "limit must be a number of rows; expected an int >= 0",
    ),
    "a limit that is a truth": (
        lambda c: c.read_table(PROD, "site", limit=True),
        InvalidInput,
        "limit must be a number",
    ),
    "a limit with a fraction": (lambda c: c.read_table(PROD, "site", limit=1.5), InvalidInput, "got float"),
    "where that is no text": (lambda c: c.read_table(PROD, "site", where=True), InvalidInput, "where must be SQL text"),
    "an unknown backend": (
        lambda c: c.read_table(PROD, "site", dtype_backend="polars"),
        InvalidInput,
        "dtype_backend.*'numpy_nullable'",
    ),
    "an unknown out_of_range": (
        lambda c: c.read_table(PROD, "site", out_of_range="drop"),
        InvalidInput,
        "out_of_range is not known; expected 'raise' or 'text'",
    ),
    "a misspelt keyword": (lambda c: c.read_table(PROD, "site", column=["name"]), TypeError, "column"),
    "a misspelt keyword of a query": (lambda c: c.read_sql("select 1", parms={}), TypeError, "parms"),
    "a third argument": (lambda c: c.read_table(PROD, "site", ["name"]), TypeError, "positional"),
    "a misspelt setting": (lambda c: ifr.connect(c.url, passwort="canary"), TypeError, "passwort"),
    "a timeout that is none": (lambda c: ifr.connect(c.url, timeout="canary"), InvalidInput, "timeout"),
    "a path that is none": (lambda c: ifr.connect(c.url, path="canary"), InvalidInput, "path"),
}

ASKED_FIRST: dict[str, tuple[Ask, type[Exception], str]] = {
    "an unknown schema": (
        lambda c: c.read_table("s_cardio3prd", "site"),
        SchemaNotFound,
        r"no schema 's_cardio3prd'.*Did you mean 's_cardio3prod'",
    ),
    "an unknown schema to list": (lambda c: c.list_tables("s_cardio"), SchemaNotFound, r"no schema 's_cardio'"),
    "a schema like none": (
        lambda c: c.describe_table("zzz", "site"),
        SchemaNotFound,
        r"Try: list_schemas\(\) shows what there is",
    ),
    "an unknown table": (
        lambda c: c.read_table(PROD, "particpant"),
        TableNotFound,
        r"no table 'particpant' in schema 's_cardio3prod'\. Did you mean 'participant'",
    ),
    "a table in another case": (lambda c: c.read_table(PROD, "lab import"), TableNotFound, "Did you mean 'Lab Import'"),
    "a table like none": (
        lambda c: c.read_table(PROD, "zzz"),
        TableNotFound,
        r"Try: list_tables\('s_cardio3prod'\) shows its \d+ tables",
    ),
    "an unknown table to describe": (lambda c: c.describe_table(PROD, "sites"), TableNotFound, "Did you mean 'site'"),
    "an unknown column": (
        lambda c: c.read_table(PROD, "site", columns=["site_name_x", "nme"]),
        ColumnNotFound,
        r"s_cardio3prod\.site has no column 'site_name_x'",
    ),
    "an unknown column to sort by": (
        lambda c: c.read_table(PROD, "site", order_by="nme desc"),
        ColumnNotFound,
        "Did you mean 'name'",
    ),
    "an unknown column for the index": (
        lambda c: c.read_table(PROD, "site", index_col="nme"),
        ColumnNotFound,
        "index_col= names 'nme'.*Did you mean 'name'",
    ),
    "an unknown column to parse": (
        lambda c: c.read_table(PROD, "site", parse_dates=["nme"]),
        ColumnNotFound,
        "parse_dates= names 'nme'",
    ),
    "an unknown column for a dtype": (
        lambda c: c.read_table(PROD, "site", dtype={"nme": "int64"}),
        ColumnNotFound,
        "dtype= names 'nme'",
    ),
    "an unknown table to snapshot": (
        lambda c: c.snapshot("x", schemas=PROD, tables=["sit"]),
        TableNotFound,
        "no table 'sit' to table. Did you mean 'site'|'sit'",
    ),
    "an unknown schema to snapshot": (
        lambda c: c.snapshot("x", schemas="s_cardio3prd"),
        SchemaNotFound,
        "Did you mean 's_cardio3prod'",
    ),
    "tables as one text": (
        lambda c: c.snapshot("x", schemas=PROD, tables="site"),
        InvalidInput,
        r"Try: tables=\['site'\]",
    ),
    "a condition with a semicolon": (
        lambda c: c.read_table(PROD, "site", where="true;"),
        InvalidInput,
        "condition holds a semicolon",
    ),
    "a condition that says where": (
        lambda c: c.read_table(PROD, "site", where="where true"),
        InvalidInput,
        "leave the word out",
    ),
    "a condition that breaks out": (
        lambda c: c.read_table(PROD, "site", where="true) or (false"),
        InvalidInput,
        "closes a bracket it did not open",
    ),
    "an empty condition": (lambda c: c.read_table(PROD, "site", where=" "), InvalidInput, "empty"),
    "a missing parameter in where": (
        lambda c: c.read_table(PROD, "site", where="site_id = :site"),
        ParameterError,
        r":site has no value",
    ),
}


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize("what", NOTHING_SENT)
def test_what_can_be_known_beforehand_sends_nothing(box: Box, connection: Connection, what: str) -> None:
    ask, kind, message = NOTHING_SENT[what]
    with pytest.raises(kind, match=message) as caught:
        ask(connection)
    assert box.requests == []
    assert "canary" not in str(caught.value)
    assert not isinstance(caught.value, InvalidInput) or isinstance(caught.value, ValueError)


@pytest.mark.parametrize("era", ["0.34", "0.47"])
@pytest.mark.parametrize("what", ASKED_FIRST)
def test_what_the_catalogue_knows(connection: Connection, what: str) -> None:
    ask, kind, message = ASKED_FIRST[what]
    with pytest.raises(kind, match=message) as caught:
        ask(connection)
    assert str(caught.value) == caught.value.args[0]
    assert str(caught.value).endswith((".", "?"))


@pytest.mark.parametrize("era", ["0.47"])
def test_wrong_questions_in_chunks_are_wrong_too(connection: Connection) -> None:
    with pytest.raises(InvalidInput):
        connection.read_sql("select 1; select 2", chunksize=5)
    with pytest.raises(TableNotFound):
        list(connection.read_table(PROD, "particpant", chunksize=5))
    with pytest.raises(ColumnNotFound):
        list(connection.read_table(PROD, "site", index_col="nme", chunksize=5))
    with pytest.raises(QueryFailed):
        list(connection.read_sql("select nonsense", chunksize=5))


def test_only_one_schema_of_two_twins_is_meant(connect: Connect, tmp_path: Any) -> None:
    with pytest.raises(InvalidInput, match=r"'s_cardio3test' looks like the TEST twin of 's_cardio3prod'"):
        connect().snapshot(tmp_path / "cut")
    assert list(tmp_path.iterdir()) == []


def test_harmless_things_are_not_errors(connection: Connection) -> None:
    assert connection.read_sql("select 1 as one -- the end").shape == (1, 1)
    assert connection.read_sql("select 1 as one;").shape == (1, 1)
    assert connection.read_sql("select 1 as one", params={}).shape == (1, 1)
    assert connection.read_sql("select ':x' as text, 'a' || '{' || '{x}}' as b").iloc[0].tolist() == [":x", "a{{x}}"]
    assert connection.read_sql("select").shape == (1, 0)
    assert connection.read_sql("select 1 as one where false").shape == (0, 1)
    assert connection.read_table(PROD, "site", columns=[]).shape == (5, 0)
    assert connection.read_table(PROD, "site", params={}).shape == connection.read_table(PROD, "site").shape
