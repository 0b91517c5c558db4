"""Lists of JSON objects, in every way that a server may write them, become the texts that were put in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insight_frames import IncompleteResult, InsightError
from insight_frames.wire.cells import readable
from insight_frames.wire.objects import blocks, texts

Row = tuple[str, str | None]
WHERE = "here"
KEYS = pa.schema([("d", pa.string()), ("t", pa.string())])
NASTY = '"\\\n\r\t\b\f/:,{}[]. nul\x0b\x1fé漢😀'
values = st.text(st.sampled_from(NASTY) | st.characters(codec="utf-8"), max_size=12)
rows = st.lists(st.tuples(values, st.none() | values), min_size=1, max_size=9)


def written(rows: Sequence[Row], *, lined: bool, last: bool = True, escaped: bool = False) -> bytes:
    """A body as Metabase writes it."""
    parts = []
    for row in rows:
        told = dict(zip("dt" if last else "td", row if last else row[::-1], strict=True))
        parts.append(json.dumps(told, ensure_ascii=escaped, separators=(",", ":")).replace("\x7f", "\\u007F"))
    return ("[\n" + ",\n".join(parts) + "\n]" if lined else "[" + ",".join(parts) + "]").encode("utf-8")


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def read(body: bytes, *, piece: int = 1 << 20, size: int = 1 << 20) -> list[Row]:
    """The rows of all blocks."""
    found: list[Row] = []
    for block in blocks(pieces(body, piece), WHERE, size):
        first, second = texts(block, KEYS)
        found += zip(first.to_pylist(), second.to_pylist(), strict=True)
    return found


@given(rows, st.booleans(), st.booleans(), st.booleans(), st.integers(1, 50), st.sampled_from([1, 40, 1 << 20]))
def test_what_was_written(rows: list[Row], lined: bool, last: bool, escaped: bool, piece: int, size: int) -> None:
    body = written(rows, lined=lined, last=last, escaped=escaped)
    assert read(body, piece=piece, size=size) == rows


@settings(max_examples=30)
@given(rows, st.booleans(), st.sampled_from([1, 1 << 20]))
def test_every_beginning_of_a_body_is_refused(rows: list[Row], lined: bool, size: int) -> None:
    body = written(rows, lined=lined)
    for stop in range(len(body)):
        with pytest.raises((InsightError, pa.ArrowInvalid)):
            read(body[:stop], size=size)


@pytest.mark.parametrize("lined", [True, False])
def test_a_block_of_another_order(lined: bool) -> None:
    one, other = written([("a", None)], lined=lined), written([("b", "c")], lined=lined, last=False)
    opening, ending = (2, 2) if lined else (1, 1)
    body = one[:-ending] + (b",\n" if lined else b",") + other[opening:]
    assert read(body) == [("a", None), ("b", "c")]


@pytest.mark.parametrize(
    "row",
    [
        '{"d":"a","x":"b"}',
        '{"d":"a","d":"b"}',
        '{"d":"a","t":"b","x":"c"}',
        '{"d":"a","t":[1]}',
        '{"d":"a","t":1}',
        '{"d":"a","t":{"d":"b"}}',
        '{"d":"a","t":"b"',
        '{"d":"a","t":"b}',
        '{"d":"a,"t":"b"}',
        '{"d":"a","t":"b\\u12"}',
    ],
)
@pytest.mark.parametrize("lined", [True, False])
def test_rows_of_another_shape_are_refused(row: str, lined: bool) -> None:
    good = '{"d":"a","t":"b"}'
    body = f"[\n{good},\n{row},\n{good}\n]" if lined else f"[{good},{row},{good}]"
    with pytest.raises((IncompleteResult, pa.ArrowInvalid)), readable(WHERE):
        read(body.encode())


@given(rows, st.data())
def test_one_wrong_byte_never_crashes(rows: list[Row], data: st.DataObject) -> None:
    body = written(rows, lined=data.draw(st.booleans()))
    place, byte = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 255))
    with suppress(InsightError, pa.ArrowInvalid, UnicodeDecodeError), readable(WHERE):
        read(body[:place] + bytes([byte]) + body[place + 1 :])


def test_blocks_are_about_as_large_as_asked() -> None:
    body = written([("x" * 90, "")] * 1000, lined=True)
    found = list(blocks(pieces(body, 700), WHERE, 5000))
    assert all(5000 - 200 < sum(map(len, one)) < 5000 + 800 for one in found[:-1])
