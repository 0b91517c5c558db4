"""PostgreSQL: its version, the settings of the session that statements run in, and what the account may do there."""

from __future__ import annotations

import time
from typing import Any

from ..errors import sentence
from .asking import Desk
from .report import Section

# Settings that change what a text looks like, how long a statement may take, or what is seen.
_SETTINGS = (
    "server_version", "TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output", "lc_monetary",
    "server_encoding", "client_encoding", "standard_conforming_strings", "search_path", "transaction_isolation",
    "transaction_read_only", "row_security", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
    "temp_file_limit", "work_mem", "jit", "max_parallel_workers_per_gather", "block_size",
)  # fmt: skip
# What reading calls, and what it would like to.
_FUNCTIONS = (
    "record_send", "row_to_json", "string_agg", "pg_relation_size", "pg_table_size", "row_security_active",
    "has_table_privilege", "pg_current_snapshot", "txid_current_snapshot", "pg_is_in_recovery", "hashtextextended",
    "pg_export_snapshot",
)  # fmt: skip
_FACTS = f"""
select 's ' || n as k, current_setting(n, true) as v from unnest(array{list(_SETTINGS)!r}) n
union all select 'f ' || p.proname, bool_or(has_function_privilege(p.oid, 'EXECUTE'))::text from pg_proc p
  where p.pronamespace = 'pg_catalog'::regnamespace and p.proname in ({", ".join(f"'{one}'" for one in _FUNCTIONS)})
  group by 1
union all select 'database', current_database()
union all select 'role', current_user
union all select 'superuser', (select rolsuper::text from pg_roles where rolname = current_user)
union all select 'bypass', (select rolbypassrls::text from pg_roles where rolname = current_user)
union all select 'roles', (select string_agg(rolname, ', ' order by rolname) from pg_roles
  where rolname <> current_user and pg_has_role(oid, 'MEMBER'))
union all select 'create', has_database_privilege(current_database(), 'CREATE')::text
union all select 'temporary', has_database_privilege(current_database(), 'TEMPORARY')::text
union all select 'write', (select count(*)::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
  and has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
union all select 'standby', pg_is_in_recovery()::text
union all select 'stats', has_table_privilege('pg_catalog.pg_stat_all_tables', 'SELECT')::text
union all select 'collation', (select datcollate from pg_database where datname = current_database())
union all select 'extensions', (select string_agg(extname, ', ' order by extname) from pg_extension)
union all select 'clock', extract(epoch from clock_timestamp())::text
"""
_SKEW = 5.0  # seconds that clocks may differ before it is worth a note


def database(desk: Desk) -> tuple[Section, Section, Section]:
    """Ask for what there is to know of the database, the session and our rights, in one statement."""
    about, session, rights = Section("postgresql"), Section("session of a statement"), Section("rights in the database")
    begun = time.time()
    found = desk.learn(about, "version", lambda: desk.pairs(_FACTS), sql=True)
    if found is None:
        for one in (session, rights):
            one.unknown("all of it", about.missing["version"])
        return about, session, rights
    about.facts.clear()
    _about(desk, about, found, (begun + time.time()) / 2)
    for name in _SETTINGS[1:]:
        session.say(name, found.get(f"s {name}"))
    _rights(desk, rights, found)
    return about, session, rights


def _about(desk: Desk, section: Section, found: dict[str, str | None], now: float) -> None:
    section.say("version", found.get("s server_version"))
    section.say("database", found.get("database"))
    section.say("standby", _yes(found.get("standby")))
    section.say("collation", found.get("collation"))
    section.say("extensions", found.get("extensions") or "none")
    callable_ = {name for name in _FUNCTIONS if found.get(f"f {name}") == "true"}
    section.say("functions not to be called", sorted(set(_FUNCTIONS) - callable_))
    section.say("statistics of tables", _yes(found.get("stats")))
    skew = float(found["clock"] or 0) - now
    section.say(
        "clock", f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} ours" if abs(skew) > _SKEW else "as ours"
    )
    if abs(skew) > _SKEW:
        desk.notes.append("The database's clock and this computer's differ; times in provenance are the database's.")


def _rights(desk: Desk, section: Section, found: dict[str, str | None]) -> None:
    section.say("role", found.get("role"))
    section.say("member of", found.get("roles") or "no other role")
    section.say("superuser", _yes(found.get("superuser")))
    section.say("passes row-level security", _yes(found.get("bypass")))
    section.say("may create schemas", _yes(found.get("create")))
    section.say("may make temporary tables", _yes(found.get("temporary")))
    writes = int(found.get("write") or 0)
    section.say("tables it may change", writes)
    if writes or _yes(found.get("superuser")):
        desk.notes.append(
            sentence("This account may change data", try_="ask for one that may only read; this package never writes")
        )


def _yes(text: Any) -> bool | None:
    return None if text is None else text == "true"
