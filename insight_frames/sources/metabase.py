"""Questions put to a Metabase server: packed statements first, plain rows where packing fails for a reason of ours.

A table is one request once its catalogue is known; a query is two, because its columns' types must be asked for. What
is read in several statements (on servers that buffer whole answers) is proven to be of one moment, or refused.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa

from .. import sql
from ..catalog import Catalog, Column, Table
from ..errors import InvalidInput, QueryFailed, sentence
from ..question import Question
from ..stream import Stream, open_stream
from ..wire import packed
from ..wire.cells import Frame, StaleCatalog, readable
from ..wire.server import Server
from ..wire.unpack import Layout, read_cells
from . import outcome, plan
from .known import KnownTables
from .locate import located
from .queries import QueryColumns

if TYPE_CHECKING:
    from .together import TableBatches

log = logging.getLogger("insight_frames")

Shape = tuple[str, str | None]  # the SQL of a hash of the columns, and what it must be
Path = Literal["auto", "packed", "plain", "mbql"]  # the last: tables by their number, without SQL
PLANS = 256  # for tables that are asked for again as they were
STATEMENT_BYTES = 128 << 20  # of packed text in one statement where the server holds the whole answer in memory


class MetabaseSource(KnownTables):
    """One database behind one Metabase."""

    server: Server

    def __init__(self, server: Server, *, path: Path = "auto", statement_bytes: int | None = None) -> None:
        if path not in get_args(Path):
            raise InvalidInput(sentence("path is not known", expected=" or ".join(map(repr, get_args(Path)))))
        if statement_bytes is not None and (not isinstance(statement_bytes, int) or statement_bytes < 1):
            raise InvalidInput(sentence("statement_bytes cannot be meant", expected="a number of bytes above 0"))
        super().__init__(server)
        self._path = path
        self._statement_bytes = statement_bytes
        self._settings: dict[str, Any] = {}
        self._queries = QueryColumns(server)
        self._plans: dict[tuple[Any, ...], plan.TablePlan] = {}

    def read_catalog(self, schemas: Sequence[str] | None) -> Catalog:
        """Ask for the catalogue of some schemas in one request."""
        found = super().read_catalog(schemas)
        self._settings = found.settings
        self._plans.clear()
        return found

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the rows asked for; nothing is left open behind it."""
        stream = self._query(question) if question.sql is not None else self._table(question)
        with stream:
            yield stream

    @contextmanager
    def open_text(self, question: Question, text: str, server: Server) -> Iterator[Stream]:
        """Open a stream of the rows of SQL that is sent as it stands, to a server that knows its template tags."""
        other = MetabaseSource(server, path=self._path, statement_bytes=self._statement_bytes)
        with other._query(question, plan.Source(text)) as stream:
            yield stream

    @property
    def path(self) -> Path:
        """Which ways may be gone."""
        return self._path

    def _most(self, tables: Sequence[Table]) -> int | None:
        """Bytes of packed text in one statement: what was asked for; else a server that streams takes any size.

        Which server that is, only its version tells, so that it is asked only where the tables would not fit.
        """
        fits = sum(one.bytes for one in tables) * plan.TEXT_PER_BYTE <= STATEMENT_BYTES
        if self._statement_bytes is None and not fits and not self.server.streams:
            return STATEMENT_BYTES
        return self._statement_bytes

    @contextmanager
    def open_tables(
        self, tables: Sequence[Table], *, on_bad: Literal["raise", "text"] = "text", **how: Any
    ) -> Iterator[TableBatches]:
        """Open many tables as of one moment; ``on_bad`` is what becomes of values that do not fit their type.

        ``how`` is what else :class:`TableBatches` takes: ``consistency``, ``kept``, ``logs`` and ``listed``.
        """
        from .together import TableBatches

        settings = self._settings or self.catalog().settings
        yield TableBatches(self.server, tables, settings, self._most(tables), on_bad == "text", **how)

    # ------------------------------------------------------------------ tables
    def _table(self, question: Question, *, again: bool = False) -> Stream:
        schema, name = question.schema or "", question.name or ""
        how = self._planned(question, *self._known(question, fresh=again), again=again)
        provenance = {"schema": schema, "table": name, "path": "packed", "statements": 0, "time": outcome.now()}
        if self._path == "plain":
            batches = self._plain(how.source, how.layout, provenance, how.shape)
        elif how.branch is None:
            batches = self._pages(how.table, how.columns, how.layout, provenance)
        else:
            frame, shapes, labelled = Frame({0: how.table.shape}), {0: (schema, name)}, how.table.labelled
            batches = self._packed(how.branch, how.layout, frame, how.source, provenance, shapes, labelled=labelled)
        try:
            return self._opened(batches, how.source, how.layout, provenance, how.shape)
        except (StaleCatalog, QueryFailed) as error:
            if again or not outcome.stale(error):
                raise
            return self._table(question, again=True)

    def _planned(
        self, question: Question, catalog: Catalog, table: Table, columns: tuple[Column, ...], *, again: bool
    ) -> plan.TablePlan:
        key = (question.schema, question.name, question.columns, question.numbers, question.out_of_range)
        known = self._plans.get(key) if question.plain else None
        if known is not None and known.table is table:
            return known
        most = self._most([table])
        fits = plan.in_one_cell(table) and (most is None or table.bytes * plan.TEXT_PER_BYTE <= most)
        small = question.plain and fits and not again  # a table that has grown has been found in a fresh catalogue
        pages = question.plain and not small and plan.by_pages(table, catalog.settings)
        doubled = self.server.doubles_question_marks(question.where)
        made = plan.TablePlan.make(table, columns, question, small=small, pages=pages, doubled=doubled)
        if question.plain:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            self._plans[key] = made
        return made

    def _pages(
        self, table: Table, columns: Sequence[Column], layout: Layout, provenance: dict[str, Any]
    ) -> Generator[pa.RecordBatch, None, None]:
        most = self._most([table])
        ranges = [(0, None)] if most is None else list(plan.page_ranges(table, most))
        if len(ranges) > 1:
            yield from self._ranges(ranges, table, columns, layout, provenance)
            return
        branch, shapes = plan.page_branch(0, table, columns, layout), {0: (table.schema, table.name)}
        frame, labelled = Frame({0: table.shape}), table.labelled
        yield from self._packed(branch, layout, frame, None, provenance, shapes, labelled=labelled)

    def _ranges(
        self,
        ranges: Sequence[tuple[int, int | None]],
        table: Table,
        columns: Sequence[Column],
        layout: Layout,
        provenance: dict[str, Any],
    ) -> Generator[pa.RecordBatch, None, None]:
        """Read a table in several statements, and prove that they belong together."""
        from .generations import Generations, asking
        from .unchanged import Taken, digest, prove_unchanged

        shapes, version = {0: (table.schema, table.name)}, int(self._settings.get("version_num", 0))
        taken, snapshots = Taken(), set()
        for start, stop in ranges:
            frame = Generations({0: table.shape})
            first = [asking(shapes, [] if taken.snapshot else [digest(table, version)])]
            branch = plan.page_branch(0, table, columns, layout, start, stop)
            read = self._packed(branch, layout, frame, None, provenance, shapes, first, labelled=table.labelled)
            for batch in read:
                taken.rows += batch.num_rows
                yield batch
            if not taken.snapshot:
                taken.snapshot, taken.digest = frame.snapshot, frame.digests[0]
            taken.files.append(frame.files[0])
            snapshots.add(frame.snapshot)
        if len(snapshots) > 1 or self._settings.get("in_recovery"):  # there equal ones prove nothing
            prove_unchanged(self.server, table, taken, version, "it was read in several statements")

    # ------------------------------------------------------------------ queries
    def _query(self, question: Question, given: plan.Source | None = None, *, again: bool = False) -> Stream:
        source = self._rendered(question) if given is None else given
        remembered = None if again else self._queries.known(source)
        columns, columns_hash = remembered or self._queries.ask(source)
        layout = plan.layout(question.label, columns, question, numbered=True)
        provenance = {
            "sql_sha256": sql.fingerprint(question.sql or ""),
            "path": "packed",
            "statements": 0 if remembered else 1,
            "time": outcome.now(),
        }
        shape = (packed.columns_of(source.text), columns_hash)
        if self._path == "plain":
            batches = self._plain(source, layout, provenance, shape)
        else:
            branch = plan.numbered_branch(0, source, layout)
            batches = self._packed(branch, layout, Frame(columns=columns_hash), source, provenance, {})
        try:
            return self._opened(batches, source, layout, provenance, shape)
        except (StaleCatalog, QueryFailed) as error:
            if again or not outcome.stale(error):
                raise
            return self._query(question, given, again=True)

    def _rendered(self, question: Question) -> plan.Source:
        doubled = self.server.doubles_question_marks(question.sql)
        rendered = sql.render(question.sql or "", question.params, double_question_marks=doubled)
        return plan.Source(rendered.text, rendered, 0, question.sql or "")

    # ------------------------------------------------------------------ paths
    def _opened(
        self,
        batches: Generator[pa.RecordBatch, None, None],
        source: plan.Source,
        layout: Layout,
        provenance: dict[str, Any],
        shape: Shape,
    ) -> Stream:
        started = outcome.started(self._or_plain(batches, source, layout, provenance, shape))
        return open_stream(layout.schema, started, provenance)

    def _packed(
        self,
        branch: packed.Branch,
        layout: Layout,
        frame: Frame,
        source: plan.Source | None,
        provenance: dict[str, Any],
        shapes: dict[int, tuple[str, str]],
        first: Sequence[packed.Branch] = (),
        *,
        labelled: bool = True,
    ) -> Generator[pa.RecordBatch, None, None]:
        query = source.text if source is not None and frame.columns is not None else None
        text = packed.combine([*first, branch], shapes, query, labelled=labelled)
        offset = text.rindex(branch.sql) + branch.offset  # the last one: a query stands in the settings row too
        provenance["statements"] += 1
        sent = replace(source or plan.Source(text), text=text, offset=offset)
        with (
            located(self.server, sent),
            self.server.export(text) as answer,
            readable(answer.where),
            closing(read_cells(answer.pieces(), answer.where, {0: layout}, frame)) as reading,
        ):
            provenance["compression"] = answer.compression
            for _, batch in reading:
                provenance["time"] = frame.now or provenance["time"]
                yield batch
        provenance["time"] = frame.now

    def _plain(
        self, source: plan.Source, layout: Layout, provenance: dict[str, Any], shape: Shape
    ) -> Generator[pa.RecordBatch, None, None]:
        from ..wire import rows

        text, offset = rows.statement(source.text, layout.readings, offset=source.offset, shape=shape[0])
        provenance.update(path="plain", statements=provenance["statements"] + 1)
        with (
            located(self.server, replace(source, text=text, offset=offset)),
            self.server.export(text) as answer,
            readable(answer.where),
            closing(rows.read_rows(answer.pieces(), answer.where, layout, shape[1])) as reading,
        ):
            provenance["compression"] = answer.compression
            for _, batch in reading:
                yield batch

    def _or_plain(
        self,
        batches: Generator[pa.RecordBatch, None, None],
        source: plan.Source,
        layout: Layout,
        provenance: dict[str, Any],
        shape: Shape,
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
                if delivered or self._path != "auto" or outcome.stale(error) or not outcome.ours(error):
                    raise
                log.warning("%s: the packed statement failed (%s); reading plain rows", layout.label, error.sqlstate)
        yield from self._plain(source, layout, provenance, shape)
