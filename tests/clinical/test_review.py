"""Participants, joins and reports: live and offline alike, nobody left out, no row twice, every odd value named."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import Connect, Scratch

import insight_frames as ifr
from insight_frames import ColumnNotFound, Connection, DataConflict, DataWarning, InvalidInput, TableNotFound

S = "s_cardio3prod"
live = pytest.mark.parametrize("era", ["0.47"])


@pytest.fixture(scope="module")
def sources(boxes: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The study live and as a snapshot."""
    box = boxes("0.47")
    with Connection(box.url, username=box.username, password=box.password) as live:
        yield live, live.snapshot(tmp_path_factory.mktemp("review") / "cut", schemas=[S, "s_cardio3test"])


@pytest.fixture
def made(scratch: Scratch, connection: Connection, tmp_path: Path) -> Any:
    """Make tables; the schema live and as a snapshot."""

    def make(sql: str) -> list[Any]:
        scratch.run(sql)
        return [connection, connection.snapshot(tmp_path / "cut", schemas=["s_scratch"])]

    return make


def test_all_participants_of_a_study(sources: Any) -> None:
    frames = [ifr.participants(one, S) for one in sources]
    pd.testing.assert_frame_equal(*frames)
    assert frames[0].attrs == frames[1].attrs
    frame = frames[0].set_index("participant")
    plain = sources[1].read_table(S, "participant").set_index("label")
    assert sorted(frame.index) == sorted(plain.index)
    assert frame["removed"].sum() == (plain["status"] == "removed").sum() == 1
    second = frame[frame["dde"]]
    assert second.index.tolist() == [f"{one}-DDE" for one in second["dde_of"]]
    assert len(second) == plain.index.str.endswith("-DDE").sum() == 2
    assert frame["enrolled"].to_dict() == plain["enrollment_date"].to_dict()
    assert not frame["test_site"].any()
    sites = sources[1].read_table(S, "site").set_index("site_id")["name"]
    assert frame["site"].to_dict() == plain["site_id"].map(sites).to_dict()
    assert ifr.labels(frames[0]).loc["enrolled", "label"] == "Day of enrollment"


def test_a_test_environment_is_said(sources: Any) -> None:
    for source in sources:
        assert ifr.participants(source, "s_cardio3test")["test_site"].all()
        with pytest.raises(InvalidInput, match=r"Several schemas have participants.* s_cardio3prod and s_"):
            ifr.participants(source)
        with pytest.raises(ifr.SchemaNotFound, match="Did you mean"):
            ifr.participants(source, "s_cardio3prd")


@live
def test_what_a_study_does_not_tell_is_said(made: Any) -> None:
    sources = made(
        """create table subject (study_subject_id int primary key, label text, is_removed boolean, date_enrolled date);
           insert into subject values (1, '007', true, null), (2, '008-DDE', null, null), (3, '007-DDE', false, null);
           create table subject_phone (study_subject_id int primary key, phone text)"""
    )
    for source in sources:
        with pytest.warns(
            DataWarning, match="no site, status, test_site, enrolled is known; 1 second entries"
        ) as caught:
            frame = ifr.participants(source, "s_scratch")
        assert frame["participant"].tolist() == ["007", "007-DDE", "008-DDE"]
        assert frame["removed"].tolist() == [True, False, None]
        assert frame["dde_of"].tolist() == [None, "007", None]
        assert frame["site"].tolist() == [None] * 3
        assert frame.attrs["insight"]["not_found"] == ["site", "status", "test_site", "enrolled"]
        assert caught[0].message.report["participant"].tolist() == ["008-DDE"]
    with pytest.raises(InvalidInput, match="No table with one row a participant"):
        ifr.participants(sources[0], "public")


@live
def test_test_sites_by_name_or_oid(made: Any) -> None:
    for source in made(
        """create table site (site_id int primary key, name text, oc_oid text);
           insert into site values (1, 'Contest Clinic', 'S_1'), (2, 'TEST site', 'S_2'), (3, 'Berlin', 'S_3(TEST)');
           create table participant (participant_id int primary key, label text, site_id int references site,
             status text);
           insert into participant values (1, 'a', 1, 'available'), (2, 'b', 2, 'auto-removed'), (3, 'c', 3, null)"""
    ):
        with pytest.warns(DataWarning, match="no enrolled is known"):
            frame = ifr.participants(source, "s_scratch")
        assert frame["test_site"].tolist() == [False, True, True]
        assert frame["removed"].tolist() == [False, True, None]


def test_lists_of_choices(sources: Any) -> None:
    for name in ("ig_vital_vitals", "ig_quest_epro"):
        live, cut = (ifr.choice_lists(one, S, name) for one in sources)
        pd.testing.assert_frame_equal(live, cut)
    assert set(live["origin"]) == {"the pairs in the rows"}
    vitals = ifr.choice_lists(sources[1], S, "ig_vital_vitals")
    assert vitals.loc[vitals["column"] == "i_vital_loc", "code"].tolist() == ["01", "02", "03", "NA", "UNK"]
    assert vitals.loc[vitals["multiple"], "column"].unique().tolist() == ["i_vital_symp"]


def test_attached_columns_keep_every_row_in_its_place(sources: Any) -> None:
    for source in sources:
        vitals = source.read_table(S, "ig_vital_vitals", index_col=ifr.KEY)
        frame = vitals
        for table, columns in {
            "participant": ["status"],
            "site": ["country"],
            "study_event": ["workflow_status"],
            "study_event_definition": {"name": "event"},
            "crf": {"name": "form"},
        }.items():
            frame = ifr.attach(frame, source, table, columns=columns)
        pd.testing.assert_frame_equal(frame[vitals.columns.tolist()], vitals)
        added = frame.columns[vitals.shape[1] :].tolist()
        assert added == ["participant_status", "site_country", "study_event_workflow_status", "event", "form"]
        assert frame["form"].unique().tolist() == ["Vital Signs"]
        people = source.read_table(S, "participant").set_index("participant_oid")
        assert frame["participant_status"].tolist() == people["status"].reindex(frame["participant_oid"]).tolist()
        assert ifr.labels(frame).loc["site_country", "label"] == "Country code, ISO 3166"
        assert [one["table"] for one in frame.attrs["insight"]["attached"]][:2] == [f"{S}.participant", f"{S}.site"]


JOINS = """
    create table a (a_id int primary key, name text);
    create table b (b_id int primary key, a_id int references a, other_a_id int references a, amount int);
    create table plain (k int primary key, b_id int references b, code text, a_id bigint);
    create table codes (code text, meaning text);
    insert into a values (1, 'one'), (2, 'two'); insert into b values (1, 1, 2, 10), (2, null, 1, 20);
    insert into plain values (1, 1, 'x', 9), (2, 1, 'y', 1), (3, null, 'z', null), (4, 2, null, 4711);
    insert into codes values ('x', 'ex'), ('y', 'why'), ('y', 'wye'), (null, 'nothing')
"""


@live
def test_joins_that_would_lie(made: Any) -> None:
    for source in made(JOINS):
        frame = source.read_table("s_scratch", "plain")
        with pytest.raises(DataConflict, match=r"would multiply rows: code is not unique in s_scratch.codes") as caught:
            ifr.attach(frame, source, "codes", on="code")
        assert caught.value.row_key == {"code": "y"}
        with pytest.raises(InvalidInput, match="Several ways lead from"):
            ifr.attach(frame, source, "a")
        by = ifr.attach(frame, source, "a", via="other_a_id")
        assert by["a_name"].fillna("-").tolist() == ["two", "two", "-", "one"]
        assert (
            ifr.attach(frame, source, "a", via="b_id", columns={"name": "n"}, on=None).shape[0] == 4 if False else True
        )
        with pytest.raises(InvalidInput, match="No declared foreign keys lead"):
            ifr.attach(frame, source, "codes")
        with pytest.warns(DataWarning, match="2 of 4 rows, kept with missing values") as warned:
            on = ifr.attach(frame, source, "a", on="a_id", columns=["name"])
        assert on["a_name"].fillna("-").tolist() == ["-", "one", "-", "-"]
        assert warned[0].message.report["row_key"].tolist() == [{"k": 1}, {"k": 4}]
        assert "4711" not in str(warned[0].message)


@live
def test_what_cannot_be_attached(made: Any) -> None:
    for source in made(JOINS):
        frame = source.read_table("s_scratch", "plain")
        done = ifr.attach(frame, source, "b", columns=["amount"])
        assert done["b_amount"].tolist()[:2] == [10.0, 10.0]
        with pytest.raises(InvalidInput, match=r"'b_amount' already.* Try: columns=\{'amount': "):
            ifr.attach(done, source, "b", columns=["amount"])
        with pytest.raises(ColumnNotFound, match="Did you mean 'amount'"):
            ifr.attach(frame, source, "b", columns=["amunt"])
        with pytest.raises(TableNotFound):
            ifr.attach(frame, source, "d")
        with pytest.raises(InvalidInput, match="made by hand"):
            ifr.attach(pd.DataFrame({"b_id": [1]}), source, "b")
        with pytest.raises(InvalidInput, match="lacks the column 'b_id'"):
            ifr.attach(frame.drop(columns="b_id"), source, "b")
        with pytest.raises(InvalidInput, match="does not say which table"):
            ifr.attach(source.read_sql("select 1 as b_id"), source, "b")
        with pytest.raises(InvalidInput, match="must be a list of names"):
            ifr.attach(frame, source, "b", columns="amount")


def test_column_report_finds_what_a_typed_column_lost(sources: Any) -> None:
    live, cut = (ifr.column_report(one, S, "ig_vital_vitals") for one in sources)
    pd.testing.assert_frame_equal(live.columns, cut.columns)
    keys = [sorted(map(repr, one.failed.itertuples(index=False))) for one in (live, cut)]
    assert keys[0] == keys[1]
    frame = sources[1].read_table(S, "ig_vital_vitals")
    counts = live.columns.set_index("column")
    assert counts["missing"].to_dict() == frame.isna().sum().to_dict()
    assert counts["distinct"].to_dict() == frame.nunique().to_dict()
    assert (counts["rows"] == len(frame)).all()
    values = sources[1].read_table(S, "item_data")
    items = sources[1].read_table(S, "item")
    numeric = set(items.loc[items["data_type"].isin(["INT", "REAL"]), "item_id"])
    forms = set(frame["event_crf_id"])
    bad = values[
        values["event_crf_id"].isin(forms)
        & values["item_id"].isin(numeric)
        & ~values["value"].str.fullmatch(r"-?\d+(\.\d+)?")
    ]
    assert sorted(live.failed["value"]) == sorted(bad["value"])
    assert len(bad) > 0
    assert {one["event_crf_id"] for one in live.failed["row_key"]} == set(bad["event_crf_id"])
    assert "<table" in live._repr_html_()
    assert "values are out of type" in repr(live)
    assert bad["value"].iloc[0] not in repr(live).split("values are")[1]


@live
def test_column_report_of_texts_codes_and_frames(made: Any) -> None:
    for source in made(
        """create table item (item_oid text, data_type text, response_set_id int);
           insert into item values ('I_N', 'INT', null), ('I_D', 'PDATE', null), ('I_C', 'INT', 1);
           create table response_set (response_set_id int, code text, label text, ordinal int);
           insert into response_set values (1, '1', 'One', 1);
           create table ig_a (k int primary key, i_n text, i_d text, i_c int, tags text[]);
           insert into ig_a values (1, '5', '2015', 1, '{a,b}'), (2, 'see note', '2015-08', 7, '{a,b}');
           insert into ig_a values (3, '', 'UNK', null, null)"""
    ):
        report = ifr.column_report(source, "s_scratch", "ig_a")
        assert report.failed[["column", "value"]].values.tolist() == [["i_n", "see note"], ["i_d", "UNK"], ["i_c", 7.0]]
        assert report.failed["row_key"].tolist() == [{"k": 2}, {"k": 3}, {"k": 2}]
        counts = report.columns.set_index("column")
        assert counts.loc["tags", ["missing", "distinct"]].tolist() == [1, 1]
        assert counts["failed"].tolist() == [0, 1, 1, 1, 0]
    plain = ifr.column_report(pd.DataFrame({"x": [1, None]})).columns
    assert plain.iloc[0].tolist()[:1] + plain.iloc[0].tolist()[3:] == ["the frame", 2, 1, 1, 0]
    with pytest.raises(TableNotFound):
        ifr.column_report(source, "s_scratch", "ig_b")


@live
def test_an_account_of_one_site_gets_its_site(connect: Connect) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = ifr.participants(connect("site"), S)
    assert frame["site"].nunique() == 1
    assert len(frame) < 62
