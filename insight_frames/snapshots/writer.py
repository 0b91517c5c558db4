"""The files of a snapshot while they are being written: one sink per table, and a bound on what waits in all of them.

A table may begin anew, because it moved while it was read; and one that is whole can be kept for the next attempt when
the connection is lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import manifest
from ..catalog import Table
from ..sinks.parquet import ROW_GROUP_BYTES, ParquetTable, Written
from . import folder

PENDING_BYTES = ROW_GROUP_BYTES  # of all tables together that wait for a row group, mostly the ends of earlier ones


class Writer:
    """Takes record batches of many tables.

    Parameters
    ----------
    hidden : Path
        The folder to write into.
    tables, schemas : sequences
        The tables and what is stored of each.
    provenance : mapping
        Facts for the footers.
    kept : mapping of int to Written
        Tables, by number, whose files are there already.
    """

    def __init__(
        self,
        hidden: Path,
        tables: Sequence[Table],
        schemas: Sequence[pa.Schema],
        provenance: Mapping[str, Any],
        kept: Mapping[int, Written],
    ) -> None:
        self._places = [hidden / manifest.file_path(one.schema, one.name) for one in tables]
        self._tables, self._schemas, self._provenance = tables, schemas, provenance
        self._written = dict(kept)
        self._sinks: dict[int, ParquetTable] = {}
        try:
            for index in range(len(tables)):
                if index not in kept:
                    self._sinks[index] = self._sink(index)
        except BaseException:
            self.abort()
            raise

    def write(self, index: int, batch: pa.RecordBatch | None) -> None:
        """Take a batch of a table; None lets it begin anew."""
        if batch is None:
            self._drop(index)
            self._sinks[index] = self._sink(index)
            return
        self._sinks[index].write(batch)
        while sum(one.pending_bytes for one in self._sinks.values()) > PENDING_BYTES:
            max(self._sinks.values(), key=lambda one: one.pending_bytes).flush()

    def close(self) -> list[Written]:
        """Finish all files."""
        done = self.keep(range(len(self._tables)))
        return [done[index] for index in range(len(self._tables))]

    def keep(self, whole: Collection[int]) -> dict[int, Written]:
        """Finish the files of some tables and leave nothing of the others."""
        for index in whole:
            if index in self._sinks:
                self._written[index] = self._sinks[index].close()
                del self._sinks[index]
        for index in set(range(len(self._tables))).difference(whole):
            self._drop(index)
        return dict(self._written)

    def abort(self) -> None:
        """Let go of what is open."""
        for one in self._sinks.values():
            one.abort()

    def _drop(self, index: int) -> None:
        if index in self._sinks:
            self._sinks.pop(index).abort()
        if self._written.pop(index, None) is not None:
            with folder.disk(self._places[index]):
                self._places[index].unlink()

    def _sink(self, index: int) -> ParquetTable:
        table, path = self._tables[index], self._places[index]
        with folder.disk(path.parent):
            path.parent.mkdir(exist_ok=True)
        names = {"schema": table.schema, "table": table.name}
        label = f"{table.schema}.{table.name}"
        return ParquetTable(path, self._schemas[index], label=label, provenance={**self._provenance, **names})
