"""References of table questions to fields, in the words of every era, and the joins that foreign keys imply.

``["field-id", 7]``, ``["field", 7, {...}]``, ``["fk->", 5, 7]``, ``["datetime-field", ref, "month"]`` and bare numbers
all become one :class:`Ref`; what an era does not know is refused in that era's words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .clojure import Keyword
from .query import QueryError
from .sync import Field, Table, metadata

if TYPE_CHECKING:
    from .app import App, Database

_OLD_CLAUSES = {
    31: ":field-id, :field-literal, :fk->, :datetime-field, :expression, :binning-strategy",
    34: ":field-id, :field-literal, :joined-field, :fk->, :datetime-field, :expression, :binning-strategy",
}


@dataclass(frozen=True)
class Ref:
    """A reference: to a field, or by ``name`` to an expression, an aggregation or a column of an inner query."""

    field: Field | None = None
    name: str | None = None
    kind: str = "field"  # field, literal, expression, aggregation
    base_type: str | None = None
    unit: str | None = None
    source: Field | None = None  # the foreign key it goes through
    alias: str | None = None  # of an explicit join
    index: int | None = None  # of an aggregation


def token(text: Any) -> str:
    """An MBQL word in its canonical form."""
    return str(text).lower().replace("_", "-")


def is_reference(clause: Any) -> bool:
    """Whether a clause refers to a column."""
    words = ("field", "field-id", "fk->", "datetime-field", "field-literal", "expression", "aggregation")
    return (
        isinstance(clause, list) and bool(clause) and token(clause[0]) in (*words, "joined-field", "binning-strategy")
    )


class Resolver:
    """Turns clauses into references within one database."""

    def __init__(self, app: App, database: Database) -> None:
        self.app, self.database = app, database

    def table(self, number: int) -> Table:
        """The table of that number, or the era's complaint."""
        found = metadata(self.app).tables.get(number)
        if found is None or found.database.id != self.database.id or not found.active:
            raise self._no_table(number)
        return found

    def _no_table(self, number: int) -> QueryError:
        if self.app.era < 34:
            message = f"Cannot run query: could not find source table {number:,}."
        else:
            message = f"Failed to fetch Table {number:,}: Table does not exist, or belongs to a different Database."
        return QueryError(message, extra={"native": None, "ex-data": {"table": number, "database": self.database.id}})

    def field(self, number: int) -> Field:
        """The field of that number, or the era's complaint."""
        found = metadata(self.app).fields.get(number)
        if found is None or found.table.database.id != self.database.id:
            raise self._no_field(number)
        return found

    def _no_field(self, number: int) -> QueryError:
        extra: dict[str, Any] = {"native": None}
        if self.app.era < 34:
            return QueryError(f"Error: Field {number:,} is not present in the Query Processor Store.", extra=extra)
        if self.app.era >= 49:
            message, kind = f"Failed to fetch :metadata/column {number}", "invalid-query"
            extra["ex-data"] = {"status-code": 400, "type": kind, "metadata-type": "metadata/column", "id": number}
        else:
            message = f"Failed to fetch Field {number:,}: Field does not exist, or belongs to a different Database."
            kind = "qp"
            extra["ex-data"] = {"field": number, "database": self.database.id}
        return QueryError(message, error_type=kind if self.app.era >= 47 else None, extra=extra)

    def ref(self, clause: Any) -> Ref:
        """The reference that a clause means."""
        if isinstance(clause, int) and not isinstance(clause, bool):
            return Ref(self.field(clause))
        if isinstance(clause, str):
            return Ref(name=clause, kind="literal", base_type="type/*")
        if not is_reference(clause):
            raise QueryError(f"Don't know how to read {clause!r} as a field.", extra={"native": None})
        kind, rest = token(clause[0]), clause[1:]
        if kind == "field":
            return self._modern(rest)
        if kind == "field-id":
            return self.ref(rest[0]) if isinstance(rest[0], list) else Ref(self.field(rest[0]))
        if kind == "fk->":
            return replace(self.ref(rest[1]), source=self.ref(rest[0]).field)
        if kind == "datetime-field":
            return replace(self.ref(rest[0]), unit=token(rest[-1]))
        if kind == "joined-field":
            return replace(self.ref(rest[1]), alias=str(rest[0]))
        if kind == "binning-strategy":
            return self.ref(rest[0])
        if kind == "field-literal":
            return Ref(name=str(rest[0]), kind="literal", base_type=str(rest[1]))
        if kind == "aggregation":
            return Ref(kind="aggregation", index=int(rest[0]))
        return Ref(name=str(rest[0]), kind="expression")

    def _modern(self, rest: list[Any]) -> Ref:
        options = rest[1] if len(rest) > 1 and isinstance(rest[1], dict) else {}
        unit = options.get("temporal-unit")
        source = options.get("source-field")
        alias = options.get("join-alias")
        if isinstance(rest[0], str):
            base = options.get("base-type", "type/*")
            return Ref(name=rest[0], kind="literal", base_type=base, unit=unit, alias=alias)
        return Ref(
            self.field(rest[0]), unit=unit, source=self.field(source) if source is not None else None, alias=alias
        )


# ------------------------------------------------------------------------------------------------ what is no MBQL
def _edn(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, list):
        return "[" + " ".join(_edn(one if place or not isinstance(one, str) else Keyword(one))
                              for place, one in enumerate(value)) + "]"  # fmt: skip
    if isinstance(value, Keyword):
        return f":{value}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def refuse_modern(era: int, query: dict[str, Any]) -> None:
    """Complain about ``["field", ...]`` where the era's schema has no such clause."""
    known = _OLD_CLAUSES.get(era)
    if known is None:
        return

    def bad(clause: Any) -> bool:
        return isinstance(clause, list) and bool(clause) and clause[0] == "field"

    def complaint(clause: Any) -> str:
        said = f"(not (some-matching-condition? {_edn(clause)}))"
        return f'(named {said} "Must be a valid instance of one of these clauses: {known}")'

    parts = []
    fields = query.get("fields") or []
    if any(bad(one) for one in fields):
        said = "[" + " ".join(complaint(one) if bad(one) else "nil" for one in fields) + "]"
        parts.append(f":fields {said if era < 34 else _distinct(said)}")
    orders = query.get("order-by") or []
    if any(bad(one[1]) for one in orders):
        shown = [
            f'(named [nil (named {complaint(one[1])} "field")] "Must be a valid instance of one of these clauses: '
            f':asc, :desc")'
            if bad(one[1])
            else "nil"
            for one in orders
        ]
        said = "[" + " ".join(shown) + "]"
        parts.append(f":order-by {said}")
    if parts:
        raise QueryError("Value does not match schema: {:query {" + ", ".join(parts) + "}}", extra={"native": None})


def _distinct(said: str) -> str:
    return f'(named {said} "Distinct, non-empty sequence of Field clauses")'
