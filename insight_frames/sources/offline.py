"""A snapshot folder as a source: the same questions, the same stream, no server.

What is stored is exact; a question that wants floats or text gets them by the same rules of ``pgtypes`` that the live
source follows, so that frames are equal. A file is checked against the inventory whenever it is opened; its bytes are
hashed once, as long as it stands untouched.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import manifest as inventory
from .. import sql
from ..catalog import Catalog, Column, ForeignKey, Table
from ..errors import ColumnNotFound, SchemaNotFound, SnapshotError, TableNotFound, near, sentence
from ..question import Question
from ..stream import Stream, open_stream
from .duckfilter import Filter, bare, filtering
from .duckquery import querying
from .order import ordered
from .stored import Convert, reader

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
        self._checked: dict[Path, tuple[int, ...]] = {}

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
            self._refuse_masked(schema, name)
            raise TableNotFound(
                sentence(
                    f"The snapshot holds no table {name!r} in schema {schema!r}",
                    where=str(self.path),
                    try_=near(name, known) or f"list_tables({schema!r}) shows its {len(known)} tables",
                )
            )
        return self.catalog.tables[schema, name]

    def _refuse_masked(self, schema: str, table: str, column: str | None = None) -> None:
        """Say of a table or a column that it was left out on purpose."""
        for one in self.manifest["insight"].get("masks", []):
            if (one["schema"], one["table"]) == (schema, table) and (column in (one["columns"] or [None])):
                what = f"Table {schema}.{table}" if column is None else f"Column {column!r} of {schema}.{table}"
                kind = TableNotFound if column is None else ColumnNotFound
                raise kind(
                    sentence(
                        f"{what} was left out of this cut on purpose (masks)",
                        where=str(self.path),
                        try_="a cut without this mask, if you may see it",
                    )
                )

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the rows asked for; the file is closed when it is left."""
        with self._query(question) if question.sql is not None else self._table(question) as stream:
            yield stream

    @contextmanager
    def _table(self, question: Question) -> Iterator[Stream]:
        table = self.table(question.schema or "", question.name or "")
        names = [one.name for one in table.columns] if question.columns is None else list(question.columns)
        for name in (*names, *(one for one, _ in question.order_by)):
            self._refuse_masked(table.schema, table.name, name)
            table.column(name)
        with ExitStack() as stack:
            file = stack.enter_context(self.file(table))
            readers = [reader(file.schema_arrow.field(name), question) for name in names]
            schema = pa.schema([field for field, _ in readers])
            kept = None
            if question.where is not None:
                kept = stack.enter_context(filtering(self, table, file.schema_arrow, question))
            batches = _answer(file, names, question, self._rows(table), kept)
            with open_stream(schema, _convert(batches, readers, schema), self.provenance(table)) as stream:
                yield stream

    @contextmanager
    def _query(self, question: Question) -> Iterator[Stream]:
        with querying(self, question) as (schema, batches):
            facts = {"sql_sha256": sql.fingerprint(question.sql or "")}
            with open_stream(schema, batches, self.provenance() | facts) as stream:
                yield stream

    @contextmanager
    def file(self, table: Table) -> Iterator[pq.ParquetFile]:
        """Open a table's file; SnapshotError unless it is the one that the inventory tells of."""
        resource, path = self._resources[table.schema, table.name], self.file_path(table)
        try:
            self._check_bytes(path, resource)
            opened = pq.ParquetFile(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise _changed(resource, "a Parquet file", type(error).__name__) from error
        with opened:
            content = footer(opened).get("content")
            if content != resource["insight"]["content"]:
                raise _changed(resource, "the content in the inventory", "another table or another time")
            yield opened

    def _check_bytes(self, path: Path, resource: dict[str, Any]) -> None:
        """Hash the file, unless it is as it was when we last did: a damaged header may hide rows without an error."""
        facts = path.stat()
        seen = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
        if self._checked.get(path) == seen:
            return
        if facts.st_size != resource["bytes"]:
            raise _changed(resource, f"{resource['bytes']} bytes", f"{facts.st_size} bytes")
        if inventory.file_hash(path) != resource["hash"]:
            raise _changed(resource, "the bytes in the inventory", "others: it is damaged, or another file")
        self._checked[path] = seen

    def file_path(self, table: Table) -> Path:
        """Say where a table's file is."""
        return self.path / str(self._resources[table.schema, table.name]["path"])

    def _rows(self, table: Table) -> int:
        return int(self._resources[table.schema, table.name]["insight"]["rows"])

    def provenance(self, table: Table | None = None) -> dict[str, Any]:
        """Say where rows come from, as the live source does; of a query if no table is given."""
        summary = self.manifest["insight"]
        return {
            "server": summary["source"].get("server"),
            "server_version": summary["source"].get("server_version"),
            **({} if table is None else {"schema": table.schema, "table": table.name}),
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


def _answer(
    file: pq.ParquetFile, names: list[str], question: Question, rows: int, kept: Filter | None
) -> Generator[pa.RecordBatch, None, None]:
    """Give the stored rows of the columns that are meant, in the order and number asked for."""
    needed = [*dict.fromkeys([*names, *(one for one, _ in question.order_by), *(kept.columns if kept else ())])]
    batches = _batches(file, needed, rows)
    if kept is not None:
        batches = map(kept, batches)
    if question.order_by:
        batches = ordered(batches, question.order_by, question.limit)
    left = rows if question.limit is None else question.limit
    for batch in batches:
        part = (batch.select(names) if names else bare(batch.num_rows))[: max(left, 0)]
        left -= part.num_rows
        if part.num_rows:
            yield part
        if left <= 0:
            return


def _batches(file: pq.ParquetFile, names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    if not names:  # no column tells how many rows there are
        yield bare(rows)
        return
    try:
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            yield batch.select(names)  # a column "a" brings one called "a.b" along
    except (OSError, pa.ArrowException) as error:
        raise SnapshotError(
            sentence("A file of the snapshot is damaged", got=type(error).__name__, try_="verify() tells what is wrong")
        ) from error


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
