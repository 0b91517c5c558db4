"""Columns and relations as the driver describes them to a synchronisation, in the order in which it numbers new ones.

That order is the one of a set of maps, so the maps are built key by key as each era builds them; see ``clojure``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import fieldtypes
from .app import Database
from .catalog import Column, Relation
from .clojure import Keyword, digest, set_order
from .unfolding import Nested, unfold


@dataclass
class Draft:
    """A field to be: the driver's map and what else the catalogue knows."""

    shape: dict[Keyword, Any]
    name: str
    database_type: str
    position: int
    answer_type: str
    column: str
    comment: str | None = None
    primary: bool = False
    required: bool = False
    automatic: bool = False
    indexed: bool = False
    nfc_path: list[str] | None = None

    @property
    def base_type(self) -> str:
        """The base type as the driver reports it."""
        return str(self.shape[Keyword("base-type")])

    @property
    def meaning(self) -> str | None:
        """What the driver says the field means."""
        if self.primary:
            return "type/PK"
        found = self.shape.get(Keyword("semantic-type"), self.shape.get(Keyword("special-type")))
        return str(found) if found else None


def ordered_relations(era: int, relations: Iterable[Relation]) -> list[Relation]:
    """Relations in the order in which new tables are numbered."""

    def key(one: Relation) -> tuple[int, ...]:
        shape = {Keyword("name"): one.name, Keyword("schema"): one.schema}
        return set_order(shape if era < 49 else {**shape, Keyword("description"): one.comment})

    return sorted(relations, key=key)


def drafts(era: int, database: Database, relation: Relation) -> list[Draft]:
    """The fields of a relation in the order in which new ones are numbered."""
    made = [_draft(era, one, at) for at, one in enumerate(relation.columns)]
    if era >= 44:
        made += [_nested(one) for one in unfold(database, relation)]
    made.sort(key=lambda one: set_order(one.shape))
    return _confused(made) if era == 47 else made


def _draft(era: int, column: Column, position: int) -> Draft:
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
    return Draft(
        shape,
        column.name,
        column.type,
        position,
        fieldtypes.base_type(era, column.domain) if column.domain and era >= 36 else base,
        column.name,
        column.comment,
        column.primary,
        column.required,
        column.automatic,
        column.indexed,
    )


def _nested(found: Nested) -> Draft:
    path = list(found.path)
    return Draft(found.shape(), found.name, found.database_type, 0, found.answer_type, found.name, nfc_path=path)


def _confused(made: list[Draft]) -> list[Draft]:
    """0.47 takes names that differ in case only for one field, and calls the others like the first of them."""
    first: dict[str, Draft] = {}
    for one in made:
        kept = first.setdefault(one.name.lower(), one)
        one.name, one.position = kept.name, kept.position
    return made


def fields_hash(made: list[Draft]) -> str:
    """The digest that the old eras keep of a table's fields."""
    words = ("name", "database-type", "base-type", "special-type", "pk?", "nested-fields", "custom", "field-comment")
    return digest(sorted(tuple(one.shape.get(Keyword(word)) for word in words) for one in made))
