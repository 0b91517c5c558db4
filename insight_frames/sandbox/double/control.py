"""The tests' own door to a running double, on a second port: what it served, its clock, its faults and settings.

It is no part of the API; it speaks the same HTTP so that any client can use it.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from . import faults, http, replies
from .app import App, Reply, Request


def _requests(app: App, given: dict[str, Any]) -> Reply:
    with app.lock:
        return replies.data([list(entry) for entry in app.store["requests"]])


def _forget(app: App, given: dict[str, Any]) -> Reply:
    with app.lock:
        app.store["requests"].clear()
    return replies.nothing()


def _clock(app: App, given: dict[str, Any]) -> Reply:
    app.store["clock"] += float(given["advance"])
    return replies.data({"clock": app.store["clock"]})


def _faults(app: App, given: dict[str, Any]) -> Reply:
    wanted = given.get("faults", [given] if given else [])
    unknown = [fault.get("kind") for fault in wanted if fault.get("kind") not in faults.KINDS]
    if unknown:
        return replies.errors(400, kind=f"value must be one of {', '.join(sorted(faults.KINDS))}.")
    with app.lock:
        app.store["faults"] = [{"times": 1, **fault} for fault in wanted]
        return replies.data(app.store["faults"])


def _list_faults(app: App, given: dict[str, Any]) -> Reply:
    with app.lock:
        return replies.data(app.store["faults"])


def _expire(app: App, given: dict[str, Any]) -> Reply:
    with app.lock:
        app.store["sessions"].clear()
    return replies.nothing()


def _line(app: App, given: dict[str, Any]) -> Reply:
    bandwidth = given.get("bandwidth")
    if bandwidth is not None and not (isinstance(bandwidth, int | float) and bandwidth > 0):
        return replies.errors(400, bandwidth="value must be a number of bytes a second above 0, or null.")
    app.store["line"].bandwidth = bandwidth
    return replies.data({"bandwidth": bandwidth})


def _settings(app: App, given: dict[str, Any]) -> Reply:
    with app.lock:
        app.store["settings"].update(given)
        return replies.data(app.store["settings"])


_DOORS = {
    ("GET", "/requests"): _requests,
    ("DELETE", "/requests"): _forget,
    ("POST", "/clock"): _clock,
    ("POST", "/faults"): _faults,
    ("GET", "/faults"): _list_faults,
    ("POST", "/sessions/expire"): _expire,
    ("POST", "/settings"): _settings,
    ("POST", "/line"): _line,
}


def _answer(app: App, request: Request) -> Reply:
    door = _DOORS.get((request.method, request.path))
    request.headers.setdefault("content-type", "application/json")
    if door is None:
        return replies.no_endpoint()
    if not http.parse_body(request):
        return replies.text("Malformed JSON in request body.", 400)
    given = request.json
    return door(app, given if isinstance(given, dict) else {"faults": given} if isinstance(given, list) else {})


def _converse(app: App, sock: socket.socket) -> None:
    incoming = http.Incoming(sock, bytearray())
    with sock, suppress(OSError, http.BadRequest):
        while (request := http.read(incoming, "control")) is not None:
            keep = http.keeps_alive(request)
            http.write(sock, _answer(app, request), bodiless=False, close=not keep)
            if not keep:
                break


def listen(app: App, port: int) -> socket.socket:
    """Open the control port on the loopback address."""
    listener = socket.create_server(("127.0.0.1", port))

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_converse, args=(app, sock), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener
