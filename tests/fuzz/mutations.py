"""Damage to an answer's bytes, made from a seed, and what may come of it.

Nobody can notice a change inside a value that leaves another value of its type. What must hold is that as many rows
and columns come, that a change inside a value changes no other one, and that a change of what stands between values
(quotes, commas, brackets) changes none of other rows than those that it touches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

DIGITS = b"0123456789"
MARKS = b'"\\,:.(){}[]\n nu0'


@dataclass(frozen=True)
class Damage:
    """A changed body, and the bytes of the whole one, ``first`` to before ``last``, outside of which none changed."""

    body: bytes
    first: int
    last: int
    kinds: str


Change = tuple[int, int, bytes]  # what stands from here to there becomes this


def flip(data: bytes, chance: Random) -> Change:
    place = chance.randrange(len(data))
    return place, place + 1, bytes([data[place] ^ (1 << chance.randrange(8))])


def set_mark(data: bytes, chance: Random) -> Change:
    place = chance.randrange(len(data))
    return place, place + 1, bytes([chance.choice(MARKS)])


def delete(data: bytes, chance: Random) -> Change:
    place = chance.randrange(len(data))
    return place, min(len(data), place + _length(chance)), b""


def insert(data: bytes, chance: Random) -> Change:
    place = chance.randrange(len(data) + 1)
    return (
        place,
        place,
        bytes(chance.choice(MARKS) if chance.random() < 0.5 else chance.randrange(256) for _ in range(_length(chance))),
    )


def duplicate(data: bytes, chance: Random) -> Change:
    place = chance.randrange(len(data))
    return place, place, data[place : place + _length(chance)]


def truncate(data: bytes, chance: Random) -> Change:
    return chance.randrange(len(data)), len(data), b""


def splice(data: bytes, chance: Random) -> Change:
    """Put bytes of one place over, or between, those of another."""
    source, place, length = chance.randrange(len(data)), chance.randrange(len(data)), _length(chance)
    return place, min(len(data), place + chance.choice((0, length, _length(chance)))), data[source : source + length]


def swap(data: bytes, chance: Random) -> Change:
    """Exchange two blocks."""
    a, b, c, d = sorted(chance.randrange(len(data) + 1) for _ in range(4))
    if chance.random() < 0.5:
        b, d = min(b, a + 64), min(d, c + 64)
    return a, d, data[c:d] + data[b:c] + data[a:b]


def digit(data: bytes, chance: Random) -> Change:
    """Change a digit, or make a number of it that is longer."""
    place = chance.randrange(len(data))
    found = next((at for at in range(place, len(data)) if data[at] in DIGITS), None)
    if found is None:
        return flip(data, chance)
    return found, found + 1, bytes(chance.choice(DIGITS) for _ in range(chance.choice((1, 1, 1, 2, 25))))


def line(data: bytes, chance: Random) -> Change:
    """Do something to what stands between two like marks: rows, objects, cells."""
    mark = chance.choice((b"\\n", b"},", b",", b'"', b'"c', b'{"t"'))
    places = [at for at in range(len(data)) if data.startswith(mark, at)]
    if len(places) < 3:
        return delete(data, chance)
    start = chance.randrange(len(places) - 1)
    stop = min(len(places) - 1, start + chance.choice((1, 1, 2, 10)))
    a, b, c = places[start], places[stop], chance.choice(places)
    return chance.choice([(a, b, b""), (a, a, data[a:b]), (c, c, data[a:b])])


KINDS: tuple[Callable[[bytes, Random], Change], ...] = (
    flip,
    set_mark,
    delete,
    insert,
    duplicate,
    truncate,
    splice,
    swap,
    digit,
    line,
)


def damage(data: bytes, chance: Random) -> Damage:
    """Make one to three changes."""
    made = Damage(data, len(data), len(data), "")
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if made.body:
            kind = chance.choice(KINDS)
            made = changed(data, made, kind(made.body, chance), kind.__name__)
    return made


def changed(data: bytes, before: Damage, change: Change, kind: str) -> Damage:
    """Make one more change."""
    start, stop, new = change
    first = min(before.first, start)
    behind = len(before.body) - stop  # bytes that are still as they were behind this change, and behind all others
    if before.kinds:
        behind = min(behind, len(data) - before.last)
    first = min(first, len(data) - behind)
    body = before.body[:start] + new + before.body[stop:]
    return Damage(body, first, len(data) - behind, f"{before.kinds}{kind} {start}:{stop} {new[:40]!r}; ")


def _length(chance: Random) -> int:
    return chance.choice((1, 1, 1, 2, 3, 8, chance.randrange(1, 400)))


def wrong(whole: dict[int, pa.Table], got: dict[int, pa.Table], data: bytes, made: Damage) -> str | None:
    """Say what is not right about rows that came of a damaged body; None if nothing is."""
    before, after = data[made.first : made.last], made.body[made.first : len(made.body) - (len(data) - made.last)]
    apart = not any(
        mark in before + after for mark in b'"\\,(){}'
    )  # nothing that parts the values of a row was touched
    touched = 1 if apart else 2 + before.count(b"\\n") + before.count(b"},")
    values = rows = 0
    for key, table in whole.items():
        if got[key].schema != table.schema:
            return "other columns"
        if got[key].num_rows != table.num_rows:
            return f"{got[key].num_rows} rows of {table.num_rows}"
        pairs = zip(table.columns, got[key].columns, strict=True)
        other = [_differing(one, another) for one, another in pairs if not one.equals(another)]
        if other:
            values += sum(int(one.sum()) for one in other)
            rows += int(np.logical_or.reduce(other).sum())
    if (values if apart else rows) <= touched:
        return None
    return f"{values} values of {rows} rows differ, and {touched} {'value' if apart else 'rows'} were touched"


def _differing(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Any:
    return np.array([a != b for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True)])
