"""What is left of a snapshot whose connection broke: whole tables in the hidden folder, and a note of what they are.

The next snapshot of the same tables to the same path takes them over if their files are what the note says; that they
are still what the database holds, its last statement has to prove. Everything else that was left is removed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import manifest
from ..catalog import Table
from ..errors import SnapshotError
from ..sinks.parquet import Written
from . import folder

FORMAT = 2  # of the note
Known = dict[str, Any]  # what the source knows of a table as it was read: plain JSON values


def question(tables: Sequence[Table], source: Mapping[str, Any]) -> str:
    """Hash what was asked, of whom and as whom: only the same question may go on with what is left of it."""
    asked = [[one.schema, one.name, one.kind, one.shape, one.only, [c.name for c in one.columns]] for one in tables]
    text = json.dumps([FORMAT, dict(source), asked], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def note(
    hidden: Path, asked: str, tables: Sequence[Table], written: Mapping[int, Written], known: Mapping[int, Known]
) -> None:
    """Write down which tables are whole."""
    whole = [
        {
            "path": manifest.file_path(tables[index].schema, tables[index].name),
            "rows": one.rows,
            "bytes": one.bytes,
            "sha256": one.sha256,
            "content": one.content,
            "text_columns": list(one.text_columns),
            "known": known[index],
        }
        for index, one in sorted(written.items())
    ]
    rest = hidden / folder.REST
    try:
        with folder.disk(rest):
            folder.write_file(rest, json.dumps({"question": asked, "tables": whole}))
    except SnapshotError:
        rest.unlink(missing_ok=True)
        raise


def recall(hidden: Path, tables: Sequence[Table]) -> tuple[dict[int, Written], dict[int, Known]]:
    """Give the tables that are left from an earlier attempt, and remove all files but theirs."""
    rest = hidden / folder.REST
    found: list[dict[str, Any]] = []
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = list(json.loads(rest.read_text("utf-8"))["tables"])
    numbers = {manifest.file_path(one.schema, one.name): index for index, one in enumerate(tables)}
    written: dict[int, Written] = {}
    known: dict[int, Known] = {}
    for one in found:
        with suppress(OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            index = numbers[one["path"]]
            written[index], known[index] = _checked(hidden / one["path"], one), dict(one["known"])
    right = {hidden / path for path, index in numbers.items() if index in known}
    for file in sorted(hidden.rglob("*")):
        if file.is_file() and file not in right and file.name != folder.OWNER:
            file.unlink()
    return {index: written[index] for index in known}, known


def _checked(file: Path, said: Mapping[str, Any]) -> Written:
    """Describe a file as its sink did; ValueError unless it is that very file."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != said["sha256"] or file.stat().st_size != said["bytes"]:
        raise ValueError("another file")
    texts = tuple(str(one) for one in said["text_columns"])
    return Written(int(said["rows"]), said["bytes"], digest, str(said["content"]), pq.read_schema(file), texts)
