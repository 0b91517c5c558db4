"""Aggregations of table questions, and the segments and metrics that stand for filters and aggregations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .conditions import Writer
from .fragments import Sql
from .query import QueryError
from .references import Resolver, is_reference, token
from .sync import Field

if TYPE_CHECKING:
    from .app import App

_SIMPLE = {"sum": "SUM", "avg": "AVG", "min": "MIN", "max": "MAX", "stddev": "STDDEV_POP", "var": "VAR_POP"}
_COLUMN = {"distinct": "count", "count-where": "count_where", "sum-where": "sum_where", "cum-sum": "sum"}
_COLUMN |= {"cum-count": "count"}


def expanded(app: App, question: dict[str, Any]) -> dict[str, Any]:
    """A question with its segments and metrics written out."""
    store: dict[str, dict[int, dict[str, Any]]] = app.store.get("definitions", {})
    out, filters = dict(question), []
    aggregation = question.get("aggregation")
    if aggregation and not isinstance(aggregation[0], list):
        aggregation = [aggregation]
    if aggregation:
        made = []
        for clause in aggregation:
            inner, condition = _metric(store, clause)
            made.append(inner)
            filters += [condition] if condition else []
        out["aggregation"] = made
    parts = [one for one in [question.get("filter"), *filters] if one]
    if parts:
        whole = parts[0] if len(parts) == 1 else ["and", *parts]
        out["filter"] = _segments(store, whole)
    return out


def _definition(store: dict[str, dict[int, dict[str, Any]]], kind: str, number: Any) -> dict[str, Any]:
    found = store.get(kind, {}).get(number if isinstance(number, int) else -1)
    if found is None:
        raise QueryError(f"{kind.capitalize()} {number} does not exist, or is invalid.", error_type="invalid-query")
    return found


def _metric(store: dict[str, dict[int, dict[str, Any]]], clause: list[Any]) -> tuple[list[Any], Any]:
    if token(clause[0]) != "metric":
        return clause, None
    from .mbql import normal

    found = _definition(store, "metric", clause[1])
    inner = normal(found["definition"])
    first = inner["aggregation"]
    first = first[0] if isinstance(first[0], list) else first
    return ["aggregation-options", first, {"display-name": found["name"]}], inner.get("filter")


def _segments(store: dict[str, dict[int, dict[str, Any]]], clause: Any) -> Any:
    if not isinstance(clause, list) or not clause:
        return clause
    if token(clause[0]) == "segment":
        from .mbql import normal

        inner = normal(_definition(store, "segment", clause[1])["definition"])
        return _segments(store, inner["filter"])
    if token(clause[0]) in ("and", "or", "not"):
        return [clause[0], *(_segments(store, one) for one in clause[1:])]
    return clause


def _plain(clause: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """An aggregation without the name it was given."""
    if token(clause[0]) in ("aggregation-options", "named"):
        options = clause[2] if isinstance(clause[2], dict) else {"display-name": clause[2]}
        return clause[1], {token(key): value for key, value in options.items()}
    return clause, {}


def described(resolver: Resolver, clause: list[Any]) -> tuple[str, Field | None, str | None]:
    """The aggregation's word, the field it is of, and the label it was given."""
    inner, options = _plain(clause)
    field = resolver.ref(inner[1]).field if len(inner) > 1 and is_reference(inner[1]) else None
    label = options.get("display-name")
    return token(inner[0]), field, label if resolver.app.era >= 33 else None


def column_name(word: str, clause: list[Any]) -> str:
    """The name of the column an aggregation gives."""
    given = _plain(clause)[1].get("name")
    return str(given) if given else _COLUMN.get(word, word if word.isidentifier() else "expression")


def sql(writer: Writer, clause: list[Any]) -> Sql:
    """The SQL of an aggregation."""
    inner, _ = _plain(clause)
    word, rest = token(inner[0]), inner[1:]
    out = _written(writer, word, rest)
    if writer.era < 36:
        head, _, tail = out.text.partition("(")
        out = Sql(f"{head.lower()}({tail}", out.args)
    return out


def _written(writer: Writer, word: str, rest: list[Any]) -> Sql:
    if word == "count":
        return Sql("COUNT(*)") if not rest else "COUNT(" + writer.operand(rest[0]) + ")"
    if word == "distinct":
        return "COUNT(DISTINCT " + writer.operand(rest[0]) + ")"
    if word in _SIMPLE:
        return f"{_SIMPLE[word]}(" + writer.operand(rest[0]) + ")"
    if word in ("median", "percentile"):
        share = 0.5 if word == "median" else rest[1]
        return f"PERCENTILE_CONT({share}) WITHIN GROUP (ORDER BY " + writer.operand(rest[0]) + ")"
    if word in ("count-where", "share"):
        counted = "SUM(CASE WHEN " + writer.filter(rest[0]) + " THEN 1 ELSE 0.0 END)"
        return counted if word == "count-where" else "CAST(" + counted + " / COUNT(*) AS float)"
    if word == "sum-where":
        return "SUM(CASE WHEN " + writer.filter(rest[1]) + " THEN " + writer.operand(rest[0]) + " ELSE 0.0 END)"
    if word in ("+", "-", "*", "/"):
        parts = [sql(writer, one) if isinstance(one, list) else writer.operand(one) for one in rest]
        out = parts[0]
        for one in parts[1:]:
            out = out + f" {word} " + one
        return "(" + out + ")"
    raise QueryError(f"Invalid clause: :{word}", error_type="invalid-query", extra={"native": None})
