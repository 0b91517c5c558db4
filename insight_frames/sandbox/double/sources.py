"""Where a level of a question gets its rows from: a table's fields, an inner question, a saved question, a join."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import columns, fieldtypes, fragments
from .columns import Output
from .examples import kept
from .fieldtypes import isa
from .fragments import Sql
from .query import QueryError, Statement
from .references import Ref, Resolver, token
from .sync import Field, Table, analyse

if TYPE_CHECKING:
    from .app import App, Request

_STRATEGIES = {
    "left-join": "LEFT JOIN",
    "right-join": "RIGHT JOIN",
    "inner-join": "INNER JOIN",
    "full-join": "FULL JOIN",
}
_CARD = "card--"


def qualified(field: Field) -> Sql:
    """A field by its full name; a field inside JSON as the way to it."""
    if field.nfc_path is None:
        return fragments.name(field.table.schema, field.table.name, field.name)
    column = fragments.name(field.table.schema, field.table.name, field.nfc_path[0])
    way = ", ".join(fragments.shown(one) for one in field.nfc_path[1:])
    return "(" + column + f"#>> array[{way}]::text[])::{field.database_type}"


def implicit(era: int, table: Table) -> list[Field]:
    """The fields that a question without ``fields`` gives, in the era's order."""
    kept = [one for one in table.ordered(era) if one.visibility not in ("sensitive", "retired")]
    if era >= 36:
        return kept
    first = {"type/PK": 0, "type/Name": 1}
    return sorted(kept, key=lambda one: (first.get(one.meaning or "", 2), one.name))


class Inner:
    """An inner question: its SQL and the columns it gives."""

    def __init__(self, era: int, sql: Sql, outputs: list[Output]) -> None:
        self.era, self.sql, self.outputs = era, sql, outputs

    def _found(self, ref: Ref) -> Output | None:
        wanted = ref.field.name if ref.field else ref.name
        by_id = [one for one in self.outputs if ref.field is not None and one.col.get("id") == ref.field.id]
        return next(iter(by_id or [one for one in self.outputs if wanted in (one.name, one.alias)]), None)

    def column(self, ref: Ref) -> str:
        """The alias of a column of the inner question."""
        found = self._found(ref)
        return found.alias if found else str(ref.field.name if ref.field else ref.name)

    def base(self, ref: Ref) -> str | None:
        """The base type of a column of the inner question."""
        found = self._found(ref)
        return found.base_type if found else None

    def refs(self) -> list[Ref]:
        """All columns of the inner question, by name."""
        return [Ref(name=one.name, kind="literal", base_type=one.base_type) for one in self.outputs]

    def described(self, ref: Ref, name: str, source: str) -> dict[str, Any]:
        """What is said about a column that comes through from the inner question."""
        found = self._found(ref)
        if found is None:
            return columns.of_name(self.era, ref, name, ref.base_type or "type/*", source)
        col = {**found.col, "name": name, "source": source}
        if "id" not in col and self.era >= 33:
            shown = columns.field_ref(self.era, Ref(name=name, kind="literal", base_type=found.base_type))
            col["field_ref"] = shown
        return col


def inner(app: App, req: Request, resolver: Resolver, question: dict[str, Any]) -> Inner | None:
    """The inner question that a question stands on, if any."""
    source = question.get("source-query")
    card = str(question.get("source-table", "")).replace("__", "--")
    if card.startswith(_CARD):
        saved = kept(app).get(int(card.removeprefix(_CARD)))
        if saved is None:
            raise QueryError(f"Card {card.removeprefix(_CARD)} does not exist.", extra={"native": None})
        dataset = saved["dataset_query"]
        source = dataset["query"] if dataset.get("type") == "query" else {"native": dataset["native"]["query"]}
    if source is None:
        return None
    from .levels import Level
    from .mbql import normal

    source = normal(source)
    if "native" in source:
        native = source["native"]
        return _native(app, req, resolver, native if isinstance(native, str) else native["query"])
    level = Level(app, req, resolver, source, None)
    return Inner(app.era, level.sql(), level.outputs)


def _native(app: App, req: Request, resolver: Resolver, text: str) -> Inner:
    from .query import execute

    text = text.rstrip().rstrip(";")
    result = execute(app, req, resolver.database, Statement(f"SELECT * FROM ({text}) q LIMIT 0"), 1)
    outputs = []
    for one in result.columns:
        base = fieldtypes.base_type(app.era, one.type_name)
        col: dict[str, Any] = {"name": one.name, "display_name": one.name, "base_type": base, "source": "fields"}
        col[columns.meaning_key(app.era)] = None
        if app.era >= 39:
            col["effective_type"] = base
        outputs.append(Output(one.name, one.name, base, col))
    result.close()
    return Inner(app.era, Sql(text), outputs)


class Join:
    """An explicit join to a table or to an inner question."""

    def __init__(self, app: App, req: Request, resolver: Resolver, clause: dict[str, Any]) -> None:
        self.app, self.resolver = app, resolver
        self.alias = str(clause.get("alias", "__join"))
        self.condition = clause["condition"]
        self.word = _STRATEGIES.get(token(clause.get("strategy", "left-join")), "LEFT JOIN")
        self.fields = clause.get("fields", "none")
        self.inner = inner(app, req, resolver, clause)
        self.table = None if self.inner else resolver.table(clause["source-table"])

    def column(self, ref: Ref) -> str:
        """The name of a column on this side."""
        if self.inner is not None:
            return self.inner.column(ref)
        return str(ref.field.name if ref.field else ref.name)

    def chosen(self) -> list[Ref]:
        """The columns the join adds."""
        if isinstance(self.fields, list):
            return [self.resolver.ref(one) for one in self.fields]
        if self.fields != "all":
            return []
        if self.inner is not None:
            refs = self.inner.refs()
            return [Ref(name=one.name, kind="literal", base_type=one.base_type, alias=self.alias) for one in refs]
        assert self.table is not None
        analyse(self.app, self.table)
        return [
            Ref(one, unit="default" if isa(one.base_type, "Temporal") else None, alias=self.alias)
            for one in implicit(self.app.era, self.table)
        ]

    def sql(self, condition: Callable[[], Sql]) -> Sql:
        """The join as it stands in FROM."""
        if self.inner is not None:
            source = "(" + self.inner.sql + ")"
        else:
            assert self.table is not None
            source = fragments.name(self.table.schema, self.table.name)
        word = " AS " if self.app.era >= 39 else " "
        return f" {self.word} " + source + word + fragments.name(self.alias) + " ON " + condition()
