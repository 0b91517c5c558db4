"""A server that is not there, is something else, is too old, or lets nobody in: what is said, and what was sent."""

from __future__ import annotations

import json
import socket
import time

import pytest
from otherservers import LOGIN, metabase, serving
from sandboxes import Boxes, Connect

from insight_frames import (
    Connection,
    DatabaseNotFound,
    InvalidInput,
    LoginRefused,
    LoginThrottled,
    PermissionDenied,
    ServerUnavailable,
    SessionExpired,
    UnsupportedServer,
    connect,
)
from insight_frames.sandbox import Box

WHO = {"username": "ann@example.com", "password": "canary-password"}
PAGE = "<!DOCTYPE html><html><title>canary</title></html>"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("acme.insight.example", r"not one of a web server; expected https://.*, got no scheme"),
        ("ftp://acme.example", r"got scheme 'ftp'"),
        ("", "no server to connect to"),
        ("http://", "not one of a web server"),
        ("http://[bad", "not one of a web server"),
        ("http://host:port/", "not one of a web server"),
        ("https://ann:canary@acme.example", r"holds a user name or password. Try: username="),
        (7, "not one of a web server"),
    ],
)
def test_a_url_that_is_none(url: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        connect(url)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("tail", ["/", "/api", "/api/", "/?x=canary", "/#/dashboard/1"])
def test_a_url_as_copied_from_a_browser(tail: str) -> None:
    assert Connection("https://acme.example/insight" + tail, **WHO).url == "https://acme.example/insight"


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    connection = Connection(f"http://127.0.0.1:{port}", **WHO, timeout=2)
    with pytest.raises(
        ServerUnavailable, match=rf"cannot be reached \(POST /api/session at http://127\.0\.0\.1:{port}\)"
    ) as caught:
        connection.list_schemas()
    assert isinstance(caught.value, ConnectionError)
    assert "Try: check the URL and the network" in str(caught.value)


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(ServerUnavailable, match="cannot be reached"):
        Connection("https://no-such-host.invalid", **WHO).list_schemas()


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ((200, PAGE), "does not answer like Metabase|brought no session"),
        ((404, PAGE), "does not answer like Metabase.*got an HTML page with status 404.*Try: check the URL"),
        ((404, {"detail": "Not Found"}), "does not answer like Metabase"),
        ((404, "Not found."), "does not answer like Metabase"),
        ((405, {"detail": "canary"}), "not Metabase's.*status 405|does not answer like Metabase"),
        ((200, {"hello": "canary"}), "brought no session.*expected an id"),
        ((200, ["canary"]), "brought no session"),
        ((403, PAGE), "does not answer like Metabase"),
        ((500, {"message": "canary"}), "not Metabase's.*status 500"),
        ((502, PAGE), "does not answer like Metabase.*status 502"),
        ((503, "Metabase is still initializing. Please sit tight..."), "still starting.*Try: again in a minute"),
        ((429, "canary"), "not Metabase's.*status 429"),
    ],
)  # fmt: skip
def test_something_else_answers(default: tuple[int, object], message: str) -> None:
    with serving({}, default) as (url, seen):
        with pytest.raises(ServerUnavailable, match=message) as caught:
            Connection(url, **WHO).list_schemas()
        assert "canary" not in str(caught.value)
        assert seen == ["POST /api/session"]


@pytest.mark.parametrize("body", [PAGE, {"ok": True}, "canary", {"version": "canary"}, {"version": None}])
def test_something_else_answers_behind_the_login(body: object) -> None:
    answers = {**LOGIN, "GET /api/session/properties": (200, body), "GET /api/database": (200, body)}
    with serving(answers) as (url, _):
        for question in (Connection.list_schemas, lambda connection: connection.server_version):
            with pytest.raises(ServerUnavailable, match=r"does not answer like Metabase.*Try: check the URL") as caught:
                question(Connection(url, **WHO))
            assert "canary" not in str(caught.value)


@pytest.mark.parametrize("tag", ["v0.28.0", "v0.30.4", "v0.9.1"])
def test_a_metabase_that_is_too_old(tag: str) -> None:
    """It shows by its first answer: a whole catalogue, on one line."""
    settings = {"schemas": [["s_a", None]], "closed": None}
    catalogue = [{"t": "0", "n": "0", "d": json.dumps(settings)}, {"t": "9", "n": "0", "d": None}]
    listed = {"GET /api/database": (200, [{"id": 1, "name": "Insight", "engine": "postgres"}])}
    answers = metabase(tag) | listed | {"POST /api/dataset/json": (200, catalogue)}
    too_old = rf"too old; expected 0\.31 or newer, got {tag}. Try: an update"
    with serving(answers) as (url, seen), pytest.raises(UnsupportedServer, match=too_old):
        Connection(url, **WHO).list_schemas()
    assert [one.rpartition("/")[2] for one in seen] == ["session", "database", "json", "properties"]


@pytest.mark.parametrize("tag", ["vLOCAL_DEV", "?", "v1.47.2", "v0.58.0.1", "v2.0.0", "v0.49-SNAPSHOT"])
def test_a_version_nobody_knows_is_tried(tag: str) -> None:
    """Only what is known to be too old is refused; an unknown build gets as far as it answers."""
    with serving(metabase(tag), (200, PAGE)) as (url, seen):
        connection = Connection(url, **WHO)
        assert connection.server_version == tag
        with pytest.raises(ServerUnavailable, match="POST /api/dataset/json"):
            connection.list_schemas()
        assert seen[-1] == "POST /api/dataset/json"
        assert connection._source.server.streams == (tag == "v1.47.2")


DATABASES = [
    {"id": 1, "name": "Sample", "engine": "h2"},
    {"id": 2, "name": "Insight", "engine": "postgres"},
    {"id": 7, "name": "Insight archive", "engine": "postgres"},
]


def test_no_database_is_visible() -> None:
    for listed in ([], DATABASES[:1]):
        with (
            serving(metabase("v0.47.0", listed)) as (url, _),
            pytest.raises(DatabaseNotFound, match=r"No PostgreSQL database is visible; expected one.*another account"),
        ):
            Connection(url, **WHO).list_schemas()


def test_several_databases_and_none_named() -> None:
    message = r"2 PostgreSQL databases are visible; expected one, got 'Insight', 'Insight archive'\. Try: connect\("
    with serving(metabase("v0.47.0", DATABASES)) as (url, _), pytest.raises(DatabaseNotFound, match=message) as caught:
        Connection(url, **WHO).list_schemas()
    assert isinstance(caught.value, LookupError)
    assert str(caught.value) == caught.value.args[0]


def test_a_database_that_is_not_there_is_told_with_near_names() -> None:
    with serving(metabase("v0.47.0", DATABASES)) as (url, _):
        with pytest.raises(DatabaseNotFound, match=r"no PostgreSQL database 'Insigt'.*Did you mean 'Insight'"):
            Connection(url, **WHO, database="Insigt").list_schemas()
        with pytest.raises(DatabaseNotFound, match=r"'Sample'.*Try: one of these names"):
            Connection(url, **WHO, database="Sample").list_schemas()
        for wanted in (7, "7", "Insight archive"):
            assert Connection(url, **WHO, database=wanted)._source.server.database_id == 7


@pytest.mark.parametrize("era", ["0.34", "0.47"])
def test_two_databases_of_the_sandbox(boxes: Boxes, era: str) -> None:
    with boxes.beside(era, ["Insight", "Insight copy"]) as box:
        who = {"username": box.username, "password": box.password}
        with pytest.raises(DatabaseNotFound, match="2 PostgreSQL databases"):
            Connection(box.url, **who).list_schemas()
        assert len(Connection(box.url, **who, database="Insight copy").list_schemas()) == 3


def test_a_wrong_password_is_one_request(box: Box, connect: Connect) -> None:
    connection = connect(password="canary-wrong")
    message = (
        r"login was refused \(POST /api/session at .*got user name or password not accepted.*counts towards a lock"
    )
    with pytest.raises(LoginRefused, match=message) as caught:
        connection.list_schemas()
    assert [(method, path) for method, path, _ in box.requests] == [("POST", "/api/session")]
    assert "canary" not in str(caught.value)


def test_an_unknown_user_looks_the_same(connect: Connect) -> None:
    with pytest.raises(LoginRefused, match="login was refused"):
        connect(username="nobody@example.com").list_schemas()


@pytest.mark.parametrize(("given", "missing"), [({"username": "ann"}, "password"), ({}, "user name")])
def test_nothing_to_log_in_with(given: dict[str, str], missing: str) -> None:
    with serving({}) as (url, seen):
        with pytest.raises(LoginRefused, match=rf"There is no {missing} to log in with.*INSIGHT_USERNAME"):
            Connection(url, **given).list_schemas()
        assert seen == []


def test_too_many_logins(box: Box, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"username": "viewer@example.com", "password": "canary-wrong"}
    for _ in range(10):
        with pytest.raises(LoginRefused):
            connect(**wrong).list_schemas()
    throttled = connect("viewer")
    box.clear_requests()
    for _ in range(3):
        with pytest.raises(LoginThrottled, match=r"Try: again in \d+ seconds") as caught:
            throttled.list_schemas()
        assert caught.value.retry_after is not None
        assert 10 <= caught.value.retry_after <= 16
    assert len(box.requests) == 1  # what came after the first answer did not touch the network
    box.advance_clock(60)
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)  # as if a minute had passed here too
    with pytest.raises(PermissionDenied):
        throttled.read_sql("select 1 as one")  # logged in: a viewer, who may not run SQL


@pytest.mark.parametrize(
    ("errors", "seconds"),
    [
        ({"username": "Too many attempts! You must wait 15 seconds before trying again."}, 15),
        ({"username": "¡Demasiados intentos! Espere 42 segundos."}, 42),
        ({"username": "Too many attempts! Please try again later."}, None),
    ],
)
def test_throttling_as_other_versions_word_it(errors: dict[str, str], seconds: int | None) -> None:
    for status in (400, 401, 429):
        with (
            serving({"POST /api/session": (status, {"errors": errors})}) as (url, _),
            pytest.raises(LoginThrottled) as caught,
        ):
            Connection(url, **WHO).list_schemas()
        assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"errors": {"password": "did not match stored password"}}),
        (401, {"errors": {"_error": "Your account is disabled."}}),
        (401, "Password login is disabled for this instance."),
        (401, {"errors": {"password": "no coincide con la contraseña 2"}}),
    ],
)
def test_refusals_as_other_versions_word_them(answer: tuple[int, object]) -> None:
    with serving({"POST /api/session": answer}) as (url, seen), pytest.raises(LoginRefused):
        Connection(url, **WHO).list_schemas()
    assert seen == ["POST /api/session"]


def test_a_session_that_is_not_accepted_when_new_is_not_renewed() -> None:
    with serving({**LOGIN, "GET /api/database": (401, "Unauthenticated")}) as (url, seen):
        with pytest.raises(SessionExpired, match=r"session is not valid"):
            Connection(url, **WHO).list_schemas()
        assert seen == ["POST /api/session", "GET /api/database"]


def test_an_account_that_may_not_run_sql(box: Box, connect: Connect) -> None:
    viewer = connect("viewer")
    with pytest.raises(PermissionDenied, match=r"may not run SQL.*[Tt]ry: .*native queries") as caught:
        viewer.read_sql("select 1 as one")
    assert isinstance(caught.value, PermissionError)
    for path in ("packed", "plain"):
        with pytest.raises(PermissionDenied, match="may not run SQL"):
            connect("viewer", path=path).read_table("s_cardio3prod", "site")
    assert len(viewer.read_table("s_cardio3prod", "site", columns=["site_id"])) == 5


def test_a_redirect_is_told_and_not_followed() -> None:
    with serving({}, (200, PAGE)) as (elsewhere, untouched):
        answers = {"POST /api/session": (302, "")}
        with serving(answers) as (url, _), pytest.raises(ServerUnavailable, match="status 302"):
            Connection(url, **WHO).list_schemas()
        assert elsewhere
        assert untouched == []


@pytest.mark.parametrize("era", ["0.47"])
def test_a_redirect_names_where_to(box: Box, connect: Connect) -> None:
    box.fault(kind="redirect", location="https://other.example/login?token=canary")
    with pytest.raises(
        ServerUnavailable, match=r"redirects .*got status 302 to https://other\.example\. Try"
    ) as caught:
        connect().list_schemas()
    assert "canary" not in str(caught.value)
