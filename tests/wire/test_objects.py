"""Lists of JSON objects, in every way that a server may write them, become the columns of text that were put in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight_frames import IncompleteResult, InsightError
from insight_frames.wire import objects
from insight_frames.wire.cells import readable
from insight_frames.wire.objects import Block, Form, blocks
from insight_frames.wire.values import Changed, OtherForm

Row = list[str | None]
WHERE = "here"
NASTY = '"\\\n\r\t\b\f/:,{}[]. nul\x0b\x1fé漢😀'
texts = st.text(st.sampled_from(NASTY) | st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
rows = st.integers(0, 4).flatmap(
    lambda width: st.lists(st.lists(st.none() | texts, min_size=width, max_size=width), min_size=1, max_size=9)
)


def written(rows: Sequence[Row], *, lined: bool, null: str = "null", order: Sequence[int] | None = None) -> bytes:
    """A body as Metabase writes it, with a mark before each row's values."""
    parts = []
    for number, row in enumerate(rows):
        values = [f'"n":"{number + 1}."']
        for i, value in enumerate(row):
            token = null if value is None else json.dumps("." + value, ensure_ascii=False).replace("\x7f", "\\u007F")
            values.append(f'"c{i}":{token}')
        places = range(len(values)) if order is None else [place for place in order if place < len(values)]
        parts.append("{" + ",".join(values[place] for place in places) + "}")
    return ("[\n" + ",\n".join(parts) + "\n]" if lined else "[" + ",".join(parts) + "]").encode("utf-8")


def form(width: int) -> Form:
    return Form(("n", *(f"c{i}" for i in range(width))))


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def _rows(columns: Sequence[Any], count: int) -> list[Row]:
    return [list(row) for row in zip(*(one.to_pylist() for one in columns), strict=True)] if columns else [[]] * count


def read(body: bytes, width: int, *, piece: int = 1 << 20, size: int = 1 << 20) -> tuple[list[str], list[Row]]:
    """The marks, and the rows, of all blocks; every array is proven sound."""
    marks, found, how = [], [], form(width)
    for block in blocks(pieces(body, piece), WHERE, size):
        numbers, columns, lengths = how.texts(block)
        assert lengths.tolist() == [
            sum(len(x) + 1 for x in row if x is not None) for row in _rows(columns, len(numbers))
        ]
        for one in (numbers, *columns):
            one.validate(full=True)
            assert len(one) == len(numbers)
        marks += numbers.to_pylist()
        found += [list(row) for row in zip(*(one.to_pylist() for one in columns), strict=True)]
    return marks, found if width else [[] for _ in marks]


@given(
    rows,
    st.booleans(),
    st.sampled_from(["null", '""']),
    st.permutations(range(5)),
    st.integers(1, 50),
    st.sampled_from([1, 40, 1 << 20]),
    st.sampled_from([0, 64]),
)
def test_what_was_written(
    rows: list[Row], lined: bool, null: str, order: list[int], piece: int, size: int, dense: int
) -> None:
    body = written(rows, lined=lined, null=null, order=order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "_DENSE", dense)
        marks, found = read(body, len(rows[0]), piece=piece, size=size)
    assert marks == [f"{number + 1}." for number in range(len(rows))]
    assert found == rows


@given(rows, st.booleans(), st.sampled_from([1, 1 << 20]))
def test_every_beginning_of_a_body_is_refused(rows: list[Row], lined: bool, size: int) -> None:
    body = written(rows, lined=lined)
    for stop in range(len(body)):
        with pytest.raises((InsightError, OtherForm)):
            read(body[:stop], len(rows[0]), size=size)


def colons_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise AssertionError("it was read as JSON")

    monkeypatch.setattr(Form, "_by_keys", refused)


@pytest.mark.parametrize("lined", [True, False])
@pytest.mark.parametrize("null", ["null", '""'])
def test_few_escapes_need_no_json(monkeypatch: pytest.MonkeyPatch, lined: bool, null: str) -> None:
    colons_only(monkeypatch)
    long = "x" * 500
    given = [['a "quoted"\n\\text\\', None, long], ["", None, long], [":", None, 'say "}]']]
    assert read(written(given, lined=lined, null=null), 3)[1] == given


@pytest.mark.parametrize("lined", [True, False])
def test_a_block_of_another_order_costs_time_alone(lined: bool) -> None:
    one, other = written([["a", None]], lined=lined), written([["b", "c"]], lined=lined, order=[2, 0, 1])
    opening, ending = (2, 2) if lined else (1, 1)
    body = one[:-ending] + (b",\n" if lined else b",") + other[opening:]
    assert read(body, 2)[1] == [["a", None], ["b", "c"]]


@pytest.mark.parametrize(
    "row",
    [
        '{"n":"2.","c0":"a","c1":".b"}',  # a text without its dot
        '{"n":"2.","c0":".a","c1":"nullify"}',
        '{"n":"2.","c0":"null,","c1":".b"}',
        '{"n":"2.","c0":" ","c1":".b"}',
    ],
)
@pytest.mark.parametrize("lined", [True, False])
def test_a_text_that_was_changed_is_told(row: str, lined: bool) -> None:
    between = ",\n" if lined else ","
    start = "[\n" if lined else "["
    for before in ('{"n":"1.","c0":".a","c1":".b"}', '{"n":"1.","c0":".a","c1":"."}', '{"n":"1.","c1":null,"c0":null}'):
        body = f"{start}{before}{between}{row}]".encode()
        with pytest.raises(Changed):
            read(body, 2)


@pytest.mark.parametrize(
    "row",
    [
        '{"n":"2.","c0":".a","c2":".b"}',  # another key
        '{"n":"2.","c0":".a","c0":".b"}',
        '{"n":"2.","c0":".a"}',
        '{"n":"2.","c0":".a"}{"n":"3."}',
        '{"n":"2.","c0":".a","c1":".b","c2":".c"}',
        '{"n":"2.","c0":".a","c1":[1]}',
        '{"n":"2.","c0":".a","c1":{"c0":".b"}}',
        '{"n":"2.","c0":".a","c1":".b"',
        '{"n":"2.","c0":".a","c1":".b}',
        '{"n":"2.","c0":".a,"c1":".b"}',
        '{"n":"2.","c0":".a","c1":".b\\u12"}',
    ],
)
@pytest.mark.parametrize("lined", [True, False])
def test_rows_of_another_shape_are_refused(row: str, lined: bool) -> None:
    good = '{"n":"1.","c0":".a","c1":".b"}'
    body = f"[\n{good},\n{row},\n{good}\n]" if lined else f"[{good},{row},{good}]"
    with pytest.raises((Changed, IncompleteResult, OtherForm)), readable(WHERE):
        read(body.encode(), 2)


@pytest.mark.parametrize("escaped", ["", '"\\'])
def test_bytes_that_are_no_utf8_are_refused(escaped: str) -> None:
    body = written([["é" + escaped]], lined=True).replace("é".encode(), b"\xe9")
    with pytest.raises(OtherForm):
        read(body, 1)


@given(rows, st.data())
def test_one_wrong_byte_never_crashes(rows: list[Row], data: st.DataObject) -> None:
    body = written(rows, lined=data.draw(st.booleans()))
    place, byte = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 255))
    with suppress(Changed, InsightError, OtherForm), readable(WHERE):
        read(body[:place] + bytes([byte]) + body[place + 1 :], len(rows[0]))


def test_blocks_are_about_as_large_as_asked() -> None:
    body = written([["x" * 90] for _ in range(1000)], lined=True)
    found: list[Block] = list(blocks(pieces(body, 700), WHERE, 5000))
    assert all(5000 - 200 < len(one.data) < 5000 + 800 for one in found[:-1])
    assert [one.first for one in found] == [True] + [False] * (len(found) - 1)
