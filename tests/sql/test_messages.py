"""No value survives in a message of PostgreSQL that may be shown, and the names that help do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from insight_frames.sandbox import postgres
from insight_frames.sql.messages import masked

Database = psycopg.Connection[tuple[Any, ...]]

STUDY = """
create type mood as enum ('a', 'b');
create domain dose as int check (value > 0);
create table visit (id int primary key, name text, m mood, v varchar(3), j jsonb, e float8, "Odd Name" int);
create table item (id int references visit (id), x int not null, check (x < 10));
insert into visit (id, name, j, e) values (1, 'Planted', '{"Planted": "Planted"}', 1e300);
create function complain(text) returns text language plpgsql as
  $$ begin raise exception 'patient % is Planted', $1 using detail = 'Planted', hint = 'ask Planted'; end $$;
create materialized view cut as select 1 as a with no data;
create schema closed;
create table closed.secret (a int);
create role outsider;
"""


@pytest.fixture(scope="module")
def study(server: postgres.Server) -> Iterator[Database]:
    server.create_database("messages")
    with server.connect("messages") as connection:
        connection.execute(STUDY)
        connection.execute("set statement_timeout = '10s'")
        yield connection


def refusal(study: Database, sql: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        study.execute(sql.encode())
    return caught.value


def as_jdbc(error: psycopg.Error) -> str:
    """Write an error as PostgreSQL's JDBC driver does, which is what Metabase passes on."""
    diag = error.diag
    lines = [f"ERROR: {diag.message_primary}"]
    lines += [
        f"  {label}: {text}" for label, text in (("Detail", diag.message_detail), ("Hint", diag.message_hint)) if text
    ]
    lines += [f"  Position: {diag.statement_position}"] if diag.statement_position else []
    lines += [f"  Where: {diag.context}"] if diag.context else []
    return "\n".join(lines)


SYNTAX = "invalid input syntax for type"
CASES = [
    ("select name::int from visit", f"{SYNTAX} integer: …"),
    ("select name::date from visit", f"{SYNTAX} date: …"),
    ("select name::timestamptz from visit", f"{SYNTAX} timestamp with time zone: …"),
    ("select name::float8 from visit", f"{SYNTAX} double precision: …"),
    ("select name::json from visit", f"{SYNTAX} json"),
    ("select name::uuid from visit", f"{SYNTAX} uuid: …"),
    ("select name::interval from visit", f"{SYNTAX} interval: …"),
    ("select name::mood from visit", "invalid input value for enum mood: …"),
    ("select name::int[] from visit", "malformed array literal: …"),
    ("select name::visit from visit", "malformed record literal: …"),
    ("select name::int4range from visit", "malformed range literal: …"),
    ("select name::bit(3) from visit", "… is not a valid binary digit"),
    ("select (-5)::dose", 'value for domain dose violates check constraint "dose_check"'),
    ("select '2026-13-45'::date", "date/time field value out of range: …"),
    ("select '99999999999999'::int", "… is out of range for type integer"),
    ("select '1e400'::float8", "… is out of range for type double precision"),
    ("select e * e from visit", "value out of range: overflow"),
    ("select id + 2147483647 from visit", "integer out of range"),
    ("select id / 0 from visit", "division by zero"),
    ("select 12345678.9::numeric(4, 2)", "numeric field overflow"),
    ("select to_date(name, 'YYYY') from visit", "invalid value …"),
    ("select now() at time zone name from visit", "time zone … not recognized"),
    ("select date_trunc(name, now()) from visit", "… not recognized for type timestamp with time zone"),
    ("select decode(name, 'hex') from visit", "invalid hexadecimal digit: …"),
    ("select convert_from('\\xff'::bytea, 'utf8')", "invalid byte sequence for encoding …: …"),
    ("select current_setting(name) from visit", "unrecognized configuration parameter …"),
    ("select name ~ ('(' || name) from visit", "invalid regular expression: parentheses … not balanced"),
    ("select complain(name) from visit", "… is …"),
    ("select name::regrole from visit", "role … does not exist"),
    ("select name::regconfig from visit", "text search configuration … does not exist"),
    ("select (j -> 'Planted')::int from visit", "cannot cast jsonb string to type integer"),
    ("select (j ->> 'Planted')::int from visit", f"{SYNTAX} integer: …"),
    (
        "insert into visit (id, name) values (1, 'Planted')",
        'duplicate key value violates unique constraint "visit_pkey"',
    ),
    (
        "insert into item values (4711, 1)",
        'insert or update on table "item" violates foreign key constraint "item_id_fkey"',
    ),
    ("insert into item values (1, null)", 'null value in column "x" of relation "item" violates not-null constraint'),
    ("insert into item values (1, 4711)", 'new row for relation "item" violates check constraint "item_x_check"'),
    ("insert into visit (id, v) values (2, 'Planted')", "value too long for type character varying(3)"),
    (
        "select nope from visit",
        'column "nope" does not exist. Perhaps you meant to reference the column "visit.name".',
    ),
    ("select visit.nowhere from visit", "column visit.nowhere does not exist"),
    ('select "Odd" from visit', 'column "Odd" does not exist'),
    ("select v.id from visit", 'missing FROM-clause entry for table "v"'),
    ("select id from visit, visit w", 'column reference "id" is ambiguous'),
    (
        "select id, count(*) from visit",
        'column "visit.id" must appear in the GROUP BY clause or be used in an aggregate function',
    ),
    ("select * from nowhere", 'relation "nowhere" does not exist'),
    ("select * from closed.nowhere", 'relation "closed.nowhere" does not exist'),
    ("select 'Planted'::nowhere", 'type "nowhere" does not exist'),
    ("select * from cut", 'materialized view "cut" has not been populated'),
    (
        "select f(id, name, 'Planted') from visit",
        "function f(integer, text, unknown) does not exist. No function matches the given name and argument types. "
        "You might need to add explicit type casts.",
    ),
    (
        "select id = name from visit",
        "operator does not exist: integer = text. No operator matches the given name and argument types. "
        "You might need to add explicit type casts.",
    ),
    ("select id from visit where name", "argument of WHERE must be type boolean, not type text"),
    ("select 1 union select name from visit", "UNION types integer and text cannot be matched"),
    ("select case when true then 1 else name end from visit", "CASE types text and integer cannot be matched"),
    ("select id::uuid from visit", "cannot cast type integer to uuid"),
    ("select id from visit order by 9", "ORDER BY position 9 is not in select list"),
    ("select id from visit limit -1", "LIMIT must not be negative"),
    (
        "select (select g from generate_series(1, 3) g)",
        "more than one row returned by a subquery used as an expression",
    ),
    ("select row_number() from visit", "window function row_number requires an OVER clause"),
    ("select sum(count(*)) from visit", "aggregate function calls cannot be nested"),
    ("select name from visit whre id = 1", 'syntax error at or near "id"'),
    ("select id from visit where id = = 1", 'syntax error at or near "="'),
    ("select id from visit 'Planted'", "syntax error at or near …"),
    ("select id from visit limit 4 4711", "syntax error at or near …"),
    ("select 1 from visit where", "syntax error at end of input"),
    ("select 'Planted", "unterminated quoted string at or near …"),
    ("select ln(-id) from visit", "cannot take logarithm of a negative number"),
    ("select $1", "there is no parameter $1"),
]


@pytest.mark.parametrize(("sql", "shown"), CASES)
def test_what_is_shown(study: Database, sql: str, shown: str) -> None:
    error = refusal(study, sql)
    bare = shown.split(". ")[0]
    assert masked(error.diag.message_primary or "") == bare
    assert masked(error.diag.message_primary or "", sql) == bare
    assert masked(str(error)) == shown
    assert masked(as_jdbc(error)) == shown
    for planted in ("lanted", "4711"):
        assert planted not in shown


@pytest.mark.parametrize("cast", ["regclass", "regtype", "regproc", "regnamespace", "regcollation"])
def test_a_value_that_is_looked_up_is_no_name(study: Database, cast: str) -> None:
    sql = f"select name::{cast} from visit"
    error = refusal(study, sql)
    assert "lanted" not in masked(as_jdbc(error))
    assert "lanted" not in masked(error.diag.message_primary or "", sql)
    constant = f"select 'Planted'::{cast}"
    assert "lanted" not in masked(as_jdbc(refusal(study, constant)), constant)


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("select * from visit", "permission denied for table visit"),
        ("select * from closed.secret", "permission denied for schema closed"),
    ],
)
def test_what_may_not_be_read_is_named(study: Database, sql: str, shown: str) -> None:
    study.execute("set role outsider")
    try:
        assert masked(as_jdbc(refusal(study, sql))) == shown
    finally:
        study.execute("reset role")


NASTY = [
    *(
        '"',
        "'",
        "\n",
        " ",
        ": ",
        "ERROR: ",
        "\nHINT:  ",
        "\n  Position: 3",
        "\nLINE 1: x",
        '" is out of range for type integer',
    ),
    *(
        'column "',
        '" does not exist',
        "relation ",
        "Jane Doe",
        "1962-03-04",
        "»",
        "(",
        ")",
        "Größe",
        "integer",
        "\\",
        "…",
    ),
]
TYPES = ["int", "date", "bool", "mood", "int[]", "int4range", "uuid", "numeric", "inet"]
nasty = st.lists(st.sampled_from(NASTY), max_size=8).map("".join)
thorough = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@thorough
@given(before=nasty, after=nasty, kind=st.sampled_from(TYPES))
@example(before='" ERROR: column "', after='" does not exist', kind="int")
@example(before='\nHINT:  Perhaps you meant to reference the column "', after='".', kind="mood")
def test_no_value_survives(study: Database, before: str, after: str, kind: str) -> None:
    value = f"{before}Planted{after}"
    with psycopg.RawCursor(study) as cursor, pytest.raises(psycopg.DataError) as caught:
        cursor.execute(f"select $1::text::{kind}", [value])
    for text in (caught.value.diag.message_primary or "", str(caught.value), as_jdbc(caught.value)):
        shown = masked(text)
        assert all(part not in shown for part in ("Planted", "Jane", "1962", "Größe"))
        assert shown.startswith(("invalid input ", "malformed ", "time zone ", "…"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "…"),
        ("FEHLER:  ungültige Eingabesyntax für Typ integer: »Jane«", "…: … integer: …"),
        ("ERROR: canceling statement due to user request", "canceling statement due to user request"),
        ('FATAL: password authentication failed for user "jane"', "password authentication failed for user …"),
        (
            'org.postgresql.util.PSQLException: ERROR: 22P02: invalid input syntax for type date: "J"',
            f"{SYNTAX} date: …",
        ),
        ("Java heap space", "Java heap space"),
        ("Select statement did not produce a ResultSet for native query", None),
        (
            'Cannot run the query: missing required parameters: #{"Jane"}',
            "Cannot run the query: missing required parameters: …",
        ),
        ("Jane Doe (1962-03-04) has O'Brien's 7.5 mmol", "… has …"),
        ('could not resize shared memory segment "/PostgreSQL.1" to 8 bytes: No space left on device', None),
    ],
)
def test_other_messages(text: str, shown: str | None) -> None:
    result = masked(text)
    assert "Jane" not in result
    assert "1962" not in result
    assert shown is None or result == shown


def test_masking_takes_no_time_on_a_long_message() -> None:
    assert masked("function f(" + "a" * 100_000 + "!") == "function …"
    assert masked('column "' + "a" * 100_000) == "column …"
    assert masked("permission denied for table " + "a " * 100_000)
