"""Files: ``POST /api/dataset/csv``, ``/json`` and ``/xlsx``, and the exports of cards.

Since 0.35 the status is sent before the query has an outcome, so that a failure is an object inside a successful
file; the old eras know the outcome first and answer with an error status and plain text.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from . import (
    accounts,
    dataset,
    era,
    export_csv,
    export_json,
    export_xlsx,
    failures,
    limits,
    naming,
    query,
    replies,
    values,
)
from . import javatext as java
from .app import App, Reply, Request, route
from .query import Context, QueryError, Result, Statement

_TYPES = {
    "csv": "text/csv",
    "json": replies.JSON_TYPE,
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_OLD_TYPES = {"json": "applicaton/json; charset=utf-8", "csv": "text/csv; charset=utf-8"}  # misspelt until 0.35
_BODIES = {"csv": export_csv.rows, "json": export_json.rows, "xlsx": export_xlsx.rows}


_CONTEXTS_47 = [
    "embedded-dashboard", "map-tiles", "question", "json-download", "dashboard", "ad-hoc", "csv-download", "pulse",
    "public-dashboard", "xlsx-download", "public-question", "collection", "embedded-question",
]  # fmt: skip
_CONTEXTS_49 = [
    "action", "ad-hoc", "collection", "map-tiles", "pulse", "dashboard", "question", "csv-download",
    "xlsx-download", "json-download", "public-dashboard", "public-question", "embedded-dashboard",
    "embedded-question", "embedded-csv-download", "embedded-xlsx-download", "embedded-json-download",
]  # fmt: skip
_OPTIONS = {
    "async?": True,
    "viz-settings": {"table.columns": None},
    "middleware": {"process-viz-settings?": True, "skip-results-metadata?": True, "format-rows?": False},
}


@route("POST", r"/api/dataset/(csv|json|xlsx|api)")
def run(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Export the rows of a query of the request's own."""
    if match.group(1) not in era.of(app).export_formats:
        return replies.no_endpoint()
    asked = _asked(request)
    if asked is None:
        complaint: dict[str, Any] = {"errors": {"query": "value must be a valid JSON string."}}
        if app.era >= 46:
            complaint["specific-errors"] = {"query": ["should be a string, received: nil"]}
        return replies.data(complaint, 400)
    number = asked.get("database")
    if number is None and app.era >= 35:
        return replies.exception(dataset.REQUIRED, 400, {"status-code": 400, "query": {**asked, **_OPTIONS}})
    refusal = dataset.readable(app, request, number) or dataset.table_not_read(app, request, asked)
    if refusal is not None:
        return refusal
    if match.group(1) == "api":
        return _unknown_context(app, asked)
    return answer(app, request, asked, match.group(1), Context())


def _unknown_context(app: App, asked: dict[str, Any]) -> Reply:
    """The route lets a fourth format through that nothing behind it knows."""
    context = "api-download"
    if app.era < 49:
        known = " ".join(f":{name}" for name in _CONTEXTS_47)
        message = (
            "Output of export-format->context does not match schema: \n\n\t \x1b[0;33m "
            f" (not (#{{{known}}} :{context})) \x1b[0m \n\n"
        )
        mistake = {"value": context, "error": java.identity("schema.utils.ValidationError", context)}
        data = {"type": "schema.core/error", "schema": {"vs": _CONTEXTS_47}, **mistake}
        return replies.data(
            {"via": [], "trace": [], "cause": message, "data": data, "message": message, **mistake}, 500
        )
    known = ", ".join(f":{name}" for name in _CONTEXTS_49[:-1]) + f" or :{_CONTEXTS_49[-1]}"
    complaint = f"should be either {known}"
    error = QueryError(
        f'Invalid query: {{:info {{:context ["{complaint}"]}}}}',
        extra={"ex-data": {"error": {"info": {"context": [complaint]}}}},
    )
    body = replies.to_json(failures.failed(app, asked, error, Context(context)))
    return Reply(202, body, [("X-Accel-Buffering", "no"), ("Content-Type", replies.JSON_TYPE)], chunked=True)


def _asked(request: Request) -> dict[str, Any] | None:
    """The query: JSON text in a parameter of the form or of the URL."""
    text = request.form.get("query", request.query.get("query"))
    if text is None:
        return None
    try:
        asked = json.loads(text)
    except ValueError:
        return None
    return asked if isinstance(asked, dict) else None


def answer(app: App, request: Request, asked: dict[str, Any], fmt: str, context: Context) -> Reply:
    """Export the rows of a question."""
    inside = Context(f"{fmt}-download", context.card_id, context.stem)
    asked = {key: value for key, value in asked.items() if key != "constraints"}
    if era.of(app).in_file_errors:
        return _file(app, request, asked, fmt, inside)
    return _old(app, request, asked, fmt, inside)


def _disposition(app: App, fmt: str, context: Context) -> tuple[str, str]:
    moment = datetime.fromtimestamp(accounts.now(app), UTC)
    fraction = f"{moment.microsecond // 1000:03d}" if app.era == 31 else f"{moment.microsecond:06d}"
    name = f"{context.stem}_{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z.{fmt}"
    return "Content-Disposition", f'attachment; filename="{name}"'


def _run(app: App, request: Request, asked: dict[str, Any]) -> tuple[Statement, Result]:
    statement = query.compile(app, request, asked)
    cap = limits.of_export(app)
    rows = cap if statement.limit is None else min(cap, statement.limit)
    database = app.databases[asked["database"]]
    with failures.of(era.of(app), statement):
        result = query.execute(app, request, database, statement, rows, asked)
    naming.check(era.of(app), statement, result)
    for column, col in zip(result.columns, statement.cols or [], strict=False):
        column.key = col.get("semantic_type") in ("type/PK", "type/FK")
    return statement, result


def titles(flags: era.Era, statement: Statement, result: Result) -> list[str]:
    """What the columns are called in a file."""
    names = [column.name for column in result.columns]
    if statement.cols is None:
        return naming.unique(names) if flags.number < 35 else names
    key = "name" if flags.number == 31 else "display_name"
    return [str(col.get(key) or col.get("name")) for col in statement.cols]


def _content(app: App, request: Request, asked: dict[str, Any], fmt: str, context: Context) -> Iterator[bytes]:
    """The file since 0.35: whatever goes wrong ends it with an error object."""
    flags = era.of(app)
    try:
        statement, result = _run(app, request, asked)
        try:
            with failures.of(flags, statement):
                yield from _BODIES[fmt](flags, titles(flags, statement, result), result)
        finally:
            result.close()
    except QueryError as error:
        yield replies.to_json(failures.failed(app, asked, error, context))


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compress as Java does: at zlib's level 6, and flushed behind every row, which is a line."""
    pack = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        rows = (pack.compress(row) + pack.flush(zlib.Z_SYNC_FLUSH) for row in piece.splitlines(keepends=True))
        yield b"".join(rows)
    yield pack.flush()  # only an answer that was not interrupted has an end


def _file(app: App, request: Request, asked: dict[str, Any], fmt: str, context: Context) -> Reply:
    flags = era.of(app)
    headers = [("X-Accel-Buffering", "no"), _disposition(app, fmt, context), ("Content-Type", _TYPES[fmt])]
    body: Iterable[bytes] = _content(app, request, asked, fmt, context)
    accepted = request.headers.get("accept-encoding", "")
    if flags.gzips and re.search(r"gzip|\*", accepted):
        headers.append(("Content-Encoding", "gzip"))
        body = _gzip(body)
    return Reply(flags.export_status, body, headers, chunked=True)


def _old(app: App, request: Request, asked: dict[str, Any], fmt: str, context: Context) -> Reply:
    """The file up to 0.34: made whole, then sent."""
    flags = era.of(app)
    kind = _OLD_TYPES.get(fmt, f"{_TYPES[fmt]}; charset=utf-8")
    headers = [_disposition(app, fmt, context), ("Content-Type", kind)]
    try:
        statement, result = _run(app, request, asked)
        body = b"".join(_BODIES[fmt](flags, titles(flags, statement, result), result))
    except QueryError as error:
        return replies.text(failures.message(flags, error), 500 if flags.number == 31 else 400)
    except values.Unserializable as error:
        if fmt == "json":
            return Reply(flags.export_status, b"", headers, chunked=True)
        told = {"message": str(error), "type": "class java.time.DateTimeException", "stacktrace": []}
        return replies.data(told, 500)
    return Reply(flags.export_status, body, headers, chunked=fmt == "csv")
