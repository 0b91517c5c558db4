"""Signed embedding and public links: what a token allows, once an administrator has switched embedding on.

Everything is told by plain text with status 400. A token is checked first (its algorithm, the key that signed it, its
end), then the switches, then its parameters; the rows come as to the card itself, but what fails is not told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from dataclasses import replace
from typing import Any

from . import dataset, exports, replies
from .access import Refused, api, not_found
from .app import App, Reply, Request
from .examples import kept
from .query import Context

_LEEWAY = 60  # seconds that clocks may differ
_FAILED = {"status": "failed", "error": "An error occurred while running the query.", "error_type": "invalid-query"}
_SHOWN = ("cols", "rows", "insights", "results_timezone", "rows_truncated")
_MARK = re.compile(r'"\\u0001(.*?)"')


def switched_on(app: App) -> bool:
    """Whether an administrator has switched embedding on."""
    return bool(app.store["settings"].get("enable_embedding"))


def _refused(said: str) -> Refused:
    return Refused(replies.text(said, 400))


# ------------------------------------------------------------------------------------------------ tokens
def _part(text: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None


def _claims(app: App, token: str) -> dict[str, Any]:
    """What a token says, if the secret key has signed it and it has not expired."""
    head, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    header = _part(head)
    algorithm = header.get("alg") if isinstance(header, dict) else "?"
    if algorithm in (None, "none"):
        raise _refused("JWT is missing `alg`." if algorithm is None else "JWT `alg` cannot be `none`.")
    key = app.store["settings"].get("embedding_secret_key")
    if not key:
        raise _refused("The embedding secret key has not been set.")
    made = hmac.new(str(key).encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    claims = _part(body)
    same = hmac.compare_digest(base64.urlsafe_b64encode(made).rstrip(b"=").decode(), signature)
    if algorithm != "HS256" or not same or not isinstance(claims, dict):
        raise _refused("Message seems corrupt or manipulated.")
    end = claims.get("exp")
    if end is not None and int(end) + _LEEWAY <= time.time() + app.store["settings"].get("embedding_ahead", 0):
        raise _refused(f"Token is expired ({int(end)}).")
    return claims


def _claim(claims: dict[str, Any], *way: str) -> Any:
    found: Any = claims
    for key in way:
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        raise _refused(f"Token is missing value for keypath [:{' :'.join(way)}]")
    return found


def _card(app: App, claims: dict[str, Any]) -> dict[str, Any]:
    number = _claim(claims, "resource", "question")
    if not switched_on(app):
        raise _refused("Embedding is not enabled.")
    card = kept(app).get(number)
    if card is None:
        raise not_found()
    if not card.get("enable_embedding"):
        raise _refused("Embedding is not enabled for this object.")
    return card


# ------------------------------------------------------------------------------------------------ parameters
def _values(card: dict[str, Any], claims: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The values of a card's parameters: locked ones from the token, enabled ones from it or the address."""
    signed = _claim(claims, "params")
    statuses = card.get("embedding_params") or {}
    for name, status in statuses.items():
        if status == "disabled" and (name in signed or name in given):
            raise _refused(f"You're not allowed to specify a value for :{name}.")
        if status == "enabled" and name in signed and name in given:
            raise _refused(f"You can't specify a value for :{name} if it's already set in the JWT.")
        if status == "locked" and name not in signed:
            raise _refused(f"You must specify a value for :{name} in the JWT.")
        if status == "locked" and name in given:
            raise _refused(f"You can only specify a value for :{name} in the JWT.")
    for name in [*signed, *given]:
        if name not in statuses:
            raise _refused(f"Unknown parameter :{name}.")
    return {**given, **signed}


def _tags(card: dict[str, Any]) -> dict[str, Any]:
    native = card["dataset_query"].get("native") or {}
    tags: dict[str, Any] = native.get("template-tags") or native.get("template_tags") or {}
    return tags


def _asked(card: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    parameters = []
    for name, tag in _tags(card).items():
        if values.get(name) not in (None, ""):
            field_filter = tag.get("type") == "dimension"
            kind = {"text": "category", "date": "date/single"}.get(tag.get("type"), tag.get("type"))
            kind = (tag.get("widget-type") or "category") if field_filter else kind
            target = ["dimension" if field_filter else "variable", ["template-tag", name]]
            parameters.append({"type": kind, "target": target, "value": values[name]})
    return {**card["dataset_query"], "parameters": parameters}


# ------------------------------------------------------------------------------------------------ answers
def _stranger(req: Request) -> Request:
    """The request of nobody in particular, who may have the rows of this card."""
    headers = {name: value for name, value in req.headers.items() if name != "accept-encoding"}
    return replace(req, headers=headers, user={"id": 0, "is_superuser": True, "native": True})


def _read(reply: Reply) -> tuple[str, Any]:
    """The text of an answer and its JSON, in which numbers keep their digits."""
    body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
    text = body.decode("utf-8")
    try:
        return text, json.loads(text, parse_float=lambda digits: f"\x01{digits}")
    except ValueError:
        return text, None


def _interactive(app: App, req: Request, asked: dict[str, Any], context: Context) -> Reply:
    reply = dataset.answer(app, _stranger(req), asked, context)
    _, node = _read(reply)
    shown: dict[str, Any] = dict(_FAILED)
    if isinstance(node, dict) and node.get("status") == "completed":
        data = {key: node["data"][key] for key in _SHOWN if key in node["data"]}
        shown = {"data": data, "json_query": {}, "status": "completed"}
    text = _MARK.sub(r"\1", replies.to_json(shown).decode("utf-8"))
    return Reply(reply.status, text.encode("utf-8"), reply.headers, chunked=True)


def _file(app: App, req: Request, asked: dict[str, Any], fmt: str, context: Context) -> Reply:
    reply = exports.answer(app, _stranger(req), asked, fmt, context)
    if fmt == "xlsx":
        return reply
    text, node = _read(reply)
    if reply.status >= 400 or isinstance(node, dict):
        body = replies.to_json(_FAILED) if app.era >= 35 else _FAILED["error"].encode()
        return Reply(reply.status, body, reply.headers, chunked=True)
    return Reply(reply.status, text.encode("utf-8"), reply.headers, chunked=True)


@api("GET", r"/api/embed/card/([^/]*)", anonymous=True)
def card(app: App, req: Request, match: Any) -> Reply:
    """What a frame around the question needs to know."""
    found = _card(app, _claims(app, match[1]))
    open_ = [name for name, status in (found.get("embedding_params") or {}).items() if status == "enabled"]
    shown = {key: found[key] for key in ("id", "name", "description", "display", "visualization_settings")}
    tags = {name: tag for name, tag in _tags(found).items() if name in open_}
    shown["parameters"] = [{"id": tag.get("id"), "slug": name, "name": tag.get("display-name")}
                           for name, tag in tags.items()]  # fmt: skip
    kind = found["dataset_query"].get("type")
    shown["dataset_query"] = {"type": kind, **({"native": {"template-tags": tags}} if kind == "native" else {})}
    return replies.data(shown)


@api("GET", r"/api/embed/card/([^/]*)/query(?:/(csv|json|xlsx))?", anonymous=True)
def rows(app: App, req: Request, match: Any) -> Reply:
    """The rows, as to a person or as a file."""
    claims = _claims(app, match[1])
    found = _card(app, claims)
    paging = ("limit", "offset", "page") if app.era >= 40 else ()
    given = {name: value for name, value in req.query.items() if name not in paging}
    asked = _asked(found, _values(found, claims, given))
    stem = re.sub(r"[^a-z0-9]", "_", str(found["name"]).lower()) if app.era >= 41 else "query_result"
    context = Context("embedded-question", found["id"], stem)
    if match[2] is None:
        return _interactive(app, req, asked, context)
    return _file(app, req, asked, match[2], context)


@api("GET", r"/api/embed/dashboard/([^/]*).*", anonymous=True)
def dashboard(app: App, req: Request, match: Any) -> Reply:
    """There are no dashboards here."""
    _claim(_claims(app, match[1]), "resource", "dashboard")
    if not switched_on(app):
        raise _refused("Embedding is not enabled.")
    raise not_found()


@api("GET", r"/api/public/(?:card|dashboard)/.*", anonymous=True)
def public(app: App, req: Request, match: Any) -> Reply:
    """Public links say nothing about why they do not work."""
    if app.era >= 47:
        return replies.data("An error occurred.", 400)
    return replies.text("An error occurred.", 400)
