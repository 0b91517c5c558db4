"""Date expressions of filters as ranges of days."""

from __future__ import annotations

from datetime import date

import pytest

from insight_frames.sandbox.double.dates import Range, parse

TODAY = date(2021, 5, 19)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2021-02-03", "2021-02-03", "2021-02-03"),
        ("2021-02-01~2021-02-03", "2021-02-01", "2021-02-03"),
        ("~2021-02-03", None, "2021-02-03"),
        ("2021-02-03~", "2021-02-03", None),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("Q4-2020", "2020-10-01", "2020-12-31"),
        ("today", "2021-05-19", "2021-05-19"),
        ("yesterday", "2021-05-18", "2021-05-18"),
        ("past7days", "2021-05-12", "2021-05-18"),
        ("past7days~", "2021-05-12", "2021-05-19"),
        ("next2months", "2021-06-01", "2021-07-31"),
        ("thisweek", "2021-05-16", "2021-05-22"),
        ("lastmonth", "2021-04-01", "2021-04-30"),
        ("thisquarter", "2021-04-01", "2021-06-30"),
        ("lastyear", "2020-01-01", "2020-12-31"),
    ],
)
def test_range(text: str, start: str | None, end: str | None) -> None:
    edges = (None if one is None else date.fromisoformat(one) for one in (start, end))
    assert parse(text, TODAY) == Range(*edges)


def test_what_is_no_date_is_none() -> None:
    assert parse("soon", TODAY) is None
