"""Schemas and tables: which are seen and which are not, how each will be read and why, and how they are refreshed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .. import sql
from ..catalog import Catalog, Table
from ..sources import plan
from .asking import Desk, MetabaseDesk
from .report import Section

_LOG = "refresh_log"
_MOMENTS = ("timestamp with time zone", "timestamp without time zone")
_NAMED = 12  # names that a line shows


def tables(desk: Desk, catalog: Catalog | None, section: Section, most: int | None) -> list[dict[str, Any]]:
    """Say what the catalogue shows, and give a line for each table; ``most`` is of bytes in one statement."""
    if catalog is None:
        return []
    known = list(catalog.tables.values())
    counts = Counter(one.schema for one in known if one.readable)
    section.say("schemas", {name: f"{counts.get(name, 0)} tables" for name in catalog.schemas})
    if desk.no_sql is not None:  # what Metabase knows of them
        for name in ("schemas that are closed to it", "tables it may not read", "tables with row-level security"):
            section.unknown(name, "Metabase leaves out without a word what an account may not see")
        section.say("looks like a TEST twin", _twins(catalog))
        return [_line(one, catalog.settings, most, by_number=True) for one in known]
    section.say("schemas that are closed to it", sorted(catalog.closed))
    section.say("tables it may not read", _some([_name(one) for one in known if not one.readable]))
    section.say("tables with columns closed", _some([_name(one) for one in known if _partly(one)]))
    section.say("tables with row-level security", _some([_name(one) for one in known if one.row_security]))
    section.say("kinds", dict(Counter(one.kind for one in known)))
    section.say("primary keys declared", sum(one.has_primary_key for one in known))
    section.say("foreign keys declared", sum(len(one.foreign_keys) for one in known))
    section.say("comments on tables", sum(one.comment is not None for one in known))
    section.say("comments on columns", sum(column.comment is not None for one in known for column in one.columns))
    section.say("looks like a TEST twin", _twins(catalog))
    if isinstance(desk, MetabaseDesk):
        desk.learn(section, "in PostgreSQL, not in Metabase", lambda: _some(_only_postgres(desk, known)))
    if any(one.row_security for one in known):
        desk.notes.append("Row-level security is active: tables hold only the rows that this account may see.")
    return [_line(one, catalog.settings, most) for one in known]


def _line(table: Table, settings: Mapping[str, Any], most: int | None, *, by_number: bool = False) -> dict[str, Any]:
    way, why = path(table, settings, by_number=by_number)
    return {
        "schema": table.schema,
        "table": table.name,
        "kind": table.kind,
        "columns": len(table.columns),
        "rows about": table.rows_estimate,
        "bytes": table.bytes,
        "way": way,
        "because": why,
        "statements": _statements(table, way, most),
    }


def path(table: Table, settings: Mapping[str, Any], *, by_number: bool = False) -> tuple[str | None, str]:
    """Say how a table is read, and why; ``by_number`` where Metabase is asked for it, not PostgreSQL."""
    if by_number:
        return "number", "this account cannot run SQL"
    if not table.readable:
        return None, "no column may be read" if not any(one.readable for one in table.columns) else "columns are closed"
    if plan.by_pages(table, settings):
        return "pages", "it is a heap of pages"
    version = int(settings.get("version_num", 0))
    reasons = (
        (table.kind not in ("table", "materialized view"), f"a {table.kind} has no pages of its own"),
        (table.inherited, "other tables inherit from it"),
        (not table.heap, "it is not stored as a heap"),
        (not table.select, "it is granted by column"),
        (version < plan.CTID_SINCE, "PostgreSQL before 14 has no scan of page ranges"),
        (settings.get("block_size") != plan.BLOCK_SIZE, "its pages have another size"),
        (table.only is not None, "a part of its rows is read"),
    )
    return "numbered rows", next(why for true, why in reasons if true)


def _statements(table: Table, way: str | None, most: int | None) -> int | None:
    if way is None:
        return None
    return 1 if way != "pages" or most is None else len(list(plan.page_ranges(table, most)))


def _only_postgres(desk: MetabaseDesk, known: list[Table]) -> list[str]:
    """Name the tables that may be read and that Metabase does not list, because it has not looked since."""
    listed = desk.session.get("/api/table")
    number = desk.server.database_id
    names = {
        (one.get("schema"), one.get("name"))
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("db_id") == number
    }
    return [_name(one) for one in known if one.readable and (one.schema, one.name) not in names]


def _twins(catalog: Catalog) -> list[str]:
    names = {one.lower(): one for one in catalog.schemas}
    return [
        f"{name} of {names[other]}"
        for low, name in names.items()
        if low.endswith("test")
        for other in (low.removesuffix("test"), low.removesuffix("test") + "prod")
        if other in names
    ]


def _partly(table: Table) -> bool:
    return not table.select and 0 < sum(one.readable for one in table.columns) < len(table.columns)


def _name(table: Table) -> str:
    return f"{table.schema}.{table.name}"


def _some(names: list[str]) -> list[str]:
    return names if len(names) <= _NAMED else [*names[:_NAMED], f"and {len(names) - _NAMED} more"]


# ------------------------------------------------------------------ refreshes
def refreshes(desk: Desk, catalog: Catalog | None, find: Callable[[str, str], Table]) -> Section:
    """Say of each schema how its log of refreshes looks, how often one comes, and what it does to tables."""
    section = Section("refreshes")
    if catalog is None:
        section.unknown("all of it", desk.no_sql or desk.stopped or "the catalogue is not known")
        return section
    logs = [one for one in catalog.tables.values() if one.name == _LOG]
    if not logs:
        section.say(_LOG, "there is no table of this name")
    for one in logs:
        if not one.readable:
            section.unknown(_name(one), "it may not be read")
            continue
        desk.learn(section, f"{one.schema}: columns", partial(_columns, find, one))
        desk.learn(section, f"{one.schema}: pace", partial(_pace, desk, one), sql=True)
    for schema in sorted({one.schema for one in catalog.tables.values() if one.kind == "table"}):
        desk.learn(section, f"{schema}: traces", partial(_traces, desk, schema), sql=True)
    return section


def _columns(find: Callable[[str, str], Table], log: Table) -> str:
    """Name the columns, which the catalogue of an account without SQL does not hold."""
    columns = (log if log.columns else find(log.schema, log.name)).columns
    return ", ".join(f"{one.name} {one.type}" for one in columns)


def _pace(desk: Desk, log: Table) -> str:
    """Say how many refreshes are told, how far apart and how long ago: differences, no moment itself."""
    moments = [one.name for one in log.columns if one.type in _MOMENTS and one.readable]
    if not moments:
        return "no column is a moment"
    source, first = sql.qualified(log.schema, log.name), sql.identifier(moments[0])
    last = " , ".join(sql.identifier(one) for one in moments[:2])
    took = ""
    if len(moments) > 1:
        begin, end = (sql.identifier(one) for one in moments[:2])
        took = (
            " union all select 'took', (select percentile_cont(0.5) within group (order by"
            f" extract(epoch from {end} - {begin}))::text from {source})"
        )
    found = desk.pairs(
        f"select 'rows' as k, count(*)::text as v from {source} union all"
        f" select 'gap', (select percentile_cont(0.5) within group (order by g)::text from (select"
        f" extract(epoch from {first} - lag({first}) over (order by {first})) as g from {source}) x)"
        f" union all select 'age', extract(epoch from now() - max(greatest({last})))::text from {source}{took}"
    )
    told = [f"{int(found['rows'] or 0):,} refreshes"]
    told += [f"one every {_span(found['gap'])}"] if found.get("gap") else []
    told += [f"each takes {_span(found['took'])}"] if found.get("took") else []
    told += [f"the last {_span(found['age'])} ago"] if found.get("age") else []
    return ", ".join(told)


def _traces(desk: Desk, schema: str) -> str:
    """Say what is seen of how tables are refreshed: their files, and what the statistics count."""
    name = sql.string_literal(schema)
    found = desk.pairs(
        f"with t as (select c.oid, pg_relation_filenode(c.oid) as file from pg_class c where c.relkind = 'r'"
        f" and c.relnamespace = (select oid from pg_namespace where nspname = {name})),"
        " s as (select t.*, s.n_tup_upd, s.n_tup_del from t left join pg_stat_all_tables s on s.relid = t.oid)"
        " select 'tables' as k, count(*)::text as v from s"
        " union all select 'file', count(*)::text from s where file <> oid"
        " union all select 'del', count(*)::text from s where n_tup_del > 0"
        " union all select 'upd', count(*)::text from s where n_tup_upd > 0"
    )
    count, file, deleted, updated = (int(found[one] or 0) for one in ("tables", "file", "del", "upd"))
    told = [f"rows were deleted in {deleted}"] if deleted else []
    told += [f"rows were updated in {updated}"] if updated else []
    told += [f"{file} have another file than when they were made (truncated or rewritten)"] if file else []
    return f"of {count} tables: " + (
        "; ".join(told) or "none shows a change since it was made (loaded once, or swapped)"
    )


def _span(seconds: str | None) -> str:
    """Write a length of time.

    >>> _span("1800"), _span("95.5"), _span("172800")
    ('30 min', '96 s', '2 days')
    """
    number = float(seconds or 0)
    for size, unit in ((172_800, 86_400), (7_200, 3_600), (120, 60)):
        if number >= size:
            return f"{number / unit:.0f} {({86_400: 'days', 3_600: 'hours', 60: 'min'})[unit]}"
    return f"{number:.0f} s"
