"""The server: one thread a connection, routing, and the headers that every answer carries.

Handlers never touch a socket; a caller who hangs up is seen by the write that fails or by the query that waits.
"""

from __future__ import annotations

import gzip
import logging
import re
import socket
import struct
import sys
import threading
import traceback
from contextlib import suppress
from email.utils import formatdate

from . import accounts, faults, http, replies
from .app import ROUTES, App, Reply, Request, Route
from .pg import HungUp

_PAGE = b'<!DOCTYPE html><html><head><title>Metabase</title></head><body><div id="root"></div></body></html>'
_SAFE = [
    ("X-Frame-Options", "DENY"),
    ("X-XSS-Protection", "1; mode=block"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Permitted-Cross-Domain-Policies", "none"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "max-age=0, no-cache, must-revalidate, proxy-revalidate"),
    ("Expires", "Tue, 03 Jul 2001 06:00:00 GMT"),
]
_SMALL = 200  # bytes that are not worth compressing
log = logging.getLogger(__name__)


def find(app: App, request: Request) -> tuple[Route, re.Match[str]] | None:
    """The route of a request in this era; HEAD asks as GET does."""
    method = "GET" if request.method == "HEAD" else request.method
    for route in ROUTES:
        if route.method == method and (route.eras is None or app.era in route.eras):
            match = route.pattern.fullmatch(request.path)
            if match is not None:
                return route, match
    return None


def _pack(request: Request, reply: Reply) -> None:
    """Compress a whole answer of some size for a caller who takes that; streams do it themselves."""
    packed = any(name == "Content-Encoding" for name, _ in reply.headers)
    if reply.status != 200 or packed or not isinstance(reply.body, bytes) or len(reply.body) <= _SMALL:
        return
    match = re.search(r"(gzip|\*)(;q=((0|1)(\.\d+)?))?", request.headers.get("accept-encoding", ""))
    if match is not None and (match[3] is None or float(match[3]) > 0):
        reply.body, reply.chunked = gzip.compress(reply.body, 6), True
        reply.headers.append(("Content-Encoding", "gzip"))


def answer(app: App, request: Request) -> Reply:
    """The answer of the API to one request."""
    if not http.parse_body(request):
        return replies.text("Malformed JSON in request body.", 400)
    presented = accounts.identify(app, request)
    if not request.path.startswith("/api/"):
        return Reply(200, _PAGE, [("Content-Type", "text/html;charset=utf-8")])
    found = find(app, request)
    if found is None:
        reply = replies.no_endpoint()
    elif request.user is None and not found[0].anonymous:
        reply = replies.unauthenticated()
    else:
        reply = found[0].handler(app, request, found[1])
    _pack(request, reply)
    reply.headers += [*_SAFE, ("Last-Modified", formatdate(usegmt=True))]
    reply.headers += accounts.cookies(app, request, presented)
    return reply


def serve_request(app: App, request: Request) -> Reply:
    """The answer with the faults that are switched on."""
    active = faults.take(app, request)
    instead = faults.before(active)
    if instead is not None:
        return instead
    try:
        reply = answer(app, request)
    except (HungUp, OSError):
        raise
    except Exception as error:
        log.error("%s %s\n%s", request.method, request.path, traceback.format_exc())
        reply = replies.exception(f"{type(error).__name__} in the double", java="java.lang.IllegalStateException")
    return faults.after(active, reply)


def converse(app: App, sock: socket.socket, client: str) -> None:
    """Serve one connection to its end."""
    incoming = http.Incoming(sock, bytearray())
    with sock, suppress(OSError, http.BadRequest, http.Cut, HungUp):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (request := http.read(incoming, client)) is not None:
                if not _exchange(app, sock, request):
                    break
        except http.TooLong as refusal:
            http.write(sock, refusal.reply, bodiless=False, close=True)
        except http.Reset:  # closing a socket that does not linger resets the connection
            linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def _exchange(app: App, sock: socket.socket, request: Request) -> bool:
    """One request and its answer; whether the connection stays open."""
    entry = [request.method, request.path, 0]
    with app.lock:
        app.store["requests"].append(entry)
    reply = serve_request(app, request)
    entry[2] = reply.status
    keep = http.keeps_alive(request)
    with app.store["line"].over(sock) as out:
        http.write(out, reply, bodiless=request.method == "HEAD", close=not keep)
    return keep and not reply.until_close


def listen(app: App, host: str, port: int) -> socket.socket:
    """Open the listening socket and start accepting; returns the socket, as the system may choose its port."""
    listener = socket.create_server((host, port), backlog=128)

    def accept() -> None:
        while True:
            try:
                sock, address = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(app, sock, address[0]), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener
