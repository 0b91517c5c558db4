"""The line that answers leave by: as fast as the machine, or so many bytes a second, shared by all connections.

A slow line is one clock for all: each slice of bytes takes its time on it and arrives when that has passed. In front of
it every connection has a buffer of bounded size, as the system's sockets have, so that the server works ahead of a slow
line, but no further.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_AHEAD = 1 << 18  # bytes a server may be ahead of the line
_TICK = 0.001  # seconds that one slice takes on the line
_LEAST, _MOST = 1460, 1 << 16  # bytes of a slice
_LATE = 0.002  # seconds of oversleeping that are made up for


class Out(Protocol):
    """What answers are written to."""

    def sendall(self, data: bytes, /) -> None: ...


class Line:
    """The way out of one double."""

    def __init__(self, bandwidth: float | None = None) -> None:
        self.bandwidth = bandwidth  # bytes a second; None: as fast as it goes
        self._lock = threading.Lock()
        self._free = 0.0

    @contextmanager
    def over(self, sock: socket.socket) -> Iterator[Out]:
        """Give what to write one answer to; behind the block all of it has left."""
        if self.bandwidth is None:
            yield sock
            return
        queue = _Queue(self, sock)
        try:
            yield queue
        finally:
            queue.close()

    def carry(self, sock: socket.socket, data: bytes) -> None:
        """Send bytes, and come back when the line is free for the next ones."""
        start = 0
        while start < len(data):
            rate = self.bandwidth
            size = _MOST if rate is None else min(max(int(rate * _TICK), _LEAST), _MOST)
            part = data[start : start + size]
            if rate is not None:
                self._wait(len(part) / rate)
            sock.sendall(part)
            start += size

    def _wait(self, seconds: float) -> None:
        with self._lock:
            now = time.monotonic()
            self._free = max(self._free, now - _LATE) + seconds
            left = self._free - now
        if left > 0:
            time.sleep(left)


class _Queue:
    """One answer on its way to the line, in a thread of its own."""

    def __init__(self, line: Line, sock: socket.socket) -> None:
        self._line, self._sock = line, sock
        self._waiting = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def sendall(self, data: bytes, /) -> None:
        """Take bytes; waits while too many are ahead, and raises what the socket said to earlier ones."""
        with self._changed:
            for start in range(0, len(data), _AHEAD):
                self._changed.wait_for(lambda: len(self._waiting) < _AHEAD or self._error)
                if self._error is not None:
                    raise self._error
                self._waiting += data[start : start + _AHEAD]
                self._changed.notify_all()

    def close(self) -> None:
        """Come back when all has left, or could not."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                data = bytes(self._waiting)
                self._waiting.clear()
                self._changed.notify_all()
            if not data:
                return
            try:
                self._line.carry(self._sock, data)
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
