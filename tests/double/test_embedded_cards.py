"""What the double answers to signed tokens, as real servers' own tests have it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from inprocess import Inside

KEY = "ab" * 32
Get = Callable[[str], Inside]


def part(node: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(node).encode()).rstrip(b"=").decode()


def token(claims: dict[str, Any], key: str = KEY, **header: Any) -> str:
    text = f"{part({'alg': 'HS256', 'typ': 'JWT', **header})}.{part(claims)}"
    made = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def of(number: int, **params: Any) -> dict[str, Any]:
    return {"resource": {"question": number}, "params": params}


@pytest.fixture
def embedding(inside: Get, request: pytest.FixtureRequest) -> Any:
    """The double of 0.31 or 0.47 with embedding switched on, and a question in it."""
    box = inside(request.param)
    box.app.store["settings"] |= {"enable_embedding": True, "embedding_secret_key": KEY}
    tags = {"n": {"id": "1", "name": "n", "display-name": "N", "type": "number"}}
    native = {"query": 'SELECT count(*) AS "Count", 1.10 AS x WHERE true [[AND {{n}} = 1]]', "template-tags": tags}
    body = {"name": "One", "display": "table", "visualization_settings": {},
            "dataset_query": {"database": 1, "type": "native", "native": native}}  # fmt: skip
    number = box.ask("POST", "/api/card", body)["id"]
    box.ask("PUT", f"/api/card/{number}", {"enable_embedding": True, "embedding_params": {"n": "enabled"}})
    yield box, number
    box.reply("DELETE", f"/api/card/{number}")
    box.app.store["settings"] |= {"enable_embedding": False, "embedding_secret_key": None}


BOTH = pytest.mark.parametrize("embedding", ["0.31", "0.47"], indirect=True)


@BOTH
def test_rows(embedding: tuple[Inside, int]) -> None:
    box, number = embedding
    path = f"/api/embed/card/{token(of(number))}"
    assert box.reply("GET", f"{path}/query/csv", who=None)[1] == "Count,x\n1,1.10\n"
    assert box.reply("GET", f"{path}/query/csv?n=2", who=None)[1] == "Count,x\n0,1.10\n"
    status, text = box.reply("GET", f"{path}/query", who=None)
    assert (status, text.strip()[:1]) == (200 if box.era < 34 else 202, "{")
    told = json.loads(text, parse_float=str)
    assert (told["data"]["rows"], told["json_query"], told["status"]) == ([[1, "1.10"]], {}, "completed")
    assert set(told["data"]) <= {"cols", "rows", "insights", "results_timezone", "rows_truncated"}
    shown = json.loads(box.reply("GET", path, who=None)[1])
    assert (shown["name"], [one["slug"] for one in shown["parameters"]]) == ("One", ["n"])


@BOTH
def test_refusals(embedding: tuple[Inside, int]) -> None:
    box, number = embedding
    for text, said in (
        (token(of(number), "cd" * 32), "Message seems corrupt or manipulated."),
        (token(of(number)) + "x", "Message seems corrupt or manipulated."),
        (token(of(number), alg="none"), "JWT `alg` cannot be `none`."),
        (token({**of(number), "exp": 1546300800}), "Token is expired (1546300800)."),
        (token({"resource": {"question": number}}), "Token is missing value for keypath [:params]"),
        (token({"params": {}}), "Token is missing value for keypath [:resource :question]"),
        (token(of(number, z=1)), "Unknown parameter :z."),
    ):
        assert box.reply("GET", f"/api/embed/card/{text}/query", who=None) == (400, said)
    assert box.reply("GET", f"/api/embed/card/{token(of(999))}/query", who=None)[0] == 404
    dashboard = token({"resource": {"dashboard": 1}, "params": {}})
    assert box.reply("GET", f"/api/embed/dashboard/{dashboard}", who=None)[0] == 404
    assert box.reply("PUT", f"/api/card/{number}", {"enable_embedding": False}, "reader")[0] == 403


@BOTH
def test_a_failure_is_not_told(embedding: tuple[Inside, int]) -> None:
    box, number = embedding
    native = {"query": "SELECT nowhere", "template-tags": {}}
    box.ask("PUT", f"/api/card/{number}", {"dataset_query": {"database": 1, "type": "native", "native": native}})
    for form in ("", "/csv", "/json"):
        text = box.reply("GET", f"/api/embed/card/{token(of(number))}/query{form}", who=None)[1]
        assert "nowhere" not in text
        assert "An error occurred while running the query." in text
