"""Questions put straight to PostgreSQL: the same packed rows as through Metabase, in the same order, decoded alike.

Rows are packed here too, because a driver hands over row by row and the decoder reads blocks. Where packing fails for a
reason that is ours (300 huge rows do not fit one value), rows come one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from .. import sql
from ..catalog import Table
from ..direct.server import WHERE, PostgresServer
from ..errors import QueryFailed
from ..question import Question
from ..stream import Stream, open_stream
from ..wire import packed
from ..wire.cells import Cell, Frame, StaleCatalog, cut, readable
from ..wire.unpack import BLOCK, BadColumn, Layout, out_of_range, read_rows_of, unpack
from . import outcome, plan
from .known import KnownTables
from .locate import located
from .queries import QueryColumns
from .transaction import TransactionBatches

log = logging.getLogger("insight_frames")

Shapes = Mapping[int, tuple[str, str]]


class PostgresSource(KnownTables):
    """One database of a PostgreSQL."""

    server: PostgresServer

    def __init__(self, server: PostgresServer, *, parallel: int) -> None:
        super().__init__(server)
        self._parallel = parallel
        self._queries = QueryColumns(server)

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the rows asked for; left early, the statement is cancelled."""
        with self._opened(question) as stream:
            yield stream

    @contextmanager
    def open_tables(
        self, tables: Sequence[Table], *, on_bad: Literal["raise", "text"] = "text", **how: Any
    ) -> Iterator[TransactionBatches]:
        """Open many tables as of one moment; ``how`` is what else :class:`TransactionBatches` takes."""
        settings = self.catalog(tables[0].schema).settings
        how.pop("kept", None)  # of an attempt through Metabase: nothing is taken over from there
        yield TransactionBatches(self.server, tables, settings, self._parallel, on_bad == "text", **how)

    def _opened(self, question: Question, *, again: bool = False) -> Stream:
        asked = self.asked(question, again=again)
        batches = self._rows(asked, asked.provenance)
        try:
            return open_stream(asked.layout.schema, outcome.started(batches), asked.provenance)
        except (StaleCatalog, QueryFailed) as error:
            if again or not outcome.stale(error):
                raise
            return self._opened(question, again=True)

    def asked(self, question: Question, *, again: bool = False) -> Asked:
        """Make a statement of a question, with what is known of its columns, or (``again``) with what is asked anew."""
        return self._query(question, again=again) if question.sql is not None else self._table(question, again=again)

    def _table(self, question: Question, *, again: bool) -> Asked:
        schema, name = question.schema or "", question.name or ""
        catalog, table, columns = self._known(question, fresh=again)
        small = question.plain and not again and plan.in_one_cell(table)
        pages = question.plain and not small and plan.by_pages(table, catalog.settings)
        how = plan.TablePlan.make(table, columns, question, small=small, pages=pages, doubled=False)
        provenance = {"schema": schema, "table": name, "path": "direct", "statements": 0, "time": outcome.now()}
        branch = how.branch or plan.page_branch(0, table, columns, how.layout)
        return Asked(how.source, how.layout, branch, {0: (schema, name)}, Frame({0: table.shape}), provenance)

    def _query(self, question: Question, *, again: bool) -> Asked:
        rendered = sql.render(question.sql or "", question.params)
        source = plan.Source(rendered.text, rendered, 0, question.sql or "")
        remembered = None if again else self._queries.known(source)
        columns, columns_hash = remembered or self._queries.ask(source)
        layout = plan.layout(question.label, columns, question, numbered=True)
        provenance = {
            "sql_sha256": sql.fingerprint(question.sql or ""),
            "path": "direct",
            "statements": 0 if remembered else 1,
            "time": outcome.now(),
        }
        branch = plan.numbered_branch(0, source, layout)
        return Asked(source, layout, branch, {}, Frame(columns=columns_hash), provenance)

    # ------------------------------------------------------------------ rows
    def _rows(self, asked: Asked, provenance: dict[str, Any]) -> Generator[pa.RecordBatch, None, None]:
        """Give the packed rows, or single ones if they cannot be packed."""
        delivered = False
        try:
            for batch in self._packed(asked, provenance):
                delivered = True
                yield batch
        except QueryFailed as error:
            if delivered or outcome.stale(error) or not outcome.ours(error):
                raise
            log.warning("%s: the packed statement failed (%s); reading row by row", asked.layout.label, error.sqlstate)
        else:
            return
        yield from self._single(asked, provenance)

    def _packed(self, asked: Asked, provenance: dict[str, Any]) -> Generator[pa.RecordBatch, None, None]:
        text, offset = asked.text()
        provenance["statements"] += 1
        sent = replace(asked.source, text=text, offset=offset)
        with located(self.server, sent), self.server.asking() as link, closing(link.cells(text)) as cells:
            yield from _batches(cells, asked.layout, asked.frame)
            provenance["time"] = asked.frame.now

    def _single(self, asked: Asked, provenance: dict[str, Any]) -> Generator[pa.RecordBatch, None, None]:
        """Give rows that came one by one; that none is missing, the protocol's own end says."""
        layout, frame = asked.layout, replace(asked.frame, started=False, ended=False)
        text, offset = _one_by_one(asked.source, layout)
        provenance.update(path="direct, row by row", statements=provenance["statements"] + 2)
        with located(self.server, replace(asked.source, text=text, offset=offset)), self.server.asking() as link:
            with readable(WHERE):
                for one in link.cells(packed.combine([], asked.shapes, asked.query)):
                    frame.take(one)
            frame.prove(WHERE)
            rows = 0
            with closing(link.stream(text)) as lines:
                for data, count in _blocks(lines):
                    yield _batch(data, count, layout, rows)
                    rows += count
            provenance["time"] = frame.now


@dataclass
class Asked:
    """One packed statement: what is read, how, and what its first row has to confirm."""

    source: plan.Source
    layout: Layout
    branch: packed.Branch
    shapes: Shapes
    frame: Frame
    provenance: dict[str, Any]

    @property
    def query(self) -> str | None:
        """The query whose columns are to be confirmed."""
        return self.source.text if self.frame.columns is not None else None

    def text(self) -> tuple[str, int]:
        """Give the statement, and where the user's own text begins in it."""
        head = packed.combine([], self.shapes, self.query)
        text = packed.combine([self.branch], self.shapes, self.query)
        return text, text.index(self.branch.sql, len(head) // 2) + self.branch.offset


def _batches(cells: Iterator[Cell], layout: Layout, frame: Frame) -> Generator[pa.RecordBatch, None, None]:
    with readable(WHERE), closing(read_rows_of(cells, WHERE, {0: layout}, frame, plain=bytes)) as reading:
        for _, batch in reading:
            yield batch


def _one_by_one(source: plan.Source, layout: Layout) -> tuple[str, int]:
    """Give the SQL of a query's rows, each as the text of a record, and where the user's own text begins in it."""
    expressions = [one.expression(packed.reference(i)) for i, one in enumerate(layout.readings)]
    names = ",".join(f"c{i}" for i in range(len(expressions)))
    head = f"select row({','.join(['0', *expressions, '0'])})::text as d from (\n"
    return f"{head}{source.text}\n) {packed.ALIAS}{f'({names})' if names else ''}", len(head) + source.offset


def _blocks(lines: Iterable[tuple[bytes | None, ...]]) -> Iterator[tuple[bytes, int]]:
    """Gather rows into blocks, each with the number of its rows."""
    held: list[bytes] = []
    size = 0
    for (line,) in lines:
        held.append((line or b"") + b"\n")
        size += len(held[-1])
        if size >= BLOCK:
            yield b"".join(held), len(held)
            held, size = [], 0
    if held:
        yield b"".join(held), len(held)


def _batch(data: bytes, count: int, layout: Layout, before: int) -> pa.RecordBatch:
    try:
        with readable(WHERE):
            made = unpack(data, layout)
    except BadColumn as error:
        raise out_of_range(layout, error, before) from None
    if made.num_rows != count:
        raise cut(WHERE, f"{made.num_rows} rows in place of {count}")
    return made
