"""Many tables as of one moment: one packed statement over all of them, or a few that are proven to agree.

One statement sees one moment, whatever a refresh does meanwhile. Where a server cannot take it in one (it buffers whole
answers, or the tables are too many), every statement tells its snapshot; if these differ, the last word is a count of
what each table holds now and of row versions that the first statement could not have seen.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..catalog import Table
from ..errors import InconsistentSnapshot, sentence
from ..question import Question
from ..wire import packed
from ..wire.cells import Frame, readable
from ..wire.server import Server
from ..wire.unpack import Layout, read_cells
from . import plan
from .unchanged import prove_unchanged

TABLES_PER_STATEMENT = 500  # planning time grows faster than the number of branches


@dataclass(frozen=True)
class Piece:
    """One table, or a range of its pages, inside one statement."""

    index: int
    first: int = 0
    last: int | None = None
    weight: int = 0  # bytes of packed text, estimated


@dataclass
class TableBatches:
    """Record batches of many tables; iterating ends only when all of them are proven whole and of one moment.

    Attributes
    ----------
    schemas : list of pyarrow.Schema
        One per table.
    evidence : dict
        After the end: consistency, number of statements, the snapshots and the moment in UTC.
    """

    server: Server
    tables: Sequence[Table]
    settings: dict[str, Any]
    statement_bytes: int
    lenient: bool = True
    evidence: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._layouts = [self._layout(one) for one in self.tables]
        self.schemas: list[pa.Schema] = [one.schema for one in self._layouts]

    def __iter__(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        groups = statements(self.tables, self._pages, None if self.server.streams else self.statement_bytes)
        frames: list[Frame] = []
        files: list[set[str | None]] = [set() for _ in self.tables]
        counts = [0] * len(self.tables)
        for group in groups:
            frame = Frame({key: self.tables[piece.index].shape for key, piece in enumerate(group)})
            with closing(self._statement(group, frame)) as batches:
                for index, batch in batches:
                    counts[index] += batch.num_rows
                    yield index, batch
            frames.append(frame)
            for key, piece in enumerate(group):
                files[piece.index].add(frame.files[key])
        self.evidence = self._prove(frames, counts, files)

    def _layout(self, table: Table) -> Layout:
        question = Question(schema=table.schema, name=table.name, numbers="exact")
        columns = plan.wanted_columns(table, question)
        return plan.layout(question.label, columns, question, numbered=not self._pages(table), key=table.key or ())

    def _pages(self, table: Table) -> bool:
        return plan.by_pages(table, self.settings)

    def _statement(self, group: Sequence[Piece], frame: Frame) -> Generator[tuple[int, pa.RecordBatch], None, None]:
        branches = [self._branch(key, piece) for key, piece in enumerate(group)]
        shapes = {
            key: (self.tables[piece.index].schema, self.tables[piece.index].name) for key, piece in enumerate(group)
        }
        layouts = {key: self._layouts[piece.index] for key, piece in enumerate(group)}
        with self.server.export(packed.combine(branches, shapes)) as answer:
            reading = read_cells(answer.pieces(), answer.where, layouts, frame, lenient=self.lenient)
            with readable(answer.where), closing(reading):
                for key, batch in reading:
                    yield group[key].index, batch

    def _branch(self, key: int, piece: Piece) -> packed.Branch:
        table, layout = self.tables[piece.index], self._layouts[piece.index]
        if self._pages(table):
            return plan.page_branch(key, table, table.columns, layout, piece.first, piece.last)
        question = Question(schema=table.schema, name=table.name, numbers="exact")
        return plan.numbered_branch(key, plan.table_source(table, table.columns, question), layout)

    def _prove(
        self, frames: Sequence[Frame], counts: Sequence[int], files: Sequence[set[str | None]]
    ) -> dict[str, Any]:
        evidence: dict[str, Any] = {
            "consistency": "one-statement" if len(frames) <= 1 else "same-generation",
            "statements": len(frames),
            "snapshots": sorted({one.snapshot for one in frames}),
            "taken": frames[0].now if frames else None,
        }
        if len(evidence["snapshots"]) <= 1:
            return evidence
        for index, (table, count) in enumerate(zip(self.tables, counts, strict=True)):
            if not self._pages(table):
                raise InconsistentSnapshot(
                    sentence(
                        f"{table.schema}.{table.name} is a {table.kind}: it cannot be proven to be of the same moment"
                        f" as the other tables over {len(frames)} statements",
                        try_="again when no refresh runs, or exclude it",
                    )
                )
            what = f"the tables were read in {len(frames)} statements"
            prove_unchanged(self.server, table, frames[0].snapshot, count, files[index], what)
        evidence["proof"] = "count of rows, and no row version newer than the first statement's snapshot, per table"
        return evidence


def statements(tables: Sequence[Table], by_pages: Any, most: int | None) -> list[list[Piece]]:
    """Group tables into as few statements as the server can take; ``most`` is bytes of text, None for no limit.

    A heap that is larger than ``most`` is cut into ranges of its pages.
    """
    pieces: list[Piece] = []
    for index, table in enumerate(tables):
        if most is None or not by_pages(table):
            pieces.append(Piece(index, weight=table.bytes * plan.TEXT_PER_BYTE))
            continue
        ranges = list(plan.page_ranges(table, most))
        weight = table.bytes * plan.TEXT_PER_BYTE // len(ranges)
        pieces += [Piece(index, first, last, weight) for first, last in ranges]
    groups: list[list[Piece]] = []
    size = 0
    for piece in pieces:
        full = not groups or len(groups[-1]) >= TABLES_PER_STATEMENT
        if full or (most is not None and size + piece.weight > most and groups[-1]):
            groups.append([])
            size = 0
        groups[-1].append(piece)
        size += piece.weight
    return groups
