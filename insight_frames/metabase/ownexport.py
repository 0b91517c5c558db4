"""The server's own export of a question as exact rows: types from its answer, values as this version shows them.

An export says neither its types nor whether it is whole. So the question is asked twice: for a person, which gives the
columns, and the number of rows as far as that answer's cap; and as an export, whose rows must be as many. Where the cap
was met, the rows are counted, or the export must be longer than any cap that could have cut both.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from .. import pgtypes
from ..errors import (
    IncompleteResult,
    InsightError,
    UnsupportedServer,
    ValueOutOfRange,
    sentence,
)
from ..question import Question
from ..sources import outcome
from ..stream import Stream, open_stream
from ..wire import listed, shown
from ..wire.body import Answer
from ..wire.cells import cut
from ..wire.exported import Export, batch, checked
from ..wire.server import Server
from ..wire.tables import Tables
from ..wire.unpack import Layout, without_columns
from . import columntypes, preview
from .questions import Saved

NAMED_BY_TITLE = 33  # from here on exports call a column by its title
FORMATTED = range(49, 51)  # versions that may write values for people, NULL as ''
CEILINGS = (10_000, 1_048_575, 1_048_576)  # of exports; the first for some accounts of the enterprise edition
LOWERED = 49  # from here on an administrator may set any cap for exports
_TRY = "an account that may run SQL, or a cast to text in the question"


class Reach(Protocol):
    """How one question is asked in both ways."""

    @property
    def era(self) -> int | None:
        """The second number of the version."""

    @property
    def label(self) -> str:
        """How messages call it."""

    def preview(self) -> Answer:
        """Ask as for a person."""

    def export(self) -> Answer:
        """Ask for the export."""

    def count(self) -> int | None:
        """Count the rows, where that can be done."""

    def tables(self) -> Tables | None:
        """Give what is known of tables and their columns."""


@dataclass
class OfQuestion:
    """A saved question, asked with a session."""

    server: Server
    saved: Saved
    parameters: list[dict[str, Any]]

    @property
    def era(self) -> int | None:
        """The second number of the version."""
        return self.server.era

    @property
    def label(self) -> str:
        """How messages call it."""
        return self.saved.label

    def preview(self) -> Answer:
        """Ask as for a person."""
        asked = {"parameters": self.parameters, "ignore_cache": True}
        return self.server.session.post(f"/api/card/{self.saved.number}/query", asked)

    def export(self) -> Answer:
        """Ask for the export, without the formats that some versions put on."""
        raw = "?format_rows=false" if self.era in range(49, 53) else ""
        path = f"/api/card/{self.saved.number}/query/json{raw}"
        return self.server.session.export(path, self.parameters, name="parameters")

    def count(self) -> int | None:
        """Count the rows of a question without values, as a question over it."""
        if self.parameters:
            return None
        inner = {"source-table": f"card__{self.saved.number}", "aggregation": [["count"]]}
        asked = {"database": self.server.database_id, "type": "query", "query": inner}
        try:
            told = preview.read(self.server.session.post("/api/dataset", asked), self.label)
        except InsightError:  # a version, or an account, that cannot do that: then other proofs must do
            return None
        return told.number

    def tables(self) -> Tables | None:
        """Give what is known of tables and their columns."""
        return Tables(self.server)


@contextmanager
def opened(reach: Reach, question: Question) -> Iterator[Stream]:
    """Open a stream of a question's rows, read from the server's own export."""
    first = preview.read(reach.preview(), reach.label)
    layout, keys = _layout(first.cols, reach, question)
    provenance = {"path": "export", "statements": 2, "time": outcome.now()}
    rows = outcome.started(_rows(reach, first, layout, keys))
    with open_stream(layout.schema, rows, provenance) as stream:
        yield stream


# ------------------------------------------------------------------------------------------------ columns
def _layout(cols: Sequence[Mapping[str, Any]], reach: Reach, question: Question) -> tuple[Layout, list[str]]:
    tables = reach.tables()
    titled = reach.era is None or reach.era >= NAMED_BY_TITLE
    keys = [str((one.get("display_name") if titled else None) or one["name"]) for one in cols]
    twice = next((one for one in keys if keys.count(one) > 1), None)
    if twice is not None:
        raise _inexact(reach, twice, "two columns have this name, of which the export holds one")
    readings, fields = [], []
    for col in cols:
        type_, comment = columntypes.of(col, tables)
        why = "the server shows labels in place of its values" if col.get("remapped_to") else None
        if type_ is None:
            why = why or "its type is not known to the server"
            type_ = pgtypes.pg_type("text")
        why = why or shown.refusal(type_, reach.era, question.numbers)
        if why is not None and not col.get("empty"):
            raise _inexact(reach, str(col["name"]), why)
        reading = pgtypes.reading(type_, numbers=question.numbers, out_of_range=question.out_of_range)
        readings.append(reading)
        fields.append(pgtypes.field(str(col["name"]), reading, nullable=None, comment=comment))
    return Layout(reach.label, pa.schema(fields), tuple(readings), numbered=True), keys


def _is_changed(values: Sequence[Any], col: Mapping[str, Any]) -> bool:
    """Whether a column that had nothing but NULL, so that its type did not matter, has a value now."""
    return bool(col["empty"]) and any(one not in (None, "") for one in values)  # '' may be NULL, see `blank`


def _inexact(reach: Reach, column: str, why: str) -> UnsupportedServer:
    return UnsupportedServer(
        sentence(f"Column {column!r} of {reach.label} cannot be read exactly: {why}", where="its export", try_=_TRY)
    )


# ------------------------------------------------------------------------------------------------ rows
def _rows(
    reach: Reach, first: preview.Preview, layout: Layout, keys: Sequence[str]
) -> Generator[pa.RecordBatch, None, None]:
    if reach.era in FORMATTED and not first.capped:
        yield from _of_preview(reach, first, layout)
        return
    if reach.era in FORMATTED:
        count = yield from _formatted(reach, first, layout, keys)
    else:
        count = yield from _as_they_are(reach, first, layout, keys)
    _prove(reach, first, count)


def _as_they_are(
    reach: Reach, first: preview.Preview, layout: Layout, keys: Sequence[str]
) -> Generator[pa.RecordBatch, None, int]:
    """Give the rows of an export and return how many there were."""
    count = 0

    with reach.export() as answer:

        def columns(rows: list[Any]) -> list[list[Any]]:
            found = _columns(rows, keys, reach, answer.where)
            _check(found, first, reach)
            return found

        export = Export(layout, tuple(keys), reach.era, columns, is_strange=partial(_is_strange, first))
        with closing(export.batches(answer.pieces(), answer.where)) as made:
            for one in made:
                count += one.num_rows
                yield one
    return count


def _is_strange(first: preview.Preview, made: pa.RecordBatch) -> bool:
    """Whether a batch holds what ``_check`` refuses."""
    for values, col in zip(made.columns, first.cols, strict=True):
        if col["empty"] and values.null_count < len(values):
            return True
        if columntypes.may_be_shaped(col) and columntypes.any_shaped(values):
            return True
    return False


def _formatted(
    reach: Reach, first: preview.Preview, layout: Layout, keys: Sequence[str]
) -> Generator[pa.RecordBatch, None, int]:
    """Give the rows of an export that may be written for people, which only the values themselves tell."""
    count, raw, blank = 0, False, False
    with reach.export() as answer:
        for block in listed.blocks(answer.pieces(), answer.where):
            rows = listed.rows(block, answer.where)
            columns = _columns(rows, keys, reach, answer.where)
            _check(columns, first, reach)
            raw = raw or any(type(one) not in (str, type(None)) for column in columns for one in column)
            blank = blank or (not raw and any(one == "" for column in columns for one in column))
            try:
                yield (
                    checked(batch(columns, layout, reach.era), layout, count) if columns else without_columns(len(rows))
                )
            except ValueOutOfRange as error:
                if raw:
                    raise
                why = "this version of Metabase writes values for people"
                raise _inexact(reach, error.column or "", why) from None
            count += len(rows)
    if blank and not raw:
        raise UnsupportedServer(
            sentence(
                f"{reach.label}: this version of Metabase may show NULL as an empty text", where="its export", try_=_TRY
            )
        )
    return count


def _of_preview(reach: Reach, first: preview.Preview, layout: Layout) -> Generator[pa.RecordBatch, None, None]:
    """Give the values of the answer for a person, which are exact, if the export has as many rows.

    The export is asked for although its values are written for people: who may not have it is to be told so.
    """
    with reach.export() as answer:
        count = sum(len(listed.rows(block, answer.where)) for block in listed.blocks(answer.pieces(), answer.where))
    _prove(reach, first, count)
    columns = first.columns()
    _check(columns, first, reach)
    yield checked(batch(columns, layout, reach.era), layout, 0) if columns else without_columns(count)


def _columns(rows: Sequence[Any], keys: Sequence[str], reach: Reach, where: str) -> list[list[Any]]:
    wanted = set(keys)
    if all(isinstance(row, dict) and row.keys() == wanted for row in rows):
        return [[row[key] for row in rows] for key in keys]
    found = rows[0] if isinstance(rows[0], dict) else {}
    missing = [one for one in keys if one not in found]
    if missing and found:
        raise _inexact(reach, missing[0], "the export leaves it out (it is hidden in the question's settings)")
    raise cut(where, "rows of another shape")


def _check(columns: Sequence[Sequence[Any]], first: preview.Preview, reach: Reach) -> None:
    """Refuse texts in place of intervals, and values in a column of which nothing was known but NULL."""
    for values, col in zip(columns, first.cols, strict=True):
        if columntypes.is_shaped(values, col):
            raise _inexact(reach, str(col["name"]), "it holds intervals or points, which the driver rewrites")
        if _is_changed(values, col):
            raise _incomplete(reach, "a column of NULL, as in the answer before", "values", "ask again")


def _prove(reach: Reach, first: preview.Preview, count: int) -> None:
    """Raise IncompleteResult unless the export is known to hold every row."""
    if not first.capped:
        if count != first.rows:
            raise _incomplete(reach, f"{first.rows} rows, as in the answer before", f"{count}",
                              "ask again: the data changed, or the export is cut")  # fmt: skip
        return
    counted = reach.count()
    if counted is not None:
        if count != counted:
            raise _incomplete(reach, f"{counted} rows, as counted", f"{count}",
                              "ask again: the data changed, or the export is cut")  # fmt: skip
        return
    lowered = reach.era is None or reach.era >= LOWERED
    if count <= first.rows or count in CEILINGS or lowered:
        raise _incomplete(reach, "a number of rows that no cap of the server explains", f"{count} rows", _TRY)


def _incomplete(reach: Reach, expected: str, got: str, try_: str) -> IncompleteResult:
    return IncompleteResult(
        sentence(f"It is not proven that {reach.label} arrived whole", expected=expected, got=got, try_=try_)
    )
