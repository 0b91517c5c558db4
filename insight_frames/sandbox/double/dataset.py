"""Interactive answers: ``POST /api/dataset`` and everything that answers like it.

The rows come first and the verdict (``status``, ``row_count``) last, because the real server writes them while it
reads; the old eras hold the whole answer before they send any of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from . import accounts, basetypes, era, failures, humanize, keepalive, limits, naming, query, replies, sqlformat, values
from . import javatext as java
from .app import App, Reply, Request, route
from .query import Context, QueryError, Result, Statement
from .sync import metadata

_SAMPLE = 1000  # values looked at where types come from values
REQUIRED = "`database` is required for all queries whose type is not `internal`."
_NO_STREAM = (
    "class org.eclipse.jetty.server.HttpInput cannot be cast to class clojure.lang.Associative"
    " (org.eclipse.jetty.server.HttpInput and clojure.lang.Associative are in unnamed module of loader 'app')"
)
_NO_CHANNEL = (
    "Output of process-query-and-save-with-max-results-constraints! does not match schema: \n\n\t \x1b[0;33m "
    " (not (instance? clojure.core.async.impl.channels.ManyToManyChannel true)) \x1b[0m \n\n"
)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def readable(app: App, request: Request, number: Any) -> Reply | None:
    """None if the user may ask this database, else the refusal."""
    database = app.databases.get(number) if _is_id(number) else None
    if database is None:
        return replies.not_found()
    if database.admin_only and not (request.user or {})["is_superuser"]:
        return replies.forbidden()
    return None


def asked_of(app: App, request: Request, given: Any) -> Reply | None:
    """Check the ``database`` of an interactive query."""
    if app.era < 35:
        if not isinstance(given, dict) or not _is_id(given.get("database")):
            return replies.errors(400, database="value must be an integer.")
    elif given is None:
        return replies.exception(_NO_STREAM, java="java.lang.ClassCastException")
    else:
        wanted = given if isinstance(given, dict) else {}
        if wanted.get("database") is None:
            shown = {**wanted, "middleware": {**(wanted.get("middleware") or {}), "js-int-to-string?": True}}
            return replies.exception(REQUIRED, 400, {"status-code": 400, "query": shown})
        if not _is_id(wanted["database"]):
            return replies.invalid(app.era, "database", wanted["database"], "integer")
    return readable(app, request, given["database"])


@route("POST", r"/api/dataset/?")
def run(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Run a query of the request's own."""
    refusal = asked_of(app, request, request.json) or table_not_read(app, request, request.json)
    return refusal if refusal is not None else answer(app, request, request.json, Context())


def table_not_read(app: App, request: Request, asked: dict[str, Any]) -> Reply | None:
    """In 0.49 somebody is told of every table that is read, and stumbles over one that does not exist."""
    inner = asked.get("query")
    number = inner.get("source-table") if isinstance(inner, dict) else None
    if app.era < 49 or not isinstance(number, int) or number in metadata(app).tables:
        return None
    event = {"object": None, "user-id": (request.user or {})["id"]}
    told = {"topic": "event/table-read", "event": event}
    said = "Value does not match schema"
    cause = {"value": event, "schema": java.identity("malli.core$_map_schema$reify$reify__11323", said)}
    message = f"Error publishing :event/table-read event: {said}"
    body = {"via": [], "trace": [], "cause": said, "data": cause, "message": message, **told}
    return replies.data(body, 500)


@route("POST", r"/api/dataset/native/?", eras=(34, 47, 49))
def compiled(app: App, request: Request, match: re.Match[str]) -> Reply:
    """The SQL of a query that is not run."""
    refusal = asked_of(app, request, request.json)
    if refusal is not None:
        return refusal
    asked = {
        **request.json,
        "constraints": {"max-results-bare-rows": (most := era.of(app).max_rows), "max-results": most},
    }
    try:
        shown = failures.native_form(era.of(app), query.compile(app, request, asked))
    except QueryError as error:
        return replies.exception(error.error, extra={"type": error.error_type} if error.error_type else None)
    if app.era >= 46 and request.json.get("pretty") is not False:
        shown = {**shown, "query": sqlformat.pretty(shown["query"])}
    return replies.data(shown)


def answer(app: App, request: Request, asked: dict[str, Any], context: Context) -> Reply:
    """Run a question and answer as ``/api/dataset`` does."""
    flags = era.of(app)
    headers = [("Content-Type", replies.JSON_TYPE)]
    if flags.number >= 34:
        headers.append(("X-Accel-Buffering", "no"))
    try:
        if flags.keep_alive:
            return Reply(
                flags.query_status, keepalive.body(lambda: _whole(app, request, asked, context)), headers, True
            )
        body: bytes | Iterable[bytes] = _body(app, request, asked, context)
    except limits.BadConstraints:
        return _no_channel()
    except QueryError as error:
        body = replies.to_json(failures.failed(app, asked, error, context))
    return Reply(flags.query_status, body, headers, chunked=True)


def _whole(app: App, request: Request, asked: dict[str, Any], context: Context) -> bytes:
    """The answer of an era that makes it whole."""
    try:
        return b"".join(_body(app, request, asked, context))
    except values.Unserializable:
        return b""
    except QueryError as error:
        return replies.to_json(failures.failed(app, asked, error, context))


def _no_channel() -> Reply:
    told = {
        "value": True,
        "error": java.identity("schema.utils.ValidationError", "channel"),
        "message": _NO_CHANNEL,
        "type": "class clojure.lang.ExceptionInfo",
        "stacktrace": [],
    }
    return replies.data(told, 500)


def _body(app: App, request: Request, asked: dict[str, Any], context: Context) -> Iterable[bytes]:
    flags = era.of(app)
    constraints = limits.interactive(app, asked)
    statement = query.compile(app, request, {**asked, "constraints": constraints})
    cap = limits.applies(app, constraints, statement)
    database = app.databases[asked["database"]]
    rows = cap if statement.limit is None else min(cap, statement.limit)
    with failures.of(flags, statement):
        result = query.execute(app, request, database, statement, rows, asked)
        table = Table(app, asked, statement, result)
        if not flags.join_rows:
            return (_old(app, asked, context, statement, table, cap),)
    return _streamed(app, asked, context, statement, table, cap)


class Table:
    """The rows of a result as JSON arrays; remembers what the end of the answer tells about them."""

    def __init__(self, app: App, asked: dict[str, Any], statement: Statement, result: Result) -> None:
        self.app, self.statement, self.result = app, statement, result
        self.flags = era.of(app)
        self.count = 0
        given = asked.get("middleware")
        middleware: dict[str, Any] = given if isinstance(given, dict) else {}
        raw = self.flags.number >= 34 and middleware.get("format-rows?") is False
        as_text = (
            self._keys() if self.flags.int_to_string and middleware.get("js-int-to-string?") is not False else set()
        )
        self.writers = [self._writer(column, raw, index in as_text) for index, column in enumerate(result.columns)]
        naming.check(self.flags, statement, result)
        self.samples: list[list[str | None]] = [[] for _ in result.columns]

    def _keys(self) -> set[int]:
        kinds = ("type/PK", "type/FK")
        cols = (self.statement.cols or []) if self.statement.bare else []
        return {index for index, col in enumerate(cols) if col.get("semantic_type") in kinds}

    def _writer(self, column: query.Column, raw: bool, as_text: bool) -> values.Writer:
        flags = era.ERAS[47] if raw and self.flags.formatted else self.flags
        made = values.writer(flags, column, "json" if raw else "dataset")
        if as_text and made.kind == "int":
            made.bare = False
        return made

    def chunks(self) -> Iterator[list[str]]:
        """Rows as JSON text, chunk by chunk."""
        for chunk, count in self.result.chunks():
            room = _SAMPLE - self.count
            found = []
            for row in range(count):
                cells = [chunk.get_value(row, index) for index in range(len(self.writers))]
                if row < room:
                    for sample, cell in zip(self.samples, cells, strict=True):
                        sample.append(None if cell is None else bytes(cell).decode("utf-8"))
                tokens = [writer.json(cell) for writer, cell in zip(self.writers, cells, strict=True)]
                found.append(f"[{','.join(tokens)}]")
            self.count += count
            yield found

    def cols(self) -> list[dict[str, Any]]:
        """``data.cols``; after the rows, because types may come from values."""
        if self.statement.cols is not None:
            return self.statement.cols
        names = [column.name for column in self.result.columns]
        parts = zip(names, naming.unique(names), self.result.columns, self.samples, strict=True)
        return [self._col(name, own, column, sample) for name, own, column, sample in parts]

    def _col(self, name: str, own: str, column: query.Column, sample: list[str | None]) -> dict[str, Any]:
        number = self.flags.number
        base = basetypes.native(number, column.type_name, sample)
        if number == 31:
            return {"name": own, "display_name": humanize.readable(number, own), "base_type": base, "source": "native"}
        if number == 34:
            field: dict[str, Any] = {"field_ref": ["field-literal", own, base]} if name else {}
            return {"name": own, "display_name": own, "base_type": base, "source": "native", **field}
        field = {"field_ref": ["field", own, {"base-type": base}]} if name else {}
        shown = {"display_name": name, "source": "native", **field, "name": own}
        return {**shown, "base_type": base, "effective_type": base}


def _metadata(cols: list[dict[str, Any]], flags: era.Era) -> dict[str, Any]:
    kind = "semantic_type" if flags.number >= 39 else "special_type"
    wanted = ("name", "display_name", "base_type", "effective_type", "field_ref")
    columns = [
        {**{key: col[key] for key in wanted if key in col}, kind: col.get(kind), "fingerprint": None} for col in cols
    ]
    return {"columns": columns}


def _verdict(app: App, asked: dict[str, Any], context: Context, count: int) -> dict[str, Any]:
    shown = {
        key: asked[key] for key in ("database", "type", "native", "query", "parameters", "constraints") if key in asked
    }
    cached = {"cached": False} if app.era >= 49 else {}
    return {
        **cached,
        "database_id": asked["database"],
        "started_at": accounts.stamp(app),
        "json_query": shown,
        "average_execution_time": None,
        "status": "completed",
        "context": context.name,
        "row_count": count,
        "running_time": 1,
    }


def _streamed(
    app: App, asked: dict[str, Any], context: Context, statement: Statement, table: Table, cap: int
) -> Iterator[bytes]:
    flags = table.flags
    opening = b'{"data":{"rows":[\n'
    try:
        with failures.of(flags, statement):
            for rows in table.chunks():
                if rows:
                    yield opening + ",\n".join(rows).encode("utf-8")
                    opening = b",\n"
    except QueryError as error:
        body = replies.to_json(failures.failed(app, asked, error, context))
        yield body
        return
    cols = table.cols()
    truncated = {"rows_truncated": cap} if table.count >= cap else {}
    data = {
        "cols": cols,
        "native_form": failures.native_form(flags, statement),
        "results_timezone": "UTC",
        **truncated,
        "results_metadata": _metadata(cols, flags),
        "insights": None,
    }
    if opening != b",\n":
        yield opening
    tail = replies.to_json(data)[1:] + b",\n" + replies.to_json(_verdict(app, asked, context, table.count))[1:]
    yield b"\n],\n" + tail


def _old(app: App, asked: dict[str, Any], context: Context, statement: Statement, table: Table, cap: int) -> bytes:
    flags = table.flags
    rows = [row for chunk in table.chunks() for row in chunk]
    cols = table.cols()
    data: dict[str, Any] = {}
    if flags.number == 31:
        data["columns"] = [col["name"] for col in cols]
    data |= {
        "native_form": failures.native_form(flags, statement),
        "cols": cols,
        "results_metadata": _metadata(cols, flags),
    }
    data["insights"] = None
    if table.count >= cap and (flags.number >= 34 or statement.cols is not None):
        data["rows_truncated"] = cap
    if flags.number >= 34:
        data["results_timezone"] = "UTC"
    verdict = replies.to_json(_verdict(app, asked, context, table.count))[:-1]
    return verdict + b',"data":{"rows":[' + ",".join(rows).encode("utf-8") + b"]," + replies.to_json(data)[1:] + b"}"
