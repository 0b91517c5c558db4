"""gzip comes off exactly or not at all, in bounded memory; and "auto" asks for it on slow links only."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight_frames import IncompleteResult, InvalidInput, ServerUnavailable
from insight_frames.wire.compression import (
    PIECE,
    Encoding,
    Link,
    Watch,
    check_encoding,
    unpacked,
)

MBIT = 1e6 / 8
MB = 1 << 20


def packed(rows: Sequence[bytes], *, flush: bool = True) -> bytes:
    """As Metabase sends it: one sync flush behind each row."""
    pack = zlib.compressobj(6, zlib.DEFLATED, 31)
    parts = [part for row in rows for part in (pack.compress(row), pack.flush(zlib.Z_SYNC_FLUSH) if flush else b"")]
    return b"".join([*parts, pack.flush()])


def cut(data: bytes, places: Sequence[int]) -> Iterator[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return (data[start:end] for start, end in pairwise(edges) if end > start)


@given(st.lists(st.binary(max_size=300), max_size=30), st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_what_was_packed_comes_back(rows: list[bytes], places: list[int], flush: bool) -> None:
    assert b"".join(unpacked(cut(packed(rows, flush=flush), places), "here")) == b"".join(rows)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_end_that_is_missing_is_noticed_wherever_it_breaks_off(step: int) -> None:
    body = packed([b'{"a":%d},\n' % one for one in range(200)])
    for size in range(0, len(body), step if step > 1 else 13):
        with pytest.raises(IncompleteResult, match="one gzip stream with its end"):
            list(unpacked(cut(body[:size], range(0, size, max(step, 5))), "here"))


def test_a_changed_byte_is_noticed_or_changes_nothing() -> None:
    rows = [b'{"a":%d},\n' % one for one in range(100)]
    body, right = packed(rows), b"".join(rows)
    for place in range(len(body)):
        wrong = bytearray(body)
        wrong[place] ^= 0x41
        try:
            assert b"".join(unpacked(iter([bytes(wrong)]), "here")) == right
        except IncompleteResult:
            continue
        assert 3 < place < 10  # the header's time and system, which mean nothing


@pytest.mark.parametrize(
    "more", [b"\0", b"\n", b"[]", gzip.compress(b"more", mtime=0)], ids=["nul", "line", "list", "gzip"]
)
@pytest.mark.parametrize("apart", [True, False])
def test_bytes_behind_the_end_are_no_part_of_an_answer(more: bytes, apart: bool) -> None:
    body = packed([b"[]"])
    with pytest.raises(IncompleteResult, match="bytes behind its end"):
        list(unpacked(iter([body, more] if apart else [body + more]), "here"))


def test_memory_does_not_grow_with_what_comes_out() -> None:
    size = 100 * PIECE
    body = gzip.compress(bytes(size), 9)
    assert len(body) < PIECE  # so it arrives as one piece
    tracemalloc.start()
    try:
        total = 0
        for piece in unpacked(iter([body]), "here"):
            assert len(piece) <= PIECE
            total += len(piece)
        assert tracemalloc.get_traced_memory()[1] < 6 * PIECE
    finally:
        tracemalloc.stop()
    assert total == size


def test_only_what_was_asked_for_is_taken() -> None:
    assert check_encoding(None, "gzip", "here") == "identity"
    assert check_encoding("identity", "identity", "here") == "identity"
    assert check_encoding(" GZIP ", "gzip", "here") == "gzip"
    for told, asked in (("gzip", "identity"), ("br", "gzip"), ("deflate", "gzip"), ("gzip, gzip", "gzip")):
        with pytest.raises(ServerUnavailable, match=r"not asked for.*proxy"):
            check_encoding(told, asked, "here")  # type: ignore[arg-type]


# ------------------------------------------------------------------ auto
class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def arrived(
    size: int,
    rate: float,
    *,
    encoding: Encoding = "identity",
    away: float = 0.0,
    row: int = 32_000,
    burst: int = 0,
    factor: float = 1.0,
) -> Watch:
    """An answer of ``size`` bytes on the wire at ``rate``, the first ``burst`` at once, looked at every ``away``."""
    clock = Clock()
    watch = Watch(PIECE, clock)

    def source(count: int) -> bytes:
        come = min(count, size - watch.bytes)
        due = max(0, watch.bytes + come - burst) / rate
        clock.now = max(clock.now + come / 5e9, due)
        return bytes(come)

    while piece := watch.read(source):
        line = b"x" * (row - 1) + b"\n"
        given = int(len(piece) * factor)
        watch.unpacked_to(line * (given // row) + line[: given % row])
        clock.now += away
    return watch


@pytest.mark.parametrize(
    ("mbit", "chosen"), [(1, "gzip"), (10, "gzip"), (50, "gzip"), (200, "gzip"), (250, "identity"), (1000, "identity")]
)
@pytest.mark.parametrize("loopback", [True, False])
def test_a_large_answer_tells_slow_from_fast(mbit: float, chosen: str, loopback: bool) -> None:
    link = Link("auto", loopback=loopback)
    link.learn(arrived(20 * MB, mbit * MBIT), "identity")
    assert link.encoding() == chosen
    assert link.encoding(small=True) == "identity"


@pytest.mark.parametrize(("mbit", "chosen"), [(10, "gzip"), (50, "gzip"), (1000, "identity")])
def test_the_catalogue_is_enough_to_tell(mbit: float, chosen: str) -> None:
    link = Link("auto", loopback=True)
    link.answered(0.002)
    link.learn(arrived(150_000, mbit * MBIT, row=3000), "identity")
    assert link.encoding() == chosen


def test_nothing_known_is_the_kind_of_host() -> None:
    assert Link("auto", loopback=True).encoding() == "identity"
    assert Link("auto", loopback=False).encoding() == "gzip"
    link = Link("auto", loopback=True)
    link.learn(arrived(5_000, 1 * MBIT), "identity")
    assert link.encoding() == "identity"


def test_a_long_way_is_not_a_slow_one() -> None:
    link = Link("auto", loopback=True)
    link.answered(0.040)
    link.learn(arrived(150_000, 150_000 / 0.120, row=3000), "identity")
    assert link.encoding() == "identity"
    link.learn(arrived(150_000, 150_000 / 0.500, row=3000), "identity")
    assert link.encoding() == "gzip"


def test_the_servers_work_on_small_rows_is_not_the_links() -> None:
    link = Link("auto", loopback=True)
    link.learn(arrived(20 * MB, 70 * MBIT, row=200), "identity")
    assert link.encoding() == "identity"


@pytest.mark.parametrize(
    ("mbit", "chosen"), [(20, "gzip"), (100, "gzip"), (200, "gzip"), (300, "identity"), (1000, "identity")]
)
@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.usefixtures("guessing")
def test_over_a_short_way_the_catalogue_makes_a_guess(mbit: float, chosen: str, loopback: bool) -> None:
    link = Link("auto", loopback=loopback)
    link.answered(0.002)
    link.learn(arrived(150_000, mbit * MBIT, burst=60_000, row=3000), "identity")
    assert link.encoding() == chosen


@pytest.mark.usefixtures("guessing")
def test_a_guess_is_compared_and_looked_at_after_two_answers() -> None:
    link = Link("auto", loopback=True)
    link.answered(0.002)
    link.learn(arrived(150_000, 80 * MBIT, row=3000), "identity")
    chosen = []
    for _ in range(3):  # the machine was busy: it is no tunnel
        chosen.append(link.encoding())
        link.learn(arrived(20 * MB, 800 * MBIT if chosen[-1] == "identity" else 40 * MBIT, factor=4.5), chosen[-1])
    assert chosen == ["gzip", "gzip", "identity"]
    assert link.encoding() == "identity"
    link = Link("auto", loopback=True)
    link.answered(0.002)
    link.learn(arrived(150_000, 200 * MBIT, row=3000), "identity")
    link.learn(arrived(4 * MB, 20 * MBIT, factor=4.5), "gzip")  # slower than plain answers may be
    assert link.encoding() == "identity"


def test_our_own_slowness_is_not_the_links() -> None:
    link = Link("auto", loopback=True)
    link.learn(arrived(20 * MB, 800 * MBIT, away=0.2), "identity")
    assert link.encoding() == "identity"
    link.learn(arrived(20 * MB, 50 * MBIT, away=0.01), "identity")
    assert link.encoding() == "gzip"


def test_a_burst_at_the_start_is_not_the_links_speed() -> None:
    link = Link("auto", loopback=True)
    link.learn(arrived(20 * MB, 20 * MBIT, burst=3 * MB), "identity")
    assert link.encoding() == "gzip"


def test_a_burst_in_the_catalogue_does_not_make_a_link_fast() -> None:
    link = Link("auto", loopback=False)
    link.learn(arrived(150_000, 200 * MBIT, burst=60_000, row=3000), "identity")
    assert link.encoding() == "gzip"
    link.learn(arrived(150_000, 1000 * MBIT, row=3000), "identity")
    assert link.encoding() == "identity"


def test_a_machine_that_is_busy_is_not_a_slow_link() -> None:
    clock = Clock()
    watch, left, calls = Watch(PIECE, clock), 150_000, 0

    def source(count: int) -> bytes:
        nonlocal left, calls
        calls += 1
        clock.now += 0.04 if calls in (2, 6) else 0.0001  # it stands still twice
        left -= (come := min(count, left))
        return bytes(come)

    while piece := watch.read(source):
        watch.unpacked_to(piece)
    assert watch.rate < 2e6
    link = Link("auto", loopback=True)
    link.learn(watch, "identity")
    assert link.encoding() == "identity"


def test_between_slow_and_fast_nothing_changes() -> None:
    link = Link("auto", loopback=False)
    for mbit, chosen in ((50, "gzip"), (280, "gzip"), (400, "identity"), (280, "identity"), (200, "gzip")):
        link.learn(arrived(20 * MB, mbit * MBIT), "identity")
        assert link.encoding() == chosen


def gzipped(mbit: float) -> Watch:
    return arrived(4 * MB, mbit * MBIT, encoding="gzip", factor=4.5)


def test_gzip_that_came_fast_is_tried_without() -> None:
    link = Link("auto", loopback=False)
    link.learn(gzipped(20), "gzip")
    assert link.encoding() == "gzip"  # 11 MB/s unpacked: no server is so slow at packing
    link.learn(gzipped(50), "gzip")
    assert link.encoding() == "identity"  # the server's zlib, or the link? that the next answer tells
    link.learn(arrived(20 * MB, 50 * MBIT), "identity")
    assert link.encoding() == "gzip"
    link.learn(gzipped(50), "gzip")
    assert link.encoding() == "gzip"  # it has been tried


def test_what_both_have_brought_decides() -> None:
    clock = Clock()
    link = Link("auto", loopback=True, clock=clock)
    link.learn(arrived(20 * MB, 150 * MBIT), "identity")
    assert link.encoding() == "gzip"
    link.learn(gzipped(20), "gzip")  # a server with little to spare for it
    assert link.encoding() == "identity"
    link.learn(arrived(20 * MB, 150 * MBIT), "identity")
    assert link.encoding() == "identity"
    link.learn(arrived(20 * MB, 60 * MBIT), "identity")
    assert link.encoding() == "gzip"
    link.learn(gzipped(13), "gzip")  # 58 Mbit/s unpacked: not so much worse that it changed again
    assert link.encoding() == "gzip"
    link.learn(gzipped(10), "gzip")
    assert link.encoding() == "identity"
    clock.now += 601  # the server may have more to spare by now
    assert link.encoding() == "gzip"


def test_who_says_what_to_do_is_obeyed() -> None:
    for asked in ("gzip", "identity"):
        link = Link(asked)
        for mbit in (1, 10_000):
            link.learn(arrived(20 * MB, mbit * MBIT), "identity")
            assert link.encoding() == link.encoding(small=True) == asked
    with pytest.raises(InvalidInput, match="compression is not known"):
        Link("zip")  # type: ignore[arg-type]


def test_the_last_answer_counts() -> None:
    link, rng = Link("auto"), random.Random(5)
    watches = [arrived(2 * MB, rng.choice((5, 500)) * MBIT) for _ in range(20)]
    for watch in watches:
        link.learn(watch, "identity")
        assert link.encoding() == ("gzip" if watch.rate < 100 * MBIT else "identity")
