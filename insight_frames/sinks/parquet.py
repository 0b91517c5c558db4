"""One table into one Parquet file: bounded memory, and nothing under the final name before the last row is in.

A writer that is left by an error would close itself into a valid, shorter file; so the file bears a temporary name
until :meth:`ParquetTable.close` has sealed it. A column that turns out to hold a value its type cannot carry becomes
text from its first row on, because a column of two types is of no use to anybody.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import pgtypes
from ..errors import InvalidInput, SnapshotError, sentence
from ..manifest import FOOTER, STORED
from .content import ContentHash, encoding
from .hashing_file import HashingFile

ROW_GROUP_ROWS = 122_880
ROW_GROUP_BYTES = 16 << 20
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Written:
    """What stands in a finished file: rows, bytes, hashes, the stored schema and the columns that became text."""

    rows: int
    bytes: int
    sha256: str
    content: str
    schema: pa.Schema
    text_columns: tuple[str, ...]


class ParquetTable:
    """Takes the record batches of one table; `close` makes the file, `abort` leaves nothing.

    Parameters
    ----------
    path : Path
        The file to be; its folder exists.
    schema : pyarrow.Schema
        Fields as :func:`insight_frames.pgtypes.field` makes them.
    label : str
        How messages call the table.
    provenance : mapping, optional
        Facts for the footer.
    """

    def __init__(
        self, path: Path, schema: pa.Schema, *, label: str = "", provenance: Mapping[str, Any] | None = None
    ) -> None:
        self.path = path
        self.label = label or path.stem
        self._provenance = dict(provenance or {})
        self._incoming = schema
        self._text: set[int] = set()
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self.pending_bytes = 0
        self._file: HashingFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._content = ContentHash()
        if len(set(schema.names)) != len(schema.names):
            raise InvalidInput(sentence(f"{self.label} has two columns of one name", try_="name the columns apart"))
        self.schema = storage_schema(schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch; a column that arrives as text although it is another type makes the whole column text."""
        if batch.schema.names != self._incoming.names:
            raise SnapshotError(
                sentence(
                    f"A record batch of {self.label} has other columns than the table",
                    expected=f"{len(self._incoming)} columns",
                    got=f"{batch.num_columns} columns",
                )
            )
        fallen = [
            place
            for place, field in enumerate(self._incoming)
            if place not in self._text and field.type != pa.string() and batch.schema.field(place).type == pa.string()
        ]
        if fallen:
            self._fall_back(fallen)
        if batch.num_rows:
            stored = self._stored(batch)
            self._pending.append(stored)
            self._pending_rows += stored.num_rows
            self.pending_bytes += stored.nbytes
        if self._pending_rows >= ROW_GROUP_ROWS or self.pending_bytes >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as one row group."""
        batches, self._pending = self._pending, []
        self._pending_rows = self.pending_bytes = 0
        if not batches:
            return
        if not self.schema.names:
            return self._hash(batches)
        table = pa.Table.from_batches(batches, self.schema)
        with self._disk(), ThreadPoolExecutor(1) as pool:  # the encoder needs no interpreter lock: hash meanwhile
            writing = pool.submit(self._open().write_table, table, row_group_size=table.num_rows)
            self._hash(batches)
            writing.result()

    def _hash(self, batches: list[pa.RecordBatch]) -> None:
        for batch in batches:
            self._content.add(batch.columns, batch.num_rows)

    def close(self) -> Written:
        """Finish the file, put it on the disk for good, and give it its name."""
        self.flush()
        content = self._content.hexdigest(column_facts(self.schema))
        with self._disk():
            writer, file = self._open(), self._file
            facts = {**self._provenance, "rows": self._content.rows, "content": content}
            writer.add_key_value_metadata({FOOTER: json.dumps(facts, ensure_ascii=False, sort_keys=True)})
            writer.close()
            assert file is not None
            file.close()
            os.replace(self._partial, self.path)
        self._writer = self._file = None
        texts = tuple(self._incoming.field(place).name for place in sorted(self._text))
        return Written(self._content.rows, file.bytes, file.hexdigest(), content, self.schema, texts)

    def abort(self) -> None:
        """Leave nothing behind; safe after any error, and twice."""
        self._pending = []
        with suppress(OSError, pa.ArrowException):  # the error that brought us here is the one to be told
            if self._file is not None:
                self._file.discard()
            if self._writer is not None:
                self._writer.close()  # into nowhere: otherwise it would do so when it is collected, into the file
        self._writer = self._file = None
        with suppress(OSError):
            self._partial.unlink()

    @property
    def _partial(self) -> Path:
        return self.path.with_name(self.path.name + _PARTIAL)

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            self._file = HashingFile(self._partial)
            self._writer = pq.ParquetWriter(self._file, self.schema, **_layout(self.schema))
        return self._writer

    def _stored(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Bring a batch into the stored schema: text where a column became text, plain strings for enums."""
        if not self.schema.names:
            return batch
        columns = [
            _as_stored(batch.column(place), self._incoming.field(place), self.schema.field(place).type)
            for place in range(batch.num_columns)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _fall_back(self, places: list[int]) -> None:
        """Make columns text, also in the rows that are already written."""
        before = self.schema
        self._text.update(places)
        for place in places:
            field = self._incoming.field(place)
            metadata = {**(field.metadata or {}), STORED: b"text"}
            self.schema = self.schema.set(place, pa.field(field.name, pa.string(), metadata=metadata))
        change = _changer(before, self.schema)
        pending, self._pending = self._pending, []
        rows, self._pending_rows, self.pending_bytes = self._pending_rows, 0, 0
        if self._writer is not None:
            self._rewrite(change)
        self._pending = [change(batch) for batch in pending]
        self._pending_rows = rows
        self.pending_bytes = sum(batch.nbytes for batch in self._pending)

    def _rewrite(self, change: Callable[[pa.RecordBatch], pa.RecordBatch]) -> None:
        """Read the row groups back and write them again, changed."""
        earlier = self.path.with_name(self.path.name + ".earlier" + _PARTIAL)
        with self._disk():
            assert self._writer is not None
            assert self._file is not None
            self._writer.close()
            self._file.close()
            self._writer = self._file = None
            os.replace(self._partial, earlier)
            self._content = ContentHash()
            try:
                with pq.ParquetFile(earlier) as found:
                    for group in range(found.num_row_groups):
                        for batch in found.read_row_group(group).to_batches():
                            self._pending.append(change(batch))
                        self.flush()
            finally:
                earlier.unlink(missing_ok=True)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SnapshotError(
                sentence(
                    f"The file of {self.label} cannot be written",
                    where=str(self.path.parent),
                    got=error.strerror or type(error).__name__,
                    try_="free space on the disk, or choose another path",
                )
            ) from error


def storage_schema(schema: pa.Schema) -> pa.Schema:
    """Say what is stored for the stream's fields: enums as text, because Parquet would forget their order."""
    fields = [
        pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type, metadata=one.metadata)
        for one in schema
    ]
    return pa.schema(fields, metadata=schema.metadata)


def column_facts(schema: pa.Schema) -> list[tuple[str, str, str]]:
    """Give (name, PostgreSQL type, encoding) of every column, as the content hash takes them."""
    return [(one.name, pgtypes.type_of(one).text, encoding(one.type)) for one in schema]


def _as_stored(column: pa.Array, incoming: pa.Field[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type == type_:
        return column
    if type_ == pa.string():
        return pgtypes.from_field(incoming).to_text(column)
    raise SnapshotError(
        sentence(f"Column {incoming.name!r} arrived as another type", expected=str(type_), got=str(column.type))
    )


def _changer(before: pa.Schema, after: pa.Schema) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [
            _as_stored(batch.column(place), before.field(place), after.field(place).type)
            for place in range(batch.num_columns)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=after)

    return change


def _layout(schema: pa.Schema) -> dict[str, Any]:
    """Dictionaries for text, differences for whole numbers and moments: a third smaller and nearly twice as fast.

    Of text the footer holds no least and greatest value: names of patients would stand where catalogues of files look.
    """
    texts = [one.name for one in schema if one.type == pa.string()]
    steps = {
        one.name: "DELTA_BINARY_PACKED"
        for one in schema
        if (pa.types.is_integer(one.type) or pa.types.is_temporal(one.type)) and not one.name.endswith(".list.element")
    }
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": texts,
        "column_encoding": steps or None,
        "write_page_checksum": True,
        "write_statistics": [one.name for one in schema if not _is_text(one.type)],
    }


def _is_text(type_: pa.DataType) -> bool:
    return not (pa.types.is_primitive(type_) or pa.types.is_decimal(type_))
