"""How much is asked of the server, by whom, and that many may use one connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sandboxes import Connect

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.sandbox import Box

PROD = "s_cardio3prod"
DATA = ("POST", "/api/dataset/json")
LOGIN, LIST, VERSION = ("POST", "/api/session"), ("GET", "/api/database"), ("GET", "/api/session/properties")
OLD = ("0.31",)  # their first answer looks like that of a version that is too old, so that they are asked for it


def served(box: Box) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in box.requests]


def test_nothing_is_sent_before_the_first_question(box: Box, connect: Connect) -> None:
    connection = connect()
    repr(connection)
    assert connection.url == box.url
    ifr.connect(box.url, username=box.username, password=box.password)
    connection.read_table(PROD, "site", chunksize=2)  # an iterator that nobody draws from
    assert served(box) == []


def first(box: Box, era: str, question: Callable[[], object]) -> list[tuple[str, str]]:
    """What is asked, in order; of old servers without the version that was asked behind the first answer."""
    box.clear_requests()
    question()
    asked = served(box)
    if era in OLD and VERSION in asked:
        asked.remove(VERSION)
    return asked


def test_a_first_read(box: Box, connect: Connect, era: str) -> None:
    connection = connect()
    frame = connection.read_table(PROD, "site")
    assert served(box) == [LOGIN, LIST, DATA, *([VERSION] if era in OLD else []), DATA]
    assert frame.attrs["insight"]["server_version"] == (connection.server_version if era in OLD else None)
    assert connection.server_version == connection.read_table(PROD, "crf").attrs["insight"]["server_version"]
    number = connection._server.database_id
    numbered = connect(database=number)
    assert first(box, era, lambda: numbered.read_table(PROD, "site")) == [LOGIN, DATA, DATA]
    session = numbered._session._id
    for words, asked in (({}, [LIST, DATA, DATA]), ({"database": number}, [DATA, DATA])):
        kept = connect(session_id=session, **words)
        assert first(box, era, lambda: kept.read_table(PROD, "site")) == asked  # noqa: B023


def test_a_first_snapshot(box: Box, connect: Connect, era: str, tmp_path: Path) -> None:
    connection = connect(database=connect()._server.database_id)
    asked = first(box, era, lambda: connection.snapshot(tmp_path / "cut", schemas=PROD))
    assert [one for one in asked if one != VERSION] == [LOGIN, DATA, DATA]  # the version is for the manifest


def test_the_version_is_asked_where_something_depends_on_it(
    box: Box, connect: Connect, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insight_frames.sources.metabase.STATEMENT_BYTES", 100_000)
    big = connect().read_table(PROD, "item_data")
    assert VERSION in served(box)
    assert (big.attrs["insight"]["statements"] == 1) == (era == "0.47")  # that one streams
    box.clear_requests()
    assert connect().read_sql("select jsonb '{\"a\": 1}' ? 'a' as found")["found"].tolist() == [True]
    assert VERSION in served(box)


def test_a_number_of_no_database(box: Box, connect: Connect) -> None:
    message = r"no PostgreSQL database 99 that this account may see; got 'Insight'"
    for question in (lambda one: one.read_table(PROD, "site"), lambda one: one.read_sql("select 1 as one")):
        box.clear_requests()
        with pytest.raises(ifr.DatabaseNotFound, match=message):
            question(connect(database=99))
        assert served(box) == [LOGIN, DATA, LIST]


def test_a_number_and_no_right_to_sql_are_seen_in_use(box: Box, connect: Connect, tmp_path: Path) -> None:
    number = connect()._server.database_id
    plain, viewer = connect("viewer"), connect("viewer", database=number)
    for question in (
        lambda one: one.read_table(PROD, "site", columns=["site_id"]),
        lambda one: one.list_tables(PROD),
        lambda one: one.list_schemas(),
    ):
        expected = question(plain)
        assert question(viewer).equals(expected)
        assert question(connect("viewer", database=number)).equals(expected)
    assert viewer.read_table(PROD, "site", columns=["site_id"]).attrs["insight"]["path"] == "mbql"
    with pytest.raises(ifr.PermissionDenied, match="A snapshot needs the right to run SQL"):
        connect("viewer", database=number).snapshot(tmp_path / "cut", schemas=PROD)
    for words in ({"path": "packed"}, {"path": "plain"}):
        with pytest.raises(ifr.PermissionDenied, match="may not run SQL"):
            connect("viewer", database=number, **words).read_table(PROD, "site")
    with pytest.raises(ifr.PermissionDenied, match="may not run SQL"):
        connect("viewer", database=number).read_sql("select 1 as one")


def test_requests_by_question(box: Box, connection: Connection, tmp_path: Path) -> None:
    connection.read_table(PROD, "site")
    assert connection.server_version  # for the manifest of the snapshot

    def asked(question: object) -> int:
        box.clear_requests()
        question()  # type: ignore[operator]
        assert set(served(box)) == {DATA}
        return len(served(box))

    assert asked(lambda: connection.read_table(PROD, "participant")) == 1
    assert asked(lambda: connection.read_table(PROD, "participant", where="true", order_by="label", limit=3)) == 1
    assert asked(lambda: connection.read_table(PROD, "participant", index_col=ifr.KEY)) == 1
    assert asked(lambda: list(connection.read_table(PROD, "item", chunksize=50))) == 1
    assert asked(lambda: connection.read_sql("select 1 as one")) == 2
    assert asked(lambda: list(connection.read_sql("select 1 as one", chunksize=10))) == 1
    assert asked(lambda: connection.read_sql("select status from s_cardio3prod.participant")) == 2
    assert asked(lambda: connection.read_sql("select :x as x", params={"x": 1})) == 2
    assert asked(lambda: connection.read_sql("select :x as x", params={"x": "1"})) == 2
    assert asked(lambda: connection.list_schemas()) == 1
    assert asked(lambda: connection.list_tables(PROD)) == 1
    assert asked(lambda: connection.describe_table(PROD, "site")) == 1
    assert asked(lambda: connection.snapshot(tmp_path / "cut", schemas=PROD)) == 2
    assert asked(lambda: connection.read_table("s_cardio3test", "site")) == 2  # a schema not seen yet
    assert asked(lambda: connection.read_table("s_cardio3test", "crf")) == 1


FIRST = """
import json, sys
import insight_frames as ifr
url, username, password = json.loads(sys.stdin.read())
ifr.connect(url, username=username, password=password).read_table("s_cardio3prod", "site")
print(*sys.modules)
"""
NOT_NEEDED = (
    "clinical.choices clinical.design dbapi diagnosis direct direct_connection manifest metabase.embedding "
    "metabase.exports metabase.fetching metabase.plans metabase.questions progress review sinks.files sinks.listing "
    "snapshots sources.numbered sources.together sources.unchanged sql.lexer sql.literals sql.statement wire.listed "
    "wire.objects wire.rows wire.tables"
)


@pytest.mark.parametrize("era", ["0.47"])
def test_a_first_read_loads_what_it_needs(box: Box, tmp_path: Path) -> None:
    who = json.dumps([box.url, box.username, box.password])
    told = {**os.environ, "INSIGHT_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FIRST], input=who, capture_output=True, text=True, env=told, check=True
    )
    assert not {f"insight_frames.{one}" for one in NOT_NEEDED.split()} & set(done.stdout.split())


def test_threads_share_one_login(box: Box, connection: Connection) -> None:
    tables = ["site", "participant", "study_event", "crf", "item", "event_crf", "Lab Import", "ig_ae_event"]
    start = threading.Barrier(len(tables))

    def read(name: str) -> tuple[int, int]:
        start.wait()
        query = connection.read_sql(f'select count(*) as n from {PROD}."{name}"')["n"].item()
        return len(connection.read_table(PROD, name)), query

    with ThreadPoolExecutor(len(tables)) as pool:
        for rows, counted in pool.map(read, tables):
            assert rows == counted > 0
    assert served(box).count(("POST", "/api/session")) == 1


def test_the_default_connection(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ifr.InvalidInput, match=r"no server to connect to.*INSIGHT_URL"):
        ifr.list_schemas()
    monkeypatch.setenv("INSIGHT_URL", box.url)
    monkeypatch.setenv("INSIGHT_USERNAME", box.username)
    monkeypatch.setenv("INSIGHT_PASSWORD", box.password)
    assert ifr.read_table(PROD, "site").shape[0] == 5
    assert ifr.read_sql("select 1 as one")["one"].item() == 1
    assert ifr.list_tables(PROD).shape[0] == 36
    unblinded = box.accounts["unblinded"]
    second = ifr.connect(box.url, username=unblinded.username, password=unblinded.password)
    assert len(ifr.list_tables(PROD)) == 37
    assert ifr.describe_table(PROD, "site").shape[0] == len(second.describe_table(PROD, "site"))


def test_logging_out_ends_the_session(box: Box, connection: Connection) -> None:
    connection.read_table(PROD, "site")
    used = connection._session._headers(connection._session._id)
    connection.logout()
    with connection._http.get("/api/user/current", headers=used) as answer:
        assert answer.status == 401
    connection.logout()  # once more does nothing
    assert connection.read_table(PROD, "crf").shape[0] == 12  # and a new question logs in again
    assert served(box).count(("POST", "/api/session")) == 2


def test_a_closed_connection_opens_again(box: Box, connect: Connect) -> None:
    with connect() as connection:
        connection.read_table(PROD, "site")
    assert connection.read_table(PROD, "crf").shape[0] == 12
    assert served(box).count(("POST", "/api/session")) == 1


@pytest.mark.parametrize("era", ["0.49"])
def test_an_api_key_logs_nobody_in(box: Box, connect: Connect) -> None:
    admin = connect("admin")
    with admin._http.post_json("/api/session", _login(box)) as answer:
        session = answer.json()["id"]
    headers = {"X-Metabase-Session": session}
    with admin._http.post_json("/api/api-key", {"name": "k", "group_id": 1}, headers=headers) as answer:
        assert answer.status == 200
        key = answer.json()["unmasked_key"]
    box.clear_requests()
    keyed = ifr.Connection(box.url, api_key=key)
    assert keyed.read_sql("select 1 as one")["one"].item() == 1
    assert ("POST", "/api/session") not in served(box)
    assert key not in repr(keyed)
    wrong = ifr.Connection(box.url, api_key="mb_wrong-canary")
    with pytest.raises(ifr.LoginRefused, match="key") as caught:
        wrong.list_schemas()
    assert "canary" not in str(caught.value)


def _login(box: Box) -> dict[str, str]:
    return {"username": box.accounts["admin"].username, "password": box.accounts["admin"].password}
