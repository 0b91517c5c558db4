"""Up to 0.34 a slow interactive answer begins with line feeds, one a second, so that no proxy gives up waiting.

The status goes out with the first of them, before anybody knows how the query ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

_EVERY = 1.0  # seconds


def body(work: Callable[[], bytes]) -> bytes | Iterable[bytes]:
    """The bytes that ``work`` makes; where that takes long, line feeds and then the bytes."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    try:
        return future.result(_EVERY)
    except NotYet:
        if future.done():
            raise

    def pieces() -> Iterator[bytes]:
        while not future.done():
            yield b"\n"
            try:
                future.result(_EVERY)
            except NotYet:
                continue
        yield future.result()

    return pieces()
