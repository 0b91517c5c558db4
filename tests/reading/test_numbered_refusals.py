"""What cannot be put to Metabase without SQL is refused before it is asked; broken answers never become frames."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sandboxes import Connect, Scratch

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.pgtypes import BadValue, pg_type, reading
from insight_frames.sandbox import Box
from insight_frames.sources import fields, filters
from insight_frames.wire import shown
from insight_frames.wire.interactive import Rows
from insight_frames.wire.listed import Number, blocks, rows

PROD = "s_cardio3prod"
TYPES = {
    "n": "integer", "d": "date", "ts": "timestamp without time zone", "tz": "timestamp with time zone",
    "t": "text", "x": "numeric", "f": "double precision", "ok": "boolean", "tm": "time without time zone",
}  # fmt: skip


def find(name: str) -> fields.Column:
    """A column of a table that is not there; its number is its place."""
    return fields.Column(fields.reference(list(TYPES).index(name), 47), pg_type(TYPES[name]))


def meant(where: str, era: int | None = 47, **params: Any) -> Any:
    """The filter that a condition becomes, with field references cut to names."""

    def named(node: Any) -> Any:
        if isinstance(node, list):
            if node[0] == "field":
                return list(TYPES)[node[1]]
            return [named(one) for one in node]
        return node

    return named(filters.translate(where, params or None, find, era))


def test_negation_reaches_the_comparisons() -> None:
    some = ["not-null", "n"]
    assert meant("n = 1") == ["=", "n", 1]
    assert meant("not n = 1") == ["and", ["!=", "n", 1], some]
    assert meant("not (n = 1 and n > 2)") == ["or", ["and", ["!=", "n", 1], some], ["<=", "n", 2]]
    assert meant("not not n < -1") == ["<", "n", -1]
    assert meant("n not between 1 and 2") == ["or", ["<", "n", 1], [">", "n", 2]]
    assert meant("not (n in (1, 2))") == meant("n not in (1, 2)") == ["and", ["!=", "n", 1, 2], some]
    assert meant("not t like 'a%'") == ["and", ["not", ["starts-with", "t", "a"]], ["not-null", "t"]]
    assert meant("ok and not ok or ok is not true") == [
        "or", ["and", ["=", "ok", True], ["and", ["!=", "ok", True], ["not-null", "ok"]]],
        ["or", ["=", "ok", False], ["is-null", "ok"]],
    ]  # fmt: skip


def test_what_is_never_true_stays_so_under_not() -> None:
    never = ["and", ["is-null", "n"], ["not-null", "n"]]
    assert meant("n = null") == meant("not n = null") == meant("n <> :a", a=None) == never
    assert meant("n in :a", a=[None]) == meant("not n in (null)") == never
    assert meant("n in :a", a=[1, None]) == ["=", "n", 1]
    assert meant("not n in (1, null)") == never


def test_moments_are_written_out() -> None:
    assert meant("d <= :a", a=dt.date(2024, 2, 29)) == meant("d <= '2024-02-29'") == ["<=", "d", "2024-02-29"]
    assert meant("d = date '2024-02-29'") == meant("d = '2024-02-29'::date")
    assert meant("ts <= :a", a=dt.date(2024, 2, 29)) == ["<=", "ts", "2024-02-29T00:00:00.000000"]
    zone = dt.timezone(dt.timedelta(hours=2))
    assert meant("tz < :a", a=dt.datetime(2024, 1, 1, 1, tzinfo=zone)) == ["<", "tz", "2023-12-31T23:00:00.000000Z"]
    assert meant("x > 1.5 and f < 0.1") == ["and", [">", "x", 1.5], ["<", "f", 0.1]]


@pytest.mark.parametrize(
    ("where", "params"),
    [
        ("n + 1 = 2", {}), ("1 = n", {}), ("lower(t) = 'a'", {}), ("n = t", {}), ("n is distinct from 1", {}),
        ("t like 'a_b'", {}), ("t like 'a%b'", {}), ("t ilike 'a%'", {}), ("t ~ 'a'", {}), ("exists (select 1)", {}),
        ("n = 'one'", {}), ("t = 1", {}), ("x = 0.1", {}), ("n = true", {}), ("ok = 1", {}),
        ("f = :a", {"a": float("nan")}),
        ("d = '29.2.2024'", {}), ("d = :a", {"a": dt.datetime(2024, 1, 1)}), ("d < '1582-10-10'", {}),
        ("tz < '2024-01-01'", {}), ("tz < :a", {"a": dt.datetime(2024, 1, 1)}),
        ("ts < :a", {"a": dt.datetime(2024, 1, 1, tzinfo=dt.UTC)}), ("tm < '12:00'", {}), ("n = :a", {"a": [1, 2]}),
        ("n = 1 and", {}), ("(n = 1", {}), ("n in ()", {}), ("n between 1", {}), ("n", {}), ("n = 1 n = 2", {}),
        ("d = '2024-02-29'::timestamp", {}), ("t = E'a'", {}),
    ],
)  # fmt: skip
def test_what_has_no_words_is_refused(where: str, params: dict[str, Any]) -> None:
    def known(name: str) -> fields.Column:
        if name not in TYPES:
            raise ifr.ColumnNotFound(f"There is no column {name!r}.")
        return find(name)

    with pytest.raises((ifr.InvalidInput, ifr.ColumnNotFound)) as caught:
        filters.translate(where, params or None, known, 47)
    assert not any(str(value) in str(caught.value) for value in params.values() if len(str(value)) > 3)


def test_old_versions_compare_no_times() -> None:
    with pytest.raises(ifr.InvalidInput, match="cannot be put to Metabase"):
        meant("ts < '2024-01-01'", 34)
    assert meant("d < '2024-01-01'", 31) == ["<", "d", "2024-01-01"]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("integer", "1,008"), ("integer", True), ("integer", Number("1.5")), ("numeric", "1.5"), ("boolean", "true"),
        ("text", Number("7")), ("text", {"a": 1}), ("date", "January 31, 2020"), ("date", "2020-01-31T08:00:00Z"),
        ("timestamp with time zone", "2020-01-31T00:00:00"), ("timestamp without time zone", "8:30"),
        ("time without time zone", "8:30 AM"), ("interval", "1 day"), ("integer[]", [[Number("1")]]),
        ("double precision", "∞"), ("bigint", Number("9223372036854775808")),
    ],
)  # fmt: skip
def test_values_in_another_form_are_no_values(type_: str, value: Any) -> None:
    with pytest.raises(BadValue) as caught:
        shown.column([None, value], reading(pg_type(type_)), 47)
    assert caught.value.index == 1


def test_rows_are_cut_where_a_row_ends() -> None:
    text = '{"A":"},{\\"x","B":1.10},{"A":"\\\\","B":null}'
    for body in (f"[{text}]", "[\n" + text.replace('},{"A":"\\\\', '},\n{"A":"\\\\') + "\n]"):
        for size in (1, 7, 1000):
            pieces = [body.encode()[at : at + 5] for at in range(0, len(body), 5)]
            got = [row for block in blocks(pieces, "a test", size) for row in rows(block, "a test")]
            assert got == [{"A": '},{"x', "B": "1.10"}, {"A": "\\", "B": None}]
            assert isinstance(got[0]["B"], Number)
    assert list(blocks([b"[]"], "a test")) == list(blocks([b"[\n", b"\n]"], "a test")) == []


STREAMED = (
    b'{"data":{"rows":[\n[1,"]\\n["],\n[2,null]\n],\n"cols":[{"id":7},{"id":8}]},\n"row_count":%d,"status":"completed"}'
)
AT_ONCE = b'{"status":"completed","row_count":%d,"data":{"rows":[[1,"]\\n["],[2,null]],"cols":[{"id":7},{"id":8}]}}'


@pytest.mark.parametrize("body", [STREAMED, AT_ONCE])
def test_an_interactive_answer_is_whole_or_an_error(body: bytes) -> None:
    def read(text: bytes, size: int = 9) -> tuple[list[Any], Rows]:
        told = Rows([text[at : at + size] for at in range(0, len(text), size)], "a test")
        return [row for some in told for row in some], told

    good, told = read(body % 2)
    assert good == [["1", "]\n["], ["2", None]]
    assert (told.count, [str(one["id"]) for one in told.cols]) == (2, ["7", "8"])
    with pytest.raises(ifr.IncompleteResult, match="expected 3 rows, got 2"):
        read(body % 3)
    for end in range(1, len(body % 2)):
        with pytest.raises(ifr.InsightError):
            read((body % 2)[:end])
    with pytest.raises(ifr.QueryFailed, match="division by zero"):
        read(b'{"status":"failed","error":"ERROR: division by zero","row_count":0,"data":{"rows":[],"cols":[]}}')


def test_an_interactive_answer_that_fails_among_its_rows() -> None:
    body = b'{"data":{"rows":[\n[1],\n[2]{"status":"failed","error":"ERROR: division by zero","row_count":0}'
    with pytest.raises(ifr.QueryFailed, match="division by zero"):
        list(Rows([body], "a test"))


# ------------------------------------------------------------------------------------------------ broken answers
def test_a_failure_among_the_rows(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run("create view late as select g, 1000 / (900 - g) as q from generate_series(1, 2000) g")
    admin = connect("admin")
    with admin._server.session.post(f"/api/database/{admin._server.database_id}/sync_schema", {}):
        pass
    with pytest.raises(ifr.QueryFailed, match="division by zero"):
        connect("viewer").read_table("s_scratch", "late")


BREAKING = [("0.47", "/api/dataset/json"), ("0.31", "/api/dataset/json"), ("0.49", "/api/dataset")]


@pytest.mark.parametrize(
    ("era", "path"), [pytest.param(*one, marks=[] if one[0] == "0.47" else [pytest.mark.long]) for one in BREAKING]
)
@pytest.mark.parametrize("clean", [False, True])
def test_an_answer_that_breaks_off(box: Box, connect: Connect, path: str, clean: bool) -> None:
    viewer: Connection = connect("viewer")
    viewer.read_table(PROD, "site", columns=["site_id", "name"])
    for size in (1, 20, 60, 120):
        box.fault(kind="cut_after_bytes", path=path, bytes=size, clean=clean, times=4)
        with pytest.raises(ifr.InsightError):
            viewer.read_table(PROD, "site", columns=["site_id", "name"])
        box.fault()


def test_the_same_path_can_be_asked_for(connect: Connect) -> None:
    frame = connect(path="mbql").read_table(PROD, "site", columns=["site_id"])
    assert frame.attrs["insight"]["path"] == "mbql"
    with pytest.raises(ifr.InvalidInput, match="'mbql'"):
        connect(path="by number")
