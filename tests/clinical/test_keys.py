"""Row keys: declared, else derived by the parts of a clinical key and proven by the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import Scratch

import insight_frames as ifr
from insight_frames import Connection, DataConflict, InvalidInput

pytestmark = pytest.mark.parametrize("era", ["0.47"])
# event and event repeat, group repeat: the four shapes of a clinical table
SHAPES = """
    create table es_gs (participant_label text, event_oid text, i_x int);
    insert into es_gs values ('007', 'SE_V1', 1), ('007', 'SE_V2', 1), ('NA', 'SE_V1', 1);
    create table es_gr (participant_label text, event_oid text, item_group_repeat int, i_x int);
    insert into es_gr values ('007', 'SE_V1', 1, 1), ('007', 'SE_V1', 2, 1);
    create table er_gs (participant_label text, event_oid text, event_repeat int, i_x int);
    insert into er_gs values ('007', 'SE_AE', 1, 1), ('007', 'SE_AE', 2, 1);
    create table er_gr (subject_id int, study_event_oid text, study_event_repeat_key int, group_repeat int, i_x int);
    insert into er_gr values (7, 'SE_AE', 1, 1, 1), (7, 'SE_AE', 1, 2, 1), (7, 'SE_AE', 2, 1, 1);
    create table compact (participant_id int, event_oid text, event_crf_id int, item_group_repeat int);
    insert into compact values (1, 'V1', 5, 1), (1, 'V1', 5, 2), (1, 'V1', 6, 1);
    create table item_data (item_data_id bigint, event_crf_id int, item_id int, value text);
    insert into item_data values (1, 5, 1, 'a'), (2, 5, 1, 'b');
    create table matrix (participant_id int, study_event_id int, event_crf_id int, event_repeat int, crf_id int);
    insert into matrix values (1, null, null, 1, 1), (1, null, null, 1, 2);
    create table doubled (participant_id int, event_oid text, i_x int);
    insert into doubled values (1, 'V1', 1), (4711, 'V1', 2), (4711, 'V1', 3);
    create table strange (a int, b int)
"""
EXPECTED = {
    "es_gs": {"participant_label": "participant", "event_oid": "event"},
    "es_gr": {"participant_label": "participant", "event_oid": "event", "item_group_repeat": "group repeat"},
    "er_gs": {"participant_label": "participant", "event_oid": "event", "event_repeat": "event repeat"},
    "er_gr": {
        "subject_id": "participant",
        "study_event_oid": "event",
        "study_event_repeat_key": "event repeat",
        "group_repeat": "group repeat",
    },
    "compact": {"event_crf_id": "started form", "item_group_repeat": "group repeat"},
    "item_data": {"item_data_id": "number of the row"},
    "matrix": {"participant_id": "participant", "event_repeat": "event repeat", "crf_id": "form"},
}


@pytest.fixture
def sources(scratch: Scratch, connection: Connection, tmp_path: Path) -> list[Any]:
    scratch.run(SHAPES)
    return [connection, connection.snapshot(tmp_path / "cut", schemas=["s_scratch"])]


def test_the_four_shapes_and_others(sources: list[Any]) -> None:
    for source in sources:
        for table, parts in EXPECTED.items():
            described = source.describe_table("s_scratch", table).set_index("column")
            said = described["key"].dropna().to_dict()
            assert said == {name: f"derived: {part}" for name, part in parts.items()}, table
            frame = source.read_table("s_scratch", table, index_col=ifr.KEY)
            assert frame.index.names == list(parts), table
            assert frame.index.is_unique
        text = source.read_table("s_scratch", "es_gs", index_col=ifr.KEY)
        assert text.index.tolist() == [("007", "SE_V1"), ("007", "SE_V2"), ("NA", "SE_V1")]
        parts = list(source.read_table("s_scratch", "es_gs", index_col=ifr.KEY, chunksize=2))
        pd.testing.assert_frame_equal(pd.concat(parts), text, check_dtype=False)


def test_a_key_that_the_rows_disprove(sources: list[Any]) -> None:
    for source in sources:
        described = source.describe_table("s_scratch", "doubled")
        assert described["key"].isna().all()
        assert described.attrs["insight"]["key"] is None
        assert "none: 3 rows" in described.attrs["insight"]["derived_key"]
        with pytest.raises(DataConflict, match="participant_id, event_oid is no key of") as caught:
            source.read_table("s_scratch", "doubled", index_col=ifr.KEY)
        assert caught.value.row_key == {"participant_id": 4711, "event_oid": "V1"}
        assert "4711" not in str(caught.value)
        with pytest.raises(InvalidInput, match="its columns suggest none"):
            source.read_table("s_scratch", "strange", index_col=ifr.KEY)


def test_declared_keys_stay_as_they_are(connection: Connection, tmp_path: Path) -> None:
    described = connection.describe_table("s_cardio3prod", "ig_vital_vitals").set_index("column")
    assert described["key"].dropna().to_dict() == {"event_crf_id": "primary", "item_group_repeat": "primary"}
    view = connection.describe_table("s_cardio3prod", "participant_overview").set_index("column")
    assert view["key"].dropna().to_dict() == {"participant_id": "derived: participant"}
    assert view.attrs["insight"]["derived_key"] == "62 rows prove it"


def test_a_long_table_is_said_not_to_be_checked(sources: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("insight_frames.study.CHECKED_ROWS", 2)
    for source in sources:
        described = source.describe_table("s_scratch", "es_gs").set_index("column")
        assert described.loc["event_oid", "key"] == "derived: event, not checked"
