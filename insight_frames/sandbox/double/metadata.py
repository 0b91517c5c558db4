"""Databases, schemas, tables and fields: what ``/api/database``, ``/api/table`` and ``/api/field`` answer.

Hidden tables and sensitive fields are left out as each era does it, silently; a database that an account may not see is
refused with 403, one that does not exist with 404, both as plain text.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from . import definitions, shapes
from .access import api, is_admin, may_see, native_permissions, not_found, the_database, the_field, the_table
from .app import App, Database, Reply, Request
from .replies import data
from .sync import Field, Table, analyse, metadata, synchronise

NUMBER = r"(\d+)"


def _said(req: Request, name: str) -> bool:
    return req.query.get(name, "").lower() == "true"


def _listed(app: App, req: Request, database: Database) -> dict[str, Any]:
    shown = shapes.database_json(app, database, admin=is_admin(req))
    shown["native_permissions"] = native_permissions(req, database)
    if app.era >= 49:
        shown["can_upload"] = False
    if _said(req, "include_tables") or req.query.get("include") == "tables":
        shown["tables"] = [shapes.table_json(app, one) for one in _visible(metadata(app).of(database))]
    return shown


@api("GET", "/api/database")
def databases(app: App, req: Request, match: re.Match[str]) -> Reply:
    """Every database the account may see, by name; an object around the list from 0.40 on."""
    found = sorted(app.databases.values(), key=lambda one: one.name.lower())
    shown = [_listed(app, req, one) for one in found if may_see(req, one)]
    if _said(req, "saved") or _said(req, "include_cards"):
        shown.append(_saved_questions(app))
    return data({"data": shown, "total": len(shown)} if app.era >= 40 else shown)


def _saved_questions(app: App) -> dict[str, Any]:
    return {
        "name": "Saved Questions",
        "id": shapes.SAVED_QUESTIONS,
        "features": ["basic-aggregations"],
        "is_saved_questions": True,
    }


@api("GET", f"/api/database/{NUMBER}")
def database(app: App, req: Request, match: re.Match[str]) -> Reply:
    """One database, with its schedules; ``include=tables`` adds tables, ``include=tables.fields`` their fields."""
    found = the_database(app, req, match[1])
    shown = shapes.database_json(app, found, admin=is_admin(req)) | {"schedules": shapes.schedules(app)}
    if app.era >= 47 and is_admin(req):
        shown["can-manage"] = True
    if app.era >= 49:
        shown["can_upload"] = False
    include = req.query.get("include", "") if app.era >= 32 else ""
    if include.startswith("tables"):
        tables = _sorted(_visible(metadata(app).of(found)))
        shown["tables"] = [
            _with_fields(app, one, _visible_fields(app, one)) if "fields" in include else shapes.table_json(app, one)
            for one in tables
        ]
    return data(shown)


@api("GET", f"/api/database/{NUMBER}/metadata")
def database_metadata(app: App, req: Request, match: re.Match[str]) -> Reply:
    """A database with all its tables and fields."""
    found = the_database(app, req, match[1])
    everything = app.era < 36 or _said(req, "include_hidden")
    tables = metadata(app).of(found) if everything else _visible(metadata(app).of(found))
    shown = shapes.database_json(app, found, admin=is_admin(req))
    shown["tables"] = [_with_fields(app, one, _offered(app, one, everything)) for one in _sorted(tables)]
    return data(shown)


@api("GET", f"/api/database/{NUMBER}/schemas")
def schemas(app: App, req: Request, match: re.Match[str]) -> Reply:
    """Names of the schemas that have a visible table."""
    tables = metadata(app).of(the_database(app, req, match[1]))
    if not _said(req, "include_hidden"):
        tables = _visible(tables)
    return data(sorted({one.schema for one in tables}))


@api("GET", f"/api/database/{NUMBER}/schema/(.*)")
def schema(app: App, req: Request, match: re.Match[str]) -> Reply:
    """The tables of one schema; a schema without any is not found."""
    tables = [one for one in metadata(app).of(the_database(app, req, match[1])) if one.schema == unquote(match[2])]
    if not _said(req, "include_hidden"):
        tables = _visible(tables)
    if not tables:
        raise not_found()
    return data([shapes.table_json(app, one) for one in _sorted(tables)])


@api("GET", f"/api/database/{NUMBER}/fields")
def database_fields(app: App, req: Request, match: re.Match[str]) -> Reply:
    """All fields of a database in a short form; the old eras call fields and tables by their display names."""
    shown = []
    for table in metadata(app).all_of(the_database(app, req, match[1])):
        analyse(app, table)
        for one in table.fields:
            if one.visibility not in ("sensitive", "retired"):  # dropped columns and tables too
                shown.append(_short(app, one))
    return data(sorted(shown, key=lambda one: int(one["id"])))


def _short(app: App, field: Field) -> dict[str, Any]:
    common = {"id": field.id, "base_type": field.base_type, "schema": field.table.schema}
    if app.era < 39:
        names = {"name": field.display_name, "table_name": field.table.display_name, "special_type": field.meaning}
    else:
        names = {"name": field.name, "display_name": field.display_name, "semantic_type": field.meaning}
        names["table_name"] = field.table.name
    return common | names


@api("GET", f"/api/database/{NUMBER}/idfields")
def key_fields(app: App, req: Request, match: re.Match[str]) -> Reply:
    """The primary keys of all visible tables."""
    tables = _visible(metadata(app).of(the_database(app, req, match[1])))
    for table in tables:
        analyse(app, table)
    keys = [one for table in tables for one in table.fields if one.active and one.meaning == "type/PK"]
    keys.sort(key=lambda one: (one.table.name.lower(), one.id))
    return data([shapes.field_json(app, one) | {"table": shapes.table_json(app, one.table)} for one in keys])


@api("POST", f"/api/database/{NUMBER}/(sync_schema|rescan_values|discard_values|sync)", admin=True)
def sync_schema(app: App, req: Request, match: re.Match[str]) -> Reply:
    """Read the structure of a database anew, before answering (a real server does it afterwards)."""
    found = the_database(app, req, match[1])
    if match[2].startswith("sync"):
        metadata(app)
        synchronise(app, found)
    return data({"status": "ok"})


@api("GET", "/api/table")
def tables(app: App, req: Request, match: re.Match[str]) -> Reply:
    """Every table of every database the account may see."""
    found = [one for one in metadata(app).tables.values() if one.active and may_see(req, one.database)]
    found.sort(key=lambda one: (one.name, one.id))
    return data([shapes.table_json(app, one) | {"db": _db(app, req, one)} for one in found])


@api("GET", f"/api/table/{NUMBER}")
def table(app: App, req: Request, match: re.Match[str]) -> Reply:
    """One table with its database and the number of its key."""
    found = the_table(app, req, match[1])
    analyse(app, found)
    keys = [one.id for one in found.fields if one.active and one.meaning == "type/PK"]
    shown = shapes.table_json(app, found) | {"db": _db(app, req, found), "pk_field": keys[0] if keys else None}
    return data(shown)


@api("GET", f"/api/table/{NUMBER}/query_metadata")
def query_metadata(app: App, req: Request, match: re.Match[str]) -> Reply:
    """One table with everything needed to ask questions of it."""
    found = the_table(app, req, match[1])
    fields = [
        one
        for one in found.ordered(app.era)
        if (one.visibility != "sensitive" or _said(req, "include_sensitive_fields"))
        and (one.visibility not in ("hidden",) or app.era < 36 or _said(req, "include_hidden_fields"))
        and one.visibility != "retired"
    ]
    shown = _with_fields(app, found, fields, options=True)
    shown["db"] = shapes.database_json(app, found.database, admin=False)
    return data(shown | {"dimension_options": {}})


@api("GET", f"/api/table/{NUMBER}/fks")
def foreign_keys(app: App, req: Request, match: re.Match[str]) -> Reply:
    """The foreign keys that point at one table."""
    found = the_table(app, req, match[1])
    pointing = [one for one in metadata(app).fields.values() if one.active and one.target and one.target.table is found]
    shown = []
    for one in pointing:
        target = one.target or one
        ends = {"origin": one, "destination": target}
        full = {
            role: shapes.field_json(app, end) | {"table": shapes.table_json(app, end.table)}
            for role, end in ends.items()
        }
        full["origin"]["table"]["db"] = _db(app, req, one.table)
        shown.append({"relationship": "Mt1", "origin_id": one.id, "destination_id": target.id, **full})
    return data(shown)


@api("GET", f"/api/field/{NUMBER}")
def field(app: App, req: Request, match: re.Match[str]) -> Reply:
    """One field with its table and database."""
    found = the_field(app, req, match[1])
    analyse(app, found.table)
    shown = shapes.field_json(app, found) | {"name_field": _name_field(app, found)}
    shown["table"] = shapes.table_json(app, found.table) | {"db": _db(app, req, found.table)}
    if app.era >= 47:
        shown["target"] = shapes.field_json(app, found.target) if found.target else None
    return data(shown)


@api("PUT", f"/api/table/{NUMBER}", admin=True)
def change_table(app: App, req: Request, match: re.Match[str]) -> Reply:
    """Hide, name or describe a table."""
    found, body = the_table(app, req, match[1]), req.json or {}
    found.visibility = body.get("visibility_type", found.visibility)
    found.display_name = body.get("display_name") or found.display_name
    found.description = body.get("description", found.description)
    return table(app, req, match)


@api("PUT", f"/api/field/{NUMBER}", admin=True)
def change_field(app: App, req: Request, match: re.Match[str]) -> Reply:
    """Hide, name, describe or reinterpret a field."""
    found, body = the_field(app, req, match[1]), req.json or {}
    analyse(app, found.table)
    found.visibility = body.get("visibility_type") or found.visibility
    found.display_name = body.get("display_name") or found.display_name
    found.comment = body.get("description", found.comment)
    found.meaning = body.get("semantic_type", body.get("special_type", found.meaning))
    return field(app, req, match)


@api("POST", f"/api/field/{NUMBER}/dimension", admin=True)
def show_labels(app: App, req: Request, match: re.Match[str]) -> Reply:
    """Let people see the values of another field in place of a foreign key's."""
    found, body = the_field(app, req, match[1]), req.json or {}
    found.labels = (str(body.get("name")), the_field(app, req, body["human_readable_field_id"]))
    return data(shapes.field_json(app, found)["dimensions"])


def _name_field(app: App, key: Field) -> dict[str, Any] | None:
    """The field that names what a key identifies, in short."""
    if key.meaning != "type/PK":
        return None
    found = next((one for one in key.table.fields if one.active and one.meaning == "type/Name"), None)
    if found is None:
        return None
    whole = shapes.field_json(app, found)
    meaning = "semantic_type" if app.era >= 39 else "special_type"
    return {name: whole[name] for name in ("id", "table_id", "display_name", "base_type", meaning, "has_field_values")}


def _db(app: App, req: Request, table: Table) -> dict[str, Any]:
    return shapes.database_json(app, table.database, admin=is_admin(req))


def _visible(tables: list[Table]) -> list[Table]:
    return [one for one in tables if one.visibility is None]


def _sorted(tables: list[Table]) -> list[Table]:
    return sorted(tables, key=lambda one: (one.display_name.lower(), one.schema))


def _visible_fields(app: App, table: Table) -> list[Field]:
    return [one for one in table.ordered(app.era) if one.visibility not in ("sensitive", "retired", "hidden")]


def _offered(app: App, table: Table, everything: bool) -> list[Field]:
    left_out = ("retired",) if everything else ("retired", "sensitive")
    return [one for one in table.ordered(app.era) if one.visibility not in left_out]


def _with_fields(app: App, table: Table, fields: list[Field], *, options: bool = False) -> dict[str, Any]:
    analyse(app, table)
    extra: dict[str, Any] = {"dimension_options": [], "default_dimension_option": None} if options else {}
    shown = []
    for one in fields:
        target = shapes.field_json(app, one.target) if one.target else None
        shown.append(shapes.field_json(app, one) | {"target": target} | extra)
    kept = {f"{kind}s": definitions.of_table(app, kind, table.id) for kind in ("segment", "metric")}
    return shapes.table_json(app, table) | {"fields": shown} | kept
