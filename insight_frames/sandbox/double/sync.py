"""What Metabase keeps about the tables and fields of its databases, and the synchronisation that fills it.

Structure is read on the first question about it and by ``sync_schema``; what needs rows (numbers of distinct values,
from them the categories) is read table by table when somebody looks, so that starting a sandbox costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import catalog, fieldtypes
from .app import App, Database
from .clojure import Keyword, digest, set_order
from .humanize import readable
from .sampling import Sample, sample


@dataclass
class Field:
    """One field; ``position`` counts from 0 in the order of the table's columns."""

    id: int
    table: Table
    name: str
    database_type: str
    base_type: str
    position: int
    comment: str | None
    primary: bool
    required: bool
    automatic: bool
    indexed: bool
    display_name: str
    meaning: str | None  # special type or semantic type
    nfc_path: list[str] | None = None  # way into a JSON column
    target: Field | None = None
    visibility: str = "normal"
    active: bool = True
    values: Sample | None = None


@dataclass
class Table:
    """One table."""

    id: int
    database: Database
    schema: str
    name: str
    description: str | None
    readable: bool
    entity_type: str
    display_name: str
    visibility: str | None = None
    active: bool = True
    fields: list[Field] = field(default_factory=list)  # in the order of their ids
    fields_hash: str | None = None
    analysed: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def ordered(self, era: int) -> list[Field]:
        """Active fields in the era's order: by the columns of the table, in the old ones by name."""
        kept = [one for one in self.fields if one.active]
        return sorted(kept, key=(lambda one: one.name) if era < 36 else (lambda one: (one.position, one.name)))


@dataclass
class Metadata:
    """Tables and fields by number, of all databases."""

    tables: dict[int, Table] = field(default_factory=dict)
    fields: dict[int, Field] = field(default_factory=dict)
    synced: set[int] = field(default_factory=set)
    next_table: int = 1
    next_field: int = 1

    def of(self, database: Database) -> list[Table]:
        """The active tables of one database in the order of their ids."""
        return [one for one in self.tables.values() if one.database.id == database.id and one.active]


def metadata(app: App) -> Metadata:
    """The metadata of all databases; those not read yet are read now."""
    with app.lock:
        kept: Metadata = app.store.setdefault("metadata", Metadata())
        for number in [one for one in app.databases if one not in kept.synced]:
            synchronise(app, app.databases[number])
        return kept


def synchronise(app: App, database: Database) -> None:
    """Bring the metadata of one database up to date; tables and fields keep their numbers."""
    with app.lock:
        kept: Metadata = app.store.setdefault("metadata", Metadata())
        kept.synced.add(database.id)
        found = [one for one in catalog.read(database.dsn, database.role) if one.readable or app.era < 36]
        known = {(one.schema, one.name): one for one in kept.tables.values() if one.database.id == database.id}
        described = {id(one): _table_map(app.era, one) for one in found}
        pairs: dict[int, tuple[catalog.Relation, Table]] = {}
        for relation in sorted(found, key=lambda one: set_order(described[id(one)])):
            table = known.pop((relation.schema, relation.name), None) or _new_table(app, kept, database, relation)
            table.active, table.readable, table.analysed = True, relation.readable, False
            table.description = table.description or relation.comment
            pairs[relation.oid] = (relation, table)
        for gone in known.values():
            gone.active = False
        for relation, table in pairs.values():
            _fields(app, kept, relation, table)
        for relation, table in pairs.values():
            _targets(relation, table, pairs)


def _table_map(era: int, relation: catalog.Relation) -> dict[Keyword, str | None]:
    shape: dict[Keyword, str | None] = {Keyword("name"): relation.name, Keyword("schema"): relation.schema}
    return shape if era < 49 else {**shape, Keyword("description"): relation.comment}


def _new_table(app: App, kept: Metadata, database: Database, relation: catalog.Relation) -> Table:
    table = Table(
        kept.next_table,
        database,
        relation.schema,
        relation.name,
        relation.comment,
        relation.readable,
        fieldtypes.entity_type(relation.name),
        readable(app.era, relation.name),
    )
    kept.tables[table.id] = table
    kept.next_table += 1
    return table


def _field_map(era: int, column: catalog.Column, position: int) -> dict[Keyword, Any]:
    """A column as the driver describes it to the synchronisation; its hash decides the order of new fields."""
    base = fieldtypes.base_type(era, column.type, enum=column.enum)
    shape: dict[Keyword, Any] = {
        Keyword("name"): column.name,
        Keyword("database-type"): column.type,
        Keyword("base-type"): Keyword(base),
    }
    if era >= 36:
        shape[Keyword("database-position")] = position
        shape[Keyword("database-required")] = column.required
        shape[Keyword("database-is-auto-increment")] = column.automatic
        shape[Keyword("json-unfolding")] = base == "type/JSON"
    meaning = fieldtypes.type_meaning(era, column.type)
    if meaning:
        shape[Keyword("semantic-type" if era >= 39 else "special-type")] = Keyword(meaning)
    if column.comment:
        shape[Keyword("field-comment")] = column.comment
    if column.primary:
        shape[Keyword("pk?")] = True
    return shape


def _fields(app: App, kept: Metadata, relation: catalog.Relation, table: Table) -> None:
    maps = [(_field_map(app.era, one, at), one, at) for at, one in enumerate(relation.columns)]
    known = {one.name: one for one in table.fields}
    for shape, column, position in sorted(maps, key=lambda one: set_order(one[0])):
        had = known.pop(column.name, None)
        if had is None:
            _new_field(app, kept, table, shape, column, position)
        else:
            had.active, had.position, had.database_type = True, position, column.type
            had.base_type, had.comment = str(shape[Keyword("base-type")]), had.comment or column.comment
    for gone in known.values():
        gone.active = gone.nfc_path is not None
    if app.era < 36:
        table.fields_hash = digest(sorted(_hashed(shape) for shape, _, _ in maps))


def _hashed(shape: dict[Keyword, Any]) -> tuple[Any, ...]:
    words = ("name", "database-type", "base-type", "special-type", "pk?", "nested-fields", "custom", "field-comment")
    return tuple(shape.get(Keyword(word)) for word in words)


def _new_field(
    app: App, kept: Metadata, table: Table, shape: dict[Keyword, Any], column: catalog.Column, position: int
) -> None:
    base = str(shape[Keyword("base-type")])
    made = Field(
        kept.next_field,
        table,
        column.name,
        column.type,
        base,
        position,
        column.comment,
        column.primary,
        column.required,
        column.automatic,
        column.indexed,
        readable(app.era, column.name),
        "type/PK" if column.primary else fieldtypes.type_meaning(app.era, column.type),
    )
    kept.fields[made.id] = made
    table.fields.append(made)
    kept.next_field += 1


def _targets(relation: catalog.Relation, table: Table, pairs: dict[int, tuple[catalog.Relation, Table]]) -> None:
    fields = {one.name: one for one in table.fields}
    for column in relation.columns:
        if column.references is None or column.references[0] not in pairs:
            continue
        target = {one.name: one for one in pairs[column.references[0]][1].fields}[column.references[1]]
        fields[column.name].target, fields[column.name].meaning = target, "type/FK"


def analyse(app: App, table: Table) -> None:
    """Read what rows tell about a table's fields, once after each synchronisation."""
    with app.lock:
        if table.analysed:
            return
        table.analysed = True
        for one, values in sample(app, table, [each for each in table.fields if each.active]):
            one.values = values
            one.meaning = one.meaning or fieldtypes.name_meaning(app.era, one.name, one.base_type)
            if one.meaning is None and values is not None:
                one.meaning = values.meaning


def find_tables(app: App, database: Database) -> Iterator[Table]:
    """The active tables of a database, analysed."""
    for table in metadata(app).of(database):
        analyse(app, table)
        yield table
