"""gzip on answers: whether to ask for it, and taking it off with a proof that all of it came.

With "auto" an export is asked for as gzip where the link is believed to be slower than 200 to 280 Mbit/s, which is told
by how fast answers of large rows came that were asked for plainly, those about the catalogue always among them. Until
one was large enough to tell, a host on the loopback is taken for fast and any other for slow; an answer speaks against
the link only if we waited for its bytes and the time of the way there and back does not explain that.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator
from math import log2
from statistics import median
from typing import Literal, get_args

from ..errors import IncompleteResult, InvalidInput, ServerUnavailable, sentence

Compression = Literal["auto", "gzip", "identity"]
Encoding = Literal["gzip", "identity"]

PIECE = 1 << 20  # bytes asked for, and given on, at a time: large, because every small read costs a Python call
PACKED_PIECE = 1 << 18  # ... of compressed ones, which are several times as many when unpacked

# Bytes a second. gzip makes a server three times as slow and an answer four to five times as small.
SLOW, FAST = 25e6, 35e6  # the link below which gzip pays and above which it does not; between them nothing changes
CLEARLY_SLOW = 10e6  # what a small answer must fall below: its few milliseconds may be the server's own
BRISK = 15e6  # unpacked: an answer in gzip that fast may be one that only the server's zlib held up

TELLING = 1 << 16  # bytes below which an answer says nothing
LARGE_ROW = 2 << 10  # bytes: smaller rows cost the server more time each than their bytes cost the link
FIRST_FLIGHT = 14_600  # bytes that TCP sends before it has heard of the other side; doubles with every way and back
_MEMORY = 400e6  # bytes a second: what comes faster than that was waiting already


class Watch:
    """How the bytes of one answer came: how many, how fast, and whether it was we who waited for them."""

    def __init__(self, size: int = PIECE, clock: Callable[[], float] = time.perf_counter) -> None:
        self.size = size
        self.bytes = self.unpacked = self.rows = 0
        self.waited = 0.0
        self._clock = clock
        self._begun = self._last = clock()
        self._emptied = True  # nothing is left over from before: what comes next has come since then
        self._rates: list[float] = []

    def read(self, source: Callable[[int], bytes]) -> bytes:
        """Read one piece, and note how it came."""
        begun = self._clock()
        piece = source(self.size)
        ended = self._clock()
        took = ended - begun
        self.waited += took
        self.bytes += len(piece)
        if self._emptied and len(piece) == self.size:
            self._rates.append(len(piece) / max(ended - self._last, 1e-9))
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
        """Bytes a second that the link has carried; the pieces' median, because a shaper lets the first ones pass."""
        mean = self.bytes / self.seconds
        return max(mean, median(self._rates)) if self._rates else mean

    @property
    def large_rows(self) -> bool:
        """Whether the server's own work on each row is nothing beside the bytes."""
        return self.unpacked >= LARGE_ROW * max(self.rows, 1)


class Link:
    """What is believed of the way to one server, and the encoding to ask for because of it; safe between threads."""

    def __init__(self, compression: Compression = "auto", *, loopback: bool = False) -> None:
        if compression not in get_args(Compression):
            raise InvalidInput(
                sentence("compression is not known", expected=" or ".join(map(repr, get_args(Compression))))
            )
        self._asked = compression
        self._loopback = loopback
        self._lock = threading.Lock()
        self._packs: bool | None = None  # None: no answer has told yet
        self._brisk = False
        self._latency = float("inf")

    def encoding(self, *, small: bool = False) -> Encoding:
        """Give the encoding to ask for; ``small`` for a question whose answer is to be the yardstick."""
        if self._asked != "auto":
            return self._asked
        with self._lock:
            if small or self._packs is False:
                return "identity"
            if self._packs is None and (self._loopback or self._brisk):
                return "identity"
            return "gzip"

    def answered(self, seconds: float) -> None:
        """Note how long the head of an answer took: the way there and back is no longer than the shortest."""
        with self._lock:
            self._latency = min(self._latency, seconds)

    def learn(self, watch: Watch, encoding: Encoding) -> None:
        """Take an answer, or as much as was read of it, into account."""
        if watch.bytes < TELLING:
            return
        with self._lock:
            if watch.rate >= FAST:
                self._packs = False
            elif encoding == "gzip":
                self._brisk = watch.unpacked / watch.seconds >= BRISK
            elif self._tells_of_slowness(watch):
                limit = CLEARLY_SLOW if watch.bytes < PIECE else SLOW
                self._packs = watch.rate < limit or self._packs

    def _tells_of_slowness(self, watch: Watch) -> bool:
        explained = self._latency * log2(1 + watch.bytes / FIRST_FLIGHT) if watch.bytes < PIECE else 0.0
        return watch.large_rows and watch.waited > watch.seconds / 2 and watch.seconds > explained


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
