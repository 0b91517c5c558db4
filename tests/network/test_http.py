"""Asking again: what is safe to repeat is repeated, with pauses, a few times; a login never, nor what was begun."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from gateway import Act, gateway, hangs_up, resets, says

from insight_frames import Connection, IncompleteResult, ServerUnavailable
from insight_frames.sandbox import Box
from insight_frames.wire import patience
from insight_frames.wire.patience import retry_after

TWO = pytest.mark.parametrize("era", ["0.31", "0.47"])
ONE = pytest.mark.parametrize("era", ["0.47"])
EXPORT, LOGIN, DATABASES = "POST /api/dataset/json", "POST /api/session", "GET /api/database"
PAGE = "<html>Busy</html>"


def ask(connection: Connection) -> int:
    return int(connection.read_sql("select 41 + 1 as n")["n"].item())


@TWO
@pytest.mark.parametrize("request_", [EXPORT, DATABASES])
@pytest.mark.parametrize(
    "act",
    [says(503, PAGE), says(502, PAGE), says(504, ""), says(429, "slowly"), resets, hangs_up],
    ids=["503", "502", "504", "429", "reset", "hung up"],
)
def test_twice_then_fine(box: Box, through, request_: str, act: Act) -> None:
    with gateway(box.url, script=[act, act], only=request_.split(" ")[1] + " ") as way:
        assert ask(through(way.url)) == 42
    usual = {EXPORT: 2, DATABASES: 1}[request_]
    assert way.requests.count(request_) == usual + 2
    assert way.requests.count(LOGIN) == 1


@ONE
@pytest.mark.parametrize(
    "act", [says(503, PAGE), says(429, ""), resets, hangs_up], ids=["503", "429", "reset", "hung up"]
)
def test_a_login_is_not_repeated(box: Box, through, act: Act) -> None:
    with gateway(box.url, script=[act] * 2, only="/api/session ") as way:
        connection = through(way.url)
        with pytest.raises(ServerUnavailable):
            ask(connection)
        assert way.requests == [LOGIN]


@ONE
def test_it_is_given_up_after_a_few(box: Box, through) -> None:
    with gateway(box.url, script=[says(503, PAGE)] * 9, only="/api/dataset") as way:
        connection = through(way.url)
        with pytest.raises(ServerUnavailable, match="status 503"):
            ask(connection)
        assert way.requests.count(EXPORT) == 1 + patience.REPEATS
        way.script.clear()
        assert ask(connection) == 42  # and the connection is as good as before


@ONE
def test_an_answer_that_has_begun_is_not_asked_for_again(box: Box, through) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[{"
    for data in (half, half[:-5], half[:3]):
        with gateway(box.url, script=[lambda client, data=data: client.sendall(data)], only="/api/dataset") as way:
            with pytest.raises((IncompleteResult, ServerUnavailable)):
                ask(through(way.url))
            assert way.requests.count(EXPORT) == 1


@ONE
def test_what_took_long_to_fail_is_not_asked_again(box: Box, through, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that gives up after a minute would do so again, and the statement may still run."""
    monkeypatch.setattr(patience, "SOON", 0.2)

    def late(client: socket.socket) -> None:
        time.sleep(0.3)
        says(504, PAGE)(client)

    with gateway(box.url, script=[late], only="/api/dataset") as way:
        with pytest.raises(ServerUnavailable, match="status 504"):
            ask(through(way.url))
        assert way.requests.count(EXPORT) == 1


@ONE
@pytest.mark.parametrize("kind", ["seconds", "date"])
def test_the_server_says_when(box: Box, through, kind: str) -> None:
    when = "1" if kind == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    with gateway(box.url, script=[says(429, "", f"Retry-After: {when}")], only="/api/dataset") as way:
        before = time.monotonic()
        assert ask(through(way.url)) == 42
        assert time.monotonic() - before > 0.9


@ONE
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_wants_to_be_left_alone_for_long(box: Box, through, status: int) -> None:
    with gateway(box.url, script=[says(status, PAGE, "Retry-After: 3600")], only="/api/dataset") as way:
        with pytest.raises(ServerUnavailable, match=f"no more requests.*status {status}. Try: again in 3600 seconds"):
            ask(through(way.url))
        assert way.requests.count(EXPORT) == 1


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1.5", "9" * 5000, "Mon, 99 Foo 2020", "Wed, 21 Oct 99999999 07:28:00 GMT"]
)
def test_a_time_that_is_none(text: str) -> None:
    assert retry_after(text) is None


@ONE
def test_a_server_that_is_only_just_starting(box: Box, through, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that could not be made has sent nothing, so a login may try again too."""
    monkeypatch.setattr(patience, "PAUSE", 0.4)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()

    def start() -> None:
        time.sleep(0.3)
        with socket.create_server(place) as listening:
            taken, _ = listening.accept()
            with taken:
                taken.recv(1 << 16)
                says(404, PAGE)(taken)

    thread = threading.Thread(target=start)
    thread.start()
    with pytest.raises(ServerUnavailable, match="status 404"):
        ask(through(f"http://{place[0]}:{place[1]}"))
    thread.join()


@ONE
def test_a_kept_connection_that_the_server_has_closed(box: Box, through) -> None:
    """The next request meets a closed connection and takes a new one."""
    connection = through(box.url)
    assert ask(connection) == 42
    with gateway(box.url) as way:  # which closes each connection behind its answer
        other = through(way.url)
        for _ in range(3):
            assert other.whoami()["username"] == box.username


@ONE
def test_sleeping_is_interrupted(box: Box, through, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    with gateway(box.url, script=[says(503, PAGE)], only="/api/dataset") as way:
        connection = through(way.url)
        with monkeypatch.context() as patch:
            patch.setattr("insight_frames.wire.http.time.sleep", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ask(connection)
        assert ask(connection) == 42
