"""A server that gives each answer from memory once it has seen it: what is measured against it is the client alone.

It stands before the sandbox, passes everything on, and keeps the exports, cut into chunks of 32 KB as Jetty sends them.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerContext
from urllib.parse import urlsplit

_CHUNK = 32 << 10
_END = b"0\r\n\r\n"
Kept = tuple[int, str, bytes]  # status, content type, the body in chunks


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = (self.path, asked)
        answer = self.server.kept.get(key) or self._ask(asked)
        if self.path.startswith("/api/dataset/"):
            self.server.kept[key] = answer
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(body)

    def _ask(self, asked: bytes) -> Kept:
        link = http.client.HTTPConnection(self.server.behind, timeout=600)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        link.request(self.command, self.path, asked or None, headers)
        response = link.getresponse()
        pieces = [_chunk(piece) for piece in iter(lambda: response.read(_CHUNK), b"")]
        link.close()
        return response.status, response.headers.get("Content-Type", ""), b"".join([*pieces, _END])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(behind).netloc
        self.kept: dict[tuple[str, bytes], Kept] = {}


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _serve(behind: str, pipe: Pipe) -> None:
    with _Server(behind) as server:
        pipe.send(f"http://127.0.0.1:{server.server_port}")
        server.serve_forever()


@contextmanager
def replaying(context: ForkServerContext, url: str) -> Iterator[str]:
    """Run such a server before ``url`` in a process of its own; gives its address."""
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(url, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()
