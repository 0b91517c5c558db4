"""One query and nothing else, and every place in it found again."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight_frames.errors import InvalidInput
from insight_frames.sql import condition, fingerprint, render

Database = psycopg.Connection[tuple[Any, ...]]
thorough = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("select 1;", "select 1"),
        ("select 1 ; ;\n -- the end\n /* really; */ ;\n", "select 1"),
        ("-- first\nselect 1", "-- first\nselect 1"),
        ("/* a */ (select 1) union (select 2)", "/* a */ (select 1) union (select 2)"),
        ("VALUES (1), (2)", "VALUES (1), (2)"),
        ("table pg_class", "table pg_class"),
        ("With a as (select 1) select * from a", "With a as (select 1) select * from a"),
        ("((select 1))", "((select 1))"),
        ("select ';' -- ;\n, $$;$$ as \";\"", "select ';' -- ;\n, $$;$$ as \";\""),
        ("select\t1\r\n", "select\t1"),
    ],
)
def test_the_end_is_taken_away(sql: str, sent: str) -> None:
    assert render(sql).text == sent


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "empty"),
        (" \n -- nothing\n", "empty"),
        (" ; ", "empty"),
        ("select 1; select 2", r"more than one statement \(a semicolon at line 1, column 9\)"),
        ("select 1;\n-- x\n; drop table t", "more than one statement"),
        (";select 1", "more than one statement"),
        ("insert into t values (1)", "not a query .*SELECT, WITH, VALUES or TABLE, got the word INSERT"),
        ("explain select 1", "the word EXPLAIN"),
        ("show timezone", "the word SHOW"),
        ("set role x", "the word SET"),
        ("(delete from t)", "the word DELETE"),
        ("'planted'", "got something else"),
        ("select_ 1", "the word SELECT_"),
        ("42", "something else"),
        ("select\u00a01", "a word with characters outside ASCII"),
        ("\ufeffselect 1", "a word with characters outside ASCII"),
        ("select 1) from (select 2", r"closes a bracket it did not open \(line 1, column 9\)"),
        ("select (1", r"bracket that is never closed \(line 1, column 8\)"),
        ("select (array[1)]", "closes a bracket"),
        ("select a[1", "never closed"),
        (None, "not a text; expected a str, got type NoneType"),
        (b"select 1", "got type bytes"),
    ],
)
def test_what_is_not_one_query_is_refused(sql: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        render(sql)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "params", "sent"),
    [
        ("site_id = :site", {"site": 3}, "site_id = 3"),
        (" a = ')' -- one )\n and b[1] = 2 -- two", None, " a = ')' -- one )\n and b[1] = 2"),
        ("a in :v or b = ';'", {"v": []}, "a = any ('{}') or b = ';'"),
        ("a @? '$.b[[0]]'", None, "a @? E'$.b\\x5b[0]]'"),
    ],
)
def test_conditions(text: str, params: Any, sent: str) -> None:
    assert condition(text, params).text == sent


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = 1; drop table t", "holds a semicolon .*column 6"),
        ("a = 1;", "holds a semicolon"),
        ("a = 1) or (true", "closes a bracket it did not open"),
        ("(a = 1", "never closed"),
        ("a = b[1)", "closes a bracket"),
        ("a = 'x", "never closed"),
        ("a /* x", "never closed"),
        ("a = $$ x", "never closed"),
        ("-- x", "empty"),
        ("", "empty"),
        ("WHERE a = 1", "begins with WHERE"),
    ],
)
def test_a_condition_cannot_end_what_it_is_put_into(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        condition(text)


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("select a ? 'b?'", "select a ?? 'b?'"),
        ('select a ?| b, c @? d, "?" -- ?\n, e ?& $$?$$', 'select a ??| b, c @?? d, "?" -- ?\n, e ??& $$?$$'),
        ("select a?:v", "select a?? '?'"),
    ],
)
def test_question_marks_twice(sql: str, sent: str) -> None:
    params = {"v": "?"} if ":v" in sql else None
    assert render(sql, params, double_question_marks=True).text == sent


def test_the_fingerprint_is_short_and_of_the_text() -> None:
    assert len(fingerprint("select 1")) == 16
    assert fingerprint("select 1") == fingerprint("select 1") != fingerprint("select 2")
    assert fingerprint("select '\ud800'")


FRAGMENTS = [
    *(
        "1",
        "'[[ {{'",
        ":n",
        "-:n",
        ":t",
        "1 in :list",
        "2 not in :none",
        "array[[1],[2]]",
        "E'\\'[['",
        "$x$[[ ' $x$",
        '1 as "a[["',
    ),
    *(
        "'a' -- it's\n",
        "/* :n [[ ' */ 1",
        "'{\"a\": 1}'::jsonb ? 'a'",
        "(array[1,2])[1:1]",
        "'é😀'",
        "1 = any(:list)",
        "'a'\n'b[['",
    ),
]
PARAMS = {"n": -7, "t": "it's {{ \\ [[", "list": [1, 2, 3], "none": []}


@thorough
@given(
    before=st.lists(st.sampled_from(FRAGMENTS), max_size=5),
    after=st.lists(st.sampled_from(FRAGMENTS), max_size=3),
    tail=st.sampled_from(["", ";", " -- end", "\n/* end */;\n"]),
)
def test_an_error_is_found_where_the_user_made_it(
    database: Database, before: list[str], after: list[str], tail: str
) -> None:
    sql = "select " + ",\n ".join([*before, "nowhere", *after]) + tail
    params = {name: value for name, value in PARAMS.items() if re.search(rf"(?<!\* ):{name}\b", sql)}
    for doubled in (False, True):
        rendered = render(sql, params, double_question_marks=doubled)
        with pytest.raises(psycopg.errors.UndefinedColumn) as caught:
            database.execute(rendered.text.replace("??", "?").encode())
        at = caught.value.diag.statement_position
        assert at is not None
        assert rendered.position(int(at)) == sql.index("nowhere") + 1


def test_positions_within_what_was_replaced() -> None:
    sql = "select 'a[[', :n + x;  "
    rendered = render(sql, {"n": -12345})
    where = rendered.text.index
    assert rendered.position(1) == 1
    assert rendered.position(where("E'a") + 4) == sql.index("'a") + 1
    assert rendered.position(where("345") + 1) == sql.index(":n") + 1
    assert rendered.position(where("x", 20) + 1) == sql.index("x") + 1
    assert rendered.position(len(rendered.text) + 1) == sql.index(";") + 1
    assert rendered.position(len(rendered.text) + 2) is None
    assert rendered.position(0) is None
    assert rendered.position(-1) is None


@pytest.mark.parametrize("sql", ["select 1 +", "select 1 + -- x", "select :n +;", "select '[[' +"])
def test_an_error_at_the_end_is_at_the_end(database: Database, sql: str) -> None:
    rendered = render(sql, {"n": 1} if ":n" in sql else None)
    with pytest.raises(psycopg.errors.SyntaxError) as caught:
        database.execute(rendered.text.encode())
    assert rendered.position(int(caught.value.diag.statement_position or 0)) == sql.index("+") + 2
