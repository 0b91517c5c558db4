"""Signed embedding: addresses that the server accepts, rows through them, and what each refusal means."""

from __future__ import annotations

import datetime as dt
import secrets
import sys
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from pandas.testing import assert_frame_equal
from sandboxes import Connect
from shelf import PARTICIPANT, Shelf, tag

import insight_frames
from insight_frames import (
    Connection,
    InvalidInput,
    LoginRefused,
    ParameterError,
    PermissionDenied,
    QueryFailed,
    QuestionNotFound,
    SessionExpired,
)

TEXT = f"""
select label, status from {PARTICIPANT} where site_id = {{{{site}}}} [[and enrollment_date >= {{{{day}}}}]]
  [[and status = {{{{status}}}}]] order by label
"""


@pytest.fixture
def key(box: Any) -> Iterator[str]:
    """The server's embedding secret key, with embedding switched on."""
    made = secrets.token_hex(32)
    box.setting(embedding_secret_key=made, enable_embedding=True)
    yield made
    box.setting(embedding_secret_key=None, enable_embedding=False, embedding_ahead=0)


@pytest.fixture
def number(shelf: Shelf, key: str) -> int:
    """A question with a locked, an editable and a disabled parameter."""
    tags = [tag("site", "number"), tag("day", "date"), tag("status", "text")]
    allowed = {"site": "locked", "day": "enabled", "status": "disabled"}
    return shelf.sql("Embedded", TEXT, *tags, enable_embedding=True, embedding_params=allowed)


@pytest.fixture
def stranger(box: Any) -> Iterator[Connection]:
    """A connection of somebody who has no account."""
    with Connection(box.url, prompt=False) as made:
        yield made


def test_rows_without_a_login(
    era: str, box: Any, connect: Connect, stranger: Connection, number: int, key: str
) -> None:
    box.clear_requests()
    found = stranger.read_embedded(number, params={"site": 3}, filters={"day": dt.date(2023, 8, 1)}, secret=key)
    assert "/api/session" not in {path for _, path, _ in box.requests}
    where = "site_id = 3 and enrollment_date >= '2023-08-01'"
    expected = connect().read_sql(f"select label, status from {PARTICIPANT} where {where} order by label")
    assert_frame_equal(found, expected)
    assert found.attrs["insight"]["path"] == "export"
    assert found.attrs["insight"]["server_version"] == connect().server_version
    parts = stranger.read_embedded(number, params={"site": 3}, secret=key, chunksize=5)
    assert [len(one) for one in parts] == [5, 5, 2]


def test_more_rows_than_the_browser_shows(era: str, stranger: Connection, shelf: Shelf, key: str) -> None:
    text = "select 't' || n as t from generate_series(1, 12000) n"
    number = shelf.sql("Many", text, enable_embedding=True)
    if era == "0.49":
        with pytest.raises(insight_frames.IncompleteResult, match="not proven"):
            stranger.read_embedded(number, secret=key)
        return
    assert len(stranger.read_embedded(number, secret=key)) == 12_000


@pytest.mark.parametrize("era", ["0.47"])
def test_the_address(box: Any, stranger: Connection, key: str) -> None:
    given = {"site": 3, "day": dt.date(2024, 1, 2), "days": (dt.date(2024, 1, 2), None), "many": ["a", "b"]}
    before = dt.datetime.now(dt.UTC)
    url = stranger.embed_url(question=7, params=given, secret=key, titled=False, expires=dt.timedelta(hours=1))
    address, _, looks = url.partition("#")
    assert address.startswith(f"{box.url}/embed/question/")
    assert looks == "bordered=true&titled=false"
    claims = jwt.decode(address.rpartition("/")[2], key, algorithms=["HS256"])
    shown = {"site": 3, "day": "2024-01-02", "days": "2024-01-02~", "many": ["a", "b"]}
    assert (claims["resource"], claims["params"]) == ({"question": 7}, shown)
    assert 3595 <= claims["exp"] - before.timestamp() <= 3605
    moment = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    token = stranger.embed_url(dashboard=2, secret=key, expires=moment).partition("#")[0].rpartition("/")[2]
    claims = jwt.decode(token, key, algorithms=["HS256"])
    assert claims == {"resource": {"dashboard": 2}, "params": {}, "exp": int(moment.timestamp())}


def test_each_refusal_says_what_it_means(era: str, stranger: Connection, number: int, key: str, shelf: Shelf) -> None:
    closed = shelf.sql("Closed", "select 1 as a")
    broken = shelf.sql("Broken", "select nowhere", enable_embedding=True)
    day = {"day": "2024-01-01"}
    cases: list[tuple[int, dict[str, Any], type[Exception], str]] = [
        (number, {}, ParameterError, "needs a signed value for 'site'"),
        (number, {"params": {"site": 3}, "filters": {"site": 3}}, ParameterError, "'site' only if it is signed"),
        (number, {"params": {"site": 3, "status": "x"}}, ParameterError, "'status': it is disabled"),
        (number, {"params": {"site": 3}, "filters": {"statos": "x"}}, ParameterError, "no parameter 'statos'"),
        (number, {"params": {"site": 3, **day}, "filters": day}, ParameterError, "'day' and one in filters="),
        (number, {"params": {"site": 3}, "filters": {"page": 1}}, ParameterError, "'page' cannot stand in an address"),
        (number, {"params": {"site": 3}, "filters": {"day": ["2024-01-01"]}}, ParameterError, "got several values"),
        (number, {"params": {"site": 3}, "secret": "0" * 64}, LoginRefused, "does not accept the embedding secret"),
        (closed, {}, PermissionDenied, f"Question {closed} is not open for embedding"),
        (999_999, {}, QuestionNotFound, "There is no question 999999"),
        (broken, {}, QueryFailed, "does not tell a token why"),
    ]
    for asked, words, error, message in cases:
        with pytest.raises(error, match=message):
            stranger.read_embedded(asked, **{"secret": key, **words})


def test_switched_off_or_too_late(era: str, box: Any, stranger: Connection, number: int, key: str) -> None:
    box.setting(embedding_ahead=3600)
    with pytest.raises(SessionExpired, match="The signed link has expired"):
        stranger.read_embedded(number, params={"site": 3}, secret=key, expires=60)
    later = dt.timedelta(days=3650)
    box.setting(enable_embedding=False)
    with pytest.raises(PermissionDenied, match="Embedding is switched off"):
        stranger.read_embedded(number, params={"site": 3}, secret=key, expires=later)
    box.setting(embedding_secret_key=None)
    with pytest.raises(PermissionDenied, match="no embedding secret key"):
        stranger.read_embedded(number, params={"site": 3}, secret=key, expires=later)


@pytest.mark.parametrize("era", ["0.47"])
def test_what_cannot_be_signed(stranger: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    key = secrets.token_hex(32)
    for words, message in (
        ({"question": 1, "secret": key[:-1]}, "no embedding secret key; expected 64 hexadecimal digits"),
        ({"question": 1, "secret": None}, "no embedding secret key"),
        ({"secret": key}, "question= or dashboard="),
        ({"question": 1, "dashboard": 1, "secret": key}, "question= or dashboard="),
        ({"dashboard": 0, "secret": key}, "by its number"),
        ({"question": 1, "secret": key, "expires": -5}, "lies in the past"),
        ({"question": 1, "secret": key, "expires": dt.datetime(2030, 1, 1)}, "without a zone"),
        ({"question": 1, "secret": key, "expires": "soon"}, "expires= cannot be meant"),
        ({"question": 1, "secret": key, "params": {"a": object()}}, "The value for 'a' cannot be sent"),
        ({"question": 1, "secret": key, "params": {"a": float("nan")}}, "The value for 'a' cannot be sent"),
        ({"question": 1, "secret": key, "params": ["a"]}, "params is not a mapping"),
    ):
        with pytest.raises(InvalidInput, match=message):
            stranger.embed_url(**words)
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(InvalidInput, match=r"PyJWT is not installed. Try: pip install 'insight-frames\[embed\]'"):
        stranger.embed_url(question=1, secret=key)


@pytest.mark.parametrize("era", ["0.47"])
def test_a_question_by_its_name(connect: Connect, number: int, key: str) -> None:
    assert len(connect().read_embedded("Embedded", params={"site": 3}, secret=key)) == 12
    assert "/embed/question/" in connect().embed_url(question="Embedded", secret=key)
