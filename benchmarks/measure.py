"""One measurement: a way of reading, in a process of its own, between two looks at clock, processor and memory.

The process is forked from a server that has imported everything and done nothing else, so that its memory before the
work is the same for all ways; peak memory is the kernel's high-water mark over that.
"""

from __future__ import annotations

import gc
import re
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from .shapes import Target

PRELOAD = [
    "adbc_driver_postgresql.dbapi", "pandas", "psycopg", "pyarrow.csv", "pyarrow.json", "pyarrow.parquet", "requests",
    "insight_frames.connection", "insight_frames.snapshots.take", "benchmarks.ways", "benchmarks.replay",
]  # fmt: skip


@dataclass(frozen=True)
class Job:
    """What a way needs: where the servers are, who asks, which tables."""

    way: str
    url: str
    username: str
    password: str = field(repr=False)
    dsn: str = field(repr=False)
    targets: tuple[Target, ...]
    warm_up: bool = False  # read twenty times before the clock runs: a new process needs as long to touch its memory
    folder: str = ""


@dataclass(frozen=True)
class Answer:
    """What a way brought; None is what it cannot tell."""

    rows: int | None = None
    values: int | None = None
    total: int | None = None
    frame_bytes: int | None = None


@dataclass(frozen=True)
class Measured:
    """What it cost and brought: seconds, bytes."""

    wall: float
    cpu: float
    peak: int
    received: int
    answer: Answer
    requests: int | None = None


class WrongAnswer(Exception):
    """A way brought other rows than PostgreSQL has: its time means nothing."""


def measure(context: ForkServerContext, job: Job, before: Callable[[], None], after: Callable[[], int]) -> Measured:
    """Run one way; ``before`` is called when it is ready to begin, ``after`` gives the number of requests since."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        here, there = context.Pipe()
        asked = replace(job, folder=folder)
        process = context.Process(target=_child, args=(asked, there))
        process.start()
        there.close()
        try:
            here.recv()
            before()
            here.send("go")
            got: Measured = here.recv()
        except EOFError:
            raise WrongAnswer(f"{job.way} failed; what it said stands above") from None
        finally:
            process.join()
    _check(job, got.answer)
    return replace(got, requests=after())


def _check(job: Job, answer: Answer) -> None:
    rows, total = sum(one.rows for one in job.targets), sum(one.total for one in job.targets)
    if answer.rows not in (None, rows) or answer.total not in (None, total):
        raise WrongAnswer(
            f"{job.way}: {answer.rows} rows instead of {rows}, or keys whose sum is {answer.total} instead of {total}"
        )


def _child(job: Job, pipe: Pipe) -> None:
    from .ways import WAYS, answer_of

    received, prepare = _count_received(), WAYS[job.way].prepare
    if job.warm_up:
        prepare(replace(job, targets=job.targets[:20]))()
    work = prepare(job)
    pipe.send("ready")
    pipe.recv()
    gc.collect()  # the first collection copies the memory that the fork shares: no way of reading is to pay for that
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    memory, received[0] = _status("VmRSS"), 0
    cpu, begun = time.process_time(), time.perf_counter()
    result = work()
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak, size = _status("VmHWM") - memory, received[0]
    pipe.send(Measured(wall, cpu, max(0, peak), size, answer_of(job, result)))


def _status(name: str) -> int:
    """Give one of the kernel's counts of this process's memory, in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _count_received() -> list[int]:
    """Count what Python's sockets receive (HTTP alone: the drivers of PostgreSQL have sockets of their own)."""
    count = [0]
    sockets: Any = socket.SocketIO
    original = sockets.readinto

    def readinto(self: socket.SocketIO, buffer: Any) -> int | None:
        size: int | None = original(self, buffer)
        count[0] += size or 0
        return size

    sockets.readinto = readinto
    return count
