"""What type a column of a question has: PostgreSQL's own where it comes from a table, else what Metabase makes of it.

Metabase's base types are wider than PostgreSQL's types. Where one of them holds values that are shown in two ways,
their form tells; where that is not known either, there is no type, and whoever asks has to refuse the column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import pgtypes
from ..errors import NotFound, PermissionDenied
from ..wire.tables import Tables

_SHAPED = re.compile(r"-?\d+ years -?\d+ mons -?\d+ days |[\[<({]?\(-?\d+\.\d+(?:E-?\d+)?,-?\d+\.\d+(?:E-?\d+)?\)")
_TEXT = pgtypes.pg_type("text")
_TYPES = {
    "type/Integer": "bigint",
    "type/BigInteger": "bigint",
    "type/Decimal": "numeric",
    "type/Float": "double precision",
    "type/Boolean": "boolean",
    "type/Text": "text",
    "type/UUID": "uuid",
    "type/Date": "date",
    "type/Time": "time without time zone",
    "type/DateTime": "timestamp without time zone",
    "type/DateTimeWithTZ": "timestamp with time zone",
    "type/DateTimeWithLocalTZ": "timestamp with time zone",
    "type/JSON": "json",
    "type/IPAddress": "inet",
}


def of(col: Mapping[str, Any], tables: Tables | None) -> tuple[pgtypes.PgType | None, str | None]:
    """Give a column's type, PostgreSQL's own where it comes from a table, and the comment it has there."""
    table, number = col.get("table_id"), col.get("id")
    if tables is not None and type(table) is int and type(number) is int:
        try:
            known = tables.numbered(table)
        except (NotFound, PermissionDenied):
            known = None
        field = None if known is None else next((one for one in known.fields if one.id == number), None)
        if known is not None and field is not None and not field.converted:
            one = known.table.column(field.name)
            type_ = pgtypes.pg_type(one.type, typtype=one.typtype, element=one.element)
            return (_TEXT if type_.name == "enum" else type_), one.comment  # whose labels Metabase does not know
    name = _TYPES.get(str(col.get("base_type")))
    return (None if name is None else pgtypes.pg_type(name)), None


def may_be_shaped(col: Mapping[str, Any]) -> bool:
    """Whether a column may hold the driver's own way to write intervals and points, which it calls texts."""
    return "id" not in col and col.get("base_type") == "type/Text"


def is_shaped(values: Sequence[Any], col: Mapping[str, Any]) -> bool:
    """Whether texts of a column are such intervals or points."""
    return may_be_shaped(col) and any(type(one) is str and _SHAPED.match(one) is not None for one in values)


def any_shaped(texts: pa.StringArray) -> bool:
    """Whether any of these texts is one."""
    return bool(pc.match_substring_regex(texts, f"^(?:{_SHAPED.pattern})").true_count)
