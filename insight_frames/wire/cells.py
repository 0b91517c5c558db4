"""Cuts the answer to a packed statement into its cells, and proves that all of them came.

A cell's JSON text cannot contain ``{"t":`` (quotes inside a string are escaped), so the separator before it is a safe
place to cut, which ``},{`` alone is not. Nothing here looks into the rows: that is ``unpack.py``'s work, in threads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import IncompleteResult, InsightError, ServerUnavailable, UnsupportedServer, sentence
from . import answers
from .packed import END, ROWS_PER_CELL, SETTINGS

_FIRST = b'{"t":'
_HEAD = re.compile(rb'"(-?\d+)","m":(?:null|"([^"]*)"),"n":(?:null|"([^"]*)"),"d":(?:null|(?=("))")')
_LATE = re.compile(rb'\}\s*(?=\{"(?!t":))')


class Cell(NamedTuple):
    """One cell: branch, the two marks, and the rows' text still escaped as JSON (None for NULL)."""

    t: int
    m: bytes
    n: bytes
    raw: bytes | None


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
    data = b""
    while len(data.lstrip()) < 16:
        piece = next(source, b"")
        if not piece:
            break
        data += piece
    data = data.lstrip()
    if data[:1] != b"[":
        raise no_rows(data + b"".join(source), where)
    separator = b"},\n" + _FIRST if data[1:2] == b"\n" else b"}," + _FIRST
    first = data[1:].lstrip()
    if not first.startswith(_FIRST):
        raise no_list(data + b"".join(source), where)
    data = first[len(_FIRST) :]
    for piece in source:
        *whole, data = (data + piece).split(separator)
        for one in whole:
            yield _cell(one, where)
    *whole, data = data.split(separator)
    for one in whole:
        yield _cell(one, where)
    yield _cell(_last(data, where), where)


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
    raw = text[head.end() : -1] if head[4] else None
    return Cell(int(head[1]), head[2] or b"", head[3] or b"", raw or None)


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
        return no_rows(data, where) if json.loads(data) else cut(where, "an empty list")
    if not data.lstrip().startswith(b"["):
        return no_rows(data, where)
    for place in re.finditer(rb'[}\[]\s*(?=\{")', data):
        error = answers.late_failure(data[place.end() :].decode("utf-8", "replace"), where)
        if error is not None:
            return error
    return cut(where, "a body without its end")


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


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Within it, what cannot be read is an answer that was damaged on the way; nothing of what it holds is told."""
    try:
        yield
    except InsightError:
        raise
    except (ValueError, LookupError, TypeError):
        raise cut(where, "a text that cannot be read") from None


@dataclass
class Tally:
    """What has come of one branch, and whether that is all of it."""

    label: str
    numbered: bool
    seen: set[int] = field(default_factory=set)
    announced: int | None = None
    ended: bool = False
    empty: bool = False
    rows: int = 0

    def count(self, cell: Cell) -> None:
        """Take note of one cell; IncompleteResult if it came twice or contradicts another."""
        if self.numbered and not cell.n:
            self.empty = True
            return
        number = int(cell.n)
        if number in self.seen:
            raise self._wrong(f"cell {number} twice")
        self.seen.add(number)
        if self.numbered:
            self.ended = self.ended or (cell.raw or b"").endswith(b",)\\n")
            return
        announced = int(cell.m)
        if self.announced not in (None, announced):
            raise self._wrong("two different numbers of cells")
        self.announced = announced

    def prove(self) -> None:
        """Raise IncompleteResult unless every row of the branch is there."""
        if not self.numbered:
            if len(self.seen) != self.announced:
                raise self._wrong(f"{len(self.seen)} of {self.announced or 'an unknown number of'} cells")
            return
        if self.empty:
            if self.seen:
                raise self._wrong("rows and the mark of none")
            return
        count = len(self.seen)
        if not count or max(self.seen) != count - 1:
            raise self._wrong(f"{count} cells with gaps")
        if not self.ended:
            raise self._wrong("no end mark behind the last row")
        if not ROWS_PER_CELL * (count - 1) < self.rows <= ROWS_PER_CELL * count:
            raise self._wrong(f"{self.rows} rows in {count} cells")

    def _wrong(self, got: str) -> IncompleteResult:
        return IncompleteResult(
            sentence(
                f"{self.label} did not arrive whole",
                expected="each cell once, and the end mark",
                got=got,
                try_="ask again; nothing of this answer was used",
            )
        )


class StaleCatalog(IncompleteResult):
    """A table's columns are no longer what the catalogue said; nothing was read."""


def stale() -> StaleCatalog:
    return StaleCatalog(sentence("A table's columns have changed since the catalogue was read", try_="ask again"))


@dataclass
class Frame:
    """The first and last row of a packed statement: the server's settings and the proof of the end.

    ``expected`` are the tables' shapes by branch; StaleCatalog if the server's differ. ``styled`` names a column whose
    text follows the session's settings (a composite, a point); UnsupportedServer if these would lose digits or days.
    ``files`` tells by branch in which file the table was found. ``columns`` is the hash of a query's columns.
    """

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
        if cell.t == SETTINGS:
            self.snapshot, self.now = cell.m.decode(), cell.n.decode()
            settings = json.loads(json.loads(b'"' + (cell.raw or b"{}") + b'"'))
            self.version_num, self.started = settings["version"], True
            self._check_style(settings)
            tables = settings["tables"] or {}
            if any(tables[str(key)][0] != shape for key, shape in self.expected.items()):
                raise stale()
            self.files = {key: tables[str(key)][1] for key in self.expected}
            if self.columns is not None and settings["columns"] != self.columns:
                raise stale()
        elif cell.t == END:
            self.ended = True

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
