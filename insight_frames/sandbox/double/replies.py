"""The few ready-made answers that every area gives, in Metabase's own framing: JSON with a length, plain text in
chunks.
"""

from __future__ import annotations

import json
from typing import Any

from .app import Reply

JSON_TYPE = "application/json;charset=utf-8"


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8, non-ASCII as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def data(value: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Reply:
    """A JSON answer."""
    return Reply(status, to_json(value), [*(headers or []), ("Content-Type", JSON_TYPE)])


def text(message: str, status: int) -> Reply:
    """A plain text answer."""
    return Reply(status, message.encode("utf-8"), [("Content-Type", "text/plain")], chunked=True)


def errors(status: int = 400, **fields: str) -> Reply:
    """The complaint about fields of a request."""
    return data({"errors": fields}, status)


_SAYS = {
    "string": "value must be a non-blank string.",
    "integer": "value may be nil, or if non-nil, value must be an integer.",
}


def _shown(value: Any) -> str:
    if value is None:
        return "nil"
    return json.dumps(value, ensure_ascii=False)


def invalid(era: int, name: str, value: Any, wanted: str) -> Reply:
    """A parameter of the wrong kind ("string": not blank, "integer": or nothing); from 0.49 on with the particulars."""
    if era < 49:
        return errors(400, **{name: _SAYS[wanted]})
    if wanted == "integer":
        return data(
            {
                "errors": {name: "nullable integer"},
                "specific-errors": {name: [f"should be an integer, received: {_shown(value)}"]},
            },
            400,
        )
    found = [f"non-blank string, received: {_shown(value)}"]
    if not isinstance(value, str):
        found.insert(0, f"should be a string, received: {_shown(value)}")
    elif not value:
        found.insert(0, f"should be at least 1 characters, received: {_shown(value)}")
    return data({"errors": {name: _SAYS[wanted]}, "specific-errors": {name: found}}, 400)


def exception(message: str, status: int = 500, extra: dict[str, Any] | None = None, java: str = "") -> Reply:
    """An exception as the middleware writes it out."""
    kind = java or "clojure.lang.ExceptionInfo"
    first = {"type": kind, "message": message, **({"data": extra} if extra else {}), "at": []}
    body: dict[str, Any] = {"via": [first], "trace": [], "cause": message}
    if extra:
        body["data"] = extra
    body["message"] = message
    body.update({key: value for key, value in (extra or {}).items() if key != "status-code"})
    return data(body, status)


def nothing() -> Reply:
    """204."""
    return Reply(204)


def unauthenticated() -> Reply:
    """Nobody is logged in."""
    return text("Unauthenticated", 401)


def forbidden() -> Reply:
    """Logged in, not allowed."""
    return text("You don't have permissions to do that.", 403)


def not_found() -> Reply:
    """No such thing, or not for this user."""
    return text("Not found.", 404)


def no_endpoint() -> Reply:
    """No such route."""
    return data("API endpoint does not exist.", 404)
