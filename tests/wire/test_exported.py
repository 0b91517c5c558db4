"""Blocks of an export that are made columns at once: the same values, or the same error, as row by row."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insight_frames import IncompleteResult, InsightError, ValueOutOfRange, pgtypes
from insight_frames.wire import exported
from insight_frames.wire.cells import cut
from insight_frames.wire.exported import Export
from insight_frames.wire.keyed import columns, written_plainly
from insight_frames.wire.parts import Parts
from insight_frames.wire.unpack import Layout

WHERE = "here"
NASTY = '"\\\n\r\t\b\f/:,{}[]. nul\x0b\x1fxé漢😀'
texts = st.text(st.sampled_from(NASTY) | st.characters(codec="utf-8"), max_size=9)
days = st.dates().map(str)
clocks = st.times().map(str)
zones = st.sampled_from(["Z", "+02:00", "-11:30"])


def bare(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return values.map(str)


def quoted(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return values.map(lambda one: json.dumps(one, ensure_ascii=False))


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


ordinary = {
    "text": quoted(texts),
    "smallint": bare(st.integers(-(2**15), 2**15 - 1)),
    "integer": bare(st.integers(-(2**31), 2**31 - 1)),
    "bigint": bare(st.integers(-(2**63), 2**63 - 1)),
    "double precision": bare(st.floats(allow_nan=False, allow_infinity=False)),
    "real": bare(st.floats(allow_nan=False, allow_infinity=False, width=32)),
    "numeric(20,4)": bare(st.decimals(allow_nan=False, allow_infinity=False, places=4)),
    "boolean": st.sampled_from(["true", "false"]),
    "date": quoted(days),
    "timestamp without time zone": quoted(days | joined(days, st.just("T"), clocks)),
    "timestamp with time zone": quoted(joined(days, st.just("T"), clocks, zones)),
    "time without time zone": quoted(clocks),
    "interval": quoted(st.just("1 years 2 mons -3 days 4 hours 5 mins 6.5 secs")),
    "integer[]": st.lists(bare(st.integers(0, 9)), max_size=3).map(lambda some: f"[{','.join(some)}]"),
}  # fmt: skip
STRANGE = [
    "NaN", '"NaN"', "Infinity", '"-Infinity"', "1E3", "1e400", '"12"', "+1", "01", ".5", "1.", "-", "-0", "0x1A", "1_0",
    "", " 1", '"\\ud800"', '"\\u0041"', '"\\x"', '"a\\', '"a"b"', '"', "'a'", "nul", "nullx", "none", "true", "True",
    "tru", "\\u0031", "tru\\u0065", '{"a":1}', '["a",null]', "[1", "1]", '":"', '":):"', '"\\":"', '"a\x01"', '"tab\t"',
    '"\x7f"', "9" * 20, '""', '"2020-01-01T10:00:00Z"', '"2020-01-01T10-00:00Z"',
    '"2020-01-01 10:00:00Z"', '"2020-01-01T10:00:00.5"', '"0000-12-31T10:00:00Z"', '"2020-01-01T1000:00.5"',
    '"2020-02-30"', '"0001-01-01"', '"0000-01-01"', '"-0043-03-15"', '"+999999999-12-31"', '"2020-01-01 10:00:00"',
    '"2020-01-01T10:00"', '"2020-01-01T10Z"', '"2020-01-01T10:00:00.Z"', '"2020-01-01T10:00:00.1234567"',
    '"2020-01-01T10:00:00+02"', '"23:59:59.999999999"', '"1 day"', '"a","b"', '1,"x":2', "null}", '"\udce9"',
]  # fmt: skip
TITLES = ["ID", "Name", "a", "", "x:y", "Größe", "n:", "Item Data ID", "A very much longer title of a column", 'quo"te']
Tokens = list[list[str]]


@st.composite
def tables(draw: st.DrawFn, strange: bool) -> tuple[list[str], list[str], Tokens]:
    types = draw(st.lists(st.sampled_from(sorted(ordinary)), min_size=1, max_size=5))
    titles = draw(st.permutations(TITLES))[: len(types)]
    null = st.just("null")
    odd = st.sampled_from(STRANGE) | quoted(texts) if strange else null
    one = st.tuples(*(null | ordinary[type_] | ordinary[type_] | (odd if strange else null) for type_ in types))
    return titles, types, [list(row) for row in draw(st.lists(one, min_size=1, max_size=8))]


def written(titles: Sequence[str], rows: Tokens, *, lined: bool, order: Sequence[int] | None = None) -> bytes:
    places = range(len(titles)) if order is None else [place for place in order if place < len(titles)]
    keys = [json.dumps(one, ensure_ascii=False) for one in titles]
    parts = ["{" + ",".join(f"{keys[place]}:{row[place]}" for place in places) + "}" for row in rows]
    text = "[\n" + ",\n".join(parts) + "\n]" if lined else "[" + ",".join(parts) + "]"
    return text.encode("utf-8", "surrogateescape")


def export(titles: Sequence[str], types: Sequence[str], era: int, out_of_range: Any = "raise") -> Export:
    readings = tuple(pgtypes.reading(pgtypes.pg_type(one), out_of_range=out_of_range) for one in types)
    schema = pa.schema([pgtypes.field(f"c{i}", one, nullable=None) for i, one in enumerate(readings)])

    def columns(read: list[Any]) -> list[list[Any]]:
        if any(not isinstance(row, dict) or set(row) != set(titles) for row in read):
            raise cut(WHERE, "other columns")
        return [[row[title] for row in read] for title in titles]

    return Export(Layout("a test", schema, readings, numbered=False), tuple(titles), era, columns)


def outcome(asked: Export, body: bytes, size: int) -> Any:
    """The rows that are given, or what is raised in place of them."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exported, "BLOCK", size)
            patch.setattr(exported, "BLOCK_COLUMN", 0)
            patch.setattr(exported, "ROWS", 3)
            made = list(asked.batches([body[at : at + 64] for at in range(0, len(body), 64)], WHERE))
    except (InsightError, pa.ArrowException, ValueError, TypeError) as error:
        return type(error), str(error), getattr(error, "row", None), getattr(error, "column", None)
    for one in made:
        one.validate(full=True)
        assert one.schema == asked.layout.schema
    return repr([list(one.to_pydict().values()) for one in made])


class Slow(Export):
    """As it is without the quick way."""

    def _quick(self, block: Parts) -> None:
        return None


def slow(asked: Export) -> Export:
    return Slow(asked.layout, asked.keys, asked.era, asked.columns)


def check_same(asked: Export, body: bytes, size: int) -> None:
    assert outcome(asked, body, size) == outcome(slow(asked), body, size)


orders = st.permutations(range(5))
sizes = st.sampled_from([60, 1 << 20, 1 << 20])


@given(tables(strange=False), st.booleans(), orders, sizes, st.sampled_from([31, 34, 47]))
def test_ordinary_rows_are_the_same(
    table: tuple[list[str], list[str], Tokens], lined: bool, order: list[int], size: int, era: int
) -> None:
    titles, types, rows = table
    check_same(export(titles, types, era), written(titles, rows, lined=lined, order=order), size)


@given(tables(strange=True), st.booleans(), sizes, st.sampled_from(["raise", "text"]))
def test_strange_values_are_the_same_or_the_same_error(
    table: tuple[list[str], list[str], Tokens], lined: bool, size: int, out_of_range: str
) -> None:
    titles, types, rows = table
    check_same(export(titles, types, 47, out_of_range), written(titles, rows, lined=lined), size)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[list[str], list[str], bytes]:
    titles, types, rows = draw(tables(strange=False))
    body = bytearray(written(titles, rows, lined=draw(st.booleans())))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body) - 1))
        size = draw(st.integers(0, 9))
        put = draw(st.sampled_from([b"", b'"', b":", b",", b"}", b"{", b"\\", b"x", b"\n", b"\x00", b"\xe9", b"null"]))
        end = draw(st.integers(0, len(body)))
        body[at : at + size] = draw(st.sampled_from([put, bytes(body[end : end + 12])]))
    return titles, types, bytes(body)


@given(damaged(), sizes)
def test_damaged_bodies_are_the_same_or_the_same_error(case: tuple[list[str], list[str], bytes], size: int) -> None:
    titles, types, body = case
    check_same(export(titles, types, 47), body, size)


@pytest.mark.long
@pytest.mark.parametrize(
    "test",
    [
        test_ordinary_rows_are_the_same,
        test_strange_values_are_the_same_or_the_same_error,
        test_damaged_bodies_are_the_same_or_the_same_error,
    ],
)
def test_many_more(test: Callable[[], None]) -> None:
    settings(max_examples=3_000, deadline=None)(test)()


# ------------------------------------------------------------------------------------------------ one by one
def quick(asked: Export, body: bytes) -> bool:
    return asked._quick([body[body.index(b"{") : body.rindex(b"}") + 1]]) is not None


@pytest.mark.parametrize("lined", [True, False])
def test_what_servers_write_is_read_at_once(lined: bool) -> None:
    titles = [f"Title {i}" for i in range(13)]
    types = [one for one in ordinary if one != "integer[]"]
    rows = [
        ['"a: \\"b\\"\\n\\\\"', "-7", "0", "9", "1.5E10", "0.1", "1.50", "true", '"2020-01-01"', '"2020-01-01"',
         '"2020-01-01T10:00:00.5Z"', '"23:59:59.5"', '"0 years 0 mons 1 days 0 hours 0 mins 0.0 secs"'],
        ["null"] * 13,
        ['":"', "1", "2", "3", "0.0", "-1.0", "1E-7", "false", "null", '"2020-01-01T10:00:00"',
         '"2020-01-01T10:00:00+02:00"', '"08:30:00"', "null"],
    ]  # fmt: skip
    asked, body = export(titles, types, 47), written(titles, rows, lined=lined, order=[3, 1, 0, 2, *range(4, 13)])
    assert quick(asked, body)
    check_same(asked, body, 1 << 20)


def test_a_block_that_is_not_plain_costs_time_alone() -> None:
    rows = [["1", '"x"'], ['"2"', '"y"'], ["3", '"z"']]
    asked = export(["n", "t"], ["integer", "text"], 47)
    body = written(["n", "t"], rows, lined=True)
    assert not quick(asked, body)
    assert outcome(asked, body, 1 << 20) == repr([[[1, 2, 3], ["x", "y", "z"]]])


@pytest.mark.parametrize(
    "tail",
    [
        '{"a":1}', '{"a":1,"b":"x","c":2}', '{"a":1,"a":1,"b":"x"}', '{"a":1 "b":"x"}', '{"a":1,"b" :"x"}',
        '{"a":\\u0031,"b":"x"}', '{"a":1,"B":"x"}', '{"a":1,"b":7}', '{"a":true,"b":"x"}', '{"a":1,"b":["x"]}',
        '{"a":1,"b":"x","b":"y"}', '{"a":1,"b":"x"}{"a":1,"b":"x"}', '{"a":1,"b":"x"},{}',
        '{"a":1,"b":"x"},null,{"a":1,"b":"x"}',
    ],
)  # fmt: skip
def test_rows_of_another_form_are_never_taken_at_once(tail: str) -> None:
    asked = export(["a", "b"], ["integer", "text"], 47)
    body = f'[\n{{"a":1,"b":"x"}},\n{tail}\n]'.encode()
    assert not quick(asked, body)
    check_same(asked, body, 1 << 20)


@pytest.mark.parametrize("tail", ['{"b":"x","a":1}', '{"a":1, "b": "x"}', '{"\\u0061":1,"b":null}'])
def test_keys_may_stand_in_any_order(tail: str) -> None:
    asked = export(["a", "b"], ["integer", "text"], 47)
    body = f'[\n{{"a":1,"b":"x"}},\n{tail}\n]'.encode()
    assert quick(asked, body)
    check_same(asked, body, 1 << 20)


@pytest.mark.parametrize("era", [31, 34, 47])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:00:00-02:00"])
def test_a_moment_that_lies_in_another_year_in_utc(moment: str, era: int) -> None:
    """As packed rows say it: PostgreSQL's own number of it is one of the year before or behind."""
    body = written(["t"], [['"2020-01-01T10:00:00+02:00"'], [f'"{moment}"']], lined=True)
    with pytest.raises(ValueOutOfRange) as caught:
        list(export(["t"], ["timestamp with time zone"], era).batches([body], WHERE))
    assert (caught.value.row, caught.value.column) == (2, "c0")


def test_the_first_value_that_does_not_fit_is_named() -> None:
    asked = export(["n"], ["smallint"], 47)
    body = written(["n"], [["1"]] * 9 + [["40000"]] + [["2"]] * 9, lined=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exported, "BLOCK", 20)
        patch.setattr(exported, "BLOCK_COLUMN", 0)
        with pytest.raises(ValueOutOfRange) as caught:
            list(asked.batches([body], WHERE))
    assert (caught.value.row, caught.value.column) == (10, "c0")


@pytest.mark.parametrize("lined", [True, False])
def test_every_beginning_of_a_body_is_refused(lined: bool) -> None:
    asked = export(["n", "t"], ["integer", "text"], 47)
    body = written(["n", "t"], [["1", '"a}"'], ["2", "null"]], lined=lined)
    for size in (1, 1 << 20):
        assert {outcome(asked, body[:stop], size)[0] for stop in range(len(body))} == {IncompleteResult}


@pytest.mark.parametrize("lined", [True, False])
def test_a_text_that_ends_like_an_object(lined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "BLOCK", 60)
    monkeypatch.setattr(exported, "BLOCK_COLUMN", 0)
    asked = export(["n", "t"], ["integer", "text"], 34)
    body = written(["n", "t"], [[str(i), '"},{"'] for i in range(200)], lined=lined)
    made = pa.Table.from_batches(asked.batches([body[at : at + 64] for at in range(0, len(body), 64)], WHERE))
    assert made.to_pydict() == {"c0": list(range(200)), "c1": ["},{"] * 200}


def test_an_error_behind_the_rows_is_told() -> None:
    asked = export(["n"], ["integer"], 47)
    body = b'[\n{"n":1},\n{"n":2}{"status":"failed","error":"ERROR: division by zero"}'
    with pytest.raises(InsightError, match="division by zero"):
        list(asked.batches([body], WHERE))


def test_names_that_cannot_be_counted_have_no_quick_way() -> None:
    for names in (['a"b'], ["a", "a"], ["\ud800"], [], ["n:"], [":n"], ["n "], ["a\tb"]):
        assert not written_plainly(names), names
    assert written_plainly(["a", "x:y", "", "Größe"])


@pytest.mark.parametrize("lined", [True, False])
def test_a_key_that_is_missing_is_never_taken_for_null(lined: bool) -> None:
    schema = pa.schema([("a", pa.int32()), ("b", pa.string())])
    nasty = ['":', "{", ':"', '\\":x', ' ":', '","a":1', '"b":', ",", "},{", '},{"a":1', "null"]
    nasty = [one for one in nasty if lined or "},{" not in one]  # which is looked at alone, for it may be a seam
    full = [json.dumps({"a": 1, "b": one}, separators=(",", ":")) for one in nasty]
    lacking = ['{"a":1}', '{"b":"x"}', "{}", "null", *(json.dumps({"b": one}, separators=(",", ":")) for one in nasty)]
    glue = ",\n" if lined else ","
    assert columns([glue.join(full).encode()], schema)[1].to_pylist() == nasty
    for one in lacking:
        for rows in ([*full, one], [one, *full], [one], [one, *full, *lacking]):
            with pytest.raises(pa.ArrowInvalid):
                columns([glue.join(rows).encode()], schema)


@pytest.mark.parametrize(
    "block", [b"null", b" null", b"null:1", b'null,\n{"b":"x"}', b"", b"}", b"]", b"7", b'["b"]', b'"b"']
)
def test_what_is_no_object_is_refused_before_arrows_reader_sees_it(block: bytes) -> None:
    with pytest.raises(pa.ArrowInvalid):
        columns([block], pa.schema([("b", pa.string())]))


def test_a_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        columns([b'{"b":"\xe9"}'], pa.schema([("b", pa.string())]))
