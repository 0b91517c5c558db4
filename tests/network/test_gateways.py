"""What stands before a server: a gateway that wants a header, a path of its own, redirects; secrets go nowhere else."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from gateway import gateway, says

from insight_frames import Connection, InsightError, InvalidInput, ServerUnavailable
from insight_frames.sandbox import Box

TWO = pytest.mark.parametrize("era", ["0.31", "0.47"])
ONE = pytest.mark.parametrize("era", ["0.47"])
CANARY = "qx" + "7zw9"
EXPORT, LOGIN = "POST /api/dataset/json", "POST /api/session"


def ask(connection: Connection) -> int:
    return int(connection.read_sql("select 41 + 1 as n")["n"].item())


# ------------------------------------------------------------------ headers
@ONE
def test_a_gateway_that_wants_a_header(box: Box, through, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with gateway(box.url, demanded=("X-Gateway", CANARY)) as way:
        connection = through(way.url, headers={"x-gateway": CANARY, "User-Agent": "a study"})
        assert ask(connection) == 42
        assert connection.whoami()["username"] == box.username
        connection.logout()
        assert {one.headers.get("x-gateway") for one in way.seen} == {CANARY}
        assert {one.headers.get("user-agent") for one in way.seen} == {"a study"}
        refused = through(way.url, headers={"X-Gateway": f"{CANARY}-wrong"})
        with pytest.raises(ServerUnavailable, match="an HTML page with status 401") as caught:
            ask(refused)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    while "insight_frames" not in shown.stack[0].filename:
        shown.stack.pop(0)  # the test's own variables
    said = ["".join(shown.format()), repr(refused), repr(vars(refused._http)), repr(vars(connection)), caplog.text]
    assert not [one for one in said if CANARY in one]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X-Metabase-Session": CANARY}, "headers holds 'X-Metabase-Session'.*Try: session_id="),
        ({"X-API-Key": CANARY}, "headers holds 'X-API-Key'.*Try: api_key="),
        ({"content-length": CANARY}, "headers holds 'content-length', which is set for each request"),
        ({"Accept-Encoding": "br"}, "which is set for each request"),
        ({"X-Gateway": f"{CANARY}\r\nX: y"}, "headers holds a value that cannot be sent for 'X-Gateway'"),
        ({"X-Gateway": f"{CANARY}\u20ac"}, "a text of one line in Latin-1"),
        ({"X-Gateway": 7}, "headers holds a value that cannot be sent"),
        ({"X Gateway": CANARY}, "headers holds a name that is none"),
        ({"": CANARY}, "headers holds a name that is none"),
        ({7: CANARY}, "headers holds a name that is none"),
        ([("X-Gateway", "x")], "headers cannot be meant"),
    ],
)
def test_headers_that_cannot_be_meant(headers: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        Connection("http://127.0.0.1:9", username="a", password="b", headers=headers)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown.stack.pop(0)
    assert CANARY not in "".join(shown.format())


# ------------------------------------------------------------------ a path of its own
@TWO
@pytest.mark.parametrize("tail", ["", "/", "/api/", "/?x=1#/dashboard/7"])
def test_a_server_under_a_path(box: Box, through, tail: str) -> None:
    with gateway(box.url, prefix="/insight/prod") as way:
        connection = through(f"{way.url}/insight/prod{tail}")
        assert ask(connection) == 42
        assert len(connection.read_table("s_cardio3prod", "site")) == 5
        assert connection.url == f"{way.url}/insight/prod"
        assert connection.logout()
        assert {one.split(" ")[1].startswith("/insight/prod/api/") for one in way.requests} == {True}
        with pytest.raises(ServerUnavailable, match="an HTML page with status 404"):
            ask(through(f"{way.url}/insight"))


# ------------------------------------------------------------------ redirects
def moved(status: int, location: str) -> Any:
    return says(status, "", f"Location: {location}")


@ONE
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["/api/session ", "/api/database", "/api/dataset"])
def test_a_redirect_is_told_and_nothing_sent_on(box: Box, through, status: int, where: str) -> None:
    with gateway(box.url) as elsewhere, gateway(box.url, only=where) as way:
        way.script.append(moved(status, f"{elsewhere.url}/api/session?token={CANARY}"))
        with pytest.raises(
            ServerUnavailable, match=rf"redirects .*status {status} to http://127\.0\.0\.1:\d+\."
        ) as caught:
            ask(through(way.url))
        assert elsewhere.seen == []
        assert where.strip() in way.seen[-1].line
        assert CANARY not in str(caught.value)


@ONE
@pytest.mark.parametrize(
    ("location", "message"),
    [
        (
            "https://insight.test/api/session",
            r"to https://insight\.test\. Try: connect to the same address with https://",
        ),
        (
            "https://insight.test:8443/x",
            r"to https://insight\.test:8443\. Try: connect to the same address with https://",
        ),
        ("https://ann:canary@login.test/?canary", r"to https://login\.test\. Try: .*a gateway's sign-in, headers="),
        ("/insight/api/session", r"to http://insight\.test\. Try: connect to the address as the browser shows it"),
        ("//login.test/", r"to http://login\.test\. Try"),
        ("http://[canary", "to no address. Try: check the URL"),
        ("http://x:canary/", "to no address. Try: check the URL"),
    ],
)
def test_where_a_redirect_points(box: Box, through, location: str, message: str) -> None:
    with gateway(box.url, forward=True, script=[moved(302, location)]) as way:
        connection = through("http://insight.test", allow_http=True, proxies=way.url)
        with pytest.raises(ServerUnavailable, match=message) as caught:
            ask(connection)
        assert len(way.seen) == 1
        assert "canary" not in str(caught.value)


# ------------------------------------------------------------------ unencrypted
@ONE
@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({}, "password"),
        ({"session_id": "0123"}, "session"),
        ({"username": None, "password": None, "session_id": "0123"}, "session"),
        ({"username": None, "password": None, "api_key": "mb_0123"}, "API key"),
    ],
)
def test_nothing_secret_travels_unencrypted(box: Box, through, given: dict[str, Any], what: str) -> None:
    with gateway(box.url, forward=True) as way:
        asked = {"proxies": way.url, "headers": {"X-Gateway": CANARY}, "keep_session": False}
        for question in (Connection.list_schemas, Connection.whoami, ask):
            with pytest.raises(InvalidInput, match=rf"The {what} would travel unencrypted.*https://.*allow_http=True"):
                question(through("http://insight.test", **asked, **given))
        assert way.seen == []
        if what == "session":
            with pytest.raises(InvalidInput, match="The session would travel unencrypted"):
                through("http://insight.test", **asked, **given).logout()
        assert way.seen == []
        told = through("http://insight.test", allow_http=True, **asked, **given)
        if "username" in given:
            with pytest.raises(InsightError):
                ask(told)
        else:
            assert ask(told) == 42
        assert way.seen
