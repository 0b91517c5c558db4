"""Template tags: what stands for them in the SQL, and what is said when they have no value or a bad one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inprocess import Inside

P = "s_alpha.participant"
Get = Callable[[str], Inside]
ERAS = ("0.31", "0.34", "0.47", "0.49")


def tag(kind: str, **more: Any) -> dict[str, Any]:
    return {"a": {"id": "1", "name": "a", "display-name": "The A", "type": kind, **more}}


def given(value: Any, kind: str = "category", target: str = "variable") -> list[dict[str, Any]]:
    return [{"type": kind, "target": [target, ["template-tag", "a"]], "value": value}]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("value", ["x", "it's", "{{a}} [[b]]", "\\ ? ?? %s", "$$", "-- /*", "\n", "\U0001f600"])
def test_a_text_arrives_as_it_is(era: str, value: str, inside: Get) -> None:
    got = inside(era).native("SELECT {{a}}::text AS x, 'kept ?' AS y", tag("text"), given(value))
    assert got["data"]["rows"] == [[value, "kept ?"]]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("value", "shown"), [(7, "{7}"), ("7", "{7}"), ("-1.5", "{-1.5}"), ("1, 2,3", "{1,2,3}"), ([4, 5], "{4,5}")]
)
def test_numbers(era: str, value: Any, shown: str, inside: Get) -> None:
    got = inside(era).native("SELECT array[{{a}}]::text AS x", tag("number"), given(value, "number"))
    assert got["data"]["rows"] == [[shown]]


@pytest.mark.parametrize("era", ERAS)
def test_optional_parts_and_defaults(era: str, inside: Get) -> None:
    box = inside(era)
    sql = f"SELECT count(*) FROM {P} WHERE true [[AND label = {{{{a}}}} -- it\n]]"
    assert box.native(sql, tag("text"))["data"]["rows"] == [[20]]
    assert box.native(sql, tag("text"), given("A-001"))["data"]["rows"] == [[1]]
    assert box.native(sql, tag("text", default="A-002"))["data"]["rows"] == [[1]]
    assert box.native(sql, tag("text", default="A-002"), given(None))["data"]["rows"] == [[1]]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("column", "kind", "value", "count"),
    [
        ("status", "category", None, 20),
        ("status", "category", "signed", 6),
        ("status", "category", ["signed", "removed"], 8),
        ("participant_id", "id", ["3", "4"], 2),
        ("enrollment_date", "date/range", "2021-02-01~2021-02-03", 3),
        ("enrollment_date", "date/month-year", "2021-01", 1),
        ("date_created", "date/single", "2021-02-01", 1),
        ("date_created", "date/all-options", "~2021-02-02", 2),
        ("date_created", "date/relative", "past30days", 0),
    ],
)
def test_a_field_filter_is_a_condition(era: str, column: str, kind: str, value: Any, count: int, inside: Get) -> None:
    box = inside(era)
    shape = tag("dimension", dimension=box.ref(f"{P}.{column}"), **{"widget-type": kind})
    parameters = given(value, kind, "dimension") if value is not None else []
    got = box.native(f"SELECT count(*) FROM {P} WHERE {{{{a}}}}", shape, parameters)
    assert got["status"] == "completed", got["error"]
    assert got["data"]["rows"] == [[count]]


@pytest.mark.parametrize(
    ("sql", "shape", "value", "message", "kind"),
    [
        ("SELECT {{a}}", tag("text"), None, 'missing required parameters: #{"a"}', "missing-required-parameter"),
        ("SELECT {{b}}", tag("text"), "x", 'missing required parameters: #{"b"}', "missing-required-parameter"),
        ("SELECT {{a}}", tag("text", required=True), None, "pick a value for 'The A'", "missing-required-parameter"),
        ("SELECT {{a}}", tag("number"), "many", 'Unparseable number: "many"', "invalid-parameter"),
        ("SELECT [[1]]", tag("text"), None, "must contain at least one", "invalid-query"),
        ("SELECT {{a", tag("text"), None, "with no matching '}}'", "invalid-query"),
        ("SELECT '{{a}}'", tag("text"), "x", "The column index is out of range: 1", "invalid-query"),
    ],
)
def test_what_cannot_be_filled_in(
    sql: str, shape: dict[str, Any], value: Any, message: str, kind: str, inside: Get
) -> None:
    got = inside("0.47").native(sql, shape, given(value) if value is not None else None)
    assert got["status"] == "failed"
    assert message in got["error"]
    assert got["error_type"] == kind


def test_a_tag_in_a_comment_is_text_since_0_46(inside: Get) -> None:
    sql = "SELECT 1 AS x /* {{a}} */ -- [[ {{a}} ]]"
    assert inside("0.47").native(sql, tag("text"))["status"] == "completed"
    assert inside("0.34").native(sql, tag("text"))["status"] == "failed"
