"""The whole sandbox: PostgreSQL, content, double; who may log in; what it shows of itself."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
import pytest

from insight_frames import sandbox

Answer = tuple[int, Any]


def call(url: str, body: Any = None, session: str | None = None) -> Answer:
    headers = {"Content-Type": "application/json"} | ({"X-Metabase-Session": session} if session else {})
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data, headers), timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def log_in(box: sandbox.Box, name: str) -> str:
    account = box.accounts[name]
    status, answer = call(f"{box.url}/api/session", {"username": account.username, "password": account.password})
    assert status == 200, answer
    return str(answer["id"])


def ask(box: sandbox.Box, session: str, sql: str) -> dict[str, Any]:
    _, databases = call(f"{box.url}/api/database", session=session)
    (database,) = databases["data"] if isinstance(databases, dict) else databases
    assert database["name"] == "Insight"
    query = {"database": database["id"], "type": "native", "native": {"query": sql}}
    status, answer = call(f"{box.url}/api/dataset", query, session)
    assert status in (200, 202), answer
    assert isinstance(answer, dict)
    return answer


def rows(answer: dict[str, Any]) -> Any:
    assert "error" not in answer, answer["error"]
    return answer["data"]["rows"]


def test_accounts_are_the_databases_own(box: sandbox.Box) -> None:
    count = "select count(*) from s_cardio3prod.participant"
    arms = "select count(*) from s_cardio3prod.ig_rand_randomization"
    assert rows(ask(box, log_in(box, "analyst"), count)) == [[62]]
    assert rows(ask(box, log_in(box, "unblinded"), arms)) == [[60]]
    assert 0 < rows(ask(box, log_in(box, "site"), count))[0][0] < 62
    assert "permission denied" in ask(box, log_in(box, "analyst"), arms)["error"]


def test_viewer_may_not_run_sql(box: sandbox.Box) -> None:
    session = log_in(box, "viewer")
    _, databases = call(f"{box.url}/api/database", session=session)
    (database,) = databases["data"]
    query = {"database": database["id"], "type": "native", "native": {"query": "select 1"}}
    status, answer = call(f"{box.url}/api/dataset", query, session)
    assert status == 403 or "permission" in str(answer).lower()


def test_passwords_are_random_long_and_hidden(box: sandbox.Box) -> None:
    passwords = {account.password for account in box.accounts.values()}
    assert len(passwords) == len(box.accounts) == 5
    assert min(map(len, passwords)) >= 16
    shown = f"{box!r} {box.accounts!r} {box.accounts['analyst']!r} {box.accounts['analyst']}"
    assert not [password for password in passwords if password in shown]
    assert (box.username, box.password) == (box.accounts["analyst"].username, box.accounts["analyst"].password)
    assert not list(box._server.folder.glob("double.json"))


def test_requests_are_counted(box: sandbox.Box) -> None:
    box.clear_requests()
    assert box.requests == []
    call(f"{box.url}/api/health?secret=1")
    log_in(box, "analyst")
    assert box.requests == [("GET", "/api/health", 200), ("POST", "/api/session", 200)]


def test_faults_sessions_and_clock(box: sandbox.Box) -> None:
    box.fault(kind="html", status=502, path="/api/health")
    assert call(f"{box.url}/api/health")[0] == 502
    assert call(f"{box.url}/api/health")[0] == 200
    session = log_in(box, "admin")
    assert call(f"{box.url}/api/user/current", session=session)[0] == 200
    box.expire_sessions()
    assert call(f"{box.url}/api/user/current", session=session)[0] == 401
    box.advance_clock(3600)
    box.setting(**{"site-name": "Acme"})


def test_scripts_instead_of_the_study(tmp_path: Path) -> None:
    first, second = tmp_path / "first.sql", tmp_path / "second.sql"
    first.write_text("\\set name own\ncreate schema :name;\ncreate table own.t as select 1 a;\n", encoding="utf-8")
    second.write_text("create table own.u as select a + 1 as a from own.t;\n", encoding="utf-8")
    with sandbox.start(sql=[first, str(second)]) as box:
        assert rows(ask(box, log_in(box, "analyst"), "select a from own.u")) == [[2]]
        with pytest.raises(sandbox.SandboxError, match="nothing to refresh"):
            box.refresh("delete", "own")
        folder, dsn = box._server.folder, box.dsn
    assert not folder.exists()
    assert not box.running
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)


def test_a_failing_script_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    start = sandbox.box.postgres.start
    monkeypatch.setattr(sandbox.box.postgres, "start", lambda: started.append(start()) or started[-1])
    script = tmp_path / "broken.sql"
    script.write_text("select 1;\nselect broken;\n", encoding="utf-8")
    with pytest.raises(sandbox.SandboxError, match="Line 2 of the script failed"):
        sandbox.start(sql=[script])
    (server,) = started
    assert not server.running
    assert not server.folder.exists()


@pytest.mark.parametrize(("words", "asked"), [("size", {"size": "huge"}), ("era", {"era": "0.48"})])
def test_unknown_sizes_and_eras(words: str, asked: dict[str, str]) -> None:
    with pytest.raises(sandbox.SandboxError, match=f"no {words} .* expected one of"):
        sandbox.start(**asked)


def test_a_taken_port(box: sandbox.Box, tmp_path: Path) -> None:
    script = tmp_path / "nothing.sql"
    script.write_text("select 1", encoding="utf-8")
    with pytest.raises(sandbox.SandboxError, match=r"double of Metabase did not start(.|\n)*in use"):
        sandbox.start(sql=[script], port=int(box.url.rpartition(":")[2]))


def test_stopping_ends_every_process(tmp_path: Path) -> None:
    script = tmp_path / "nothing.sql"
    script.write_text("select 1", encoding="utf-8")
    box = sandbox.start(sql=[script])
    pids = [box._server.pid, box._server._keeper.pid, box._double._process.pid]
    box.stop()
    box.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
