"""CSV files: a header, then records ended by a line feed; NULL and the empty text are both nothing between commas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import values
from .era import Era
from .query import QueryError, Result

_PIECE = 1 << 18
_QUOTED = re.compile(r'[,"\n\r]')


def field(text: str) -> str:
    """A field, quoted only where it must be."""
    if _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def rows(era: Era, titles: list[str], result: Result) -> Iterator[bytes]:
    """The pieces of a CSV file; the header is sent before any row is read."""
    yield (",".join(map(field, titles)) + "\n").encode("utf-8")
    writers = [values.writer(era, column, "csv") for column in result.columns]
    parts: list[str] = []
    size = 0
    for chunk, count in result.chunks():
        for row in range(count):
            try:
                fields = [field(writer.plain(chunk.get_value(row, index))) for index, writer in enumerate(writers)]
            except QueryError:
                yield "".join(parts).encode("utf-8")
                raise
            text = ",".join(fields) + "\n"
            parts.append(text)
            size += len(text)
            if size > _PIECE:
                yield "".join(parts).encode("utf-8")
                parts, size = [], 0
        if parts and era.streams:
            yield "".join(parts).encode("utf-8")
            parts, size = [], 0
    if parts:
        yield "".join(parts).encode("utf-8")
