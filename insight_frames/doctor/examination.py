"""The order in which things are asked, from what needs no login to what needs the right to run SQL."""

from __future__ import annotations

from ..catalog import Catalog
from ..sources.metabase import MetabaseSource
from ..wire.http import Http
from ..wire.server import Server
from ..wire.session import Session
from . import database, exports, instance, speed, tables
from .asking import Desk
from .report import Report, Section


def examine(http: Http, session: Session, server: Server, source: MetabaseSource, *, thorough: bool = False) -> Report:
    """Ask a server everything; nothing that it refuses is an error here."""
    desk = Desk(session, server)
    parts = [instance.metabase(desk, http), instance.account(desk), instance.databases(desk)]
    if desk.stopped is not None:
        desk.notes.append(f"All else was {desk.stopped}.")
        return Report(http.url, [one for one in parts if one.facts or one.refused], (), desk.notes)
    parts += database.database(desk)
    seen = Section("schemas and tables")
    catalog: Catalog | None = desk.learn(seen, "schemas", lambda: source.catalog(fresh=True), sql=True)
    seen.facts.clear()
    listed = tables.tables(desk, catalog, seen)
    parts += [seen] if desk.no_sql is None else [seen, tables.unsynced(desk)]
    parts += [tables.refreshes(desk, catalog), exports.exports(desk, thorough=thorough), speed.speed(desk)]
    readable = any(one["way"] is not None for one in listed)
    if catalog is not None and not readable:
        desk.notes.append("No table may be read by this account.")
    return Report(http.url, parts, listed, desk.notes, readable)
