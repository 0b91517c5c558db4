"""Faults that know the rows of a JSON export: row objects lost, doubled, moved, changed, or an end among them.

The body is gathered whole and taken apart with no JSON parser, so that what is left as it is stays so byte for byte.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from . import era, http, replies
from .app import Reply

KINDS = {"cut_at_row", "drop_cell", "duplicate_cell", "swap_cells", "change_cell", "error_after_rows"}


def unpacked(reply: Reply) -> Reply:
    """The same answer without compression, so that its rows can be seen."""
    if ("Content-Encoding", "gzip") not in reply.headers:
        return reply
    reply.headers.remove(("Content-Encoding", "gzip"))
    pieces: Iterable[bytes] = (reply.body,) if isinstance(reply.body, bytes) else reply.body

    def plain() -> Iterator[bytes]:
        unpack = zlib.decompressobj(31)
        for piece in pieces:
            yield unpack.decompress(piece)
        yield unpack.flush()

    reply.body = plain()
    return reply


def hang_up(fault: dict[str, Any]) -> None:
    """End the body as the fault wants it: as if it were whole, or with a closed connection, or with one reset."""
    if not fault.get("clean"):
        raise http.Reset if fault.get("reset") else http.Cut


def edit(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give the body with the fault in it; what is no list of rows is left as it is."""
    body = b"".join(pieces)
    if not body.startswith(b"["):
        yield body
        return
    opening, rows, separator, ending = _rows(body)
    at, kind = int(fault.get("row", 0)), fault["kind"]
    at += len(rows) if at < 0 else 0
    if kind == "error_after_rows":
        yield opening + separator.join(rows[: int(fault["rows"])]) + _late_error(fault)
        return
    if kind == "cut_at_row":
        last = rows[at][: len(rows[at]) // 2] if fault.get("inside") else rows[at]
        yield opening + separator.join([*rows[:at], last])
        hang_up(fault)
        return
    if kind == "drop_cell":
        del rows[at : at + 1]
    elif kind == "duplicate_cell":
        rows[at:at] = rows[at : at + 1]
    elif kind == "swap_cells":
        rows[at : at + 2] = reversed(rows[at : at + 2])
    else:
        rows[at] = _changed(fault, rows[at])
    yield opening + separator.join(rows) + ending


def _changed(fault: dict[str, Any], row: bytes) -> bytes:
    place = len(row) - int(fault["at"])
    return row[:place] + str(fault.get("add", "")).encode() + row[place + int(fault.get("lose", 0)) :]


def _rows(body: bytes) -> tuple[bytes, list[bytes], bytes, bytes]:
    """A JSON export taken apart: opening, row objects, separator, ending."""
    opening = b"[\n" if body.startswith(b"[\n") else b"["
    ending = b"\n]" if body.endswith(b"\n]") else b"]"
    separator = b",\n" if opening == b"[\n" else b","
    inside = body[len(opening) : len(body) - len(ending)]
    rows: list[bytes] = []
    depth = start = 0
    quoted = False
    for match in re.finditer(rb'\\.|["{}]', inside):
        mark = match.group()
        if mark == b'"':
            quoted = not quoted
        elif not quoted and mark == b"{":
            if depth == 0:
                start = match.start()
            depth += 1
        elif not quoted and mark == b"}":
            depth -= 1
            if depth == 0:
                rows.append(inside[start : match.end()])
    return opening, rows, separator, ending


def _late_error(fault: dict[str, Any]) -> bytes:
    flags = era.ERAS[fault["era"]]
    message = str(fault.get("message", "ERROR: canceling statement due to conflict with recovery"))
    return replies.to_json(
        {
            "database_id": 1,
            "via": [],
            **({"action_id": None} if flags.number >= 49 else {}),
            "state": "40001",
            "error_type": "invalid-query",
            "status": "failed",
            "class": "class org.postgresql.util.PSQLException",
            "stacktrace": [],
            "card_id": None,
            "context": "json-download",
            "error": message,
            "row_count": 0,
            "running_time": 0,
            "data": {"rows": [], "cols": []},
        }
    )
