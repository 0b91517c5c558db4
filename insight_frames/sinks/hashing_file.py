"""A file that is hashed while it is written, so that nobody has to read it again.

It can be told to swallow what is still to come: a Parquet writer that is given up writes its footer when it is closed,
and that footer must go nowhere.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO


class HashingFile:
    """A file to write to that hashes what passes; after `discard` it swallows everything."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO | None = path.open("wb")
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write bytes, or a buffer of them; say how many."""
        size = memoryview(data).nbytes
        if self._file is not None:
            self._file.write(data)
            self._hash.update(data)
            self.bytes += size
        return size

    def tell(self) -> int:
        """How many bytes were written."""
        return self.bytes

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        if self._file is not None:
            self._file.flush()

    def seekable(self) -> bool:
        """Never: what was hashed cannot be changed."""
        return False

    def discard(self) -> None:
        """Close the file as it is and swallow everything from now on."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def close(self) -> None:
        """Put what was written on the disk for good."""
        self.closed = True
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self.discard()

    def hexdigest(self) -> str:
        """SHA-256 of what was written."""
        return self._hash.hexdigest()
