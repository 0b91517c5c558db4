"""Partial dates, numbers in text and multiple choices: nothing imputed, nothing coerced, every failure named."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import pandas as pd
import pytest

import insight_frames as ifr
from insight_frames import ColumnNotFound, Connection, DataConflict, DataWarning, InvalidInput

S = "s_cardio3prod"
live = pytest.mark.parametrize("era", ["0.47"])


def days(values: pd.Series[Any]) -> list[str | None]:
    return [None if pd.isna(one) else one.date().isoformat() for one in values]


def keyed(**columns: list[Any]) -> pd.DataFrame:
    """A frame as it is read from s.t, with key k."""
    frame = pd.DataFrame({"k": range(101, 101 + len(next(iter(columns.values())))), **columns})
    frame.attrs["insight"] = {"schema": "s", "table": "t", "key": ["k"], "columns": {"k": {"type": "integer"}}}
    return frame


def test_a_partial_date_is_not_imputed_unless_a_rule_is_given() -> None:
    frame = keyed(x=["2015", "2015-08", "2015-08-14", None, "2016-02"])
    made, failed = ifr.to_dates(frame, "x")
    assert made.columns.tolist() == ["k", "x", "x_date", "x_precision"]
    assert made["x"].tolist() == frame["x"].tolist()
    assert days(made["x_date"]) == [None, None, "2015-08-14", None, None]
    assert made["x_date"].dtype == "datetime64[us]"
    assert made["x_precision"].astype(object).tolist()[:3] == ["year", "month", "day"]
    assert made["x_precision"].cat.ordered
    assert made["x_precision"].isna().tolist() == [False, False, False, True, False]
    assert failed.empty
    for rule, expected in {
        "first": ["2015-01-01", "2015-08-01", "2015-08-14", None, "2016-02-01"],
        "middle": ["2015-07-01", "2015-08-15", "2015-08-14", None, "2016-02-15"],
        "last": ["2015-12-31", "2015-08-31", "2015-08-14", None, "2016-02-29"],
    }.items():
        made, _ = ifr.to_dates(frame, "x", impute=rule)  # type: ignore[arg-type]
        assert days(made["x_date"]) == expected
        assert made["x_precision"].astype(object).tolist()[0] == "year"  # whatever was imputed
    assert "x_date" not in frame


def test_what_is_no_date_is_named_with_its_row() -> None:
    bad = ["2015-13", "2015-02-30", "UNK", "", "15-08-2015", "2015-8-1", "2015-08-14T00:00", "0000", "2015-00"]
    with pytest.warns(DataWarning, match=r"Values of s.t could not be converted \('x': 9\)") as caught:
        made, failed = ifr.to_dates(keyed(x=[*bad, "9999-12-31", "0001"]), "x", impute="first")
    assert failed["value"].tolist() == bad
    assert failed["row_key"].tolist() == [{"k": 101 + at} for at in range(9)]
    assert set(failed["table"]) == {"s.t"}
    assert days(made["x_date"])[9:] == ["9999-12-31", "0001-01-01"]
    assert made["x_date"].isna().sum() == 9
    pd.testing.assert_frame_equal(caught[0].message.report, failed)
    assert "UNK" not in str(caught[0].message)


def test_a_rule_may_not_make_an_end_precede_its_start() -> None:
    frame = keyed(start=["2015-08-10", "2015", None, "2016"], end=["2015-08", "2015-03", "2014", "2016-05-01"])
    with pytest.raises(DataConflict, match=r"columns 'start' and 'end'.* got 1 rows") as caught:
        ifr.to_dates(frame, ["start", "end"], impute="first", periods=[("start", "end")])
    assert caught.value.row_key == {"k": 101}
    assert (caught.value.table, caught.value.column) == ("s.t", "end")
    assert "101" not in str(caught.value)
    made, failed = ifr.to_dates(
        frame, ["start", "end"], impute={"start": "first", "end": "last"}, periods=[("start", "end")]
    )
    assert days(made["end_date"])[:2] == ["2015-08-31", "2015-03-31"]
    assert failed.empty
    ifr.to_dates(frame, ["start", "end"], periods=[("start", "end")])  # nothing is imputed


def test_an_end_that_precedes_its_start_as_written_is_reported() -> None:
    frame = keyed(start=["2015-08-10", "2016"], end=["2015-07", "2017"])
    with pytest.warns(DataWarning):
        _, failed = ifr.to_dates(frame, ["start", "end"], impute="last", periods=[("start", "end")])
    assert failed[["column", "problem", "value"]].values.tolist() == [["end", "before 'start'", "2015-07"]]
    dated = frame.assign(start=pd.to_datetime(["2015-08-10 10:00", "2015-01-01 00:00"]))
    with pytest.warns(DataWarning):
        _, failed = ifr.to_dates(dated, "end", impute="first", periods=[("start", "end")])
    assert failed["row_key"].tolist() == [{"k": 101}]


def test_wrong_words() -> None:
    frame = keyed(x=["2015"])
    with pytest.raises(ColumnNotFound):
        ifr.to_dates(frame, "y")
    with pytest.raises(InvalidInput, match="impute= is not known"):
        ifr.to_dates(frame, "x", impute="mean")  # type: ignore[arg-type]
    with pytest.raises(ColumnNotFound, match="none of columns="):
        ifr.to_dates(frame, "x", impute={"y": "first"})
    with pytest.raises(ColumnNotFound, match="periods="):
        ifr.to_dates(frame, "x", periods=[("x", "y")])
    for wrong in ("x", ["x"], [("x", "x", "x")]):
        with pytest.raises(InvalidInput, match="periods= cannot be meant"):
            ifr.to_dates(frame, "x", periods=wrong)  # type: ignore[arg-type]
    assert ifr.to_dates(frame, "x", periods={"x": "x"}).failed.empty
    with pytest.raises(InvalidInput, match="'x' is a single choice"):
        ifr.indicators(frame.assign(x=frame["x"].astype("category")), "x", codes=["2015"])
    with pytest.raises(InvalidInput, match="already"):
        ifr.to_dates(ifr.to_dates(frame, "x").frame, "x")
    with pytest.raises(InvalidInput, match="A frame is needed"):
        ifr.labels("participant")  # type: ignore[arg-type]


def test_numbers_in_text() -> None:
    frame = keyed(x=["1", " 2.50 ", "-3e2", "NA", "12-14", "", None, "1e999", "0x10", "1_000", "inf"])
    with pytest.warns(DataWarning):
        made, failed = ifr.to_numbers(frame, "x")
    assert made["x"].tolist()[:3] == [1.0, 2.5, -300.0]
    assert made["x"].dtype == "float64"
    assert failed["value"].tolist() == ["NA", "12-14", "", "1e999", "0x10", "1_000", "inf"]
    assert failed["row_key"].tolist()[0] == {"k": 104}
    again, failed = ifr.to_numbers(made, ["x", "k"])
    assert failed.empty
    assert again["k"].dtype == frame["k"].dtype
    hand = pd.DataFrame({"x": ["a"]})
    with pytest.warns(DataWarning):
        failed = ifr.to_numbers(hand, "x").failed
    assert failed.loc[0, ["table", "row_key"]].tolist() == ["the frame", {"row": 1}]
    assert type(failed.loc[0, "row_key"]["row"]) is int


def test_multiple_choices() -> None:
    frame = keyed(x=["1,3", "2", None, "3 1", ""], x_1=["1", None, None, "1", None], x_1_label=["a"] * 5)
    made = ifr.indicators(frame, "x", codes={1: "Pain", 2: "Edema", 3: "Cough", 4: "Fever"})
    assert made.columns.tolist() == ["k", "x", "x_1", "x_2", "x_3", "x_4"]
    assert made["x_3"].tolist()[:2] == [1.0, 0.0]
    assert made["x_4"].isna().tolist() == [False, False, True, False, False]
    assert made["x_4"].sum() == 0
    assert ifr.labels(made).loc["x_2", "label"] == "x: Edema"
    whole = ifr.indicators(frame.dropna(subset="x"), "x", codes=["1", "2", "3"])
    assert whole["x_1"].dtype == "int64"
    with pytest.warns(DataWarning, match="codes that are not in its list") as caught:
        made = ifr.indicators(frame, "x", codes=[2])
    assert made.columns.tolist() == ["k", "x", "x_2", "x_1", "x_3"]
    assert caught[0].message.report["row_key"].tolist() == [{"k": 101}, {"k": 104}]
    with pytest.raises(InvalidInput, match="is not known"):
        ifr.indicators(frame, "x")
    with pytest.raises(InvalidInput, match="codes= cannot be meant"):
        ifr.indicators(frame, "x", codes="1")


@live
def test_multiple_choices_of_a_study(connection: Connection) -> None:
    frame = connection.read_table(S, "ig_vital_vitals", choices="label", index_col=ifr.KEY)
    made = ifr.indicators(frame, "i_vital_symp")
    assert len(made) == len(frame)
    for code in "1234567":
        expected = frame[f"i_vital_symp_{code}"].notna()[frame["i_vital_symp"].notna()]
        assert (made[f"i_vital_symp_{code}"].dropna() == 1).tolist() == expected.tolist()
    assert ifr.labels(made).loc["i_vital_symp_2", "label"] == "Vital Signs: Symptoms: Dyspnea"


@live
def test_partial_dates_of_a_study(connection: Connection) -> None:
    frame = connection.read_table(S, "ig_vital_vitals")
    made, failed = ifr.to_dates(frame, "i_vital_stdat", impute="first", periods=[("i_vital_stdat", "i_vital_endat")])
    assert failed.empty
    assert made["i_vital_stdat_date"].notna().sum() == frame["i_vital_stdat"].notna().sum()
    assert set(made["i_vital_stdat_precision"].dropna()) == {"year", "month", "day"}


@live
def test_labels_survive_parquet_and_pandas(connection: Connection) -> None:
    frame = connection.read_table(S, "ig_vital_vitals", choices="both", index_col=ifr.KEY)
    file = BytesIO()
    frame.to_parquet(file)
    again = pd.read_parquet(file)
    pd.testing.assert_frame_equal(ifr.labels(again), ifr.labels(frame))
    some = frame.loc[frame["i_vital_sysbp"] > 120, ["i_vital_sysbp"]].copy()
    assert ifr.labels(some).index.tolist() == ["event_crf_id", "item_group_repeat", "i_vital_sysbp"]
    assert ifr.labels(some).loc["i_vital_sysbp"].tolist() == [
        "Vital Signs: First measurement (mmHg)",
        "mmHg",
        "numeric",
    ]
    own = some.assign(z=1)
    assert ifr.labels(own).loc["z"].tolist() == [None, None, None]
    with pytest.raises(InvalidInput, match="made by hand"):
        ifr.labels(pd.DataFrame({"x": [1]}))
    query = connection.read_sql(f"select label, count(*) as n from {S}.participant group by 1 limit 3")
    assert ifr.labels(query)["type"].tolist() == ["character varying", "bigint"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        connection.read_table(S, "ig_vital_vitals", choices="label")  # the demo study's lists fit


def test_no_rows_at_all() -> None:
    frame = keyed(x=["2015"], y=["1"]).iloc[:0]
    dates, failed = ifr.to_dates(frame, "x", impute="first", periods=[("x", "x")])
    assert dates["x_date"].dtype == "datetime64[us]"
    assert failed.empty
    assert ifr.to_numbers(frame, "y").frame["y"].dtype == "float64"
    assert ifr.indicators(frame, "y", codes=[1, 2])["y_2"].dtype == "int64"
    assert ifr.column_report(frame).columns["rows"].tolist() == [0, 0, 0]


def test_times_with_a_zone_are_days_where_they_were() -> None:
    zoned = pd.Series(pd.to_datetime(["2015-08-10 00:30"])).dt.tz_localize("Europe/Berlin")
    frame = keyed(start=["2015-08-10"]).assign(end=zoned)
    assert ifr.to_dates(frame, "start", periods=[("start", "end")]).failed.empty
