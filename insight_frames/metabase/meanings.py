"""What a segment or metric means: from SQL's words to a definition of one table, and when two definitions are the same.

Servers write a definition in their own version's words when they keep it, so that definitions are compared by what they
say and not by how.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput, sentence
from ..sources import fields, filters
from ..wire.tables import NumberedTable

AGGREGATES = ("count", "sum", "avg", "min", "max", "distinct")


def segment(numbered: NumberedTable, era: int | None, where: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The definition of a segment: the rows for which a condition holds."""
    if not isinstance(where, str):
        raise InvalidInput(sentence("where must be SQL text", expected="a str", got=type(where).__name__))
    clause = filters.translate(where, params, fields.named(numbered, era), era)
    return {"source-table": numbered.id, "filter": clause}


def metric(
    numbered: NumberedTable,
    era: int | None,
    aggregate: str,
    column: str | None,
    where: str | None,
    params: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The definition of a metric: a number of the rows, or of a column, where a condition holds."""
    check_aggregate(aggregate, column)
    clause: list[Any] = [aggregate]
    if column is not None:
        clause.append(fields.named(numbered, era)(column).reference)
    made = {"source-table": numbered.id, "aggregation": [clause]}
    if where is not None:
        made["filter"] = segment(numbered, era, where, params)["filter"]
    elif params:
        raise InvalidInput(sentence("params were given without where=", try_='where="site_id = :site"'))
    return made


def check_aggregate(aggregate: Any, column: Any) -> None:
    """InvalidInput unless it is known, and has a column where it needs one."""
    if aggregate not in AGGREGATES:
        raise InvalidInput(sentence("aggregate is not known", expected=" or ".join(map(repr, AGGREGATES))))
    if (column is None) != (aggregate == "count") or not isinstance(column, str | None):
        got = "none" if column is None else type(column).__name__
        expected = "no column with 'count'" if aggregate == "count" else f"the name of a column for {aggregate!r}"
        raise InvalidInput(sentence("column does not fit aggregate", expected=expected, got=got))


def field_ids(definition: Any) -> list[int]:
    """The numbers of the fields that a definition names, each once, in their order."""
    found: list[int] = []

    def look(node: Any) -> None:
        if isinstance(node, list) and len(node) > 1 and node[0] in ("field", "field-id") and isinstance(node[1], int):
            found.append(node[1])
        elif isinstance(node, list | dict):
            for one in node.values() if isinstance(node, dict) else node:
                look(one)

    look(definition)
    return list(dict.fromkeys(found))


def canonical(node: Any) -> Any:
    """A definition without what versions write in different ways.

    >>> canonical({"source_table": 1, "filter": ["=", ["field-id", 7], 3]})
    {'source-table': 1, 'filter': ['=', ['field', 7], 3]}
    >>> canonical({"source-table": 1, "filter": ["=", ["field", 7, None], 3], "aggregation": ["count"]})
    {'source-table': 1, 'filter': ['=', ['field', 7], 3], 'aggregation': [['count']]}
    """
    if isinstance(node, Mapping):
        made = {str(key).lower().replace("_", "-"): canonical(value) for key, value in node.items()}
        made = {key: value for key, value in made.items() if value not in (None, {}, [])}
        aggregation = made.get("aggregation")
        if isinstance(aggregation, list) and aggregation and isinstance(aggregation[0], str):
            made["aggregation"] = [aggregation]
        return made
    if not isinstance(node, list):
        return node
    word = node[0].lower().replace("_", "-") if node and isinstance(node[0], str) else None
    if word in ("field-id", "field") and len(node) > 1 and isinstance(node[1], int):
        more = node[2] if len(node) > 2 and node[2] else None
        return ["field", node[1]] if more is None else ["field", node[1], canonical(more)]
    return [canonical(one) for one in node]


def same(one: Any, other: Any) -> bool:
    """Whether two definitions of a table say the same; which table is told elsewhere too, and may be left out."""
    return bool(_bare(one) == _bare(other))


def _bare(definition: Any) -> Any:
    made = canonical(definition)
    return {key: value for key, value in made.items() if key != "source-table"} if isinstance(made, dict) else made
