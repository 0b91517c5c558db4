"""Turns the rows inside packed cells into record batches, block by block, in threads.

A block is a quarter of a megabyte or more of neighbouring cells, so that no Python object exists per row, and twice
as much where rows are long; threads unpack them while the main one reads on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from ..errors import ValueOutOfRange, sentence
from ..pgtypes import BadValue, Reading
from . import limits
from .cells import Cell, Frame, cells, cut
from .lines import Columns, give_back, rows, unescape
from .tally import Tally
from .threads import in_threads

BLOCK = 1 << 18  # bytes of cells that one thread unpacks at a time: larger ones cost memory and gain no time
BLOCK_COLUMN = 1 << 10  # and as many more for each column, because a column has a cost of its own
FEW = 512  # rows: a block of fewer goes on to twice the bytes, because its columns cost as much as those of more
MANY = 4  # columns of one kind, from which on they are converted together


@dataclass(frozen=True)
class Layout:
    """The columns of one branch: their Arrow fields, how each is read, and which of them are the row's key."""

    label: str
    schema: pa.Schema
    readings: tuple[Reading, ...]
    numbered: bool
    key: tuple[int, ...] = ()

    @cached_property
    def typed(self) -> Columns:
        """How the fields of its lines are read."""
        return Columns([one.csv_type for one in self.readings])

    def finish(self, columns: Sequence[Any]) -> list[Any]:
        """Turn parsed columns into what the stream carries, many that are read alike by one call, for it has a cost.

        BadValue if a value does not fit, but not which: `Reading.parse` tells.
        """
        made = [None if i in self._together else one.finish(columns[i]) for i, one in enumerate(self.readings)]
        for places in self._alike:
            count = len(columns[places[0]])
            whole = self.readings[places[0]].finish(pa.concat_arrays([columns[i] for i in places]))
            for place, i in enumerate(places):
                made[i] = whole.slice(place * count, count)
        return made

    @cached_property
    def _alike(self) -> list[list[int]]:
        """Columns that are read alike, where there are many of a kind."""
        found: dict[Any, list[int]] = {}
        for i, one in enumerate(self.readings):
            if one.csv_type != one.arrow:  # else there is nothing to do, or little
                found.setdefault(one.codec, []).append(i)
        return [places for places in found.values() if len(places) >= MANY]

    @cached_property
    def _together(self) -> frozenset[int]:
        return frozenset(i for places in self._alike for i in places)

    @cached_property
    def styled(self) -> str | None:
        """The first column whose text follows the session's settings."""
        return next(
            (
                f"{self.label}, column {f.name!r}"
                for f, r in zip(self.schema, self.readings, strict=True)
                if r.session_dependent
            ),
            None,
        )


class BadColumn(Exception):
    """One column of a block does not fit its type (internal: becomes ValueOutOfRange, or text)."""

    def __init__(self, column: int, bad: BadValue, key: tuple[Any, ...]) -> None:
        super().__init__(str(bad))
        self.column, self.bad, self.key = column, bad, key


def unpack(data: bytes | pa.Buffer, layout: Layout) -> pa.RecordBatch:
    """Turn one block's rows into a record batch; BadColumn names the first value that does not fit."""
    try:
        table = rows(data, layout.typed)
        if not layout.readings:
            return without_columns(table.num_rows)
        return pa.RecordBatch.from_arrays(layout.finish(table.columns), schema=layout.schema)
    except (pa.ArrowInvalid, BadValue) as error:
        diagnose(data, layout)
        raise error


def without_columns(count: int) -> pa.RecordBatch:
    """Make a record batch of ``count`` rows and no columns, which Arrow counts only if it comes from a struct."""
    return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))


def diagnose(data: bytes | pa.Buffer, layout: Layout) -> None:
    """Read the block again as text and raise BadColumn for the first value that its type cannot hold."""
    table = _as_strings(data, layout)
    for i, one in enumerate(layout.readings):
        try:
            one.parse(table.column(i))
        except BadValue as bad:
            raise BadColumn(i, bad, tuple(table.column(k)[bad.index].as_py() for k in layout.key)) from None


def as_text(data: bytes | pa.Buffer, layout: Layout) -> pa.RecordBatch:
    """Turn a block into a record batch in which every column with a value out of range is PostgreSQL's text."""
    table = _as_strings(data, layout)
    fields, columns = [], []
    for i, one in enumerate(layout.readings):
        strings = table.column(i)
        try:
            columns.append(one.parse(strings))
            fields.append(layout.schema.field(i))
        except BadValue:
            columns.append(one.as_text().parse(strings))
            fields.append(layout.schema.field(i).with_type(pa.string()))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _as_strings(data: bytes | pa.Buffer, layout: Layout) -> pa.RecordBatch:
    return rows(data, Columns([pa.string()] * len(layout.readings)))


@dataclass
class _Block:
    t: int
    raw: list[bytes]
    size: int = 0
    rows: int = 0
    told: int = 0  # bytes, without JSON's escapes

    def is_full(self, size: int) -> bool:
        return self.size >= (size if self.rows >= FEW else 2 * size)


class _Turns:
    """Brings the cells of one branch into the order of their numbers."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._held: dict[int, Cell] = {}
        self._next = self._size = 0

    def take(self, cell: Cell) -> Iterator[Cell]:
        """Give the cells whose turn it is now."""
        self._held[int(cell.n)] = cell
        self._size += len(cell.raw or b"")
        while (ready := self._held.pop(self._next, None)) is not None:
            self._next += 1
            self._size -= len(ready.raw or b"")
            yield ready
        if self._size > limits.HELD:
            raise limits.endless(self._label, f"at most {limits.HELD:,} bytes of cells before their turn")


def _blocks(stream: Iterable[Cell], tallies: dict[int, Tally], frame: Frame, full: dict[int, int]) -> Iterator[_Block]:
    """Gather neighbouring cells of one branch, in the order of their numbers where these have a meaning."""
    turns: dict[int, _Turns] = {}
    block: _Block | None = None
    for cell in stream:
        if cell.t not in tallies:
            frame.take(cell)
            continue
        tally = tallies[cell.t]
        tally.count(cell)
        by_number = tally.numbered and cell.n
        for one in turns.setdefault(cell.t, _Turns(tally.label)).take(cell) if by_number else [cell]:
            if one.raw is None:
                continue
            if block is not None and (block.t != one.t or block.is_full(full[block.t])):
                yield block
                block = None
            block = block or _Block(one.t, [])
            block.raw.append(one.raw)
            block.size += len(one.raw)
            block.rows += one.rows
            block.told += one.size
    if block is not None:
        yield block


def read_cells(
    pieces: Iterable[bytes], where: str, layouts: dict[int, Layout], frame: Frame, *, lenient: bool = False
) -> Generator[tuple[int, pa.RecordBatch], None, None]:
    """Give ``(branch, record batch)`` for the answer to a packed statement, and end only if it was proven whole.

    Parameters
    ----------
    pieces : iterable of bytes
        The body of the JSON export.
    layouts : dict
        Branch to its columns.
    frame : Frame
        Filled with what the statement's first and last row say.
    lenient : bool
        Give a column as text from the block on in which a value does not fit; otherwise raise ValueOutOfRange.
    """
    yield from read_rows_of(cells(pieces, where), where, layouts, frame, lenient=lenient)


def read_rows_of(
    stream: Iterable[Cell],
    where: str,
    layouts: dict[int, Layout],
    frame: Frame,
    *,
    lenient: bool = False,
    plain: Callable[[bytes], bytes | pa.Buffer] = unescape,
) -> Generator[tuple[int, pa.RecordBatch], None, None]:
    """As :func:`read_cells`, of cells that have been cut apart; ``plain`` takes off in what their rows are wrapped."""
    tallies = {t: Tally(one.label, one.numbered) for t, one in layouts.items()}
    full = {t: BLOCK + BLOCK_COLUMN * len(one.readings) for t, one in layouts.items()}
    frame.styled = next((one.styled for one in layouts.values() if one.styled), None)

    def work(block: _Block) -> tuple[int, pa.RecordBatch | BadColumn]:
        layout = layouts[block.t]
        data = plain(b"".join(block.raw))
        if len(data) != block.told:
            raise cut(where, f"{len(data)} bytes of rows in place of {block.told}")
        try:
            made = unpack(data, layout)
        except BadColumn as error:
            if not lenient:
                return block.t, error
            made = as_text(data, layout)
        if made.num_rows != block.rows:
            raise cut(where, f"{made.num_rows} rows in place of {block.rows}")
        give_back(len(layout.readings))
        return block.t, made

    with closing(in_threads(work, _blocks(stream, tallies, frame, full))) as landed:
        for t, made in landed:
            if isinstance(made, BadColumn):
                raise out_of_range(layouts[t], made, tallies[t].rows)
            tallies[t].rows += made.num_rows
            yield t, made
    frame.prove(where)
    for tally in tallies.values():
        tally.prove()


def out_of_range(layout: Layout, error: BadColumn, rows_before: int) -> ValueOutOfRange:
    """Say which column and row holds a value that its type cannot hold; the value itself is on ``err.value``."""
    field, type_ = layout.schema.field(error.column), layout.readings[error.column].type
    row = rows_before + error.bad.index + 1
    key = {layout.schema.field(k).name: value for k, value in zip(layout.key, error.key, strict=True)}
    return ValueOutOfRange(
        sentence(
            f"A value does not fit its type: {error.bad.why}",
            where=f"{layout.label}, column {field.name!r}, row {row}, type {type_.text}",
            try_='out_of_range="text" reads such columns as PostgreSQL\'s text; the value is on err.value',
        ),
        value=error.bad.text,
        row_key=key or None,
        table=layout.label,
        column=field.name,
        row=row,
        type=type_.text,
    )
