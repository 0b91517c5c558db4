"""Many tables as of one moment: one REPEATABLE READ transaction, whose snapshot several sessions share.

A snapshot alone is no proof. A table that is exchanged, emptied or rewritten after the snapshot was taken and before
it was locked looks empty to it. So all tables are locked at once, and then every relation that the transaction holds
must be in the file, and every table under the name, that the snapshot's own view of the catalogue tells; otherwise the
transaction is begun anew before a row is read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pyarrow as pa

from .. import sql
from ..catalog import Table
from ..direct.arrow import ArrowFailed, ArrowLink
from ..direct.link import Link
from ..direct.server import WHERE, PostgresServer
from ..direct.troubles import LOCKED
from ..errors import InconsistentSnapshot, InvalidInput, QueryFailed, sentence
from ..question import Question
from ..wire import packed
from ..wire.cells import Frame, readable
from ..wire.unpack import Layout, read_rows_of
from . import plan
from .generations import Generations, asking, names_hash
from .native import read_native
from .workers import Workers

log = logging.getLogger("insight_frames")

Consistency = Literal["one-transaction", "one-statement", "same-generation", "none"]
TRIES = 6  # how often the transaction is begun anew because something was exchanged, or could not be locked
PAUSE = 0.2  # seconds before that, doubled each time
LOCK_TIMEOUT = "5s"  # of the sessions beside the first: who waits for a refresh that waits for the first would wait on
TABLES_PER_STATEMENT = 100
BYTES_PER_STATEMENT = 8 << 20  # on disk: several small tables stand together in one statement
PROOF = (
    "all tables were read in one REPEATABLE READ READ ONLY transaction, whose snapshot all sessions shared; once all"
    " were locked, each was under the name and in the file that this snapshot's catalogue tells"
)


@dataclass
class _Held:
    """The sessions of one transaction: the first plain one exported the snapshot."""

    snapshot: str
    links: list[Link]
    arrows: list[ArrowLink] = field(default_factory=list)


@dataclass
class TransactionBatches:
    """Record batches of many tables as (index of the table, record batch); ``evidence`` is complete when they end.

    Attributes
    ----------
    schemas : list of pyarrow.Schema
        One per table.
    """

    server: PostgresServer
    tables: Sequence[Table]
    settings: dict[str, Any]
    parallel: int
    lenient: bool = True
    consistency: Consistency | None = None
    logs: Sequence[Table] = ()
    listed: Sequence[tuple[str, str]] = ()
    evidence: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.consistency is not None and self.consistency not in get_args(Consistency):
            expected = " or ".join(map(repr, get_args(Consistency)))
            raise InvalidInput(sentence("consistency is not known", expected=f"{expected} (or leave it out)"))
        self._plainly = False
        self._layouts = [self._layout(one) for one in self.tables]
        self.schemas: list[pa.Schema] = [one.schema for one in self._layouts]

    @property
    def whole(self) -> dict[int, dict[str, Any]]:
        """What a later attempt could go on with: nothing, because its transaction would be another."""
        return {}

    def __iter__(self) -> Generator[tuple[int, pa.RecordBatch | None], None, None]:
        """Read all tables; None in place of a batch says that the table begins anew."""
        with ExitStack() as stack:
            held, frame = self._begun(stack)
            left, begun = set(range(len(self.tables))), set()
            if held.arrows:
                alone = [[index] for index in self._largest_first()]
                with closing(iter(Workers(held.arrows, alone, self._natively))) as rows:
                    for index, batch in rows:
                        if batch is None:
                            left.discard(index)
                            continue
                        begun.add(index)
                        yield index, batch
            for index in left & begun:
                yield index, None
            groups = self._groups(left)
            with closing(iter(Workers(held.links, groups, self._packed))) as rows:
                yield from rows
        self.evidence = self._evidence(held, frame, len(groups) + (len(self.tables) if held.arrows else 0))

    def _evidence(self, held: _Held, frame: Generations, statements: int) -> dict[str, Any]:
        return {
            "consistency": "one-transaction",
            "statements": statements,
            "snapshots": [frame.snapshot],
            "taken": frame.now,
            "proof": PROOF,
            "sessions": len(held.links) + len(held.arrows),
            "exported_snapshot": held.snapshot,
            "refresh_log": frame.logs,
            "generations": [
                {"oid": frame.oids[index], "relfilenode": frame.files[index], "snapshot": frame.snapshot}
                for index in range(len(self.tables))
            ],
        }

    # ------------------------------------------------------------------ the transaction
    def _begun(self, stack: ExitStack) -> tuple[_Held, Generations]:
        """Begin it in all sessions, with all tables locked and seen by its snapshot as they stand."""
        for attempt in range(TRIES):
            with ExitStack() as trial:
                held = self._held(trial, alone=attempt == TRIES - 1)
                if held is not None and self._settled(held.links[0]):
                    frame = self._told(held.links[0])
                    stack.push(trial.pop_all())
                    return held, frame
            log.info("tables were exchanged while the transaction began; beginning it anew")
            time.sleep(PAUSE * 2**attempt)
        raise InconsistentSnapshot(
            sentence(
                f"Tables were exchanged each of {TRIES} times the transaction began",
                try_="again when the refresh has ended (refresh_log tells)",
            )
        )

    def _held(self, stack: ExitStack, *, alone: bool) -> _Held | None:
        """Open sessions that share a snapshot and hold all tables; None if a lock was not to be had.

        ADBC's sessions read, and the first one, which has exported its snapshot, what they cannot; without ADBC plain
        sessions do. ``alone`` opens the first one only: nobody then waits behind somebody who waits for the first.
        """
        first = stack.enter_context(self.server.session())
        first.begin(moment=True)
        shared = str(first.rows("select pg_export_snapshot()")[0][0])
        held = _Held(shared, [first])
        try:
            self._lock(first.run)
            for _ in range(0 if alone or self._plainly else min(self.parallel, len(self.tables))):
                arrow = stack.enter_context(self.server.arrow_session())
                if arrow is None:
                    break
                arrow.begin(shared)
                self._lock(arrow.run, LOCK_TIMEOUT)
                held.arrows.append(arrow)
            for _ in range(0 if alone or held.arrows else min(self.parallel, len(self._groups())) - 1):
                link = stack.enter_context(self.server.session())
                link.begin(moment=True, snapshot=shared)
                self._lock(link.run, LOCK_TIMEOUT)
                held.links.append(link)
        except ArrowFailed as error:
            self._plainly = str(error) not in LOCKED  # a pooler, say, that does not let ADBC do this
            return None
        except QueryFailed as error:
            if error.sqlstate not in LOCKED:
                raise
            return None
        return held

    def _lock(self, run: Callable[[str], None], timeout: str = "0") -> None:
        """Hold all tables, and what views and partitions stand on, as a reader does until the transaction ends."""
        run("set local idle_in_transaction_session_timeout to 0")
        run(f"set local lock_timeout to '{timeout}'")
        for start in range(0, len(self.tables), TABLES_PER_STATEMENT):
            some = self.tables[start : start + TABLES_PER_STATEMENT]
            run("\nunion all\n".join(f"(select '' from {_name(one)} limit 0)" for one in some))

    def _settled(self, link: Link) -> bool:
        """Whether the snapshot sees each relation that is held in its file of now, each table under its name of now."""
        names = ",".join(
            f"({sql.string_literal(one.schema)},{sql.string_literal(one.name)},"
            f"{sql.string_literal(packed.regclass(one.schema, one.name))})"
            for one in self.tables
        )
        moved = link.rows(
            "select ((select count(*) from pg_locks l left join pg_class c on c.oid=l.relation\n"
            "  where l.pid=pg_backend_pid() and l.locktype='relation' and l.relation>=16384\n"
            "   and (c.oid is null or (c.relkind<>'i' and c.relfilenode<>0\n"
            "     and pg_relation_filenode(c.oid) is distinct from c.relfilenode)))\n"
            f"+(select count(*) from (values {names}) v(s,t,r)\n"
            "  where v.r::regclass::oid is distinct from (select c.oid from pg_class c\n"
            "   join pg_namespace n on n.oid=c.relnamespace where n.nspname=v.s and c.relname=v.t)))::text"
        )
        return moved == [("0",)]

    def _told(self, link: Link) -> Generations:
        """Ask what the first session sees: the moment, the tables' shapes and files, the logs, all names."""
        names = {index: (one.schema, one.name) for index, one in enumerate(self.tables)}
        frame = Generations({index: one.shape for index, one in enumerate(self.tables)})
        frame.listed = names_hash(self.listed) if self.listed else None
        schemas = sorted({schema for schema, _ in self.listed})
        with (
            readable(WHERE),
            closing(link.cells(packed.combine([asking(names, [], (), self.logs, schemas)], names))) as told,
        ):
            for one in told:
                frame.take(one)
        frame.prove(WHERE)
        return frame

    # ------------------------------------------------------------------ rows
    def _largest_first(self, some: Collection[int] | None = None) -> list[int]:
        """Order tables so that no session is left with a large one at the end."""
        return sorted(range(len(self.tables)) if some is None else some, key=lambda one: -self.tables[one].bytes)

    def _groups(self, some: Collection[int] | None = None) -> list[list[int]]:
        """Put tables together in statements."""
        groups: list[list[int]] = []
        size = 0
        for index in self._largest_first(some):
            weight = self.tables[index].bytes
            full = groups and (size + weight > BYTES_PER_STATEMENT or len(groups[-1]) >= TABLES_PER_STATEMENT)
            if full or not groups:
                groups.append([])
                size = 0
            groups[-1].append(index)
            size += weight
        return groups

    def _natively(
        self, link: ArrowLink, group: Sequence[int]
    ) -> Generator[tuple[int, pa.RecordBatch | None], None, None]:
        """Read a table by ADBC; None at its end if all of it came, nothing if it has to be read in another way."""
        (index,) = group
        try:
            for batch in read_native(link, self.tables[index], self._layouts[index]):
                yield index, batch
        except ArrowFailed as error:
            log.debug("a table is read as packed rows: %s", error)
            return
        yield index, None

    def _packed(self, link: Link, group: Sequence[int]) -> Generator[tuple[int, pa.RecordBatch], None, None]:
        """Read some tables in one packed statement."""
        frame = Frame({key: self.tables[index].shape for key, index in enumerate(group)})
        layouts = {key: self._layouts[index] for key, index in enumerate(group)}
        names = {key: (self.tables[index].schema, self.tables[index].name) for key, index in enumerate(group)}
        text = packed.combine([self._branch(key, index) for key, index in enumerate(group)], names)
        with (
            readable(WHERE),
            closing(link.cells(text)) as cells,
            closing(read_rows_of(cells, WHERE, layouts, frame, lenient=self.lenient, plain=bytes)) as rows,
        ):
            for key, batch in rows:
                yield group[key], batch

    def _branch(self, key: int, index: int) -> packed.Branch:
        table, layout = self.tables[index], self._layouts[index]
        if not layout.numbered:
            return plan.page_branch(key, table, table.columns, layout)
        question = Question(schema=table.schema, name=table.name, numbers="exact")
        return plan.numbered_branch(key, plan.table_source(table, table.columns, question), layout)

    def _layout(self, table: Table) -> Layout:
        question = Question(schema=table.schema, name=table.name, numbers="exact")
        columns, pages = plan.wanted_columns(table, question), plan.by_pages(table, self.settings)
        return plan.layout(question.label, columns, question, numbered=not pages, key=table.key or ())


def _name(table: Table) -> str:
    return sql.qualified(table.schema, table.name)
