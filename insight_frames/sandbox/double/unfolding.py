"""Fields that newer servers find inside JSON columns and offer beside the table's own.

The first 500 rows are looked at; every way to a value in an object becomes a field of its own, unless a column has too
many of them or holds no objects. What is below an array stays text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from . import catalog
from .app import Database
from .clojure import Keyword

ROWS = 500
_MOST = 100  # ways in one table; with more of them nothing is unfolded
_CAST = {"Integer": "bigint", "Float": "double precision", "Boolean": "boolean", "Text": "text", "Array": "text"}
_ANSWERS = {"Integer": "type/BigInteger", "Array": "type/Text"}


@dataclass(frozen=True)
class Nested:
    """A way into a JSON column and the type of what stands there."""

    path: tuple[str, ...]
    kind: str

    @property
    def name(self) -> str:
        """The field's name: ``column → key``."""
        return " → ".join(self.path)

    @property
    def database_type(self) -> str:
        """The type its text is cast to."""
        return _CAST[self.kind]

    @property
    def answer_type(self) -> str:
        """The base type in answers, after the cast."""
        return _ANSWERS.get(self.kind, f"type/{self.kind}")

    def shape(self) -> dict[Keyword, Any]:
        """The field as the driver describes it to the synchronisation."""
        return {
            Keyword("name"): self.name,
            Keyword("database-type"): self.database_type,
            Keyword("base-type"): Keyword(f"type/{self.kind}"),
            Keyword("database-position"): 0,
            Keyword("json-unfolding"): False,
            Keyword("visibility-type"): Keyword("normal"),
            Keyword("nfc-path"): [Keyword(self.path[0]), *self.path[1:]],
        }


def unfold(database: Database, relation: catalog.Relation) -> list[Nested]:
    """The fields inside the JSON columns of a table."""
    columns = [one.name for one in relation.columns if one.type in ("json", "jsonb")]
    if not columns or relation.kind in ("v", "m"):
        return []
    casts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(one)) for one in columns)
    source = sql.Identifier(relation.schema, relation.name)
    statement = sql.SQL("SELECT {} FROM {} LIMIT {}").format(casts, source, sql.Literal(ROWS))
    try:
        with catalog.connect(database.dsn, database.role) as conn:
            rows = conn.execute(statement).fetchall()
    except psycopg.Error:
        return []
    kinds: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        for column, text in zip(columns, row, strict=True):
            _walk((column,), json.loads(text) if text is not None else None, kinds, top=True)
    found = [Nested(path, _common(seen)) for path, seen in kinds.items() if seen]
    return found if len(found) <= _MOST else []


def _walk(path: tuple[str, ...], value: Any, kinds: dict[tuple[str, ...], set[str]], *, top: bool = False) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _walk((*path, key), inner, kinds)
    elif not top:
        kinds.setdefault(path, set()).update(_kind(value))


def _kind(value: Any) -> set[str]:
    if value is None:
        return set()
    for kind, types in (("Boolean", bool), ("Integer", int), ("Float", float), ("Array", list)):
        if isinstance(value, types):
            return {kind}
    return {"Text"}


def _common(kinds: set[str]) -> str:
    if kinds == {"Integer", "Float"}:
        return "Float"
    return next(iter(kinds)) if len(kinds) == 1 else "Text"
