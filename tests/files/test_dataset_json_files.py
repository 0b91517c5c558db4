"""Dataset-JSON 1.1: the metadata that the standard asks for, and rows that are what the frame holds."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import insight_frames as ifr

SETTINGS = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROW = st.tuples(
    st.one_of(st.none(), st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
)
TYPES = {"string", "integer", "decimal", "float", "double", "boolean", "datetime", "date", "time", "URI"}


def read(path: Path) -> tuple[dict[str, Any], list[list[Any]]]:
    if path.suffix == ".json":
        found = json.loads(path.read_text("utf-8"))
        return found, found.pop("rows")
    head, *rows = [json.loads(one) for one in path.read_text("utf-8").split("\n")[:-1]]
    return head, rows


@SETTINGS
@given(st.lists(ROW, max_size=5), st.sampled_from(["a.json", "a.ndjson"]))
def test_values_come_back(tmp_path: Path, rows: list[tuple[Any, ...]], name: str) -> None:
    frame = pd.DataFrame(rows, columns=["text", "whole", "float"]).astype({"whole": "int64", "float": "float64"})
    ifr.to_dataset_json(frame, tmp_path / name)
    head, found = read(tmp_path / name)
    assert [tuple(one) for one in found] == rows
    assert head["records"] == len(rows)


def test_every_kind_of_column(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "flag": pd.Series([True, None], dtype=object),
            "exact": [Decimal("1.10"), None],
            "day": [dt.date(2026, 11, 24), None],
            "moment": pd.to_datetime(["2026-11-24 10:11:12.25", None]),
            "utc": pd.to_datetime(["2026-11-24T10:00:00+02:00", None], utc=True),
            "clock": [dt.time(1, 2, 3), None],
            "level": pd.Categorical(["high", None], ["low", "high"]),
        }
    )
    frame.attrs["insight"] = {"schema": "s", "table": "vs", "key": ["day"], "columns": {"flag": {"comment": "Flag"}}}
    ifr.to_dataset_json(frame, tmp_path / "a.json")
    head, rows = read(tmp_path / "a.json")
    expected = [True, "1.10", "2026-11-24", "2026-11-24T10:11:12.25", "2026-11-24T08:00:00Z", "01:02:03", "high"]
    assert rows == [expected, [None] * 7]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", head["datasetJSONCreationDateTime"])
    assert (head["datasetJSONVersion"], head["itemGroupOID"], head["name"], head["label"]) == (
        *("1.1.0", "IG.vs"),
        *("vs", "vs"),
    )
    columns = {one["name"]: one for one in head["columns"]}
    assert {one["dataType"] for one in head["columns"]} <= TYPES
    assert columns["flag"] == {"itemOID": "IT.vs.flag", "name": "flag", "label": "Flag", "dataType": "boolean"}
    assert (columns["exact"]["dataType"], columns["exact"]["targetDataType"]) == ("decimal", "decimal")
    assert columns["day"] | {"keySequence": 1, "targetDataType": "integer", "dataType": "date"} == columns["day"]
    assert (columns["level"]["dataType"], columns["level"]["length"]) == ("string", 4)


@pytest.mark.parametrize(
    ("values", "error", "why"),
    [
        ([1, 2**53 + 1], ifr.ValueOutOfRange, r"row 2, .*beyond 2\^53"),
        ([1.0, float("-inf")], ifr.ValueOutOfRange, "row 2, .*NaN or infinite"),
        ([[1]], ifr.InvalidInput, "has no lists"),
        ([pd.Timedelta("1h")], ifr.InvalidInput, "has no intervals"),
        ([b"x"], ifr.InvalidInput, "has no binary values"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, values: list[Any], error: type[Exception], why: str) -> None:
    frame = pd.DataFrame({"a": pd.Series(values)})
    with pytest.raises(error, match=why):
        ifr.to_dataset_json(frame, tmp_path / "a.json")
    assert os.listdir(tmp_path) == []
    ifr.to_dataset_json(frame, tmp_path / "a.json", out_of_range="text")
    assert all(isinstance(one[0], str) for one in read(tmp_path / "a.json")[1])


def test_what_cannot_be_meant(tmp_path: Path) -> None:
    with pytest.raises(ifr.InvalidInput, match=r"ends in \.json"):
        ifr.to_dataset_json(pd.DataFrame({"a": [1]}), tmp_path / "a.txt")
    with pytest.raises(ifr.InvalidInput, match="without columns"):
        ifr.to_dataset_json(pd.DataFrame(index=[0, 1]), tmp_path / "a.json", index=False)
    with pytest.raises(ifr.InvalidInput, match="out_of_range= cannot be meant"):
        ifr.to_dataset_json(pd.DataFrame({"a": [1]}), tmp_path / "a.json", out_of_range="drop")  # type: ignore[arg-type]


def test_a_snapshot(tmp_path: Path, study: ifr.Snapshot) -> None:
    report = study.to_dataset_json(tmp_path / "lines", tables=["participant"], lines=True, out_of_range="text")
    head, rows = read(report.files[0].path)
    people = study.read_table("s_cardio3prod", "participant")
    assert [one["name"] for one in head["columns"]] == list(people.columns)
    assert [row[2] for row in rows] == people["label"].tolist()
    assert [one.get("keySequence") for one in head["columns"]][:2] == [1, None]
