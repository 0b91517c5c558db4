"""How many requests one connection has on their way at the same time, and who waits for whom."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gateway import gateway, says

from insight_frames import Connection, InvalidInput, QueryFailed, ServerUnavailable
from insight_frames.sandbox import Box
from insight_frames.wire.address import timeouts

pytestmark = pytest.mark.parametrize("era", ["0.47"])
PROD = "s_cardio3prod"


def slow(connection: Connection) -> int:
    return int(connection.read_sql("select 42 as n from pg_sleep(0.05)")["n"].item())


@pytest.mark.parametrize(("given", "most"), [({}, 2), ({"parallel": 1}, 1), ({"parallel": 4}, 4)])
def test_no_more_than_so_many(box: Box, through, given: dict[str, int], most: int) -> None:
    released = threading.Event()

    def hold(client: socket.socket) -> None:
        released.wait(20)
        says(404, "<html>")(client)

    with gateway(box.url, only="/api/dataset") as way, ThreadPoolExecutor(6) as pool:
        connection = through(way.url, **given)
        assert slow(connection) == 42
        assert eventually(lambda: way.open == 0)
        way.script[:] = [hold] * 6
        asked = [pool.submit(slow, connection) for _ in range(6)]
        assert eventually(lambda: way.open == most)
        time.sleep(0.2)
        assert way.open == most
        released.set()
        assert all(isinstance(one.exception(), ServerUnavailable) for one in asked)
        assert slow(connection) == 42


def eventually(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not (seen := what()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return seen


def test_connections_do_not_wait_for_each_other(box: Box, through) -> None:
    one, other = through(box.url, parallel=1), through(box.url, parallel=1)
    assert slow(other) == 42
    parts = one.read_table(PROD, "item_data", chunksize=500)
    next(parts)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(slow, other).result(20) == 42
    parts.close()


def test_a_thread_does_not_wait_for_itself(box: Box, through) -> None:
    """Several tables read side by side, chunk by chunk, are more answers than the limit; they would wait for ever."""
    connection = through(box.url, parallel=1)
    names = ["item_data", "audit_log_event", "item", "participant"]
    parts = [connection.read_table(PROD, name, chunksize=500) for name in names]
    heads = [len(next(one)) for one in parts]
    assert heads == [500, 500, heads[2], heads[3]]
    for one in parts:
        one.close()
    assert len(connection._http._places._taken) == 0
    assert slow(connection) == 42


def test_another_threads_answer_is_waited_for(box: Box, through) -> None:
    connection = through(box.url, parallel=1)
    assert slow(connection) == 42
    parts = connection.read_table(PROD, "item_data", chunksize=500)
    next(parts)
    patience, connection._http._timeouts = connection._http._timeouts, timeouts((5, 5, 0.5))
    with ThreadPoolExecutor(1) as pool:
        before = time.monotonic()
        with pytest.raises(ServerUnavailable, match=r"not sent.*at most 1 at the same time.*parallel=.*close\(\) iter"):
            pool.submit(slow, connection).result()
        assert time.monotonic() - before > 0.4
        connection._http._timeouts = patience
        patient = pool.submit(slow, connection)
        time.sleep(0.1)
        parts.close()
        assert patient.result() == 42


def test_errors_and_lost_answers_free_their_place(box: Box, through) -> None:
    connection = through(box.url, parallel=1)
    for _ in range(3):
        with pytest.raises(QueryFailed):
            connection.read_sql("select 1 / 0 as n")
        with pytest.raises(QueryFailed):
            connection.read_sql("select nonsense")
        box.fault(kind="html", status=404, path="/api/dataset")
        with pytest.raises(ServerUnavailable):
            connection.list_schemas()
        connection._http.get("/api/user/current")  # neither read nor closed
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(slow, connection).result() == 42


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, None, "2"])
def test_what_cannot_be_meant(wrong: Any, era: str) -> None:
    with pytest.raises(InvalidInput, match="parallel cannot be meant; expected a number of requests from 1 on"):
        Connection("http://127.0.0.1:9", username="a", password="b", parallel=wrong)
