"""Native SQL on the account's own PostgreSQL role, and the shapes that every query passes through on its way to an answer.

PostgreSQL itself enforces the grants and words the errors; what pgjdbc and Metabase add (a remark in front, row limits,
a cursor of 500 rows) is added here, so that error positions and the moment of an error agree with a real server.

What the other areas call:

==============================================================  =====================================================
``query.Statement(sql, args, cols, native_form, ...)``          what a question compiles to; made by the two below
``params.substitute(app, req, query, database) -> Statement``   native question (``query["type"] == "native"``)
``mbql.compile(app, req, query, database) -> Statement``        table question; fills ``cols`` (complete ``data.cols``)
``query.QueryError(error, ...)``                                raised by both for what becomes a *failed* result
``query.compile(app, req, query) -> Statement``                 dispatches on ``query["type"]`` to one of the two
``query.execute(app, req, database, statement, limit)``         runs it: ``Result`` with columns and chunks of rows
``query.rows(app, req, database, sql, args)``                   a short result as tuples of text or None
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

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Statement:
    """SQL as it goes to PostgreSQL (without the remark), and what the answer says about it."""

    sql: str
    args: list[Any] | None = None  # None: no parameters at all, question marks are PostgreSQL's own
    cols: list[dict[str, Any]] | None = None  # data.cols of a table question; None: read from the result
    native_form: dict[str, Any] | None = None  # None: {"query": sql, "params": args} as the era does
    bare: bool = True  # rows of a table, not aggregated: the lower row cap applies
    limit: int | None = None  # the question's own limit


@dataclass
class Context:
    """On whose behalf a query runs, as failed answers and file names repeat it."""

    name: str = "ad-hoc"  # "question" for a card
    card_id: int | None = None
    stem: str = "query_result"  # of the file name


class QueryError(Exception):
    """A question that failed; it becomes the era's *failed* result, not an HTTP error."""

    def __init__(
        self,
        error: str,
        *,
        java: str = "class clojure.lang.ExceptionInfo",
        error_type: str | None = None,
        state: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.java = java  # the class of the exception, repeated in the answer
        self.error_type = error_type
        self.state = state  # SQLSTATE
        self.extra = extra or {}  # further keys of the failed answer


@dataclass
class Column:
    """One column of a result as PostgreSQL describes it."""

    name: str
    oid: int
    typmod: int
    type_name: str = field(default="")
