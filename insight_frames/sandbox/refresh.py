"""The job that loads a study's schema anew, in the three ways such jobs are written.

One serializable transaction moves every table with a ``refreshed_at`` column from one generation to the next: in any
one state of the schema that column holds a single value in all tables, the ``source_as_of`` of the last row of
``refresh_log``, whose message is ``generation N``. Who sees two values has mixed two states.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql

from insight_frames.sandbox.postgres import SandboxError

Connection = psycopg.Connection[tuple[Any, ...]]
MODES = ("delete", "truncate", "swap")
REBUILT = 4  # clinical tables that are emptied and filled, or swapped; the others are updated in place
TRIES_FOR = 60.0  # seconds
# A reader takes its locks in an order of its own, so a refresh that locks can meet it head-on. The refresh must be the
# one to give way: readers wait for deadlock_timeout (1 s) before they look for a deadlock and fail.
LOCKING = "set local deadlock_timeout = '20ms'; set local lock_timeout = '800ms'"
AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)


def refresh(
    connection: Connection, schema: str, mode: str, *, hold: float = 0.0, stop: threading.Event | None = None
) -> int:
    """Refresh ``schema`` once.

    Parameters
    ----------
    connection : psycopg.Connection
        Of a superuser, in auto-commit mode.
    schema : str
    mode : {"delete", "truncate", "swap"}
        Delete and insert; truncate and insert; or build a new table, drop the old one and rename.
    hold : float
        Seconds to stay in the open transaction before it is committed.
    stop : threading.Event, optional
        Once set, no further attempt is made when a reader is in the way.

    Returns
    -------
    int
        The new generation; -1 if it was stopped.

    Raises
    ------
    SandboxError
        If the schema cannot be refreshed, or readers were in the way for a minute.
    """
    _check(connection, schema, mode)
    connection.execute("select pg_advisory_lock(hashtext(%s))", (schema,))  # one refresh at a time
    try:
        deadline = time.monotonic() + TRIES_FOR
        while stop is None or not stop.is_set():
            try:
                return _once(connection, schema, mode, hold)
            except AGAIN as error:
                if time.monotonic() > deadline:
                    raise SandboxError(f"Readers kept the refresh of {schema} waiting for a minute.") from error
                time.sleep(random.uniform(0.001, 0.02))  # out of step with the reader in the way
        return -1
    finally:
        connection.execute("select pg_advisory_unlock(hashtext(%s))", (schema,))


@contextmanager
def refreshing(connect: Callable[[], Connection], schema: str, mode: str, every: float) -> Iterator[list[int]]:
    """Refresh again and again in the background while the block runs; yields the growing list of generations."""
    with connect() as connection:
        _check(connection, schema, mode)
    stop, done = threading.Event(), list[int]()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with connect() as connection:
                while not stop.is_set():
                    began = time.monotonic()
                    done.append(refresh(connection, schema, mode, stop=stop))
                    stop.wait(max(0.0, every - (time.monotonic() - began)))
        except (psycopg.Error, SandboxError) as error:
            failed.append(error)

    thread = threading.Thread(target=work, name=f"refresh of {schema}", daemon=True)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


def _check(connection: Connection, schema: str, mode: str) -> None:
    if mode not in MODES:
        raise SandboxError(f"There is no refresh mode {mode!r}; expected one of {', '.join(MODES)}.")
    if not _tables(connection, schema):
        raise SandboxError(f"The schema {schema!r} has nothing to refresh; only the synthetic study can be refreshed.")


def _once(connection: Connection, schema: str, mode: str, hold: float) -> int:
    tables = _tables(connection, schema)
    rebuilt = [table for table in tables if table.startswith("ig_")][:REBUILT]
    locked = sql.SQL(", ").join(map(sql.Identifier, _locked(connection, schema, rebuilt, mode)))
    with connection.transaction():
        connection.execute("set transaction isolation level serializable")
        connection.execute(LOCKING)
        connection.execute(sql.SQL("set local search_path to {}").format(sql.Identifier(schema)))
        if mode != "delete":  # before the first look at the data, which would already be old when the locks are granted
            connection.execute(sql.SQL("lock table {} in access exclusive mode").format(locked))
        generation, stamp = _begin(connection)
        for table in tables:
            if table not in rebuilt:
                update = sql.SQL("update {} set refreshed_at = {}")
                connection.execute(update.format(sql.Identifier(table), sql.Literal(stamp)))
        for table in rebuilt:
            REBUILD[mode](connection, table, stamp)
        connection.execute(FINISH, (f"generation {generation}",))
        if hold:
            connection.execute("select pg_sleep(%s)", (hold,))
    return generation


FINISH = """update refresh_log set refresh_finished = clock_timestamp(), status = 'success', message = %s
    where refresh_log_id = (select max(refresh_log_id) from refresh_log)"""


def _tables(connection: Connection, schema: str) -> list[str]:
    """List the tables that carry the mark; an empty clinical table has nothing to refresh."""
    query = """
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = to_regnamespace(%s) and a.attname = 'refreshed_at' and c.relkind = 'r'
          and pg_relation_size(c.oid) > 0 order by 1"""
    return [str(row[0]) for row in connection.execute(query, (sql.Identifier(schema).as_string(),))]


def _locked(connection: Connection, schema: str, rebuilt: list[str], mode: str) -> list[str]:
    """List the tables that the mode has to itself, in the order of names, as a reader of a whole schema has them."""
    if mode == "delete":
        return []
    if mode == "truncate":
        return rebuilt
    # to drop a table is to drop its foreign keys, which locks the tables they refer to
    query = """
        select distinct r.relname
        from pg_constraint join pg_class t on t.oid = conrelid join pg_class r on r.oid = confrelid
        where contype = 'f' and t.relnamespace = to_regnamespace(%s) and t.relname = any (%s)"""
    referred = connection.execute(query, (sql.Identifier(schema).as_string(), rebuilt))
    return sorted({*rebuilt, *(str(row[0]) for row in referred)})


def _begin(connection: Connection) -> tuple[int, Any]:
    """Write the new row of ``refresh_log``; gives the generation and the mark of its rows."""
    query = r"""
        insert into refresh_log (refresh_log_id, refresh_started, status, source_as_of)
        select max(refresh_log_id) + 1, clock_timestamp(), 'running', max(source_as_of) + interval '1 minute'
        from refresh_log
        returning (select max(substring(message from '^generation (\d+)$')::int) + 1 from refresh_log), source_as_of"""
    row = connection.execute(query).fetchone()
    assert row is not None, "the query gives one row"
    return row[0], row[1]


def _columns(connection: Connection, table: str, stamp: Any) -> sql.Composable:
    """Give the table's select list, with the new mark in the place of the old one."""
    query = """
        select attname from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum"""
    names = [str(row[0]) for row in connection.execute(query, (sql.Identifier(table).as_string(),))]
    return sql.SQL(", ").join(sql.Literal(stamp) if name == "refreshed_at" else sql.Identifier(name) for name in names)


def _delete(connection: Connection, table: str, stamp: Any) -> None:
    statement = sql.SQL("with gone as (delete from {0} returning *) insert into {0} select {1} from gone")
    connection.execute(statement.format(sql.Identifier(table), _columns(connection, table, stamp)))


def _truncate(connection: Connection, table: str, stamp: Any) -> None:
    statements = sql.SQL(
        "create temp table loading on commit drop as select {1} from {0}; truncate {0};"
        " insert into {0} select * from loading; drop table pg_temp.loading"
    )
    connection.execute(statements.format(sql.Identifier(table), _columns(connection, table, stamp)))


def _swap(connection: Connection, table: str, stamp: Any) -> None:
    """Build a new table beside the old one, with all that hangs on it, and put it in the old one's place."""
    old, new = sql.Identifier(table), sql.Identifier(f"{table}_new")
    fill = sql.SQL("create table {1} (like {0} including all); insert into {1} select {2} from {0}")
    connection.execute(fill.format(old, new, _columns(connection, table, stamp)))
    quoted = {"old": old.as_string(), "new": new.as_string()}
    for query in CARRY_OVER:
        for (command,) in connection.execute(query, quoted).fetchall():
            connection.execute(command.encode())
    renames = [str(row[0]) for row in connection.execute(INDEX_NAMES, quoted)]
    connection.execute(sql.SQL("drop table {0}; alter table {1} rename to {0}").format(old, new))
    for command in renames:
        connection.execute(command.encode())


REBUILD: dict[str, Callable[[Connection, str, Any], None]] = {"delete": _delete, "truncate": _truncate, "swap": _swap}

# What LIKE ... INCLUDING ALL leaves behind; each query gives commands for the new table.
CARRY_OVER: list[LiteralString] = [
    """select format('comment on table %%s is %%L', %(new)s::text, obj_description(%(old)s::regclass, 'pg_class'))""",
    """select format('grant %%s on %%s to %%s', privilege_type, %(new)s::text, grantee::regrole)
       from pg_class, aclexplode(relacl) where oid = %(old)s::regclass and grantee <> relowner""",
    """select format('alter table %%s add constraint %%I %%s', %(new)s::text, conname, pg_get_constraintdef(oid))
       from pg_constraint where conrelid = %(old)s::regclass and contype = 'f'""",
    """select format('alter table %%s enable row level security', %(new)s::text)
       from pg_class where oid = %(old)s::regclass and relrowsecurity""",
    """select format('create policy %%I on %%s for select to %%s using (%%s)', polname, %(new)s::text,
         (select string_agg(r::regrole::text, ', ') from unnest(polroles) r), pg_get_expr(polqual, polrelid))
       from pg_policy where polrelid = %(old)s::regclass""",
]
INDEX_NAMES: LiteralString = """
    select format('alter index %%I rename to %%I', n.indexrelid::regclass, o.indexrelid::regclass)
    from pg_index o join pg_index n using (indkey, indisprimary, indisunique)
    where o.indrelid = %(old)s::regclass and n.indrelid = %(new)s::regclass"""
