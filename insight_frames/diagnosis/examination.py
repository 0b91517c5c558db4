"""The order in which things are asked, from what needs no login to what needs the right to run SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..catalog import Catalog, Table
from ..sources.metabase import STATEMENT_BYTES
from ..wire.http import Http
from ..wire.server import Server
from ..wire.session import Session
from . import database, exports, instance, speed, tables
from .asking import Desk, MetabaseDesk
from .report import Report, Section

if TYPE_CHECKING:

    class Direct(Protocol):
        """A PostgreSQL without a Metabase before it."""

        def rows(self, sql: str, columns: Any = ...) -> list[dict[str, str | None]]:
            """Run a small statement."""
            ...

    class Source(Protocol):
        """Whoever has a catalogue."""

        def catalog(self, schema: str | None = None, *, fresh: bool = False) -> Catalog:
            """Give it."""
            ...

        def table(self, schema: str, name: str) -> Table:
            """Find one table."""
            ...


def examine(http: Http, session: Session, server: Server, source: Source, *, thorough: bool = False) -> Report:
    """Ask a Metabase everything; nothing that it refuses is an error here."""
    desk = MetabaseDesk(session, server)
    parts = [instance.metabase(desk, http), instance.account(desk), instance.databases(desk)]
    if desk.stopped is not None:
        return _short(http.url, desk, parts)
    parts += database.database(desk)
    most = None if desk.chosen is None or server.streams else STATEMENT_BYTES
    catalog, seen, listed = _tables(desk, source, most)
    parts.append(seen)
    parts += [
        tables.refreshes(desk, catalog, source.table),
        exports.exports(desk, thorough=thorough),
        speed.speed(desk),
    ]
    return _report(http.url, desk, parts, catalog, listed)


def examine_direct(url: str, server: Direct, source: Source) -> Report:
    """Ask a PostgreSQL what there is to ask without a Metabase."""
    desk = Desk(server.rows)
    parts = list(database.database(desk))
    if desk.stopped is not None:
        return _short(url, desk, parts)
    catalog, seen, listed = _tables(desk, source, None)
    parts += [seen, tables.refreshes(desk, catalog, source.table), speed.direct(desk)]
    return _report(url, desk, parts, catalog, listed)


def _tables(desk: Desk, source: Source, most: int | None) -> tuple[Catalog | None, Section, list[dict[str, Any]]]:
    seen = Section("schemas and tables")
    if desk.no_sql is not None and desk.chosen is None:
        seen.unknown("schemas", desk.no_sql)
        return None, seen, []
    catalog: Catalog | None = desk.learn(seen, "schemas", lambda: source.catalog(fresh=True))
    seen.facts.clear()
    return catalog, seen, tables.tables(desk, catalog, seen, most)


def _short(url: str, desk: Desk, parts: list[Section]) -> Report:
    """End where nothing more can be asked."""
    desk.notes.append(f"All else was {desk.stopped}.")
    return Report(url, [one for one in parts if one.facts or one.refused], (), desk.notes)


def _report(
    url: str, desk: Desk, parts: list[Section], catalog: Catalog | None, listed: list[dict[str, Any]]
) -> Report:
    readable = any(one["way"] is not None for one in listed)
    if catalog is not None and not readable:
        desk.notes.append("No table may be read by this account.")
    return Report(url, parts, listed, desk.notes, readable)
