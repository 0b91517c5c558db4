"""Describes written tables for the manifest: once in the words of a Data Package, once exactly.

A Data Package knows a dozen types and keys within itself; PostgreSQL's types, and foreign keys that lead to tables
which were not taken, stand beside it under ``insight``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from .. import manifest, pgtypes
from ..catalog import Column, Table
from ..sinks.content import encoding, fingerprint
from ..sinks.parquet import Written


def resources(
    tables: Sequence[Table], written: Sequence[Written]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """Give the resources, the warnings and the fingerprint of a snapshot."""
    places = [(one.schema, one.name) for one in tables]
    names = dict(zip(places, manifest.slugs(places), strict=True))
    found = [_resource(table, one, names) for table, one in zip(tables, written, strict=True)]
    contents = [(table.schema, table.name, one.content) for table, one in zip(tables, written, strict=True)]
    warnings = [
        {"schema": table.schema, "table": table.name, "column": column, "reason": _reason(table, column)}
        for table, one in zip(tables, written, strict=True)
        for column in one.text_columns
    ]
    return found, warnings, fingerprint(contents)


def _reason(table: Table, column: str) -> str:
    type_ = next((one.type for one in table.columns if one.name == column), "its type")
    return f"at least one value does not fit {type_} in Arrow; the column is kept as PostgreSQL's text"


def _resource(table: Table, written: Written, names: dict[tuple[str, str], str]) -> dict[str, Any]:
    known = {one.name: one for one in table.columns}
    described: dict[str, Any] = {
        "name": names[table.schema, table.name],
        "type": "file",  # so that validators compare its hash; none of them reads all of our types
        "path": manifest.file_path(table.schema, table.name),
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": written.bytes,
        "hash": f"sha256:{written.sha256}",
        "schema": _data_package_schema(table, written, names),
        "insight": {
            "schema": table.schema,
            "table": table.name,
            "kind": table.kind,
            "comment": table.comment,
            "rows": written.rows,
            "content": written.content,
            "columns": [_column(one, known.get(one.name)) for one in written.schema],
            "primary_key": table.has_primary_key,
            "keys": [list(one) for one in table.keys],
            "foreign_keys": [
                {
                    "columns": list(one.columns),
                    "schema": one.schema,
                    "table": one.table,
                    "references": list(one.references),
                }
                for one in table.foreign_keys
            ],
        },
    }
    if table.comment:
        described["description"] = table.comment
    return described


def _column(field: pa.Field[Any], column: Column | None) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": column.type if column else pgtypes.type_of(field).text,
        "nullable": column.nullable if column else not pgtypes.is_not_null(field),
        "comment": column.comment if column else None,
        "stored": encoding(field.type),
    }


def _data_package_schema(table: Table, written: Written, names: dict[tuple[str, str], str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"fields": [_field(one) for one in written.schema]}
    if table.has_primary_key:
        schema["primaryKey"] = list(table.keys[0])
    unique = table.keys[1:] if table.has_primary_key else table.keys
    if unique:
        schema["uniqueKeys"] = [list(one) for one in unique]
    links = [
        {
            "fields": list(one.columns),
            "reference": {
                "resource": ""
                if (one.schema, one.table) == (table.schema, table.name)
                else names[one.schema, one.table],
                "fields": list(one.references),
            },
        }
        for one in table.foreign_keys
        if (one.schema, one.table) in names
    ]
    if links:
        schema["foreignKeys"] = links
    return schema


def _field(field: pa.Field[Any]) -> dict[str, Any]:
    kind = _kind(field.type)
    described: dict[str, Any] = {"name": field.name, "type": kind}
    if pa.types.is_binary(field.type):
        described["format"] = "binary"
    comment = (field.metadata or {}).get(b"comment")
    if comment:
        described["description"] = comment.decode()
    constraints: dict[str, Any] = {}
    if pgtypes.is_not_null(field):
        constraints["required"] = True
    labels = pgtypes.type_of(field).labels
    if labels and kind == "string":
        constraints["enum"] = list(labels)
    if constraints:
        described["constraints"] = constraints
    return described


def _kind(type_: pa.DataType) -> str:
    for kind, found in (
        ("boolean", pa.types.is_boolean),
        ("integer", pa.types.is_integer),
        ("number", pa.types.is_floating),
        ("number", pa.types.is_decimal),
        ("date", pa.types.is_date),
        ("datetime", pa.types.is_timestamp),
        ("time", pa.types.is_time),
        ("array", pa.types.is_list),
    ):
        if found(type_):
            return kind
    return "string"
