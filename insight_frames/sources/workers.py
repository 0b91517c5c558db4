"""Several sessions that read at the same time; their record batches in one stream, a bounded number in flight.

Each session has a thread of its own and takes the next group of tables when it is done with one. The first error of
any of them ends all; who leaves the stream early cancels what the server is doing.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any, Generic, Protocol, TypeVar


class Session(Protocol):
    """Whatever reads; another thread may cancel what it waits for."""

    def cancel(self) -> None:
        """Cancel it."""
        ...


L = TypeVar("L", bound=Session)
WAITING = 4  # results of each session that wait to be taken
LOOK = 0.5  # seconds after which a waiting thread looks whether all has ended


class Workers(Generic[L]):
    """Reads groups over links; iterating gives what ``read(link, group)`` gives, in no promised order."""

    def __init__(
        self, links: Sequence[L], groups: Sequence[Any], read: Callable[[L, Any], Generator[Any, None, None]]
    ) -> None:
        self._links, self._read = links, read
        self._todo = deque(groups)
        self._made: queue.Queue[tuple[str, Any]] = queue.Queue(WAITING * len(links))
        self._over = threading.Event()

    def __iter__(self) -> Generator[Any, None, None]:
        if len(self._links) == 1:
            while self._todo:
                yield from self._read(self._links[0], self._todo.popleft())
            return
        threads = [threading.Thread(target=self._work, args=(one,), daemon=True) for one in self._links]
        for one in threads:
            one.start()
        try:
            left = len(threads)
            while left:
                kind, what = self._next()
                if kind == "error":
                    raise what
                if kind == "row":
                    yield what
                left -= kind == "end"
        finally:
            self._over.set()
            if any(one.is_alive() for one in threads):
                for link in self._links:
                    link.cancel()
            for one in threads:
                one.join()

    def _next(self) -> tuple[str, Any]:
        while True:
            try:
                return self._made.get(timeout=LOOK)  # without a time, Ctrl-C would wait on Windows
            except queue.Empty:
                continue

    def _work(self, link: L) -> None:
        try:
            while not self._over.is_set():
                try:
                    group = self._todo.popleft()
                except IndexError:
                    break
                with closing(self._read(link, group)) as rows:
                    for one in rows:
                        self._put("row", one)
                        if self._over.is_set():
                            return
        except BaseException as error:  # handed on, with its traceback, to the thread that asked
            self._put("error", error)
        else:
            self._put("end", None)

    def _put(self, kind: str, what: Any) -> None:
        while not self._over.is_set():
            try:
                return self._made.put((kind, what), timeout=LOOK)
            except queue.Full:
                continue
