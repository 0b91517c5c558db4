"""A file gets its name when it is whole: written beside it, read back, compared by a digest, and only then renamed.

What is read back is compared and not only counted, because a library that loses a digit or a blank says nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from zipfile import BadZipFile

import pyarrow as pa

from ...errors import FileError, InvalidInput, sentence
from ...manifest import file_hash, is_snapshot
from ..content import row_bytes
from .report import WrittenFile

PathLike = str | os.PathLike[str]
_ROWS = 65_536


def check_path(name: PathLike, suffix: str) -> Path:
    """Make the path of a file to be absolute; InvalidInput if no such file should be there.

    >>> check_path("cut.csv", ".xlsx")
    Traceback (most recent call last):
    insight_frames.errors.InvalidInput: The file's name ends in .xlsx; got cut.csv.
    """
    path = absolute(name)
    if path.suffix.lower() != suffix:
        raise InvalidInput(sentence(f"The file's name ends in {suffix}", got=path.name))
    if path.is_dir():
        raise InvalidInput(sentence("A folder has the name that the file should have", where=str(path)))
    if not path.parent.is_dir():
        raise InvalidInput(sentence("There is no folder for the file", where=str(path.parent)))
    return path


def absolute(name: PathLike) -> Path:
    """Make a path absolute; InvalidInput if it cannot be one, or lies in a snapshot and would damage that."""
    try:
        path = Path(os.path.abspath(Path(name).expanduser()))
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInput(sentence("The path cannot be used", expected="the path of a file or folder")) from None
    inside = next((one for one in (path, *path.parents) if is_snapshot(one)), None)
    if inside is not None or "\0" in path.name:
        raise InvalidInput(sentence("The file would lie in a snapshot and damage it", where=str(inside)))
    return path


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise FileError(
            sentence(
                "The file cannot be written",
                where=str(path),
                got=error.strerror or type(error).__name__,
                try_="check the rights and the free space of that folder, or close the file in other programs",
            )
        ) from error


def publish(
    path: Path, tables: Sequence[str], rows: int, *, write: Callable[[Path], str], read: Callable[[Path], str]
) -> WrittenFile:
    """Write a file under another name, read it back, and give it its name if both say the same.

    Parameters
    ----------
    path : Path
        From :func:`check_path`. A file that stands there is replaced at once and whole.
    tables : list of str
        What is in it, for the report.
    rows : int
        How many rows it holds.
    write, read : callable
        Write the file, or read it, and give a digest of its values.
    """
    partial = path.with_name(f".{path.stem[:80]}.{secrets.token_hex(6)}.partial{path.suffix}")
    try:
        with disk(path):
            meant = write(partial)
            if _again(read, partial) != meant:
                raise FileError(
                    sentence(
                        "The file does not read back as what was written; nothing stands under its name",
                        where=str(path),
                        try_="another format, and please report which types the columns have",
                    )
                )
            _sync(partial)
            made = WrittenFile(path, tuple(tables), rows, partial.stat().st_size, file_hash(partial))
            os.replace(partial, path)
        return made
    finally:
        with suppress(OSError):
            partial.unlink()


def _again(read: Callable[[Path], str], partial: Path) -> str | None:
    """Read the file back; None if that is not possible at all."""
    try:
        return read(partial)
    except (ValueError, SyntaxError, LookupError, BadZipFile):  # what the parsers say of a damaged file
        return None


@contextmanager
def folder(name: PathLike) -> Iterator[tuple[Path, Path]]:
    """Give (the folder to be, a hidden one to write into); it gets its name at the end, whole, or nothing is left."""
    target = absolute(name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidInput(
            sentence("Something stands there already", where=str(target), try_="another folder, or remove it first")
        )
    hidden = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    try:
        with disk(target):
            hidden.mkdir(parents=True)
        yield target, hidden
        with disk(target):
            if target.is_dir():
                target.rmdir()  # it is empty, as was checked above: else this refuses
            os.rename(hidden, target)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def digest(names: Sequence[str], columns: Sequence[pa.Array | pa.ChunkedArray], rows: int) -> str:
    """Hash names, types and all values, in their order.

    >>> digest(["a"], [pa.array([1])], 1) == digest(["a"], [pa.chunked_array([[1]])], 1)
    True
    >>> digest(["a"], [pa.array([1, 2])], 2) == digest(["a"], [pa.array([2, 1])], 2)
    False
    """
    hashed = hashlib.sha256(repr((list(names), [str(one.type) for one in columns], rows)).encode())
    for start in range(0, rows, _ROWS):
        size = min(_ROWS, rows - start)
        parts = [_whole(one.slice(start, size)) for one in columns]
        if any(len(one) != size for one in parts):
            hashed.update(b"short")
        elif parts:
            hashed.update(row_bytes(parts, size))
    return hashed.hexdigest()


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _sync(path: Path) -> None:
    with path.open("rb+") as opened:
        os.fsync(opened.fileno())
