"""The double's line: as slow as it was told to be, for all connections together, and the server no further ahead."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from insight_frames import sandbox
from insight_frames.sandbox.double.link import Line

RATE = 2e6
SIZE = 200_000


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def drain(sock: socket.socket, size: int) -> float:
    """Receive so many bytes; when the last one came."""
    while size:
        size -= len(sock.recv(min(size, 1 << 16)))
    return time.monotonic()


def send(line: Line, sock: socket.socket, size: int = SIZE) -> None:
    with line.over(sock) as out:
        out.sendall(bytes(size))


def test_bytes_take_their_time(pair: tuple[socket.socket, socket.socket]) -> None:
    line, begun = Line(RATE), time.monotonic()
    thread = threading.Thread(target=send, args=(line, pair[0]))
    thread.start()
    took = drain(pair[1], SIZE) - begun
    thread.join()
    assert took >= SIZE / RATE - 0.003
    line.bandwidth = None
    send(line, pair[0], 1000)
    drain(pair[1], 1000)


def test_connections_share_it(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = socket.socketpair()
    line, begun = Line(RATE), time.monotonic()
    with here, there:
        threads = [threading.Thread(target=send, args=(line, one)) for one in (pair[0], here)]
        for one in threads:
            one.start()
        last = max(drain(one, SIZE) for one in (pair[1], there))
        for one in threads:
            one.join()
    assert last - begun >= 2 * SIZE / RATE - 0.003


def test_the_server_is_ahead_but_not_far(pair: tuple[socket.socket, socket.socket]) -> None:
    line, size = Line(20_000), 2_000_000
    done = threading.Event()

    def serve() -> None:
        with line.over(pair[0]) as out:
            out.sendall(bytes(SIZE))
            done.set()
            out.sendall(bytes(size))
            done.set()

    thread = threading.Thread(target=serve)
    thread.start()
    assert done.wait(5)  # the line needs 10 s
    done.clear()
    assert not done.wait(0.1)
    line.bandwidth = None
    drain(pair[1], SIZE + size)
    thread.join()
    assert done.is_set()


def test_a_caller_that_hung_up_is_noticed(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].close()
    with Line(RATE).over(pair[0]) as out, pytest.raises(BrokenPipeError):
        out.sendall(bytes(10_000_000))


def test_a_sandbox_may_start_with_a_slow_line() -> None:
    with sandbox.start(sql=[], bandwidth=30_000) as box:
        query = '{"database": 1, "type": "native", "native": {"query": "select repeat(\'x\', 30000) as x"}}'
        login = {"username": box.username, "password": box.password}
        session = requests.post(f"{box.url}/api/session", json=login, timeout=60).json()["id"]

        def seconds(encoding: str) -> float:
            headers = {"X-Metabase-Session": session, "Accept-Encoding": encoding}
            url = f"{box.url}/api/dataset/json"
            begun = time.monotonic()
            answer = requests.post(url, data={"query": query}, headers=headers, timeout=60)
            assert answer.json() == [{"x": "x" * 30_000}]
            return time.monotonic() - begun

        assert seconds("identity") >= 0.98
        assert seconds("gzip") < 0.98
        box.throttle()
        assert seconds("identity") < 0.98
