"""The failed result: the JSON object that stands for an answer when a query did not work, as each era words it."""

from __future__ import annotations

from typing import Any

from . import accounts, era
from .app import App
from .query import PSQL, Context, QueryError


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
        card = {"card_id": context.card_id} if context.card_id is not None else {}
        return {
            **body,
            "json_query": asked,
            "status": "failed",
            "stacktrace": [],
            **card,
            "context": context.name,
            "error": message(flags, error),
            "row_count": 0,
            "running_time": 0,
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
