"""How much is taken from a server that does not come to an end, and reading JSON whatever it holds.

No answer is trusted to be small because it should be. The limits lie far above what PostgreSQL and Metabase can be
brought to send, and far below what a computer has of memory: who meets one asks a server that is broken or hostile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import IncompleteResult, ServerUnavailable, sentence

DOCUMENT = 1 << 24  # bytes of a login, the server's settings, its list of databases, an error
LISTING = 1 << 26  # bytes of a catalogue, or of a query's columns: about 400,000 columns
CELL = 1 << 27  # bytes of one cell or row, which holds 300 rows or about 32 KB of pages; larger only by one huge value
CELLS = 1 << 22  # cells of one table or query: over 100 GB
HELD = 1 << 26  # bytes of cells that came before their turn
BLANK = 1 << 16  # bytes of white space before an answer


def document(pieces: Iterable[bytes], where: str, most: int | None = None, begun: bytes = b"") -> bytes:
    """Put the pieces of a small answer together behind what has begun; ServerUnavailable if it does not end."""
    most = DOCUMENT if most is None else most
    parts, size = [begun], len(begun)
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise ServerUnavailable(
                sentence(
                    "The answer is too long for what it should be",
                    where=where,
                    expected=f"at most {most:,} bytes",
                    got="more",
                    try_="check the URL",
                )
            )
        parts.append(piece)
    return b"".join(parts)


def opening(source: Iterator[bytes], least: int, where: str) -> bytes:
    """Take so many bytes from the beginning of an answer, or what there is; white space before it does not count."""
    data, blanks = b"", 0
    while len(data) < least and (piece := next(source, b"")):
        blanks += 0 if data else len(piece)
        data = (data + piece).lstrip()
        if not data and blanks > BLANK:
            raise endless(where, f"at most {BLANK:,} bytes of white space before it")
    return data


def check_cell(size: int, where: str) -> None:
    """IncompleteResult if this many bytes have come of one cell or row and its end has not."""
    if size > CELL:
        raise endless(where, f"at most {CELL:,} bytes in a cell", "columns=[...] without the column of huge values")


def endless(where: str, expected: str, try_: str = "ask again; nothing of this answer was used") -> IncompleteResult:
    """Say that an answer does not end where it should."""
    return IncompleteResult(sentence("The answer does not end", where=where, expected=expected, got="more", try_=try_))


def parsed(text: str | bytes) -> Any:
    """Read JSON; ValueError also for what is nested too deeply to be read.

    >>> parsed("[" * 100_000)
    Traceback (most recent call last):
    ValueError: nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
