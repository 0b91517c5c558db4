"""Where saved questions are kept, and those that are there from the beginning, by the names of tables and fields.

They are made when cards are first asked for, because the numbers of tables are known only after a synchronisation.
"""

from __future__ import annotations

from typing import Any

from .accounts import stamp
from .app import App
from .legacy import question
from .sync import metadata


def kept(app: App) -> dict[int, dict[str, Any]]:
    """The cards by number, beginning with those of the configuration."""
    with app.lock:
        if "cards" not in app.store:
            app.store["cards"] = _made(app, app.store["questions"])
    cards: dict[int, dict[str, Any]] = app.store["cards"]
    return cards


def _made(app: App, definitions: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    if not definitions:
        return {}
    tables = {f"{one.schema}.{one.name}": one for one in metadata(app).tables.values()}
    owner = min((number for number, user in app.users.items() if user["is_superuser"]), default=1)
    return {
        number: _card(app, number, owner, definition, tables) for number, definition in enumerate(definitions, start=1)
    }


def _card(app: App, number: int, owner: int, definition: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    card = {
        "description": definition["description"],
        "archived": False,
        "collection_id": None,
        "name": definition["name"],
        "creator_id": owner,
        "updated_at": stamp(app),
        "dataset_query": question(app.era, _query(definition, tables)),
        "id": number,
        "display": "table",
        "visualization_settings": {},
        "created_at": stamp(app),
    }
    if "embedding" in definition:
        card |= {"enable_embedding": True, "embedding_params": dict(definition["embedding"])}
    if app.era >= 47:
        card |= {"entity_id": f"sandbox-card-{number:08d}", "parameters": []}
    return card


def _query(definition: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    database = next(iter(tables.values())).database.id
    if "table" in definition:
        return {"database": database, "type": "query", "query": {"source-table": tables[definition["table"]].id}}
    tags = {}
    for one in definition["tags"]:
        tag = {key: value for key, value in one.items() if key != "field"}
        if "field" in one:
            table, _, name = one["field"].rpartition(".")
            found = next(field for field in tables[table].fields if field.name == name)
            tag["dimension"] = ["field-id", found.id]
        tags[tag["name"]] = tag
    return {"database": database, "type": "native", "native": {"query": definition["sql"], "template-tags": tags}}
