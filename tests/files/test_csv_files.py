"""CSV as RFC 4180 has it: read back by Python's own reader, by pandas and by Arrow; NULL is no empty text."""

from __future__ import annotations

import csv
import os
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import insight_frames as ifr
from insight_frames import manifest
from insight_frames.sinks.files import csv as writer

SETTINGS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.one_of(
    st.none(),
    st.sampled_from(["", ",", '"', '""', "\r\n", "\n", "\r", " a", "NULL", "\ufeff", "1", "=1+1"]),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8),
)


def nulls(path: Path, names: list[str]) -> dict[str, list[str | None]]:
    """Read as Arrow does if it is asked to take what is in quotes for a value."""
    options = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    found: dict[str, list[str | None]] = arrow_csv.read_csv(
        path, parse_options=parse, convert_options=options
    ).to_pydict()
    return found


@SETTINGS
@given(st.lists(st.tuples(TEXT, TEXT), max_size=6), st.sampled_from(["\r\n", "\n"]))
def test_texts_come_back(tmp_path: Path, rows: list[tuple[str | None, str | None]], end: str) -> None:
    path = tmp_path / "a.csv"
    frame = pd.DataFrame(rows, columns=["a", 'b "x", y'], dtype=object)
    ifr.to_csv(frame, path, lineterminator=end)
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file, strict=True))
    assert found == [list(frame.columns), *([one or "" for one in row] for row in rows)]
    if rows:
        told = nulls(path, list(frame.columns))
        assert list(zip(*told.values(), strict=True)) == rows
    text = path.read_bytes()
    assert text.endswith(end.encode())


def test_every_kind_of_column_as_postgresql_prints_it(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "flag": pd.Series([True, None], dtype=object),
            "float": [0.1 + 0.2, None],
            "whole": pd.array([2**60 + 1, None], "Int64"),
            "day": pd.to_datetime(["2026-11-24", None]).date,
            "moment": pd.to_datetime(["2026-11-24T10:11:12.5Z", None], format="ISO8601"),
            "list": [[1, None], None],
            "length": pd.to_timedelta(["26:00:00", None]),
            "bytes": [b"a", None],
            "level": pd.Categorical(["low", None], ["low", "high"]),
        }
    )
    frame["day"] = frame["day"].astype(object).where(frame["day"].notna(), None)
    ifr.to_csv(frame, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        head, first, second = csv.reader(file)
    assert dict(zip(head, first, strict=True)) == {
        "flag": "true",
        "float": "0.30000000000000004",
        "whole": "1152921504606846977",
        "day": "2026-11-24",
        "moment": "2026-11-24 10:11:12.5+00",
        "list": "{1,NULL}",
        "length": "1 day 02:00:00",
        "bytes": r"\x61",
        "level": "low",
    }
    assert second == [""] * len(head)
    again = pd.read_csv(tmp_path / "a.csv", parse_dates=["moment"], dtype={"float": str})
    assert float(again["float"][0]) == 0.1 + 0.2  # pandas 2 reads floats to 15 digits
    assert again["moment"][0] == frame["moment"][0]


def test_what_cannot_be_meant(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", None]})
    with pytest.raises(ifr.InvalidInput, match="an empty line, which readers leave out"):
        ifr.to_csv(frame, tmp_path / "a.csv")
    with pytest.raises(ifr.InvalidInput, match="without columns"):
        ifr.to_csv(frame[[]], tmp_path / "a.csv")
    with pytest.raises(ifr.InvalidInput, match="lineterminator= cannot be meant"):
        ifr.to_csv(frame, tmp_path / "a.csv", lineterminator="\r")  # type: ignore[arg-type]
    with pytest.raises(ifr.InvalidInput, match="encoding= cannot be meant"):
        ifr.to_csv(frame, tmp_path / "a.csv", encoding="latin-1")  # type: ignore[arg-type]
    with pytest.raises(ifr.ValueOutOfRange, match=r"row 1, .*U\+0000"):
        ifr.to_csv(pd.DataFrame({"a": ["x\0"]}), tmp_path / "a.csv")
    assert os.listdir(tmp_path) == []


def test_a_mark_for_excel(tmp_path: Path) -> None:
    report = ifr.to_csv(pd.DataFrame({"a": ["ä"]}), tmp_path / "a.csv", encoding="utf-8-sig")
    data = (tmp_path / "a.csv").read_bytes()
    assert data == b"\xef\xbb\xbfa\r\n\xc3\xa4\r\n"
    assert (report.files[0].bytes, report.files[0].sha256) == (len(data), manifest.file_hash(tmp_path / "a.csv"))


def test_nothing_stands_if_the_file_does_not_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_NEEDS_QUOTES", "x")
    with pytest.raises(ifr.FileError, match="does not read back"):
        ifr.to_csv(pd.DataFrame({"a": ["1", ""], "b": ["1", "2"]}), tmp_path / "a.csv")
    assert os.listdir(tmp_path) == []


def test_a_snapshot(tmp_path: Path, study: ifr.Snapshot) -> None:
    report = study.to_csv(tmp_path / "csv", exclude=["event_crf"])
    folder = tmp_path / "csv" / "s_cardio3prod"
    assert sorted(os.listdir(folder)) == sorted(f"{name}.csv" for _, name in study.tables if name != "event_crf")
    people = study.read_table("s_cardio3prod", "participant")
    again = pd.read_csv(folder / "participant.csv", dtype={"label": str}, parse_dates=["enrollment_date"])
    assert again["label"].tolist() == people["label"].tolist()
    assert again["enrollment_date"].astype("datetime64[us]").equals(people["enrollment_date"])
    assert sum(one.rows for one in report.files if one.path.stem == "participant") == len(people)


def test_a_folder_that_fails_leaves_nothing(
    tmp_path: Path, study: ifr.Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = writer.write
    count = 0

    def failing(*args: object, **more: object) -> object:
        nonlocal count
        count += 1
        if count == 3:
            raise ifr.FileError("the disk is full")
        return whole(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "write", failing)
    with pytest.raises(ifr.FileError, match="disk is full"):
        study.to_csv(tmp_path / "csv")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
def test_a_frame_and_a_snapshot_give_the_same_file(tmp_path: Path, study: ifr.Snapshot, backend: str | None) -> None:
    some = ["site", "participant", "discrepancy_note", "event_crf"]
    study.to_csv(tmp_path / "csv", tables=some)
    for name in some:
        frame = study.read_table("s_cardio3prod", name, dtype_backend=backend)
        ifr.to_csv(frame, tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "csv" / "s_cardio3prod" / f"{name}.csv").read_bytes()


def test_decimals_keep_the_zeros_that_they_have(tmp_path: Path) -> None:
    values = [Decimal("1.5"), Decimal("1.50"), None, Decimal("NaN"), Decimal("1E+3"), Decimal("-0.00")]
    ifr.to_csv(pd.DataFrame({"a": values, "n": range(6)}), tmp_path / "a.csv")
    assert [one.split(",")[0] for one in (tmp_path / "a.csv").read_text().split()[1:]] == [
        "1.5", "1.50", "", "NaN", "1000", "-0.00",
    ]  # fmt: skip
