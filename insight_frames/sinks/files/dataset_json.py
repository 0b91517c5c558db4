"""CDISC Dataset-JSON 1.1, as one document or as lines: metadata, then every row as an array.

JSON's numbers are doubles for most readers, so exact decimals go as text with ``decimal`` as their target, as the
standard has it, and whole numbers that a double would change are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from ... import __version__
from ...errors import InvalidInput, sentence
from . import values
from .publish import PathLike, check_path, publish
from .report import FileReport
from .table import FileTable, comment_of
from .values import Carrier, OutOfRange

VERSION = "1.1.0"
_PART = 8192
_TYPES = {
    "integer": "integer",
    "float": "double",
    "decimal": "decimal",
    "bool": "boolean",
    "date": "date",
    "timestamp": "datetime",
    "moment": "datetime",
    "time": "time",
}
_TARGETS = {"decimal": "decimal", "date": "integer", "timestamp": "integer", "moment": "integer", "time": "integer"}


def write(path: PathLike, table: FileTable, *, out_of_range: OutOfRange) -> FileReport:
    """Write one table; the path's ending says whether as one document (.json) or as lines (.ndjson)."""
    lines = str(path).lower().endswith(".ndjson")
    target = check_path(path, ".ndjson" if lines else ".json")
    if not table.data.num_columns:
        raise InvalidInput(sentence("Dataset-JSON has no tables without columns", where=table.label))
    carrier = Carrier("Dataset-JSON", _kinds(table), values.texts(most=None, na_rep=None), out_of_range)
    carried = [carrier.carry(table, place) for place in range(table.data.num_columns)]
    head = _metadata(table, carried)
    columns = [column for _, column in carried]

    def write_to(partial: Path) -> str:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            return _write(file, head, columns, table.data.num_rows, lines)

    made = publish(target, [table.label], table.data.num_rows, write=write_to, read=_read_lines if lines else _read)
    return FileReport([made], carrier.changes)


def _kinds(table: FileTable) -> dict[str, Callable[[Any], Any]]:
    def exact(column: Any) -> Any:
        text = column.cast(pa.string())
        values.refuse(pc.match_substring_regex(text, "[^-0-9.]"), "it is NaN or infinite")
        return text

    def moment(column: Any) -> Any:
        text = column.cast(pa.timestamp("us")).cast(pa.string())
        text = pc.replace_substring(pc.replace_substring_regex(text, r"\.?0{6}$|0+$", ""), " ", "T")
        return text

    def whole(column: Any) -> Any:
        values.integers(column)
        return column.cast(pa.int64())

    return {
        "integer": whole,
        "float": values.floats,
        "decimal": exact,
        "bool": lambda column: column,
        "date": lambda column: column.cast(pa.string()),
        "timestamp": moment,
        "moment": lambda column: pc.binary_join_element_wise(moment(column), "Z", ""),
        "time": lambda column: pc.replace_substring_regex(column.cast(pa.string()), r"\.?0{6}$", ""),
        "enum": lambda column: column.cast(pa.string()),
    }


def _metadata(table: FileTable, carried: list[tuple[str, Any]]) -> dict[str, Any]:
    columns = []
    for field, (kind, column) in zip(table.data.schema, carried, strict=True):
        type_ = _TYPES.get(kind, "string")
        about: dict[str, Any] = {
            "itemOID": f"IT.{table.name}.{field.name}",
            "name": field.name,
            "label": comment_of(field) or field.name,
            "dataType": type_,
        }
        if kind in _TARGETS:
            about["targetDataType"] = _TARGETS[kind]
        if type_ == "string":
            about["length"] = max(pc.max(pc.utf8_length(column)).as_py() or 0, 1)
        if field.name in table.keys:
            about["keySequence"] = table.keys.index(field.name) + 1
        columns.append(about)
    return {
        "datasetJSONCreationDateTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "datasetJSONVersion": VERSION,
        "sourceSystem": {"name": "insight_frames", "version": __version__},
        "itemGroupOID": f"IG.{table.name}",
        "records": table.data.num_rows,
        "name": table.name,
        "label": table.comment or table.name,
        "columns": columns,
    }


def _write(file: IO[str], head: dict[str, Any], columns: list[Any], rows: int, lines: bool) -> str:
    hashed = hashlib.sha256(_text(head).encode())
    text = _text(head)
    file.write(f"{text}\n" if lines else f'{text[:-1]},"rows":[\n')
    for number, row in enumerate(_rows(columns, rows)):
        text = _text(row)
        hashed.update(text.encode())
        file.write(f"{text}\n" if lines else f"{',' if number else ''}{text}\n")
    file.write("" if lines else "]}\n")
    return hashed.hexdigest()


def _rows(columns: list[Any], rows: int) -> Iterator[list[Any]]:
    for start in range(0, rows, _PART):
        parts = [one.slice(start, _PART).to_pylist() for one in columns]
        yield from map(list, zip(*parts, strict=True))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _read(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        found = json.load(file)
    return _digest(found, found.pop("rows"))


def _read_lines(path: Path) -> str:
    with path.open(encoding="utf-8", newline="\n") as file:
        return _digest(json.loads(next(file)), map(json.loads, file))


def _digest(head: dict[str, Any], rows: Any) -> str:
    hashed = hashlib.sha256(_text(head).encode())
    for row in rows:
        hashed.update(_text(row).encode())
    return hashed.hexdigest()
