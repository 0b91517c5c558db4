"""Databases, tables and fields as JSON, in the words of each era.

Only what a client can rely on is filled in; keys that serve the front end alone (dimensions, features, schedules) are
there with the values of a fresh server, because answers are compared key by key.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from .app import App, Database
from .sync import Field, Table

FEATURES = ("basic-aggregations", "expressions", "foreign-keys", "native-parameters", "nested-queries", "regex")
SAVED_QUESTIONS = -1337
_STARTED = datetime.now(UTC)


def moment(app: App, when: datetime) -> str:
    """A time as the era's application database gives it."""
    if app.era < 34:
        return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")


def details(app: App, database: Database) -> dict[str, Any]:
    """How the database is connected, without a password."""
    parts = conninfo_to_dict(database.dsn)
    return {
        "host": parts.get("host", "localhost"),
        "port": int(str(parts.get("port", 5432))),
        "dbname": parts.get("dbname"),
        "user": database.role,
        "password": "**MetabasePass**" if app.era >= 47 else None,
        "ssl": False,
        "tunnel-enabled": False,
    }


def database_json(app: App, database: Database, *, admin: bool) -> dict[str, Any]:
    """A database; only an administrator sees how it is connected."""
    shown: dict[str, Any] = {
        "description": None,
        "features": list(FEATURES),
        "cache_field_values_schedule": "0 50 0 * * ? *",
        "timezone": "UTC",
        "metadata_sync_schedule": "0 50 * * * ? *",
        "name": database.name,
        "caveats": None,
        "is_full_sync": True,
        "updated_at": moment(app, _STARTED),
        "is_sample": False,
        "id": database.id,
        "is_on_demand": False,
        "engine": "postgres",
        "created_at": moment(app, _STARTED),
        "points_of_interest": None,
    }
    if admin:
        shown["details"] = details(app, database)
    if app.era < 49:
        shown["options"] = None
    if app.era >= 34:
        shown["auto_run_queries"] = True
    if app.era >= 47:
        shown |= {"settings": None, "creator_id": 1, "cache_ttl": None, "initial_sync_status": "complete"}
        shown |= {"is_audit": False, "refingerprint": None, "dbms_version": {"flavor": "PostgreSQL"}}
    return shown


def schedules(app: App) -> dict[str, Any]:
    """When a database is synchronised, in the form the settings page reads."""
    minute = {"schedule_minute": 0} if app.era >= 47 else {}
    rest = {"schedule_day": None, "schedule_frame": None}
    return {
        "cache_field_values": {**minute, **rest, "schedule_hour": 0, "schedule_type": "daily"},
        "metadata_sync": {**minute, **rest, "schedule_hour": None, "schedule_type": "hourly"},
    }


def table_json(app: App, table: Table) -> dict[str, Any]:
    """A table without its fields."""
    shown: dict[str, Any] = {
        "description": table.description,
        "entity_type": table.entity_type,
        "schema": table.schema,
        "show_in_getting_started": False,
        "name": table.name,
        "caveats": None,
        "updated_at": moment(app, table.created),
        "active": table.active,
        "id": table.id,
        "db_id": table.database.id,
        "visibility_type": table.visibility,
        "display_name": table.display_name,
        "created_at": moment(app, table.created),
        "points_of_interest": None,
    }
    if app.era < 36:
        return shown | {"fields_hash": table.fields_hash, "rows": None, "entity_name": None}
    shown |= {"field_order": "database", "initial_sync_status": "complete"}
    if app.era >= 49:
        shown |= {"database_require_filter": None, "is_upload": False}
    return shown


def has_values(app: App, field: Field) -> str:
    """Whether the front end offers a list of the field's values."""
    if field.meaning in ("type/PK", "type/FK") or field.values is None or field.values.distinct > 30:
        return "none"
    if field.base_type in ("type/Boolean",) or field.meaning == "type/Category":
        return "list"
    return "none"


def _dimensions(app: App, field: Field) -> Any:
    """How a field's values are shown by those of another one."""
    if field.labels is None:
        return []
    name, shown = field.labels
    one = {"id": field.id, "field_id": field.id, "name": name, "type": "external"}
    one["human_readable_field_id"] = shown.id
    return [one] if app.era >= 42 else one


def field_json(app: App, field: Field) -> dict[str, Any]:
    """A field without what only some endpoints add."""
    values = field.values
    shown: dict[str, Any] = {
        "description": field.comment,
        "database_type": field.database_type,
        "table_id": field.table.id,
        "name": field.name,
        "fingerprint_version": 0 if values is None else {31: 3, 34: 4}.get(app.era, 5),
        "has_field_values": has_values(app, field),
        "settings": None,
        "caveats": None,
        "fk_target_field_id": field.target.id if field.target else None,
        "dimensions": _dimensions(app, field),
        "updated_at": moment(app, field.table.created),
        "active": field.active,
        "parent_id": None,
        "id": field.id,
        "last_analyzed": moment(app, field.table.created) if values is not None else None,
        "position": field.position if app.era >= 36 else 0,
        "visibility_type": field.visibility,
        "preview_display": values is None or (values.length or 0) <= 50,
        "display_name": field.display_name,
        "fingerprint": values.fingerprint() if values is not None else None,
        "created_at": moment(app, field.table.created),
        "base_type": field.base_type,
        "points_of_interest": None,
    }
    if app.era < 39:
        return shown | {"special_type": field.meaning}
    shown |= {
        "semantic_type": field.meaning,
        "coercion_strategy": None,
        "custom_position": 0,
        "effective_type": field.base_type,
        "nfc_path": field.nfc_path,
        "database_position": field.position,
        "database_required": field.required,
        "database_is_auto_increment": field.automatic,
        "json_unfolding": field.base_type == "type/JSON",
    }
    if app.era >= 49:
        indexes = any(one.indexed for one in field.table.fields)
        shown["database_indexed"] = field.indexed if indexes else None
    return shown
