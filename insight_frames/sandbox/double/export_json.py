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


def _token(writer: values.Writer) -> Callable[[Any], str]:
    if writer.text is None and not writer.bare:
        null, quote = writer.null, values.quote
        return lambda cell: null if cell is None else quote(cell.decode("utf-8"))
    if writer.text is None and writer.bare:
        null = writer.null
        return lambda cell: null if cell is None else cell.decode("ascii")
    return writer.json


def rows(era: Era, titles: list[str], result: Result) -> Iterator[bytes]:
    """The pieces of a JSON file."""
    chosen = order(titles, era.ordered_keys)
    opening, separator, ending = ("[\n", ",\n", "\n]") if era.join_rows else ("[", ",", "]")
    writers = [values.writer(era, column, "json") for column in result.columns]
    keys = [("{" if number == 0 else ",") + values.quote(titles[index]) + ":" for number, index in enumerate(chosen)]
    cells = [(key, index, _token(writers[index])) for key, index in zip(keys, chosen, strict=True)]
    lead, size = opening, 0
    parts: list[str] = []
    for chunk, count in result.chunks():
        value = chunk.get_value
        for row in range(count):
            try:
                tokens = [part for key, index, token in cells for part in (key, token(value(row, index)))]
            except QueryError:
                if parts:
                    yield "".join(parts).encode("utf-8")
                raise
            tokens.append("}" if tokens else "{}")
            text = "".join(tokens)
            parts += (lead, text)
            lead = separator
            size += len(text)
            if size > _PIECE:
                yield "".join(parts).encode("utf-8")
                parts, size = [], 0
        if parts and era.streams:
            yield "".join(parts).encode("utf-8")
            parts, size = [], 0
    parts.append(ending if lead is separator else opening + ending)
    yield "".join(parts).encode("utf-8")
