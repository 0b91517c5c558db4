"""Exports in gzip: the same frames, every break noticed, and "auto" does what the link is like."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd
import pytest
from sandboxes import Boxes, Connect

from insight_frames import Connection, IncompleteResult, InvalidInput, QueryFailed
from insight_frames.sandbox import Box
from insight_frames.wire.http import Http

PROD = "s_cardio3prod"
SQL = "select i, repeat(md5(i::text), 20) as t from generate_series(1, 3000) i order by i"
GZIPS = {("0.31", "auto"), ("0.31", "plain"), ("0.47", "auto"), ("0.47", "plain"), ("0.49", "auto"), ("0.49", "plain")}


@pytest.fixture(params=["auto", "plain"], ids=["packed", "plain"])
def path(request: pytest.FixtureRequest) -> str:
    """Both ways through Metabase: this is about its HTTP."""
    return str(request.param)


def test_the_same_frames(connect: Connect, path: str, era: str) -> None:
    expected, packed = (connect(path=path, compression=one) for one in ("identity", "gzip"))
    for ask in (lambda c: c.read_table(PROD, "item_data", limit=4000), lambda c: c.read_sql(SQL)):
        plain, frame = ask(expected), ask(packed)
        pd.testing.assert_frame_equal(plain, frame)
        assert plain.attrs["insight"]["compression"] == "identity"
        # 0.34 does not compress an answer of status 202; asking for gzip is no more than a wish
        assert frame.attrs["insight"]["compression"] == ("gzip" if (era, path) in GZIPS else "identity")


@pytest.mark.parametrize("era", ["0.47"])
def test_chunks_tell_it_too(connect: Connect) -> None:
    parts = list(connect(compression="gzip").read_table(PROD, "item", chunksize=100))
    assert {one.attrs["insight"]["compression"] for one in parts} == {"gzip"}


@pytest.mark.parametrize("era", ["0.47", "0.31"])
@pytest.mark.parametrize("clean", [True, False], ids=["ended", "broken"])
def test_wherever_it_ends_early_nothing_is_returned(box: Box, connect: Connect, path: str, clean: bool) -> None:
    connection = connect(path=path, compression="gzip")
    right = connection.read_table(PROD, "item")
    http, sizes = connection._http, []
    post = http.post_query

    def seen(*args: Any, **more: Any) -> Any:
        answer = post(*args, **more)
        assert answer.compression == "gzip"
        sizes.append(len(b"".join(iter(lambda: answer._sender.read(1 << 20), b""))))
        return answer

    http.post_query = seen  # type: ignore[method-assign]
    with pytest.raises(IncompleteResult):
        connection.read_table(PROD, "item")
    http.post_query = post  # type: ignore[method-assign]
    size = sizes[0]
    for place in (1, 10, size // 3, size // 2, size - 100):  # the moment in the answer packs to some bytes more or less
        box.fault(kind="cut_after_bytes", bytes=place, clean=clean, path="/api/dataset/json")
        with pytest.raises(IncompleteResult):
            connection.read_table(PROD, "item")
    pd.testing.assert_frame_equal(connection.read_table(PROD, "item"), right)


@pytest.mark.parametrize("era", ["0.47", "0.49"])
def test_an_error_behind_rows_is_told(connect: Connect, path: str) -> None:
    late = "select 1 / (4000 - i) as q, repeat('x', 100) as t from generate_series(1, 5000) i"
    with pytest.raises(QueryFailed, match="division by zero") as caught:
        connect(path=path, compression="gzip").read_sql(late)
    assert caught.value.sqlstate == "22012"


@pytest.mark.parametrize("era", ["0.47"])
def test_auto_asks_a_slow_link_for_gzip(boxes: Boxes, connect: Connect) -> None:
    box = boxes.beside()
    with box:
        account = box.accounts["analyst"]
        box.throttle(1.25e6)  # 10 Mbit/s
        with Connection(box.url, username=account.username, password=account.password) as slow:
            first = slow.read_table(PROD, "item_data", limit=5000)
            assert first.attrs["insight"]["compression"] == "gzip"  # the catalogue's answer has told
        plain = connect(compression="identity").read_table(PROD, "item_data", limit=5000)
        pd.testing.assert_frame_equal(first, plain)


@pytest.mark.parametrize("era", ["0.47"])
def test_auto_asks_a_fast_link_plainly(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect()
    monkeypatch.setattr("insight_frames.wire.compression.CLEARLY_SLOW", 1.0)  # however busy this machine is
    monkeypatch.setattr("insight_frames.wire.compression.SLOW", 1.0)
    for _ in range(2):
        assert connection.read_table(PROD, "item_data").attrs["insight"]["compression"] == "identity"


@pytest.mark.parametrize("era", ["0.47"])
def test_what_cannot_be_meant(connect: Connect) -> None:
    with pytest.raises(InvalidInput, match="compression is not known"):
        connect(compression="brotli")


# ------------------------------------------------------------------ connections
@pytest.fixture
def keeper() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """A server that never closes a connection, whatever it was asked; gives its requests with the caller's port."""
    seen: list[tuple[str, int]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((f"{self.command} {self.path}", self.client_address[1]))
            self.close_connection = False
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_export_has_a_connection_of_its_own(keeper: tuple[str, list[tuple[str, int]]]) -> None:
    url, seen = keeper
    http = Http(url)

    def export(_: int) -> str:
        with http.post_query("/api/dataset/json", {}) as answer:
            return answer.text()

    assert [export(0) for _ in range(5)] == ["[]"] * 5
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(export, range(20))) == ["[]"] * 20
    assert len({port for _, port in seen}) == 25
    seen.clear()
    for _ in range(5):
        http.get("/api/database").json()
    assert len({port for _, port in seen}) == 1  # what the server answers at once may share one
    http.close()


@pytest.mark.parametrize("left_out", [False, True])
def test_the_environments_proxy_is_used(
    keeper: tuple[str, list[tuple[str, int]]], monkeypatch: pytest.MonkeyPatch, left_out: bool
) -> None:
    url, seen = keeper
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9" if left_out else url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1" if left_out else "")
    http = Http(url if left_out else "http://insight.invalid")
    with http.post_query("/api/dataset/json", {}) as answer:
        assert answer.text() == "[]"
    http.get("/api/database").json()
    http.close()
    base = "" if left_out else "http://insight.invalid"
    assert [one for one, _ in seen] == [f"POST {base}/api/dataset/json", f"GET {base}/api/database"]
