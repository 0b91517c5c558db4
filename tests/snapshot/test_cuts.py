"""Data cuts: live and offline alike, every row either in the cut or left out by a rule, masks never fetched."""

from __future__ import annotations

import hashlib
import json
import warnings
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import TWO_ERAS, Connect, Scratch

import insight_frames as ifr
from insight_frames import (
    ColumnNotFound,
    Connection,
    DataWarning,
    InvalidInput,
    ParticipantNotFound,
    SnapshotError,
    TableNotFound,
)

S = "s_cardio3prod"
DAY = date(2024, 1, 31)
MASKS = {"ig_rand_randomization": "*", "*": ["refreshed_at"], "participant": ["secondary_label"]}
live = pytest.mark.parametrize("era", ["0.47"])
CUT_STUDY = """
    create table participant (participant_id int primary key, label text not null, enrolled date);
    insert into participant values (1, 'A?1', '2024-01-01'), (2, 'B[[2', '2024-02-01'), (3, 'C''3', null);
    create table visit (visit_id bigint primary key, participant_id int references participant,
      visit_date timestamp, seen timestamptz, day date);
    insert into visit values
      (10, 1, '2024-01-31 23:59:59.999999', '2024-01-31 23:59:59+00', '2024-01-31'),
      (11, 1, '2024-02-01 00:00:00', '2024-02-01 00:00:00+00', '2024-02-01'),
      (12, 1, null, null, null), (13, 2, '2024-01-05', '2024-01-05', '2024-01-05'),
      (14, 3, '2024-01-05', '2024-01-05', '2024-01-05'), (15, null, '2024-01-05', '2024-01-05', '2024-01-05');
    create table measure (measure_id int primary key, visit_id int, value text, arm text);
    insert into measure values (1, 10, '', 'x'), (2, 11, 'b', 'x'), (3, 12, null, 'y'), (4, 13, 'd', 'y'),
      (5, 14, 'e', 'x'), (6, 15, 'f', 'x'), (7, null, 'g', 'x'), (8, 99, 'h', 'x');
    create table nothing (); insert into nothing default values;
    create table site (site_id int primary key, name text);
    insert into site values (1, 'one');
"""
# what stays of visits and measures: by undated, with everybody and with participants 1 and 3
STAYS = {
    ("keep", False): ([10, 12, 14, 15], [1, 3, 5, 6, 7, 8]),
    ("drop", False): ([10], [1]),
    ("keep", True): ([10, 12, 14], [1, 3, 5]),
    ("drop", True): ([10], [1]),
}


@pytest.fixture(scope="module")
def study(boxes: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The study live and as a snapshot."""
    box = boxes("0.47")
    with Connection(box.url, username=box.username, password=box.password) as source:
        yield source, source.snapshot(tmp_path_factory.mktemp("cuts") / "full", schemas=[S])


@pytest.fixture
def both(scratch: Scratch, connection: Connection, tmp_path: Path) -> Any:
    """A small study live and as a snapshot."""
    scratch.run(CUT_STUDY)
    return [connection, connection.snapshot(tmp_path / "source", schemas=["s_scratch"])]


def quietly(source: Any, path: Path, **words: Any) -> Any:
    """Cut, with the warning of tables without a date expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return ifr.cut(source, path, **words)


def contents(snapshot: Any) -> dict[str, tuple[int, str]]:
    return {
        one["insight"]["table"]: (one["insight"]["rows"], one["insight"]["content"])
        for one in snapshot.manifest["resources"]
    }


def column(snapshot: Any, table: str, name: str, schema: str = "s_scratch") -> list[Any]:
    return sorted(snapshot.read_table(schema, table, columns=[name])[name].tolist())


# ------------------------------------------------------------------ what is in a cut
@pytest.mark.parametrize("undated", ["keep", "drop"])
@pytest.mark.parametrize("some", [False, True], ids=["all", "some"])
def test_every_row_is_in_the_cut_or_left_out_by_a_rule(study: Any, undated: Any, some: bool, tmp_path: Path) -> None:
    source, full = study
    frames = {table: full.read_table(S, table) for _, table in full.tables}
    people = frames["participant"]
    chosen = people["label"].iloc[3:30].tolist() if some else people["label"].tolist()
    words = {"schema": S, "until": DAY, "undated": undated, "masks": MASKS, "participants": chosen if some else None}
    cut = quietly(source, tmp_path / "live", **words)
    offline = quietly(full, tmp_path / "offline", **words)
    assert contents(cut) == contents(offline)
    assert cut.fingerprint == offline.fingerprint
    assert cut.verify()
    assert offline.verify()

    last = pd.Timestamp(DAY) + pd.Timedelta(days=1)

    def late(days: pd.Series) -> pd.Series:
        return days.ge(last) if undated == "keep" else ~days.lt(last)

    left_out = people["participant_id"][late(people["enrollment_date"])]
    stays = people[people["label"].isin(chosen) & ~people["participant_id"].isin(left_out)]
    events = frames["study_event"]
    events = events[events["participant_id"].isin(stays["participant_id"]) & ~late(events["date_start"])]
    forms = frames["event_crf"]
    forms = forms[forms["study_event_id"].isin(events["study_event_id"])]
    vitals, notes = frames["ig_vital_vitals"], frames["ig_notes_freetext"]
    vitals = vitals[vitals["participant_label"].isin(stays["label"]) & ~late(vitals["event_start_date"])]
    expected = {
        "participant": len(stays),
        "study_event": len(events),
        "event_crf": len(forms),
        "item_data": frames["item_data"]["event_crf_id"].isin(forms["event_crf_id"]).sum(),
        "ig_vital_vitals": len(vitals),
        "ig_notes_freetext": notes["participant_oid"].isin(stays["participant_oid"]).sum(),
        "site": len(frames["site"]),
        "item": len(frames["item"]),
    }
    rows = {table: rows for table, (rows, _) in contents(cut).items()}
    assert {table: rows[table] for table in expected} == expected
    assert 0 < rows["item_data"] < len(frames["item_data"])


def test_what_is_in_the_cut_is_as_it_was(study: Any, tmp_path: Path) -> None:
    source, full = study
    ours = full.read_table(S, "participant")["label"].iloc[:20]
    cut = quietly(source, tmp_path / "cut", schema=S, participants=ours, until=DAY, undated="keep")
    changes = cut.diff(full)
    summary = changes.summary
    assert summary[["added", "changed"]].to_numpy().sum() == 0
    assert any("filters" in one for one in changes.remarks)
    ruled = {one["table"] for one in cut.manifest["insight"]["filters"]}
    assert set(summary.loc[summary["removed"] > 0, "table"]) <= ruled
    assert "site" not in ruled
    assert cut.manifest["insight"]["consistency"] == "one-statement"
    assert cut.manifest["insight"]["statements"] == 1


@TWO_ERAS
@pytest.mark.parametrize("undated", ["keep", "drop"])
def test_a_day_ends_at_midnight_and_missing_days_are_kept_or_dropped(both: Any, undated: Any, tmp_path: Path) -> None:
    for number, source in enumerate(both):
        for some in (False, True):
            path = tmp_path / f"{number}{some}"
            asked = ["A?1", "C'3"] if some else None
            cut = ifr.cut(source, path, schema="s_scratch", until="2024-01-31", undated=undated, participants=asked)
            visits, measures = STAYS[undated, some]
            assert column(cut, "visit", "visit_id") == visits
            assert column(cut, "measure", "measure_id") == measures
            assert column(cut, "site", "name") == ["one"]
            assert contents(cut)["nothing"][0] == 1
            people = ["A?1", "C'3"] if undated == "keep" else ["A?1"]
            assert column(cut, "participant", "label") == people


@live
def test_participants_by_label_key_series_or_file(both: Any, tmp_path: Path) -> None:
    (tmp_path / "list.sql").write_text("\ufeffB[[2\n\nA?1\nA?1\n", "utf-8")
    given = [["B[[2", "A?1"], pd.Series([1, 2]), (2, 1, 1), tmp_path / "list.sql", str(tmp_path / "list.sql")]
    for number, one in enumerate(given):
        for place, source in enumerate(both):
            cut = ifr.cut(source, tmp_path / f"{number}{place}", schema="s_scratch", participants=one)
            assert column(cut, "visit", "visit_id") == [10, 11, 12, 13]
            assert column(cut, "measure", "measure_id") == [1, 2, 3, 4]


@live
def test_rules_are_shown_and_corrected(both: Any, tmp_path: Path) -> None:
    frames = [ifr.cut_rules(one, "s_scratch") for one in both]
    pd.testing.assert_frame_equal(*frames)
    rules = frames[0].set_index("table")
    assert rules.drop(columns="schema").to_dict("index") == {
        "measure": {"rule": "date", "participant": "visit_id > participant_id", "date": "visit_id > visit_date"},
        "participant": {"rule": "date", "participant": "participant_id", "date": "enrolled"},
        "nothing": {"rule": "none", "participant": "", "date": ""},
        "site": {"rule": "none", "participant": "", "date": ""},
        "visit": {"rule": "date", "participant": "participant_id", "date": "visit_date"},
    }
    rules.loc["visit", "date"] = "seen"
    rules.loc["participant", "rule"] = "participant"
    rules.loc["measure", "rule"] = "none"
    for number, source in enumerate(both):
        cut = ifr.cut(
            source,
            tmp_path / str(number),
            schema="s_scratch",
            until=DAY,
            undated="drop",
            rules=rules.reset_index(),
        )
        assert column(cut, "visit", "visit_id") == [10, 13, 14, 15]
        assert len(column(cut, "measure", "measure_id")) == 8
        assert len(column(cut, "participant", "label")) == 3
        told = {one["table"]: one for one in cut.manifest["insight"]["filters"]}
        assert set(told) == {"visit"}
        assert told["visit"]["condition"] == 't."seen" < :until + 1'


@live
def test_tables_without_a_date_are_said(scratch: Scratch, both: Any, tmp_path: Path) -> None:
    scratch.run("create table contact (participant_id int references participant, phone text)")
    scratch.run("create view per_visit as select count(*) as n from visit")
    with pytest.warns(DataWarning, match=r"until= does not cut all tables.*contact, per_visit") as caught:
        cut = ifr.cut(both[0], tmp_path / "cut", schema="s_scratch", until=DAY, undated="keep")
    assert caught[0].message.report["table"].tolist() == ["contact", "per_visit"]
    assert cut.verify()


@live
def test_several_statements_are_one_moment_too(both: Any, connect: Connect, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table bulk as select i, repeat('x', 100) as t from generate_series(1, 5000) i")
    words = {"schema": "s_scratch", "participants": [1, 3], "masks": {"visit": ["seen"]}}
    small = ifr.cut(connect(statement_bytes=100_000), tmp_path / "small", **words)
    whole = ifr.cut(both[0], tmp_path / "whole", **words)
    assert small.manifest["insight"]["consistency"] == "same-generation"
    assert small.manifest["insight"]["statements"] > 1
    assert small.fingerprint == whole.fingerprint
    assert contents(small)["bulk"][0] == 5000


# ------------------------------------------------------------------ masks
@live
def test_masks_are_never_fetched(
    scratch: Scratch, connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch.run(CUT_STUDY)
    scratch.run("create table secret (participant_id int, arm text); insert into secret values (1, 'x')")
    scratch.run("revoke select on secret, measure from insight_analyst")
    scratch.run("grant select (measure_id, visit_id, value) on measure to insight_analyst")
    sent: list[str] = []
    export = connection._server.export
    monkeypatch.setattr(connection._server, "export", lambda text, **how: sent.append(text) or export(text, **how))
    masks = {"secret": "*", "measure": ["arm"]}
    cut = ifr.cut(connection, tmp_path / "cut", schema="s_scratch", participants=[1], masks=masks)
    assert '"value"' in sent[-1]
    assert not [one for one in sent if '"arm"' in one or '"secret"' in one]
    assert cut.tables == [("s_scratch", one) for one in ("measure", "nothing", "participant", "site", "visit")]
    assert cut.read_table("s_scratch", "measure", order_by="measure_id")["value"].iloc[0] == ""


@live
def test_what_is_masked_is_an_error_that_says_so(both: Any, tmp_path: Path) -> None:
    masks = {"site": "*", "*": ["arm"], "visit": {"seen", "visit_id"}}
    made = [
        ifr.cut(one, tmp_path / str(place), schema="s_scratch", masks=masks, participants=[1])
        for place, one in enumerate(both)
    ]
    assert made[0].fingerprint == made[1].fingerprint
    for cut in made:
        assert cut.manifest["insight"]["masks"] == [
            {"schema": "s_scratch", "table": "measure", "columns": ["arm"]},
            {"schema": "s_scratch", "table": "site", "columns": []},
            {"schema": "s_scratch", "table": "visit", "columns": ["seen", "visit_id"]},
        ]
        for ask in (cut.read_table, cut.describe_table):
            with pytest.raises(TableNotFound, match=r"site was left out of this cut on purpose \(masks\)"):
                ask("s_scratch", "site")
        with pytest.raises(ColumnNotFound, match=r"'arm' of s_scratch\.measure was left out of this cut on purpose"):
            cut.read_table("s_scratch", "measure", columns=["arm"])
        assert column(cut, "measure", "measure_id") == [1, 2, 3]
        assert list(cut.read_table("s_scratch", "visit")) == ["participant_id", "visit_date", "day"]
        assert cut.verify()
        again = ifr.cut(cut, tmp_path / f"{cut.path.name}-again", schema="s_scratch", masks={"site": "*"})
        assert again.manifest["insight"]["masks"][:3] == cut.manifest["insight"]["masks"]


def test_a_masked_log_of_refreshes_is_not_told_either(study: Any, tmp_path: Path) -> None:
    for number, source in enumerate(study):
        path = tmp_path / str(number)
        cut = ifr.cut(source, path, schema=S, masks={"refresh_log": ["refresh_log_id"]})
        assert cut.manifest["insight"]["refresh_log"] == {}
    assert study[1].manifest["insight"]["refresh_log"]


# ------------------------------------------------------------------ manifest and folder
@live
def test_the_manifest_says_what_was_asked(both: Any, tmp_path: Path) -> None:
    words = {"schema": "s_scratch", "participants": ["C'3", "A?1"], "until": DAY, "undated": "keep"}
    cut = ifr.cut(both[1], tmp_path / "cut", **words)
    told = {one["table"]: one for one in cut.manifest["insight"]["filters"]}
    text = (cut.path / "participants.csv").read_text("utf-8")
    assert text == "participant\nA?1\nC'3\n"
    parameters = {
        "participants": {"count": 2, "sha256": hashlib.sha256(text.encode()).hexdigest(), "column": "label"},
        "until": "2024-01-31",
        "undated": "keep",
    }
    assert told["visit"]["parameters"] == told["measure"]["parameters"] == parameters
    assert told["participant"]["condition"] == (
        't."label"::text = any (:participants) and (t."enrolled" >= :until + 1) is not true'
    )
    assert "A?1" not in json.dumps(cut.manifest)
    assert cut.manifest["insight"]["cut_of"] == both[1].manifest["insight"]["fingerprint"]
    assert cut.manifest["insight"]["taken"] == both[1].manifest["insight"]["taken"]
    assert ifr.open_snapshot(cut.path).fingerprint == cut.fingerprint

    (cut.path / "participants.csv").write_text("participant\nA?1\n", "utf-8")
    assert cut.verify().problems == ["participants.csv: its bytes are not those that it was written with"]
    with pytest.raises(SnapshotError):
        ifr.cut(cut, cut.path, schema="s_scratch")
    (cut.path / "participants.csv").unlink()
    assert cut.verify().problems == ["participants.csv: the file is missing"]


@live
def test_a_list_is_never_looked_for_elsewhere(both: Any, tmp_path: Path) -> None:
    cut = ifr.cut(both[1], tmp_path / "cut", schema="s_scratch", participants=[1])
    file = cut.path / "datapackage.json"
    file.write_text(file.read_text("utf-8").replace('"participants.csv"', '"../participants.csv"'), "utf-8")
    with pytest.raises(SnapshotError, match="the name of a list beside the data"):
        ifr.open_snapshot(cut.path)
    (cut.path / "participants.csv").write_text("participant\n2\n", "utf-8")
    with pytest.raises(SnapshotError, match=r"participants\.csv is not the list that the snapshot was made with"):
        cut.cut(tmp_path / "again", schema="s_scratch", participants=[1])


@live
def test_a_cut_of_a_cut_keeps_both_lists(both: Any, tmp_path: Path) -> None:
    first = both[1].cut(tmp_path / "first", schema="s_scratch", participants=["A?1", "B[[2"])
    second = first.cut(tmp_path / "second", schema="s_scratch", participants=[2])
    assert column(second, "participant", "label") == ["B[[2"]
    assert [one["path"] for one in second.manifest["insight"]["lists"]] == ["participants.csv", "participants-2.csv"]
    assert len(second.manifest["insight"]["filters"]) == 2 * len(first.manifest["insight"]["filters"])
    assert second.verify()
    direct = both[0].cut(tmp_path / "direct", schema="s_scratch", participants=[2])
    assert direct.fingerprint == second.fingerprint
    assert any("filters" in one for one in direct.diff(second).remarks)


# ------------------------------------------------------------------ several schemas
OTHERS = """
    drop schema if exists s_scratch_diary cascade; create schema s_scratch_diary;
    drop schema if exists s_scratch_lists cascade; create schema s_scratch_lists;
    create table s_scratch_diary.participant (participant_id int primary key, label text not null, secret text);
    insert into s_scratch_diary.participant values (7, 'A?1', 'x'), (8, 'C''3', 'y'), (9, 'D4', 'z');
    create table s_scratch_diary.entry (entry_id int primary key, participant_id int, day date, sent date);
    insert into s_scratch_diary.entry values (1, 7, '2024-01-05', '2024-03-01'), (2, 8, '2024-02-05', '2024-01-01'),
      (3, 9, '2024-01-05', '2024-01-01');
    create table s_scratch_lists.country (code text primary key, name text, secret text);
    insert into s_scratch_lists.country values ('DE', 'Germany', ''), ('FR', 'France', '');
    grant usage on schema s_scratch_diary, s_scratch_lists to insight_analyst;
    grant select on all tables in schema s_scratch_diary, s_scratch_lists to insight_analyst;
"""
THREE = ["s_scratch", "s_scratch_diary", "s_scratch_lists"]


@pytest.fixture
def three(scratch: Scratch, connection: Connection, tmp_path: Path) -> Any:
    """A study, its diary and lists of both, in three schemas, live and as a snapshot."""
    scratch.run(CUT_STUDY)
    scratch.run(OTHERS)
    yield [connection, connection.snapshot(tmp_path / "source", schemas=THREE)]
    scratch.run("drop schema s_scratch_diary, s_scratch_lists cascade")


@live
def test_several_schemas_each_by_its_own_rules(three: Any, tmp_path: Path) -> None:
    rules = ifr.cut_rules(three[0], THREE)
    pd.testing.assert_frame_equal(rules, ifr.cut_rules(three[1], THREE))
    assert set(rules.loc[rules["schema"] == "s_scratch_lists", "rule"]) == {"none"}
    rules.loc[rules["table"] == "entry", ["rule", "date"]] = ["date", "sent"]
    words: dict[str, Any] = {"schema": THREE, "until": DAY, "undated": "drop", "rules": rules}
    words["masks"] = {"s_scratch_diary.participant": ["secret"], "country": ["secret"]}
    made = [one.cut(tmp_path / f"cut-{place}", **words) for place, one in enumerate(three)]
    assert made[0].fingerprint == made[1].fingerprint
    for cut in made:
        assert cut.verify()
        assert column(cut, "visit", "visit_id") == [10]
        assert column(cut, "entry", "entry_id", "s_scratch_diary") == [2, 3]
        assert column(cut, "country", "code", "s_scratch_lists") == ["DE", "FR"]
        for schema, table in (("s_scratch_diary", "participant"), ("s_scratch_lists", "country")):
            assert "secret" not in cut.read_table(schema, table)
        assert cut.manifest["insight"]["consistency"] == "one-statement"
    assert made[0].manifest["insight"]["statements"] == 1
    ruled = {(one["schema"], one["table"]) for one in made[0].manifest["insight"]["filters"]}
    assert ("s_scratch_diary", "entry") in ruled
    assert ("s_scratch_lists", "country") not in ruled


@live
def test_participants_of_several_schemas(three: Any, tmp_path: Path) -> None:
    alike = [
        one.cut(tmp_path / f"alike-{at}", schema=THREE, participants=["A?1", "C'3"]) for at, one in enumerate(three)
    ]
    own = {"s_scratch": [2], "s_scratch_diary": None}
    apart = [one.cut(tmp_path / f"apart-{at}", schema=THREE[:2], participants=own) for at, one in enumerate(three)]
    for cut in alike:
        assert column(cut, "visit", "visit_id") == [10, 11, 12, 14]
        assert column(cut, "entry", "entry_id", "s_scratch_diary") == [1, 2]
        assert [one["path"] for one in cut.manifest["insight"]["lists"]] == ["participants.csv"]
    for cut in apart:
        assert column(cut, "visit", "visit_id") == [13]
        assert column(cut, "entry", "entry_id", "s_scratch_diary") == [1, 2, 3]
    both = {"s_scratch": [2], "s_scratch_diary": [7]}
    cut = three[1].cut(tmp_path / "two", schema=THREE[:2], participants=both)
    assert [one["path"] for one in cut.manifest["insight"]["lists"]] == ["participants.csv", "participants-2.csv"]
    assert column(cut, "entry", "entry_id", "s_scratch_diary") == [1]
    assert cut.verify()


@live
def test_what_cannot_be_meant_of_several_schemas(three: Any, tmp_path: Path) -> None:
    rules = ifr.cut_rules(three[1], THREE)
    strange = rules.assign(schema=rules["schema"].replace("s_scratch_lists", "s_scratch_list"))
    ruled = rules.assign(rule=rules["rule"].where(rules["table"] != "country", "participant"))
    bad: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"schema": []}, InvalidInput, "schema= is no schema"),
        ({"schema": ["s_scratch", 7]}, InvalidInput, "schema= is no schema"),
        ({"schema": ["s_scratch", "s_scratch_dairy"]}, ifr.SchemaNotFound, "Did you mean 's_scratch_diary'"),
        ({"schema": ["s_scratch_lists"]}, InvalidInput, "None of the schemas has participants"),
        ({"rules": strange}, InvalidInput, "names the schema 's_scratch_list', which is not cut"),
        ({"rules": ruled}, InvalidInput, "has no participants.*s_scratch_lists.country.*expected the rule 'none'"),
        ({"rules": "all"}, InvalidInput, "rules= is no frame of rules"),
        ({"rules": rules.query("table != 'entry'")}, InvalidInput, "rules= has none for 'entry'"),
        ({"participants": {"s_scratch": [1]}}, InvalidInput, "a list for each schema.*'s_scratch_diary'"),
        ({"participants": ["B[[2"]}, ParticipantNotFound, "participants=, s_scratch_diary.participant"),
        ({"masks": {"s_scratch_diary.entri": "*"}}, TableNotFound, "Did you mean 's_scratch_diary.entry'"),
        ({"masks": {"entry": "*", "s_scratch_diary.entry": "*"}}, InvalidInput, "s_scratch_diary.entry twice"),
        ({"masks": {"*": ["secre"]}}, InvalidInput, "'secre', no column of any table"),
    ]
    for source in three:
        for words, kind, match in bad:
            with pytest.raises(kind, match=match):
                ifr.cut(source, tmp_path / "cut", **{"schema": THREE, **words})
    assert not (tmp_path / "cut").exists()


# ------------------------------------------------------------------ bad input
@live
def test_unknown_participants_are_counted_and_listed_on_the_error(both: Any, tmp_path: Path) -> None:
    for source in both:
        with pytest.raises(ParticipantNotFound, match="2 of 3 participants are not in the study") as caught:
            ifr.cut(source, tmp_path / "cut", schema="s_scratch", participants=["A?1", "canary-1", "canary-2"])
        assert caught.value.value == ["canary-1", "canary-2"]
        assert "canary" not in str(caught.value)
    assert not (tmp_path / "cut").exists()


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"participants": []}, InvalidInput, "participants= is empty"),
    ({"participants": ["A?1", None]}, InvalidInput, "holds a missing value"),
    ({"participants": 7}, InvalidInput, "participants= is no list.*got int"),
    ({"participants": "no-such-file"}, InvalidInput, "The file of participants= cannot be read"),
    ({"until": date.today() + timedelta(days=2), "undated": "keep"}, InvalidInput, "The cut date is (in the|later)"),
    ({"until": DAY}, InvalidInput, "says nothing of rows whose date is missing. Try: undated='keep'"),
    ({"until": datetime(2024, 1, 1), "undated": "keep"}, InvalidInput, "until must be a day.*got datetime"),
    ({"until": "31.1.2024", "undated": "keep"}, InvalidInput, "until is no day"),
    ({"until": DAY, "undated": "maybe"}, InvalidInput, "undated is not known"),
    ({"undated": "keep"}, InvalidInput, "undated= was given without until="),
    ({"masks": ["site"]}, InvalidInput, "masks must say what of which table"),
    ({"masks": {"sit": "*"}}, TableNotFound, "masks= names 'sit'.*Did you mean 'site'"),
    ({"masks": {"site": "name"}}, InvalidInput, "masks must list columns"),
    ({"masks": {"site": ["nam"]}}, ColumnNotFound, "no column 'nam'. Did you mean 'name'"),
    ({"masks": {"*": ["nam"]}}, InvalidInput, "'nam', no column of any table"),
    ({"masks": {"site": ["name", "site_id"]}}, InvalidInput, "leaves no column of site"),
    ({"schema": "s_scrach"}, ifr.SchemaNotFound, "Did you mean 's_scratch'"),
    ({"schema": None}, InvalidInput, "Which study to cut is not clear"),
    ({"rules": "visit"}, InvalidInput, "rules= is no frame of rules"),
]


@live
def test_what_cannot_be_meant_is_a_sentence(both: Any, tmp_path: Path) -> None:
    for source in (both[0], both[1]):
        for words, kind, match in BAD:
            if words == {"schema": None} and source is both[1]:
                continue  # a snapshot of one schema leaves no doubt
            with pytest.raises(kind, match=match):
                ifr.cut(source, tmp_path / "cut", **{"schema": "s_scratch", **words})
    with pytest.raises(SnapshotError, match="There is a snapshot under this path already"):
        ifr.cut(both[0], both[1].path, schema="s_scratch")
    assert [one.name for one in tmp_path.iterdir()] == ["source"]


@live
@pytest.mark.parametrize(
    ("table", "change", "match"),
    [
        ("visit", {"rule": "dat"}, "A rule is not known.*'none' or 'participant' or 'date'"),
        ("visit", {"date": ""}, "The rule date names no column"),
        ("visit", {"date": "visit_id"}, "'visit_id' holds no days.*got bigint"),
        ("visit", {"date": "vist_date"}, "no column 'vist_date'. Did you mean 'visit_date'"),
        ("measure", {"date": "value > visit_date"}, "'value' of measure leads to no other table"),
        ("measure", {"participant": "visit_id"}, "has no column 'participant_id'|does not end in the key"),
        ("site", {"rule": "participant"}, "The rule participant names no column"),
        ("site", {"table": "sites"}, "rules= names 'sites', no table here. Did you mean 'site'"),
        ("site", {"table": "visit"}, "rules= names a table twice"),
    ],
)
def test_rules_that_cannot_be_meant(both: Any, table: str, change: Any, match: str, tmp_path: Path) -> None:
    rules = ifr.cut_rules(both[1], "s_scratch")
    for name, value in change.items():
        rules.loc[rules["table"] == table, name] = value
    with pytest.raises((InvalidInput, ColumnNotFound), match=match):
        both[1].cut(tmp_path / "cut", schema="s_scratch", until=DAY, undated="keep", rules=rules)
    short = ifr.cut_rules(both[1], "s_scratch").query("table != 'site'")
    with pytest.raises(InvalidInput, match="rules= has none for 'site'"):
        both[1].cut(tmp_path / "cut", schema="s_scratch", rules=short)
    assert not (tmp_path / "cut").exists()


@live
def test_days_that_arrow_cannot_hold(scratch: Scratch, both: Any, tmp_path: Path) -> None:
    scratch.run("insert into visit values (16, 1, 'infinity', null, null), (17, 1, '-infinity', null, null)")
    full = both[0].snapshot(tmp_path / "full", schemas="s_scratch")
    cut = both[0].cut(tmp_path / "cut", schema="s_scratch", until=DAY, undated="drop")
    assert column(cut, "visit", "visit_id") == [10, 17]
    with pytest.raises(InvalidInput, match="The days in 'visit_date' are kept as text"):
        full.cut(tmp_path / "offline", schema="s_scratch", until=DAY, undated="drop")
    assert not (tmp_path / "offline").exists()
