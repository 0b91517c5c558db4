"""Faults to switch on: what proxies, servers and networks do to an answer, a set number of times.

A fault is a JSON object ``{"kind": ..., "times": 1, "path": regex, ...}``. Those of kind ``html``, ``initializing`` and
``redirect`` answer instead of the API; the others (``delay``, ``rate``, ``cut_after_bytes``, ``drop_cell``,
``duplicate_cell``, ``swap_cells``, ``error_after_rows``) change its answer on the way out.

=================== ==============================================================================================
``html``            ``status`` (502): a proxy's page
``initializing``    503, as while the server starts
``redirect``        ``status`` (302) and ``location``
``delay``           ``seconds`` before the answer
``rate``            ``bytes_per_second``
``cut_after_bytes`` ``bytes`` of body, then the connection breaks; with ``clean`` the body ends as if it were whole
``drop_cell``       the ``row``-th row object (from 0) of a JSON export is left out
``duplicate_cell``  ... comes twice
``swap_cells``      ... changes places with the next
``error_after_rows`` the era's late error object behind ``rows`` row objects of a JSON export
=================== ==============================================================================================
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import era, http, replies
from .app import App, Reply, Request

KINDS = {
    "html",
    "initializing",
    "redirect",
    "delay",
    "rate",
    "cut_after_bytes",
    "drop_cell",
    "duplicate_cell",
    "swap_cells",
    "error_after_rows",
}
_PAGE = "<html>\r\n<head><title>{0} {1}</title></head>\r\n<body><center><h1>{0} {1}</h1></center></body>\r\n</html>\r\n"


def take(app: App, request: Request) -> list[dict[str, Any]]:
    """The faults that meet this request; each is used up by one."""
    with app.lock:
        met = []
        for fault in app.store["faults"]:
            if fault["times"] > 0 and re.search(fault.get("path", ""), request.path):
                fault["times"] -= 1
                met.append({**fault, "era": app.era})
        app.store["faults"] = [fault for fault in app.store["faults"] if fault["times"] > 0]
    return met


def before(faults: list[dict[str, Any]]) -> Reply | None:
    """The answer that comes instead of the API's, if any."""
    for fault in faults:
        kind = fault["kind"]
        if kind == "delay":
            time.sleep(float(fault["seconds"]))
        elif kind == "html":
            status = int(fault.get("status", 502))
            page = _PAGE.format(status, http.REASONS.get(status, "Error"))
            return Reply(status, page.encode(), [("Content-Type", "text/html")])
        elif kind == "initializing":
            return replies.text("Metabase is still initializing. Please sit tight...", 503)
        elif kind == "redirect":
            return Reply(int(fault.get("status", 302)), b"", [("Location", str(fault["location"]))])
    return None


def after(faults: list[dict[str, Any]], reply: Reply) -> Reply:
    """The API's answer as the faults leave it."""
    for fault in faults:
        change = _CHANGES.get(fault["kind"])
        if change is not None:
            if fault["kind"] in _ROWS:
                reply = _unpacked(reply)
            pieces: Iterable[bytes] = (reply.body,) if isinstance(reply.body, bytes) else reply.body
            reply.body, reply.chunked = change(fault, pieces), True
    return reply


def _unpacked(reply: Reply) -> Reply:
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


def _cut(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    left = int(fault["bytes"])
    for piece in pieces:
        if len(piece) >= left:
            yield piece[:left]
            if fault.get("clean"):
                return
            raise http.Cut
        left -= len(piece)
        yield piece


def _slow(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    rate = float(fault["bytes_per_second"])
    step = max(1, int(rate / 20))
    for piece in pieces:
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            yield part
            time.sleep(len(part) / rate)


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


def _edit(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    body = b"".join(pieces)
    if not body.startswith(b"["):
        yield body
        return
    opening, rows, separator, ending = _rows(body)
    at, kind = int(fault.get("row", 0)), fault["kind"]
    if kind == "error_after_rows":
        yield opening + separator.join(rows[: int(fault["rows"])]) + _late_error(fault)
        return
    if kind == "drop_cell":
        del rows[at : at + 1]
    elif kind == "duplicate_cell":
        rows[at:at] = rows[at : at + 1]
    else:
        rows[at : at + 2] = reversed(rows[at : at + 2])
    yield opening + separator.join(rows) + ending


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


_ROWS = {"drop_cell", "duplicate_cell", "swap_cells", "error_after_rows"}
_CHANGES: dict[str, Callable[[dict[str, Any], Iterable[bytes]], Iterator[bytes]]] = {
    "rate": _slow,
    "cut_after_bytes": _cut,
    **dict.fromkeys(_ROWS, _edit),
}
