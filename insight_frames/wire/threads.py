"""Work done in threads while what it is done on still arrives: results in order, a bounded number of items in flight.

Arrow's readers and numpy let go of the interpreter lock, so that threads are enough; a small answer gets none.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = min(2, os.cpu_count() or 1)  # beside the thread that reads


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """Do the work in threads while the next items arrive; results in order, a bounded number of items in flight."""
    source = iter(items)
    start = list(islice(source, 2))
    if len(start) < 2:  # a small answer: a thread would cost more than it does
        yield from map(work, start)
        return
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="insight_frames")
    flying: deque[Future[R]] = deque()
    try:
        for item in chain(start, source):
            flying.append(pool.submit(work, item))
            if len(flying) > WORKERS:
                yield flying.popleft().result()
        while flying:
            yield flying.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)  # what is in work takes milliseconds, and no thread is left behind
