"""PostgreSQL's types by number and name, and the base types that Metabase gives them in each era.

Native results of the old eras have no types of their own: the base type comes from the Java class of the values,
which is why an all-NULL column there is ``type/*``; the newer ones ask the driver and fall back to the values.
"""

from __future__ import annotations

BUILT_IN: dict[int, str] = {
    16: "bool", 17: "bytea", 18: "char", 19: "name", 20: "int8", 21: "int2", 22: "int2vector", 23: "int4",
    24: "regproc", 25: "text", 26: "oid", 27: "tid", 28: "xid", 29: "cid", 30: "oidvector", 114: "json", 142: "xml",
    600: "point", 601: "lseg", 602: "path", 603: "box", 604: "polygon", 628: "line", 650: "cidr", 700: "float4",
    701: "float8", 705: "unknown", 718: "circle", 774: "macaddr8", 790: "money", 829: "macaddr", 869: "inet",
    1000: "_bool", 1005: "_int2", 1007: "_int4", 1009: "_text", 1015: "_varchar", 1016: "_int8", 1021: "_float4",
    1022: "_float8", 1042: "bpchar", 1043: "varchar", 1082: "date", 1083: "time", 1114: "timestamp",
    1184: "timestamptz", 1186: "interval", 1231: "_numeric", 1266: "timetz", 1560: "bit", 1562: "varbit",
    1700: "numeric", 2205: "regclass", 2206: "regtype", 2249: "record", 2278: "void", 2950: "uuid", 3220: "pg_lsn",
    3614: "tsvector", 3615: "tsquery", 3802: "jsonb", 3904: "int4range", 3906: "numrange", 3908: "tsrange",
    3910: "tstzrange", 3912: "daterange", 3926: "int8range",
}  # fmt: skip

_BASE: dict[str, str] = {
    **dict.fromkeys(("int2", "int4", "oid"), "type/Integer"),
    "int8": "type/BigInteger",
    "numeric": "type/Decimal",
    "money": "type/Decimal",
    "float4": "type/Float",
    "float8": "type/Float",
    "bool": "type/Boolean",
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "char", "unknown", "citext"), "type/Text"),
    "uuid": "type/UUID",
    "date": "type/Date",
    "time": "type/Time",
    "timetz": "type/TimeWithLocalTZ",
    "timestamp": "type/DateTime",
    "timestamptz": "type/DateTimeWithLocalTZ",
    "json": "type/JSON",
    "jsonb": "type/JSON",
    "inet": "type/IPAddress",
    **dict.fromkeys(("cidr", "macaddr"), "type/Structured"),
    "xml": "type/XML",
    "pg_lsn": "type/Integer",
}
_OF_VALUES: dict[str, str] = {  # where they differ: by the Java class of the values
    "int8": "type/Integer",
    "uuid": "type/Text",
    "bit": "type/Boolean",
    **dict.fromkeys(("json", "jsonb", "inet", "cidr", "macaddr", "xml", "pg_lsn"), "type/*"),
}
_OF_VALUES_31 = {**dict.fromkeys(("time", "timetz", "timestamptz"), "type/DateTime"), "money": "type/Float"}
_OF_VALUES_34 = {"timetz": "type/TimeWithTZ", "timestamptz": "type/DateTimeWithTZ"}
_KEPT = ("bytea",)  # values that are no text for the newer eras either


def native(number: int, type_name: str, sample: list[str | None]) -> str:
    """The base type of a column of a native result, by era, type and (where the era looks at them) its first values."""
    seen = [value for value in sample if value is not None]
    if number >= 35:
        if (known := _BASE.get(type_name)) is not None:
            return known if known != "type/Integer" or type_name != "oid" or seen else "type/*"
        if type_name == "bit" and seen and len(seen[0]) == 1:
            return "type/Boolean"
        other = type_name in _KEPT or type_name.startswith("_")
        return "type/Text" if seen and not other else "type/*"
    if not seen:
        return "type/*"
    if number == 34 and type_name == "numeric":
        return _of_numerics(seen)
    own = _OF_VALUES_31 if number == 31 else _OF_VALUES_34
    return own.get(type_name) or _OF_VALUES.get(type_name) or _BASE.get(type_name, "type/*")


def _of_numerics(seen: list[str]) -> str:
    """Of BigDecimals and the doubles that stand for NaN the more frequent class counts, of equals the later."""
    counts: dict[str, int] = {}
    for value in seen:
        if value not in ("Infinity", "-Infinity"):
            kind = "type/Float" if value == "NaN" else "type/Decimal"
            counts[kind] = counts.get(kind, 0) + 1
    ranked = sorted(counts, key=lambda kind: counts[kind])
    return ranked[-1] if ranked else "type/*"
