"""The direct door: who gets in, what may not be done, what becomes of a question that is left or loses its server."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import Database, Scratch

import insight_frames as ifr
from insight_frames import (
    InvalidInput,
    LoginRefused,
    PostgresConnection,
    QueryFailed,
    ServerUnavailable,
    UnsupportedServer,
)
from insight_frames.metabase.words import MetabaseWords
from insight_frames.question import sql_question, table_question

SITES = "select count(*) as n from s_cardio3prod.site"
OURS = "select count(*) from pg_stat_activity where application_name = 'insight_frames' and state = 'active'"


# ------------------------------------------------------------------ getting in
def with_password(url: str, word: str) -> str:
    return url.replace("insight_locked@", f"insight_locked:{word}@")


def test_a_password_from_wherever_it_comes(
    locked: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, word = locked

    def asked(*where: Any, **more: Any) -> int:
        with ifr.connect(*where, **more) as made:
            assert word not in repr(made) + repr(vars(made)) + made.url
            assert made.cursor().execute("select current_user").fetchone() == ("insight_locked",)
            return int(made.read_sql(SITES)["n"][0])

    assert asked(with_password(url, word)) == asked(url, password=word) == 5
    assert asked(url + f"&password={word}") == 5
    with monkeypatch.context() as patch:
        patch.setenv("PGPASSWORD", word)
        assert asked(url) == 5
    with monkeypatch.context() as patch:
        patch.setenv("INSIGHT_URL", url)
        patch.setenv("INSIGHT_PASSWORD", word)
        assert asked() == 5
        patch.setenv("INSIGHT_URL", "https://acme.insight.example")  # a password for another server
        with pytest.raises(LoginRefused):
            asked(url)
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:insight_locked:{word}\n", "utf-8")
    file.chmod(0o600)
    with monkeypatch.context() as patch:
        patch.setenv("PGPASSFILE", str(file))
        assert asked(url) == 5
    file.unlink()


def test_a_wrong_password_and_none(locked: tuple[str, str]) -> None:
    url, word = locked
    for given in (word[::-1], "p@ss/wo:rd?with#all"):
        with pytest.raises(LoginRefused, match="refuses the login as insight_locked") as error:
            ifr.connect(with_password(url, given)).list_schemas()
        assert given not in str(error.value)
        assert not any(one in str(error.value) for one in ("ss/wo", "rd?with"))
    with pytest.raises(LoginRefused, match="There is no password to log in with"):
        ifr.connect(url).list_schemas()


def test_a_snapshot_with_a_password(locked: tuple[str, str], tmp_path: Path) -> None:
    url, word = locked
    with ifr.connect(with_password(url, word)) as made:
        cut = made.snapshot(tmp_path / "cut", schemas="s_cardio3test", tables=["site", "participant"])
    assert cut.manifest["insight"]["evidence"]["sessions"] == 3
    assert word not in (tmp_path / "cut" / "datapackage.json").read_text("utf-8")


BAD = {
    "no such port": ("postgresql://127.0.0.1:1/x", ServerUnavailable, "Connection refused"),
    "no such host": ("postgresql://nowhere.invalid/x", ServerUnavailable, "PostgreSQL does not answer here"),
    "a port that is none": ("postgresql://127.0.0.1:port/x", InvalidInput, "not one of a PostgreSQL"),
    "a setting that is none": ("postgresql://127.0.0.1/x?sslmod=require", InvalidInput, "not one of a PostgreSQL"),
}


@pytest.mark.parametrize("what", BAD)
def test_addresses_that_lead_nowhere(what: str) -> None:
    url, kind, words = BAD[what]
    with pytest.raises(kind, match=words):
        ifr.connect(url.replace("//", "//ann:" + "hushhush" + "1@")).list_schemas()


def test_names_that_are_not_there(url: str) -> None:
    with pytest.raises(ifr.DatabaseNotFound):
        ifr.connect(url.replace("/insight?", "/insigth?")).list_schemas()
    with pytest.raises(LoginRefused):
        ifr.connect(url.replace("insight_analyst@", "nobody_at_all@")).list_schemas()
    with pytest.raises(InvalidInput, match="another database"):
        ifr.connect(url, database="other")
    assert ifr.connect(url.replace("/insight?", "?"), database="insight").read_sql(SITES)["n"][0] == 5


@pytest.mark.parametrize("more", [{"compression": "gzip"}, {"api_key": "mb_123456"}, {"timeout": 0}, {"parallel": 0}])
def test_settings_that_are_not_for_postgresql(url: str, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"{next(iter(more))}|API keys"):
        ifr.connect(url, **more)


def test_without_the_driver(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidInput, match=r"insight-frames\[postgres\]"):
        ifr.connect(url)


def test_without_adbc_the_same_snapshot(
    direct: PostgresConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = direct.snapshot(tmp_path / "one", schemas="s_cardio3test")
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql.dbapi", None)
    other = direct.snapshot(tmp_path / "other", schemas="s_cardio3test")
    assert one.fingerprint == other.fingerprint
    told = [cut.manifest["insight"] for cut in (one, other)]
    assert [one["evidence"]["sessions"] for one in told] == [3, 1]  # the tables are small: one statement
    assert [one["statements"] for one in told] == [36, 1]


def test_no_pickle_and_a_repr(direct: PostgresConnection) -> None:
    assert repr(direct) == f"<PostgresConnection to {direct.url} as insight_analyst>"
    assert direct.url in direct._repr_html_()
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(direct)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = direct.nothing_like_it


def test_what_only_metabase_has(direct: PostgresConnection) -> None:
    names = [name for name in vars(MetabaseWords) if not name.startswith("_")]
    for name in ("login", "logout", "whoami", *names):
        with pytest.raises(UnsupportedServer, match=f"{name} needs Metabase"):
            getattr(direct, name)(1, of="anything")


# ------------------------------------------------------------------ reading only
def test_nothing_is_written(direct: PostgresConnection, boxes: Any, scratch: Scratch) -> None:
    """The superuser, whom no right holds back, through the same door."""
    scratch.run("create table t (n int); create sequence s")
    scratch.run(
        "create function w() returns int language sql volatile as 'insert into s_scratch.t values (1) returning n'"
    )
    writes = "The query writes, and a connection straight to PostgreSQL only reads"
    with PostgresConnection(boxes().dsn) as root:
        for query in (
            "select s_scratch.w()",
            "select nextval('s_scratch.s')",
            "with x as (insert into s_scratch.t values (1) returning n) select * from x",
            "select set_config('transaction_read_only', 'off', false), s_scratch.w()",
        ):
            with pytest.raises(QueryFailed, match=writes if "set_config" not in query else "."):
                root.read_sql(query)
        for one in ("default_transaction_read_only", "DateStyle", "search_path", "session_authorization"):
            value = {"DateStyle": "German", "search_path": "s_scratch", "session_authorization": "insight_site"}
            root.read_sql(f"select set_config('{one}', '{value.get(one, 'off')}', false) as x")
        with pytest.raises(QueryFailed, match=writes):
            root.read_sql("select s_scratch.w()")
        shown = root.read_sql(
            "select current_setting('DateStyle') as a, current_setting('TimeZone') as b, current_user as c"
        )
        assert shown.iloc[0].tolist() == ["ISO, MDY", "UTC", "postgres"]
    assert scratch.run("select count(*) from t") == [(0,)]


def test_a_postgresql_that_is_not_insights(direct: PostgresConnection, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table shop (id int primary key, price money); insert into shop values (1, 5.5)")
    assert direct.read_table("s_scratch", "shop")["price"].tolist() == [5.5]
    assert direct.snapshot(tmp_path / "cut", schemas="s_scratch").verify()
    for ask in (
        lambda: ifr.participants(direct, "s_scratch"),
        lambda: direct.cut(tmp_path / "none", schema="s_scratch", participants=["001"]),
        lambda: ifr.cut_rules(direct, "s_scratch"),
    ):
        with pytest.raises(ifr.InsightError, match="participant"):
            ask()


# ------------------------------------------------------------------ left, cancelled, lost
def busy(database: Database) -> int:
    return int(database.execute(OURS.encode()).fetchone()[0])  # type: ignore[index]


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_chunks_left_early_cancel_the_statement(direct: PostgresConnection, superuser: Database) -> None:
    query = "select g, repeat('x', 1000) as t from generate_series(1, 20000000) g"  # minutes
    with direct._source.open(sql_question(SITES)) as stream:
        assert sum(one.num_rows for one in stream) == 1
    parts = direct.read_table("s_cardio3prod", "audit_log_event", chunksize=10)
    next(parts)
    parts.close()
    thread = threading.Timer(0.5, lambda: superuser.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'insight_frames'"
    ))  # fmt: skip
    thread.start()
    begun = time.monotonic()
    with pytest.raises(ServerUnavailable, match="connection to PostgreSQL was lost"):
        direct.read_sql(query)
    thread.join()
    assert time.monotonic() - begun < 15
    wait_until(lambda: not busy(superuser))
    assert direct.read_sql(SITES)["n"][0] == 5  # over a new session


def test_ctrl_c_cancels_the_statement(direct: PostgresConnection, superuser: Database) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            direct.read_sql("select pg_sleep(60)::text as t")
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    wait_until(lambda: not busy(superuser))
    assert direct.read_sql(SITES)["n"][0] == 5


def test_sessions_that_the_server_has_ended_are_replaced(direct: PostgresConnection, superuser: Database) -> None:
    direct.read_sql(SITES)
    ended = superuser.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'insight_frames'"
    ).fetchall()
    assert ended
    assert direct.read_sql(SITES)["n"][0] == 5


def test_threads_and_streams_within_streams(direct: PostgresConnection) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(int(direct.read_sql(SITES)["n"][0]))) for _ in range(6)]
    for one in threads:
        one.start()
    for part in direct.read_table("s_cardio3prod", "item_data", chunksize=20_000):
        assert len(direct.read_table("s_cardio3prod", "site")) == 5
        found.append(len(part))
    for one in threads:
        one.join()
    assert sorted(found) == [5] * 6 + [14281, 20000]


# ------------------------------------------------------------------ row by row
def test_rows_that_cannot_be_packed_come_one_by_one(direct: PostgresConnection) -> None:
    source = direct._source
    for question in (
        table_question("s_cardio3prod", "ig_notes_freetext", order_by=["participant_oid", "item_group_repeat"]),
        sql_question("select * from s_cardio3prod.participant where site_id > :n order by 1", params={"n": 1}),
        sql_question("select * from s_cardio3prod.site where false"),
    ):
        with source.open(question) as stream:
            packed = pd.concat([one.to_pandas() for one in stream] or [pd.DataFrame()])
        asked = source.asked(question)
        provenance = {"statements": 0}
        single = pd.concat([one.to_pandas() for one in source._single(asked, provenance)] or [pd.DataFrame()])
        pd.testing.assert_frame_equal(packed, single)
        assert provenance["path"] == "direct, row by row"
