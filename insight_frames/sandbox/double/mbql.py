"""Table questions (MBQL) as SQL, in the order of columns and with the names that Metabase gives them.

A question is compiled level by level: an inner question becomes the table ``source`` of the outer one, and every level
says which columns it gives; segments, metrics and parameters are filters like any other by then.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from . import dates, fragments, levels
from .conditions import Writer
from .fieldtypes import isa
from .fragments import Sql
from .parsing import number
from .query import QueryError, Statement
from .references import Ref, Resolver, refuse_modern, token

if TYPE_CHECKING:
    from .app import App, Database, Request

_RAW = {"expressions", "template-tags"}  # their keys are names of the user's
_EMPTY = {
    31: '(not ("Native queries should specify `:native` but not `:query`; MBQL queries should specify `:query` but not '
    '`:native`." a-clojure.lang.PersistentArrayMap))',
    34: "Query must specify either `:native` or `:query`, but not both. a-clojure.lang.PersistentArrayMap",
    47: 'Input to resolve-card-id-source-tables* does not match schema: \n\n\t \x1b[0;33m  [(named (not ("Query must '
    'specify either `:native` or `:query`, but not both." a-clojure.lang.PersistentArrayMap)) arg0)] \x1b[0m \n\n',
    49: 'Invalid query: ["Query must specify either `:native` or `:query`, but not both." "Native queries must specify '
    '`:native`; MBQL queries must specify `:query`."]',
}


def compile(app: App, req: Request, query: dict[str, Any], database: Database) -> Statement:
    """A table question as a statement with complete ``cols``."""
    inner = normal(query.get("query") or {})
    if not inner:
        raise _empty(app.era)
    refuse_modern(app.era, inner)
    inner = with_parameters(inner, query.get("parameters") or [])
    limits = normal(query.get("constraints") or {})
    labels = app.era >= 41 and "constraints" not in query  # only exports have none
    level = levels.Level(app, req, Resolver(app, database), inner, limits, labels=labels)
    sql = level.sql()
    cols = [one.col for one in level.outputs]
    text = fragments.spliced(sql) if app.era >= 34 else sql.text
    params = [str(one) for one in sql.args] or None if app.era < 34 else None
    return Statement(
        sql.text,
        list(sql.args) if sql.args else None,
        cols=cols,
        native_form={"query": text, "params": params},
        bare=not level.aggregated,
        limit=level.own_limit,
    )


def _empty(era: int) -> QueryError:
    extra: dict[str, Any] = {"native": None}
    if era == 34:
        extra["error"] = ["not", _EMPTY[34].rsplit(" ", 1)]
    return QueryError(_EMPTY[era], error_type="invalid-query" if era == 47 else None, extra=extra)


def normal(node: Any, raw: bool = False) -> Any:
    """A question with its keys in canonical form (``source_table``, ``ORDER-BY`` ...) and orders in the new one."""
    if isinstance(node, dict):
        out = {}
        for key, value in node.items():
            name = key if raw else token(key)
            if value is None and not raw:
                continue
            out[name] = [_order(one) for one in value] if name == "order-by" else normal(value, name in _RAW)
        return out
    return [normal(one) for one in node] if isinstance(node, list) else node


def _order(clause: list[Any]) -> list[Any]:
    if isinstance(clause[0], (list, int)):
        return ["desc" if token(clause[1]).startswith("desc") else "asc", clause[0]]
    return ["desc" if token(clause[0]).startswith("desc") else "asc", clause[1]]


def with_parameters(inner: dict[str, Any], given: list[dict[str, Any]]) -> dict[str, Any]:
    """The question with the conditions of its parameters."""
    added = [
        parameter_filter(one["target"][1], str(one.get("type", "category")), one.get("value"))
        for one in given
        if isinstance(one.get("target"), list) and len(one["target"]) > 1 and one.get("value") not in (None, [])
    ]
    parts = [one for one in [inner.get("filter"), *added] if one]
    if not parts:
        return inner
    return {**inner, "filter": parts[0] if len(parts) == 1 else ["and", *parts]}


_OPERATORS = {
    "string/=": "=",
    "string/!=": "!=",
    "string/contains": "contains",
    "string/does-not-contain": "does-not-contain",
    "string/starts-with": "starts-with",
    "string/ends-with": "ends-with",
    "number/=": "=",
    "number/!=": "!=",
    "number/>=": ">=",
    "number/<=": "<=",
    "number/between": "between",
}


def parameter_filter(clause: Any, kind: str, given: Any) -> list[Any]:
    """The filter that a parameter of a type means for a field."""
    if kind.startswith("date"):
        found = dates.parse(str(given[0] if isinstance(given, list) else given), dt.date.today())
        if found is None:
            raise QueryError(f"Don't know how to parse date string {given!r}", error_type="invalid-parameter")
        return _date_filter(clause, found)
    operator = _OPERATORS.get(kind, "=")
    many = given if isinstance(given, list) else [given]
    if kind.startswith("number"):
        many = [number(one) for one in many]
    if operator in ("=", "!=", "between"):
        return [operator, clause, *many]
    if len(many) == 1:
        return [operator, clause, many[0]]
    return ["and" if operator == "does-not-contain" else "or", *([operator, clause, one] for one in many)]


def _date_filter(clause: Any, found: dates.Range) -> list[Any]:
    start, end = found.start, found.end
    if start is not None and end is not None:
        if start == end:
            return ["=", clause, start.isoformat()]
        return ["between", clause, start.isoformat(), end.isoformat()]
    return ["<", clause, str(end)] if start is None else [">", clause, str(start)]


def field_filter(app: App, req: Request, database: Database, dimension: Any, kind: str, given: Any) -> Sql:
    """The condition of a field filter in a native question, over the table's full name."""
    resolver = Resolver(app, database)
    table = _dimension(resolver, dimension)

    def column(ref: Ref) -> Sql:
        field = ref.field
        if field is None:
            raise QueryError("A field filter needs a field.", error_type="invalid-query")
        shown = fragments.name(field.table.schema, field.table.name, field.name)
        cast = app.era < 34 and isa(field.base_type, "Temporal")
        return "CAST(" + shown + " AS date)" if cast else shown

    def base(ref: Ref) -> str:
        if ref.field is None:
            return "type/*"
        return "type/Date" if app.era < 34 and isa(ref.field.base_type, "Temporal") else ref.field.base_type

    writer = Writer(app.era, resolver.ref, column, base)
    many = given if isinstance(given, list) else [given]
    if table.field is not None and isa(table.field.base_type, "Number") and not kind.startswith("date"):
        many = [number(one) for one in many]
    clause = parameter_filter(dimension, kind, many if len(many) > 1 or kind in _OPERATORS else many[0])
    if clause[0] == "=" and len(clause) > 3:
        listed = fragments.joined(", ", (writer.operand(one) for one in clause[2:]))
        return writer.reference(dimension) + " IN (" + listed + ")"
    return writer.filter(clause)


def _dimension(resolver: Resolver, dimension: Any) -> Ref:
    if not dimension:
        raise QueryError("Error building query parameter map: no dimension", error_type="invalid-query")
    return resolver.ref(dimension)
