"""One question's rows as one Parquet file: what a snapshot writes for each table, for the frames of a reader.

The pieces come one after the other, so that memory stays bounded; exact decimals and PostgreSQL's types in the fields'
metadata are those of a snapshot's files.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from ...errors import FileError, InvalidInput, SnapshotError, sentence
from ...manifest import file_hash
from ..parquet import ParquetTable
from .publish import check_path
from .report import Change, FileReport, WrittenFile
from .table import FileTable


def write(path: Path, tables: Iterable[FileTable]) -> FileReport:
    """Write pieces of one table; nothing stands under the file's name before the last one is in."""
    target, pieces = check_path(path, ".parquet"), iter(tables)
    first = next(pieces, None)
    if first is None:
        raise InvalidInput(sentence("There is no table to write", where=target.name))
    file = ParquetTable(target, first.data.schema, label=first.label, provenance={"table": first.label})
    try:
        for one in chain([first], pieces):
            for batch in one.data.to_batches():
                file.write(batch)
        made = file.close()
    except SnapshotError as error:
        raise FileError(str(error)) from error
    finally:
        file.abort()
    changes = [
        Change(first.label, name, "type", "a value that its type cannot hold", "text") for name in made.text_columns
    ]
    return FileReport([WrittenFile(target, (first.label,), made.rows, made.bytes, file_hash(target))], changes)
