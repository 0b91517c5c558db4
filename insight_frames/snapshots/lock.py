"""One writer to one target: a lock file beside it, released by the operating system when its holder dies.

A process number alone can be taken over by another process; a lock cannot. The number, the host and the time stand in
the file all the same, to be told to whoever is refused.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ..errors import SnapshotError, sentence


class Busy(SnapshotError):
    """Another writer is at work on the same target."""


class Lock:
    """Held from construction until `release`; Busy if another process or thread holds it.

    Parameters
    ----------
    target : Path
        What is going to be written; its folder exists.
    """

    def __init__(self, target: Path) -> None:
        self._path = target.with_name(f".{target.name}.lock")
        self._file = self._acquire(target)
        try:
            self._file.write(json.dumps(owner()))
            self._file.flush()
        except OSError:
            with suppress(OSError):  # what could not be written cannot be written on closing either
                self.release()
            raise

    def release(self) -> None:
        """Let others write, and leave no file behind."""
        _remove(self._file, self._path)

    def _acquire(self, target: Path) -> IO[str]:
        while True:
            file = self._path.open("a+", encoding="utf-8")
            if not _try_lock(file):
                file.close()
                raise Busy(
                    sentence(
                        "Another snapshot is being written to this path",
                        where=f"{target}, {self._holder()}",
                        try_="wait until it is done, or choose another path",
                    )
                )
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                    file.truncate(0)
                    return file
            file.close()  # its holder removed the file before we had the lock: lock the file that stands there now

    def _holder(self) -> str:
        try:
            facts = json.loads(self._path.read_text("utf-8"))
            return f"by process {facts['pid']} on {facts['host']} since {facts['started']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "by another process"


def owner() -> dict[str, str | int]:
    """Say who is writing: process, host and time (UTC)."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": now}


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        file.seek(1 << 30)  # beyond the text, which others may read
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _remove(file: IO[str], path: Path) -> None:
        file.close()
        with suppress(OSError):
            path.unlink()

    def sync_folder(path: Path) -> None:
        """Windows has no handle on a folder to sync."""

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _remove(file: IO[str], path: Path) -> None:
        with suppress(OSError):
            path.unlink()
        file.close()

    def sync_folder(path: Path) -> None:
        """Put the names in a folder on the disk for good."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
