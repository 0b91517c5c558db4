"""Two states of a table's columns side by side: which are new, gone or of another type, and how values are compared.

A column of another type is compared where the conversion is exact (integers and floats that grew, numbers by their
digits, anything that became text by PostgreSQL's own text); where it is not, the values are left out and that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from ... import pgtypes
from ...catalog import Table
from ...sinks.content import encoding
from .values import text

Convert: TypeAlias = Callable[[Any], Any]
Kind = Literal["added", "removed", "retyped", "stored", "moved", "values"]

_NUMBERS = frozenset(("int2", "int4", "int8", "oid", "numeric", "money", "float4", "float8"))


@dataclass(frozen=True)
class ColumnChange:
    """One thing that is different about a column.

    Attributes
    ----------
    column : str
        Its name.
    change : str
        "added", "removed", "retyped"; "stored": of the same type, but kept as PostgreSQL's text in one of the
        snapshots; "moved" to another place; "values": of rows that are in both.
    old, new : str or None
        Type, way of storing or place before and after.
    cells : int
        How many values are different ("values").
    compared : bool
        Whether the values could be compared at all.
    """

    column: str
    change: Kind
    old: str | None = None
    new: str | None = None
    cells: int = 0
    compared: bool = True


@dataclass(frozen=True)
class Pair:
    """One column in both states.

    ``shown`` is the field in which both are compared and shown; `old` and `new` bring stored values into it.
    """

    name: str
    shown: pa.Field[Any]
    old: Convert
    new: Convert


def pairs(old: pa.Schema, new: pa.Schema) -> dict[str, Pair]:
    """Pair the columns whose values can be compared, in the order of the new table."""
    common = [one for one in new if old.get_field_index(one.name) >= 0]
    found = {one.name: pair(old.field(one.name), one) for one in common}
    return {name: one for name, one in found.items() if one is not None}


def pair(old: pa.Field[Any], new: pa.Field[Any]) -> Pair | None:
    """Say how two states of a column are compared; None if no conversion is exact."""
    name = new.name
    if old.type == new.type:
        return Pair(name, new, _same, _same)
    for kind in (pa.types.is_integer, pa.types.is_floating):
        if kind(old.type) and kind(new.type):
            shown = max((new, old), key=lambda one: one.type.bit_width)
            return Pair(name, shown, _cast(shown.type), _cast(shown.type))
    plain = pa.field(name, pa.string())
    if pgtypes.type_of(old).text != pgtypes.type_of(new).text and _is_number(old) and _is_number(new):
        return Pair(name, plain, _digits(old), _digits(new))
    if {old.type, new.type} == {pa.date32(), pa.timestamp("us")}:
        shown = new if pa.types.is_timestamp(new.type) else old
        return Pair(name, shown, _cast(shown.type), _cast(shown.type))
    lists = pa.types.is_nested(old.type) and pa.types.is_nested(new.type)
    if lists or pa.string() in (old.type, new.type):
        return Pair(name, plain, _text(old), _text(new))
    return None


def changes(old: Table, new: Table, stored: tuple[pa.Schema, pa.Schema], paired: dict[str, Pair]) -> list[ColumnChange]:
    """List what is different about the columns themselves, in the order of the new table; the gone ones last."""
    before = {one.name: one.type for one in old.columns}
    after = {one.name: one.type for one in new.columns}
    ranks = {name: place for place, name in enumerate(name for name in before if name in after)}
    moved = [name for place, name in enumerate(name for name in after if name in before) if ranks[name] != place]
    found = []
    for name, type_ in after.items():
        if name not in before:
            found.append(ColumnChange(name, "added", None, type_))
            continue
        was, is_ = (encoding(one.field(name).type) for one in stored)
        if before[name] != type_:
            found.append(ColumnChange(name, "retyped", before[name], type_, compared=name in paired))
        elif was != is_:
            found.append(ColumnChange(name, "stored", was, is_, compared=name in paired))
        if name in moved:
            was, is_ = (str(list(one).index(name) + 1) for one in (before, after))
            found.append(ColumnChange(name, "moved", was, is_))
    return [*found, *(ColumnChange(name, "removed", one, None) for name, one in before.items() if name not in after)]


def _same(column: Any) -> Any:
    return column


def _cast(type_: pa.DataType) -> Convert:
    return lambda column: column.cast(type_)


def _is_number(field: pa.Field[Any]) -> bool:
    return pgtypes.type_of(field).name in _NUMBERS


def _text(field: pa.Field[Any]) -> Convert:
    if pa.types.is_boolean(field.type):
        return lambda column: column.cast(pa.string())  # true and false: as a cast to text writes them
    return lambda column: text(column, field)


def _digits(field: pa.Field[Any]) -> Convert:
    """Write numbers of any type so that equal ones are equal text: no exponent, no zeros behind the point."""

    def convert(column: Any) -> Any:
        coded = text(column, field).dictionary_encode()
        plain = pa.array([_plain(one) for one in coded.dictionary.to_pylist()], pa.string())
        return plain.take(coded.indices)

    return convert


def _plain(digits: str) -> str:
    value = Decimal(digits)
    if not value.is_finite():
        return digits
    whole = format(value, "f")
    return whole.rstrip("0").rstrip(".") if "." in whole else whole
