"""An Arrow field that carries its PostgreSQL type, so that Parquet, sinks and the offline source need nothing else.

The metadata are words of the catalogue, readable by anyone who opens the file; the Arrow type itself says how numbers
and values out of range were read.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pyarrow as pa

from .kinds import PgType, pg_type
from .perobject import per_object
from .table import Numbers, Reading, reading


def field(name: str, how: Reading, *, nullable: bool | None, comment: str | None = None) -> pa.Field[Any]:
    """Make the stream's field for a column.

    Parameters
    ----------
    name : str
        The column's name.
    how : Reading
        How it is read.
    nullable : bool or None
        As the catalogue says; None where it does not (columns of a query). The Arrow field itself is always nullable,
        so that no reader is misled by a constraint that was added between catalogue and data.
    comment : str, optional
        The column's comment.
    """
    facts = {"pg_type": how.type.text, "pg_name": how.type.name, "pg_kind": how.type.kind}
    if nullable is not None:
        facts["nullable"] = "true" if nullable else "false"
    if comment is not None:
        facts["comment"] = comment
    if how.type.labels:
        facts["labels"] = json.dumps(how.type.labels, ensure_ascii=False)
    if how.type.element is not None:
        facts["element"] = json.dumps(_facts(how.type.element), ensure_ascii=False)
    return pa.field(name, how.arrow, metadata=facts)


def _facts(type_: PgType) -> dict[str, Any]:
    return {"pg_type": type_.text, "pg_name": type_.name, "pg_kind": type_.kind, "labels": list(type_.labels)}


def from_field(field: pa.Field[Any]) -> Reading:
    """Read a column's type back from its field; the inverse of :func:`field`."""
    type_ = type_of(field)
    choices: tuple[Numbers, ...] = ("exact", "float")
    for numbers in choices:
        how = reading(type_, numbers=numbers)
        if how.arrow == field.type:
            return how
    return reading(type_, numbers="exact").as_text()


@per_object
def type_of(field: pa.Field[Any]) -> PgType:
    """The PostgreSQL type in a field's metadata; of a field without them, the one nearest to its Arrow type."""
    facts = field.metadata or {}
    if b"pg_type" not in facts:
        return pg_type(_nearest(field.type))
    return _told(tuple(facts.items()))


@lru_cache(4096)
def _told(items: tuple[tuple[bytes, bytes], ...]) -> PgType:
    facts = dict(items)
    element = json.loads(facts[b"element"]) if b"element" in facts else None
    return _restore(
        facts[b"pg_type"].decode(),
        facts[b"pg_name"].decode(),
        facts[b"pg_kind"].decode(),
        json.loads(facts.get(b"labels", b"[]")),
        element,
    )


def _restore(text: str, name: str, kind: str, labels: list[str], element: dict[str, Any] | None = None) -> PgType:
    inner = None
    if element is not None:
        inner = _restore(element["pg_type"], element["pg_name"], element["pg_kind"], element["labels"])
    plain = pg_type(text)
    return PgType(text, name, kind, plain.precision, plain.scale, tuple(labels), inner)


def _nearest(type_: pa.DataType) -> str:
    for text, found in (
        ("smallint", type_ == pa.int16()),
        ("integer", type_ == pa.int32()),
        ("bigint", pa.types.is_integer(type_)),
        ("real", type_ == pa.float32()),
        ("double precision", pa.types.is_floating(type_)),
        ("boolean", pa.types.is_boolean(type_)),
        ("date", pa.types.is_date(type_)),
        ("timestamp with time zone", pa.types.is_timestamp(type_) and type_.tz is not None),
        ("timestamp without time zone", pa.types.is_timestamp(type_)),
        ("time without time zone", pa.types.is_time(type_)),
        ("bytea", pa.types.is_binary(type_)),
    ):
        if found:
            return text
    return f"numeric({type_.precision},{type_.scale})" if pa.types.is_decimal(type_) else "text"


def is_not_null(field: pa.Field[Any]) -> bool:
    """True if the catalogue says NOT NULL."""
    return (field.metadata or {}).get(b"nullable") == b"false"
