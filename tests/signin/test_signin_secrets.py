"""A password, a session's id and a key stand in no repr, pickle, log or traceback, not even among local variables."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from guideserver import Guide, guide

from insight_frames import Connection, InsightError, connect
from insight_frames.credentials import Hidden, Secret, find, hide
from insight_frames.wire import patience

CANARY = "qx" + "7zw9"  # never as such in the source, whose lines a traceback shows


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """All that was said in the test; ends with the search for the canary."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    yield said
    said += [record.getMessage() + repr(record.args) for record in caplog.records]
    assert not [one for one in said if CANARY in one]


def failing(said: list[str], ask: Callable[[], Any], error: type[BaseException] = InsightError) -> None:
    with pytest.raises(error) as caught:
        ask()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    while shown.stack and "insight_frames" not in shown.stack[0].filename:
        shown.stack.pop(0)  # the test's own variables
    said.append("".join(shown.format()))


def test_objects() -> None:
    secret = Secret(CANARY)
    connection = Connection("http://x", username="a", password=CANARY, keep_session=False)
    keyed = Connection("http://x", api_key=CANARY, keep_session=False)
    given = Connection("http://x", session_id=CANARY, keep_session=False)
    shown = [repr(one) + str(one) for one in (secret, connection, keyed, given, Hidden(a=CANARY), [secret])]
    shown += [repr(vars(one._session)) + repr(vars(one._session._gate)) for one in (connection, keyed, given)]
    shown.append(repr(find("http://x", username="a", password=CANARY)))
    shown.append(f"{secret!s} {secret!r} {secret}")
    assert not [one for one in shown if CANARY in one]
    for one in (secret, connection, connection._session._credentials):
        for travel in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled"):
                travel(one)
    assert hide(secret) is secret
    assert hide(None) is None
    assert secret == Secret(CANARY) != Secret("other")
    assert secret != CANARY


def test_arguments_that_cannot_be_meant(told: list[str], home: Path) -> None:
    for wrong in ({"url": "nonsense"}, {"profile": "none"}, {"api_key": "k"}, {"timeout": -1}, {"username": 7}):
        arguments = {"url": "http://x", "username": "a", "password": CANARY} | wrong
        failing(told, lambda arguments=arguments: Connection(**arguments))
        failing(told, lambda arguments=arguments: connect(**arguments))


def test_a_login_that_fails(told: list[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    failing(told, lambda: Connection("http://127.0.0.1:9", username="a", password=CANARY).list_schemas())
    failing(told, lambda: Connection("http://198.51.100.7", username="a", password=CANARY).list_schemas())
    failing(told, lambda: Connection("http://127.0.0.1:9", api_key=CANARY).list_schemas())
    failing(told, lambda: Connection("http://127.0.0.1:9", session_id=CANARY).list_schemas())


def test_a_request_that_fails(told: list[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guide() as server:
        monkeypatch.setattr(Guide, "answer", leaking)
        session = Connection(server.url, username="a", password=f"{CANARY}-word")._session
        assert session.get("/api/x") == 1
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    failing(told, lambda: session.get("/api/x"))
    failing(told, lambda: session.export("/api/dataset/json", {}))
    failing(told, session.end)
    told.append(repr(vars(session)))


def leaking(self: Guide, request: str, session: str | None) -> tuple[int, Any]:
    return 200, {"id": f"{CANARY}-session"} if request == "POST /api/session" else 1


def test_ctrl_c_in_the_middle(told: list[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(socket.socket, "sendall", interrupted)
    with guide() as server:
        asked = Connection(server.url, username="a", password=CANARY)
        failing(told, asked.list_schemas, KeyboardInterrupt)
        failing(told, Connection(server.url, api_key=CANARY).list_schemas, KeyboardInterrupt)
        monkeypatch.undo()
