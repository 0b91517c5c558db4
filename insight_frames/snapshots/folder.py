"""The folder a snapshot is written into, and the one moment in which it gets its name.

Everything happens in a hidden sibling, so that the last step is a rename within one file system; a lock beside it makes
sure that whatever other hidden sibling is found belongs to a writer that is dead. An old snapshot that is replaced
keeps its data under a hidden name until the new one stands, and whoever comes next finishes or undoes a swap that was
cut off. A hidden folder with a note of what is whole in it waits for the same question to be asked again.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import manifest
from ..errors import SnapshotError, sentence
from .lock import Busy, Lock, owner, sync_folder

OWNER = ".owner.json"
REST = ".rest.json"
_FOREIGN_AGE = 24 * 3600  # seconds without a change before a folder of another host counts as left over
_REST_AGE = 24 * 3600  # seconds after which nobody goes on with what is left: a database may have been restored
_PATIENCE = 5.0  # seconds a reader waits for a swap that is going on


def resolve(path: str | os.PathLike[str]) -> Path:
    """Make the path absolute; its last part must be a name."""
    try:
        target = Path(os.path.abspath(Path(path).expanduser()))
    except (TypeError, ValueError, RuntimeError) as error:
        raise SnapshotError(
            sentence("The path of a snapshot cannot be used", expected="the path of a folder")
        ) from error
    if not target.name or "\0" in target.name:
        raise SnapshotError(sentence("The path of a snapshot must end in a name", got=repr(str(path))))
    return target


@contextmanager
def writing(target: Path, *, overwrite: bool, question: str | None = None) -> Iterator[Path]:
    """Give a hidden folder to write into; publish it under the name at the end, or remove it on any error.

    The caller puts the manifest in last. Nothing is touched under the name until then. A folder that holds a note of
    what is whole in it (``REST``) outlives the error, and is given again to who writes the same ``question``.
    """
    _refuse_nested(target)
    with disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(target)
    try:
        with disk(target):
            folder = _prepare(target, overwrite, question)
        try:
            yield folder
            with disk(target):
                (folder / OWNER).unlink()
                sync_tree(folder)
                _publish(folder, target, overwrite)
        except BaseException:
            if not (folder / REST).is_file():
                shutil.rmtree(folder, ignore_errors=True)
            raise
    finally:
        lock.release()


def refuse(target: Path, overwrite: bool) -> None:
    """Raise SnapshotError if the path is no place for a snapshot."""
    _refuse_nested(target)
    _refuse_existing(target, overwrite)


def settle(target: Path) -> None:
    """Finish or undo a swap that was cut off, if nothing stands under the name; called before opening."""
    until = time.monotonic() + _PATIENCE
    while not target.exists() and _hidden(target, "old"):
        try:
            with disk(target):
                lock = Lock(target)
        except Busy:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
            continue
        try:
            with disk(target):
                _finish_swap(target)
        finally:
            lock.release()


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence; our own errors pass."""
    try:
        yield
    except OSError as error:
        raise SnapshotError(
            sentence(
                "The snapshot cannot be written",
                where=str(path),
                got=error.strerror or type(error).__name__,
                try_="check the rights and the free space of that folder, or choose another path",
            )
        ) from error


def sync_tree(folder: Path) -> None:
    """Put all folders on the disk for good; the files were synced when they were closed."""
    for one, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(one))


def write_file(path: Path, text: str) -> None:
    """Write a small file for good."""
    with path.open("w", encoding="utf-8", newline="\n", errors="surrogatepass") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _prepare(target: Path, overwrite: bool, question: str | None) -> Path:
    _finish_swap(target)
    left = _left(target, question)
    _sweep(target, left)
    _refuse_existing(target, overwrite)
    folder = left or _sibling(target, secrets.token_hex(6), "partial")
    folder.mkdir(exist_ok=left is not None)
    write_file(folder / OWNER, json.dumps(owner()))
    return folder


def _publish(folder: Path, target: Path, overwrite: bool) -> None:
    if not (overwrite and target.exists()):
        os.rename(folder, target)
        sync_folder(target.parent)
        return
    token = folder.name.removesuffix(".partial").rpartition(".")[2]
    old = _sibling(target, token, "old")
    os.rename(target, old)
    try:
        os.rename(folder, target)
    except BaseException:
        if not target.exists():
            os.rename(old, target)
        raise
    sync_folder(target.parent)
    _discard(old, target)


def _finish_swap(target: Path) -> None:
    """Bring the name back if a writer died between the two renames of a swap; the lock is ours."""
    for old in _hidden(target, "old"):
        if not target.exists():
            new = old.with_suffix(".partial")
            os.rename(new if (new / manifest.NAME).is_file() and manifest.is_snapshot(new) else old, target)
            sync_folder(target.parent)
        if old.exists():
            _discard(old, target)


def _discard(folder: Path, target: Path) -> None:
    """Remove a folder; under another name first, so that half of it is never taken for a whole one."""
    rest = _sibling(target, secrets.token_hex(6), "partial")
    with suppress(OSError):  # a reader on Windows may hold it: the next writer tries again
        os.rename(folder, rest)
        shutil.rmtree(rest, ignore_errors=True)


def _left(target: Path, question: str | None) -> Path | None:
    """Find what is left of an attempt at the same question."""
    for rest in _hidden(target, "partial"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            young = time.time() - (rest / REST).stat().st_mtime < _REST_AGE
            asked = json.loads((rest / REST).read_text("utf-8"))["question"]
            if young and question == asked and not _foreign(rest):
                return rest
    return None


def _sweep(target: Path, left: Path | None) -> None:
    """Remove what dead writers to this target left; the lock is ours."""
    for rest in _hidden(target, "partial"):
        if rest != left and not _foreign(rest):
            shutil.rmtree(rest, ignore_errors=True)


def _foreign(folder: Path) -> bool:
    """Whether a folder may belong to a living writer on another host, where a lock need not reach."""
    try:
        host = json.loads((folder / OWNER).read_text("utf-8"))["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    newest = max((one.stat().st_mtime for one in folder.rglob("*")), default=0.0)
    return bool(host != socket.gethostname() and time.time() - newest < _FOREIGN_AGE)


def _sibling(target: Path, token: str, kind: str) -> Path:
    return target.with_name(f".{target.name}.{token}.{kind}")


def _hidden(target: Path, kind: str) -> list[Path]:
    form = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}\.{kind}")
    try:
        return sorted(one for one in target.parent.iterdir() if form.fullmatch(one.name))
    except OSError:
        return []


def _refuse_nested(target: Path) -> None:
    folder = Path(os.path.realpath(target.parent))
    for parent in (folder, *folder.parents):
        if manifest.is_snapshot(parent):
            raise SnapshotError(
                sentence(
                    "A snapshot cannot be written inside another one", where=str(parent), try_="choose a path beside it"
                )
            )


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir() or not manifest.is_snapshot(target):
        raise SnapshotError(
            sentence(
                "The path exists and is not a snapshot; it was left as it is",
                where=str(target),
                try_="choose another path",
            )
        )
    if not overwrite:
        raise SnapshotError(
            sentence(
                "There is a snapshot under this path already; it was left as it is",
                where=str(target),
                try_="choose another path, or overwrite=True to replace it",
            )
        )
