"""Faults to switch on: what proxies, servers and networks do to an answer, a set number of times.

A fault is a JSON object ``{"kind": ..., "times": 1, "path": regex, ...}``; several may meet one request. Those of kind
``html``, ``initializing`` and ``redirect`` answer instead of the API, ``delay`` and ``expire`` come before it, and the
others change its answer on the way out.

===================== ============================================================================================
``html``              ``status`` (502): a proxy's page
``initializing``      503, as while the server starts
``redirect``          ``status`` (302) and ``location``
``delay``             ``seconds`` before the answer
``expire``            all sessions end as the request comes; with ``late`` when the answer has begun
``rate``              ``bytes_per_second``
``stall_after_bytes`` ``bytes`` of body, then nothing for ``seconds``
``die_after_bytes``   ``bytes`` of body, then the process of the double kills itself
``cut_after_bytes``   ``bytes`` of body, then the connection is closed; with ``reset`` it is reset; with ``clean`` the
                      body ends as if it were whole
``cut_at_row``        the same behind the ``row``-th row object (from 0, below 0 from the end) of a JSON export; with
                      ``inside`` in its middle
``until_close``       neither length nor chunks: the body ends where the connection does
``no_trailer``        the last 8 bytes of a body are missing: of a gzip stream, its length and check sum
``drop_cell``         the ``row``-th row object of a JSON export is left out
``duplicate_cell``    ... comes twice
``swap_cells``        ... changes places with the next
``change_cell``       ... loses ``lose`` bytes, or gets the text ``add``, ``at`` so many bytes before its end
``error_after_rows``  the era's late error object behind ``rows`` row objects of a JSON export
===================== ============================================================================================
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from . import http, replies, rowfaults
from .app import App, Reply, Request

Change = Callable[[dict[str, Any], Iterable[bytes]], Iterator[bytes]]
_PAGE = "<html>\r\n<head><title>{0} {1}</title></head>\r\n<body><center><h1>{0} {1}</h1></center></body>\r\n</html>\r\n"


def take(app: App, request: Request) -> list[dict[str, Any]]:
    """The faults that meet this request; each is used up by one."""
    with app.lock:
        met = []
        for fault in app.store["faults"]:
            if fault["times"] > 0 and re.search(fault.get("path", ""), request.path):
                fault["times"] -= 1
                met.append({**fault, "era": app.era, "sessions": app.store["sessions"]})
        app.store["faults"] = [fault for fault in app.store["faults"] if fault["times"] > 0]
    return met


def before(faults: list[dict[str, Any]]) -> Reply | None:
    """What happens before the API is asked; the answer that comes instead of its own, if any."""
    for fault in faults:
        kind = fault["kind"]
        if kind == "delay":
            time.sleep(float(fault["seconds"]))
        elif kind == "expire" and not fault.get("late"):
            fault["sessions"].clear()
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
        kind = fault["kind"]
        if kind == "until_close":
            reply.until_close = True
            continue
        change = _CHANGES.get(kind)
        if change is not None:
            if kind in rowfaults.KINDS:
                reply = rowfaults.unpacked(reply)
            pieces: Iterable[bytes] = (reply.body,) if isinstance(reply.body, bytes) else reply.body
            reply.body, reply.chunked = _changed(change, fault, pieces), True
    return reply


def _changed(change: Change, fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Change a body, and close what is behind it when it ends: a cursor that is left open keeps its locks."""
    try:
        yield from change(fault, pieces)
    finally:
        if isinstance(pieces, Generator):
            pieces.close()


def _first(fault: dict[str, Any], pieces: Iterator[bytes]) -> Generator[bytes, None, bytes | None]:
    """Give so many bytes; returns what is left of the piece with the last of them, None for a body that is shorter."""
    left = int(fault["bytes"])
    for piece in pieces:
        if len(piece) >= left:
            yield piece[:left]
            return piece[left:]
        left -= len(piece)
        yield piece
    return None


def _cut(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    if (yield from _first(fault, iter(pieces))) is not None:
        rowfaults.hang_up(fault)


def _stall(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    source = iter(pieces)
    rest = yield from _first(fault, source)
    if rest is not None:
        time.sleep(float(fault["seconds"]))
        yield rest
        yield from source


def _die(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    if (yield from _first(fault, iter(pieces))) is not None:
        os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


def _slow(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    rate = float(fault["bytes_per_second"])
    step = max(1, int(rate / 20))
    for piece in pieces:
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            yield part
            time.sleep(len(part) / rate)


def _expire_late(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        if fault.get("late"):
            fault["sessions"].clear()


def _without_trailer(fault: dict[str, Any], pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield b"".join(pieces)[:-8]


_CHANGES: dict[str, Change] = {
    "rate": _slow,
    "stall_after_bytes": _stall,
    "die_after_bytes": _die,
    "cut_after_bytes": _cut,
    "expire": _expire_late,
    "no_trailer": _without_trailer,
    **dict.fromkeys(rowfaults.KINDS, rowfaults.edit),
}
KINDS = {"html", "initializing", "redirect", "delay", "until_close", *_CHANGES}
