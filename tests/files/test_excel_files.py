"""Workbooks hold what the frame held; what they cannot hold is refused, and nothing is left of a failure."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import insight_frames as ifr
from insight_frames.sinks.files import excel, sheets
from insight_frames.snapshots import handover

SETTINGS = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


def cells(path: Path, sheet: str) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(path)[sheet].rows]


def column(path: Path, frame: pd.DataFrame, **options: Any) -> list[Any]:
    ifr.to_excel(frame, path, sheet_name="data", **options)
    return [row[0] for row in cells(path, "data")[1:]]


def test_every_kind_of_column(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": ["=1+1", "007", None],
            "whole": [1, 2, 999_999_999_999_999],
            "gaps": [1.0, None, 3.0],
            "float": [0.1 + 0.2, 1e-300, -5.0],
            "exact": [Decimal("1.10"), None, Decimal("-3")],
            "flag": pd.Series([True, None, False], dtype=object),
            "day": [dt.date(2026, 11, 24), None, dt.date(1900, 3, 1)],
            "moment": np.array(["2026-11-24T10:11:12.123", "NaT", "9999-12-31"], "datetime64[us]"),
            "utc": pd.to_datetime(["2026-11-24T10:11:12+02:00", None, "2000-01-01T00:00Z"], utc=True, format="ISO8601"),
            "clock": [dt.time(1, 2, 3), None, dt.time(23, 59, 59)],
            "level": pd.Categorical(["low", None, "high"], ["low", "mid", "high"], ordered=True),
        }
    )
    report = ifr.to_excel(frame, tmp_path / "a.xlsx", sheet_name="data")
    assert repr(report) == "<FileReport: a.xlsx, 3 rows>"
    assert len(report.changes) == 0
    found = cells(tmp_path / "a.xlsx", "data")
    assert found[0] == list(frame.columns)
    assert found[1] == [
        "=1+1", 1, 1, 0.30000000000000004, 1.1, True, dt.datetime(2026, 11, 24),
        dt.datetime(2026, 11, 24, 10, 11, 12, 123000), dt.datetime(2026, 11, 24, 8, 11, 12), dt.time(1, 2, 3), "low",
    ]  # fmt: skip
    assert found[2] == [*("007", 2, None, 1e-300), *([None] * 7)]
    assert found[3][1:4] == [999_999_999_999_999, 3, -5]
    assert found[3][7] == dt.datetime(9999, 12, 31)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book["data"].freeze_panes == "A2"
    assert all(cell.font.bold for cell in book["data"][1])
    assert book["data"]["I2"].number_format == 'yyyy-mm-dd hh:mm:ss"Z"'
    assert [row[4] for row in cells(tmp_path / "a.xlsx", "columns")[9:10]] == ["date and time in UTC"]
    again = pd.read_excel(tmp_path / "a.xlsx", dtype={"text": str})
    assert again["text"].tolist()[:2] == ["=1+1", "007"]
    assert again["float"].tolist() == frame["float"].tolist()


def test_null_is_told_from_an_empty_text(tmp_path: Path) -> None:
    ifr.to_excel(pd.DataFrame({"a": ["", None, "x"], "b": [None, "y", "z"]}), tmp_path / "a.xlsx", sheet_name="data")
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["data"]
    assert [sheet[place].fill.fgColor.rgb == sheets.GREY for place in ("A2", "A3", "B2")] == [False, True, False]


@SETTINGS
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_texts_come_back(tmp_path: Path, texts: list[str]) -> None:
    import re

    found = column(tmp_path / "a.xlsx", pd.DataFrame({"a": pd.Series(texts, dtype=object)}))
    read = [re.sub(r"_x([0-9A-F]{4})_", lambda one: chr(int(one[1], 16)), text or "") for text in found]
    assert read == texts


@SETTINGS
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
    st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1, max_size=6),
)
def test_numbers_come_back_to_the_last_bit(tmp_path: Path, floats: list[float], whole: list[int]) -> None:
    assert [float(one) for one in column(tmp_path / "a.xlsx", pd.DataFrame({"a": floats}))] == floats
    assert column(tmp_path / "a.xlsx", pd.DataFrame({"a": whole})) == whole


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1, 10**15], "more than 15 digits"),
        ([1.0, float("inf")], "NaN or infinite"),
        ([Decimal("1"), Decimal("0.1234567890123456")], "digits"),
        ([Decimal("1"), Decimal("NaN")], "digits back"),
        ([dt.date(2000, 1, 1), dt.date(1900, 2, 28)], "before 1900-03-01"),
        (["x", "y" * 32_768], "longer than 32,767 characters"),
        (["x", "😀" * 16_384], "longer than 32,767 characters"),
        ([pd.Timestamp("2000-01-01"), pd.Timestamp("2200-01-01 00:00:00.000002")], "parts of a second"),
    ],
)
def test_a_value_that_does_not_fit(tmp_path: Path, values: list[Any], why: str) -> None:
    with pytest.raises(ifr.ValueOutOfRange, match=f"column 'a', row 2, .*{why}") as caught:
        ifr.to_excel(pd.DataFrame({"a": values}), tmp_path / "a.xlsx")
    assert str(caught.value.value) not in str(caught.value)
    assert (caught.value.column, caught.value.row) == ("a", 2)
    assert os.listdir(tmp_path) == []
    if not isinstance(values[0], str):
        found = column(tmp_path / "a.xlsx", pd.DataFrame({"a": values}), out_of_range="text")
        assert all(isinstance(one, str) for one in found)


@pytest.mark.parametrize("values", [[[1, 2]], [pd.Timedelta("1h")], [b"x"]])
def test_a_type_that_excel_has_not(tmp_path: Path, values: list[Any]) -> None:
    frame = pd.DataFrame({"a": pd.Series(values)})
    with pytest.raises(ifr.InvalidInput, match=r"Excel has no .*out_of_range='text'"):
        ifr.to_excel(frame, tmp_path / "a.xlsx")
    report = ifr.to_excel(frame, tmp_path / "a.xlsx", out_of_range="text", sheet_name="data")
    assert report.changes[["column", "what", "now"]].values.tolist() == [["a", "type", "text"]]
    assert cells(tmp_path / "a.xlsx", "data")[1] in ([["{1,2}"], ["01:00:00"], [r"\x78"]])


def test_limits_of_a_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sheets.MOST_COLUMNS == 16_384
    with monkeypatch.context() as patch:
        patch.setattr(sheets, "MOST_COLUMNS", 2)
        with pytest.raises(ifr.InvalidInput, match=r"does not fit a sheet.*2 columns, got 1 rows and 3 columns"):
            ifr.to_excel(pd.DataFrame(np.zeros((1, 3)), columns=["a", "b", "c"]), tmp_path / "a.xlsx")
    long = pd.DataFrame({"a": np.zeros(1_048_576)})
    with pytest.raises(ifr.InvalidInput, match=r"1,048,575 rows.*1,048,576 rows"):
        ifr.to_excel(long, tmp_path / "a.xlsx")
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(sheets, "MOST_ROWS", 4)
    ifr.to_excel(long.iloc[:3], tmp_path / "a.xlsx")
    assert len(cells(tmp_path / "a.xlsx", "data")) == 4


def test_nothing_stands_if_the_file_does_not_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"a": [0.1 + 0.2]})
    ifr.to_excel(frame, tmp_path / "a.xlsx")
    before = (tmp_path / "a.xlsx").read_bytes()
    whole = excel._cell

    def rounded(sheet: Any, told: Any, look: Any) -> Any:
        """As openpyxl writes numbers: with 16 of their 17 digits."""
        return float(told[1]) if told is not None and told[0] == "n" else whole(sheet, told, look)

    monkeypatch.setattr(excel, "_cell", rounded)
    with pytest.raises(ifr.FileError, match="does not read back"):
        ifr.to_excel(frame, tmp_path / "a.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.xlsx"]


def test_paths_that_cannot_be_meant(tmp_path: Path, study: ifr.Snapshot) -> None:
    frame = pd.DataFrame({"a": [1]})
    (tmp_path / "folder.xlsx").mkdir()
    for path, why in (
        (tmp_path / "a.xls", "ends in .xlsx"),
        (tmp_path / "none" / "a.xlsx", "no folder"),
        (tmp_path / "folder.xlsx", "A folder has the name"),
        (study.path / "a.xlsx", "lie in a snapshot"),
        (7, "cannot be used"),
    ):
        with pytest.raises(ifr.InvalidInput, match=why):
            ifr.to_excel(frame, path)  # type: ignore[arg-type]


def test_frames_that_are_no_table(tmp_path: Path) -> None:
    keyed = pd.DataFrame({"k": [1], "a": [2]}).set_index("k")
    ifr.to_excel(keyed, tmp_path / "a.xlsx", sheet_name="data")
    assert cells(tmp_path / "a.xlsx", "data") == [["k", "a"], [1, 2]]
    ifr.to_excel(keyed, tmp_path / "a.xlsx", index=False, sheet_name="data")
    assert cells(tmp_path / "a.xlsx", "data") == [["a"], [2]]
    for frame, why in (
        ([1], "A frame is needed"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Two columns have one name"),
        (pd.DataFrame([[1]], columns=[5]), "is no text"),
        (pd.DataFrame({"a": [1]}, index=["x"]), "index has no name"),
        (pd.DataFrame({("a", "b"): [1]}), "several levels"),
        (pd.DataFrame({"a": [1, "x"]}), "several kinds"),
        (pd.DataFrame({"a": [1j]}), "several kinds"),
        (pd.DataFrame({"a": [pd.Timestamp("2000-01-01 00:00:00.000000001")]}), "microsecond"),
    ):
        with pytest.raises(ifr.InvalidInput, match=why):
            ifr.to_excel(frame, tmp_path / "b.xlsx")  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == ["a.xlsx"]


def test_a_frame_that_was_read_says_what_its_columns_are(tmp_path: Path, study: ifr.Snapshot) -> None:
    frame = study.read_table("s_cardio3prod", "participant", index_col=ifr.KEY)
    ifr.to_excel(frame, tmp_path / "a.xlsx", out_of_range="text")
    told = {row[1]: row[2:4] for row in cells(tmp_path / "a.xlsx", "columns")[1:]}
    assert told["enrollment_date"][0] == "date"
    assert told["site_id"] == ["integer", "Number of the site"]
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["participant"]
    place = [cell.value for cell in sheet[1]].index("enrollment_date")
    assert sheet[2][place].number_format == "yyyy-mm-dd"


def test_a_study_in_one_workbook_and_by_study(tmp_path: Path, study: ifr.Snapshot) -> None:
    some = ["site", "participant", "refresh_log"]
    report = study.to_excel(tmp_path / "a.xlsx", tables=some)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx", read_only=True)
    assert book.sheetnames == ["contents", *some, "columns"]
    rows = {row[1]: row[2] for row in cells(tmp_path / "a.xlsx", "contents")[1:]}
    assert rows["s_cardio3prod.site"] == len(study.read_table("s_cardio3prod", "site"))
    assert report.files[0].rows == sum(rows.values())
    report = study.to_excel(tmp_path / "books", by="study", tables=some)
    assert [one.path for one in report.files] == [tmp_path / "books" / "s_cardio3prod.xlsx"]
    with pytest.raises(ifr.InvalidInput, match="stands there already"):
        study.to_excel(tmp_path / "books", by="study", tables=some)


def test_workbooks_by_site_hold_every_row_once(tmp_path: Path, study: ifr.Snapshot) -> None:
    some = ["site", "participant", "discrepancy_note", "crf"]
    report = study.to_excel(tmp_path / "sites", by="site", tables=some)
    names = {one.path.stem for one in report.files}
    assert {"site 1", "site 2", "all sites"} <= names
    rows: dict[str, int] = {}
    people = study.read_table("s_cardio3prod", "participant").set_index("participant_id")["site_id"]
    for file in report.files:
        for title in openpyxl.load_workbook(file.path, read_only=True).sheetnames[1:-1]:
            head, *data = cells(file.path, title)
            rows[title] = rows.get(title, 0) + len(data)
            if "participant_id" in head and file.path.stem.startswith("site "):
                place = head.index("participant_id")
                assert {str(people[row[place]]) for row in data} <= {file.path.stem.removeprefix("site ")}
    assert rows == {one: len(study.read_table("s_cardio3prod", one)) for one in some}
    assert cells(tmp_path / "sites" / "s_cardio3prod" / "all sites.xlsx", "contents")[1][0] == "crf"
    with pytest.raises(ifr.InvalidInput, match="No table has a column 'ward'"):
        study.to_excel(tmp_path / "wards", by="ward")
    assert sorted(os.listdir(tmp_path)) == ["sites"]


def test_names_of_workbooks_are_safe_and_differ_without_capitals(tmp_path: Path) -> None:
    taken: set[str] = set()
    made = [handover._place(tmp_path, ["s", one], taken).name for one in ("site A", "site a", "site ../x", "site b.")]
    assert made == ["site A.xlsx", "site a~2.xlsx", "site ..%2fx.xlsx", "site b%2e.xlsx"]


def test_the_row_key_is_on_the_error(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["P-1", "P-2"], "n": [1, 10**15]}).set_index("id")
    frame.attrs["insight"] = {"schema": "s", "table": "t", "key": ["id"]}
    with pytest.raises(ifr.ValueOutOfRange, match=r"s\.t, column 'n', row 2") as caught:
        ifr.to_excel(frame, tmp_path / "a.xlsx")
    assert (caught.value.row_key, caught.value.value) == ({"id": "P-2"}, str(10**15))
    assert "P-2" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 5)],
        [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1)],
        [dt.time(1, 2, tzinfo=dt.UTC)],
        [pd.Timestamp("2020-01-01 00:00:00.000000001")],
        ["a", b"b"],
        [True, 2],
        [2**53 + 1, 0.5],
    ],
)
def test_objects_that_arrow_would_change(tmp_path: Path, values: list[Any]) -> None:
    with pytest.raises(ifr.InvalidInput, match="column 'a'"):
        ifr.to_csv(pd.DataFrame({"a": pd.Series(values, dtype=object), "n": 1}), tmp_path / "a.csv")
    assert os.listdir(tmp_path) == []
