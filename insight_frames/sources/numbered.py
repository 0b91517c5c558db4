"""Tables for an account that may not run SQL: asked for by their number, each field by name, and counted.

Metabase cuts answers without a word, so that rows are counted before and after, by the database itself; values are
taken in the form that Metabase shows them in, exactly or not at all. One answer is one state of its table; several
tables are never of one moment.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from ..catalog import Catalog, Column, Table
from ..errors import IncompleteResult, UnsupportedServer, sentence
from ..question import Question
from ..stream import Stream, open_stream
from ..wire import answers, shown
from ..wire.answers import EXPORT
from ..wire.exported import Export, batch, checked
from ..wire.interactive import Rows
from ..wire.listed import Number, blocks, rows
from ..wire.server import Server
from ..wire.tables import Field, NumberedTable, Tables, refuse_closed
from ..wire.unpack import Layout, without_columns
from . import fields as words
from . import filters, outcome, plan
from .doubts import Asking, Hidden, other_columns, refuse_doubles, without

log = logging.getLogger("insight_frames")

INTERACTIVE = "/api/dataset"
LIFTED_SINCE = 33  # versions from which the caller may lift the row caps of an interactive answer
LABELS_SINCE = 41  # versions from which an export shows labels in place of the values of such a column
ORDERED_SINCE = 36  # versions from which Metabase knows the order of a table's columns


@dataclass(frozen=True)
class Asked:
    """One reading: the table, the columns wanted, and the question in Metabase's words."""

    numbered: NumberedTable
    fields: tuple[Field, ...]
    layout: Layout
    query: dict[str, Any]
    limit: int | None


class NumberedTables:
    """One database behind one Metabase, without SQL."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.tables = Tables(server)

    @property
    def most_rows(self) -> int:
        """What the server gives at most in one answer."""
        era = self.server.era
        return 1_048_576 if era is not None and era <= 38 else 1_048_575

    def catalog(self, schema: str | None = None, *, fresh: bool = False, deep: bool = False) -> Catalog:
        """Give the catalogue as Metabase has it; ``deep``: with the columns of a schema's tables."""
        if fresh:
            self.tables.forget()
        return self.tables.catalog(schema, deep=deep)

    def table(self, schema: str, name: str, *, fresh: bool = False) -> Table:
        """Find a table."""
        if fresh:
            self.tables.forget()
        return self.tables.find(schema, name).table

    def open(self, question: Question) -> Stream:
        """Open a stream of the rows of a table."""
        schema, name = question.schema or "", question.name or ""
        asked = self._asked(question, self.tables.find(schema, name, fresh=True))
        log.info("%s: read by its number, because this account may not run SQL", question.label)
        provenance: dict[str, Any] = {
            "schema": schema,
            "table": name,
            "table_id": asked.numbered.id,
            "path": "mbql",
            "statements": 0,
            "columns_as_of": "Metabase's last synchronisation",
            "time": outcome.now(),
        }
        if self.server.era is not None and self.server.era < ORDERED_SINCE and question.columns is None:
            provenance["columns_in_order"] = False
        return open_stream(asked.layout.schema, outcome.started(self._counted(asked, provenance)), provenance)

    # ------------------------------------------------------------------ the question
    def _asked(self, question: Question, numbered: NumberedTable) -> Asked:
        wanted = numbered.table.columns
        if question.columns is not None:
            wanted = tuple(numbered.table.column(one) for one in question.columns)
        names = [one.name for one in wanted]
        refuse_closed(numbered, names)
        refuse_doubles(question.label, names)
        fields = tuple(numbered.field(one) for one in names)
        layout = plan.layout(question.label, wanted, question, numbered=False)
        self._refuse_types(question, wanted, fields, layout)
        era = self.server.era
        query: dict[str, Any] = {"source-table": numbered.id}
        if question.where is not None:
            query["filter"] = filters.translate(question.where, question.params, words.named(numbered, era), era)
        more = {"fields": [words.reference(one.id, era) for one in fields or numbered.fields[:1]]}
        if question.order_by:
            more["order-by"] = words.ordered(numbered, question.order_by, era)
        return Asked(numbered, fields, layout, {**query, **more}, question.limit)

    def _refuse_types(
        self, question: Question, wanted: Sequence[Column], fields: Sequence[Field], layout: Layout
    ) -> None:
        """UnsupportedServer for columns whose values Metabase does not show as they are."""
        era, label = self.server.era, question.label
        for column, field, reading in zip(wanted, fields, layout.readings, strict=True):
            why = shown.refusal(reading.type, era, question.numbers)
            if field.converted:
                why = "an administrator lets it show the values as another type"
            if field.labelled and era is not None and era < LIFTED_SINCE:
                why = "an administrator lets it show labels in place of the values"
            if why is not None:
                raise UnsupportedServer(
                    sentence(
                        f"Without SQL the values of {label}, column {column.name!r} cannot be had exactly",
                        where=f"type {column.type}; Metabase {self.server.version}: {why}",
                        try_=without(wanted, era, question.numbers, layout, fields),
                    )
                )

    # ------------------------------------------------------------------ the rows
    def _counted(self, asked: Asked, provenance: dict[str, Any]) -> Generator[pa.RecordBatch, None, None]:
        """Give the rows between two counts that must agree with them."""
        label = asked.layout.label
        expected, formatted = self._count(asked, provenance)
        if asked.limit is not None:
            expected = min(expected, asked.limit)
        if expected > self.most_rows:
            raise IncompleteResult(
                sentence(
                    f"{label} has more rows than this Metabase gives in one answer",
                    expected=f"at most {self.most_rows:,}",
                    got=f"{expected:,}",
                    try_="where= for parts of it, or the right to run SQL, which knows no such limit",
                )
            )
        found = 0
        if expected or not asked.layout.readings:
            reading = self._rows(asked, expected, formatted, provenance)
            with closing(reading):
                for batch in reading:
                    found += batch.num_rows
                    if found <= expected:
                        yield batch
        self._prove(asked, expected, found, provenance)

    def _prove(self, asked: Asked, expected: int, found: int, provenance: dict[str, Any]) -> None:
        after = self._count(asked, provenance)[0]
        if asked.limit is not None:
            after = min(after, asked.limit)
        if not expected == found == after:
            raise IncompleteResult(
                sentence(
                    f"{asked.layout.label} did not arrive whole, or changed while it was read",
                    expected=f"{expected:,} rows, as counted before",
                    got=f"{found:,} rows, and {after:,} counted behind them",
                    try_="again; if it stays so, this server cuts answers",
                )
            )
        provenance["counted"] = found

    def _rows(
        self, asked: Asked, expected: int, formatted: bool, provenance: dict[str, Any]
    ) -> Generator[pa.RecordBatch, None, None]:
        if not asked.fields:
            yield without_columns(expected)
            return
        query = {**asked.query, "limit": min(self.most_rows, expected + 1 if asked.limit is None else expected)}
        listed = self._interactive if self._needs_rows(asked, formatted) else self._export
        provenance["statements"] += 1
        hidden = Hidden(asked.fields, asked.layout, self.server.era)
        for made in listed(asked, query):
            hidden.see(made)
            yield made
        for what, clause, most in hidden.doubts():
            filter_ = ["and", asked.query["filter"], clause] if "filter" in asked.query else clause
            doubt = replace(asked, query={**asked.query, "filter": filter_})
            if self._count(doubt, provenance)[0] != most:
                raise UnsupportedServer(
                    sentence(
                        f"Without SQL the values of {asked.layout.label}, column {what!r} cannot be had exactly",
                        where=f"Metabase {self.server.version} shows some of them as others",
                        try_="columns=[...] without it, or the right to run SQL",
                    )
                )

    def _needs_rows(self, asked: Asked, formatted: bool) -> bool:
        """Whether an export would not do: written for people, with labels, or with two columns of one title."""
        titles = Counter(one.title for one in asked.fields)
        labelled = any(one.labelled for one in asked.fields)
        era = self.server.era
        needed = formatted or labelled or (max(titles.values()) > 1 and not (era is not None and era <= 32))
        if needed and era is not None and era < LIFTED_SINCE:
            raise UnsupportedServer(sentence("This Metabase cannot show the values of this table without SQL"))
        return needed

    def _export(self, asked: Asked, query: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        era = self.server.era
        by_name = era is not None and era <= 32
        titles = [one.name if by_name else one.title for one in asked.fields]

        def columns(read: list[Any]) -> list[list[Any]]:
            if any(not isinstance(one, dict) or set(one) != set(titles) for one in read):
                raise other_columns(asked.layout.label)
            return [[one[title] for one in read] for title in titles]

        with self._asking(asked), self.server.session.export(EXPORT, self._whole(query)) as answer:
            export = Export(asked.layout, tuple(titles), era, columns)
            with closing(export.batches(answer.pieces(), answer.where)) as made:
                yield from made

    def _interactive(self, asked: Asked, query: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        most, done = query["limit"], 0
        caps = {"max-results": most, "max-results-bare-rows": most}
        question = {**self._whole(query), "constraints": caps, "middleware": {"js-int-to-string?": False}}
        with self._asking(asked), answers.check(self.server.session.post(INTERACTIVE, question)) as answer:
            told = Rows(answer.pieces(), answer.where)
            for read in told:
                if any(len(one) < len(asked.fields) for one in read):
                    raise other_columns(asked.layout.label)
                columns = [[one[place] for one in read] for place in range(len(asked.fields))]
                yield checked(batch(columns, asked.layout, self.server.era), asked.layout, done)
                done += len(read)
            ids = [str(one.get("id")) for one in told.cols if not one.get("remapped_from")]
            if ids[: len(asked.fields)] != [str(one.id) for one in asked.fields]:
                raise other_columns(asked.layout.label)

    def count(self, label: str, number: int) -> int:
        """Let the database count the rows of a table."""
        return self._counted_by(label, {"source-table": number})[0]

    def _count(self, asked: Asked, provenance: dict[str, Any]) -> tuple[int, bool]:
        """Let the database count the rows asked for; whether the server writes numbers for people."""
        provenance["statements"] += 1
        kept = {key: value for key, value in asked.query.items() if key in ("source-table", "filter")}
        return self._counted_by(asked.layout.label, kept)

    def _counted_by(self, label: str, kept: dict[str, Any]) -> tuple[int, bool]:
        query = self._whole({**kept, "aggregation": [["count"]]})
        with Asking(label), self.server.session.export(EXPORT, query, small=True) as answer:
            read = [one for block in blocks(answer.pieces(), answer.where) for one in rows(block, answer.where)]
        value = next(iter(read[0].values()), None) if len(read) == 1 and isinstance(read[0], dict) else None
        digits = "".join(filter(str.isdigit, value)) if isinstance(value, str) else ""
        if not digits:
            raise other_columns(label)
        return int(digits), not isinstance(value, Number)

    def _whole(self, query: dict[str, Any]) -> dict[str, Any]:
        return {"database": self.server.database_id, "type": "query", "query": query, "parameters": []}

    def _asking(self, asked: Asked) -> Asking:
        return Asking(asked.layout.label)
