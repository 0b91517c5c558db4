"""A snapshot folder as a source: the same questions, the same stream, no server.

What is stored is exact; a question that wants floats or text gets them by the same rules of ``pgtypes`` that the live
source follows, so that frames are equal. A file is checked against the inventory each time it is opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import manifest as inventory
from .. import pgtypes
from ..catalog import Catalog, Column, ForeignKey, Table
from ..errors import InvalidInput, SchemaNotFound, SnapshotError, TableNotFound, ValueOutOfRange, near, sentence
from ..question import Question
from ..stream import Stream, open_stream
from .order import ordered

BATCH_ROWS = 65_536


class OfflineSource:
    """A folder and its inventory.

    Parameters
    ----------
    path : Path
        The snapshot's folder.
    manifest : dict
        As :func:`insight_frames.manifest.loads` gives it.
    """

    def __init__(self, path: Path, manifest: inventory.Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.catalog = catalog_of(manifest)
        self._resources = {(one["insight"]["schema"], one["insight"]["table"]): one for one in manifest["resources"]}

    def check_schema(self, schema: str) -> list[str]:
        """Give the names of a schema's tables; SchemaNotFound with near matches."""
        known = [table for place, table in self._resources if place == schema]
        if not known:
            raise SchemaNotFound(
                sentence(
                    f"The snapshot holds no schema {schema!r}",
                    where=str(self.path),
                    try_=near(schema, self.catalog.schemas) or "list_schemas() shows what it holds",
                )
            )
        return known

    def table(self, schema: str, name: str) -> Table:
        """Find one table; SchemaNotFound or TableNotFound with near matches."""
        known = self.check_schema(schema)
        if name not in known:
            raise TableNotFound(
                sentence(
                    f"The snapshot holds no table {name!r} in schema {schema!r}",
                    where=str(self.path),
                    try_=near(name, known) or f"list_tables({schema!r}) shows its {len(known)} tables",
                )
            )
        return self.catalog.tables[schema, name]

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the rows asked for; the file is closed when it is left."""
        if question.sql is not None or question.where is not None:
            asked = "SQL" if question.sql is not None else "where="
            raise InvalidInput(
                sentence(
                    f"A snapshot cannot run {asked}: there is no PostgreSQL here", try_="filter the frame in pandas"
                )
            )
        table = self.table(question.schema or "", question.name or "")
        names = [one.name for one in table.columns] if question.columns is None else list(question.columns)
        for name in (*names, *(one for one, _ in question.order_by)):
            table.column(name)
        with self.file(table) as file:
            readers = [_reader(file.schema_arrow.field(name), question) for name in names]
            schema = pa.schema([field for field, _ in readers])
            batches = _answer(file, names, question, self._rows(table))
            with open_stream(schema, _convert(batches, readers, schema), self._provenance(table)) as stream:
                yield stream

    @contextmanager
    def file(self, table: Table) -> Iterator[pq.ParquetFile]:
        """Open a table's file; SnapshotError unless it is the one that the inventory tells of."""
        resource = self._resources[table.schema, table.name]
        path = self.path / resource["path"]
        try:
            size = path.stat().st_size
            opened = pq.ParquetFile(path, page_checksum_verification=True) if size == resource["bytes"] else None
        except (OSError, pa.ArrowException) as error:
            raise _changed(resource, "a Parquet file", type(error).__name__) from error
        if opened is None:
            raise _changed(resource, f"{resource['bytes']} bytes", f"{size} bytes")
        with opened:
            content = footer(opened).get("content")
            if content != resource["insight"]["content"]:
                raise _changed(resource, "the content in the inventory", "another table or another time")
            yield opened

    def _rows(self, table: Table) -> int:
        return int(self._resources[table.schema, table.name]["insight"]["rows"])

    def _provenance(self, table: Table) -> dict[str, Any]:
        summary = self.manifest["insight"]
        return {
            "server": summary["source"].get("server"),
            "server_version": summary["source"].get("server_version"),
            "schema": table.schema,
            "table": table.name,
            "path": "snapshot",
            "statements": 0,
            "time": summary["taken"],
            "fingerprint": summary["fingerprint"][:16],
        }


def footer(file: pq.ParquetFile) -> dict[str, Any]:
    """Read our facts in a Parquet footer; empty if there are none."""
    try:
        facts = json.loads((file.metadata.metadata or {}).get(inventory.FOOTER, b"{}"))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def catalog_of(manifest: inventory.Manifest) -> Catalog:
    """Make the catalogue of what a snapshot holds; the number of rows stands for the planner's estimate."""
    tables = {}
    for resource in manifest["resources"]:
        facts = resource["insight"]
        columns = tuple(
            Column(one["name"], one["type"], number, one["nullable"], one["comment"])
            for number, one in enumerate(facts["columns"], 1)
        )
        links = tuple(
            ForeignKey(tuple(one["columns"]), one["schema"], one["table"], tuple(one["references"]))
            for one in facts["foreign_keys"]
        )
        tables[facts["schema"], facts["table"]] = Table(
            schema=facts["schema"],
            name=facts["table"],
            kind=facts["kind"],
            columns=columns,
            comment=facts["comment"],
            rows_estimate=facts["rows"],
            bytes=resource["bytes"],
            has_primary_key=facts["primary_key"],
            keys=tuple(tuple(one) for one in facts["keys"]),
            foreign_keys=links,
        )
    source = manifest["insight"]["source"]
    settings = {"database": source.get("database"), "version": source.get("postgresql_version")}
    return Catalog(settings, dict(manifest["insight"]["schemas"]), dict(sorted(tables.items())))


Convert = Callable[[Any], Any]


def _reader(field: pa.Field[Any], question: Question) -> tuple[pa.Field[Any], Convert]:
    """Decide the stream's field for a stored one, and how its values get there."""
    stored = pgtypes.from_field(field)
    type_ = pgtypes.type_of(field)
    wanted = pgtypes.reading(type_, numbers=question.numbers, out_of_range=question.out_of_range)
    asked = field.with_type(wanted.arrow)
    if wanted.arrow == field.type:
        return asked, _same
    if wanted.arrow == pa.string():
        return asked, stored.to_text
    fallen = (field.metadata or {}).get(inventory.STORED) == b"text"
    if not fallen and field.type == pa.string():
        return asked, wanted.parse  # an enum, or numbers kept as their digits
    if not fallen:
        return asked, lambda column: wanted.parse(stored.to_text(column))
    if type_.name in ("numeric", "money"):
        return (asked, wanted.parse) if question.numbers == "float" else (field, _same)
    raise ValueOutOfRange(
        sentence(
            "The column holds a value that does not fit its type",
            where=f"{question.label}, column {field.name!r}, type {type_.text}",
            try_='out_of_range="text" reads such columns as PostgreSQL\'s text',
        ),
        table=question.label,
        column=field.name,
        type=type_.text,
    )


def _same(column: Any) -> Any:
    return column


def _answer(
    file: pq.ParquetFile, names: list[str], question: Question, rows: int
) -> Generator[pa.RecordBatch, None, None]:
    """Give the stored rows of the columns, in the order and number asked for."""
    if not names:
        yield from _without_columns(rows if question.limit is None else min(rows, question.limit))
        return
    batches = _batches(file, [*dict.fromkeys([*names, *(one for one, _ in question.order_by)])])
    if question.order_by:
        batches = ordered(batches, question.order_by, question.limit)
    left = rows if question.limit is None else question.limit
    for batch in batches:
        part = batch.select(names)[: max(left, 0)]
        left -= part.num_rows
        if part.num_rows:
            yield part
        if left <= 0:
            return


def _batches(file: pq.ParquetFile, names: list[str]) -> Generator[pa.RecordBatch, None, None]:
    try:
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            yield batch.select(names)  # a column "a" brings one called "a.b" along
    except (OSError, pa.ArrowException) as error:
        raise SnapshotError(
            sentence("A file of the snapshot is damaged", got=type(error).__name__, try_="verify() tells what is wrong")
        ) from error


def _without_columns(rows: int) -> Generator[pa.RecordBatch, None, None]:
    whole = pa.Array.from_buffers(pa.struct([]), rows, [None])
    if rows:
        yield pa.RecordBatch.from_struct_array(whole)


def _convert(
    batches: Generator[pa.RecordBatch, None, None], readers: list[tuple[pa.Field[Any], Convert]], schema: pa.Schema
) -> Generator[pa.RecordBatch, None, None]:
    for batch in batches:
        if not readers:
            yield batch
            continue
        columns = [convert(column) for column, (_, convert) in zip(batch.columns, readers, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _changed(resource: dict[str, Any], expected: str, got: str) -> SnapshotError:
    return SnapshotError(
        sentence(
            f"{resource['path']} is not the file that the snapshot was made with",
            expected=expected,
            got=got,
            try_="verify() tells what is wrong; restore the file from a copy",
        )
    )
