"""How long a server is waited for: to connect, for each byte, in all; and what does not count."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from gateway import drips, gateway, hangs_up, says

from insight_frames import Connection, IncompleteResult, InsightError, InvalidInput, ServerUnavailable
from insight_frames.sandbox import Box
from insight_frames.wire import patience
from insight_frames.wire.address import timeouts

pytestmark = pytest.mark.parametrize("era", ["0.47"])
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


def ask(connection: Connection) -> int:
    return int(connection.read_sql("select 41 + 1 as n")["n"].item())


def refused(connection: Connection, *seconds: float) -> tuple[InsightError, float]:
    """The error of a question that has been put before, and is now waited for so long."""
    connection._http._timeouts = timeouts(seconds)  # type: ignore[arg-type]
    before = time.monotonic()
    with pytest.raises((ServerUnavailable, IncompleteResult)) as caught:
        ask(connection)
    return caught.value, time.monotonic() - before


@pytest.mark.parametrize(
    "wrong", [0, -1, True, "5", None, (), (1,), (1, 0), (1, 2, 0), (1, 2, 3, 4), (1, "2"), {}, float("nan")]
)
def test_what_cannot_be_meant(wrong: Any, era: str) -> None:
    with pytest.raises(InvalidInput, match=r"timeout cannot be meant.*in all"):
        Connection("http://127.0.0.1:9", username="a", password="b", timeout=wrong)


@pytest.mark.parametrize(
    "right", [5, 0.5, (1, 2), [1, 2], (1, 2, 3), (1, 2, None), (1, 1e300), float("inf"), (1, 2, 1e300)]
)
def test_what_can(box: Box, through, right: Any) -> None:
    assert ask(through(box.url, timeout=right)) == 42


def test_no_answer_takes_for_ever_unless_told(era: str) -> None:
    assert timeouts((10, 600)).total == timeouts(30).total == 6 * 3600
    assert timeouts((10, 600, None)).total == float("inf")


def test_a_slow_first_byte(box: Box, through) -> None:
    with gateway(box.url, only="/api/dataset") as way:
        connection = through(way.url)
        assert ask(connection) == 42
        way.script, way.seen = [lambda client: time.sleep(2)], []
        error, took = refused(connection, 5, 0.2)
    assert took < 1.9
    assert "did not answer in time" in str(error)
    assert "something within 0.2 seconds. Try: a longer timeout=" in str(error)
    assert way.requests == ["POST /api/dataset/json"]  # it may still be worked on


@pytest.mark.parametrize("data", [HEAD, HEAD + b"[\n" + b" " * 900], ids=["head", "body"])
def test_an_answer_byte_by_byte(box: Box, through, data: bytes) -> None:
    begun = len(HEAD) - 2 if len(data) > len(HEAD) else 0

    def drip(client: socket.socket) -> None:
        client.sendall(data[:begun])
        drips(data[begun:], 0.05)(client)

    with gateway(box.url, only="/api/dataset") as way:
        connection = through(way.url)
        assert ask(connection) == 42
        way.script = [drip]
        error, took = refused(connection, 5, 5, 0.6)
    assert 0.5 < took < 3
    assert "0.6 seconds in all. Try: a longer timeout=(connect, read, total)" in str(error)


def test_pauses_and_repetitions_count(box: Box, through, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 1.0)
    with gateway(box.url, only="/api/dataset") as way:
        connection = through(way.url)
        assert ask(connection) == 42
        way.script = [hangs_up] * 4
        error, took = refused(connection, 5, 5, 0.7)
        assert took < 0.7
        assert "a connection that ended without an answer" in str(error)
        way.script = [says(429, "", "Retry-After: 2")]
        error, took = refused(connection, 5, 5, 1.9)
        assert took < 1.9
        assert "again in 2 seconds" in str(error)


def test_time_that_is_not_the_servers_does_not_count(box: Box, through) -> None:
    connection = through(box.url, timeout=(5, 5, 2.0))
    sizes = []
    for part in connection.read_table("s_cardio3prod", "item_data", chunksize=8_000):
        sizes.append(len(part))
        time.sleep(0.6)
    assert sum(sizes) > 30_000
    assert len(sizes) > 3


def test_nobody_takes_the_connection(era: str, through, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "REPEATS", 1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        error, took = refused(through(f"http://127.0.0.1:{full.getsockname()[1]}"), 0.2, 5)
        for one in waiting:
            one.close()
    assert took < 2
    assert "cannot be reached in time" in str(error)
