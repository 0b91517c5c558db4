"""One level of a table question: where its rows come from, which columns it gives, and its SQL.

The clauses follow the order in which a server writes them, because the text is shown to users and counted by error
positions; the aliases of joins through foreign keys are the servers' own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from . import aggregates, columns, fragments, sources
from .columns import Output
from .conditions import Writer, truncated
from .exprtypes import expression_type
from .fieldtypes import isa
from .fragments import Sql, joined
from .query import QueryError
from .references import Ref, Resolver, token
from .sync import Field, analyse

if TYPE_CHECKING:
    from .app import App, Request

_TOP = "source"


class Level:
    """A question over a table, or over an inner question."""

    def __init__(
        self,
        app: App,
        req: Request,
        resolver: Resolver,
        question: dict[str, Any],
        constraints: dict[str, Any] | None,
        *,
        labels: bool = False,
    ) -> None:
        self.app, self.req, self.resolver = app, req, resolver
        self.question = aggregates.expanded(app, question)
        self.constraints = constraints  # None: an inner level, without limits of its own
        self.labels = labels  # people's labels take the place of values, as in exports since 0.41
        self.inner: sources.Inner | None = sources.inner(app, req, resolver, self.question)
        self.table = None if self.inner else resolver.table(self._number())
        if self.table is not None:
            analyse(app, self.table)
        self.implied: dict[int, tuple[Field, Field]] = {}  # joins through foreign keys: key -> (key, target)
        self.joins = [sources.Join(app, req, resolver, one) for one in self.question.get("joins") or []]
        self.writer = Writer(app.era, resolver.ref, self.column, self.base)
        self.outputs: list[Output] = []
        self.pieces: list[Sql] = []  # the select list
        self._outputs()

    def _number(self) -> int:
        number = self.question.get("source-table")
        if not isinstance(number, int):
            raise QueryError("Value does not match schema: {:query {:source-table missing-required-key}}",
                             extra={"native": None})  # fmt: skip
        return number

    @property
    def aggregated(self) -> bool:
        """Whether rows are groups."""
        return bool(self.question.get("aggregation") or self.question.get("breakout"))

    @property
    def own_limit(self) -> int | None:
        """The question's own limit."""
        page = self.question.get("page")
        limit = self.question.get("limit")
        return int(page["items"]) if page else (None if limit is None else int(limit))

    # -------------------------------------------------------------------------------------------- columns
    def column(self, ref: Ref) -> Sql:
        """The SQL of a reference, without its unit."""
        if ref.kind == "aggregation":
            return aggregates.sql(self.writer, self.question["aggregation"][ref.index or 0])
        if ref.kind == "expression":
            return self.writer.operand((self.question.get("expressions") or {})[ref.name])
        if ref.alias is not None:
            join = next((one for one in self.joins if one.alias == ref.alias), None)
            return fragments.name(ref.alias, join.column(ref) if join else str(ref.name))
        if ref.source is not None and ref.field is not None:
            return fragments.name(self._implied(ref.source), ref.field.name)
        if self.inner is not None:
            return fragments.name(_TOP, self.inner.column(ref))
        if ref.field is not None:
            return sources.qualified(ref.field)
        assert self.table is not None
        return fragments.name(self.table.schema, self.table.name, str(ref.name))

    def base(self, ref: Ref) -> str:
        """The base type of a reference."""
        if ref.field is not None:
            return ref.field.base_type
        if ref.kind == "expression":
            clause = (self.question.get("expressions") or {}).get(ref.name)
            return expression_type(self.app.era, clause, lambda one: self.base(self.resolver.ref(one)))
        if self.inner is not None and ref.kind == "literal":
            return self.inner.base(ref) or ref.base_type or "type/*"
        return ref.base_type or "type/Float"

    def _implied(self, key: Field) -> str:
        if key.target is None:
            raise QueryError(f"Field {key.id} is not a foreign key.", error_type="invalid-query")
        self.implied[key.id] = (key, key.target)
        return f"{key.target.table.name}__via__{key.name}"

    # -------------------------------------------------------------------------------------------- what it gives
    def _outputs(self) -> None:
        if self.aggregated:
            for clause in self.question.get("breakout") or []:
                self._give(self.resolver.ref(clause), "breakout")
            for place, clause in enumerate(self.question.get("aggregation") or []):
                self._give_aggregation(clause, place)
            return
        chosen = self._chosen()
        for ref in chosen:
            self._give(self._label(ref) if self.labels else ref, "fields")
        for ref in chosen if self.constraints is not None and not self.labels else ():
            if self._label(ref) is not ref and ref.field is not None:
                self._give(self._label(ref), "fields")
                self.outputs[-1].col["remapped_from"] = ref.field.name
        for join in self.joins:
            for ref in join.chosen():
                self._give(ref, "fields")

    @staticmethod
    def _label(ref: Ref) -> Ref:
        """What people see in place of a column: the one it is labelled by, or itself."""
        labelled = ref.field is not None and ref.field.labels is not None and ref.source is None
        return Ref(ref.field.labels[1], source=ref.field) if labelled and ref.field and ref.field.labels else ref

    def _chosen(self) -> list[Ref]:
        clauses = self.question.get("fields")
        if clauses:
            return [self.resolver.ref(one) for one in clauses]
        if self.inner is not None:
            found = self.inner.refs()
        else:
            assert self.table is not None
            found = [self._implicit(one) for one in sources.implicit(self.app.era, self.table)]
        return found + [Ref(name=one, kind="expression") for one in self.question.get("expressions") or {}]

    @staticmethod
    def _implicit(field: Field) -> Ref:
        return Ref(field, unit="default" if isa(field.base_type, "Temporal") else None)

    def _unique(self, wanted: str, taken: set[str]) -> str:
        name, count = wanted, 1
        while name in taken:
            count += 1
            name = f"{wanted}_{count}"
        return name

    def _give(self, ref: Ref, source: str) -> None:
        era = self.app.era
        shown = columns_sql(self, ref)
        wanted = ref.field.name if ref.field else str(ref.name)
        name = self._unique(wanted, {one.name for one in self.outputs})
        alias = self._implied(ref.source) if ref.source is not None else ref.alias
        label = name
        if era >= 39 and alias is not None:
            label = self._unique(f"{alias}__{wanted}", {one.alias for one in self.outputs})
        if ref.field is not None:
            analyse(self.app, ref.field.table)
            col = columns.of_field(era, ref, ref.field, name, source, alias)
        elif self.inner is not None and ref.kind == "literal":
            col = self.inner.described(ref, name, source)
        else:
            col = columns.of_name(era, ref, name, self.base(ref), source)
        self.outputs.append(Output(name, label, str(col["base_type"]), col))
        self.pieces.append(shown + " AS " + fragments.name(label))

    def _give_aggregation(self, clause: list[Any], place: int) -> None:
        word, field, label = aggregates.described(self.resolver, clause)
        wanted = aggregates.column_name(word, clause)
        name = self._unique(wanted, {one.name for one in self.outputs})
        col = columns.of_aggregation(self.app.era, word, field, name, label, place)
        self.outputs.append(Output(name, name, str(col["base_type"]), col))
        self.pieces.append(aggregates.sql(self.writer, clause) + " AS " + fragments.name(name))

    # -------------------------------------------------------------------------------------------- the statement
    def sql(self) -> Sql:
        """The level as a SELECT."""
        condition = self.question.get("filter")
        where = self.writer.filter(condition) if condition else None
        groups = [self.writer.reference(one) for one in self.question.get("breakout") or []]
        orders = self._orders()
        out = "SELECT " + joined(", ", self.pieces) + " FROM " + self._from()
        if where is not None:
            out = out + " WHERE " + where
        if groups:
            out = out + " GROUP BY " + joined(", ", groups)
        if orders:
            out = out + " ORDER BY " + joined(", ", orders)
        return out + self._limit()

    def _from(self) -> Sql:
        if self.inner is not None:
            out = "(" + self.inner.sql + ") " + ("AS " if self.app.era >= 39 else "") + fragments.name(_TOP)
        else:
            assert self.table is not None
            out = fragments.name(self.table.schema, self.table.name)
        for key, target in self.implied.values():
            out = out + self._implied_join(key, target)
        for join in self.joins:
            out = out + join.sql(partial(self.writer.filter, join.condition))
        return out

    def _implied_join(self, key: Field, target: Field) -> Sql:
        alias = f"{target.table.name}__via__{key.name}"
        word = " AS " if self.app.era >= 39 else " "
        left = self.column(Ref(key))
        joined_table = " LEFT JOIN " + fragments.name(target.table.schema, target.table.name) + word
        return joined_table + fragments.name(alias) + " ON " + left + " = " + fragments.name(alias, target.name)

    def _orders(self) -> list[Sql]:
        given = self.question.get("order-by") or []
        orders = [(self._ordered(clause), word) for word, clause in given]
        named = [one.text for one, _ in orders]
        for clause in self.question.get("breakout") or []:
            shown = self.writer.reference(clause)
            if shown.text not in named:
                orders.append((shown, "asc"))
        return [shown + f" {word.upper()}" for shown, word in orders]

    def _ordered(self, clause: Any) -> Sql:
        if isinstance(clause, list) and token(clause[0]) == "aggregation":
            offset = len(self.question.get("breakout") or [])
            return fragments.name(self.outputs[offset + int(clause[1])].alias)
        return self.writer.reference(clause)

    def _limit(self) -> str:
        page, own = self.question.get("page"), self.own_limit
        if self.constraints is None:
            return "" if own is None else f" LIMIT {own}"
        cap = self._cap()
        if own is None and self.aggregated:
            return ""
        limit = min(cap, own) if own is not None else cap
        offset = f" OFFSET {(int(page['page']) - 1) * int(page['items'])}" if page else ""
        return f" LIMIT {limit}{offset}"

    def _cap(self) -> int:
        caps = self.constraints or {}
        wanted = [caps.get("max-results"), None if self.aggregated else caps.get("max-results-bare-rows")]
        found = [one for one in wanted if isinstance(one, int) and not isinstance(one, bool)]
        return min([*found, 1_048_576 if self.app.era < 39 else 1_048_575])


def columns_sql(level: Level, ref: Ref) -> Sql:
    """The SQL of an output column, cut to its unit."""
    return truncated(level.app.era, level.column(ref), ref.unit, level.base(ref))
