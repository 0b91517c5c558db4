"""How a stored column becomes what a question asks for: the same rules of types as from the live source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from .. import pgtypes
from ..errors import ValueOutOfRange, sentence
from ..manifest import STORED
from ..question import Question

Convert = Callable[[Any], Any]


def fallen(field: pa.Field[Any]) -> bool:
    """Whether a column was stored as PostgreSQL's text because a value did not fit its type."""
    return (field.metadata or {}).get(STORED) == b"text"


def reader(field: pa.Field[Any], question: Question) -> tuple[pa.Field[Any], Convert]:
    """Decide the stream's field for a stored one, and how its values get there."""
    stored = pgtypes.from_field(field)
    type_ = pgtypes.type_of(field)
    wanted = pgtypes.reading(type_, numbers=question.numbers, out_of_range=question.out_of_range)
    asked = field.with_type(wanted.arrow)
    if wanted.arrow == field.type:
        return asked, same
    if wanted.arrow == pa.string():
        return asked, stored.to_text
    if not fallen(field) and field.type == pa.string():
        return asked, wanted.parse  # an enum, or numbers kept as their digits
    if not fallen(field):
        return asked, lambda column: wanted.parse(stored.to_text(column))
    if type_.name in ("numeric", "money"):
        return (asked, wanted.parse) if question.numbers == "float" else (field, same)
    raise ValueOutOfRange(
        sentence(
            "The column holds a value that does not fit its type",
            where=f"{question.label}, column {field.name!r}, type {type_.text}",
            try_='out_of_range="text" reads such columns as PostgreSQL\'s text',
        ),
        table=question.label,
        column=field.name,
        type=type_.text,
    )


def same(column: Any) -> Any:
    """Give the column as it is."""
    return column
