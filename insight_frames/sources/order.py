"""Rows of a snapshot in PostgreSQL's order: NULL counts as the greatest value, and NaN as the greatest number.

Text is sorted by its UTF-8 bytes (collation C): which collation the server sorted by, a file does not know. What cannot
be sorted as PostgreSQL would is refused.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import pgtypes
from ..errors import InvalidInput, sentence
from ..manifest import STORED

_TEXT = frozenset(("text", "varchar", "char", "name", "uuid"))
_AS_STORED = frozenset(("int2", "int4", "int8", "oid", "bool", "date", "timestamp", "timestamptz", "time", "bytea"))


def ordered(
    batches: Iterable[pa.RecordBatch], order: Sequence[tuple[str, bool]], limit: int | None
) -> Generator[pa.RecordBatch, None, None]:
    """Sort record batches by columns, each (name, descending); all rows are held in memory."""
    held = list(batches)
    if not held:
        return
    table = pa.Table.from_batches(held)
    keys: dict[str, Any] = {}
    for place, (name, descending) in enumerate(order):
        for part, key in enumerate(_keys(table, name)):
            keys[f"{place}.{part}.{'descending' if descending else 'ascending'}"] = key
    directions = [(name, name.rpartition(".")[2]) for name in keys]
    found = pc.sort_indices(pa.table(keys), sort_keys=directions)
    yield from table.take(found if limit is None else found[:limit]).to_batches()


def _keys(table: pa.Table, name: str) -> list[Any]:
    """Give what to sort by in turn: whether it is NULL, whether it is NaN, the value."""
    field, column = table.schema.field(name), table.column(name)
    type_ = pgtypes.type_of(field)
    empty = column.is_null()
    if pa.types.is_floating(field.type):
        unknown = pc.fill_null(pc.is_nan(column), False)
        return [empty, unknown, pc.if_else(unknown, pa.scalar(0, field.type), column)]
    as_text = (field.metadata or {}).get(STORED) == b"text"
    if type_.name in ("numeric", "money") and field.type == pa.string():
        return [empty, _ranks(column, _number)]
    if type_.name == "enum":
        places = {label: place for place, label in enumerate(type_.labels)}
        return [empty, _ranks(column, lambda label: (places.get(label, len(places)), label))]
    if type_.name == "bpchar":
        return [empty, pc.utf8_rtrim(column, characters=" ")]
    if type_.name in _TEXT or pa.types.is_decimal(field.type) or (type_.name in _AS_STORED and not as_text):
        return [empty, column]
    raise InvalidInput(
        sentence(
            "A snapshot cannot sort by this column as PostgreSQL would",
            where=f"column {name!r}, type {type_.text}",
            try_="sort the frame in pandas",
        )
    )


def _number(text: str) -> tuple[bool, Decimal]:
    value = Decimal(text)
    return (True, Decimal(0)) if value.is_nan() else (False, value)


def _ranks(column: Any, key: Any) -> Any:
    """Put the place of each value among the distinct ones, sorted by `key`, in place of it."""
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    keys = [key(one) for one in coded.dictionary.to_pylist()]
    place = {one: rank for rank, one in enumerate(sorted(set(keys)))}
    ranks = pa.array(np.array([place[one] for one in keys], np.int64))
    return ranks.take(coded.indices)
