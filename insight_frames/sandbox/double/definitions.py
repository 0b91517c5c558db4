"""Segments and legacy metrics: filters and aggregations under a name, kept by administrators.

Both kinds live in ``app.store["definitions"]`` by kind and number, where table questions look them up; deleting one
archives it.
"""

from __future__ import annotations

from typing import Any

from . import replies
from .access import Refused, api, may_see, not_found, the_table
from .accounts import stamp
from .app import App, Reply, Request
from .legacy import stored
from .people import creator
from .sync import metadata

_KIND = r"/api/(segment|metric)"
_BLANK = "value must be a non-blank string."
_NUMBER = "value must be an integer greater than zero."


def _kept(app: App, kind: str) -> dict[int, dict[str, Any]]:
    store: dict[str, dict[int, dict[str, Any]]] = app.store.setdefault("definitions", {})
    return store.setdefault(kind, {})


def _invalid(app: App, name: str, message: str, received: list[str]) -> Refused:
    body: dict[str, Any] = {"errors": {name: message}}
    if app.era >= 49:
        body["specific-errors"] = {name: received}
    return Refused(replies.data(body, 400))


def _shown(value: Any) -> str:
    return "nil" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def _need_text(app: App, body: dict[str, Any], name: str) -> None:
    value = body.get(name)
    if isinstance(value, str) and value.strip():
        return
    kinds = [] if isinstance(value, str) else ["should be a string"]
    raise _invalid(app, name, _BLANK, [f"{one}, received: {_shown(value)}" for one in [*kinds, "non-blank string"]])


def _check(app: App, body: dict[str, Any]) -> None:
    _need_text(app, body, "name")
    number = body.get("table_id")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise _invalid(app, "table_id", _NUMBER, [f"{_NUMBER}, received: {_shown(number)}"])
    _need_map(app, body)


def _need_map(app: App, body: dict[str, Any]) -> None:
    definition = body.get("definition")
    if not isinstance(definition, dict):
        said = "Value must be a map." if app.era >= 49 else "value must be a map."
        raise _invalid(app, "definition", said, [f"{said}, received: {_shown(definition)}"])


def _body(req: Request) -> dict[str, Any]:
    return req.json if isinstance(req.json, dict) else {}


def _one(app: App, kind: str, number: str) -> dict[str, Any]:
    found = _kept(app, kind).get(int(number))
    if found is None:
        raise not_found()
    return found


def _json(app: App, kind: str, found: dict[str, Any]) -> dict[str, Any]:
    shown = {**found, "creator": creator(app, found["creator_id"])}
    if kind == "metric":
        shown.setdefault("how_is_this_calculated", None)
    return shown


def of_table(app: App, kind: str, number: int) -> list[dict[str, Any]]:
    """The definitions of a kind on one table, as its metadata shows them."""
    kept = [one for one in _kept(app, kind).values() if one["table_id"] == number and not one["archived"]]
    kept.sort(key=lambda one: str(one["name"]))
    return [{**one, "how_is_this_calculated": None} if kind == "metric" else one for one in kept]


@api("GET", _KIND)
def listed(app: App, req: Request, match: Any) -> Reply:
    """All of a kind that are not archived and whose table the caller may see."""
    shown = []
    for found in sorted(_kept(app, match[1]).values(), key=lambda one: str(one["name"]).lower()):
        table = metadata(app).tables.get(found["table_id"])
        if found["archived"] or table is None or not may_see(req, table.database):
            continue
        one = _json(app, match[1], found)
        if match[1] == "metric":
            one["database_id"] = table.database.id
        if app.era >= 36:
            one["definition_description"] = described(app, match[1], found)
        shown.append(one)
    return replies.data(shown)


@api("POST", _KIND, admin=True)
def create(app: App, req: Request, match: Any) -> Reply:
    """Keep a new definition."""
    body = _body(req)
    _check(app, body)
    the_table(app, req, body["table_id"])
    with app.lock:
        kept = _kept(app, match[1])
        number = max(kept, default=0) + 1
        kept[number] = {
            "description": body.get("description"),
            "archived": False,
            "table_id": body["table_id"],
            "definition": stored(app.era, body["definition"]),
            "show_in_getting_started": False,
            "name": body["name"],
            "caveats": None,
            "creator_id": (req.user or {}).get("id", 1),
            "updated_at": stamp(app),
            "id": number,
            "created_at": stamp(app),
            "points_of_interest": None,
            **({"entity_id": f"sandbox-{match[1]}-{number:06d}"[:21]} if app.era >= 43 else {}),
        }
    return replies.data(_json(app, match[1], kept[number]))


@api("GET", rf"{_KIND}/(\d+)")
def one(app: App, req: Request, match: Any) -> Reply:
    """One definition, archived or not."""
    found = _one(app, match[1], match[2])
    the_table(app, req, found["table_id"])
    if app.era < 32 and not (req.user or {}).get("is_superuser"):
        raise Refused(replies.forbidden())
    return replies.data(_json(app, match[1], found))


@api("PUT", rf"{_KIND}/(\d+)", admin=True)
def change(app: App, req: Request, match: Any) -> Reply:
    """Change a definition, saying why."""
    body = _body(req)
    if app.era < 32:
        _need_text(app, body, "name")
    _need_text(app, body, "revision_message")
    if app.era < 32:
        _need_map(app, body)
    found = _one(app, match[1], match[2])
    with app.lock:
        for key in ("name", "description", "caveats", "points_of_interest", "show_in_getting_started", "archived"):
            if key in body and (body[key] is not None or key != "name"):
                found[key] = body[key]
        if isinstance(body.get("definition"), dict):
            found["definition"] = stored(app.era, body["definition"])
        found["updated_at"] = stamp(app)
    return replies.data(_json(app, match[1], found))


@api("DELETE", rf"{_KIND}/(\d+)", admin=True)
def archive(app: App, req: Request, match: Any) -> Reply:
    """Archive a definition, saying why."""
    _need_text(app, {**_body(req), **req.query}, "revision_message")
    found = _one(app, match[1], match[2])
    with app.lock:
        found["archived"], found["updated_at"] = True, stamp(app)
    if app.era < 32:
        return replies.data({"success": True})
    return Reply(204, b"", [("Content-Type", replies.JSON_TYPE)])


# ------------------------------------------------------------------------------------------------ in words
_WORDS = {
    "=": ("equals {}", "is {}"),
    "!=": ("not equal to {}", "is not {}"),
    ">": ("greater than {}", "is greater than {}"),
    "<": ("less than {}", "is less than {}"),
    ">=": ("greater than or equal to {}", "is greater than or equal to {}"),
    "<=": ("less than or equal to {}", "is less than or equal to {}"),
    "between": ("between {} {}", "is between {} and {}"),
    "is-null": ("is empty", "is empty"),
    "not-null": ("is not empty", "is not empty"),
    "contains": ("contains {}", "contains {}"),
    "starts-with": ("starts with {}", "starts with {}"),
    "ends-with": ("ends with {}", "ends with {}"),
}
_AGGREGATIONS = {"count": "Count", "sum": "Sum of {}", "avg": "Average of {}", "min": "Min of {}", "max": "Max of {}"}


def described(app: App, kind: str, found: dict[str, Any]) -> str | None:
    """A definition in words: ``Participant, Count, Filtered by Status equals "signed"``."""
    definition = found["definition"]
    parts = []
    if kind == "metric":
        table = metadata(app).tables.get(found["table_id"])
        parts.append(table.display_name if table else "")
        parts += [_aggregation(app, clause) for clause in definition.get("aggregation") or []]
    if definition.get("filter"):
        parts.append("Filtered by " + _filter(app, definition["filter"]))
    return ", ".join(parts) or None


def _name(app: App, clause: Any) -> str:
    number = clause[1] if isinstance(clause, list) and len(clause) > 1 else clause
    field = metadata(app).fields.get(number) if isinstance(number, int) else None
    return field.display_name if field else str(number)


def _aggregation(app: App, clause: list[Any]) -> str:
    return _AGGREGATIONS.get(clause[0], str(clause[0])).format(_name(app, clause[1]) if len(clause) > 1 else "")


def _filter(app: App, clause: list[Any]) -> str:
    word = clause[0]
    if word in ("and", "or"):
        return f" {word} ".join(_filter(app, one) for one in clause[1:])
    said = _WORDS.get(word, (word, word))[app.era >= 49]
    values = [f'"{one}"' if isinstance(one, str) and app.era < 49 else str(one) for one in clause[2:]]
    return f"{_name(app, clause[1])} {said.format(*values) if values else said}"
