"""A plain answer's marks: rows lost, doubled, exchanged or capped are noticed, wherever its blocks end."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight_frames import IncompleteResult, ValueOutOfRange
from insight_frames.pgtypes import field, pg_type, reading
from insight_frames.wire import rows
from insight_frames.wire.cells import StaleCatalog, readable
from insight_frames.wire.lengths import OtherLength, by_length
from insight_frames.wire.rows import read_rows
from insight_frames.wire.unpack import Layout

WHERE = "here"
READINGS = tuple(reading(pg_type(one), numbers="exact") for one in ("integer", "text", "numeric(4,1)"))
FIELDS = [field(f"column {i}", one, nullable=True) for i, one in enumerate(READINGS)]
LAYOUT = Layout("s.t", pa.schema(FIELDS), READINGS, numbered=True, key=(0,))
COUNT = 40


@pytest.fixture(params=[1, 300, 1 << 20], autouse=True)
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row a block, a few, all of them."""
    monkeypatch.setattr(rows, "BLOCK", request.param)


def marks(count: int = COUNT) -> list[str]:
    if not count:
        return ["hash none"]
    return ["hash 1.", *(f"{number}." for number in range(2, count)), str(count)][:count]


def written(given: list[str], third: str = "1.5", text: str = "t") -> list[str]:
    """Rows of a number, a text and a digit, behind these marks."""
    return [row(one, f"{place + 7},{len(text)},{third}", text) for place, one in enumerate(given)]


def row(mark: str, values: str, text: str) -> str:
    before, _, mark = mark.rpartition(" ")
    if mark == "none":
        return f'{{"d":"{before} none\\n","t":null}}'
    line = f"(0,{mark.removesuffix('.')},{'1' if mark.endswith('.') else ''},{values},0)"
    return f'{{"d":"{before}{" " if before else ""}{line},{len(line)}\\n","t":{json.dumps(text, ensure_ascii=False)}}}'


def read(lines: list[str], shape: str | None = None) -> pa.Table:
    body = ("[\n" + ",\n".join(lines) + "\n]").encode()
    pieces = (body[start : start + 50] for start in range(0, len(body), 50))
    with readable(WHERE):
        return pa.Table.from_batches([batch for _, batch in read_rows(pieces, WHERE, LAYOUT, shape)], LAYOUT.schema)


@pytest.mark.parametrize("count", [0, 1, 2, 3, COUNT])
@pytest.mark.parametrize("shape", [None, "hash"])
def test_a_whole_answer(count: int, shape: str | None) -> None:
    lines = written(marks(count) if count != 1 else ["hash 1"])
    assert read(lines, shape).column(0).to_pylist() == [place + 7 for place in range(count)]
    with pytest.raises(StaleCatalog):
        read(lines, "another")


WRONG = {
    "the first lost": marks()[1:],
    "the second lost": [marks()[0], *marks()[2:]],
    "the last lost": marks()[:-1],
    "the last but one lost": [*marks()[:-2], marks()[-1]],
    "the first doubled": [marks()[0], *marks()],
    "the last doubled": [*marks(), marks()[-1]],
    "one doubled": [*marks()[:20], *marks()[19:]],
    "two exchanged": [*marks()[:20], "22.", "21.", *marks()[22:]],
    "the last ones exchanged": [*marks()[:-2], marks()[-1], marks()[-2]],
    "ended in the middle": [*marks()[:20], "21", *marks()[21:]],
    "ended at the first": ["hash 1", *marks()[1:]],
    "no rows, and rows": ["hash none", *marks()],
    "no rows twice": ["hash none", "hash none"],
    "no rows behind rows": [*marks()[:-1], "none"],
    "a row of number 0": ["hash 0"],
    "counted from none": ["hash 0.", "1.", "2"],
    "counted from two": ["hash 2.", "3.", "4"],
    "counted backwards": ["hash 1.", "0.", "-1"],
    "other marks": ["hash 1.", "two.", "3"],
    "no mark": ["hash 1.", "", "3"],
    "a number too large": ["hash 1.", "2.", "99999999999999999999"],
    "a mark of three parts": ["hash 1.", "2,1.", "3"],
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
def test_an_answer_that_is_not_whole(given: list[str]) -> None:
    with pytest.raises(IncompleteResult):
        read(written(given))


def test_a_value_that_does_not_fit_is_named_by_row_and_key() -> None:
    lines = written(marks())
    lines[33] = written(marks(), "99999.25")[33]
    with pytest.raises(ValueOutOfRange, match=r"column 'column 2', row 34") as caught:
        read(lines)
    assert (caught.value.value, caught.value.row_key) == ("99999.25", {"column 0": "40"})
    assert "99999" not in str(caught.value)


@pytest.mark.parametrize(
    ("this", "other"),
    [
        (",40,1,1.5,", ",40,1,1.50,"),
        (",40,1,1.5,", ",40,1,1.,"),
        (",40,1,1.5,", ",40,1,,"),
        (",40,1,1.5,", ",4,1,1.5,"),
        (",40,1,1.5,", ",40,2,1.5,"),
        (",40,1,1.5,", ",40,-1,1.5,"),
        (",40,1,1.5,", ",40,,1.5,"),
        ('"t":"t"', '"t":"te"'),
        ('"t":"t"', '"t":"é"'),
        ('"t":"t"', '"t":""'),
        ('"t":"t"', '"t":null'),
        (",34,1,", ",34,,"),
        (",34,1,", ",0034,1,"),
        ("\\n", ""),
        ("\\n", "\\n\\n"),
    ],
)
def test_a_value_of_another_length(this: str, other: str) -> None:
    lines = written(marks())
    assert this in lines[33]
    lines[33] = lines[33].replace(this, other)
    with pytest.raises(IncompleteResult):
        read(lines)


@pytest.mark.parametrize(
    "other",
    ['"d":1', '"d":null', '"t":1', '"t":["t"]', '"t":{"t":"t"}', '"x":"t"', '"d":"t","d":"t"', '"t":"t","x":"t"'],
)
def test_rows_of_another_shape(other: str) -> None:
    lines = written(marks())
    lines[33] = lines[33].replace('"t":"t"', other) if '"d"' not in other else f'{{{other},"t":"t"}}'
    with pytest.raises(IncompleteResult, match="rows of another shape"):
        read(lines)


def test_what_is_no_utf8_is_refused() -> None:
    body = ("[\n" + ",\n".join(written(["hash 1"], text="é")) + "\n]").encode().replace("é".encode(), b"\xe9t")
    with pytest.raises(IncompleteResult), readable(WHERE):
        list(read_rows([body.replace(b",1,1.5", b",2,1.5")], WHERE, LAYOUT))


def test_the_texts_of_many_columns_are_one_argument_each_hundred() -> None:
    text, _ = rows.statement("select 1", READINGS[1:2] * 250)
    assert "concat(concat(c0," in text
    assert "c99),concat(c100," in text


texts = st.none() | st.text(st.characters(codec="utf-8"), max_size=12)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=6)
)


@given(tables, st.integers(0, 3))
def test_texts_by_their_lengths(given: list[list[str | None]], before: int) -> None:
    """Also in an array that begins with texts of something else."""
    columns = list(zip(*given, strict=True))
    lengths = [pa.array([None if x is None else len(x.encode()) for x in one], pa.int64()) for one in columns]
    sent = ["something else"] * before + ["".join(x or "" for x in row) or None for row in given]
    made = by_length(lengths, pa.array(sent, pa.string()).slice(before))
    for one in made:
        one.validate(full=True)
    assert [tuple(one.to_pylist()) for one in made] == columns


@pytest.mark.parametrize(("first", "second"), [(1, 2), (1, 0), (0, 1), (-1, 3), (None, 1), (3, -1)])
def test_other_lengths_than_were_told(first: int | None, second: int) -> None:
    lengths = [pa.array([1, first], pa.int64()), pa.array([1, second], pa.int64())]
    with pytest.raises(OtherLength):
        by_length(lengths, pa.array(["ab", "ab"]))


def test_a_text_that_is_parted_inside_a_letter() -> None:
    with pytest.raises(pa.ArrowInvalid):
        by_length([pa.array([1], pa.int64()), pa.array([1], pa.int64())], pa.array(["é"]))
