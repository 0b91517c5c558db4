"""HTTP/1.1 by hand on one socket: Metabase's framing has to be met byte for byte, and a fault must be able to
break it.

A connection is read request by request (keep-alive); what arrived after a request stays in the buffer for the next
one.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from .app import Reply, Request
from .link import Out

REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found", 400: "Bad Request",
           401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Server Error", 502: "Bad Gateway",
           414: "URI Too Long", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
           504: "Gateway Timeout"}  # fmt: skip
_LIMIT = 1 << 27  # bytes of one body
_HEAD = 8192  # bytes of request line and headers, as Jetty has it


class BadRequest(Exception):
    """Not HTTP, or too much of it."""


class TooLong(Exception):
    """A head that Jetty would not read; carries the whole answer."""

    def __init__(self, line: bool) -> None:
        status, reason = (414, "URI Too Long") if line else (431, "Request Header Fields Too Large")
        page = f"<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>".encode()
        headers = [("Content-Type", "text/html;charset=iso-8859-1")]
        super().__init__(reason)
        self.reply = Reply(status, page, headers)


class Cut(Exception):
    """A fault wants the connection closed here."""


class Reset(Cut):
    """A fault wants it reset: what the caller has not read yet may be lost with it."""


@dataclass
class Incoming:
    """What is read from one connection."""

    sock: socket.socket
    buffer: bytearray

    def more(self) -> bool:
        piece = self.sock.recv(1 << 16)
        self.buffer += piece
        return bool(piece)

    def head(self) -> list[str] | None:
        """The lines of the next request's head; None when the caller is done."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > _HEAD:
                raise TooLong(self.buffer.find(b"\r\n") < 0 or self.buffer.find(b"\r\n") > _HEAD)
            if not self.more():
                return None
        if end > _HEAD:
            raise TooLong(self.buffer.find(b"\r\n") > _HEAD)
        head = bytes(self.buffer[:end])
        del self.buffer[: end + 4]
        return head.decode("latin-1").split("\r\n")

    def take(self, count: int) -> bytes:
        if count > _LIMIT:
            raise BadRequest
        while len(self.buffer) < count:
            if not self.more():
                raise BadRequest
        piece = bytes(self.buffer[:count])
        del self.buffer[:count]
        return piece

    def line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if not self.more():
                raise BadRequest
        piece = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return piece

    def chunks(self) -> bytes:
        pieces = []
        while size := int(self.line().split(b";")[0], 16):
            pieces.append(self.take(size))
            self.line()
        while self.line():
            pass
        return b"".join(pieces)


def read(incoming: Incoming, client: str) -> Request | None:
    """The next request of a connection, or None at its end."""
    lines = incoming.head()
    if lines is None:
        return None
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise BadRequest
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        incoming.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = incoming.chunks()
        else:
            body = incoming.take(int(headers.get("content-length") or 0))
    except ValueError as error:
        raise BadRequest from error
    parts = urlsplit(words[1])
    headers.setdefault(":version", words[2])
    return Request(
        method=words[0],
        path=parts.path,  # still percent-encoded: a name in it may hold a slash
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=body,
        client=client,
        connection=incoming.sock,
    )


def parse_body(request: Request) -> bool:
    """Fill ``form`` or ``json`` by the content type; False for JSON that is none. Other types are not looked into."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        request.form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    elif (kind == "application/json" or kind.endswith("+json")) and request.body.strip():
        try:
            request.json = json.loads(request.body)
        except ValueError:
            return False
    return True


def keeps_alive(request: Request) -> bool:
    """Whether the connection stays open after this request."""
    wish = request.headers.get("connection", "").lower()
    return wish != "close" and (request.headers[":version"] == "HTTP/1.1" or wish == "keep-alive")


def _head(reply: Reply, extra: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in [*reply.headers, *extra]]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def write(sock: Out, reply: Reply, *, bodiless: bool, close: bool) -> None:
    """Send an answer; an iterable body goes in chunks as it comes; :class:`Cut` from it breaks the connection."""
    extra = [("Connection", "close")] if close else []
    body = reply.body
    if bodiless or reply.status in (204, 304):
        sock.sendall(_head(reply, extra))
    elif isinstance(body, bytes) and not (reply.chunked or reply.until_close):
        sock.sendall(_head(reply, [*extra, ("Content-Length", str(len(body)))]) + body)
    else:
        pieces: Iterable[bytes] = (body,) if isinstance(body, bytes) else body
        framing = ("Connection", "close") if reply.until_close else ("Transfer-Encoding", "chunked")
        _stream(sock, _head(reply, [framing] if framing in extra else [*extra, framing]), pieces, not reply.until_close)


def _stream(sock: Out, head: bytes, pieces: Iterable[bytes], chunked: bool) -> None:
    """The head goes with the first piece: as on the real server nothing is sent before there is something to say."""
    try:
        waiting = head
        for piece in pieces:
            if piece:
                sock.sendall(waiting + (b"%x\r\n" % len(piece) if chunked else b""))
                sock.sendall(piece)
                waiting = b"\r\n" if chunked else b""
        ending = waiting + (b"0\r\n\r\n" if chunked else b"")
        if ending:
            sock.sendall(ending)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
