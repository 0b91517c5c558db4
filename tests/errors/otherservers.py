"""A web server that answers what a test tells it to: other programs, and versions of Metabase that no double plays."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answers = dict[str, tuple[int, Any]]  # "METHOD /path" -> status, and an object for JSON or a str for text

LOGIN: Answers = {"POST /api/session": (200, {"id": "0123-session"})}


def metabase(tag: str | None, databases: list[dict[str, Any]] | None = None) -> Answers:
    """What a Metabase of a version answers before the first query."""
    listed = [{"id": 1, "name": "Insight", "engine": "postgres"}] if databases is None else databases
    version = {} if tag is None else {"version": {"tag": tag}}
    return LOGIN | {"GET /api/session/properties": (200, version), "GET /api/database": (200, {"data": listed})}


@contextmanager
def serving(answers: Answers, default: tuple[int, Any] = (404, "Not found.")) -> Iterator[tuple[str, list[str]]]:
    """Serve; gives the URL and the growing list of requests."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = f"{self.command} {self.path}"
            seen.append(request)
            status, body = answers.get(request, default)
            kind, text = ("text/html", body) if isinstance(body, str) else ("application/json", json.dumps(body))
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
