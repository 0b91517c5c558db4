"""What Metabase calls a PostgreSQL column type (its base type), and what a column's name or type says it means.

Base types changed between eras (time zones, enums, structured values), so the table below starts from 0.47 and lists
the older names as exceptions. Meanings are *special types* up to 0.38 and *semantic types* later, in the same words.
"""

from __future__ import annotations

import re

_BASE = {
    "bool": "Boolean",
    "int2": "Integer",
    "int4": "Integer",
    "smallserial": "Integer",
    "serial": "Integer",
    "pg_lsn": "Integer",
    "int8": "BigInteger",
    "bigserial": "BigInteger",
    "float4": "Float",
    "float8": "Float",
    "numeric": "Decimal",
    "money": "Decimal",
    "text": "Text",
    "varchar": "Text",
    "bpchar": "Text",
    "citext": "Text",
    "uuid": "UUID",
    "date": "Date",
    "time": "Time",
    "timetz": "TimeWithLocalTZ",
    "timestamp": "DateTime",
    "timestamptz": "DateTimeWithLocalTZ",
    "inet": "IPAddress",
    "cidr": "Structured",
    "macaddr": "Structured",
    "xml": "Structured",
    "json": "JSON",
    "jsonb": "JSON",
}
_BEFORE_JSON = {"cidr": "Text", "macaddr": "Text", "xml": "Text", "json": "Text", "jsonb": "Text"}
_BEFORE = {
    31: {**_BEFORE_JSON, "timetz": "Time", "timestamptz": "DateTime"},
    34: _BEFORE_JSON,
}
_BY_TYPE = {"json": "SerializedJSON", "jsonb": "SerializedJSON", "xml": "XML", "inet": "IPAddress"}
_BY_TYPE_BEFORE = {"json": "SerializedJSON", "inet": "IPAddress"}

_PARENTS = {
    "Integer": "Number",
    "BigInteger": "Integer",
    "Float": "Number",
    "Decimal": "Float",
    "Date": "Temporal",
    "Time": "Temporal",
    "TimeWithLocalTZ": "Time",
    "DateTime": "Temporal",
    "DateTimeWithLocalTZ": "DateTime",
    "UUID": "Text",
    "IPAddress": "TextLike",
    "PostgresEnum": "Text",
    "JSON": "Structured",
    "Structured": "Collection",
    "Array": "Collection",
}
_TEXT_OR_INT = ("Integer", "Text")
_NAMES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (r"^id$", ("*",), "PK"),
    (r"(^|_)lat(itude)?$", ("Float",), "Latitude"),
    (r"(^|_)(lon|lng|long|longitude)$", ("Float",), "Longitude"),
    (r"(^|_)type$", _TEXT_OR_INT, "Category"),
    (r"(^|_)url$", ("Text",), "URL"),
    (r"^active$", ("Boolean", "Integer"), "Category"),
    (r"^(currency|gender|sex|role|status)$", _TEXT_OR_INT, "Category"),
    (r"^city$", ("Text",), "City"),
    (r"^country", ("Text",), "Country"),
    (r"^state$", ("Text",), "State"),
    (r"^(first_?|full_?|last_?)?name$", ("Text",), "Name"),
    (r"^(postal|zip)_?code$", _TEXT_OR_INT, "ZipCode"),
    (r"discount", ("Number",), "Discount"),
    (r"income|amount|^total|_total$", ("Number",), "Income"),
    (r"quantity|count$|number|^num_", ("Integer",), "Quantity"),
    (r"join", ("DateTime",), "JoinTimestamp"),
    (r"create", ("DateTime",), "CreationTimestamp"),
    (r"create", ("Date",), "CreationDate"),
    (r"create", ("Time",), "CreationTime"),
    (r"source|channel", _TEXT_OR_INT, "Source"),
    (r"share|percent|rate$", ("Float",), "Share"),
    (r"margin", ("Number",), "GrossMargin"),
    (r"cost", ("Number",), "Cost"),
    (r"duration", ("Number",), "Duration"),
    (r"author|creator|created_?by", _TEXT_OR_INT, "Author"),
    (r"owner", _TEXT_OR_INT, "Owner"),
    (r"company|vendor", _TEXT_OR_INT, "Company"),
    (r"subscription", _TEXT_OR_INT, "Subscription"),
    (r"score|rating|stars", ("Number",), "Score"),
    (r"description", ("Text",), "Description"),
    (r"title", ("Text",), "Title"),
    (r"comment", ("Text",), "Comment"),
)
_STARTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (r"start", ("DateTime",), "CreationTimestamp"),
    (r"start", ("Date",), "CreationDate"),
    (r"cancel", ("DateTime",), "CancelationTimestamp"),
    (r"delet|remov", ("DateTime",), "DeletionTimestamp"),
    (r"updat|modif", ("DateTime",), "UpdatedTimestamp"),
    (r"birth", ("Date", "DateTime"), "Birthdate"),
)
_ENTITIES = (
    (r"order|transaction|sale|purchase", "Transaction"),
    (r"product", "Product"),
    (r"user|account|people|person|employee", "User"),
    (r"event|checkin|log", "Event"),
    (r"subscription", "Subscription"),
    (r"company|companies|vendor", "Company"),
)


def base_type(era: int, kind: str, *, enum: bool = False) -> str:
    """The base type of a column of JDBC type ``kind``: ``type/Integer``, ``type/*`` where Metabase knows none."""
    if enum and era >= 47:
        return "type/PostgresEnum"
    return "type/" + _BEFORE.get(era, {}).get(kind, _BASE.get(kind, "*"))


def isa(kind: str, *parents: str) -> bool:
    """Whether a base type (``type/Decimal``) is one of ``parents`` (``"Float"``) or descends from it."""
    name: str | None = kind.removeprefix("type/")
    while name is not None:
        if name in parents:
            return True
        name = _PARENTS.get(name)
    return "*" in parents


def type_meaning(era: int, kind: str) -> str | None:
    """The meaning that the driver itself reports for a column type."""
    found = (_BY_TYPE if era >= 47 else _BY_TYPE_BEFORE).get(kind)
    return f"type/{found}" if found else None


def name_meaning(era: int, name: str, base: str) -> str | None:
    """The meaning guessed from a column's name."""
    for pattern, bases, meaning in _NAMES if era < 34 else _NAMES + _STARTS:
        if isa(base, *bases) and re.search(pattern, name.lower()):
            return f"type/{meaning}"
    return None


def entity_type(name: str) -> str:
    """The kind of thing a table seems to hold, by its name."""
    for words, kind in _ENTITIES:
        if re.search(words, name.lower()):
            return f"entity/{kind}Table"
    return "entity/GenericTable"
