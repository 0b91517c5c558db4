"""The plain path: one JSON object per row, for servers where packing does not work.

A row is two texts: ``d`` has what needs no quotes (numbers, hex digits, truths), parted by commas, and in the place of
each text its bytes; ``t`` has the texts themselves, one behind the other, so that no sign in them is ever looked at.
Rows carry their number, their length and whether another follows, so that a row cap is noticed, and a value that was
cut; NULL is a length that is missing, because some servers write NULL as an empty text.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from ..errors import IncompleteResult, sentence
from ..pgtypes import BadValue, Reading
from .cells import cut, stale
from .lengths import OtherLength, by_length, within
from .lines import converted, give_back, pool
from .objects import blocks, texts
from .packed import ALIAS, octets, reference
from .parts import Parts
from .threads import in_threads
from .unpack import BadColumn, Layout, out_of_range, without_columns

NONE = "none"  # no digit changed on the way makes a row of it, or it of a row

BLOCK = 1 << 20  # bytes of the body that one thread reads at a time

_ARGUMENTS = 100  # the most that a function of PostgreSQL takes
_TENS = 10 ** np.arange(1, 19)  # from each of them on a number has a digit more


def statement(source: str, readings: Sequence[Reading], *, offset: int = 0, shape: str = "null") -> tuple[str, int]:
    """Give the SQL that sends any query's rows one by one, and where the user's own text begins in it.

    Before the first row stands ``shape``: the SQL of a hash of the columns, because what was read of them earlier must
    hold still; "none" in the place of a row says that there is none. In a row, its number and 1 if another follows
    stand before the values, and how many characters these are behind them.
    """
    names = [f"c{i}" for i in range(len(readings))]
    aliases = f"({','.join(names)})" if names else ""
    values = "".join(f",{_value(one, i)} as c{i}" for i, one in enumerate(readings))
    fields = [name if one.bare else octets(name) for name, one in zip(names, readings, strict=True)]
    long = [name for name, one in zip(names, readings, strict=True) if not one.bare]
    row = ",".join(["0", "n", "e", *fields, "0"])
    head = (
        f"select concat(case when coalesce(s.n,1)=1 then concat({shape},' ') end,"
        f"coalesce(s.d||','||length(s.d),'{NONE}'),E'\\n') as d{', s.t as t' if long else ''}\n"
        f"from (select) o left join (\n"
        f" select n, row({row})::text as d{f', {_together(long)} as t' if long else ''} from (\n"
        f" select row_number() over () as n, lead(1) over () as e{values}\n from (\n"
    )
    return f"{head}{source}\n ) {ALIAS}{aliases}) r) s on true", len(head) + offset


def _value(reading: Reading, place: int) -> str:
    value = f"({reading.expression(reference(place))})"
    return value if reading.bare else f"{value}::text"


def _together(names: Sequence[str]) -> str:
    """Write the texts one behind the other."""
    groups = [names[start : start + _ARGUMENTS] for start in range(0, len(names), _ARGUMENTS)]
    written = [f"concat({','.join(one)})" for one in groups]
    return written[0] if len(written) == 1 else _together(written)


@dataclass(frozen=True)
class Marks:
    """What a block's marks say: the number of its first row (0: there are none), and whether no row follows it."""

    start: int
    ended: bool
    shape: str | None


def read_rows(
    pieces: Iterable[bytes], where: str, layout: Layout, shape: str | None = None
) -> Generator[tuple[int, pa.RecordBatch], None, None]:
    """Give record batches of a plain export, and end only if it was proven whole; StaleCatalog for another shape."""
    work = partial(_read, form=Form(layout), where=where)
    count, ended = 0, False
    with closing(in_threads(work, enumerate(blocks(pieces, where, BLOCK)))) as landed:
        for marks, made in landed:
            if ended or marks.start != (count + 1 if marks.start else count):
                raise _incomplete(layout.label, "rows out of order")
            if marks.shape is not None and shape not in (None, marks.shape):
                raise stale()
            ended = marks.ended
            if isinstance(made, BadColumn):
                raise out_of_range(layout, made, count)
            if made is not None:
                count += made.num_rows
                yield 0, made
    if not ended:
        raise _incomplete(layout.label, f"{count} rows without an end mark (a row cap of the server?)")


class Form:
    """How the rows of a layout are written: which of their values are texts, and how the lines are read."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        bare = [one.bare for one in layout.readings]
        self.long = [i for i, one in enumerate(bare) if not one]
        self.keys = pa.schema([(name, pa.string()) for name in ("d", *(["t"] if self.long else []))])
        self._names = [str(i) for i in range(len(bare))]
        self._parted = pacsv.ParseOptions(quote_char=False, escape_char=False, newlines_in_values=False)
        self._typed = self._converted([one.csv_type if one.bare else pa.int64() for one in layout.readings])
        self._texts = self._converted([pa.string() if one else pa.int64() for one in bare])

    def _converted(self, types: Sequence[pa.DataType]) -> pacsv.ConvertOptions:
        marks: dict[str, pa.DataType] = dict.fromkeys(("n", "e", "size"), pa.int64())
        return converted({**marks, **dict(zip(self._names, types, strict=True))})

    def columns(self, read: Mapping[str, pa.Array], long: Sequence[pa.StringArray]) -> list[pa.Array]:
        """Give the columns in their order: what stands in the lines, and the texts in the place of their lengths."""
        places = dict(zip(self.long, long, strict=True))
        return [places[i] if i in places else read[name] for i, name in enumerate(self._names)]

    def lines(self, data: pa.Buffer, *, typed: bool) -> dict[str, pa.Array]:
        """Read the lines of ``d``; ArrowInvalid for others, and where a value does not fit its type if ``typed``."""
        names = ["first", "n", "e", *self._names, "last", "size"]
        reader = pacsv.open_csv(
            data,
            read_options=pacsv.ReadOptions(column_names=names, use_threads=False, block_size=data.size + 1),
            parse_options=self._parted,
            convert_options=self._typed if typed else self._texts,
            memory_pool=pool(len(self._names)),
        )
        read = reader.read_all()
        return {name: column.chunk(0) for name, column in zip(read.column_names, read.columns, strict=True)}


def _read(numbered: tuple[int, Parts], form: Form, where: str) -> tuple[Marks, pa.RecordBatch | BadColumn | None]:
    """Take one block apart: its marks, and its rows or the first value that does not fit."""
    place, block = numbered
    try:
        return _proven(texts(block, form.keys), not place, form)
    except pa.ArrowInvalid:
        raise cut(where, "rows of another shape") from None
    finally:
        give_back(len(form.layout.readings))


def _proven(
    given: Sequence[pa.StringArray], first: bool, form: Form
) -> tuple[Marks, pa.RecordBatch | BadColumn | None]:
    lines, label = given[0], form.layout.label
    offsets, data = within(lines)
    begin = data[int(offsets[0]) : int(offsets[1])].to_pybytes()
    before, row, _ = begin.partition(b"(")
    shape = before.decode("utf-8", "replace").rpartition(" ")[0] if first else None
    if not row and len(lines) == 1 and begin.endswith(f"{NONE}\n".encode()):
        return Marks(0, True, shape), None
    text = data[int(offsets[0]) : int(offsets[-1])]
    try:
        read, typed = form.lines(text, typed=True), True
    except pa.ArrowInvalid:
        read, typed = form.lines(text, typed=False), False
    sizes = np.diff(offsets)
    sizes[0] -= len(before) if first else 0
    marks = _marks(read, sizes, label, shape)
    try:
        long = by_length([read[str(i)] for i in form.long], given[1]) if form.long else []
    except OtherLength:
        raise _incomplete(label, "values of another length") from None
    return marks, _batch(form, read, long, text, typed)


def _marks(read: Mapping[str, pa.Array], sizes: Any, label: str, shape: str | None) -> Marks:
    """Prove that a block's rows are whole, consecutive, and each but the last of all followed by another."""
    numbers, told, count = read["n"], read["size"], len(sizes)
    if len(numbers) != count or numbers.null_count or told.null_count:
        raise _incomplete(label, "rows of another shape")
    told = told.to_numpy()
    around = np.searchsorted(_TENS, told, side="right") + 3  # the digits of the length, a comma, a line's end
    if not np.array_equal(told + around, sizes):
        raise _incomplete(label, "values of another length")
    start = numbers[0].as_py()
    if start < 1 or not np.array_equal(numbers.to_numpy(), np.arange(start, start + count)):
        raise _incomplete(label, "rows out of order")
    ended = not read["e"][count - 1].is_valid
    if read["e"].null_count != ended:
        raise _incomplete(label, "an end mark before the last row")
    return Marks(start, ended, shape)


def _batch(
    form: Form, read: Mapping[str, pa.Array], long: Sequence[pa.StringArray], text: pa.Buffer, typed: bool
) -> pa.RecordBatch | BadColumn:
    layout, columns = form.layout, form.columns(read, long)
    if not layout.readings:
        return without_columns(len(read["n"]))
    if typed:
        with suppress(BadValue):
            return pa.RecordBatch.from_arrays(layout.finish(columns), schema=layout.schema)
        columns = form.columns(form.lines(text, typed=False), long)  # as text, of which value and key are told
    made = []
    for i, one in enumerate(layout.readings):
        try:
            made.append(one.parse(columns[i]))
        except BadValue as bad:
            return BadColumn(i, bad, tuple(columns[k][bad.index].as_py() for k in layout.key))
    return pa.RecordBatch.from_arrays(made, schema=layout.schema)


def _incomplete(label: str, got: str) -> IncompleteResult:
    return IncompleteResult(
        sentence(
            f"{label} did not arrive whole",
            expected="each row once and in order, and the end mark",
            got=got,
            try_="ask again with a narrower question; nothing of this answer was used",
        )
    )
