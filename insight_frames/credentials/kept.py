"""Sessions kept for the next process: one file an account and server, with the session and what made it.

A file is created with mode 0600 before it has content and put in place whole; one that others could read, or that is a
link, is as good as none. Where nothing can be written, the process remembers, and says so in the debug log only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import places, turns
from .secret import Hidden, Secret, Verifier

log = logging.getLogger("insight_frames")

_MOST = 1 << 16  # bytes that a file of ours can have
_OLD = 400 * 86400.0  # seconds, after which a file is of a server that nobody asks any more
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class Pause:
    """A span of time in which something is not to be tried; a clock set back ends it."""

    since: float
    seconds: float

    def left(self) -> float:
        """Seconds still to wait, 0 if it is over."""
        gone = time.time() - self.since
        return max(0.0, self.seconds - gone) if gone >= 0 else 0.0


@dataclass(frozen=True)
class Record:
    """What is known of one account at one server."""

    url: str
    username: str
    session: Secret | None = None
    verifier: Verifier | None = None  # of the password that made the session
    made: str = ""
    throttled: Pause | None = None
    refused: tuple[Verifier, Pause] | None = None

    def usable(self, password: Secret | None) -> bool:
        """Whether there is a session that this password made; without a password any will do."""
        if self.session is None:
            return False
        return password is None or (self.verifier is not None and self.verifier.matches(password))

    def with_session(self, session: Secret, verifier: Verifier | None) -> Record:
        """Give the record after a login."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Record(self.url, self.username, session, verifier, now)

    def without_session(self) -> Record:
        """Give the record after a logout."""
        return replace(self, session=None, verifier=None, made="")


class Kept:
    """The records of one server.

    Parameters
    ----------
    url : str
    on_disk : bool
        Whether other processes may see them; otherwise only the holder of this object does.
    """

    def __init__(self, url: str, *, on_disk: bool = True) -> None:
        self._url = url
        self._folder = _state_folder() if on_disk else None
        self._memory: dict[tuple[str, str], Record] = _SHARED if on_disk else {}
        self.shared = on_disk

    def __repr__(self) -> str:
        return f"<sessions kept for {self._url}>"

    def read(self, username: str) -> Record:
        """Give what is known of an account; an empty record if nothing is."""
        known = self._memory.get((self._url, username))
        if known is None and self._folder is not None:
            known = _load(self._path(self._folder, username))
        if known is not None and (known.url, known.username) == (self._url, username):
            return known
        return Record(self._url, username)

    def write(self, record: Record) -> None:
        """Keep a record in place of the one before; an empty one leaves no file."""
        key = (record.url, record.username)
        if self._folder is not None:
            try:
                _store(self._path(self._folder, record.username), record)
            except OSError as error:
                log.debug("the session is kept in memory only: %s in writing its file", type(error).__name__)
            else:
                self._memory.pop(key, None)
                return
        self._memory[key] = record

    def usernames(self) -> list[str]:
        """Name the accounts that have a session at this server."""
        return sorted(one.username for one in _with_session(self._folder, self._memory) if one.url == self._url)

    @contextmanager
    def turn(self, username: str) -> Iterator[None]:
        """Let one thread of one process at a time renew an account's session."""
        if not self.shared:
            yield
            return
        here = _TURNS.setdefault((self._url, username), threading.Lock())
        with ExitStack() as stack:
            if here.acquire(timeout=turns.PATIENCE):
                stack.callback(here.release)
            if self._folder is not None:
                with suppress(OSError):
                    _make(self._folder)
                stack.enter_context(turns.turn(self._path(self._folder, username).with_suffix(".lock")))
            yield

    def _path(self, folder: Path, username: str) -> Path:
        name = "\n".join((self._url, username)).encode("utf-8", "surrogatepass")
        return folder / f"{hashlib.sha256(name).hexdigest()[:32]}.json"


_SHARED: dict[tuple[str, str], Record] = {}  # what could not be written: for the other connections of this process
_TURNS: dict[tuple[str, str], threading.Lock] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_TURNS.clear)  # their holders are not in the child


def records(*, on_disk: bool = False) -> list[Record]:
    """Give every record with a session, of all servers; those on disk only, if told."""
    return _with_session(_state_folder(), {} if on_disk else _SHARED)


def _with_session(folder: Path | None, memory: dict[tuple[str, str], Record]) -> list[Record]:
    found = dict(memory)
    for path in sorted(folder.glob("*.json")) if folder is not None else ():
        one = _load(path)
        if one is not None:
            found.setdefault((one.url, one.username), one)
    return [one for one in found.values() if one.session is not None]


def _state_folder() -> Path | None:
    try:
        return places.state_folder()
    except RuntimeError:
        log.debug("sessions are kept in memory only: this user has no home folder")
        return None


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _load(path: Path) -> Record | None:
    """Read a record; None if there is none, if it is none, or if it is not this user's alone."""
    try:
        handle = os.open(path, os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not places.private(os.fstat(handle)):
            log.debug("a session file is not used: it is not this user's alone")
            return None
        try:
            return _from_json(json.loads(file.read(_MOST)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.debug("a session file is not used: it is damaged")
            return None


def _store(path: Path, record: Record) -> None:
    if record.session is None and record.throttled is None and record.refused is None:
        path.unlink(missing_ok=True)
        return
    _make(path.parent)
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)  # of a process that died here
    text = Secret(json.dumps(_to_json(record)))
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text.reveal())
            file.flush()
            os.fsync(handle)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _tidy(path.parent)


def _tidy(folder: Path) -> None:
    """Remove what has not been written, or locked, for more than a year."""
    for path in folder.iterdir():
        with suppress(OSError):
            if path.suffix in (".json", ".lock", ".new") and time.time() - path.lstat().st_mtime > _OLD:
                path.unlink()


def _to_json(record: Record) -> dict[str, Any]:
    node: dict[str, Any] = {"format": 1, "url": record.url, "username": record.username}
    if record.session is not None:
        node |= {"session": record.session.reveal(), "made": record.made}
        node["password"] = None if record.verifier is None else record.verifier.to_json()
    if record.throttled is not None:
        node["throttled"] = [record.throttled.since, record.throttled.seconds]
    if record.refused is not None:
        verifier, pause = record.refused
        node["refused"] = {"password": verifier.to_json(), "pause": [pause.since, pause.seconds]}
    return Hidden(node)


def _from_json(node: dict[str, Any]) -> Record:
    if node["format"] != 1:
        raise ValueError("a later form")
    session, password = node.get("session"), node.get("password")
    throttled, refused = node.get("throttled"), node.get("refused")
    return Record(
        _text(node["url"]),
        _text(node["username"]),
        None if session is None else Secret(_text(session)),
        None if password is None else Verifier.from_json(password),
        _text(node.get("made", "")),
        None if throttled is None else _pause(throttled),
        None if refused is None else (Verifier.from_json(refused["password"]), _pause(refused["pause"])),
    )


def _pause(node: Any) -> Pause:
    since, seconds = node
    return Pause(float(since), float(seconds))


def _text(node: Any) -> str:
    if not isinstance(node, str):
        raise TypeError("not a text")
    return node
