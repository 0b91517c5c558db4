"""A server that writes what a test tells it to, byte by byte, for as long as anybody listens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Writes = Callable[[str], Iterable[bytes]]  # "METHOD /path" -> the bytes of the whole answer, head and all


def answer(body: bytes, *more: str, status: int = 200) -> list[bytes]:
    """Give an answer as any server would."""
    head = [f"HTTP/1.1 {status} OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *more]
    return [("\r\n".join([*head, "Connection: close"]) + "\r\n\r\n").encode(), body]


def endless(*parts: bytes, head: str = "", then: Iterable[bytes] = ()) -> Iterator[bytes]:
    """Give an answer that begins with parts and goes on with others, until the connection ends."""
    yield f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n{head}\r\n".encode()
    yield from parts
    yield from then


@contextmanager
def hostile(writes: Writes) -> Iterator[str]:
    """Serve on the loopback address; gives the URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                taken, _ = listening.accept()
                threads.append(threading.Thread(target=talk, args=(taken,)))
                threads[-1].start()

    def talk(taken: socket.socket) -> None:
        with suppress(OSError), taken:
            taken.settimeout(10)
            for part in writes(_request(taken)):
                taken.sendall(part)
            taken.shutdown(socket.SHUT_WR)
            while taken.recv(1 << 16):
                pass

    threads.append(threading.Thread(target=serve))
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for somebody
        listening.close()
        for one in threads:
            one.join(20)


def _request(taken: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        more = taken.recv(1 << 16)
        if not more:
            raise ConnectionError
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    size = next((int(one.partition(":")[2]) for one in lines if one.startswith("content-length:")), 0)
    while len(body) < size:
        body += taken.recv(1 << 16)
    return " ".join(head.decode("latin-1").split(" ", 2)[:2])
