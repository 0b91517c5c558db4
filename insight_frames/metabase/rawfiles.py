"""What may stand in a file that a Metabase server exports: whole CSV, JSON or a workbook, and no error in its place.

A server that fails after it has said "200" ends its file with an error object; each format has one place where such an
object cannot be data, and that is looked at while the bytes pass.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from ..errors import IncompleteResult, InsightError, sentence
from ..wire import answers, limits
from ..wire.body import Answer
from ..wire.cells import cut, no_rows
from ..wire.listed import blocks, rows

MOST_ROWS = 1_048_575  # what servers cut an export at without a word (up to 0.38: one more)
_ERROR_LINE = re.compile(rb'(?:^|\n)(?=\{")')
_TAIL = 1 << 20  # bytes of an error object and its stack trace, generously
_SHEET = "xl/worksheets/sheet1.xml"


def save(answer: Answer, path: Path, form: str) -> int:
    """Write an export's bytes as they come and give its number of rows; an error if the file is not whole."""
    with path.open("wb") as file:
        if form == "json":
            found = sum(len(rows(one, answer.where)) for one in blocks(_kept(answer, file), answer.where))
        elif form == "csv":
            found = _lines(_kept(answer, file), answer.where) - 1
        else:
            _zipped(_kept(answer, file), answer.where)
    if form == "xlsx":
        found = _sheet_rows(path, answer.where)
    if found >= MOST_ROWS:
        raise IncompleteResult(
            sentence(
                "The export has as many rows as this server gives at most, so that others may be missing",
                where=answer.where,
                expected=f"fewer than {MOST_ROWS:,} rows",
                got=f"{found:,}",
                try_="a narrower question, or read_table(...) and to_csv(...), which know no such limit",
            )
        )
    return found


def _kept(answer: Answer, file: IO[bytes]) -> Iterator[bytes]:
    """Give the pieces of the body, each written before it is looked at."""
    for piece in answer.pieces():
        file.write(piece)
        yield piece


def _lines(pieces: Iterator[bytes], where: str) -> int:
    """Count the records of a CSV file, and refuse one that holds an error object: no record begins with ``{"``."""
    head = limits.opening(pieces, 2, where)
    if head[:2] in (b"", b'{"') or head[:1] == b"<":
        raise no_rows(limits.document(pieces, where, begun=head), where)
    count, inside, tail = 0, False, b""
    for piece in chain([head], pieces):
        count, inside, tail = _counted(piece, count, inside, tail)
    if inside or not tail.endswith(b"\n"):
        raise _error_behind(tail, where) or cut(where, "a file that ends inside a record")
    return count


def _counted(piece: bytes, count: int, inside: bool, tail: bytes) -> tuple[int, bool, bytes]:
    """Count line ends outside quotes; ``tail`` is what came last."""
    for number, part in enumerate(piece.split(b'"')):
        inside = not inside if number else inside
        count += 0 if inside else part.count(b"\n")
    return count, inside, (tail + piece)[-_TAIL:] if len(piece) < _TAIL else piece[-_TAIL:]


def _error_behind(tail: bytes, where: str) -> InsightError | None:
    found = list(_ERROR_LINE.finditer(tail))
    return answers.late_failure(tail[found[-1].end() :].decode("utf-8", "replace"), where) if found else None


def _zipped(pieces: Iterator[bytes], where: str) -> None:
    head = limits.opening(pieces, 2, where)
    if head[:2] != b"PK":
        raise no_rows(limits.document(pieces, where, begun=head), where)
    for _ in pieces:
        pass


def _sheet_rows(path: Path, where: str) -> int:
    """Read every part of a workbook against its checksum and count the rows of its sheet."""
    try:
        with zipfile.ZipFile(path) as book:
            broken = book.testzip()
            with book.open(_SHEET) as sheet:
                count, rest = 0, b""
                while piece := sheet.read(1 << 16):
                    data = rest + piece
                    count += data.count(b"<row ") + data.count(b"<row>")
                    rest = data[-4:]
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError, NotImplementedError):
        raise cut(where, "a workbook that cannot be opened") from None
    if broken is not None:
        raise cut(where, "a workbook whose parts are damaged")
    return count - 1
