"""How long a server is waited for, when it is asked once more, and how many requests it gets at the same time.

Only time in which we wait for the server counts, so that a question whose rows are worked on for hours does not fail
for it; and what took long to fail is not asked again, because it would fail the same way and may still be worked on.
"""

from __future__ import annotations

import io
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..errors import ServerUnavailable, sentence
from .address import Timeouts

if TYPE_CHECKING:
    from typing_extensions import Buffer

BUSY = frozenset((429, 502, 503, 504))  # answers of a server, or of a proxy before it, that may be another next time
REPEATS = 3
PAUSE = 0.5  # seconds before the first repetition, doubled each time
LONGEST_PAUSE = 60.0  # seconds that a server may ask us to wait
SOON = 30.0  # seconds within which a failure must have come to be worth another try
_NOTICED = 0.5  # seconds after which an answer that was lost rather than closed is noticed


class Allowance:
    """The seconds that one request may take, with all repetitions and its whole answer; a context manager to wait in.

    Attributes
    ----------
    received : int
        Bytes that came of the answer under way, its head included.
    """

    def __init__(self, timeouts: Timeouts, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeouts = timeouts
        self.received = 0
        self._left = timeouts.total
        self._clock = clock
        self._since: float | None = None

    def __enter__(self) -> Allowance:
        self._since = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        self._left, self._since = self.left(), None

    def left(self) -> float:
        """Give the seconds that are left."""
        return self._left - (0.0 if self._since is None else self._clock() - self._since)

    def each(self) -> tuple[float, float]:
        """Give the seconds for connecting and for one wait for bytes."""
        left = max(self.left(), 0.001)
        return min(self.timeouts.connect, left), min(self.timeouts.read, left)


CURRENT: ContextVar[Allowance | None] = ContextVar("CURRENT", default=None)


class Incoming(io.RawIOBase):
    """The bytes of one answer as they come, within its allowance: a server that sends them one by one does not last."""

    def __init__(self, raw: Any, sock: socket.socket, allowance: Allowance) -> None:
        self._raw, self._sock, self._allowance = raw, sock, allowance
        self._once = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        left = self._allowance.left()
        if left <= 0:
            raise TimeoutError("no time is left")
        self._sock.settimeout(left if self._once is None else min(self._once, left))
        count: int | None = self._raw.readinto(buffer)
        self._allowance.received += count or 0
        return count

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def close(self) -> None:
        self._raw.close()
        super().close()


def pause(repeated: int, took: float, left: float, asked: float | None = None) -> float | None:
    """Give the seconds to wait before a request is sent again; None if it should not be.

    ``asked`` are those that the server asks for, ``took`` those after which it failed.

    >>> pause(0, took=0.1, left=60.0, asked=7.0), pause(3, took=0.1, left=60.0), pause(0, took=61.0, left=900.0)
    (7.0, None, None)
    """
    seconds = PAUSE * 2**repeated * random.uniform(0.75, 1.25)  # many that failed at once do not come back at once
    if asked is not None:
        seconds = max(seconds, asked) if asked <= LONGEST_PAUSE else left
    return None if repeated >= REPEATS or took > SOON or seconds >= left else seconds


def retry_after(header: str | None) -> float | None:
    """Read the header Retry-After, seconds or a date; None if there is none, or nothing readable.

    >>> retry_after("30"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
    (30.0, 0.0, None)
    """
    text = (header or "").strip()[:60]
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max((date - datetime.now(UTC)).total_seconds(), 0.0)


class Place:
    """The right to have one request on its way."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.thread = threading.get_ident()

    def leave(self) -> None:
        """Give it to the next one; safe to call twice."""
        self._places.left_by(self)


class Places:
    """So many requests at the same time; a thread that still reads an answer does not wait for itself."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: WeakSet[Place] = WeakSet()
        self._changed = threading.Condition()

    def take(self, allowance: Allowance, where: str) -> Place:
        """Wait for a place; ServerUnavailable if the allowance does not last."""
        place = Place(self)
        with self._changed, allowance:
            while not self._free(place.thread):
                if allowance.left() <= 0:
                    raise ServerUnavailable(self._full(where))
                self._changed.wait(min(_NOTICED, max(allowance.left(), 0.001)))
            self._taken.add(place)
        return place

    def left_by(self, place: Place) -> None:
        """Take a place back."""
        with self._changed:
            self._taken.discard(place)
            self._changed.notify()

    def _free(self, thread: int) -> bool:
        return len(self._taken) < self._most or any(one.thread == thread for one in self._taken)

    def _full(self, where: str) -> str:
        return sentence(
            "The request was not sent, because as many as may be are on their way",
            where=where,
            expected=f"at most {self._most} at the same time",
            try_="connect(..., parallel=) with a larger number, or close() iterators that are not read to their end",
        )
