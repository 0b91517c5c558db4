"""Many tables as of one moment: one packed statement over all of them, or a few whose last one proves the others.

One statement sees one moment, whatever a refresh does meanwhile. Where a server cannot take it in one (it buffers whole
answers, or the tables are too many), and where a connection broke and what had come whole is kept, the last statement
tells of every table read before it whether it still is what was read; what moved is read again, a bounded number of
times, and otherwise nothing is given. So the moment of the last statement is the moment of all.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import pyarrow as pa

from ..catalog import Table
from ..errors import IncompleteResult, InconsistentSnapshot, InvalidInput, ServerUnavailable, sentence
from ..question import Question
from ..wire import packed
from ..wire.cells import StaleCatalog, readable
from ..wire.server import Server
from ..wire.unpack import Layout, read_cells
from . import plan
from .arrivals import Arrivals
from .generations import Generations, asking, names_hash
from .pieces import TABLES_PER_STATEMENT, Piece, statements, watchable
from .unchanged import Taken, changed, digest, proof

log = logging.getLogger("insight_frames")

Consistency = Literal["one-statement", "same-generation", "none"]
ROUNDS = 4  # how often tables that moved are read again before it is given up
BREAKS = 3  # how often a broken connection is made up for, each time only if some more tables had come whole
PAUSE = 0.5  # seconds before that, doubled each time
PROOFS = {
    "one-statement": "all tables were read in one statement, which sees one moment",
    "same-generation": "the last statement saw every table that it did not read itself as the same relation in the same"
    " file, with as many rows as were read and no row version that is newer than the table's own snapshot",
    "none": "none was asked for: tables may be of different moments",
}


@dataclass
class TableBatches:
    """Record batches of many tables; iterating ends only when all of them are proven whole and of one moment.

    It gives (index of the table, record batch); None in place of the batch says that the table begins anew and that
    what was given of it is void. If ``listed`` names all (schema, table) of their schemas, StaleCatalog is raised when
    others are there at the moment of the last statement.

    Attributes
    ----------
    schemas : list of pyarrow.Schema
        One per table.
    whole : dict of int to dict
        After a broken connection: the tables that had come whole, each as plain facts that ``kept`` takes.
    evidence : dict
        After the end: consistency, number of statements, the snapshots and the moment in UTC.
    """

    server: Server
    tables: Sequence[Table]
    settings: dict[str, Any]
    statement_bytes: int | None
    lenient: bool = True
    consistency: Consistency | None = None
    kept: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    logs: Sequence[Table] = ()
    listed: Sequence[tuple[str, str]] = ()
    evidence: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.consistency is not None and self.consistency not in get_args(Consistency):
            expected = " or ".join(map(repr, get_args(Consistency)))
            raise InvalidInput(sentence("consistency is not known", expected=f"{expected} (or leave it out)"))
        self._layouts = [self._layout(one) for one in self.tables]
        self.schemas: list[pa.Schema] = [one.schema for one in self._layouts]
        self._version = int(self.settings.get("version_num", 0))
        kept = {} if self.consistency == "one-statement" else self.kept
        self._complete = {index: Taken(**one) for index, one in kept.items() if watchable(self.tables[index])}
        self._begun = set(self.kept)
        self._again: dict[int, int] = {}
        self._sent = self._breaks = 0
        self._rounds = 1
        self._broken = False

    @property
    def whole(self) -> dict[int, dict[str, Any]]:
        """What had come whole when the connection broke."""
        if not self._broken:
            return {}
        return {index: asdict(one) for index, one in self._complete.items() if watchable(self.tables[index])}

    def __iter__(self) -> Iterator[tuple[int, pa.RecordBatch | None]]:
        self._check_size()
        todo = self._missing()
        while True:
            before = len(self._complete)
            try:
                moved = yield from self._round(todo)
            except (IncompleteResult, ServerUnavailable) as error:
                self._bear(error, before)
                todo = self._missing()
                continue
            if not moved:
                return
            log.info("%d tables changed while they were read; reading them again", len(moved))
            if self._rounds == ROUNDS:
                what = f"the tables were read in {self._sent} statements"
                raise changed([self.tables[one] for one in moved], what)
            self._rounds += 1
            for one in moved:
                self._again[one] = self._again.get(one, 0) + 1
                del self._complete[one]
            if self._rounds == ROUNDS and len(self._groups(range(len(self.tables)))) == 1:
                self._complete.clear()  # one statement over all of them cannot fail to be of one moment
            todo = self._missing()

    def _missing(self) -> list[int]:
        """List what has to be read: what has not come, and what only the last statement can read."""
        return [i for i, one in enumerate(self.tables) if i not in self._complete or not watchable(one)]

    def _check_size(self) -> None:
        if self.consistency == "one-statement" and len(self._groups(range(len(self.tables)))) > 1:
            raise InconsistentSnapshot(
                sentence(
                    "The tables are too many or too large for one statement of this server",
                    expected=f"at most {TABLES_PER_STATEMENT} tables"
                    + ("" if self.statement_bytes is None else f" and {self.statement_bytes:,} bytes of text"),
                    try_="consistency='same-generation', fewer tables, or a larger statement_bytes=",
                )
            )

    def _bear(self, error: Exception, before: int) -> None:
        """Wait and go on after a broken connection if it brought something; otherwise raise what it was."""
        hopeless = isinstance(error, StaleCatalog) or self.consistency == "one-statement" or not self._broken
        if hopeless or self._breaks == BREAKS or len(self._complete) <= before:
            raise error
        log.warning("the connection broke; %d of %d tables are kept", len(self._complete), len(self.tables))
        time.sleep(PAUSE * 2**self._breaks)
        self._breaks += 1

    def _groups(self, todo: Collection[int]) -> list[list[Piece]]:
        return statements(self.tables, todo, self._by_pages, self.statement_bytes)

    # ------------------------------------------------------------------ one round: all statements, and the proof
    def _round(self, todo: Collection[int]) -> Generator[tuple[int, pa.RecordBatch | None], None, list[int]]:
        """Read tables in as few statements as can be; give those that are no longer what was read of them."""
        *before, last = self._groups(todo)
        self._left = Counter(piece.index for group in (*before, last) for piece in group)
        self._reading = {index: Taken() for index in todo}
        for group in before:
            yield from self._begin(group)
            yield from self._statement(_Asked(group))
        yield from self._begin(last)
        earlier = self._complete | {index: one for index, one in self._reading.items() if one.snapshot}
        asked = _Asked(last, self._to_prove(earlier, last), last=True)
        frame = yield from self._statement(asked)
        moved = [
            index
            for place, (index, taken) in enumerate(asked.proven.items(), len(last))
            if not taken.still(frame.oids[place], frame.files[place], frame.proofs[place - len(last)])
        ]
        self.evidence = self._evidence(frame, several=bool(earlier))
        return moved

    def _begin(self, group: Sequence[Piece]) -> Iterator[tuple[int, None]]:
        for index in dict.fromkeys(piece.index for piece in group if not self._reading[piece.index].snapshot):
            self._complete.pop(index, None)
            if index in self._begun:
                yield index, None
            self._begun.add(index)

    def _to_prove(self, earlier: Mapping[int, Taken], last: Sequence[Piece]) -> dict[int, Taken]:
        if self.consistency != "none":
            return dict(earlier)
        here = Counter(piece.index for piece in last)  # no table may be torn in itself
        return {index: one for index, one in earlier.items() if len(one.files) + here[index] > 1}

    def _statement(self, asked: _Asked) -> Generator[tuple[int, pa.RecordBatch], None, Generations]:
        shown = [*(piece.index for piece in asked.group), *asked.proven]
        frame = Generations({key: self.tables[index].shape for key, index in enumerate(shown)})
        frame.listed = names_hash(self.listed) if asked.last and self.listed else None
        layouts = {key: self._layouts[piece.index] for key, piece in enumerate(asked.group)}
        watched = [i for i in self._first_seen(asked.group) if watchable(self.tables[i])] if not asked.last else []
        arrivals = Arrivals()
        text = self._text(asked, shown, watched)
        self._sent += 1
        try:
            with self.server.export(text) as answer, readable(answer.where):
                pieces = arrivals.watch(answer.pieces())
                with closing(read_cells(pieces, answer.where, layouts, frame, lenient=self.lenient)) as reading:
                    for key, batch in reading:
                        self._reading[asked.group[key].index].rows += batch.num_rows
                        yield asked.group[key].index, batch
                        arrivals.handed_on(key)
        except (IncompleteResult, ServerUnavailable) as error:
            self._broken = arrivals.broke or isinstance(error, ServerUnavailable)
            if self._broken and frame.started and frame.told:
                self._settle(asked.group, frame, watched, arrivals.whole)
            raise
        self._settle(asked.group, frame, watched, lambda key: True)
        return frame

    def _first_seen(self, group: Sequence[Piece]) -> list[int]:
        return list(dict.fromkeys(piece.index for piece in group if not self._reading[piece.index].snapshot))

    def _settle(
        self,
        group: Sequence[Piece],
        frame: Generations,
        watched: Sequence[int],
        whole: Callable[[int], bool],
    ) -> None:
        """Take note of what a statement brought, and of the tables that are complete with it."""
        digests = dict(zip(watched, frame.digests, strict=True))
        for key, piece in enumerate(group):
            taken = self._reading[piece.index]
            if not taken.snapshot:
                taken.snapshot, taken.oid, taken.digest = frame.snapshot, frame.oids[key], digests.get(piece.index)
            taken.files.append(frame.files[key])
            self._left[piece.index] -= whole(key)
            if not self._left[piece.index]:
                self._complete[piece.index] = taken

    # ------------------------------------------------------------------ what is sent, and what is told of it
    def _text(self, asked: _Asked, shown: Sequence[int], watched: Sequence[int]) -> str:
        names = {key: (self.tables[index].schema, self.tables[index].name) for key, index in enumerate(shown)}
        digests = [digest(self.tables[index], self._version) for index in watched]
        proofs = [proof(self.tables[index], taken, self._version) for index, taken in asked.proven.items()]
        schemas = sorted({schema for schema, _ in self.listed}) if asked.last else []
        first = asking(names, digests, proofs, self.logs if asked.last else (), schemas)
        return packed.combine([first, *(self._branch(key, one) for key, one in enumerate(asked.group))], names)

    def _branch(self, key: int, piece: Piece) -> packed.Branch:
        table, layout = self.tables[piece.index], self._layouts[piece.index]
        if self._by_pages(table):
            return plan.page_branch(key, table, table.columns, layout, piece.first, piece.last)
        question = Question(schema=table.schema, name=table.name, numbers="exact")
        return plan.numbered_branch(key, plan.table_source(table, table.columns, question), layout)

    def _layout(self, table: Table) -> Layout:
        question = Question(schema=table.schema, name=table.name, numbers="exact")
        columns = plan.wanted_columns(table, question)
        return plan.layout(question.label, columns, question, numbered=not self._by_pages(table), key=table.key or ())

    def _by_pages(self, table: Table) -> bool:
        return plan.by_pages(table, self.settings)

    def _evidence(self, frame: Generations, *, several: bool) -> dict[str, Any]:
        kept: Consistency = "one-statement"
        if several:
            kept = "none" if self.consistency == "none" else "same-generation"
        taken = [self._complete[index] for index in range(len(self.tables))]
        names = [f"{one.schema}.{one.name}" for one in self.tables]
        return {
            "consistency": kept,
            "statements": self._sent,
            "snapshots": sorted({one.snapshot for one in taken}),
            "taken": frame.now,
            "proof": PROOFS[kept],
            "read_again": {names[index]: times for index, times in sorted(self._again.items())},
            "broken_connections": self._breaks,
            "refresh_log": frame.logs,
            "generations": [{"oid": one.oid, "relfilenode": one.files[-1], "snapshot": one.snapshot} for one in taken],
        }


@dataclass(frozen=True)
class _Asked:
    """One statement: the pieces to read, and earlier tables to prove; the last one tells of logs and names too."""

    group: Sequence[Piece]
    proven: Mapping[int, Taken] = field(default_factory=dict)
    last: bool = False
