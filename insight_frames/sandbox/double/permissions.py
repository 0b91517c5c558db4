"""Databases as administrators connect them, and the permissions graph as far as it closes a database to others.

A connected database points at a PostgreSQL reached by host and port; its role is the user of the connection, as a real
server's is. The graph keeps one bit a database: open to everybody, or to administrators alone.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from . import catalog, replies, shapes
from .access import Refused, api, the_database
from .app import App, Database, Reply, Request
from .sync import metadata

_EVERYBODY, _ADMINISTRATORS = 1, 2


def _body(req: Request) -> dict[str, Any]:
    return req.json if isinstance(req.json, dict) else {}


def _connected(body: dict[str, Any], kept: Database | None) -> tuple[str, str]:
    """The connection string and role that the details of a request mean."""
    given = body.get("details")
    if not isinstance(given, dict):
        if kept is None:
            raise Refused(replies.errors(400, details="value must be a map."))
        return kept.dsn, kept.role
    parts = {"host": given.get("host"), "port": given.get("port"), "dbname": given.get("dbname")}
    if given.get("password") not in (None, "", "**MetabasePass**"):
        parts["password"] = given["password"]
    dsn = make_conninfo(**{key: value for key, value in parts.items() if value is not None})
    role = str(given.get("user"))
    try:
        catalog.connect(dsn, role).close()
    except psycopg.OperationalError:
        said = "check your host settings"
        raise Refused(replies.data({"valid": False, "errors": {"host": said, "port": said}}, 400)) from None
    return dsn, role


@api("POST", "/api/database", admin=True)
def connect(app: App, req: Request, match: Any) -> Reply:
    """Connect another database."""
    body = _body(req)
    if not isinstance(body.get("name"), str) or not body["name"].strip():
        raise Refused(replies.errors(400, name="value must be a non-blank string."))
    dsn, role = _connected(body, None)
    with app.lock:
        number = max(app.databases, default=0) + 1
        app.databases[number] = Database(number, body["name"], dsn, role)
    return replies.data(shapes.database_json(app, app.databases[number], admin=True))


@api("PUT", r"/api/database/(\d+)", admin=True)
def reconnect(app: App, req: Request, match: Any) -> Reply:
    """Change how a database is connected, or its name."""
    found, body = the_database(app, req, match[1]), _body(req)
    with app.lock:
        found.dsn, found.role = _connected(body, found)
        found.name = str(body.get("name") or found.name)
    return replies.data(shapes.database_json(app, found, admin=True))


@api("DELETE", r"/api/database/(\d+)", admin=True)
def disconnect(app: App, req: Request, match: Any) -> Reply:
    """Forget a database and all that is known of it."""
    found, kept = the_database(app, req, match[1]), metadata(app)
    with app.lock:
        del app.databases[found.id]
        kept.synced.discard(found.id)
        for table in kept.of(found):
            table.active = False
    return Reply(204, b"", [("Content-Type", replies.JSON_TYPE)])


@api("GET", "/api/permissions/group", admin=True)
def groups(app: App, req: Request, match: Any) -> Reply:
    """The two groups that every server has."""
    admins = sum(bool(one["is_superuser"]) for one in app.users.values())
    return replies.data(
        [
            {"id": _ADMINISTRATORS, "name": "Administrators", "member_count": admins},
            {"id": _EVERYBODY, "name": "All Users", "member_count": len(app.users)},
        ]
    )


def _rights(app: App, closed: bool) -> dict[str, Any]:
    right = {"schemas": "none", "native": "none"} if closed else {"native": "write", "schemas": "all"}
    return {"data": right} if app.era >= 42 else right


@api("GET", "/api/permissions/graph", admin=True)
def graph(app: App, req: Request, match: Any) -> Reply:
    """Which group may see which database."""
    everybody = {str(one.id): _rights(app, one.admin_only) for one in app.databases.values()}
    admins = {str(one.id): _rights(app, False) for one in app.databases.values()}
    revision = int(app.store.get("permissions_revision", 1))
    groups = {str(_EVERYBODY): everybody, str(_ADMINISTRATORS): admins}
    return replies.data({"revision": revision, "groups": groups})


@api("PUT", "/api/permissions/graph", admin=True)
def change_graph(app: App, req: Request, match: Any) -> Reply:
    """Open databases to everybody, or close them."""
    given = (_body(req).get("groups") or {}).get(str(_EVERYBODY)) or {}
    with app.lock:
        for number, right in given.items():
            found = app.databases.get(int(number))
            if found is not None and isinstance(right, dict):
                right = right.get("data", right)
                found.admin_only = right.get("schemas") == "none"
        app.store["permissions_revision"] = int(app.store.get("permissions_revision", 1)) + 1
    return graph(app, req, match)
