"""The failed result: the JSON object that stands for an answer when a query did not work, as each era words it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import accounts, era
from .app import App
from .query import PSQL, Context, QueryError, Statement


def message(flags: era.Era, error: QueryError) -> str:
    """The text of the error; the eldest era puts the exception's class in front of PostgreSQL's words."""
    if flags.number == 31 and error.java == PSQL:
        return f"org.postgresql.util.PSQLException: {error.error}"
    return error.error


def failed(app: App, query: dict[str, Any], error: QueryError, context: Context) -> dict[str, Any]:
    """The failed result of ``query`` asked in ``context``."""
    flags = era.of(app)
    nothing: dict[str, Any] = {"rows": [], "cols": []}
    asked = {key: query[key] for key in ("database", "type", "native", "query", "parameters") if key in query}
    body: dict[str, Any] = {"database_id": query.get("database"), "started_at": accounts.stamp(app)}
    if flags.number < 35:
        if flags.number == 31:
            nothing["columns"] = []
        return {
            **body,
            "json_query": asked,
            "status": "failed",
            "stacktrace": [],
            "context": context.name,
            "error": message(flags, error),
            "row_count": 0,
            "running_time": 0,
            **error.extra,
            "data": nothing,
        }
    if error.error_type is not None:
        body["via"] = [{"status": "failed", "error": error.error, "stacktrace": [], "error_type": error.error_type}]
    if flags.number >= 49:
        body["action_id"] = None
    for key, value in (("state", error.state), ("error_type", error.error_type)):
        if value is not None:
            body[key] = value
    return {
        **body,
        "json_query": asked,
        "status": "failed",
        "class": error.java,
        "stacktrace": [],
        "card_id": context.card_id,
        "context": context.name,
        "error": error.error,
        "row_count": 0,
        "running_time": 0,
        **error.extra,
        "data": nothing,
    }


def native_form(flags: era.Era, statement: Statement) -> dict[str, Any]:
    """The statement as answers repeat it."""
    if statement.native_form is not None:
        return statement.native_form
    shown: dict[str, Any] = {"query": statement.sql}
    if flags.number == 31 or statement.args is not None or statement.cols is not None:
        nothing: list[str] | None = [] if flags.number == 31 else None
        shown["params"] = [str(value) for value in statement.args] if statement.args else nothing
    return shown


@contextmanager
def of(flags: era.Era, statement: Statement) -> Iterator[None]:
    """A failure inside belongs to this statement: a table question's failed result tells the SQL it became."""
    try:
        yield
    except QueryError as error:
        if statement.cols is not None:
            error.extra.setdefault("native", native_form(flags, statement))
        raise
