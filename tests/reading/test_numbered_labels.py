"""A foreign key that an administrator lets people see as a name: the value is read, not the label."""

from __future__ import annotations

import json

import pytest
from sandboxes import Connect, Scratch

import insight_frames as ifr
from insight_frames.sandbox import Box


@pytest.fixture
def labelled(box: Box, connect: Connect, scratch: Scratch) -> str:
    """A table whose ``place_id`` is shown as the place's name; gives the name of its schema."""
    scratch.run(
        "create table place (id int primary key, called text); insert into place values (1, 'North'), (2, 'South')"
    )
    scratch.run("create table visit (id int, place_id int references place, note text)")
    scratch.run("insert into visit values (10, 2, 'a'), (11, 1, 'b'), (12, null, null)")
    admin = connect("admin")
    session = admin._server.session
    with session.post(f"/api/database/{admin._server.database_id}/sync_schema", {}):
        pass
    tables = admin._source.numbered.tables
    key, name = tables.find("s_scratch", "visit").field("place_id"), tables.find("s_scratch", "place").field("called")
    body = {"type": "external", "name": "Place", "human_readable_field_id": name.id}
    with session.post(f"/api/field/{key.id}/dimension", body) as answer:
        assert answer.status == 200
    return "s_scratch"


def test_the_value_is_read_and_not_the_label(labelled: str, connect: Connect, era: str) -> None:
    viewer = connect("viewer")
    if era == "0.31":
        with pytest.raises(ifr.UnsupportedServer, match=r"column 'place_id' .*labels in place of the values"):
            viewer.read_table(labelled, "visit")
        assert viewer.read_table(labelled, "visit", columns=["id"], order_by="id")["id"].tolist() == [10, 11, 12]
        return
    frame = viewer.read_table(labelled, "visit", order_by="id")[["id", "place_id", "note"]]
    assert frame["place_id"].tolist()[:2] == [2, 1]
    assert frame["place_id"].isna().tolist() == [False, False, True]
    assert frame["note"].tolist()[:2] == ["a", "b"]


@pytest.mark.parametrize("era", ["0.47"])
def test_an_export_of_the_server_shows_the_label(labelled: str, connect: Connect, box: Box) -> None:
    """What the reading above is about: Metabase's own file holds no value of that column."""
    viewer = connect("viewer")
    number = viewer._source.numbered.tables.number(labelled, "visit")
    query = {"database": viewer._server.database_id, "type": "query", "query": {"source-table": number}}
    with viewer._server.session.export("/api/dataset/json", query) as answer:
        rows = json.loads(answer.text())
    assert sorted(str(value) for row in rows for value in row.values() if value in ("North", "South")) == [
        "North",
        "South",
    ]
