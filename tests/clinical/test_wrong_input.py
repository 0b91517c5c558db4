"""What does not fit a study: errors and warnings with table, column and row key, and no patient's value in the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import Scratch

import insight_frames as ifr
from insight_frames import Connection, DataConflict, DataWarning, InvalidInput

S = "s_cardio3prod"
pytestmark = pytest.mark.parametrize("era", ["0.47"])
NEEDS_CATALOGUE = "says nothing of its columns.*expected a frame that insight_frames read, got one made by hand"


def test_a_frame_without_its_catalogue(connection: Connection) -> None:
    hand = pd.DataFrame({"a": ["1,3"], "site_id": [3]})
    with pytest.raises(InvalidInput, match=NEEDS_CATALOGUE):
        ifr.labels(hand)
    with pytest.raises(InvalidInput, match=NEEDS_CATALOGUE):
        ifr.attach(hand, connection, "site")
    with pytest.raises(InvalidInput, match="list of choices of 'a' is not known"):
        ifr.indicators(hand, "a")
    assert ifr.column_report(hand).columns["table"].tolist() == ["the frame"] * 2
    read = connection.read_table(S, "site", columns=["site_id", "country"])
    lost = read.merge(hand)  # pandas keeps attrs that are alike only
    with pytest.raises(InvalidInput, match="or whose attrs were lost on the way"):
        ifr.labels(lost)


@pytest.mark.parametrize("source", [pd.DataFrame(), "cuts/2026-11-24", None])
def test_a_source_that_cannot_be_asked(connection: Connection, source: Any, tmp_path: Path) -> None:
    read = connection.read_table(S, "site", columns=["site_id", "country"])
    asked = [
        lambda: ifr.cut(source, tmp_path / "cut"),
        lambda: ifr.cut_rules(source),
        lambda: ifr.participants(source),
        lambda: ifr.choice_lists(source, S, "site"),
        lambda: ifr.attach(read, source, "participant"),
        *([] if isinstance(source, pd.DataFrame) else [lambda: ifr.column_report(source, S, "site")]),
    ]
    for one in asked:
        with pytest.raises(InvalidInput, match="cannot be asked for tables; expected a connection"):
            one()


def test_a_list_that_contradicts_rows_names_their_key_in_a_selection_too(
    scratch: Scratch, connection: Connection
) -> None:
    scratch.run("create table t (k int primary key, part int, x int); insert into t values (41, 1, 1), (42, 1, 9)")
    with pytest.warns(DataWarning, match="Choices of s_scratch.t do not fit") as caught:
        frame = connection.read_table("s_scratch", "t", columns=["x"], choices="label", choice_lists={"x": {1: "One"}})
    assert frame.columns.tolist() == ["x"]
    report = caught[0].message.report
    assert report[["table", "column", "row_key"]].to_numpy().tolist() == [["s_scratch.t", "x", {"k": 42}]]


def test_a_label_that_is_longer_than_the_format_allows(
    scratch: Scratch, connection: Connection, tmp_path: Path
) -> None:
    scratch.run(f"create table t (k int primary key, x int); comment on column t.x is '{'long ' * 60}'")
    frame = connection.read_table("s_scratch", "t")
    told = r"longer than the format allows \(s_scratch.t, column 'x'\); expected at most 80 characters"
    with pytest.raises(InvalidInput, match=told):
        ifr.to_stata(frame, tmp_path / "a.dta")
    assert not list(tmp_path.iterdir())
    assert "x" in ifr.to_stata(frame, tmp_path / "a.dta", long_labels="shorten").changes["column"].tolist()


def test_an_imputation_that_makes_an_end_precede_its_start(scratch: Scratch, connection: Connection) -> None:
    scratch.run(
        "create table t (k int primary key, start text, stop text);"
        "insert into t values (8, '2015', '2016'), (9, '2015-08-14', '2015-08')"
    )
    frame = connection.read_table("s_scratch", "t")
    with pytest.raises(DataConflict, match=r"\(s_scratch.t, columns 'start' and 'stop'\)") as caught:
        ifr.to_dates(frame, ["start", "stop"], impute="first", periods=[("start", "stop")])
    assert caught.value.row_key == {"k": 9}
    assert "2015" not in str(caught.value)
