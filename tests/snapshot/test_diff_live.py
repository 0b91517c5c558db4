"""A study before and after a refresh, through the double of Metabase and down to the frames."""

from __future__ import annotations

from pathlib import Path

import pytest
from sandboxes import Connect, Scratch

import insight_frames as ifr

pytestmark = pytest.mark.parametrize("era", ["0.47"])


def test_a_table_that_was_altered_and_changed(connect: Connect, scratch: Scratch, tmp_path: Path) -> None:
    execute = scratch.database.execute
    execute(
        """create table visit (id int primary key, day date, weight numeric(5,1), note text, flag boolean);
        insert into visit values (1, '2026-01-01', 70.5, null, true), (2, '2026-01-02', 80, '', null),
        (3, null, null, 'x', false);
        create view last_visit as select max(day) as day from visit;
        create table still (id int primary key); insert into still values (1)"""
    )
    connection = connect()
    old = connection.snapshot(tmp_path / "old", schemas="s_scratch")
    assert not connection.snapshot(tmp_path / "again", schemas="s_scratch").diff(old)
    execute(
        """drop view last_visit; alter table visit alter id type bigint, add column site text, drop column flag;
        update visit set note = '' where id = 1; update visit set weight = weight + 0.1 where id = 2;
        delete from visit where id = 3; insert into visit values (4, '2026-02-01', null, null, 'B');
        create view last_visit as select max(day) as day from visit"""
    )
    diff = ifr.diff(old, connect().snapshot(tmp_path / "new", schemas="s_scratch"))
    assert diff.summary[["table", "status", "added", "removed", "changed", "key"]].iloc[[0, 2]].to_numpy().tolist()[
        1
    ] == [
        "visit",
        "changed",
        1,
        1,
        2,
        "id",
    ]
    assert diff.summary["status"].tolist() == ["changed", "same", "changed"]
    lines = diff.changes("s_scratch", "visit")
    assert lines.astype(object).where(lines.notna(), None).to_numpy().tolist() == [
        [1, "changed", "note", None, ""],
        [2, "changed", "weight", "80.0", "80.1"],
        [3, "removed", "note", "x", None],
        [3, "removed", "flag", "f", None],
        [4, "added", "day", None, "2026-02-01"],
        [4, "added", "site", None, "B"],
    ]
    shape = diff.columns[diff.columns["change"] != "values"][["column", "change"]].to_numpy().tolist()
    assert shape == [["id", "retyped"], ["site", "added"], ["flag", "removed"]]
    view = diff.changes("s_scratch", "last_visit")
    assert view[["change", "old", "new"]].fillna("-").to_numpy().tolist() == [
        ["added", "-", "2026-02-01"],
        ["removed", "2026-01-02", "-"],
    ]


def test_a_refreshed_study_differs_by_its_marks_only(connect: Connect, box, tmp_path: Path) -> None:
    connection = connect()
    old = connection.snapshot(tmp_path / "old", schemas="s_cardio3prod")
    box.refresh("swap", "s_cardio3prod")
    new = connection.snapshot(tmp_path / "new", schemas="s_cardio3prod")
    diff = new.diff(old)
    assert diff
    assert "refreshed_at" in set(diff.columns["column"])
    rest = new.diff(old, ignore=["refreshed_at"])
    assert rest.summary.loc[rest.summary["status"] != "same", "table"].tolist() == ["refresh_log"]
