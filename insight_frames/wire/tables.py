"""Tables and fields by their numbers, as Metabase's own interface tells them to an account that may not run SQL.

Metabase knows what it saw when it last synchronised: names, PostgreSQL's type names, comments, what points where. It
does not know digits of a numeric, lengths, labels of an enum, or constraints; what is not known is left out here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..catalog import Catalog, Column, ForeignKey, Table
from ..errors import PermissionDenied, ServerUnavailable, sentence
from . import answers, limits
from .server import Server

KIND = "table or view"  # Metabase does not tell them apart
_HIDDEN = "include_sensitive_fields=true&include_hidden_fields=true"
_SPELLINGS = {
    "int2": "smallint",
    "smallserial": "smallint",
    "int4": "integer",
    "serial": "integer",
    "int8": "bigint",
    "bigserial": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "character varying",
    "bpchar": "character",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "varbit": "bit varying",
}
_CONVERTED = ("type/UNIXTimestamp", "type/ISO8601")  # what older servers turned into times by a field's meaning


@dataclass(frozen=True)
class Field:
    """One column as Metabase knows it.

    ``title`` is what exports call it; ``labelled`` is whether its values are replaced by those of another column or
    of a list, ``converted`` whether they are shown as another type, ``closed`` whether Metabase keeps them to itself.
    """

    id: int
    name: str
    title: str
    labelled: bool = False
    converted: bool = False
    closed: bool = False


@dataclass(frozen=True)
class NumberedTable:
    """A table, its number and its fields, one for each of the table's columns."""

    id: int
    table: Table
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """Find a column's field; ColumnNotFound with near matches."""
        self.table.column(name)
        return next(one for one in self.fields if one.name == name)


@dataclass
class Tables:
    """What one account sees of one database's tables; the list is asked once, a table when it is first needed."""

    server: Server
    _listed: dict[int, dict[str, Any]] | None = None
    _known: dict[int, NumberedTable] = field(default_factory=dict)

    def forget(self) -> None:
        """Ask anew from now on."""
        self._listed = None
        self._known = {}

    def catalog(self, schema: str | None = None, *, deep: bool = False) -> Catalog:
        """Give schemas and tables as a catalogue; ``deep``: those of the schema with their columns."""
        listed = self._entries()
        schemas = dict.fromkeys(sorted({_schema(one) for one in listed.values()}))
        settings = {"database": self.server.database["name"]}
        catalog = Catalog(settings, dict(schemas))
        if schema is not None and deep:
            catalog.check_schema(schema)
        for number, one in listed.items():
            if schema in (None, _schema(one)):
                found = self.numbered(number).table if deep else _shallow(one)
                catalog.tables[found.schema, found.name] = found
        return catalog

    def number(self, schema: str, name: str) -> int:
        """Find a table's number; SchemaNotFound or TableNotFound with near matches."""
        for again in (False, True):
            if again:
                self.forget()
            for number, one in self._entries().items():
                if (_schema(one), one["name"]) == (schema, name):
                    return number
        self.catalog().table(schema, name)
        raise AssertionError("a table that is not listed is in no catalogue")

    def find(self, schema: str, name: str, *, fresh: bool = False) -> NumberedTable:
        """Find a table with its columns; ``fresh``: as they are now, because columns come and are hidden meanwhile."""
        number = self.number(schema, name)
        if fresh:
            self._known.pop(number, None)
        return self.numbered(number)

    def places(self) -> dict[int | None, tuple[str, str]]:
        """Give (schema, table) by number."""
        return {number: (_schema(one), one["name"]) for number, one in self._entries().items()}

    def numbered(self, number: int) -> NumberedTable:
        """Give the table of a number with its columns."""
        if number not in self._known:
            told = self._document(f"/api/table/{number}/query_metadata?{_HIDDEN}")
            self._known[number] = self._table(number, told)
        return self._known[number]

    def _entries(self) -> dict[int, dict[str, Any]]:
        if self._listed is None:
            _ = self.server.era  # one that is too old is named as such
            told = self._document("/api/table")
            mine = self.server.database_id
            if not isinstance(told, list):
                raise _strange("GET /api/table", "a list of tables")
            kept = [one for one in told if _is_table(one) and one.get("db_id") == mine]
            self._listed = {one["id"]: one for one in sorted(kept, key=lambda one: (_schema(one), one["name"]))}
        return self._listed

    def _document(self, path: str) -> Any:
        with answers.check(self.server.session.fetch(path)) as answer:
            data = limits.document(answer.pieces(), answer.where, limits.LISTING)
            try:
                return limits.parsed(data)
            except ValueError:
                raise _strange(answer.where, "JSON") from None

    def _table(self, number: int, told: Any) -> NumberedTable:
        if not (_is_table(told) and isinstance(told.get("fields"), list) and all(map(_is_field, told["fields"]))):
            raise _strange(f"GET /api/table/{number}/query_metadata", "a table and its fields")
        physical = [one for one in told["fields"] if not one.get("nfc_path") and one.get("active", True)]
        physical.sort(key=lambda one: (one.get("database_position", one.get("position") or 0), one["name"]))
        made = Table(
            schema=_schema(told),
            name=told["name"],
            kind=KIND,
            columns=tuple(_column(one, place) for place, one in enumerate(physical, start=1)),
            comment=told.get("description"),
            select=not any(map(_closed, physical)),
            foreign_keys=tuple(self._links(physical)),
        )
        return NumberedTable(number, made, tuple(map(_field, physical)))

    def _links(self, fields: Iterable[Mapping[str, Any]]) -> Iterable[ForeignKey]:
        for one in fields:
            target = one.get("target")
            number = target.get("table_id") if isinstance(target, dict) else None
            there = self._entries().get(number) if isinstance(number, int) else None
            if there is not None and isinstance(target, dict):
                yield ForeignKey((one["name"],), _schema(there), there["name"], (str(target.get("name")),))


def refuse_closed(numbered: NumberedTable, names: Iterable[str]) -> None:
    """PermissionDenied if one of these columns is kept back by Metabase."""
    closed = [one for one in names if numbered.field(one).closed]
    if closed:
        label = f"{numbered.table.schema}.{numbered.table.name}"
        raise PermissionDenied(
            sentence(
                f"Metabase keeps column {closed[0]!r} of {label} to itself",
                where="its visibility there is 'sensitive'",
                try_="columns=[...] without it, or ask an administrator of Insight",
            )
        )


def _shallow(told: Mapping[str, Any]) -> Table:
    return Table(schema=_schema(told), name=told["name"], kind=KIND, comment=told.get("description"))


def _schema(told: Mapping[str, Any]) -> str:
    return told.get("schema") or ""


def _is_table(told: Any) -> bool:
    return isinstance(told, dict) and type(told.get("id")) is int and isinstance(told.get("name"), str)


def _is_field(told: Any) -> bool:
    return _is_table(told) and isinstance(told.get("base_type"), str)


def _closed(told: Mapping[str, Any]) -> bool:
    return told.get("visibility_type") == "sensitive"


def _field(told: Mapping[str, Any]) -> Field:
    meaning = str(told.get("semantic_type", told.get("special_type")) or "")
    converted = bool(told.get("coercion_strategy")) or ("semantic_type" not in told and meaning.startswith(_CONVERTED))
    return Field(
        id=told["id"],
        name=told["name"],
        title=str(told.get("display_name") or told["name"]),
        labelled=bool(told.get("dimensions")),
        converted=converted,
        closed=_closed(told),
    )


def _column(told: Mapping[str, Any], place: int) -> Column:
    kind = str(told.get("database_type") or told["base_type"])
    inner = kind.removeprefix("_") if kind.startswith("_") else None
    spelled = _SPELLINGS.get(kind, kind) if inner is None else f"{_SPELLINGS.get(inner, inner)}[]"
    return Column(
        name=told["name"],
        type=spelled,
        number=place,
        comment=told.get("description"),
        typtype="e" if told["base_type"] == "type/PostgresEnum" else "b",
        element=None if inner is None else _SPELLINGS.get(inner, inner),
        readable=not _closed(told),
    )


def _strange(where: str, expected: str) -> ServerUnavailable:
    return ServerUnavailable(
        sentence("This does not answer like Metabase", where=where, expected=expected, try_="check the URL")
    )
