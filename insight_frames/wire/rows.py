"""The plain path: one JSON object per row, every column cast to text, for servers where packing does not work.

Each value travels behind a dot, because some servers write NULL as an empty text; the dot tells '' and NULL apart and
shows that a value arrived untouched. Rows carry their number, their length and whether another follows, so that a row
cap is noticed, and a value that was cut.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import IncompleteResult, sentence
from ..pgtypes import BadValue
from .cells import cut, stale
from .objects import Block, Form, blocks
from .packed import ALIAS
from .unpack import BadColumn, Layout, assemble, in_threads, out_of_range, without_columns
from .values import Changed, OtherForm

NONE = "none"  # no digit changed on the way makes a row of it, or it of a row
_NOTHING = pa.array([], pa.string())  # added to a text column, makes it one of its own, not a part of its block's

BLOCK = 1 << 20  # bytes of the body that one thread reads at a time
BLOCK_COLUMN = 16 << 10  # and as many more for each column, because a column has a cost of its own


@dataclass(frozen=True)
class Marks:
    """What a block's marks say: the number of its first row (0: there are none), each row's length, whether it ends."""

    start: int
    lengths: np.ndarray[Any, np.dtype[np.int64]]
    ended: bool
    shape: str | None


def statement(source: str, expressions: Sequence[str], *, offset: int = 0, shape: str = "null") -> tuple[str, int]:
    """Give the SQL that sends any query's rows one by one as text, and where the user's own text begins in it.

    Before each row's number ("none" in the one row that says there are none) stands, in the first row, ``shape``: the
    SQL of a hash of the columns, because what was read of them earlier must hold still. Behind it stands how many
    characters the row's values have, and a dot if a row follows.
    """
    names = [f"c{i}" for i in range(len(expressions))]
    aliases = f"({','.join(names)})" if names else ""
    values = "".join(f", '.'||({one})::text as {name}" for one, name in zip(expressions, names, strict=True))
    length = "+".join(f"coalesce(length(s.{name}),0)" for name in names) or "0"
    number = f"coalesce(s.n||':'||({length}),'{NONE}')"
    mark = f"concat(case when coalesce(s.n,1)=1 then concat({shape},' ') end,{number},s.e) as n"
    head = (
        f"select {','.join([mark, *(f's.{name}' for name in names)])} from (select) o left join (\n"
        f" select row_number() over () as n, lead('.'::text) over () as e{values}\n from (\n"
    )
    return f"{head}{source}\n ) {ALIAS}{aliases}) s on true", len(head) + offset


def read_rows(
    pieces: Iterable[bytes], where: str, layout: Layout, shape: str | None = None
) -> Generator[tuple[int, pa.RecordBatch], None, None]:
    """Give record batches of a plain export, and end only if it was proven whole; StaleCatalog for another shape."""
    form = Form(("n", *(f"c{i}" for i in range(len(layout.readings)))))
    size = BLOCK + BLOCK_COLUMN * len(layout.readings)
    work = partial(_read, form=form, layout=layout, where=where)
    count, ended = 0, False
    with closing(in_threads(work, blocks(pieces, where, size))) as landed:
        for marks, made in landed:
            if ended or marks.start != (count + 1 if marks.start else count):
                raise _incomplete(layout.label, "rows out of order")
            if marks.shape is not None and shape not in (None, marks.shape):
                raise stale()
            ended = marks.ended
            if isinstance(made, BadColumn):
                raise out_of_range(layout, made, count)
            if marks.start:
                count += len(marks.lengths)
                yield 0, made
    if not ended:
        raise _incomplete(layout.label, f"{count} rows without an end mark (a row cap of the server?)")


def _read(block: Block, form: Form, layout: Layout, where: str) -> tuple[Marks, pa.RecordBatch | BadColumn]:
    """Take one block apart: its marks, and its rows or the first value that does not fit."""
    try:
        texts, columns, lengths = form.texts(block)
    except OtherForm:
        raise cut(where, "rows of another shape") from None
    except Changed:
        raise _incomplete(layout.label, "values that were changed on the way") from None
    marks = _marks(texts, block.first, layout.label)
    if not np.array_equal(marks.lengths, lengths):
        raise _incomplete(layout.label, "values of another length")
    if not (marks.start and columns):
        return marks, without_columns(len(texts))
    return marks, _batch(columns, layout)


def _marks(texts: pa.StringArray, first: bool, label: str) -> Marks:
    """Read a block's marks and check that they are consecutive."""
    count = len(texts)
    begin = texts[0].as_py()
    shape, _, mark = begin.rpartition(" ") if first else (None, "", begin)
    if mark == NONE and count == 1:
        return Marks(0, np.zeros(1, np.int64), True, shape)
    if first:
        texts = pa.concat_arrays([pa.array([mark]), texts[1:]])
    followed, last = texts[:-1], texts[-1].as_py()
    if pc.ends_with(followed, ".").true_count != count - 1:
        raise _incomplete(label, "an end mark before the last row")
    plain = pa.concat_arrays([pc.utf8_slice_codeunits(followed, 0, -1), pa.array([last.removesuffix(".")])])
    parts = pc.split_pattern(plain, ":")
    if pc.min_max(pc.list_value_length(parts)).as_py() != {"min": 2, "max": 2}:
        raise _incomplete(label, "rows of another shape")
    numbers = pc.cast(parts.flatten(), pa.int64()).to_numpy().reshape(count, 2)
    start = int(numbers[0, 0])
    if start < 1 or not np.array_equal(numbers[:, 0], np.arange(start, start + count)):
        raise _incomplete(label, "rows out of order")
    return Marks(start, numbers[:, 1], not last.endswith("."), shape)


def _batch(texts: Sequence[pa.StringArray], layout: Layout) -> pa.RecordBatch | BadColumn:
    columns = []
    for i, (one, strings) in enumerate(zip(layout.readings, texts, strict=True)):
        try:
            made = one.parse(strings)
            columns.append(pa.concat_arrays([made, _NOTHING]) if made is strings else made)
        except BadValue as bad:
            return BadColumn(i, bad, tuple(texts[k][bad.index].as_py() for k in layout.key))
    return assemble(layout.schema, columns)


def _incomplete(label: str, got: str) -> IncompleteResult:
    return IncompleteResult(
        sentence(
            f"{label} did not arrive whole",
            expected="each row once and in order, and the end mark",
            got=got,
            try_="ask again with a narrower question; nothing of this answer was used",
        )
    )
