"""Dots and what stands behind values come off many columns as off one, wherever their texts lie in memory."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight_frames.wire.values import Changed, OtherForm, undotted

texts = st.none() | st.text(st.characters(codec="utf-8", exclude_characters='"\\'), max_size=12)
columns = st.integers(1, 4).flatmap(
    lambda width: st.integers(1, 6).flatmap(
        lambda count: st.lists(st.lists(texts, min_size=count, max_size=count), min_size=width, max_size=width)
    )
)


def sent(values: list[str | None], behind: str, null: str, before: int) -> pa.StringArray:
    """A column as it arrives, in an array that begins with ``before`` texts of something else."""
    made = [(null if one is None else f".{one}") + behind for one in values]
    return pa.array(["something else"] * before + made, pa.string()).slice(before)


@given(
    columns,
    st.sampled_from(["", "}", "},", ',"c12"', ',"a longer key"']),
    st.sampled_from(["null", ""]),
    st.integers(0, 3),
)
def test_what_was_sent(given: list[list[str | None]], behind: str, null: str, before: int) -> None:
    ends = [behind.replace("12", str(10 + place)) for place in range(len(given))]
    made = undotted([sent(one, end, null, before) for one, end in zip(given, ends, strict=True)], ends)
    for one in made.columns:
        one.validate(full=True)
    assert [one.to_pylist() for one in made.columns] == given
    rows = zip(*given, strict=True)
    assert made.lengths.tolist() == [sum(len(one) + 1 for one in row if one is not None) for row in rows]


@pytest.mark.parametrize("wrong", ["x", "nul", "nullx", "x.", "NULL", " .a", "nnull"])
@pytest.mark.parametrize("behind", ["", ',"c1"'])
def test_a_text_without_its_dot(wrong: str, behind: str) -> None:
    with pytest.raises(Changed):
        undotted([pa.array([".a" + behind, wrong + behind, "null" + behind])], [behind])


@pytest.mark.parametrize("ends", ['.a,"c2"', '.a,"c11"', "", ".", '.a,"c1" ', '."c1"'])
@pytest.mark.parametrize("key", ['"c1"', '"a much longer key"'])
def test_something_else_behind_a_value(ends: str, key: str) -> None:
    behind = f",{key}"
    with pytest.raises(OtherForm):
        undotted([pa.array([".a" + behind, ends.replace('"c1"', key) if ends == '."c1"' else ends])], [behind])
