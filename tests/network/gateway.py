"""What stands between a client and its server: a gateway or a forward proxy, which does what it is told.

It reads one request of a connection, does what its script says next for it, or passes it on to the server behind it and
the answer back as it comes; who hangs up on one side is hung up on at the other.
"""

from __future__ import annotations

import base64
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

Act = Callable[[socket.socket], None]  # in place of passing a request on


@dataclass
class Seen:
    """One request as it came."""

    line: str
    headers: dict[str, str]

    @property
    def request(self) -> str:
        """Method and path."""
        method, target, _ = self.line.split(" ")
        return f"{method} {urlsplit(target).path if '//' in target else target}"


@dataclass
class Gateway:
    """One that stands before ``behind`` ("http://host:port"); ``script`` says what is done instead, request by request.

    Attributes
    ----------
    only : str
        The path that the script is for; others are passed on.
    prefix : str
        The path under which the server is found.
    demanded : tuple of str
        Name and value of a header without which nothing is passed on.
    password : str or None
        ``user:password`` that a forward proxy wants.
    """

    behind: str
    tls: ssl.SSLContext | None = None
    script: list[Act] = field(default_factory=list)
    only: str = ""
    prefix: str = ""
    demanded: tuple[str, str] | None = None
    forward: bool = False
    password: str | None = None
    seen: list[Seen] = field(default_factory=list)
    open: int = 0  # requests that are on their way
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> list[str]:
        """Method and path of what came."""
        return [one.request for one in self.seen]

    def converse(self, taken: socket.socket) -> None:
        """Serve one connection, with one request."""
        with suppress(OSError), taken:
            taken.settimeout(20)
            client = taken if self.tls is None else self.tls.wrap_socket(taken, server_side=True)
            with client:
                head, rest = _head(client)
                if not head:
                    return
                with self.lock:
                    self.seen.append(head)
                    self.open += 1
                try:
                    self._answer(client, head, rest)
                finally:
                    with self.lock:
                        self.open -= 1

    def _answer(self, client: socket.socket, head: Seen, rest: bytes) -> None:
        with self.lock:
            act = self.script.pop(0) if self.script and self.only in head.line else None
        if act is not None:
            act(client)
        elif self.forward:
            self._forward(client, head, rest)
        elif self.demanded is not None and head.headers.get(self.demanded[0].lower()) != self.demanded[1]:
            says(401, "<html>Who are you?</html>")(client)
        elif not head.line.split(" ")[1].startswith(self.prefix):
            says(404, "<html>Not here</html>")(client)
        else:
            method, target, version = head.line.split(" ")
            self._pass_on(client, f"{method} {target.removeprefix(self.prefix)} {version}", head.headers, rest)

    def _forward(self, client: socket.socket, head: Seen, rest: bytes) -> None:
        told = head.headers.pop("proxy-authorization", "")
        if self.password is not None and told != "Basic " + base64.b64encode(self.password.encode()).decode():
            says(407, "<html>Sign in</html>", "Proxy-Authenticate: Basic")(client)
        elif head.line.startswith("CONNECT "):
            with _connected(self.behind) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                relay(client, server)
        else:
            method, target, version = head.line.split(" ")
            self._pass_on(client, f"{method} {urlsplit(target).path} {version}", head.headers, rest)

    def _pass_on(self, client: socket.socket, line: str, headers: dict[str, str], rest: bytes) -> None:
        lines = [line, *(f"{name}: {value}" for name, value in headers.items() if name != "connection")]
        with _connected(self.behind) as server:
            server.sendall(("\r\n".join([*lines, "connection: close"]) + "\r\n\r\n").encode("latin-1") + rest)
            relay(client, server)


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 80), timeout=20)


def _head(client: socket.socket) -> tuple[Seen | None, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(1 << 16)
        if not more:
            return None, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    while len(rest) < int(headers.get("content-length", 0)):
        rest += client.recv(1 << 16)
    return Seen(first, headers), rest


def relay(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes both ways until one side ends."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(client, selectors.EVENT_READ, server)
        waiting.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in waiting.select(20) or [(None, 0)]:
                if key is None:
                    return
                here = key.fileobj
                assert isinstance(here, socket.socket)
                try:
                    here.settimeout(0)
                    data = here.recv(1 << 16)
                except (ssl.SSLWantReadError, BlockingIOError):
                    continue
                finally:
                    here.settimeout(20)
                if not data:
                    return
                key.data.sendall(data)


# ------------------------------------------------------------------ what is done instead
def says(status: int, body: str, *headers: str) -> Act:
    """An answer of its own."""
    lines = [f"HTTP/1.1 {status} So", "Content-Type: text/html", f"Content-Length: {len(body)}", *headers]
    data = ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n" + body).encode()
    return lambda client: client.sendall(data)


def resets(client: socket.socket) -> None:
    """Break the connection without a byte."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs_up(client: socket.socket) -> None:
    """End the connection without a byte."""


def drips(data: bytes, seconds: float) -> Act:
    """An answer byte by byte."""

    def act(client: socket.socket) -> None:
        for place in range(len(data)):
            client.sendall(data[place : place + 1])
            time.sleep(seconds)

    return act


def server_context(pems: Path, *, clients: bool = False) -> ssl.SSLContext:
    """How a gateway encrypts; with ``clients`` it wants to see certificates of theirs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pems / "server.pem", pems / "server.key")
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pems / "ca.pem")
    return context


@contextmanager
def gateway(behind: str, **more: object) -> Iterator[Gateway]:
    """Open one on the loopback address."""
    made = Gateway(behind, **more)  # type: ignore[arg-type]
    listening = socket.create_server(("127.0.0.1", 0))
    made.url = f"{'http' if made.tls is None else 'https'}://127.0.0.1:{listening.getsockname()[1]}"
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                taken, _ = listening.accept()
                threads.append(threading.Thread(target=made.converse, args=(taken,), daemon=True))
                threads[-1].start()

    threads.append(threading.Thread(target=accept, daemon=True))
    threads[0].start()
    try:
        yield made
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for somebody
        listening.close()
        for one in threads:
            one.join(5)
