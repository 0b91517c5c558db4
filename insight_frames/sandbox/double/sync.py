"""What Metabase keeps about the tables and fields of its databases, and the synchronisation that fills it.

Structure is read on the first question about it and by ``sync_schema``; what needs rows (numbers of distinct values,
from them the categories) is read table by table when somebody looks, so that starting a sandbox costs nothing.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from . import catalog, drafts, fieldtypes
from .app import App, Database
from .humanize import readable
from .sampling import Sample, likely_meaning, sample

_FIRST_TABLE = 100  # numbers go on after those of databases that a server has had before
_FIRST_FIELD = {31: 1761, 34: 1560, 47: 1286, 49: 17277}


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
    answer_type: str  # base type of the column in answers, where the driver says more than the metadata
    column: str  # its name in the catalogue
    nfc_path: list[str] | None = None  # way into a JSON column
    target: Field | None = None
    visibility: str = "normal"
    active: bool = True
    values: Sample | None = None
    labels: tuple[str, Field] | None = None  # the name and field that people see in place of this key's values


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

    next_field: int
    tables: dict[int, Table] = field(default_factory=dict)
    fields: dict[int, Field] = field(default_factory=dict)
    synced: set[int] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)  # not the app's: PostgreSQL may keep us waiting
    next_table: int = _FIRST_TABLE

    def of(self, database: Database) -> list[Table]:
        """The active tables of one database in the order of their ids."""
        return [one for one in self.all_of(database) if one.active]

    def all_of(self, database: Database) -> list[Table]:
        """The tables of one database, also those that are gone."""
        return [one for one in self.tables.values() if one.database.id == database.id]


def metadata(app: App) -> Metadata:
    """The metadata of all databases; those not read yet are read now."""
    kept = _kept(app)
    with kept.lock:
        for number in [one for one in app.databases if one not in kept.synced]:
            with suppress(psycopg.OperationalError):  # out of reach now; the others are still there
                synchronise(app, app.databases[number])
        return kept


def _kept(app: App) -> Metadata:
    with app.lock:
        kept: Metadata = app.store.setdefault("metadata", Metadata(_FIRST_FIELD.get(app.era, 1)))
    return kept


def synchronise(app: App, database: Database) -> None:
    """Bring the metadata of one database up to date; tables and fields keep their numbers."""
    kept = _kept(app)
    with kept.lock:
        found = [one for one in catalog.read(database.dsn, database.role) if one.readable or app.era < 36]
        first = database.id not in kept.synced
        kept.synced.add(database.id)
        gone = _former(app) if first else []
        known = {(one.schema, one.name): one for one in kept.all_of(database)}
        pairs: dict[int, tuple[catalog.Relation, Table]] = {}
        for relation in drafts.ordered_relations(app.era, found + gone):
            table = known.pop((relation.schema, relation.name), None) or _new_table(app, kept, database, relation)
            table.active, table.readable, table.analysed = True, relation.readable, False
            table.description = table.description or relation.comment
            pairs[relation.oid] = (relation, table)
        for table in known.values():
            table.active = False
        for relation, table in pairs.values():
            _fields(app, kept, relation, table)
        for relation, table in pairs.values():
            _targets(relation, table, pairs)
        for relation in gone:
            _retire(app, pairs[relation.oid][1])


def _former(app: App) -> list[catalog.Relation]:
    """Tables that the server once saw and that are gone (a setting of the sandbox): their fields go on being listed."""
    made = []
    for place, one in enumerate(app.store.get("settings", {}).get("former_tables", []), start=1):
        columns = [
            catalog.Column(name, kind, False, False, False, None, primary=place == 1)
            for place, (name, kind) in enumerate(one["columns"].items(), start=1)
        ]
        made.append(catalog.Relation(-place, one["schema"], one["name"], "r", None, True, columns))
    return made


def _retire(app: App, table: Table) -> None:
    table.active, table.analysed = False, True
    for one in table.fields:
        one.meaning = one.meaning or likely_meaning(app.era, one)


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


def _fields(app: App, kept: Metadata, relation: catalog.Relation, table: Table) -> None:
    made = drafts.drafts(app.era, table.database, relation)
    known = {one.column: one for one in table.fields}
    for one in made:
        had = known.pop(one.column, None)
        if had is None:
            had = _new_field(app, kept, table, one)
        had.active, had.database_type, had.base_type = True, one.database_type, one.base_type
        had.answer_type, had.indexed, had.comment = one.answer_type, one.indexed, had.comment or one.comment
    for gone in known.values():
        gone.active = False
    unfolded = {one.nfc_path[0] for one in made if one.nfc_path}
    for field_ in table.fields:
        if field_.name in unfolded and field_.visibility == "normal":
            field_.visibility = "details-only"
    if app.era < 36:
        table.fields_hash = drafts.fields_hash(made)


def _new_field(app: App, kept: Metadata, table: Table, draft: drafts.Draft) -> Field:
    made = Field(
        kept.next_field,
        table,
        draft.name,
        draft.database_type,
        draft.base_type,
        draft.position,
        draft.comment,
        draft.primary,
        draft.required,
        draft.automatic,
        draft.indexed,
        readable(app.era, draft.name),
        draft.meaning,
        draft.answer_type,
        draft.column,
        draft.nfc_path,
    )
    kept.fields[made.id] = made
    table.fields.append(made)
    kept.next_field += 1
    return made


def _targets(relation: catalog.Relation, table: Table, pairs: dict[int, tuple[catalog.Relation, Table]]) -> None:
    fields = {one.name: one for one in table.fields}
    for column in relation.columns:
        if column.references is None or column.references[0] not in pairs:
            continue
        target = {one.name: one for one in pairs[column.references[0]][1].fields}[column.references[1]]
        fields[column.name].target, fields[column.name].meaning = target, "type/FK"


def analyse(app: App, table: Table) -> None:
    """Read what rows tell about a table's fields, once after each synchronisation."""
    with _kept(app).lock:
        if table.analysed:
            return
        found = sample(app, table, [each for each in table.fields if each.active])
        table.analysed = found is not None
        for one, values in found or []:
            one.values = values
            one.meaning = one.meaning or fieldtypes.name_meaning(app.era, one.name, one.base_type)
            if one.meaning is None and values is not None:
                one.meaning = values.meaning
