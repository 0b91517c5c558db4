"""gzip on answers: whether to ask for it, and taking it off with a proof that all of it came.

With "auto" an export is asked for as gzip if answers in gzip have brought more bytes a second, unpacked, than plain
ones, and where gzip has not been tried lately, if plain ones have come by less than about 240 Mbit/s (those about the
catalogue are always plain, and tell before the first large one is asked for). Only answers of large rows count whose
bytes we waited for, so that neither the server's work on small rows, nor ours, nor the time of the way there and back
is taken for the link's. Over a short way the catalogue's answer makes a guess, which holds for two answers: what
was slow then may have been a machine that is busy. Where nothing is known, a host on the loopback is taken for fast and
any other for slow.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator
from math import log2
from typing import Literal, get_args

from ..errors import IncompleteResult, InvalidInput, ServerUnavailable, sentence

Compression = Literal["auto", "gzip", "identity"]
Encoding = Literal["gzip", "identity"]

PIECE = 1 << 18  # bytes asked for, and given on, at a time: smaller ones cost Python calls, larger ones memory

# Bytes a second. gzip makes a server three times as slow and an answer four to five times as small.
SLOW, FAST = 30e6, 40e6  # plain answers so slow are worth a try with gzip; so fast, they are not
CLEARLY_FAST = 80e6  # what a small answer must reach: a shaper lets its first bytes pass
CLEARLY_SLOW = 10e6  # what a small answer must fall below: its few milliseconds may be the server's own
BRISK = 15e6  # unpacked: an answer in gzip that fast may be one that only the server's zlib held up
MARGIN = 1.1  # by how much the other way must be better
LATELY = 600.0  # seconds

TELLING = 1 << 16  # bytes below which an answer says nothing
ENOUGH = 1 << 20  # ... and from which on it does, if it came steadily
MANY = 1 << 22  # ... and from which its pieces are enough to tell by themselves
LARGE_ROW = 2 << 10  # bytes: smaller rows cost the server more time each than their bytes cost the link
BURST = 1 << 16  # bytes that shapers and sockets let pass at once
SHORT = 5e-3  # seconds there and back, up to which they do not slow an answer
GUESSES = 2  # answers in gzip, after which a guess about plain ones is worth a look
FIRST_FLIGHT = 14_600  # bytes that TCP sends before it has heard of the other side; doubles with every way and back
FINE, FINE_PIECE = 1 << 18, 1 << 14  # bytes at an answer's start that are read in small pieces, and their size
_MEMORY = 400e6  # bytes a second: what comes faster than that was waiting already


class Watch:
    """How the bytes of one answer came: how many, how fast, and whether it was we who waited for them."""

    def __init__(self, size: int = PIECE, clock: Callable[[], float] = time.perf_counter) -> None:
        self.size = size
        self.bytes = self.unpacked = self.rows = 0
        self.waited = 0.0
        self._clock = clock
        self._begun = self._last = clock()
        self._burst = (0, self._begun)  # how many bytes its beginning had, and when it had come
        self._emptied = True  # nothing is left over from before: what comes next has come since then
        self._rates: list[float] = []
        self._fine: list[float] = []

    def read(self, source: Callable[[int], bytes]) -> bytes:
        """Read one piece, and note how it came."""
        size, rates = (FINE_PIECE, self._fine) if self.bytes < FINE else (self.size, self._rates)
        begun = self._clock()
        piece = source(size)
        ended = self._clock()
        took = ended - begun
        self.waited += took
        if self.bytes < BURST:
            self._burst = (self.bytes + len(piece), ended)
        self.bytes += len(piece)
        if self._emptied and len(piece) == size:
            rates.append(len(piece) / max(ended - self._last, 1e-9))
        self._emptied = took * _MEMORY > len(piece)
        self._last = ended if piece else self._last
        return piece

    def unpacked_to(self, piece: bytes) -> None:
        """Note a piece of the answer as it was written."""
        self.unpacked += len(piece)
        self.rows += piece.count(b"\n")

    @property
    def seconds(self) -> float:
        """From the answer's head to its last byte."""
        return max(self._last - self._begun, 1e-9)

    @property
    def rate(self) -> float:
        """Bytes a second that the link has carried for a while.

        A quarter of the pieces came faster: a shaper lets the first ones pass, a busy server keeps others waiting.
        """
        mean = self.bytes / self.seconds
        return max(mean, sorted(self._rates)[len(self._rates) * 3 // 4]) if self._rates else mean

    @property
    def later_rate(self) -> float | None:
        """Bytes a second behind the beginning, which may have come at once; None if there are too few to tell."""
        begun, since = self._burst
        return (self.bytes - begun) / max(self._last - since, 1e-9) if self.bytes - begun >= BURST else None

    @property
    def steady(self) -> bool:
        """Whether the start came as slowly as the rest: a machine that is busy lets bytes wait, then come at once."""
        from statistics import median

        return bool(self._fine) and median(self._fine) < FAST

    @property
    def tells(self) -> bool:
        """Whether it was the link, or what it asks of the server for each byte, that took the time."""
        return self.unpacked >= LARGE_ROW * max(self.rows, 1) and self.waited > self.seconds / 2


class Link:
    """What is believed of the way to one server, and the encoding to ask for because of it; safe between threads."""

    def __init__(
        self,
        compression: Compression = "auto",
        *,
        loopback: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if compression not in get_args(Compression):
            raise InvalidInput(
                sentence("compression is not known", expected=" or ".join(map(repr, get_args(Compression))))
            )
        self._asked = compression
        self._loopback = loopback
        self._clock = clock
        self._lock = threading.Lock()
        self._packs = False
        self._plain: float | None = None  # bytes a second of plain answers
        self._guess: float | None = None  # what they may be, as long as none has told
        self._guesses = 0  # for how many answers in gzip it still holds
        self._packed: float | None = None  # of those in gzip, unpacked
        self._tried = 0.0  # when gzip was
        self._latency = float("inf")

    def encoding(self, *, small: bool = False) -> Encoding:
        """Give the encoding to ask for; ``small`` for a question whose answer is to be the yardstick."""
        if self._asked != "auto":
            return self._asked
        with self._lock:
            return "gzip" if not small and self._pays() else "identity"

    def answered(self, seconds: float) -> None:
        """Note how long the head of an answer took: the way there and back is no longer than the shortest."""
        with self._lock:
            self._latency = min(self._latency, seconds)

    def learn(self, watch: Watch, encoding: Encoding) -> None:
        """Take an answer, or as much as was read of it, into account."""
        with self._lock:
            if encoding == "gzip" and watch.tells and watch.unpacked >= ENOUGH:
                self._packed, self._tried = watch.unpacked / watch.seconds, self._clock()
                self._guesses -= 1
            elif encoding == "identity" and watch.bytes >= TELLING:
                if self._is_plain_speech(watch):
                    self._plain = watch.rate
                elif watch.tells and self._latency < SHORT:
                    self._guess, self._guesses = watch.later_rate, GUESSES

    def _is_plain_speech(self, watch: Watch) -> bool:
        if watch.rate >= (FAST if watch.bytes >= ENOUGH else CLEARLY_FAST):  # a link is at least as fast as it was
            return True
        if watch.bytes >= ENOUGH:
            return watch.tells and (watch.steady or watch.bytes >= MANY)
        explained = self._latency * log2(1 + watch.bytes / FIRST_FLIGHT)
        return watch.tells and watch.steady and watch.rate < CLEARLY_SLOW and watch.seconds > explained

    def _pays(self) -> bool:
        lately = self._packed is not None and self._clock() - self._tried < LATELY
        plain = self._guess if self._plain is None and self._guesses > 0 else self._plain
        if plain is None:
            return not self._loopback and not (self._packed is not None and self._packed >= BRISK)
        if self._packed is not None and lately:
            self._packs = self._packed * (MARGIN if self._packs else 1 / MARGIN) > plain
        else:
            self._packs = plain < (FAST if self._packs else SLOW)
        return self._packs


def unpacked(packed: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Take gzip off; memory is bounded whatever the bytes unpack to.

    Raises
    ------
    IncompleteResult
        The stream is damaged, ends before its trailer, or goes on behind it.
    """
    unpack = zlib.decompressobj(31)
    for piece in packed:
        if unpack.eof:
            raise _broken(where, "bytes behind its end")
        given = b"first"
        while given:  # also what zlib holds back with nothing left to put in
            try:
                given = unpack.decompress(piece, PIECE)
            except zlib.error:
                raise _broken(where, "damaged bytes") from None
            piece = unpack.unconsumed_tail
            if given:
                yield given
        if unpack.unused_data:
            raise _broken(where, "bytes behind its end")
    if not unpack.eof:
        raise _broken(where, "no end")


def check_encoding(told: str | None, asked: Encoding, where: str) -> Encoding:
    """Give the encoding of an answer; ServerUnavailable if it is one that was not asked for."""
    name = (told or "").strip().lower()
    if name in ("", "identity"):
        return "identity"
    if name in ("gzip", "x-gzip") and asked == "gzip":
        return "gzip"
    raise ServerUnavailable(
        sentence(
            "The answer is compressed in a way that was not asked for",
            where=where,
            expected=asked,
            got=f"Content-Encoding {name[:40]!r}",
            try_="a look at the proxy in between, which changes answers",
        )
    )


def _broken(where: str, got: str) -> IncompleteResult:
    return IncompleteResult(
        sentence(
            "The answer did not arrive whole",
            where=where,
            expected="one gzip stream with its end",
            got=got,
            try_="ask again; nothing of this answer was used",
        )
    )
