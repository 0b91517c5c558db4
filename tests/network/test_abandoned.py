"""Who leaves an answer early lets the server know, which cancels the statement; however it is left."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway import gateway, server_context
from jupyter_client.manager import KernelManager
from sandboxes import Scratch

from insight_frames import Connection
from insight_frames.sandbox import Box

TABLE = "create unlogged table left_early as select i, repeat('x', 1900) as t from generate_series(1, 30000) i"
RUNNING = "select 1 from pg_stat_activity where usename like 'insight%' and state = 'active'"  # nobody else asks
# As the rows do: the catalogue's statement, which comes before, neither sleeps nor waits for who reads it.
HELD_UP = RUNNING + " and wait_event in ('ClientWrite', 'PgSleep')"


@pytest.fixture(autouse=True)
def _large_table(scratch: Scratch) -> None:
    """Of more cells than the server is ahead of who reads them."""
    scratch.run(TABLE)


def chunks(connection: Connection) -> Any:
    return connection.read_table("s_scratch", "left_early", chunksize=1000)


def runs(scratch: Scratch) -> bool:
    return bool(scratch.run(RUNNING))


def eventually(what: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not (seen := what()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


def begun(connection: Connection, scratch: Scratch) -> Iterator[Any]:
    """An iterator of chunks whose first one has come, and whose statement runs."""
    parts = chunks(connection)
    assert len(next(parts)) == 1000
    assert runs(scratch)
    return parts


def by_break(connection: Connection, scratch: Scratch) -> None:
    for part in chunks(connection):
        assert len(part) == 1000
        assert runs(scratch)
        break


def by_error(connection: Connection, scratch: Scratch) -> None:
    with pytest.raises(ZeroDivisionError):
        interrupted(connection, scratch, ZeroDivisionError())


def by_interrupt(connection: Connection, scratch: Scratch) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(connection, scratch, KeyboardInterrupt())


def interrupted(connection: Connection, scratch: Scratch, error: BaseException) -> None:
    for _ in chunks(connection):
        assert runs(scratch)
        raise error


def by_return(connection: Connection, scratch: Scratch) -> None:
    def first() -> Any:
        for part in chunks(connection):
            return part

    assert len(first()) == 1000


def by_close(connection: Connection, scratch: Scratch) -> None:
    begun(connection, scratch).close()  # type: ignore[attr-defined]


def by_del(connection: Connection, scratch: Scratch) -> None:
    parts = begun(connection, scratch)
    del parts


def by_collection(connection: Connection, scratch: Scratch) -> None:
    circle: list[Any] = [begun(connection, scratch)]
    circle.append(circle)
    del circle
    gc.collect()


def by_another_thread(connection: Connection, scratch: Scratch) -> None:
    parts = begun(connection, scratch)
    thread = threading.Thread(target=parts.close)  # type: ignore[attr-defined]
    thread.start()
    thread.join()


WAYS = [by_break, by_error, by_interrupt, by_return, by_close, by_del, by_collection, by_another_thread]


@pytest.mark.parametrize("era", ["0.47"])  # one that streams: others hold the answer when the first byte comes
@pytest.mark.parametrize("leave", WAYS)
def test_an_iterator_that_is_left(
    box: Box, connection: Connection, scratch: Scratch, leave: Callable[[Connection, Scratch], None]
) -> None:
    leave(connection, scratch)
    assert eventually(lambda: not runs(scratch)), "the statement still runs on the server"
    assert [one.name for one in threading.enumerate() if one.name.startswith("insight_frames")] == []
    assert len(connection._http._places._taken) == 0
    assert connection.read_sql("select 1 as one")["one"].item() == 1


@pytest.mark.parametrize("era", ["0.47"])
def test_one_that_was_never_begun_has_sent_nothing(box: Box, connection: Connection) -> None:
    parts = chunks(connection)
    assert box.requests == []
    del parts
    assert box.requests == []


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_through_a_gateway(box: Box, through, scratch: Scratch, pems: Path, encrypted: bool) -> None:
    with gateway(box.url, tls=server_context(pems) if encrypted else None) as way:
        by_break(through(way.url, verify=pems / "ca.pem"), scratch)
        assert eventually(lambda: not runs(scratch))
        assert eventually(lambda: way.open == 0)


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_cell_of_a_notebook_is_interrupted(box: Box, scratch: Scratch, chunked: bool) -> None:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        who = f"{box.url!r}, username={box.username!r}, password={box.password!r}"
        client.execute(f"import time, insight_frames as ifr\nconnection = ifr.connect({who})")
        chunks = "for part in ifr.read_table('s_scratch', 'left_early', chunksize=1000): time.sleep(60)"
        client.execute(chunks if chunked else "ifr.read_sql('select t, pg_sleep(60)::text from s_scratch.left_early')")
        assert eventually(lambda: bool(scratch.run(HELD_UP)), 60)
        manager.interrupt_kernel()
        assert eventually(lambda: not runs(scratch))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
