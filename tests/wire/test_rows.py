"""A plain answer's marks: rows lost, doubled, exchanged or capped are noticed, wherever its blocks end."""

from __future__ import annotations

import pyarrow as pa
import pytest

from insight_frames import IncompleteResult, ValueOutOfRange
from insight_frames.pgtypes import field, pg_type, reading
from insight_frames.wire import rows
from insight_frames.wire.cells import StaleCatalog, readable
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
    monkeypatch.setattr(rows, "BLOCK_COLUMN", 0)


def marks(count: int = COUNT) -> list[str]:
    if not count:
        return ["hash none"]
    return ["hash 1.", *(f"{number}." for number in range(2, count)), str(count)][:count]


def objects(given: list[str], third: str = "1.5") -> list[str]:
    return [
        f'{{"n":"{one}","c0":null,"c1":null,"c2":null}}'
        if one.endswith("none")
        else f'{{"n":"{measured(one, f".{place + 7}.t.{third}")}","c0":".{place + 7}","c1":".t","c2":".{third}"}}'
        for place, one in enumerate(given)
    ]


def measured(mark: str, values: str) -> str:
    """Put the length of a row's values behind its number."""
    return f"{mark.removesuffix('.')}:{len(values)}{'.' if mark.endswith('.') else ''}"


def read(lines: list[str], shape: str | None = None) -> pa.Table:
    body = ("[\n" + ",\n".join(lines) + "\n]").encode()
    pieces = (body[start : start + 50] for start in range(0, len(body), 50))
    with readable(WHERE):
        return pa.Table.from_batches([batch for _, batch in read_rows(pieces, WHERE, LAYOUT, shape)], LAYOUT.schema)


@pytest.mark.parametrize("count", [0, 1, 2, 3, COUNT])
@pytest.mark.parametrize("shape", [None, "hash"])
def test_a_whole_answer(count: int, shape: str | None) -> None:
    lines = objects(marks(count) if count != 1 else ["hash 1"])
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
    "a mark of three parts": ["hash 1.", "2:1.", "3"],
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
def test_an_answer_that_is_not_whole(given: list[str]) -> None:
    with pytest.raises(IncompleteResult):
        read(objects(given))


def test_a_value_that_does_not_fit_is_named_by_row_and_key() -> None:
    lines = objects(marks())
    lines[33] = objects(marks(), "99999.25")[33]
    with pytest.raises(ValueOutOfRange, match=r"column 'column 2', row 34") as caught:
        read(lines)
    assert (caught.value.value, caught.value.row_key) == ("99999.25", {"column 0": "40"})
    assert "99999" not in str(caught.value)


def test_a_value_that_was_changed_is_no_value() -> None:
    lines = objects(marks())
    lines[33] = lines[33].replace('".1.5"', "1.5")
    with pytest.raises(IncompleteResult, match="changed on the way"):
        read(lines)
    lines[33] = lines[33].replace('"c2"', '"c3"')
    with pytest.raises(IncompleteResult, match="rows of another shape"):
        read(lines)


@pytest.mark.parametrize("value", ["1.50", "1.", "1", "", "1.5é"])
def test_a_value_of_another_length(value: str) -> None:
    lines = objects(marks())
    lines[33] = lines[33].replace(".1.5", f".{value}")
    with pytest.raises(IncompleteResult, match="values of another length"):
        read(lines)
