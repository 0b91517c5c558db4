"""Stata, SPSS and SAS files: values to the last bit, names and labels, and a refusal of all that would change."""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import insight_frames as ifr
from insight_frames.sinks.files.names import NameRule

SETTINGS = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def to_xpt5(frame: pd.DataFrame, path: Path, **more: Any) -> Any:
    return ifr.to_xpt(frame, path, version=5, **more)


WRITERS: dict[str, tuple[Callable[..., Any], str, Callable[..., Any]]] = {
    "stata": (ifr.to_stata, ".dta", pyreadstat.read_dta),
    "spss": (ifr.to_spss, ".sav", pyreadstat.read_sav),
    "xpt8": (ifr.to_xpt, ".xpt", pyreadstat.read_xport),
    "xpt5": (to_xpt5, ".xpt", pyreadstat.read_xport),
}


@pytest.fixture(params=WRITERS)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def there_and_back(program: str, folder: Path, frame: pd.DataFrame, **more: Any) -> tuple[pd.DataFrame, Any, Any]:
    write, suffix, read = WRITERS[program]
    report = write(frame, folder / f"a{suffix}", **more)
    found, told = read(folder / f"a{suffix}")
    return found, told, report


def refused(program: str, folder: Path, frame: pd.DataFrame, error: type[Exception], why: str, **more: Any) -> None:
    write, suffix, _ = WRITERS[program]
    with pytest.raises(error, match=why):
        write(frame, folder / f"a{suffix}", **more)
    assert os.listdir(folder) == []


@SETTINGS
@given(
    st.lists(st.one_of(st.none(), st.floats(-1e70, 1e70), st.floats(1e-70, 1.0)), min_size=1, max_size=6),
    st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=6),
)
def test_numbers_come_back_to_the_last_bit(tmp_path: Path, floats: list[float | None], whole: list[int]) -> None:
    floats = [None if one is None or 0 < abs(one) < 1e-75 else one for one in floats]
    for program in WRITERS:
        found, _, _ = there_and_back(program, tmp_path, pd.DataFrame({"a": pd.Series(floats, dtype=float)}))
        back = [None if math.isnan(one) else one for one in found.iloc[:, 0]]
        assert back == floats
        found, _, _ = there_and_back(program, tmp_path, pd.DataFrame({"a": whole}))
        assert [int(one) for one in found.iloc[:, 0]] == whole


@SETTINGS
@given(
    st.lists(
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=9),
        min_size=1,
        max_size=5,
    )
)
def test_texts_come_back(tmp_path: Path, texts: list[str]) -> None:
    texts = [one.rstrip(" ") or "x" for one in texts]
    for program in WRITERS:
        found, _, _ = there_and_back(program, tmp_path, pd.DataFrame({"a": pd.Series([None, *texts], dtype=object)}))
        assert [one or "" for one in found.iloc[:, 0].fillna("")][1:] == texts


@SETTINGS
@given(st.lists(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)), min_size=1, max_size=5))
def test_moments_come_back_to_the_microsecond(tmp_path: Path, moments: list[dt.datetime]) -> None:
    frame = pd.DataFrame({"a": pd.Series(moments).astype("datetime64[us]")})
    start = pd.Timestamp("1960-01-01")
    for program, read, unit in (("stata", pyreadstat.read_dta, 1000), ("xpt8", pyreadstat.read_xport, 1_000_000)):
        write, suffix, _ = WRITERS[program]
        write(frame, tmp_path / f"a{suffix}")
        found, _ = read(tmp_path / f"a{suffix}", disable_datetime_conversion=True)
        assert [start + pd.Timedelta(round(one * unit), "us") for one in found["a"]] == moments


def test_every_kind_of_column(program: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "flag": pd.Series([True, None], dtype=object),
            "exact": [Decimal("1.10"), None],
            "day": [dt.date(2026, 11, 24), None],
            "moment": pd.to_datetime(["2026-11-24 10:11:12.250", None]),
            "utc": pd.to_datetime(["2026-11-24T10:11:12+02:00", None], utc=True),
            "clock": [dt.time(1, 2, 3), None],
            "level": pd.Categorical(["high", None], ["low", "mid", "high"], ordered=True),
            "text": ["ä", None],
        }
    )
    found, told, report = there_and_back(program, tmp_path, frame)
    found.columns = [one.lower() for one in found.columns]
    first, second = found.iloc[0], found.iloc[1]
    assert (first["flag"], first["exact"], first["day"], first["text"]) == (1, 1.1, dt.date(2026, 11, 24), "ä")
    assert pd.Timestamp(first["moment"]) == pd.Timestamp("2026-11-24 10:11:12.250")
    assert pd.Timestamp(first["utc"]) == pd.Timestamp("2026-11-24 08:11:12")
    assert second.drop(["text", "level"]).isna().all()
    assert ["utc", "type", "in UTC"] in report.changes[["column", "what", "now"]].values.tolist()
    if program.startswith("xpt"):
        assert (first["level"], second["level"]) == ("high", "")
    else:
        assert (first["level"], told.variable_value_labels["level"]) == (3, {1: "low", 2: "mid", 3: "high"})
        assert math.isnan(second["level"])


def test_labels_and_names(program: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"i_vital_temperature": [36.6], "i_vital_temperature_label": ["x"], "visit no": [1.0]})
    frame.attrs["insight"] = {"schema": "s_x", "table": "vs", "columns": {"visit no": {"comment": "Visit"}}}
    _, told, report = there_and_back(program, tmp_path, frame)
    expected = {
        "xpt5": ["I_VITAL_", "I_VITAL2", "VISIT_NO"],
    }.get(program, ["i_vital_temperature", "i_vital_temperature_label", "visit_no"])
    assert told.column_names == expected
    assert told.column_names_to_labels[expected[2]] == "Visit"
    assert report.renamed["s_x.vs", "visit no"] == expected[2]
    if program == "xpt5":
        assert told.column_names_to_labels["I_VITAL2"] == "i_vital_temperature_label"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1, 2**53 + 1], "beyond 2\\^53"),
        ([1.0, math.inf], "NaN or infinite"),
        ([Decimal("1"), Decimal("0.12345678901234567890")], "digits back"),
        ([dt.date(2000, 1, 1), dt.date(90, 1, 1)], "before"),
        (["x", "a\0b"], "U\\+0000"),
        (["", None], "NULL is written so"),
    ],
)
def test_a_value_that_does_not_fit(program: str, tmp_path: Path, values: list[Any], why: str) -> None:
    refused(program, tmp_path, pd.DataFrame({"a": values}), ifr.ValueOutOfRange, f"column 'a', row [12], .*{why}")
    if not isinstance(values[0], str):
        found, _, report = there_and_back(program, tmp_path, pd.DataFrame({"a": values}), out_of_range="text")
        assert isinstance(found.iloc[1, 0], str)
        assert report.changes["now"].tolist()[-1] == "text"


@pytest.mark.parametrize("values", [[[1, 2]], [pd.Timedelta("1h")], [b"x"]])
def test_a_type_that_no_program_has(program: str, tmp_path: Path, values: list[Any]) -> None:
    refused(program, tmp_path, pd.DataFrame({"a": pd.Series(values)}), ifr.InvalidInput, "has no ")


@pytest.mark.parametrize(("program", "size"), [("stata", 5_000), ("spss", 32_767), ("xpt8", 32_767), ("xpt5", 200)])
def test_long_texts(program: str, size: int, tmp_path: Path) -> None:
    found, _, _ = there_and_back(program, tmp_path, pd.DataFrame({"a": ["ä" * (size // 2) + "x" * (size % 2), "y"]}))
    assert len(found.iloc[0, 0].encode()) == size
    if program != "stata":
        (tmp_path / f"a{WRITERS[program][1]}").unlink()
        long = pd.DataFrame({"a": ["y", "x" * (size + 1)]})
        refused(program, tmp_path, long, ifr.ValueOutOfRange, f"row 2, .*longer than {size:,} bytes")


@pytest.mark.parametrize(
    ("program", "most", "one"), [("stata", 80, "ä"), ("spss", 256, "x"), ("xpt8", 256, "x"), ("xpt5", 40, "x")]
)
def test_long_labels(program: str, most: int, one: str, tmp_path: Path) -> None:
    def labelled(count: int) -> pd.DataFrame:
        frame = pd.DataFrame({"a": [1.0]})
        frame.attrs["insight"] = {"columns": {"a": {"comment": one * count}}}
        return frame

    name = "A" if program == "xpt5" else "a"
    refused(program, tmp_path, labelled(most + 1), ifr.InvalidInput, "column 'a'.*long_labels='shorten'")
    _, told, _ = there_and_back(program, tmp_path, labelled(most))
    assert told.column_names_to_labels[name] == one * most
    _, told, report = there_and_back(program, tmp_path, labelled(most + 1), long_labels="shorten")
    assert told.column_names_to_labels[name] == one * (most - 3) + "..."
    assert one * (most + 1) in report.changes["was"].tolist()


def test_long_value_labels(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": pd.Categorical(["x" * 121])})
    refused("spss", tmp_path, frame, ifr.InvalidInput, "A value label is longer")
    there_and_back("stata", tmp_path, frame)


@pytest.mark.parametrize("program", ["spss", "xpt8", "xpt5"])
def test_blanks_at_the_end(program: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x ", "y"]})
    refused(program, tmp_path, frame, ifr.ValueOutOfRange, "row 1, .*rstrip=True")
    found, _, _ = there_and_back(program, tmp_path, frame, rstrip=True)
    assert found.iloc[0, 0] == "x"


def test_blanks_and_a_word_for_null(tmp_path: Path) -> None:
    found, _, _ = there_and_back("stata", tmp_path, pd.DataFrame({"a": ["x ", "", None]}), na_rep="NULL")
    assert found["a"].tolist() == ["x ", "", "NULL"]


@pytest.mark.parametrize(
    ("program", "fits", "beyond"),
    [
        ("stata", float.fromhex("0x1.fffffffffffffp1022"), 2.0**1023),
        ("spss", float.fromhex("0x1.ffffffffffffdp1023"), float.fromhex("0x1.ffffffffffffep1023")),
        ("xpt8", float.fromhex("0x1.fffffffffffffp248"), 2.0**249),
        ("xpt5", 2.0**-260, 2.0**-261),
    ],
)
def test_the_largest_numbers(program: str, fits: float, beyond: float, tmp_path: Path) -> None:
    refused(program, tmp_path, pd.DataFrame({"a": [1.0, beyond]}), ifr.ValueOutOfRange, "row 2, .*size is not within")
    found, _, _ = there_and_back(program, tmp_path, pd.DataFrame({"a": [fits, -fits]}))
    assert found.iloc[:, 0].tolist() == [fits, -fits]


def test_spss_keeps_no_microseconds(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": pd.to_datetime(["2026-11-24 10:11:12.000001"])})
    refused("spss", tmp_path, frame, ifr.ValueOutOfRange, "parts of a second")


def test_a_last_row_of_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", None]})
    refused("xpt5", tmp_path, frame, ifr.InvalidInput, "takes empty texts at the end of a table for no rows")
    there_and_back("xpt5", tmp_path, frame, na_rep=".")
    there_and_back("xpt8", tmp_path, frame)


def test_no_rows(program: str, tmp_path: Path) -> None:
    found, _, _ = there_and_back(program, tmp_path, pd.DataFrame({"a": pd.Series([], dtype=float), "b": []}))
    assert found.shape == (0, 2)
    refused_folder = tmp_path / "none"
    refused_folder.mkdir()
    refused(program, refused_folder, pd.DataFrame(index=range(2)), ifr.InvalidInput, "without columns")


@pytest.mark.parametrize("program", ["stata", "spss"])
def test_labels_of_codes(program: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"sex": [1.0, 2.0], "arm": [1, 2]})
    frame.attrs["insight"] = {"columns": {"sex": {"type": "numeric", "choices": [["1", "Male"], ["2", "Female"]]}}}
    _, told, _ = there_and_back(program, tmp_path, frame, value_labels={"arm": {1: "A", 2: "B"}})
    assert told.variable_value_labels == {"sex": {1: "Male", 2: "Female"}, "arm": {1: "A", 2: "B"}}
    with pytest.raises(ifr.InvalidInput, match="names 'armm', which is no column"):
        there_and_back(program, tmp_path, frame, value_labels={"armm": {1: "A"}})
    with pytest.raises(ifr.InvalidInput, match="value_labels= cannot be meant"):
        there_and_back(program, tmp_path, frame, value_labels={"arm": {"1": "A"}})


def test_pandas_reads_version_5(tmp_path: Path) -> None:
    ifr.to_xpt(pd.DataFrame({"age": [1.5, None, -3.0], "t": ["a", "b", "c"]}), tmp_path / "a.xpt", version=5)
    found = pd.read_sas(tmp_path / "a.xpt", encoding="utf-8")
    assert found["T"].tolist() == ["a", "b", "c"]
    assert found["AGE"].fillna(99).tolist() == [1.5, 99, -3.0]


@given(st.lists(st.text(max_size=12), max_size=8, unique=True), st.integers(4, 12), st.booleans(), st.booleans())
def test_names_are_different_and_fit(names: list[str], most: int, fold: bool, upper: bool) -> None:
    rule = NameRule(most, bytes=True, allowed="[A-Za-z0-9_]", first="[A-Za-z]|_", fold=fold, upper=upper)
    made = rule.shorten(names)
    assert len({one.lower() if fold else one for one in made}) == len(names)
    assert all(0 < len(one) <= most and one.replace("_", "a").isalnum() and one.isascii() for one in made)


def test_keywords_and_a_library_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"a": [1.0]})
    refused("xpt8", tmp_path, frame, ifr.InvalidInput, "version= cannot be meant", version=6)
    refused("stata", tmp_path, frame, ifr.InvalidInput, "out_of_range= cannot be meant", out_of_range="drop")
    refused("spss", tmp_path, frame, ifr.InvalidInput, "long_labels= cannot be meant", long_labels="drop")
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    refused("stata", tmp_path, frame, ifr.InvalidInput, r"insight-frames\[stats\]")


def test_a_snapshot(tmp_path: Path, study: ifr.Snapshot) -> None:
    report = study.to_stata(tmp_path / "stata", tables=["site", "participant"], long_labels="shorten")
    assert {one.path.name for one in report.files} == {"site.dta", "participant.dta"}
    people = study.read_table("s_cardio3prod", "participant")
    found, told = pyreadstat.read_dta(tmp_path / "stata" / "s_cardio3prod" / "participant.dta")
    assert found["label"].tolist() == people["label"].tolist()
    assert told.column_names_to_labels["site_id"] == "Number of the site"
    study.to_xpt(tmp_path / "xpt", tables=["site"], version=5, long_labels="shorten", rstrip=True)
    study.to_spss(tmp_path / "spss", tables=["site"], long_labels="shorten", out_of_range="text")
    assert np.all([(tmp_path / one).is_dir() for one in ("xpt", "spss")])
