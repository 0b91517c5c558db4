"""Searches all that the tests make the package say for what must never be said: secrets, values of parameters and rows.

Every test is searched when it ends: log records at every level (urllib3's too), errors with their chain and traceback,
what commands print, what frames say of their origin, and the files in its folder. Canaries are all texts that were
secrets or parameters during the test, and the labels, addresses and numbers of all participants of the study.
A value may stand on ``err.value`` and ``err.row_key``, and in the rows of data files.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import insight_frames
from insight_frames import InsightError
from insight_frames.credentials import Secret
from insight_frames.question import Question
from insight_frames.stream import Stream

PACKAGE = str(Path(insight_frames.__file__).parent)
TESTS = str(Path(__file__).parent)
SANDBOX = str(Path(PACKAGE, "sandbox"))
LOGGERS = ("insight_frames", "urllib3.connectionpool", "urllib3.util.retry")
EVERY = logging.DEBUG - 1  # a level of our own: a test that sets one means another
PARTICIPANT = re.compile(r"\b[Ss]{2}_\d{6}\b|\b\d{3}-\d{5}\b|\+1 555 \d{5}")
LEAST = 8  # characters: shorter texts stand everywhere
OPEN = ("value", "row_key")  # what of an error may hold values
DATA = (".parquet", ".xlsx", ".csv", ".dta", ".sav", ".xpt", ".ndjson", ".sql")
LARGEST = 1 << 22  # bytes of a file that are looked at: from either end, if it is larger


class Watch:
    """What was said in one test, and what must not have been."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.values: set[str] = set()
        self.said: set[tuple[str, str]] = set()
        self.printed: set[str] = set()  # rows may be printed by a program that shows them, as the demo does
        self.locals: set[tuple[str, str]] = set()  # only secrets must not stand there

    def say(self, where: str, text: str) -> None:
        self.said.add((where, text))

    def leaks(self, folder: Path | None = None) -> list[str]:
        """Where canaries were found; they themselves are not told."""
        found = [f"{where} holds {what}" for where, text in self.said for what in self._in(text)]
        found += [f"{where} holds a secret" for where, text in self.locals if any(one in text for one in self.secrets)]
        for what, kept in (("a secret", self.secrets), ("the value of a parameter", self.values)):
            found += [f"what was printed holds {what}" for text in self.printed if any(one in text for one in kept)]
        return sorted({*found, *(() if folder is None else self._in_files(folder))})

    def _in(self, text: str) -> Iterator[str]:
        if any(one in text for one in self.secrets):
            yield "a secret"
        if any(one in text for one in self.values):
            yield "the value of a parameter"
        if PARTICIPANT.search(text):
            yield "a participant"

    def _in_files(self, folder: Path) -> Iterator[str]:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink() and not mine(file):
                where = f"the file {file.relative_to(folder)}"
                text = looked_at(file)
                if any(one in text for one in self.secrets - {kept_session(file, text)}):
                    yield f"{where} holds a secret"
                if file.suffix == ".parquet":
                    text = footer(file)
                if file.suffix not in DATA or file.suffix == ".parquet":
                    yield from (f"{where} holds {what}" for what in self._in(text) if what != "a secret")


def looked_at(file: Path) -> str:
    """Give a file's content as text, the beginning and the end of a large one."""
    with file.open("rb") as opened:
        data = opened.read(LARGEST)
        if file.stat().st_size > 2 * LARGEST:
            opened.seek(-LARGEST, 2)
        return (data + opened.read(LARGEST)).decode("utf-8", "replace")


def footer(file: Path) -> str:
    """Give a Parquet file's footer as text; nothing for one that was cut off."""
    data = file.read_bytes()
    size = int.from_bytes(data[-8:-4], "little") if data[-4:] == b"PAR1" else 0
    return data[-8 - size : -8].decode("utf-8", "replace") if size else ""


def kept_session(file: Path, text: str) -> str:
    """Give the session that a file of ours may hold, which nobody else may read."""
    if file.parent.name != "sessions" or file.stat().st_mode & 0o077:
        return ""
    with suppress(ValueError):
        return str(json.loads(text).get("session"))
    return ""


def mine(file: Path) -> bool:
    """Whether a test wrote it: settings with a password in clear, which the package only reads."""
    return file.name in ("config.toml", ".netrc", "netrc") or file.suffix in (".py", ".ipynb")


WATCH = Watch()


# ------------------------------------------------------------------ errors
def told(error: BaseException) -> Iterator[str]:
    """All texts of an error, of what it came of, and the traceback as Python prints it, of our own frames."""
    seen: set[int] = set()
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield from (str(one), repr(one), repr(one.args), *map(str, getattr(one, "__notes__", ())))
        if isinstance(one, InsightError):
            yield repr({name: value for name, value in vars(one).items() if name not in OPEN})
        yield from traceback.format_list(
            [part for part in traceback.extract_tb(one.__traceback__) if ours(part.filename)]
        )
        chain += [one.__cause__, None if one.__suppress_context__ else one.__context__]
        if one.__suppress_context__ and one.__context__ is not None:  # not printed, but still there
            WATCH.locals.add(("a suppressed context", f"{one.__context__!r} {one.__context__.args!r}"))


def ours(filename: str) -> bool:
    return filename.startswith(PACKAGE) and not filename.startswith(SANDBOX)


def heard(error: BaseException | None) -> None:
    """Take note of an error as it was caught."""
    if error is None or not (isinstance(error, InsightError) or _came_through(error)):
        return
    for text in told(error):
        WATCH.say(f"{type(error).__name__}", text)
    for frame in _frames(error):
        for name, value in frame.f_locals.items():
            WATCH.locals.add((f"the local variable {name} in {frame.f_code.co_qualname}", shown(value)))


def _came_through(error: BaseException) -> bool:
    return any(True for _ in _frames(error))


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Frames of ours, and those of libraries below them."""
    found = False
    for frame, _ in traceback.walk_tb(error.__traceback__):
        found = found or ours(frame.f_code.co_filename)
        if found and not frame.f_code.co_filename.startswith((TESTS, SANDBOX)):
            yield frame


def shown(value: Any) -> str:
    """Show a local variable as a debugger would; frames and arrays hold rows, which is what they are for."""
    if isinstance(value, bytes | bytearray):
        return bytes(value[:LARGEST]).decode("utf-8", "replace")
    if type(value).__module__.partition(".")[0] in ("pandas", "pyarrow", "numpy"):
        return ""
    try:
        return repr(value)
    except Exception as error:  # a test's own objects may have none
        return type(error).__name__


# ------------------------------------------------------------------ hooks
def install(patch: pytest.MonkeyPatch) -> None:
    """Listen to errors, logs, secrets, parameters, provenance and what commands print, for as long as `patch` lives."""
    _before(patch, pytest.RaisesExc, "__exit__", lambda self, kind=None, error=None, trace=None: heard(error))
    _before(patch, Secret, "__init__", lambda self, text: _keep(WATCH.secrets, "" if text[:1] == "{" else text))
    _before(patch, Stream, "close", lambda self: WATCH.say("df.attrs", json.dumps(self.provenance, default=str)))
    _behind(patch, Question, "__init__", lambda self, result: _keep_all(self.params))
    _behind(patch, InsightError, "__init__", lambda self, result: WATCH.say(type(self).__name__, repr(self.args)))
    _behind(patch, pytest.CaptureFixture, "readouterr", lambda self, result: WATCH.printed.add(repr(result)))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        patch.setattr(logger, "filters", [*logger.filters, _listening(logger)])
        logger.setLevel(EVERY)


def _before(patch: pytest.MonkeyPatch, owner: type, name: str, note: Callable[..., None]) -> None:
    original = getattr(owner, name)

    def noting(*args: Any, **more: Any) -> Any:
        note(*args, **more)
        return original(*args, **more)

    patch.setattr(owner, name, noting)


def _behind(patch: pytest.MonkeyPatch, owner: type, name: str, note: Callable[..., None]) -> None:
    original = getattr(owner, name)

    def noting(self: Any, *args: Any, **more: Any) -> Any:
        result = original(self, *args, **more)
        note(self, result)
        return result

    patch.setattr(owner, name, noting)


def _listening(logger: logging.Logger) -> Callable[[logging.LogRecord], bool]:
    """Let pass what would have been logged without us."""

    def listen(record: logging.LogRecord) -> bool:
        WATCH.say(f"the log of {record.name}", record.getMessage() + repr(record.args))
        parent = logger.parent
        meant = parent.getEffectiveLevel() if logger.level == EVERY and parent is not None else logger.level
        return record.levelno >= meant

    return listen


def _keep(kept: set[str], text: object) -> None:
    if isinstance(text, str) and len(text) >= LEAST:
        kept.add(text)


def _keep_all(params: object) -> None:
    values = list(params.values()) if isinstance(params, Mapping) else []
    while values:
        one = values.pop()
        if isinstance(one, list | tuple | set):
            values += one
        _keep(WATCH.values, one)
