"""``data.cols``: what an answer says about the columns of a table question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .conditions import EXTRACTS
from .fieldtypes import isa
from .humanize import readable
from .references import Ref
from .sync import Field

_NAMES = {
    "count": "Count",
    "sum": "Sum of {}",
    "avg": "Average of {}",
    "min": "Min of {}",
    "max": "Max of {}",
    "distinct": "Distinct values of {}",
    "stddev": "Standard deviation of {}",
    "median": "Median of {}",
    "var": "Variance of {}",
    "cum-sum": "Cumulative sum of {}",
    "cum-count": "Cumulative count",
    "count-where": "Count of rows matching condition",
    "sum-where": "Sum of {} matching condition",
    "share": "Share of rows matching condition",
    "percentile": "Percentile of {}",
}

_COMPUTED = ("avg", "stddev", "var", "median", "percentile", "share")


@dataclass
class Output:
    """One column of a question's result: its name in the answer, its alias in the SQL, and what is said about it."""

    name: str
    alias: str
    base_type: str
    col: dict[str, Any]


def meaning_key(era: int) -> str:
    """What the era calls a field's meaning."""
    return "semantic_type" if era >= 39 else "special_type"


def result_type(era: int, base: str, unit: str | None, database_type: str = "") -> str:
    """The base type of a column cut to a unit; the old eras go on calling it by the field's own."""
    if era < 36 or unit in (None, "default"):
        return base
    if unit in EXTRACTS:
        return "type/Integer"
    if unit == "day":
        return "type/Date"
    return "type/DateTimeWithLocalTZ" if isa(base, "Date") else base


def field_ref(era: int, ref: Ref) -> list[Any] | None:
    """The reference to a column as the era repeats it; 0.31 repeats none."""
    if era < 33:
        return None
    number = ref.field.id if ref.field else ref.name
    if era < 39:
        inner: list[Any] = ["field-id", number] if ref.field else ["field-literal", number, ref.base_type]
        if ref.source is not None:
            inner = ["fk->", ["field-id", ref.source.id], inner]
        if ref.alias is not None:
            inner = ["joined-field", ref.alias, inner]
        return ["datetime-field", inner, ref.unit] if ref.unit else inner
    options: dict[str, Any] = {}
    if ref.source is not None:
        options["source-field"] = ref.source.id
    if ref.alias is not None:
        options["join-alias"] = ref.alias
    if ref.field is None:
        options["base-type"] = ref.base_type
    if ref.unit:
        options["temporal-unit"] = ref.unit
    return ["field", number, options or None]


def _through(field: Field) -> str:
    """The name of a foreign key as the thing it points at: ``Left ID`` as ``Left``."""
    shown = field.display_name
    return shown.removesuffix(" ID") if shown != "ID" else shown


def of_field(era: int, ref: Ref, field: Field, name: str, source: str, alias: str | None) -> dict[str, Any]:
    """The description of a column that is a field."""
    shown = field.display_name
    if ref.source is not None and era >= 33:
        shown = f"{_through(ref.source)} → {shown}"
    if ref.alias is not None and era >= 33:
        shown = f"{ref.alias} → {shown}"
    col: dict[str, Any] = {
        "description": field.comment,
        "table_id": field.table.id,
        meaning_key(era): field.meaning,
        "name": name,
        "settings": None,
        "source": source,
        "parent_id": None,
        "id": field.id,
        "visibility_type": field.visibility,
        "display_name": shown,
        "fingerprint": field.values.fingerprint() if field.values else None,
        "base_type": result_type(era, field.answer_type, ref.unit),
    }
    if ref.unit:
        col["unit"] = ref.unit
    if ref.source is not None:
        col["fk_field_id"] = ref.source.id
    if (shown_ref := field_ref(era, ref)) is not None:
        col["field_ref"] = shown_ref
    if era >= 39:
        effective = "type/*" if field.base_type == "type/PostgresEnum" else col["base_type"]
        col |= {"coercion_strategy": None, "effective_type": effective, "nfc_path": field.nfc_path}
        if alias is not None:
            col["source_alias"] = alias
    if era >= 49:
        col |= {"fk_target_field_id": field.target.id if field.target else None, "position": field.position}
    return col


def of_name(era: int, ref: Ref, name: str, base: str, source: str) -> dict[str, Any]:
    """The description of a column known by its name only: an expression, or a column of an inner query."""
    shown = name if ref.kind == "expression" else readable(era, name)
    col: dict[str, Any] = {"name": name, "display_name": shown, "base_type": base, "source": source}
    if ref.kind == "expression":
        col["expression_name"] = name
        if era >= 33:
            col["field_ref"] = ["expression", name]
    elif (shown_ref := field_ref(era, ref)) is not None:
        col["field_ref"] = shown_ref
    if era >= 39:
        col["effective_type"] = base
    return col


def of_aggregation(
    era: int, word: str, field: Field | None, name: str, label: str | None, place: int
) -> dict[str, Any]:
    """The description of an aggregation, the ``place``-th of its question."""
    counted = word in ("count", "distinct", "count-where", "cum-count")
    base = _aggregated_type(era, word, field)
    argument = field.display_name if field else "expression"
    shown = label or (name if era < 33 else _NAMES.get(word, name).format(argument))
    col: dict[str, Any] = {"base_type": base, "name": name, "display_name": shown, "source": "aggregation"}
    if counted:
        col[meaning_key(era)] = "type/Quantity" if era >= 36 else "type/Number"
    elif era < 36:
        col[meaning_key(era)] = "type/Number" if word in _COMPUTED else field.meaning if field else None
    if field is not None and not counted:
        col["settings"] = None
    if era >= 33:
        col["field_ref"] = ["aggregation", place]
    if era >= 39:
        col["effective_type"] = base
    if era >= 49:
        col["aggregation_index"] = place
    return col


def _aggregated_type(era: int, word: str, field: Field | None) -> str:
    if word in ("count", "distinct", "count-where", "cum-count") and (era < 36 or word != "count-where"):
        return "type/BigInteger" if era >= 36 else "type/Integer"
    if field is None:
        return "type/Decimal" if era >= 36 and word == "count-where" else "type/Float"
    kept = word in ("min", "max") or (era < 36 and word not in _COMPUTED)
    if kept or field.database_type in ("float4", "float8"):
        return "type/Float" if field.database_type == "float4" else field.answer_type
    if word in ("sum", "cum-sum") and field.database_type in ("int2", "int4", "serial", "smallserial"):
        return "type/BigInteger"
    return "type/Float" if era < 36 or word in ("median", "percentile") else "type/Decimal"
