"""Cuts the answer to a packed statement into its cells, and proves that all of them came.

A cell's JSON text cannot contain ``{"t":`` (quotes inside a string are escaped), so the separator before it is a safe
place to cut, which ``},{`` alone is not. Nothing here looks into the rows: that is ``unpack.py``'s work, in threads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from ..errors import IncompleteResult, InsightError, ServerUnavailable, UnsupportedServer, sentence
from . import answers, limits
from .packed import END, SETTINGS

_FIRST = b'{"t":'
_HEAD = re.compile(rb'"(-?\d+)","m":(?:null|"([^"]*)"),"n":(?:null|"([^"]*)"),"d":(?:null|(?=("))")')
_LATE = re.compile(rb'\}\s*(?=\{"(?!t":))')
_OBJECT = re.compile(r"[\s,]*(?=\{)")


class Cell(NamedTuple):
    """One cell: branch, the two marks, the rows' text as JSON escapes it (None for NULL), how many rows and bytes."""

    t: int
    m: bytes
    n: bytes
    raw: bytes | None
    rows: int = 0
    size: int = 0


def cells(pieces: Iterable[bytes], where: str) -> Iterator[Cell]:
    """Give the cells of a JSON export in the order of arrival.

    Raises
    ------
    QueryFailed, PermissionDenied
        An error object stands in place of the rows, or behind them.
    IncompleteResult
        The body ends before its ``]``.
    """
    source = iter(pieces)
    data = limits.opening(source, 16, where)
    if data[:1] != b"[":
        raise no_rows(limits.document(source, where, begun=data), where)
    separator = b"},\n" + _FIRST if data[1:2] == b"\n" else b"}," + _FIRST
    first = data[1:].lstrip()
    if not first.startswith(_FIRST):
        raise no_list(limits.document(source, where, begun=data), where)
    rest = yield from _whole(source, first[len(_FIRST) :], separator, where)
    yield _cell(_last(rest, where), where)


def _whole(source: Iterable[bytes], data: bytes, separator: bytes, where: str) -> Generator[Cell, None, bytes]:
    """Give the cells that stand before a separator, and return what stands behind the last one."""
    parts, size = [], 0
    for piece in chain(source, [b""]):
        parts.append(piece)
        size += len(piece)
        if piece and size < len(data):  # a text of many pieces is not copied again for each of them
            continue
        *whole, data = b"".join((data, *parts)).split(separator)
        parts, size = [], 0
        for one in whole:
            yield _cell(one, where)
        limits.check_cell(len(data), where)
    return data


def _last(data: bytes, where: str) -> bytes:
    """Take the list's end off the last cell."""
    end = data.rstrip()
    if end.endswith(b"]") and end[:-1].rstrip().endswith(b"}"):
        cell = end[:-1].rstrip()[:-1]
        text = cell.removesuffix(b'"')
        if cell == text or (len(text) - len(text.rstrip(b"\\"))) % 2 == 0:  # else the quote stands inside a text
            return cell
    late = _LATE.search(data)
    error = answers.late_failure(data[late.end() :].decode("utf-8", "replace"), where) if late else None
    raise error or cut(where, "a body without its end")


def _cell(text: bytes, where: str) -> Cell:
    head = _HEAD.match(text)
    if head is None or (head[4] and not text.endswith(b'"')):
        raise cut(where, "a cell of another shape")
    t, m, n = int(head[1]), head[2] or b"", head[3] or b""
    if not head[4] or head.end() == len(text) - 1:
        return Cell(t, m, n, None)
    if t < 0:  # a row of ours
        return Cell(t, m, n, text[head.end() : -1])
    end = text.rfind(b"\\n", head.end()) + 2
    rows, _, size = text[end:-1].partition(b" ")
    return Cell(t, m, n, text[head.end() : end], _number(rows, where), _number(size, where))


def _number(text: bytes, where: str) -> int:
    """Read a number that the statement wrote."""
    if not (text.isdigit() and len(text) < 19):
        raise cut(where, "a cell of another shape")
    return int(text)


def no_rows(data: bytes, where: str) -> Exception:
    text = data.decode("utf-8", "replace")
    error = answers.late_failure(text, where) if text.lstrip().startswith("{") else None
    if error is not None:
        return error
    if not text.strip():
        return cut(where, "an empty body")
    return ServerUnavailable(
        sentence(
            "This does not answer like Metabase",
            where=where,
            expected="a JSON list of rows",
            got="an HTML page" if text.lstrip().startswith("<") else "another text",
            try_="check the URL",
        )
    )


def no_list(data: bytes, where: str) -> Exception:
    """Say what a body is that should have been a whole list: it breaks off, ends in an error, or is another."""
    with suppress(ValueError):
        return no_rows(data, where) if limits.parsed(data) else cut(where, "an empty list")
    if not data.lstrip().startswith(b"["):
        return no_rows(data, where)
    return _behind_objects(data.decode("utf-8", "replace"), where) or cut(where, "a body without its end")


def _behind_objects(text: str, where: str) -> Exception | None:
    """Find the error object behind the objects of a list, with no comma before it and with nothing behind it."""
    decode, place = json.JSONDecoder().raw_decode, text.index("[") + 1
    with suppress(ValueError, RecursionError):
        while (found := _OBJECT.match(text, place)) is not None:
            node, place = decode(text, found.end())
            if (error := answers.error_in(node, where)) is not None:
                return error
    return None


def cut(where: str, got: str) -> IncompleteResult:
    return IncompleteResult(
        sentence(
            "The answer is not whole",
            where=where,
            expected="every cell and the end of the list",
            got=got,
            try_="ask again; nothing of this answer was used",
        )
    )


# What parsers and type conversions say of a text that nobody would send: no JSON, of another type, too deep, too large.
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    pa.ArrowNotImplementedError,
    pa.ArrowCapacityError,
)


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Within it, what cannot be read is an answer that was damaged on the way; nothing of what it holds is told."""
    try:
        yield
    except InsightError:
        raise
    except _UNREADABLE:
        raise cut(where, "a text that cannot be read") from None


class StaleCatalog(IncompleteResult):
    """A table's columns or its size are no longer what the catalogue said; nothing was read."""


def stale() -> StaleCatalog:
    return StaleCatalog(sentence("A table's columns have changed since the catalogue was read", try_="ask again"))


def grown() -> StaleCatalog:
    return StaleCatalog(sentence("A table has grown a lot since the catalogue was read", try_="ask again"))


@dataclass
class Frame:
    """The first and last row of a packed statement: the server's settings and the proof of the end.

    ``expected`` are the tables' shapes by branch; StaleCatalog if the server's differ. ``styled`` names a column whose
    text follows the session's settings (a composite, a point); UnsupportedServer if these would lose digits or days.
    ``files`` tells by branch in which file the table was found. ``columns`` is the hash of a query's columns. ``more``
    are the branches of rows that a subclass takes.
    """

    more: ClassVar[tuple[int, ...]] = ()
    expected: dict[int, str | None] = field(default_factory=dict)
    styled: str | None = None
    snapshot: str = ""
    now: str = ""
    version_num: int = 0
    started: bool = False
    ended: bool = False
    files: dict[int, str | None] = field(default_factory=dict)
    columns: str | None = None

    def take(self, cell: Cell) -> None:
        """Take note of a settings or end row."""
        if cell.t == SETTINGS and not self.started:
            self.snapshot, self.now = cell.m.decode(), cell.n.decode()
            settings = limits.parsed(limits.parsed(b'"' + (cell.raw or b"{}") + b'"'))
            self.version_num, self.started = settings["version"], True
            self._check_style(settings)
            tables = settings["tables"] or {}
            if any(tables[str(key)][0] != shape for key, shape in self.expected.items()):
                raise stale()
            self.files = {key: tables[str(key)][1] for key in self.expected}
            if self.columns is not None and settings["columns"] != self.columns:
                raise stale()
        elif cell.t == END and not self.ended:
            self.ended = True
        elif cell.t not in self.more:
            raise cut("the packed statement", "a row that was not asked for, or one twice")

    def _check_style(self, settings: dict[str, Any]) -> None:
        exact = settings["digits"] >= (1 if settings["version"] >= 120000 else 3)
        if self.styled is not None and not (exact and settings["DateStyle"].startswith("ISO")):
            raise UnsupportedServer(
                sentence(
                    f"The server's session does not write the values of {self.styled} exactly",
                    expected="DateStyle ISO and extra_float_digits 1 or more (3 before PostgreSQL 12)",
                    got=f"DateStyle {settings['DateStyle']} and extra_float_digits {settings['digits']}",
                    try_="leave this column out, or cast its parts",
                )
            )

    def prove(self, where: str) -> None:
        """Raise IncompleteResult unless both rows came."""
        if not (self.started and self.ended):
            raise cut(where, "no " + ("last row" if self.started else "first row"))
