"""The faults of a running sandbox that break answers in their middle, seen by a client that reads plain HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from sandboxes import Boxes

from insight_frames.sandbox import Box

FIVE = "select i::text as i, repeat('x', 10) as x from generate_series(0, 4) i"
WHOLE = [{"i": str(i), "x": "x" * 10} for i in range(5)]


@pytest.fixture(scope="module", params=["0.31", "0.47"])
def own(boxes: Boxes, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A double of the module's own, because it is killed."""
    with boxes.beside(request.param) as box:
        yield box


def ask(box: Box, sql: str = FIVE, **headers: str) -> HTTPResponse:
    """Log in, and ask for an export; the body is still on its way."""
    wire = HTTPConnection(urlsplit(box.url).netloc, timeout=20)
    box.advance_clock(3600)
    login = json.dumps({"username": box.username, "password": box.password})
    wire.request("POST", "/api/session", login, {"Content-Type": "application/json"})
    session = json.loads(wire.getresponse().read())["id"]
    query = json.dumps({"database": 1, "type": "native", "native": {"query": sql}})
    form = {"Content-Type": "application/x-www-form-urlencoded", "X-Metabase-Session": session, **headers}
    wire.request("POST", "/api/dataset/json", urlencode({"query": query}), form)
    return wire.getresponse()


def broken(box: Box, *faults: dict[str, Any], **headers: str) -> bytes:
    box.fault(faults=[{"path": "dataset", **one} for one in faults])
    return ask(box, **headers).read()


def test_a_cut_at_a_row(own: Box) -> None:
    whole = ask(own).read()
    assert json.loads(whole) == WHOLE
    behind = broken(own, {"kind": "cut_at_row", "row": -2, "clean": True})
    assert behind == whole[: whole.index(b'"i":"3"') + len(b'"i":"3","x":"xxxxxxxxxx"}')]
    inside = broken(own, {"kind": "cut_at_row", "row": 1, "inside": True, "clean": True})
    assert inside == whole[: len(inside)]
    assert whole.index(b'"i":"1"') < len(inside) < whole.index(b'"i":"2"')
    with pytest.raises(IncompleteRead):
        broken(own, {"kind": "cut_at_row", "row": 1})
    with pytest.raises((ConnectionResetError, IncompleteRead)):
        broken(own, {"kind": "cut_at_row", "row": 1, "reset": True})


def test_a_body_without_a_length(own: Box) -> None:
    own.fault(kind="until_close", path="dataset")
    answer = ask(own)
    assert answer.getheader("Transfer-Encoding") is None
    assert answer.getheader("Content-Length") is None
    assert json.loads(answer.read()) == WHOLE
    assert len(broken(own, {"kind": "until_close"}, {"kind": "cut_after_bytes", "bytes": 30})) == 30


def test_a_row_of_another_length(own: Box) -> None:
    shorter = broken(own, {"kind": "change_cell", "row": 1, "at": 6, "lose": 3})
    assert [len(one["x"]) for one in json.loads(shorter)] == [10, 7, 10, 10, 10]
    longer = broken(own, {"kind": "change_cell", "row": -1, "at": 2, "add": "more"})
    assert json.loads(longer)[-1]["x"] == "xxxxxxxxxxmore"


def test_gzip_without_its_trailer(own: Box) -> None:
    def packed(*faults: dict[str, Any]) -> bytes:
        own.fault(faults=[{"path": "dataset", **one} for one in faults])
        answer = ask(own, FIVE.replace("4)", "400)"), **{"Accept-Encoding": "gzip"})
        assert answer.getheader("Content-Encoding") == "gzip"
        return answer.read()

    assert packed({"kind": "no_trailer"}) == packed()[:-8]


def test_nothing_for_a_while(own: Box) -> None:
    began = time.monotonic()
    assert json.loads(broken(own, {"kind": "stall_after_bytes", "bytes": 20, "seconds": 0.3})) == WHOLE
    assert time.monotonic() - began > 0.3


def test_sessions_that_end(own: Box) -> None:
    assert broken(own, {"kind": "expire"}) == b"Unauthenticated"
    assert json.loads(broken(own, {"kind": "expire", "late": True})) == WHOLE


def test_killed_and_restarted(own: Box) -> None:
    url = own.url
    with pytest.raises((ConnectionError, IncompleteRead)):
        broken(own, {"kind": "die_after_bytes", "bytes": 20})
    own.restart()
    assert own.url == url
    assert json.loads(ask(own).read()) == WHOLE
    own.kill()
    assert not own.running
    with pytest.raises(OSError, match="refused"):
        HTTPConnection(urlsplit(url).netloc).connect()
    own.restart()
    assert json.loads(ask(own).read()) == WHOLE
