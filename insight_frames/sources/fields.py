"""A table's fields in Metabase's words: how they are referred to in filters, orders and lists of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput, sentence
from ..pgtypes import PgType, pg_type
from ..wire.tables import NumberedTable

Clause = list[Any]


@dataclass(frozen=True)
class Column:
    """A column that a condition may name: how Metabase refers to it, and its type."""

    reference: Clause
    type: PgType


def columns_of(numbered: NumberedTable, era: int | None) -> dict[str, Column]:
    """Give the columns of a table by their names."""
    return {
        field.name: Column(reference(field.id, era), pg_type(one.type, typtype=one.typtype))
        for field, one in zip(numbered.fields, numbered.table.columns, strict=True)
        if not (field.closed or field.converted)
    }


def reference(number: int, era: int | None) -> Clause:
    """Refer to a field in the version's words."""
    return ["field-id", number] if era is not None and era < 39 else ["field", number, None]


def named(numbered: NumberedTable, era: int | None) -> Callable[[str], Column]:
    """Give a function that finds a column of a table by its name, and refuses those that Metabase alters."""
    known = columns_of(numbered, era)

    def find(name: str) -> Column:
        if name not in known:
            numbered.table.column(name)
            raise InvalidInput(
                sentence(
                    f"Metabase keeps or converts column {name!r}, so that it cannot be compared",
                    where=f"{numbered.table.schema}.{numbered.table.name}",
                    try_="read_table without it in where=",
                )
            )
        return known[name]

    return find


def ordered(numbered: NumberedTable, order: Sequence[tuple[str, bool]], era: int | None) -> list[Clause]:
    """Give the order of rows in Metabase's words."""
    names = {one.name for one in numbered.fields}
    made = []
    for name, down in order:
        field = numbered.field(name if name in names else name.strip())
        made.append(["desc" if down else "asc", reference(field.id, era)])
    return made
