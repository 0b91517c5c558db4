"""One login: kept, shared by threads and processes, renewed once when the server no longer accepts it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from guideserver import guide

import insight_frames as ifr
from insight_frames import Connection, LoginRefused, LoginThrottled, SessionExpired
from insight_frames.credentials import records
from insight_frames.sandbox import Box

Logins = Callable[[], int]
TWO = pytest.mark.parametrize("era", ["0.31", "0.47"])
ONE = pytest.mark.parametrize("era", ["0.47"])


def who(box: Box, account: str = "analyst", **more: Any) -> dict[str, Any]:
    person = box.accounts[account]
    return {"url": box.url, "username": person.username, "password": person.password} | more


def ask(connection: Connection) -> int:
    """Put a small question."""
    return int(connection.read_sql("select 41 + 1 as n")["n"].item())


# ------------------------------------------------------------------ kept
@TWO
def test_a_second_connection_uses_the_same_session(home: Path, box: Box, logins: Logins) -> None:
    assert ask(Connection(**who(box))) == 42
    assert ask(Connection(**who(box))) == 42
    assert ask(Connection(box.url, username=box.username)) == 42  # needs no password while the session lives
    assert ask(Connection(box.url)) == 42  # nor a name, as long as one account is signed in there
    assert logins() == 1


@ONE
def test_another_process_uses_the_same_session(home: Path, box: Box, logins: Logins) -> None:
    ask(Connection(**who(box)))
    code = f"import insight_frames as ifr; print(ifr.connect({box.url!r}).whoami()['username'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == box.username
    assert logins() == 1


@ONE
def test_accounts_side_by_side(home: Path, box: Box, logins: Logins) -> None:
    for _ in range(2):
        counts = [len(Connection(**who(box, one)).list_tables("s_cardio3prod")) for one in ("analyst", "unblinded")]
        assert counts == [36, 37]
    assert logins() == 2
    assert Connection(box.url, username=box.accounts["unblinded"].username).whoami()["username"].startswith("unbl")
    with pytest.raises(LoginRefused, match=r"Several accounts are signed in.*got analyst@.*, unblinded@.*username="):
        Connection(box.url).list_schemas()
    assert logins() == 2


@ONE
def test_nothing_is_kept_if_so_asked(
    home: Path, box: Box, logins: Logins, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ask(Connection(**who(box, keep_session=False)))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("INSIGHT_KEEP_SESSION", "0")
    ask(Connection(**who(box)))
    assert list(tmp_path.iterdir()) == []
    assert logins() == 2


@ONE
@pytest.mark.parametrize("missing", [False, True])
def test_a_home_that_cannot_be_written(
    home: Path, box: Box, logins: Logins, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    if missing:
        monkeypatch.delenv("INSIGHT_HOME")
        monkeypatch.setattr(Path, "home", no_home)
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    else:
        home.write_text("a file where a folder should be")
    account = who(box, "unblinded" if missing else "admin")
    assert ask(Connection(**account)) == 42
    assert ask(Connection(**account)) == 42  # the process remembers
    assert logins() == 1
    Connection(**account).logout()
    assert ask(Connection(**account)) == 42
    assert logins() == 2
    Connection(**account).logout()


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


# ------------------------------------------------------------------ whose session
@TWO
def test_a_wrong_password_does_not_succeed_on_a_kept_session(home: Path, box: Box, logins: Logins) -> None:
    ask(Connection(**who(box)))
    with pytest.raises(LoginRefused, match="login was refused"):
        ask(Connection(**who(box, password="canary-wrong")))
    assert logins() == 2
    assert ask(Connection(**who(box))) == 42  # and whose session it is keeps it
    assert logins() == 2


@ONE
def test_a_new_password_makes_a_new_session(home: Path, box: Box, logins: Logins) -> None:
    admin = Connection(**who(box, "admin", keep_session=False))
    site = box.accounts["site"]
    ask(Connection(**who(box, "site")))
    number = Connection(**who(box, "site"))._session.user()["id"]
    headers = {"X-Metabase-Session": login_of(admin)}

    def change(password: str) -> None:
        with admin._http.put_json(f"/api/user/{number}/password", {"password": password}, headers=headers):
            pass

    change("another-password")
    try:
        before = logins()
        assert ask(Connection(**who(box, "site", password="another-password"))) == 42
        assert ask(Connection(**who(box, "site", password="another-password"))) == 42
        assert logins() == before + 1
        with pytest.raises(LoginRefused):
            ask(Connection(**who(box, "site")))
    finally:
        change(site.password)


def login_of(connection: Connection) -> str:
    ask(connection)
    assert connection._session._id is not None
    return connection._session._id.reveal()


@ONE
def test_the_id_of_a_session_made_elsewhere(
    home: Path, box: Box, logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = login_of(Connection(**who(box, "unblinded", keep_session=False)))
    monkeypatch.setenv("INSIGHT_SESSION_ID", made)
    monkeypatch.setenv("INSIGHT_URL", box.url)
    connection = Connection()
    assert connection.whoami()["username"] == box.accounts["unblinded"].username
    assert records() == []  # what was given is not kept
    box.expire_sessions()
    with pytest.raises(SessionExpired, match="session whose id was given has ended"):
        ask(connection)
    assert logins() == 1
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"INSIGHT_{name}", getattr(box, name.lower()))
    renewed = Connection()
    assert ask(renewed) == 42
    assert renewed.whoami()["username"] == box.username
    assert logins() == 2


@TWO
def test_logging_out_ends_the_session_for_all(home: Path, box: Box, logins: Logins) -> None:
    ask(Connection(**who(box)))
    other = Connection(**who(box))
    ask(other)
    assert Connection(**who(box)).logout() is True
    assert Connection(**who(box)).logout() is False
    assert records() == []
    assert ask(other) == 42
    assert logins() == 2
    other.logout()


# ------------------------------------------------------------------ renewed
def test_an_expired_session_is_renewed_once(home: Path, box: Box, logins: Logins) -> None:
    connection, other = Connection(**who(box)), Connection(**who(box))
    ask(connection)
    ask(other)
    box.expire_sessions()
    box.clear_requests()
    assert ask(connection) == 42
    served = [(path, status == 401) for _, path, status in box.requests]
    assert served[:3] == [("/api/dataset/json", True), ("/api/session", False), ("/api/dataset/json", False)]
    assert ask(other) == 42
    assert logins() == 1


@ONE
def test_a_session_that_ended_while_nobody_looked(home: Path, box: Box, logins: Logins) -> None:
    sleeper, other = Connection(**who(box)), Connection(**who(box))
    ask(sleeper)
    box.expire_sessions()
    ask(other)  # a second session
    box.expire_sessions()
    assert ask(sleeper) == 42  # its own and the kept one are dead: a third
    assert logins() == 3
    box.expire_sessions()
    with pytest.raises(SessionExpired, match=r"no password to renew it.*insight-frames login"):
        ask(Connection(box.url, username=box.username))
    assert logins() == 3


@pytest.mark.parametrize("era", ["0.31", "0.49"])  # those that get several statements for one table
def test_a_session_that_ends_between_the_statements_of_one_table(home: Path, box: Box, logins: Logins) -> None:
    connection = Connection(**who(box, statement_bytes=100_000))
    whole = connection.read_table("s_cardio3prod", "item_data")
    parts = connection.read_table("s_cardio3prod", "item_data", chunksize=1000)
    read = len(next(parts))
    box.expire_sessions()
    read += sum(len(part) for part in parts)
    assert read == len(whole)
    assert logins() == 2
    assert sum(status == 401 for _, _, status in box.requests) == 1


@TWO
def test_eight_threads_renew_once(home: Path, box: Box, logins: Logins) -> None:
    connection = Connection(**who(box))
    ask(connection)
    for _ in range(2):
        box.expire_sessions()
        box.clear_requests()
        start = threading.Barrier(8)

        def work(number: int, start: threading.Barrier = start) -> int:
            start.wait()
            return int(connection.read_sql("select :n as n", params={"n": number})["n"].item())

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == list(range(8))
        assert logins() == 1


@ONE
def test_eight_processes_renew_once(home: Path, box: Box, logins: Logins) -> None:
    ask(Connection(**who(box)))
    box.expire_sessions()
    box.clear_requests()
    code = (
        "import sys, insight_frames as ifr; from insight_frames import Connection\n"
        "url, username, password = sys.argv[1:]\n"
        "connection = Connection(url, username=username, password=password)\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(connection.whoami()['username'])\n"
    )
    command = [sys.executable, "-c", code, box.url, box.username, box.password]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen(command, text=True, **pipes) for _ in range(8)]  # type: ignore[call-overload]
    for one in started:
        assert one.stdout.readline() == "ready\n"
    for one in started:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60) for one in started]
    assert said == [(f"{box.username}\n", "")] * 8
    assert logins() == 1


@ONE
@pytest.mark.parametrize("disk", [True, False], ids=["disk", "memory"])
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_eight_connections_at_once(home: Path, box: Box, logins: Logins, wrong: bool, disk: bool) -> None:
    if not disk:
        home.write_text("a file where a folder should be")
    account = who(box, "viewer", password="canary-wrong") if wrong else who(box)
    start = threading.Barrier(8)

    def work(_: int) -> str:
        connection = Connection(**account)
        start.wait()
        try:
            return str(connection.whoami()["username"])
        except LoginRefused as error:
            return type(error).__name__

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {"LoginRefused" if wrong else box.username}
    assert logins() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@ONE
def test_a_forked_child_goes_on(home: Path, box: Box, logins: Logins) -> None:
    connection = Connection(**who(box))
    assert connection.server_version  # a socket is kept open now
    ask(connection)
    connection._session._lock.acquire()  # as if another thread were logging in at this moment
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"failed"
        try:
            user = [connection.whoami()["username"] for _ in range(20)]
            answer = f"{len(set(user))} {connection.read_table('s_cardio3prod', 'site').shape[0]}".encode()
        finally:
            os.write(outside, answer)
            os._exit(0)
    connection._session._lock.release()
    assert {connection.whoami()["username"] for _ in range(20)} == {box.username}
    os.close(outside)
    with open(inside, "rb") as pipe:
        assert pipe.read() == b"1 5"
    os.waitpid(child, 0)
    assert ask(connection) == 42
    assert logins() == 1


# ------------------------------------------------------------------ what 403 means
def test_a_403_can_mean_that_the_session_has_ended(home: Path) -> None:
    with guide() as server:
        session = Connection(server.url, username="ann@example.com", password="w")._session
        assert session.get("/api/x") == {"path": "/api/x"}
        server.alive.clear()
        server.requests.clear()
        assert session.get("/api/x") == {"path": "/api/x"}
        assert server.requests == ["GET /api/x", "GET /api/user/current", "POST /api/session", "GET /api/x"]
        server.forbidden.add("/api/x")
        server.requests.clear()
        with pytest.raises(ifr.PermissionDenied, match="may not do that"):
            session.get("/api/x")
        assert server.requests == ["GET /api/x", "GET /api/user/current"]


def test_a_server_that_accepts_no_session_gets_one_login(home: Path) -> None:
    with guide() as server:
        session = Connection(server.url, username="ann@example.com", password="w")._session
        server.forbidden |= {"/api/x", "/api/user/current"}
        with pytest.raises(ifr.PermissionDenied):
            session.get("/api/x")
        assert server.requests.count("POST /api/session") == 1


def test_what_is_sent_to_whom(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.touch(mode=0o600)
    netrc.write_text("machine 127.0.0.1 login ann password canary-net\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with guide() as server:
        session = Connection(server.url, username="ann@example.com", password="w")._session
        session.get("/api/x")
        session.export("/api/dataset/json", {"q": 1}).close()
        session.end()
        assert [one.get("X-Metabase-Session") for one in server.headers] == [None, *["session-1"] * 3]
        for headers in server.headers:
            assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(headers)
            assert "canary" not in str(headers)


# ------------------------------------------------------------------ refused, throttled
@ONE
def test_eight_threads_with_a_wrong_password_are_one_try(home: Path, box: Box, logins: Logins) -> None:
    connection = Connection(**who(box, "viewer", password="canary-wrong"))
    start = threading.Barrier(8)

    def work(_: int) -> str:
        start.wait()
        with pytest.raises(LoginRefused) as caught:
            ask(connection)
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        assert not [text for text in pool.map(work, range(8)) if "canary" in text]
    assert logins() == 1


@ONE
def test_a_refused_password_is_not_sent_again(
    home: Path, box: Box, logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = who(box, "viewer", password="canary-wrong")
    connection = Connection(**wrong)
    for _ in range(3):
        with pytest.raises(LoginRefused):
            ask(connection)
    with pytest.raises(LoginRefused, match=r"was not sent again.*this one again in \d+ seconds"):
        ask(Connection(**wrong))  # as another process would
    assert logins() == 1
    with pytest.raises(LoginRefused, match="login was refused"):
        ask(Connection(**wrong | {"password": "canary-other"}))
    assert logins() == 2
    assert Connection(**who(box, "viewer")).whoami()["username"] == "viewer@example.com"
    assert logins() == 3
    with pytest.raises(LoginRefused, match="login was refused"):
        ask(Connection(**wrong | {"password": "canary-third"}))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    with pytest.raises(LoginRefused, match="login was refused"):
        ask(Connection(**wrong | {"password": "canary-third"}))
    assert logins() == 5


@ONE
def test_a_throttled_login_is_remembered_by_all(
    home: Path, box: Box, logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        with pytest.raises(LoginRefused):
            ask(Connection(**who(box, "viewer", password=f"canary-{number}")))
    with pytest.raises(LoginThrottled):
        ask(Connection(**who(box, "viewer")))
    assert logins() == 11
    for _ in range(3):
        with pytest.raises(LoginThrottled, match=r"asked to wait.*again in 1\d seconds") as caught:
            ask(Connection(**who(box, "viewer")))
        assert caught.value.retry_after in range(10, 18)
    assert logins() == 11
    assert ask(Connection(**who(box))) == 42  # others are not meant
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)  # a clock set back does not lock anybody out for an hour
    box.advance_clock(60)
    assert Connection(**who(box, "viewer")).whoami()["administrator"] is False
    assert logins() == 13


# ------------------------------------------------------------------ API keys
@pytest.fixture
def key(box: Box) -> str:
    admin = Connection(**who(box, "admin", keep_session=False))
    headers = {"X-Metabase-Session": login_of(admin)}
    with admin._http.post_json("/api/api-key", {"name": "nightly", "group_id": 1}, headers=headers) as answer:
        return str(answer.json()["unmasked_key"])


@pytest.mark.parametrize("era", ["0.49"])
def test_a_key_stands_for_a_login(home: Path, box: Box, key: str, logins: Logins, tmp_path: Path) -> None:
    before = logins()
    connection = Connection(box.url, api_key=key)
    assert ask(connection) == 42
    user = connection.whoami()
    assert (user["name"], user["by"]) == ("nightly", "an API key")
    assert connection.logout() is False
    assert ask(connection) == 42
    cut = connection.snapshot(tmp_path / "cut", schemas="s_cardio3prod", tables=["site"])
    assert cut.manifest["insight"]["source"]["user"] == user["username"]
    assert records() == []
    assert logins() == before
    with pytest.raises(LoginRefused, match="API key is not accepted"):
        ask(Connection(box.url, api_key="mb_canary"))


@pytest.mark.parametrize("era", ["0.31", "0.34", "0.47"])
def test_a_server_that_knows_no_keys(home: Path, box: Box) -> None:
    message = r"knows no API keys; expected 0\.49 or newer, got v0\.\d\d"
    with pytest.raises(ifr.UnsupportedServer, match=message) as caught:
        Connection(box.url, api_key="mb_canary").list_schemas()
    assert "canary" not in str(caught.value)


# ------------------------------------------------------------------ unencrypted
def test_a_password_does_not_travel_unencrypted(home: Path) -> None:
    for secret in ({"username": "ann", "password": "canary"}, {"api_key": "canary"}):
        with pytest.raises(ifr.InvalidInput, match=r"would travel unencrypted.*expected https://.*allow_http=True"):
            Connection("http://198.51.100.7", **secret).list_schemas()
    told = Connection("http://no-such-host.invalid", username="ann", password="canary", allow_http=True)
    with pytest.raises(ifr.ServerUnavailable):
        told.list_schemas()
