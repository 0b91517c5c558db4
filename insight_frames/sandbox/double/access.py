"""Who may see what, and the decorator by which the areas of metadata, cards and definitions register their handlers.

A database is open to everybody or to administrators alone; that is all of Metabase's permissions the double knows,
because rows are guarded by PostgreSQL's own roles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps

from . import replies
from .app import App, Database, Handler, Reply, Request, route
from .sync import Field, Table, metadata


class Refused(Exception):
    """A request that ends here, with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"status {reply.status}")
        self.reply = reply


def not_found() -> Refused:
    """No such thing."""
    return Refused(replies.not_found())


def forbidden() -> Refused:
    """Not for this account."""
    return Refused(replies.forbidden())


def api(
    method: str, pattern: str, *, admin: bool = False, anonymous: bool = False, eras: Iterable[int] | None = None
) -> Callable[[Handler], Handler]:
    """Register a handler whose refusals become replies; with ``admin`` it is closed to ordinary accounts."""

    def register(handler: Handler) -> Handler:
        @wraps(handler)
        def guarded(app: App, req: Request, match: re.Match[str]) -> Reply:
            try:
                if admin and not is_admin(req):
                    raise forbidden()
                return handler(app, req, match)
            except Refused as refused:
                return refused.reply

        return route(method, pattern, anonymous=anonymous, eras=eras)(guarded)

    return register


def is_admin(req: Request) -> bool:
    """Whether an administrator asks."""
    return bool(req.user and req.user.get("is_superuser"))


def may_see(req: Request, database: Database) -> bool:
    """Whether the caller's account may see the database at all."""
    return is_admin(req) or not database.admin_only


def native_permissions(req: Request, database: Database) -> str:
    """``write`` when the caller may run SQL on the database, else ``none``."""
    return "write" if is_admin(req) or (may_see(req, database) and bool((req.user or {}).get("native"))) else "none"


def the_database(app: App, req: Request, number: str) -> Database:
    """The database of that number, or the refusal that a real server gives."""
    database = app.databases.get(int(number))
    if database is None:
        raise not_found()
    if not may_see(req, database):
        raise forbidden()
    return database


def the_table(app: App, req: Request, number: str | int) -> Table:
    """The table of that number, or the refusal."""
    table = metadata(app).tables.get(int(number))
    if table is None:
        raise not_found()
    if not may_see(req, table.database):
        raise forbidden()
    return table


def the_field(app: App, req: Request, number: str | int) -> Field:
    """The field of that number, or the refusal."""
    found = metadata(app).fields.get(int(number))
    if found is None:
        raise not_found()
    if not may_see(req, found.table.database):
        raise forbidden()
    return found
