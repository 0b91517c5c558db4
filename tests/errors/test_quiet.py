"""Nothing of a patient and no secret stands in a message, a repr, a traceback or a log, whatever goes wrong."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from otherservers import metabase, serving
from sandboxes import Connect, Scratch

from insight_frames import Connection, InsightError
from insight_frames.credentials import Secret
from insight_frames.sandbox import Box

CANARY = "qx" + "7zw9"  # never as such in the source, whose lines a traceback shows


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """All that was said during the test: errors put here by `failing`, and every log record of every library."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    yield said
    said += [record.getMessage() + repr(record.args) for record in caplog.records]
    assert any("/api/session" in one for one in said if "->" in one) or not caplog.records
    found = [one for one in said if CANARY in one]
    assert not found, found[:3]


def failing(said: list[str], ask: Callable[[], Any]) -> InsightError:
    with pytest.raises(InsightError) as caught:
        ask()
    error: BaseException | None = caught.value
    said += [str(error), repr(error), repr(caught.value.args)]
    said.append("".join(traceback.format_exception(caught.value)))
    while error is not None:
        said.append(repr(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return caught.value


def test_values_of_rows(connect: Connect, path: str, scratch: Scratch, told: list[str]) -> None:
    scratch.run("create table told (k text primary key, t text, n numeric(5,2), d date)")
    scratch.run(
        f"insert into told select '{CANARY} ' || g, '{CANARY}-text ' || g, g, '2024-01-01' from generate_series(1, 9) g"
    )
    scratch.run(f"insert into told values ('{CANARY} far', '{CANARY}', 1, 'infinity')")
    connection = connect(path=path)
    table = "s_scratch.told"
    far = failing(told, lambda: connection.read_table("s_scratch", "told"))
    assert far.row_key == {"k": f"{CANARY} far"}
    failing(told, lambda: connection.read_table("s_scratch", "told", columns=["t"], dtype={"t": "int64"}))
    failing(told, lambda: connection.read_table("s_scratch", "told", columns=["t"], parse_dates={"t": "%Y"}))
    failing(told, lambda: connection.read_table("s_scratch", "told", columns=["n"], where="t::int > 0"))
    failing(told, lambda: connection.read_sql(f"select t::date from {table}"))
    failing(told, lambda: connection.read_sql(f"select (t || '}}')::jsonb from {table}"))
    failing(told, lambda: connection.read_sql(f"select t::inet from {table} order by t"))
    failing(told, lambda: connection.read_sql(f"select regexp_replace(t, t || '(', '') from {table}"))


def test_values_of_parameters(connect: Connect, path: str, told: list[str]) -> None:
    connection = connect(path=path)
    params = {"x": f"{CANARY}-param", "y": [f"{CANARY}-1", f"{CANARY}-2"]}
    failing(told, lambda: connection.read_sql("select :x::int, :y", params=params))
    failing(told, lambda: connection.read_sql("select nonsense, :x, :y", params=params))
    failing(told, lambda: connection.read_sql("select 1 / 0 where :x = any(:y)", params=params))
    failing(told, lambda: connection.read_sql("select :x", params=params))
    failing(told, lambda: connection.read_sql("select :x", params={"x": [object(), CANARY]}))
    failing(told, lambda: connection.read_table("s_cardio3prod", "site", where="site_id = :x", params={"x": CANARY}))
    frame = connection.read_sql("select :x as x", params={"x": f"{CANARY}-param"})
    told.append(repr(frame.attrs))


@pytest.mark.parametrize("path", ["auto", "plain"])
def test_values_of_rows_in_broken_answers(
    box: Box, connect: Connect, path: str, scratch: Scratch, told: list[str]
) -> None:
    scratch.run(f"create table told as select g as n, '{CANARY} ' || g as t from generate_series(1, 900) g")
    connection = connect(path=path)
    connection.read_table("s_scratch", "told")
    for fault in (
        {"kind": "cut_after_bytes", "bytes": 5000},
        {"kind": "cut_after_bytes", "bytes": 5000, "clean": True},
        {"kind": "drop_cell", "row": 1},
        {
            "kind": "error_after_rows",
            "rows": 1,
            "message": f'ERROR: invalid input: "{CANARY}"\n  Detail: Key (x)=({CANARY}).',
        },
        {"kind": "html", "status": 200},
    ):
        box.fault(**fault, path="/api/dataset/json")
        failing(told, lambda: connection.read_table("s_scratch", "told"))


def test_passwords_sessions_and_keys(box: Box, connect: Connect, told: list[str]) -> None:
    failing(told, lambda: connect(password=f"{CANARY}-password").list_schemas())
    connection = connect()
    connection.list_schemas()
    session = connection._session._id
    assert session is not None
    secrets = [session.reveal(), box.password]
    box.fault(kind="html", status=404)
    failing(told, lambda: connection.list_schemas())
    failing(told, lambda: connection.read_sql("select nonsense"))
    things = (connection, connection._http, connection._session, connection._server, connection._source, session)
    told += [repr(one) for one in things] + [repr(vars(one)) for one in things[1:5] if one is not connection._http]
    connection.logout()
    assert not [one for one in told for secret in secrets if secret in one]


def test_a_server_that_repeats_what_it_was_sent(told: list[str]) -> None:
    who = {"username": "ann@example.com", "password": f"{CANARY}-password"}
    for status, body in (
        (400, {"errors": {"password": f"did not match {CANARY}-password"}}),
        (401, {"errors": {"username": f"{CANARY} is locked for 15 seconds"}}),
        (500, {"message": CANARY, "trace": [CANARY]}),
        (200, CANARY),
        (404, CANARY),
    ):
        with serving({"POST /api/session": (status, body)}) as (url, _):
            failing(told, lambda url=url: Connection(url, **who).list_schemas())
    for body in (
        CANARY,
        [CANARY],
        {"error": f'ERROR: "{CANARY}"'},
        {"data": CANARY},
        [{"t": CANARY}],
        [{"x": {"y": CANARY}}],
    ):
        answers = metabase("v0.47.0") | {"POST /api/dataset/json": (200, body)}
        with serving(answers) as (url, _):
            failing(told, lambda url=url: Connection(url, **who).list_schemas())
            failing(told, lambda url=url: Connection(url, **who).read_sql("select 1"))
            failing(told, lambda url=url: Connection(url, **who).read_table("s", "t"))


def test_secrets_do_not_print_or_travel() -> None:
    secret = Secret(CANARY)
    connection = Connection("http://x", username="a", password=CANARY)
    assert CANARY not in f"{secret} {secret!r} {[secret]} {vars(connection)} {vars(connection._session)}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
