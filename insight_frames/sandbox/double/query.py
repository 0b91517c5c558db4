"""Native SQL on the account's own PostgreSQL role, and the shapes that every query passes through on its way to an
answer.

PostgreSQL itself enforces the grants and words the errors; what pgjdbc and Metabase add (a remark in front, row
limits, a cursor of 500 rows) is added here, so that error positions and the moment of an error agree with a real
server.

What the other areas call:

==============================================================  =====================================================
``query.Statement(sql, args, cols, native_form, ...)``          what a question compiles to; made by the two below
``params.substitute(app, req, query, database) -> Statement``   native question (``query["type"] == "native"``)
``mbql.compile(app, req, query, database) -> Statement``        table question; fills ``cols`` (complete ``data.cols``)
``query.QueryError(error, ...)``                                raised by both for what becomes a *failed* result
``query.compile(app, req, query) -> Statement``                 dispatches on ``query["type"]`` to one of the two
``query.execute(app, req, database, statement, limit)``         runs it: ``Result`` with columns and chunks of rows
``dataset.answer(app, req, query, Context(...)) -> Reply``      interactive JSON (``/api/dataset``, card ``/query``)
``exports.answer(app, req, query, fmt, Context(...)) -> Reply`` a file: csv, json or xlsx
``query.Context(name, card_id, stem)``                          "ad-hoc" or "question"; the card; the file's stem
==============================================================  =====================================================

``query`` is the JSON object of a request (``database``, ``type``, ``native`` or ``query``, ``parameters``,
``constraints``, ``middleware``). A ``Statement`` keeps ``?`` for each of ``args`` as JDBC does (``??`` is the operator
``?`` where an argument list exists; with ``args=None`` the text goes out untouched). An argument is a str (bound as
varchar), int (int8), ``decimal.Decimal`` (numeric), float (float8), bool, ``datetime.date`` (date),
``datetime.datetime`` (timestamp, or timestamptz when it has a zone), ``datetime.time`` or None.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg import pq

from . import basetypes, era, jdbc, pg
from .outcome import Column, Context, QueryError, Result, Statement

if TYPE_CHECKING:
    from .app import App, Database, Request


__all__ = ["PSQL", "Column", "Context", "QueryError", "Result", "Statement", "compile", "execute"]

PSQL = "class org.postgresql.util.PSQLException"
_NO_RESULT = "Select statement did not produce a ResultSet for native query"


def driver_error(error: pg.ServerError) -> QueryError:
    """PostgreSQL's refusal as a failed result."""
    return QueryError(error.message, java=PSQL, error_type="invalid-query", state=error.state)


def remark(user: dict[str, Any], kind: str, query: Any) -> str:
    """The comment line in front of every statement; error positions count it."""
    text = json.dumps(query, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"-- Metabase:: userID: {user['id']} queryType: {kind} queryHash: {digest}\n"


def compile(app: App, req: Request, query: dict[str, Any]) -> Statement:
    """The question as a statement; :class:`QueryError` if it makes none or this user may not ask it."""
    database = app.databases[query["database"]]
    if query.get("type") == "native":
        if not (req.user or {}).get("native", True):
            raise QueryError(
                "You do not have permissions to run this query.",
                error_type="missing-required-permissions",
            )
        from . import params

        return params.substitute(app, req, query, database)
    from . import mbql

    return mbql.compile(app, req, query, database)


def _bound(value: Any) -> tuple[bytes | None, int]:
    """One argument as text and type, as the JDBC driver binds it."""
    if value is None:
        return None, 0
    if isinstance(value, bool):
        return (b"t" if value else b"f"), 16
    for kind, oid in ((int, 20), (float, 701), (Decimal, 1700), (dt.time, 1083)):
        if isinstance(value, kind):
            return str(value).encode(), oid
    if isinstance(value, dt.datetime):
        return value.isoformat(" ").encode(), 1114 if value.tzinfo is None else 1184
    if isinstance(value, dt.date):
        return value.isoformat().encode(), 1082
    return str(value).encode("utf-8", "replace"), 1043


def _bind(args: list[Any], first: int, count: int) -> tuple[list[bytes | None], list[int]]:
    values = [_bound(value) for value in args[first : first + count]]
    if len(values) < count:
        raise QueryError(
            f"No value specified for parameter {first + len(values) + 1}.",
            java=PSQL,
            error_type="invalid-query",
            state="22023",
        )
    return [value for value, _ in values], [oid for _, oid in values]


def _type_name(app: App, link: pg.Link, key: tuple[str, str], oid: int) -> str:
    """The name of a type; unknown ones are looked up once, over another connection (this one is busy)."""
    if (known := basetypes.BUILT_IN.get(oid)) is not None:
        return known
    if oid not in link.types:
        pool: pg.Pool = app.store["pool"]
        other = pool.take(*key)
        try:
            other.send(f"SELECT typname FROM pg_catalog.pg_type WHERE oid = {int(oid)}", [], [], None)
            for result in other.results():
                if result.ntuples:
                    link.types[oid] = bytes(result.get_value(0, 0) or b"").decode("utf-8")
        finally:
            pool.give(*key, other)
    return link.types.get(oid, "unknown")


def _columns(app: App, link: pg.Link, key: tuple[str, str], result: pq.abc.PGresult) -> list[Column]:
    found = []
    for index in range(result.nfields):
        oid = result.ftype(index)
        name = (result.fname(index) or b"").decode("utf-8")
        found.append(Column(name, oid, result.fmod(index), _type_name(app, link, key, oid)))
    return found


_ROWS = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.TUPLES_CHUNK, pq.ExecStatus.SINGLE_TUPLE)


class _Run:
    """The statements of one request on one connection."""

    def __init__(self, app: App, req: Request, database: Database, statement: Statement, limit: int) -> None:
        self.flags = era.of(app)
        self.app, self.statement, self.limit = app, statement, limit
        role = str((req.user or {}).get("role") or database.role)
        self.key = (database.dsn, role)
        self.caller = req.connection if self.flags.cancels else None
        self.pool: pg.Pool = app.store["pool"]
        self.link = self.pool.take(*self.key)
        self.open = True
        self.statements = 0

    def close(self) -> None:
        """Give the connection back, whatever state it is in."""
        if self.open:
            self.open = False
            self.pool.give(*self.key, self.link)

    def begin(self) -> None:
        """Open the transaction that is rolled back afterwards, where the era has one."""
        if not self.flags.auto_commit:
            self.link.run("BEGIN READ ONLY" if self.flags.read_only else "BEGIN")

    def first(self, text: str) -> list[Iterator[pq.abc.PGresult]]:
        """Start the statements in ``text``; the results that have rows, the first of them still to be read."""
        args = self.statement.args
        markers = self.flags.prepared or args is not None
        pieces = jdbc.split(text, markers=markers)
        self.statements = len(pieces)
        size = max(1, min(pg.CHUNK, self.limit))
        used, answers = 0, []
        for number, (piece, count) in enumerate(pieces):
            values, oids = _bind(args or [], used, count)
            used += count
            self.link.send(piece, values, oids, size)
            results = self.link.results(self.caller)
            head = next(results, None)
            last = number == len(pieces) - 1
            if head is not None and head.status in _ROWS:
                answers.append(_whole(head, results) if last else iter(list(_whole(head, results))))
            else:
                for _ in results:
                    pass
                if number == 0:
                    answers.append(iter(()))
        return answers


def _whole(head: pq.abc.PGresult, rest: Iterator[pq.abc.PGresult]) -> Iterator[pq.abc.PGresult]:
    yield head
    for result in rest:
        if result.ntuples or result.status in _ROWS:
            yield result


def execute(app: App, req: Request, database: Database, statement: Statement, limit: int, query: Any = None) -> Result:
    """Run a statement as the account's role; at most ``limit`` rows are read.

    Where the era streams, the first 500 rows are here when this returns and the others come as they are asked for;
    elsewhere all of them are.
    """
    if not statement.sql and era.of(app).asserts_sql:
        raise QueryError("Assert failed: (seq sql)", java="class java.lang.AssertionError")
    kind = "native" if statement.cols is None else "MBQL"
    text = remark(req.user or {"id": 0}, kind, query if query is not None else statement.sql) + statement.sql
    if "\0" in text:
        raise driver_error(pg.ServerError("ERROR: insufficient data left in message", "08P01"))
    try:
        run = _Run(app, req, database, statement, limit)
    except pg.ServerError as error:
        raise driver_error(error) from error
    try:
        return _start(run, text)
    except pg.ServerError as error:
        run.close()
        raise driver_error(error) from error
    except BaseException:
        run.close()
        raise


def _start(run: _Run, text: str) -> Result:
    run.begin()
    answers = run.first(text)
    head = next(answers[0], None) if answers else None
    if head is None:
        raise _nothing(run.flags, text)
    if run.flags.prepared and run.statements > 1:
        raise QueryError("Multiple ResultSets were returned by the query.", java=PSQL, state="0100E")
    columns = _columns(run.app, run.link, run.key, head)

    def chunks() -> Iterator[pq.abc.PGresult]:
        try:
            yield head
            yield from run.link.ahead(answers[0]) if run.flags.streams else answers[0]
        except pg.ServerError as error:
            raise driver_error(error) from error
        finally:
            run.close()

    result = Result(columns, chunks(), run.limit, run.close)
    if run.flags.streams:
        return result
    kept = [chunk for chunk, _ in result.chunks()]
    return Result(columns, iter(kept), run.limit)


def _nothing(flags: era.Era, text: str) -> QueryError:
    """The complaint about a statement without rows."""
    if flags.prepared:
        return QueryError(
            "No results were returned by the query.", java=PSQL, error_type="invalid-query", state="02000"
        )
    return QueryError(
        _NO_RESULT,
        error_type="invalid-query",
        extra={"ex-data": {"sql": text, "driver": "postgres"}},
    )
