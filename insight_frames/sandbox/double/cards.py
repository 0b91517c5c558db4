"""Saved questions, answered like questions of one's own with the card's parameters.

Everybody may read and change those of the root collection; a personal collection has the number of its person, and is
closed to others. Whether the rows may be read is decided by the account that asks, when it asks.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from . import dataset, exports, replies
from .access import Refused, api, forbidden, is_admin, may_see, not_found
from .accounts import stamp
from .app import App, Reply, Request
from .examples import kept
from .legacy import question
from .people import creator
from .query import Context

_FILTERS = {
    31: "`all`, `archived`, `database`, `fav`, `mine`, `popular`, `recent`, `table`",
    47: "archived, table, using_model, bookmarked, popular, all, recent, mine, database",
    49: "archived, table, using_model, bookmarked, all, mine, database",
}
_ALLOWED = {  # parameter types that a tag of a type takes, from 0.41 on
    "number": {"number", "number/=", "category", "id"},
    "text": {"text", "string/=", "category", "id", "location/city", "location/state", "location/zip_code"},
    "date": {"date", "date/single", "date/all-options", "id", "category"},
}


def _body(req: Request) -> dict[str, Any]:
    return req.json if isinstance(req.json, dict) else {}


def _the_card(app: App, req: Request, number: str) -> dict[str, Any]:
    found = kept(app).get(int(number))
    if found is None:
        raise not_found()
    if not _may_read(req, found):
        raise forbidden()
    return found


def _may_read(req: Request, card: dict[str, Any]) -> bool:
    return is_admin(req) or card["collection_id"] in (None, (req.user or {}).get("id"))


def _check(body: dict[str, Any], *, whole: bool) -> None:
    for name in ("name", "display"):
        value = body.get(name)
        if (whole or value is not None) and (not isinstance(value, str) or not value.strip()):
            raise Refused(replies.errors(400, **{name: "value must be a non-blank string."}))
    for name in ("dataset_query", "visualization_settings"):
        value = body.get(name)
        if (whole or value is not None) and not isinstance(value, dict):
            raise Refused(replies.errors(400, **{name: "value must be a map."}))


# ------------------------------------------------------------------------------------------------ what is shown
def _shared(app: App, card: dict[str, Any]) -> dict[str, Any]:
    asked = card["dataset_query"]
    source = (asked.get("query") or {}).get("source-table") if asked.get("type") == "query" else None
    shown = {
        **card,
        "collection_position": None,
        "table_id": source if isinstance(source, int) else None,
        "result_metadata": None,
        "creator": creator(app, card["creator_id"]),
        "database_id": asked.get("database"),
        "enable_embedding": card.get("enable_embedding", False),
        "query_type": asked.get("type"),
        "made_public_by_id": None,
        "embedding_params": card.get("embedding_params"),
        "cache_ttl": None,
        "collection": None,
        "public_uuid": None,
    }
    if app.era < 47:
        return shown | {"read_permissions": None}
    edited = {"id": card["creator_id"], "timestamp": card["updated_at"]}
    shown |= {"parameter_mappings": [], "collection_preview": True, "last-edit-info": edited, "dataset": False}
    shown.setdefault("parameters", [])
    if app.era >= 49:
        shown["metabase_version"] = "sandbox"
    return shown


def _single(app: App, card: dict[str, Any], *, read: bool) -> dict[str, Any]:
    shown = _shared(app, card) | {"can_write": True, "dashboard_count": 0}
    if app.era < 47:
        return shown
    shown |= {"last_query_start": None, "average_query_time": None, "moderation_reviews": []}
    if read:
        shown["parameter_usage_count"] = 0
    if read and app.era >= 49:
        shown["collection"] = {
            "metabase.models.collection.root/is-root?": True,
            "authority_level": None,
            "name": "Our analytics",
            "is_personal": False,
            "id": "root",
            "can_write": True,
        }
    return shown


def _saved(app: App, card: dict[str, Any]) -> Reply:
    """The card after a change; 0.34 works on it while it answers."""
    reply = replies.data(_single(app, card, read=False), 202 if app.era == 34 else 200)
    if app.era == 34:
        reply.chunked = True
        reply.headers.append(("X-Accel-Buffering", "no"))
    return reply


# ------------------------------------------------------------------------------------------------ keeping cards
@api("GET", "/api/card")
def listed(app: App, req: Request, match: Any) -> Reply:
    """Cards by name: all, archived, of one's own, of a database or table."""
    wanted = req.query.get("f", "all")
    known = _FILTERS[app.era] if app.era >= 47 else _FILTERS[31]
    if wanted not in re.findall(r"\w+", known):
        raise Refused(_no_filter(app, wanted, known))
    user = (req.user or {}).get("id")
    model = req.query.get("model_id", "")
    shown = []
    for card in sorted(kept(app).values(), key=lambda one: (str(one["name"]).lower(), one["id"])):
        one = _shared(app, card)
        if app.era < 47:
            one["favorite"] = False
        key = {"database": "database_id", "table": "table_id"}.get(wanted)
        keep = card["archived"] == (wanted == "archived") and _may_read(req, card)
        keep = keep and (wanted != "mine" or card["creator_id"] == user)
        if keep and wanted not in ("fav", "bookmarked") and (key is None or str(one[key]) == model):
            shown.append(one)
    return replies.data(shown)


def _no_filter(app: App, wanted: str, known: str) -> Reply:
    if app.era < 47:
        message = f"value may be nil, or if non-nil, value must be one of: {known}."
        return replies.data({"errors": {"f": message}, "data": []}, 400)
    said = " or ".join(known.rsplit(", ", 1))
    specific = {"f": [f'should be either {said}, received: "{wanted}"']}
    return replies.data({"errors": {"f": f"nullable enum of {known}"}, "specific-errors": specific, "data": []}, 400)


@api("POST", "/api/card")
def create(app: App, req: Request, match: Any) -> Reply:
    """Save a question."""
    body = _body(req)
    _check(body, whole=True)
    with app.lock:
        number = max(kept(app), default=0) + 1
        card = {
            "description": body.get("description"),
            "archived": False,
            "collection_id": body.get("collection_id"),
            "name": body["name"],
            "creator_id": (req.user or {}).get("id", 1),
            "updated_at": stamp(app),
            "dataset_query": question(app.era, body["dataset_query"]),
            "id": number,
            "display": body["display"],
            "visualization_settings": body["visualization_settings"],
            "created_at": stamp(app),
        }
        if app.era >= 47:
            card |= {"entity_id": f"sandbox-card-{number:08d}", "parameters": body.get("parameters") or []}
        kept(app)[number] = card
    return _saved(app, card)


@api("GET", r"/api/card/(\d+)")
def card(app: App, req: Request, match: Any) -> Reply:
    """One card."""
    return replies.data(_single(app, _the_card(app, req, match[1]), read=True))


@api("PUT", r"/api/card/(\d+)")
def change(app: App, req: Request, match: Any) -> Reply:
    """Change a card, archive it, take it out of the archive."""
    found, body = _the_card(app, req, match[1]), _body(req)
    _check(body, whole=False)
    embedding: dict[str, Any] = {key: body[key] for key in ("enable_embedding", "embedding_params") if key in body}
    if any(found.get(key) != value for key, value in embedding.items()):
        if not app.store["settings"].get("enable_embedding"):
            raise Refused(replies.text("Embedding is not enabled.", 400))
        if not is_admin(req):
            raise forbidden()
    with app.lock:
        found.update(embedding)
        for key in ("name", "description", "display", "visualization_settings", "archived", "collection_id"):
            if key in body and (body[key] is not None or key in ("description", "collection_id")):
                found[key] = body[key]
        if isinstance(body.get("dataset_query"), dict):
            found["dataset_query"] = question(app.era, body["dataset_query"])
        found["updated_at"] = stamp(app)
    return _saved(app, found)


@api("DELETE", r"/api/card/(\d+)")
def delete(app: App, req: Request, match: Any) -> Reply:
    """Delete a card for good."""
    found = _the_card(app, req, match[1])
    with app.lock:
        del kept(app)[found["id"]]
    return Reply(204, b"", [("Content-Type", replies.JSON_TYPE)])


# ------------------------------------------------------------------------------------------------ asking cards
def _asked(app: App, req: Request, number: str, parameters: Any) -> tuple[dict[str, Any], Context]:
    """The question of a card with the parameters of this request."""
    found = _the_card(app, req, number)
    if found["archived"] and app.era < 47:
        gone = {"message": "The object has been archived.", "error_code": "archived"}
        raise Refused(replies.data(gone, 404))
    database = app.databases.get(found["dataset_query"].get("database"))
    if database is None:
        raise not_found()
    if not may_see(req, database):
        raise forbidden()
    given = parameters if isinstance(parameters, list) else []
    if app.era >= 41:
        _check_parameters(found, given)
    asked = {**found["dataset_query"], **({"parameters": given} if given else {})}
    stem = re.sub(r"[^a-z0-9]", "_", str(found["name"]).lower()) if app.era >= 41 else "query_result"
    return asked, Context("question", found["id"], stem)


def _check_parameters(card: dict[str, Any], given: list[dict[str, Any]]) -> None:
    native = card["dataset_query"].get("native")
    if not isinstance(native, dict):
        return
    tags = native.get("template-tags") or native.get("template_tags") or {}
    for parameter in given:
        name = _parameter_name(parameter)
        if name not in tags:
            raise Refused(
                replies.exception(
                    f'Invalid parameter: Card {card["id"]} does not have a template tag named "{name}".',
                    400,
                    {"type": "invalid-parameter", "invalid-parameter": parameter, "allowed-parameters": list(tags)},
                )
            )
        allowed, kind = _ALLOWED.get(tags[name].get("type")), str(parameter.get("type", "category"))
        if allowed is not None and kind not in allowed:
            known = ", ".join(f":{one}" for one in sorted(allowed))
            message = f'Invalid parameter type :{kind} for parameter "{name}". Parameter type must be one of: {known}'
            detail = {"type": "invalid-parameter", "invalid-parameter": parameter}
            raise Refused(replies.exception(message, 400, detail))


def _parameter_name(parameter: dict[str, Any]) -> str:
    target = parameter.get("target")
    while isinstance(target, list) and len(target) > 1:
        target = target[1]
    return str(target if isinstance(target, str) else parameter.get("name") or parameter.get("slug"))


def _trusted(req: Request) -> Request:
    """The request with the right to run the card's SQL: reading a card includes it, whoever may write SQL."""
    return replace(req, user={**(req.user or {}), "native": True})


@api("POST", r"/api/card/(\d+)/query")
def run(app: App, req: Request, match: Any) -> Reply:
    """Answer a card like ``/api/dataset``."""
    asked, context = _asked(app, req, match[1], _body(req).get("parameters"))
    return dataset.answer(app, _trusted(req), asked, context)


@api("POST", r"/api/card/(\d+)/query/(csv|json|xlsx)")
def export(app: App, req: Request, match: Any) -> Reply:
    """Export a card; its parameters are JSON text in the URL or in a form."""
    text = req.form.get("parameters") or req.query.get("parameters")
    try:
        parameters = json.loads(text) if text else None
    except ValueError:
        raise Refused(replies.errors(400, parameters=_no_json(app))) from None
    asked, context = _asked(app, req, match[1], parameters)
    return exports.answer(app, _trusted(req), asked, match[2], context)


def _no_json(app: App) -> str:
    return "value may be nil, or if non-nil, value must be a valid JSON string."
