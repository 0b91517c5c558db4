"""JSON files: one object a row, its keys the columns' titles, where a repeated title overwrites its forerunner.

Rows are joined to large pieces before they are sent, and text goes from PostgreSQL's bytes to JSON's bytes with as
little copying as Python allows, because this is the road that bulk data takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import values
from .clojure import set_order
from .era import Era
from .query import QueryError, Result

_PIECE = 1 << 18  # bytes sent at a time


def order(titles: list[str], kept: int = 8) -> list[int]:
    """Which column's value each key of a row takes, in the order of the keys.

    Of columns with the same title the last one counts. Up to ``kept`` keys stay in order; more come in that of a hash
    map, the same for every row.
    """
    last = {title: index for index, title in enumerate(titles)}
    chosen = list(last)
    if len(chosen) > kept:
        chosen.sort(key=set_order)
    return [last[title] for title in chosen]


_SPECIAL = bytes(code for code in (*range(32), ord("\\")) if code != ord("\n"))


def _quoted(cell: bytes) -> bytes:
    """A text as JSON; most hold nothing to escape but quotes and line ends, and never become Python's text."""
    if len(cell.translate(None, _SPECIAL)) == len(cell):
        return b'"' + cell.replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    return values.quote(cell.decode("utf-8")).encode("utf-8")


def _token(writer: values.Writer) -> Callable[[Any], bytes]:
    if writer.text is None:
        null = writer.null.encode("utf-8")
        if writer.bare:
            return lambda cell: null if cell is None else cell
        return lambda cell: null if cell is None else _quoted(cell)
    return lambda cell: writer.json(cell).encode("utf-8")


def rows(era: Era, titles: list[str], result: Result) -> Iterator[bytes]:
    """The pieces of a JSON file."""
    chosen = order(titles, era.ordered_keys)
    opening, separator, ending = (b"[\n", b",\n", b"\n]") if era.join_rows else (b"[", b",", b"]")
    writers = [values.writer(era, column, "json") for column in result.columns]
    names = [values.quote(titles[index]).encode("utf-8") for index in chosen]
    keys = [(b"{" if number == 0 else b",") + name + b":" for number, name in enumerate(names)]
    cells = [(key, index, _token(writers[index])) for key, index in zip(keys, chosen, strict=True)]
    lead, size = opening, 0
    parts: list[bytes] = []
    for chunk, count in result.chunks():
        value = chunk.get_value
        for row in range(count):
            try:
                tokens = [part for key, index, token in cells for part in (key, token(value(row, index)))]
            except QueryError:
                if parts:
                    yield b"".join(parts)
                raise
            tokens.append(b"}" if tokens else b"{}")
            text = b"".join(tokens)
            parts += (lead, text)
            lead = separator
            size += len(text)
            if size > _PIECE:
                yield b"".join(parts)
                parts, size = [], 0
        if parts and era.streams:
            yield b"".join(parts)
            parts, size = [], 0
    parts.append(ending if lead is separator else opening + ending)
    yield b"".join(parts)
