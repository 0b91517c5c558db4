"""No session setting changes what is read: dates, zones, floats, intervals, bytea, names."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from typecases import CASES, Case
from typereader import Connection, MakeTable, read_packed, read_strings

from insight_frames.pgtypes import from_field, pg_type, reading
from insight_frames.sandbox import postgres

HOSTILE = """
set datestyle to 'SQL, DMY';
set timezone to 'Australia/Adelaide';
set intervalstyle to 'iso_8601';
set extra_float_digits to 0;
set bytea_output to 'escape';
set quote_all_identifiers to on;
set search_path to pg_temp;
"""
FRIENDLY = "reset all; set timezone to 'UTC'"


@pytest.fixture
def hostile(connection: Connection) -> Iterator[Connection]:
    yield connection
    connection.execute(FRIENDLY)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_type_reads_alike(case: Case, connection: Connection, hostile: Connection, make_table: MakeTable) -> None:
    table = make_table(case.type, (*case.ordinary, *case.extreme))
    how = reading(pg_type(case.type))
    for read in (read_packed, read_strings):
        friendly = read(connection, table, order="order by t.n")
        hostile.execute(HOSTILE)
        changed = read(hostile, table, order="order by t.n")
        hostile.execute(FRIENDLY)
        # repr: NaN differs from itself
        alike = repr(friendly["v"].to_pylist()) == repr(changed["v"].to_pylist())
        assert alike or from_field(friendly.schema.field("v")).session_dependent
    assert how.expression("x") == reading(pg_type(case.type), numbers="exact", out_of_range="text").expression("x")


def test_types_that_follow_the_session_say_so() -> None:
    flagged = {case.type for case in CASES if reading(pg_type(case.type)).session_dependent}
    assert flagged == {"point", "line", "lseg", "box", "path", "polygon", "circle", "box[]", "pair", "pair[]", "site",
                       "dose", "choice", "colour", "colour[]"}  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "value", "printed"),
    [
        ("regclass", "pg_catalog.pg_class", "pg_catalog.pg_class"),
        ("regclass", 'public."Odd ""Name"', 'public."Odd ""Name"'),
        ("regclass", "0", "-"),
        ("regclass", "4000000000", "4000000000"),
        ("regtype", "int4", "integer"),
        ("regtype", "timestamptz[]", "timestamp with time zone[]"),
        ("regtype", "public.pair", "public.pair"),
        ("regrole", "pg_monitor", "pg_monitor"),
        ("regnamespace", "pg_catalog", "pg_catalog"),
        ("regprocedure", "lower(text)", "pg_catalog.lower(pg_catalog.text)"),
        ("regproc", "now", "pg_catalog.now()"),
        ("regoperator", "+(integer,integer)", "pg_catalog.+(integer,integer)"),
        ("regoper", "||/", "pg_catalog.||/(NONE,double precision)"),
        ("regconfig", "english", "pg_catalog.english"),
        ("regdictionary", "simple", "pg_catalog.simple"),
        ("regcollation", '"C"', 'pg_catalog."C"'),
    ],
)
def test_registered_names(
    type_: str, value: str, printed: str, connection: Connection, hostile: Connection, make_table: MakeTable
) -> None:
    table = make_table(type_, (f"'{value}'", "null"))
    for settings in (FRIENDLY, HOSTILE):
        hostile.execute(settings)
        for read in (read_packed, read_strings):
            assert read(hostile, table, order="order by t.n")["v"].to_pylist() == [printed, None]
    connection.execute(FRIENDLY)
    if type_ not in ("regproc", "regoper"):  # whose own input takes no arguments
        back = f"select v = '{printed}'::{type_} from {table} order by n limit 1"
        assert connection.execute(back.encode()).fetchone() == (True,)


@pytest.mark.parametrize("money", ["12.50", "-92233720368547758.08", "0"])
def test_money_is_a_number(money: str, connection: Connection, make_table: MakeTable) -> None:
    table = make_table("money", (f"({money})::numeric::money", "null"))
    assert read_packed(connection, table, order="order by t.n")["v"].to_pylist() == [float(money), None]
    exact = read_strings(connection, table, order="order by t.n", numbers="exact")["v"].to_pylist()
    assert exact == [f"{money}.00" if money == "0" else money, None]


def test_binary_forms_exist_for_every_reader(server: postgres.Server) -> None:
    """A reader who may only SELECT can call what the expressions call."""
    with server.connect() as admin:
        admin.execute("drop role if exists plain_reader; create role plain_reader login")
    with psycopg.connect(server.uri(user="plain_reader"), autocommit=True) as reader:
        reader.execute("select date_send(now()::date), interval_send('1 day'), textin(bpcharout('a'::char(3)))")
        reader.execute("select identity from pg_identify_object('pg_authid'::regclass, 10::oid, 0)")
