"""A server as the vendor's guide describes it: a dead session is answered by 403. It remembers what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Guide:
    """What it knows and has seen."""

    url: str = ""
    alive: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)  # paths that nobody may ask
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: str, session: str | None) -> tuple[int, Any]:
        """Status and JSON body of a request."""
        path = request.split(" ")[1]
        if request == "POST /api/session":
            made = f"session-{sum(one == request for one in self.requests)}"
            self.alive = {made}
            return 200, {"id": made}
        if session not in self.alive or path in self.forbidden:
            return 403, "You don't have permissions to do that."
        if path == "/api/user/current":
            return 200, {"email": "ann@example.com", "common_name": "Ann"}
        return 200, {"path": path}


@contextmanager
def guide() -> Iterator[Guide]:
    """Serve one on the loopback address."""
    made = Guide()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = f"{self.command} {self.path}"
            made.requests.append(request)
            made.headers.append(dict(self.headers))
            status, body = made.answer(request, self.headers.get("X-Metabase-Session"))
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
