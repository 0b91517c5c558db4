"""Questions put to a Metabase server: packed statements first, plain rows where packing fails for a reason of ours.

A table is one request once its catalogue is known; a query is two, because its columns' types must be asked for. What
is read in several statements (on servers that buffer whole answers) is proven to be of one moment, or refused.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import pyarrow as pa

from .. import catalog as catalog_
from .. import sql
from ..catalog import Catalog, Table
from ..errors import InvalidInput, NotFound, PermissionDenied, QueryFailed, sentence
from ..question import Question
from ..stream import Stream, open_stream
from ..wire import packed, rows
from ..wire.cells import Frame, StaleCatalog, readable
from ..wire.server import Server
from ..wire.unpack import Layout, read_cells
from . import plan
from .locate import located
from .together import TableBatches
from .unchanged import prove_unchanged

log = logging.getLogger("insight_frames")

Path = Literal["auto", "packed", "plain"]
CATALOG_TRIES = 3  # what is exchanged while the catalogue is read shows half of itself: better read again
STATEMENT_BYTES = 128 << 20  # of packed text in one statement where the server holds the whole answer in memory

# Failures of a statement that PostgreSQL has already accepted as a query: too big, too deep, or not known to a server.
_OURS = ("42", "53", "54", "58", "XX", "0A")
_OURS_TEXT = ("heap space", "out of memory", "string buffer", "stack depth", "invalid memory alloc")


class MetabaseSource:
    """One database behind one Metabase."""

    def __init__(self, server: Server, *, path: Path = "auto", statement_bytes: int = STATEMENT_BYTES) -> None:
        if path not in get_args(Path):
            raise InvalidInput(sentence("path is not known", expected=" or ".join(map(repr, get_args(Path)))))
        self.server = server
        self._path = path
        self._statement_bytes = statement_bytes
        self._catalogs: dict[str | None, Catalog] = {}
        self._settings: dict[str, Any] = {}

    def catalog(self, schema: str | None = None, *, fresh: bool = False) -> Catalog:
        """Read what the account sees of one schema (of all: None); kept until the server's shape is seen to differ."""
        if fresh:
            self._catalogs.pop(None, None)
            self._catalogs.pop(schema, None)
        known = self._catalogs.get(None) or self._catalogs.get(schema)
        if known is None:
            known = self.read_catalog(None if schema is None else [schema])
            self._catalogs[schema] = known
        return known

    def read_catalog(self, schemas: Sequence[str] | None) -> Catalog:
        """Ask for the catalogue of some schemas in one request."""
        literals = None if schemas is None else [sql.string_literal(one) for one in schemas]
        for _ in range(CATALOG_TRIES):
            got = self.server.rows(catalog_.statement(literals), ("t", "n", "d"))
            with readable("the catalogue"):
                found = catalog_.parse((one["t"], one["n"], one["d"] or None) for one in got)
            if found.settled:
                break
        self._settings = found.settings
        return found

    def table(self, schema: str, name: str) -> Table:
        """Find one table in the catalogue at hand, or in a fresh one."""
        had = self._catalogs.get(None) or self._catalogs.get(schema)
        try:
            return self.catalog(schema).table(schema, name)
        except NotFound:
            if had is None:
                raise
        return self.catalog(schema, fresh=True).table(schema, name)

    def check(self, question: Question) -> None:
        """Raise what is wrong with the SQL in a question as it stands; nothing is sent."""
        if question.sql is not None:
            sql.render(question.sql, question.params)
        elif question.where is not None:
            sql.condition(question.where, question.params)

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the rows asked for; nothing is left open behind it."""
        stream = self._query(question) if question.sql is not None else self._table(question)
        with stream:
            yield stream

    @contextmanager
    def open_tables(
        self, tables: Sequence[Table], *, on_bad: Literal["raise", "text"] = "text"
    ) -> Iterator[TableBatches]:
        """Open many tables as of one moment; ``on_bad`` is what becomes of values that do not fit their type."""
        settings = self._settings or self.catalog().settings
        yield TableBatches(self.server, tables, settings, self._statement_bytes, on_bad == "text")

    # ------------------------------------------------------------------ tables
    def _table(self, question: Question, *, again: bool = False) -> Stream:
        schema, name = question.schema or "", question.name or ""
        catalog, table, columns = self._known(question, fresh=again)
        pages = question.plain and plan.by_pages(table, catalog.settings)
        layout = plan.layout(question.label, columns, question, numbered=not pages, key=table.key or ())
        doubled = question.where is not None and self.server.doubles_question_marks
        provenance = {"schema": schema, "table": name, "path": "packed", "statements": 0, "time": _now()}
        source = plan.table_source(table, columns, question, doubled=doubled)
        if self._path == "plain":
            batches = self._plain(source, layout, provenance, table)
        elif pages:
            batches = self._pages(table, columns, layout, provenance)
        else:
            shapes = {0: (schema, name)}
            frame = Frame({0: table.shape})
            branch = plan.numbered_branch(0, source, layout)
            batches = self._packed(branch, layout, frame, source, provenance, shapes)
        try:
            return open_stream(
                layout.schema, _started(self._or_plain(batches, source, layout, provenance, table)), provenance
            )
        except (StaleCatalog, QueryFailed) as error:
            if again or not _stale(error):
                raise
            return self._table(question, again=True)

    def _known(self, question: Question, *, fresh: bool) -> tuple[Catalog, Table, tuple[catalog_.Column, ...]]:
        """Find a table and the columns asked for; what is not there may be newer than the catalogue at hand."""
        schema, name = question.schema or "", question.name or ""
        had = None if fresh else self._catalogs.get(None) or self._catalogs.get(schema)
        catalog = self.catalog(schema, fresh=fresh)
        try:
            table = catalog.table(schema, name)
            return catalog, table, plan.wanted_columns(table, question)
        except (NotFound, PermissionDenied):
            if catalog is not had:
                raise
        return self._known(question, fresh=True)

    def _pages(
        self, table: Table, columns: Sequence[catalog_.Column], layout: Layout, provenance: dict[str, Any]
    ) -> Generator[pa.RecordBatch, None, None]:
        ranges = list(plan.page_ranges(table, self._statement_bytes)) if not self.server.streams else [(0, None)]
        shapes = {0: (table.schema, table.name)}
        first: Frame | None = None
        count, snapshots, files = 0, set(), set()
        for start, stop in ranges:
            frame = Frame({0: table.shape})
            branch = plan.page_branch(0, table, columns, layout, start, stop)
            for batch in self._packed(branch, layout, frame, None, provenance, shapes):
                count += batch.num_rows
                yield batch
            snapshots.add(frame.snapshot)
            files.add(frame.files[0])
            first = first or frame
        if first is not None and len(snapshots) > 1:
            prove_unchanged(self.server, table, first.snapshot, count, files, "it was read in several statements")

    # ------------------------------------------------------------------ queries
    def _query(self, question: Question) -> Stream:
        doubled = self.server.doubles_question_marks
        rendered = sql.render(question.sql or "", question.params, double_question_marks=doubled)
        source = plan.Source(rendered.text, rendered, 0, question.sql or "")
        text, offset = packed.describe(source.text)
        with located(self.server, replace(source, text=text, offset=offset)):
            told = self.server.rows(text, packed.DESCRIPTION)
        with readable("the columns of the query"):
            columns = plan.described(told)
        layout = plan.layout(question.label, columns, question, numbered=True)
        provenance = {
            "sql_sha256": sql.fingerprint(question.sql or ""),
            "path": "packed",
            "statements": 1,
            "time": _now(),
        }
        if self._path == "plain":
            batches = self._plain(source, layout, provenance)
        else:
            branch = plan.numbered_branch(0, source, layout)
            batches = self._packed(branch, layout, Frame(), source, provenance, {})
        return open_stream(layout.schema, _started(self._or_plain(batches, source, layout, provenance)), provenance)

    # ------------------------------------------------------------------ paths
    def _packed(
        self,
        branch: packed.Branch,
        layout: Layout,
        frame: Frame,
        source: plan.Source | None,
        provenance: dict[str, Any],
        shapes: dict[int, tuple[str, str]],
    ) -> Generator[pa.RecordBatch, None, None]:
        head = packed.combine([], shapes)
        text = packed.combine([branch], shapes)
        offset = text.index(branch.sql, len(head) // 2) + branch.offset
        provenance["statements"] += 1
        sent = replace(source or plan.Source(text), text=text, offset=offset)
        with (
            located(self.server, sent),
            self.server.export(text) as answer,
            readable(answer.where),
            closing(read_cells(answer.pieces(), answer.where, {0: layout}, frame)) as reading,
        ):
            for _, batch in reading:
                provenance["time"] = frame.now or provenance["time"]
                yield batch
        provenance["time"] = frame.now

    def _plain(
        self, source: plan.Source, layout: Layout, provenance: dict[str, Any], table: Table | None = None
    ) -> Generator[pa.RecordBatch, None, None]:
        expressions = [one.expression(packed.reference(i)) for i, one in enumerate(layout.readings)]
        place, shape = (None, None) if table is None else ((table.schema, table.name), table.shape)
        text, offset = rows.statement(source.text, expressions, offset=source.offset, table=place)
        provenance.update(path="plain", statements=provenance["statements"] + 1)
        with (
            located(self.server, replace(source, text=text, offset=offset)),
            self.server.export(text) as answer,
            readable(answer.where),
            closing(rows.read_rows(answer.pieces(), answer.where, layout, shape)) as reading,
        ):
            for _, batch in reading:
                yield batch

    def _or_plain(
        self,
        batches: Generator[pa.RecordBatch, None, None],
        source: plan.Source,
        layout: Layout,
        provenance: dict[str, Any],
        table: Table | None = None,
    ) -> Generator[pa.RecordBatch, None, None]:
        """Give the packed answer, or the plain one if the server cannot do the packed statement."""
        delivered = False
        with closing(batches):
            try:
                for batch in batches:
                    delivered = True
                    yield batch
                return
            except QueryFailed as error:
                if delivered or self._path != "auto" or _stale(error) or not _ours(error):
                    raise
                log.warning("%s: the packed statement failed (%s); reading plain rows", layout.label, error.sqlstate)
        yield from self._plain(source, layout, provenance, table)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _ours(error: QueryFailed) -> bool:
    """Whether a statement failed for what we made of it, not for what the user asked."""
    if error.sqlstate is not None:
        return error.sqlstate.startswith(_OURS) and error.position is None
    return any(one in error.server_message.lower() for one in _OURS_TEXT)


def _stale(error: Exception) -> bool:
    """Whether a failure may mean that the catalogue is older than the table."""
    if isinstance(error, QueryFailed):
        return error.sqlstate in ("42P01", "42703") or "does not exist" in error.server_message
    return isinstance(error, StaleCatalog)


def _started(batches: Generator[pa.RecordBatch, None, None]) -> Generator[pa.RecordBatch, None, None]:
    """Run a generator up to its first batch, so that what is wrong with the question is raised when it is opened.

    The one given back has been started too: closing a generator that never ran would not close what is behind it.
    """
    first = next(batches, None)

    def rest() -> Generator[Any, None, None]:
        with closing(batches):
            yield None
            if first is not None:
                yield first
            yield from batches

    started = rest()
    next(started)
    return started
