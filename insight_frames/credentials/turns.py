"""One after the other: a lock between processes on a file, released by the operating system when its holder dies.

Whoever waits too long, or on a disk that knows no locks, goes on without it: the lock saves logins, it guards nothing.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("insight_frames")

PATIENCE = 60.0  # seconds, after which the holder is taken to hang
_PAUSE = 0.02


@contextmanager
def turn(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock on ``path`` within the block; the file stays, empty."""
    handle = _taken(path, patience)
    try:
        yield
    finally:
        if handle is not None:
            _let_go(handle)


def _taken(path: Path, patience: float) -> int | None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        log.debug("no lock between processes: %s", type(error).__name__)
        return None
    end = time.monotonic() + patience
    try:
        while not _try(handle):
            if time.monotonic() > end:
                log.debug("no lock between processes: another one holds it too long")
                os.close(handle)
                return None
            time.sleep(_PAUSE)
    except OSError as error:
        log.debug("no lock between processes: %s", type(error).__name__)
        os.close(handle)
        return None
    except BaseException:  # Ctrl-C while waiting
        os.close(handle)
        raise
    with suppress(OSError):
        os.utime(path)  # it is in use
    return handle


if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _let_go(handle: int) -> None:
        with suppress(OSError):
            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
        os.close(handle)

else:
    import fcntl

    def _try(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _let_go(handle: int) -> None:
        with suppress(OSError):  # by name, because a process forked meanwhile holds the same open file
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)
