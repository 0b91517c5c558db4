"""How a table or a query is read: which columns, which form of packed statement, in how many pieces.

All decisions are made from the catalogue before anything is sent, and they are pure functions, so that a test can ask
why a table takes the path it takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from .. import pgtypes, sql
from ..catalog import Column, Table
from ..errors import IncompleteResult, PermissionDenied, sentence
from ..question import Numbers, OutOfRange, Question
from ..wire import packed
from ..wire.unpack import Layout

CTID_SINCE = 140000  # PostgreSQL version from which a ctid range is scanned as a range
BLOCK_SIZE = 8192  # the page size that form C's slices are made for
TEXT_PER_BYTE = 2  # packed text per byte on disk, generously


@dataclass(frozen=True)
class Source:
    """A query text that form N or the plain path can wrap, with what an error's position needs."""

    text: str
    rendered: sql.Rendered | None = None
    offset: int = 0  # where the user's own text begins in ``text``
    original: str = ""  # the user's own text, as written


@dataclass(frozen=True)
class TablePlan:
    """How a question about a table is answered; the same again for as long as the catalogue has this very table."""

    table: Table
    columns: tuple[Column, ...]
    layout: Layout
    source: Source
    branch: packed.Branch | None  # None: form C in ranges of pages
    shape: tuple[str, str | None]  # the SQL of the hash of the table's columns, and what it must be

    @classmethod
    def make(
        cls, table: Table, columns: tuple[Column, ...], question: Question, *, small: bool, pages: bool, doubled: bool
    ) -> TablePlan:
        """Read a ``small`` table in one cell, one by ``pages`` in its ranges, all else row by row."""
        how = layout(question.label, columns, question, numbered=not (small or pages), key=table.key or ())
        source = table_source(table, columns, question, doubled=doubled)
        branch = None
        if small:
            branch = whole_branch(0, table, columns, how)
        elif not pages:
            branch = numbered_branch(0, source, how)
        return cls(table, columns, how, source, branch, (packed.shape(table.schema, table.name), table.shape))


def wanted_columns(table: Table, question: Question) -> tuple[Column, ...]:
    """Give the columns asked for, in the order asked; PermissionDenied if one of them may not be read."""
    names = question.columns
    columns = table.columns if names is None else tuple(table.column(one) for one in names)
    if not table.select:
        closed = [one.name for one in columns if not one.readable]
        if closed or not columns:
            what = f"column {closed[0]!r}" if columns and len(closed) < len(columns) else "any column"
            raise PermissionDenied(
                sentence(
                    f"This account may not read {what} of {table.schema}.{table.name}",
                    try_="columns=[...] without it" if len(closed) < len(columns) else "ask for the right to read it",
                )
            )
    return columns


def layout(
    label: str, columns: Sequence[Column], question: Question, *, numbered: bool, key: Sequence[str] = ()
) -> Layout:
    """Decide how each column is read."""
    schema, readings = _readings(tuple(columns), question.numbers, question.out_of_range)
    places = {one.name: i for i, one in enumerate(columns)}
    keyed = tuple(places[one] for one in key if one in places)
    return Layout(label, schema, readings, numbered, keyed)


@lru_cache(256)  # the same table is read again and again, and a small one costs little more than this
def _readings(
    columns: tuple[Column, ...], numbers: Numbers, out_of_range: OutOfRange
) -> tuple[pa.Schema, tuple[pgtypes.Reading, ...]]:
    readings, fields = [], []
    for one in columns:
        type_ = pgtypes.pg_type(one.type, typtype=one.typtype, base=one.base, element=one.element, labels=one.labels)
        reading = pgtypes.reading(type_, numbers=numbers, out_of_range=out_of_range)
        readings.append(reading)
        fields.append(pgtypes.field(one.name, reading, nullable=one.nullable, comment=one.comment))
    return pa.schema(fields), tuple(readings)


def by_pages(table: Table, settings: Mapping[str, Any]) -> bool:
    """Whether form C may read it: a plain heap, readable as a whole, on a server that scans ctid ranges."""
    return (
        table.kind in ("table", "materialized view")
        and table.heap
        and table.select
        and not table.inherited
        and table.only is None
        and int(settings.get("version_num", 0)) >= CTID_SINCE
        and settings.get("block_size") == BLOCK_SIZE
    )


def in_one_cell(table: Table) -> bool:
    """Whether a table that is read as it stands is so small, and so much its own, that one cell may take its rows."""
    return (
        table.kind in ("table", "materialized view")
        and table.select
        and not table.inherited
        and table.only is None
        and table.bytes <= packed.WHOLE // 2  # room to grow, before the catalogue has to be asked for again
    )


def table_source(table: Table, columns: Sequence[Column], question: Question, *, doubled: bool = False) -> Source:
    """Write the select over a table with its condition, order and limit.

    ``doubled`` is whether the server wants an operator's ``?`` as ``??``.
    """
    names = ",".join(f"t.{sql.identifier(one.name)}" for one in columns)
    text = f"select {names} from {sql.qualified(table.schema, table.name)} t"
    rendered, offset = None, 0
    if table.only is not None:
        text = f"select * from ({text} where {table.only}) t"
    if question.where is not None:
        rendered = sql.condition(question.where, question.params, double_question_marks=doubled)
        text += " where (\n"
        offset = len(text)
        text += rendered.text + "\n)"
    if question.order_by:
        order = [
            f"t.{sql.identifier(_ordering(table, name))}{' desc' if down else ''}" for name, down in question.order_by
        ]
        text += f" order by {', '.join(order)}"
    if question.limit is not None:
        text += f" limit {question.limit}"
    return Source(text, rendered, offset, question.where or "")


def _ordering(table: Table, name: str) -> str:
    """Find the column to sort by; blanks around a name are its own only if there is such a column."""
    known = {one.name for one in table.columns}
    return table.column(name if name in known else name.strip()).name


def numbered_branch(key: int, source: Source, columns: Layout) -> packed.Branch:
    """Form N over any query text."""
    count = len(columns.readings)
    expressions = [one.expression(packed.reference(i)) for i, one in enumerate(columns.readings)]
    return packed.numbered(key, source.text, count, expressions, offset=source.offset)


def page_branch(
    key: int, table: Table, columns: Sequence[Column], how: Layout, first: int = 0, last: int | None = None
) -> packed.Branch:
    """Form C over a table, or over a range of its pages."""
    return packed.pages(key, table.schema, table.name, _over_table(columns, how), first=first, last=last)


def whole_branch(key: int, table: Table, columns: Sequence[Column], how: Layout) -> packed.Branch:
    """Form C over a small table, in one cell."""
    return packed.whole(key, table.schema, table.name, _over_table(columns, how))


def _over_table(columns: Sequence[Column], how: Layout) -> list[str]:
    named = zip(how.readings, columns, strict=True)
    return [reading.expression(f"t.{sql.identifier(one.name)}") for reading, one in named]


def page_ranges(table: Table, most: int) -> Iterator[tuple[int, int | None]]:
    """Cut a table into ranges of pages whose packed text stays below ``most`` bytes; the last range is open."""
    text = table.bytes * TEXT_PER_BYTE
    parts = max(1, -(-text // most))
    step = max(1, -(-table.pages // parts))
    for first in range(0, max(1, table.pages), step):
        yield first, None if first + step >= table.pages else first + step


def described(rows: Sequence[Mapping[str, str | None]]) -> tuple[tuple[Column, ...], str]:
    """Make columns, and their hash, of what :func:`packed.describe` answered; IncompleteResult unless all came."""
    told = sorted(rows, key=lambda one: int(one["i"] or 0))
    numbers = [int(one["i"] or 0) for one in told]
    if not told or numbers != list(range(-1, len(told) - 1)) or told[0]["name"] != str(len(told) - 1):
        raise IncompleteResult(
            sentence(
                "The description of the query's columns did not arrive whole",
                expected="each column once, and how many there are",
                got=f"{len(told)} rows",
                try_="ask again",
            )
        )
    columns = tuple(
        Column(
            name=one["name"] or "",
            type=one["type"] or "text",
            number=number + 1,
            typtype=one["typtype"] or "b",
            base=one["base"] or None,
            element=one["element"] or None,
            element_typtype=one["element_typtype"] or None,
            labels=tuple(json.loads(one["labels"] or "[]")),
        )
        for number, one in enumerate(told[1:])
    )
    return columns, told[0]["type"] or ""
