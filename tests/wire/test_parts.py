"""A body is cut where objects end, whatever pieces it comes in, and nothing of it is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight_frames import IncompleteResult
from insight_frames.wire import limits
from insight_frames.wire.parts import Parts, cut_at

SEPARATOR = b"},\n{"


def cut(body: bytes, sizes: list[int], size: int) -> tuple[list[bytes], bytes]:
    """The blocks, and what stands behind the last place to cut."""

    def pieces() -> Iterator[bytes]:
        start = 0
        for one in sizes * (len(body) + 1):
            if start >= len(body):
                return
            yield body[start : start + one]
            start += one

    found: list[Parts] = []
    cutting = cut_at(SEPARATOR, b"", pieces(), size, "here")
    while True:
        try:
            found.append(next(cutting))
        except StopIteration as end:
            return [b"".join(one) for one in found], end.value


bodies = st.lists(st.text("ab}{,\n", max_size=12), min_size=1, max_size=12)
pieces = st.lists(st.integers(1, 30), min_size=1, max_size=4)


@given(bodies, pieces, st.integers(1, 60))
def test_the_blocks_are_the_body(texts: list[str], sizes: list[int], size: int) -> None:
    body = SEPARATOR.join(text.encode() for text in texts)
    blocks, rest = cut(body, sizes, size)
    assert b",\n".join([*blocks, rest]) == body
    for block, behind in zip(blocks, [*blocks, rest][1:], strict=True):
        assert block.endswith(b"}")
        assert behind.startswith(b"{")


@given(pieces)
def test_no_block_is_much_larger_than_it_has_to_be(sizes: list[int]) -> None:
    body = SEPARATOR.join([b"x" * 10] * 200)
    blocks, rest = cut(body, sizes, 50)
    assert all(len(one) <= 50 + 2 * max(*sizes, len(SEPARATOR)) + 14 for one in [*blocks, rest])


def test_a_row_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CELL", 1000)
    with pytest.raises(IncompleteResult):
        cut(b"x" * 9000, [100], 10)
