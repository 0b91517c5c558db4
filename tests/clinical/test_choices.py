"""Choice items: the study's lists and pairs found by shape, all levels in their order, and nothing dropped."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import Scratch

import insight_frames as ifr
from insight_frames import ColumnNotFound, Connection, DataWarning, InvalidInput, Snapshot

S = "s_cardio3prod"
SEVERITY = ["Mild", "Moderate", "Severe"]
pytestmark = pytest.mark.parametrize("era", ["0.47"])


@pytest.fixture
def both(connection: Connection, tmp_path: Path) -> Any:
    """Read the same live and offline; the frames, and what is warned of, are equal."""

    def read(schema: str, name: str, **keywords: Any) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
        folder = tmp_path / schema
        cut = ifr.open_snapshot(folder) if folder.exists() else connection.snapshot(folder, schemas=[schema])
        frames, told = [], []
        for source in (connection, cut):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                frames.append(source.read_table(schema, name, **keywords))
            told.append([one.message.report for one in caught if isinstance(one.message, DataWarning)])
        pd.testing.assert_frame_equal(*frames)
        assert frames[0].attrs["insight"]["columns"] == frames[1].attrs["insight"]["columns"]
        assert len(told[0]) == len(told[1])
        for one, other in zip(*told, strict=True):
            pd.testing.assert_frame_equal(one, other)
        return frames[0], told[0]

    return read


def levels(frame: pd.DataFrame, name: str) -> list[Any]:
    assert frame[name].cat.ordered
    return frame[name].cat.categories.tolist()


def test_labels_codes_and_both_of_a_study(both: Any) -> None:
    plain, _ = both(S, "ig_vital_vitals")
    label, told = both(S, "ig_vital_vitals", choices="label")
    assert not told
    assert levels(label, "i_vital_sev") == SEVERITY
    assert label["i_vital_sev"].astype(object).where(label["i_vital_sev"].notna(), None).tolist() == [
        None if pd.isna(one) else one for one in plain["i_vital_sev_label"]
    ]
    assert "i_vital_sev_label" not in label
    code, _ = both(S, "ig_vital_vitals", choices="code")
    assert levels(code, "i_vital_sev") == [1, 2, 3]
    assert levels(code, "i_vital_loc") == ["01", "02", "03", "NA", "UNK"]  # text stays text, NA is a code
    pd.testing.assert_series_equal(code["i_vital_sev"].astype("float64"), plain["i_vital_sev"])
    pair, _ = both(S, "ig_vital_vitals", choices="both")
    assert pair.columns.tolist() == plain.columns.tolist()
    assert levels(pair, "i_vital_sev_label") == SEVERITY
    facts = label.attrs["insight"]["columns"]
    assert facts["i_vital_sev"]["choices"] == [["1", "Mild"], ["2", "Moderate"], ["3", "Severe"]]
    assert facts["i_vital_sysbp"]["unit"] == "mmHg"
    assert facts["i_vital_symp"]["multiple"]
    assert label["i_vital_symp"].dtype == plain["i_vital_symp"].dtype


@pytest.mark.long
def test_levels_do_not_depend_on_the_rows(both: Any) -> None:
    for where in ("false", "i_vital_sev = 2"):
        frame, _ = both(S, "ig_vital_vitals", choices="label", where=where)
        assert levels(frame, "i_vital_sev") == SEVERITY
    pairs, _ = both(S, "ig_quest_epro", choices="label", where="participant_oid = 'SS_000001'")
    assert len(pairs) == 1
    assert levels(pairs, "i_quest_q001") == ["Never", "Rarely", "Sometimes", "Often", "Always"]


LONG = [pytest.param(how, marks=pytest.mark.long) for how in ("code", "both")]


@pytest.mark.parametrize("how", ["label", *LONG])
def test_chunks_hold_the_same_levels(connection: Connection, how: Any) -> None:
    for table in ("ig_vital_vitals", "ig_quest_epro"):
        whole = connection.read_table(S, table, choices=how)
        parts = list(connection.read_table(S, table, choices=how, chunksize=40))
        assert len(parts) > 1
        joined = pd.concat(parts, ignore_index=True)
        chosen = [one for one in whole if isinstance(whole[one].dtype, pd.CategoricalDtype)]
        pd.testing.assert_frame_equal(joined[chosen], whole[chosen])


@pytest.mark.long
def test_only_what_was_asked_for_comes(both: Any) -> None:
    for how, expected in (
        ("label", ["i_vital_sev", "participant_oid"]),
        ("code", ["i_vital_sev", "participant_oid"]),
        ("both", ["i_vital_sev", "i_vital_sev_label", "participant_oid"]),
    ):
        frame, _ = both(S, "ig_vital_vitals", columns=["i_vital_sev", "participant_oid"], choices=how)
        assert frame.columns.tolist() == expected
    frame, _ = both(S, "ig_vital_vitals", columns=["i_vital_sev_label"], choices="label", index_col=None)
    assert frame.columns.tolist() == ["i_vital_sev_label"]
    assert levels(frame, "i_vital_sev_label") == SEVERITY
    frame, _ = both(S, "ig_vital_vitals", choices="label", index_col=ifr.KEY)
    assert frame.index.names == ["event_crf_id", "item_group_repeat"]
    frame, _ = both(S, "ig_vital_vitals", choices="label", dtype={"i_vital_sev": "float64"})
    assert frame["i_vital_sev"].dtype == "float64"  # who says a dtype gets it


@pytest.mark.long
def test_other_back_ends(both: Any) -> None:
    plain, _ = both(S, "ig_vital_vitals", choices="both")
    for backend in ("numpy_nullable", "pyarrow"):
        frame, _ = both(S, "ig_vital_vitals", choices="both", dtype_backend=backend)
        for name in ("i_vital_sev", "i_vital_sev_label", "i_vital_loc"):
            assert levels(frame, name) == levels(plain, name)
            assert frame[name].cat.codes.tolist() == plain[name].cat.codes.tolist()
    plain, _ = both(S, "ig_quest_epro", choices="both")
    for keywords in ({"dtype_backend": "numpy_nullable"}, {"dtype_backend": "pyarrow"}, {"coerce_float": False}):
        frame, _ = both(S, "ig_quest_epro", choices="both", **keywords)
        pd.testing.assert_series_equal(frame["i_quest_q001"], plain["i_quest_q001"])


AWKWARD = """
    create table answers (answer_id int primary key, x numeric, x_label text, y int, y_label text, z text,
      w int, w_label text, w_unit int, w_unit_label text);
    insert into answers values
      (1, 1, 'Mild', 1, 'Other', 'A', 1, 'cm', 1, 'big'), (2, 2, 'Moderate', 2, 'Other', 'B', 2, 'mm', 2, 'small'),
      (3, 9, 'Lost', null, 'Other', 'C', 1, 'cm', null, null), (4, 2, 'Medium', 3, null, null, null, null, 1, 'big'),
      (5, 1, 'Severe', 3, 'Rare', '', null, null, null, null), (6, null, null, null, null, 'D', 2, 'mm', 2, 'small');
    create table coding (set_no int, ordinal int, answer_code text, answer_text text, primary key (set_no, ordinal));
    insert into coding values
      (1, 1, '3', 'Severe'), (1, 2, '2', 'Moderate'), (1, 3, '2', 'Medium'), (1, 4, '1', 'Mild'),
      (2, 1, '1', 'Other'), (2, 2, '2', 'Other'), (2, 3, '3', 'Rare'), (3, 1, 'A', 'first'), (3, 2, 'B', null);
    create table fields (field_name text, units text, datatype text, set_no int);
    insert into fields values ('X', null, 'INT', 1), ('Y', 'kg', 'INT', 2), ('Z', null, 'ST', 3);
"""


def test_a_list_that_contradicts_the_rows_is_reported_and_nothing_dropped(scratch: Scratch, both: Any) -> None:
    scratch.run(AWKWARD)
    frame, told = both("s_scratch", "answers", choices="label")
    assert levels(frame, "x") == ["Severe", "Moderate", "Medium", "Mild", "Lost"]  # in the list's order
    assert frame["x"].tolist()[:5] == ["Mild", "Moderate", "Lost", "Medium", "Severe"]
    assert levels(frame, "y") == ["Other (1)", "Other (2)", "Rare", "Other"]
    assert frame["y"].tolist()[:5] == ["Other (1)", "Other (2)", "Other", "Rare", "Rare"]
    assert levels(frame, "z") == ["first", "B", "", "C", "D"]
    (report,) = told
    found = {(one.column, one.problem): (one.code, one.rows) for one in report.itertuples()}
    assert found["x", "several labels for a code"] == ("2", 2)
    assert found["x", "a code that is not in the list"] == ("9", 1)
    assert found["x", "another label than in the list"] == ("1", 1)
    assert found["y", "several codes for a label"] == ("1 / 2", 2)
    assert found["y", "a label without a code"] == (None, 1)
    assert found["y", "a code without its label"] == ("3", 1)
    assert found["z", "a code without a label"] == ("B", 1)
    other = report[(report["column"] == "x") & (report["problem"] == "another label than in the list")]
    assert other["row_key"].tolist() == [{"answer_id": 5}]
    assert frame.attrs["insight"]["columns"]["y"]["unit"] == "kg"
    code, _ = both("s_scratch", "answers", choices="code")
    assert levels(code, "x") == [3, 2, 1, 9]
    assert code["x"].tolist()[:5] == [1, 2, 9, 2, 1]
    assert levels(frame, "w_unit") == ["big", "small"]  # a pair of its own, no choice of w


def test_the_warning_names_columns_and_no_value(scratch: Scratch, connection: Connection) -> None:
    scratch.run("create table t (k int primary key, x int); insert into t values (7, 5151)")
    with pytest.warns(DataWarning, match=r"Choices of s_scratch.t do not fit their lists \(1 cases in 'x'\)") as caught:
        connection.read_table("s_scratch", "t", choices="code", choice_lists={"x": {1: "One"}})
    assert "5151" not in str(caught[0].message)
    assert caught[0].filename == __file__
    assert caught[0].message.report["row_key"].tolist() == [{"k": 7}]


def test_a_mapping_may_be_given(both: Any) -> None:
    given = {"i_vital_sev": {3: "bad", 2: "so so", 1: "good"}}
    frame, told = both(S, "ig_vital_vitals", columns=["i_vital_sev"], choices="code", choice_lists=given)
    assert levels(frame, "i_vital_sev") == [3, 2, 1]
    assert set(told[0]["problem"]) == {"another label than in the list"}
    site, told = both(S, "site", choices="label", choice_lists={"country": {"US": "United States", "DE": "Germany"}})
    assert levels(site, "country") == ["United States", "Germany", "BR", "JP", "PL"]
    assert set(told[0]["code"]) == {"JP", "PL", "BR"}


def test_lists_in_one_cell(scratch: Scratch, both: Any) -> None:
    scratch.run(
        r"""create table response_set (response_set_id int primary key, options_text text, options_values text);
            insert into response_set values (1, 'No,Yes\, always,Unknown', '0,1,9');
            create table item (oc_oid text unique, units text, response_set_id int references response_set);
            insert into item values ('I_X', 'mg', 1);
            create table ig_a (k int primary key, i_x int); insert into ig_a values (1, 1), (2, null)"""
    )
    frame, told = both("s_scratch", "ig_a", choices="label")
    assert levels(frame, "i_x") == ["No", "Yes, always", "Unknown"]
    assert frame["i_x"].tolist()[0] == "Yes, always"
    assert not told


@pytest.mark.parametrize("links", ["references list_of_choices", ""])
def test_lists_with_numbers_of_their_own(scratch: Scratch, both: Any, links: str) -> None:
    scratch.run(
        f"""create table list_of_choices (code_list_id int primary key, name text);
            insert into list_of_choices values (1, 'NY'), (2, 'YN');
            create table choice (choice_id int primary key, code_list_id int {links}, seq int, value text, decode text,
              status text);
            insert into choice values (1, 1, 2, '1', 'Yes'), (2, 1, 1, '0', 'No'), (3, 2, 1, '1', 'Yes');
            create table item (item_id int primary key, item_name text, status text, code_list_id int {links});
            insert into item values (1, 'a', '', 1), (2, 'b', '', 2), (3, 'c', '', null);
            create table ig_a (k int primary key, a int, b int, c int); insert into ig_a values (1, 1, 1, 1)"""
    )
    frame, told = both("s_scratch", "ig_a", choices="label")
    assert levels(frame, "a") == ["No", "Yes"]
    assert levels(frame, "b") == ["Yes"]
    assert frame["c"].tolist() == [1]
    assert not told


BETWEEN = """
    create table response_set (response_set_id int, ordinal int, value text, label text,
      primary key (response_set_id, ordinal));
    insert into response_set values (1, 1, '2', 'Yes'), (1, 2, '1', 'No'), (2, 1, '1', 'Mild'), (2, 2, '2', 'Severe'),
      (3, 1, '1', 'Mild'), (3, 2, '2', 'Worse'), (3, 3, '3', 'Worst');
    create table item (item_id int primary key, name text unique, oc_oid text unique, units text);
    insert into item values (1, 'A', 'I_F_A', null), (2, 'B', 'I_F_B', 'mg'), (3, 'C', 'I_F_C', null);
    create table item_form_metadata (item_form_metadata_id int primary key, item_id int {to_item},
      crf_version_id int, page_name text, response_set_id int {to_list});
    insert into item_form_metadata values (10, 1, 1, 'one', 1), (11, 2, 1, 'one', 2), (12, 2, 2, 'two', 3),
      (13, 3, 1, 'one', null), (14, 1, 2, 'two', 1);
    create table ig_f (k int primary key, i_f_a numeric, i_f_b int, i_f_c int);
    insert into ig_f values (1, 1, 1, 5), (2, 2, 3, null), (3, null, 2, null);
"""


@pytest.mark.parametrize("declared", [True, False], ids=["foreign keys", "names"])
def test_lists_through_a_table_between(scratch: Scratch, both: Any, declared: bool) -> None:
    """Items that have a list for each version of their form."""
    links = {"to_item": "references item" if declared else "", "to_list": ""}
    scratch.run(BETWEEN.format(**links))
    frame, (report,) = both("s_scratch", "ig_f", choices="label")
    assert levels(frame, "i_f_a") == ["Yes", "No"]
    assert frame["i_f_a"].tolist()[:2] == ["No", "Yes"]
    both_labels = "Severe / Worse"  # the versions of the form disagree about 2
    assert levels(frame, "i_f_b") == ["Mild", "Severe", "Worse", "Worst", both_labels]
    assert frame["i_f_b"].tolist() == ["Mild", "Worst", both_labels]
    assert report[["column", "problem", "code", "rows"]].to_numpy().tolist() == [
        ["i_f_b", "several labels for a code", "2", 1]
    ]
    assert frame["i_f_c"].dtype != "category"
    assert frame.attrs["insight"]["columns"]["i_f_b"]["unit"] == "mg"


def test_a_table_between_and_lists_with_numbers_of_their_own(scratch: Scratch, both: Any) -> None:
    scratch.run(
        """create table code_list (code_list_id int primary key, name text);
           insert into code_list values (1, 'NY');
           create table choice (choice_id int primary key, code_list_id int references code_list, seq int, value text,
             decode text);
           insert into choice values (1, 1, 2, '1', 'Yes'), (2, 1, 1, '0', 'No');
           create table question (question_id int primary key, question_oid text, unit text);
           insert into question values (7, 'x', 'kg');
           create table placed (question_id int references question, code_list_id int references code_list);
           insert into placed values (7, 1);
           create table ig_a (k int primary key, x int); insert into ig_a values (1, 1)"""
    )
    frame, told = both("s_scratch", "ig_a", choices="label")
    assert levels(frame, "x") == ["No", "Yes"]
    assert not told


def test_a_study_without_metadata_and_without_choices(scratch: Scratch, both: Any) -> None:
    scratch.run(
        """create table ig_a (k int primary key, v numeric, x int, x_label text,
             m text, m_1 text, m_1_label text, m_2 text, m_2_label text);
           insert into ig_a values (1, 2.5, 10, 'ten', '1,2', '1', 'a', '2', 'b');
           insert into ig_a values (2, null, 9, 'nine'), (3, null, 9, null);
           create table bare (v numeric); insert into bare values (1)"""
    )
    frame, told = both("s_scratch", "ig_a", choices="label")
    assert levels(frame, "x") == ["nine", "ten"]  # in the order of the codes
    assert told[0]["problem"].tolist() == ["a code without its label"]
    assert frame["x"].tolist() == ["ten", "nine", "nine"]
    assert frame["m_1"].dtype == frame["m"].dtype
    assert frame.attrs["insight"]["columns"]["m"]["choices"] == [["1", None], ["2", None]]
    bare, _ = both("s_scratch", "bare", choices="label")
    assert bare["v"].tolist() == [1.0]


def test_what_cannot_be_meant(connection: Connection) -> None:
    with pytest.raises(InvalidInput, match="choices= is not known"):
        connection.read_table(S, "site", choices="labels")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="without choices="):
        connection.read_table(S, "site", choice_lists={"country": {"DE": "Germany"}})
    with pytest.raises(ColumnNotFound, match="Did you mean 'country'"):
        connection.read_table(S, "site", choices="label", choice_lists={"contry": {"DE": "Germany"}})
    with pytest.raises(InvalidInput, match="exclude each other"):
        connection.read_table(S, "site", choices="label", dtype=str)
    with pytest.raises(ColumnNotFound, match="index_col= names 'site_id'"):
        connection.read_table(S, "site", choices="label", columns=["name"], index_col="site_id")
    with pytest.raises(InvalidInput, match="expected a mapping of codes to labels"):
        connection.read_table(S, "site", choices="label", choice_lists={"country": ["DE"]})  # type: ignore[dict-item]


@pytest.mark.long
def test_all_choices_of_the_study_fit_their_lists(connection: Connection, tmp_path: Path) -> None:
    cut = connection.snapshot(tmp_path / "study", schemas=[S])
    items, lists = (cut.read_table(S, one) for one in ("item", "response_set"))
    groups = cut.read_table(S, "item_group")
    for number, table in zip(groups["item_group_id"], groups["clinical_table"], strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            frame = cut.read_table(S, table, choices="label", coerce_float=False)
        mine = items[(items["item_group_id"] == number) & items["response_set_label"].notna()]
        for item in mine.itertuples():
            if item.response_type != "checkbox":
                texts = lists.loc[lists["response_set_label"] == item.response_set_label].sort_values("option_order")
                assert levels(frame, item.item_oid.lower()) == texts["option_text"].tolist()


def test_a_snapshot_of_one_table_has_its_pairs(connection: Connection, tmp_path: Path) -> None:
    cut: Snapshot = connection.snapshot(tmp_path / "one", schemas=[S], tables=["ig_vital_vitals"])
    frame = cut.read_table(S, "ig_vital_vitals", choices="label")
    assert levels(frame, "i_vital_sev") == SEVERITY  # all three occur
