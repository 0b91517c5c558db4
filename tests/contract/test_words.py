"""The double's own small languages: how the driver cuts SQL, how Java writes values, how the compiler lays SQL out."""

from __future__ import annotations

import json
import math
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight_frames.sandbox.double import export_json, javatext, jdbc, naming, sqlformat, values


@pytest.mark.parametrize(
    ("sql", "pieces"),
    [
        ("select 1", ["select 1"]),
        (" ; ;select 1;\n", ["select 1"]),
        ("-- only a remark", ["-- only a remark"]),
        ("select ';' ; select 2", ["select ';' ", " select 2"]),
        ("select 'it''s;'; x", ["select 'it''s;'", " x"]),
        (r"select E'a\';b'; x", [r"select E'a\';b'", " x"]),
        (r"select 'a\'; x", [r"select 'a\'", " x"]),
        ("select $$a;b$$; select $q$ $$;$$ $q$; x", ["select $$a;b$$", " select $q$ $$;$$ $q$", " x"]),
        ('select ";" /* ; /* ; */ ; */ -- ;\n; x', ['select ";" /* ; /* ; */ ; */ -- ;\n', " x"]),
        ("create rule r do (select 1; select 2); x", ["create rule r do (select 1; select 2)", " x"]),
        ("select a$1$b; c$1$", ["select a$1$b", " c$1$"]),
        ("select 'never closed ; ", ["select 'never closed ; "]),
    ],
)  # fmt: skip
def test_statements_are_cut_at_semicolons_that_are_none_of_a_text(sql: str, pieces: list[str]) -> None:
    assert jdbc.split(sql, markers=False) == [(piece, 0) for piece in pieces]


def test_question_marks_become_parameters() -> None:
    sql = "select ? , '?' , \"?\" , a ?? b, $$?$$ /* ? */; select ?, ? -- ?"
    assert jdbc.split(sql, markers=True) == [
        ("select $1 , '?' , \"?\" , a ? b, $$?$$ /* ? */", 1),
        (" select $1, $2 -- ?", 2),
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_keeps_its_value(number: float) -> None:
    shown = javatext.float8(repr(number))
    assert float(shown) == number
    assert re.fullmatch(r"-?\d+\.\d+(E-?\d+)?", shown)
    assert ("E" in shown) is (number != 0 and not 1e-3 <= abs(number) < 1e7)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_real_keeps_its_value(number: float) -> None:
    shortest = next(text for digits in range(1, 10) if _as_real(float(text := f"{number:.{digits}g}")) == number)
    assert _as_real(float(javatext.float4(shortest))) == number


def _as_real(number: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return math.inf


@pytest.mark.parametrize(
    ("number", "shown"),
    [("10.0646", "10.06"), ("34.0996", "34.1"), ("-165.374", "-165.37"), ("-0.57", "-0.6"), ("-0.01", "-0"),
     ("-3.75", "-3.8"), ("-10.25", "-10.25"), ("-100", "-100"), ("0.005678", "0.0057"),
     ("1234567.891", "1,234,567.89")],
)  # fmt: skip
def test_numbers_for_people_round_as_that_server_did(number: str, shown: str) -> None:
    assert javatext.people_number(number, "numeric") == shown


@given(st.floats(min_value=0, max_value=1e15))
def test_a_number_for_people_is_near(number: float) -> None:
    shown = javatext.people_number(repr(number), "float8")
    read = float(shown.replace(",", ""))
    assert abs(read - number) <= 0.0050001 + 1e-12 * abs(number)
    assert re.fullmatch(r"-?\d{1,3}(,\d{3})*(\.\d+)?", shown)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_json_text_is_jacksons(text: str) -> None:
    quoted = values.quote(text)
    assert json.loads(quoted) == text
    assert not re.search(r"\\u00[01][a-f]", quoted.replace("\\\\", ""))


def test_backslashes_before_a_u_are_left_alone() -> None:
    assert values.quote("\\u001f \x1f") == '"\\\\u001f \\u001F"'


def test_keys_of_a_row() -> None:
    assert export_json.order(["a", "b", "a"]) == [2, 1]
    nine = [f"c{number}" for number in range(1, 10)]
    assert [nine[at] for at in export_json.order(nine)][:3] == ["c9", "c8", "c2"]  # a hash map's order
    assert export_json.order(nine, 9) == list(range(9))


def test_unique_names() -> None:
    assert naming.unique(["a", "a", "a_2", "", "a"]) == ["a", "a_2", "a_2_2", "", "a_3"]


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT 1/(5-i) AS q FROM t WHERE a = 1 AND b BETWEEN 1 AND 2 LIMIT 5, 6",
         "SELECT\n  1 / (5 - i) AS q\nFROM\n  t\nWHERE\n  a = 1\n  AND b BETWEEN 1 AND 2\nLIMIT\n  5, 6"),
        ("select 'a;b'::text, \"Select\" from (select 1 union all select 2) q",
         "select\n  'a;b' :: text,\n  \"Select\"\n"
         "from\n  (\n    select\n      1\n    union all\n    select\n      2\n  ) q"),
        ("select count(*)", "select\n  count(*)"),
    ],
)  # fmt: skip
def test_sql_is_laid_out(sql: str, shown: str) -> None:
    assert sqlformat.pretty(sql) == shown


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0001-01-01", "0000-12-30"),
        ("1582-10-04", "1582-10-14"),
        ("1582-10-15", "1582-10-15"),
        ("0044-03-15 BC", "-0043-03-13"),
    ],
)
def test_old_days_move_by_the_change_of_calendars(text: str, moment: str) -> None:
    assert javatext.joda_date(text) == moment
