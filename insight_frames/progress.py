"""How far long work is: a bar where somebody looks on, a step to a function that was given, otherwise nothing at all.

The work tells what it has done and knows nobody who looks on. Names of tables and numbers are told, never a value of a
row, and nothing goes to a log.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any

from .errors import InvalidInput, sentence

EVERY = 0.1  # seconds between two steps that are told
Asked = bool | Callable[["Step"], object] | None


@dataclass(frozen=True)
class Step:
    """How far a piece of work is.

    Attributes
    ----------
    work : str
        What is done: "snapshot", "verify" or "diff".
    table : str or None
        The table at hand, ``schema.table``.
    tables, rows, bytes : int
        What is done.
    tables_total, rows_total, bytes_total : int or None
        What there is to do; the rows of a server are its planner's guess. None where nobody knows.
    seconds : float
        Since the beginning.
    done : bool
        Whether this is the last step.
    """

    work: str
    table: str | None = None
    tables: int = 0
    tables_total: int | None = None
    rows: int = 0
    rows_total: int | None = None
    bytes: int = 0
    bytes_total: int | None = None
    seconds: float = 0.0
    done: bool = False

    @property
    def rate(self) -> float:
        """Rows in a second."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def fraction(self) -> float | None:
        """What part is done, from 0 to 1: of rows and bytes where both are known, else of what is."""
        if self.done:
            return 1.0
        pairs = ((self.rows, self.rows_total), (self.bytes, self.bytes_total))
        parts = [min(some / whole, 1.0) for some, whole in pairs if whole]
        if not parts and self.tables_total:
            parts = [min(self.tables / self.tables_total, 1.0)]
        return sum(parts) / len(parts) if parts else None

    @property
    def remaining(self) -> float | None:
        """Seconds to go, if it goes on like this.

        >>> Step("verify", rows=25, rows_total=100, seconds=3.0).remaining
        9.0
        """
        part = self.fraction
        return self.seconds * (1 - part) / part if part else None

    def __str__(self) -> str:
        tables = f"{self.tables}" if self.tables_total is None else f"{self.tables}/{self.tables_total}"
        return f"{tables} tables, {self.rows:,} rows, {self.bytes / 1e6:,.1f} MB, {self.rate:,.0f} rows/s"


class Progress:
    """Takes from the work what it has done, and tells it on; a context manager, so that a bar ends with the work.

    Parameters
    ----------
    asked : None, bool or callable
        None: a bar if tqdm is installed and somebody looks on; True: a bar; False: nothing; a callable gets a
        :class:`Step` now and then, in the thread that works, and ends the work by raising.
    work : str
        What is done.
    tables, rows, bytes : int, optional
        What there is to do.

    Examples
    --------
    >>> with Progress(lambda step: print(step.table, step.tables, step.rows), "snapshot", tables=1) as progress:
    ...     progress.begin("s_juno.site")
    ...     progress.advance(rows=3)
    ...     progress.table_done("s_juno.site")
    s_juno.site 0 0
    s_juno.site 1 3
    """

    def __init__(
        self,
        asked: Asked,
        work: str,
        *,
        tables: int | None = None,
        rows: int | None = None,
        bytes: int | None = None,
    ) -> None:
        self._show = _shown(asked)
        self._work, self._totals = work, (tables, rows, bytes)
        self._begun = self._next = time.monotonic()
        self._table: str | None = None
        self._tables = self._rows = self._bytes = 0

    @property
    def on(self) -> bool:
        """Whether anybody is told."""
        return self._show is not None

    def expect(self, *, tables: int | None = None, rows: int | None = None, bytes: int | None = None) -> None:
        """Say what there is to do, once that is known; the work begins."""
        self._totals = (tables, rows, bytes)
        self._tables = self._rows = self._bytes = 0

    def begin(self, table: str) -> None:
        """A table, ``schema.table``, is at hand now."""
        self._table = table
        self._tell()

    def advance(self, rows: int = 0, bytes: int = 0) -> None:
        """So many more rows and bytes are done."""
        if self._show is not None:
            self._rows += rows
            self._bytes += bytes
            self._tell()

    def table_done(self, table: str | None = None) -> None:
        """One more table is done."""
        self._table = table or self._table
        self._tables += 1
        self._tell()

    def step(self, done: bool = False) -> Step:
        """Say how far it is."""
        tables, rows, bytes_ = self._totals
        seconds = time.monotonic() - self._begun
        return Step(self._work, self._table, self._tables, tables, self._rows, rows, self._bytes, bytes_, seconds, done)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._show, _Bar):
            self._show.end(self.step(done=kind is None))
        elif self._show is not None and kind is None:
            self._show(self.step(done=True))

    def _tell(self) -> None:
        if self._show is not None and time.monotonic() >= self._next:
            self._show(self.step())
            self._next = time.monotonic() + EVERY


def watched(
    batches: Iterator[tuple[int, Any]], labels: Sequence[str], progress: Progress
) -> Generator[tuple[int, Any], None, None]:
    """Pass on (number of a table, record batch) and tell of them; None for a batch lets its table begin anew.

    A table counts as done when another one comes for the first time, and at the end.
    """
    rows: dict[int, int] = {}
    try:
        for index, batch in batches:
            if index not in rows:
                if rows:
                    progress.table_done()
                rows[index] = 0
                progress.begin(labels[index])
            more = -rows[index] if batch is None else batch.num_rows
            rows[index] += more
            progress.advance(more, 0 if batch is None else batch.nbytes)
            yield index, batch
        for _ in range(max(len(rows) - 1, 0), len(labels)):
            progress.table_done()
    finally:
        if isinstance(batches, Generator):
            batches.close()  # hang up now, not when it is collected


class _Bar:
    """A bar of tqdm's, in a terminal or a notebook."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm, self._bar = tqdm, None

    def __call__(self, step: Step) -> None:
        if self._bar is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a notebook without widgets gets the bar of a terminal
                form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining} {postfix}"
                self._bar = self._tqdm(total=1.0, desc=step.work, bar_format=form, file=sys.stderr)
        bar: Any = self._bar
        bar.n = step.fraction or 0.0
        bar.set_postfix_str(str(step), refresh=True)

    def end(self, step: Step) -> None:
        if step.done:
            self(step)
        if self._bar is not None:
            self._bar.close()


def _shown(asked: Asked) -> Callable[[Step], object] | None:
    if asked is False or (asked is None and not _looked_on()):
        return None
    if callable(asked):
        return asked
    if asked is not None and asked is not True:
        raise InvalidInput(
            sentence("progress= cannot be meant", expected="True, False, None or a function of one step")
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in a notebook without ipywidgets; the bar is one of text there
            return _Bar(import_module("tqdm.auto").tqdm)
    except ImportError:
        if asked is None:
            return None
        raise InvalidInput(
            sentence(
                "progress=True needs tqdm, which is not installed",
                try_='pip install "insight-frames[progress]", or give a function',
            )
        ) from None


def _looked_on() -> bool:
    """Whether standard error is a terminal, or this runs in a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if type(shell).__name__ == "ZMQInteractiveShell":
        return True
    stream = sys.stderr  # None in a program without a console, and whatever a host program put there
    return not getattr(stream, "closed", True) and bool(getattr(stream, "isatty", bool)())
