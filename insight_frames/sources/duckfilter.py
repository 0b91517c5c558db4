"""``where=`` over a snapshot: DuckDB says which rows of a batch are meant, the file's own values go on.

So a filtered frame is exactly the frame without a filter, with fewer rows. What DuckDB would compare in another way
than PostgreSQL is refused by the column's type, because nobody would see the difference in the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .. import pgtypes, sql
from ..catalog import Table
from ..errors import InvalidInput, QueryFailed, sentence
from ..pgtypes.kinds import words
from ..question import Question
from ..sql.lexer import BLANK, STRINGS, Kind, Token, tokenize
from . import duckviews
from .duckdialect import Untranslatable, folded, names, quoted, translate
from .duckengine import Asked, Statement, lock, opened, untranslatable
from .stored import fallen

if TYPE_CHECKING:
    from .offline import OfflineSource

_COMPARABLE = words(
    """int2 int4 int8 oid bool float4 float8 date timestamp timestamptz time text varchar char name bpchar uuid bytea
    enum array numeric money"""
)
_TEXT = words("text varchar char name bpchar")
_ORDER = words("< > <= >=")
_COMPARE = words("= <> != < > <= >=")
_BATCH = "insight_frames_batch"


class Filter:
    """Keeps the rows of record batches for which a condition is true.

    Attributes
    ----------
    columns : list of str
        What the batches must hold.
    """

    def __init__(
        self, database: Any, asked: Asked, schema: pa.Schema, called: dict[str, str], known: Sequence[str]
    ) -> None:
        self.columns, self._known = schema.names, known
        self._database, self._asked, self._called = database, asked, called
        self._schema = duckviews.without_wide(schema)
        self._digits = [one.name for one in schema if duckviews.digits(one)]
        self._row = "row"
        while any(one.lower() == self._row for one in (*self.columns, *names(asked.text))):
            self._row += "~"

    def check(self) -> None:
        """Let DuckDB understand the condition before the first row is read."""
        nothing = pa.RecordBatch.from_pylist([], self._schema) if self.columns else bare(0)
        sent = f"select (\n{self._asked.text}\n) from {self._select(nothing)}"
        kind = str(self._statement(nothing, sent, 9).ask(self._database).types[0])
        if kind not in ("BOOLEAN", '"NULL"'):
            raise QueryFailed(
                sentence(
                    "where= is not a condition", expected="an expression of type boolean", got=f"type {kind.lower()}"
                ),
                server_message=f"argument of WHERE must be type boolean, not type {kind.lower()}",
                sqlstate="42804",
            )

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Give the rows of the batch that are meant, in their order."""
        head = f"select {quoted(self._row)} from {self._select(batch)} where (\n"
        sent = f"{head}{self._asked.text}\n)"
        statement = self._statement(batch, sent, len(head))
        found = statement.ask(self._database)
        with statement.told():
            rows = found.to_arrow_table().column(0).to_numpy()
        return batch.take(pa.array(np.sort(rows))) if batch.num_columns else bare(len(rows))

    def _select(self, batch: pa.RecordBatch) -> str:
        sizes = {one: duckviews.size([batch.column(one)]) for one in self._digits}
        for name, decimal in sizes.items():
            if decimal is None:
                raise InvalidInput(
                    sentence(
                        f"Column {name!r} holds NaN, infinity or more digits than DuckDB's decimals",
                        where="where= over a snapshot",
                        try_="filter the frame in pandas",
                    )
                )
        schema = self._schema.append(pa.field(self._row, pa.int64()))
        return f"({duckviews.select(_BATCH, schema, sizes, self._called)}) as t"

    def _statement(self, batch: pa.RecordBatch, sent: str, offset: int) -> Statement:
        columns = [_narrowed(batch.column(one.name), one.type) for one in self._schema]
        columns.append(pa.array(np.arange(batch.num_rows)))
        self._database.register(_BATCH, pa.table(columns, names=[str(one) for one in range(len(columns))]))
        return Statement(self._asked, sent, offset, self._known)


@contextmanager
def filtering(source: OfflineSource, table: Table, schema: pa.Schema, question: Question) -> Iterator[Filter]:
    """Open DuckDB for a table's condition; what is wrong with it is raised before a row is read."""
    written = question.where or ""
    rendered = sql.condition(written, question.params)
    called = duckviews.aliases(source.catalog)
    try:
        tokens = [one for one in tokenize(rendered.text) if one.kind not in BLANK]
        _check_columns(tokens, schema)
        translated = translate(rendered.text, called)
    except Untranslatable as error:
        raise untranslatable(error, rendered, written) from None
    written_names = {one.casefold() for one in names(rendered.text)}
    needed = pa.schema([one for one in schema if one.name.casefold() in written_names])
    with opened() as database:
        duckviews.make(database, source, rendered.text, called)
        lock(database)
        made = Filter(database, Asked(written, rendered, translated), needed, called, schema.names)
        made.check()
        yield made


def _check_columns(solid: Sequence[Token], schema: pa.Schema) -> None:
    """Refuse what DuckDB would compare in another way: text of types that are no text, and labels by their letters."""
    fields = {one.name: one for one in schema}
    blank = next((one for one in solid if one.kind in STRINGS and one.text.rstrip("'").endswith(" ")), None)
    for at, token in enumerate(solid):
        field = fields.get(folded(token) or "")
        if field is None:
            continue
        before, behind, last = (solid[one] if 0 <= one < len(solid) else None for one in (at - 1, at + 1, at + 2))
        type_ = pgtypes.type_of(field)
        if type_.name == "bpchar" and blank is not None:
            raise Untranslatable("DuckDB does not ignore blanks at the end", blank.start, "leave them out")
        if type_.name == "enum" and not fallen(field):
            beside = [one.text.lower() for one in (before, behind) if one is not None]
            if _ORDER.intersection(beside) or (behind is not None and behind.is_word("between")):
                raise Untranslatable("DuckDB compares labels by their letters", token.start, "= or in, with the labels")
        elif type_.name in _TEXT and _with_number(solid[max(at - 2, 0) : at], solid[at + 1 : at + 4]):
            raise Untranslatable("DuckDB takes text for numbers here", token.start, "a text: '7'")
        elif not _comparable(field, type_.name) and not _only_text(behind, last):
            raise Untranslatable(
                f"Column {field.name!r} of type {type_.text} cannot be compared over a snapshot as PostgreSQL would",
                token.start,
                f"{field.name}::text, which is PostgreSQL's text, or filter the frame in pandas",
            )


def _comparable(field: pa.Field[Any], name: str) -> bool:
    if fallen(field):
        return name in ("numeric", "money")
    return name in _COMPARABLE and (name != "array" or pa.types.is_list(field.type))


def _only_text(behind: Token | None, last: Token | None) -> bool:
    """Whether the words behind a column ask only whether it is there, or for its text."""
    if behind is None:
        return False
    if behind.kind is Kind.CAST:
        return last is not None and last.text.lower() in ("text", "varchar")
    return behind.is_word("is")


def _with_number(before: Sequence[Token], behind: Sequence[Token]) -> bool:
    """Whether a column is compared with a number that is written beside it, which PostgreSQL refuses for text."""
    for pair in (behind[:2], before[::-1]):
        if [one.kind for one in pair] == [Kind.OPERATOR, Kind.NUMBER] and pair[0].text in _COMPARE:
            return True
    return [one.text.lower() for one in behind[:2]] == ["in", "("] and behind[-1].kind is Kind.NUMBER


def _narrowed(column: Any, type_: Any) -> Any:
    return column if column.type == type_ else column.cast(type_)


def bare(rows: int) -> pa.RecordBatch:
    """Give rows without columns."""
    return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), rows, [None]))
