"""Parameters: where they are, what they become, and that no value is ever anything but a value."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from insight_frames.errors import ParameterError
from insight_frames.sql import condition, render

Database = psycopg.Connection[tuple[Any, ...]]
thorough = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

hostile = st.one_of(
    st.lists(
        st.sampled_from(
            [
                "'",
                '"',
                "\\",
                "{{",
                "[[",
                "$$",
                "$a$",
                "--",
                "/*",
                "*/",
                ";",
                ":v",
                "::",
                "?",
                "%s",
                "\n",
                "😀",
                "E'",
                "a",
            ]
        ),
        max_size=8,
    ).map("".join),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
)

# <p> stands for the parameter; everything around it is as close to it as PostgreSQL allows.
TEXT_PLACES = [
    *("<p>", "(<p>)", "<p>::text", "<p>||'b'", "'it''s :v' || <p>", "E'\\' :v'||<p>", "$$ :v $$||<p>", "$a$'$a$||<p>"),
    *(
        "/* ' :v */<p>-- ' :v\n",
        "/* /* */ ' */<p>",
        "length(<p>)",
        "coalesce(<p>,<p>)",
        "array[<p>,<p>]",
        "<p>=<p>",
        "<p>||<p>",
    ),
    *(
        "case when<p>='a'then <p> else <p> end",
        "<p> is null",
        "<p> in(<p>,'a')",
        '<p> as":v"',
        "substring(<p> from 1)",
        "cast(<p> as text)",
    ),
    *(
        "U&'\\0041:v'||<p>",
        "concat(<p>,N':v')",
        "'a'\n':v'||<p>",
        "'e'||<p>",
        "(array['x',<p>])[2]",
        "<p> like<p>",
        "'u'||<p>||'&'",
    ),
]
NUMBER_PLACES = [
    *(
        "<p>",
        "-<p>",
        "- <p>",
        "1-<p>",
        "1- --\n<p>",
        "2*-<p>",
        "<p>-<p>",
        "<p>::text",
        "-<p>::int8",
        "@<p>",
        "<p>*<p>",
        "1<<p>",
        "<p> between<p> and<p>",
    ),
    *(
        "(array[10,20,30])[<p>]",
        "(array[10,20,30])[<p>:<p>]",
        "(array[10,20,30])[1:<p>]",
        "array[<p>,-<p>]",
        "<p>+.5",
        "<p>%3",
        "5&<p>",
        "1#<p>",
    ),
    *(
        "interval '1 day'*<p>",
        "<p>=any(array[<p>])",
        "power(<p>,2)",
        "mod(<p>,-7)",
        "<p>>=-<p>",
        "(1)-<p>",
        "(select 1)-<p>",
    ),
]


def compare(database: Database, places: list[str], value: Any, kind: str) -> None:
    """Run a query with our literals and with a parameter bound by PostgreSQL."""
    with psycopg.RawCursor(database) as cursor:
        bound = cursor.execute(f"select {', '.join(places).replace('<p>', f' ($1::{kind}) ')}", [value]).fetchone()
    ours = database.execute(rendered(places, value).encode()).fetchone()
    assert ours is not None
    assert bound is not None
    assert list(map(plain, ours)) == list(map(plain, bound))


def rendered(places: list[str], value: Any) -> str:
    sql = ("select " + ", ".join(places)).replace("<p>:<p>", "<p>: <p>").replace("1:<p>", "1: <p>").replace("<p>", ":v")
    text = render(sql, {"v": value}).text
    assert "[[" not in text
    assert "{{" not in text
    return text


def plain(value: Any) -> Any:
    return float(value) if hasattr(value, "as_tuple") else value


@thorough
@given(value=hostile, places=st.lists(st.sampled_from(TEXT_PLACES), min_size=1, max_size=5))
@example(value="\\' or true --", places=TEXT_PLACES)
@example(value="'", places=TEXT_PLACES)
def test_a_text_is_a_text_in_every_place(database: Database, value: str, places: list[str]) -> None:
    compare(database, places, value, "text")


@thorough
@given(value=st.integers(-40, 40), places=st.lists(st.sampled_from(NUMBER_PLACES), min_size=1, max_size=5))
@example(value=-5, places=NUMBER_PLACES)
def test_a_number_is_a_number_in_every_place(database: Database, value: int, places: list[str]) -> None:
    compare(database, places, value, "int4")


@thorough
@given(values=st.lists(st.integers(-9, 9), max_size=4), one=st.none() | st.integers(-9, 9))
def test_membership(database: Database, values: list[int], one: int | None) -> None:
    row = database.execute(
        render(
            "select :x::int4 in :v, :x::int4 not in :v, :x::int4 in(:v), :x::int4 NOT  IN ( :v ), "
            ":x::int4 = any(:v), not :x::int4 <> all(:v), not :x::int4 in :v",
            {"v": values, "x": one},
        ).text.encode()
    ).fetchone()
    inside = (one in values) if one is not None and values else (None if values else False)
    outside = None if inside is None else not inside
    assert row == (
        inside,
        outside,
        inside,
        outside,
        inside,
        None if inside is None else not (one not in values),
        outside,
    )


@pytest.mark.parametrize(
    "column", ["1::int2", "'a'::text", "'a'::varchar", "1.5", "now()", "'{}'::jsonb", "null::uuid", "'x'"]
)
def test_an_empty_list_fits_every_type(database: Database, column: str) -> None:
    sql = f"select {column} in :none, {column} not in :none, {column} = any(:none), {column} <> all(:none)"
    assert database.execute(render(sql, {"none": []}).text.encode()).fetchone() == (False, True, False, True)


@pytest.mark.parametrize(
    ("sql", "value", "sent"),
    [
        ("select 1 where a in :v", [1, -2], "select 1 where a in (1, (-2))"),
        ("select 1 where a in(:v)", ("x", "y"), "select 1 where a in('x', 'y')"),
        ("select 1 where a in :v", {"b", "a"}, "select 1 where a in ('a', 'b')"),
        ("select 1 where a in :v", pd.Series([1.5]), "select 1 where a in ('1.5'::float8)"),
        ("select 1 where a in :v", pd.Index(["x"]), "select 1 where a in ('x')"),
        ("select 1 where a in :v", np.array([1, 2], "int16"), "select 1 where a in (1, 2)"),
        ("select 1 where (a, b) in :v", [(1, "x"), (2, "y")], "select 1 where (a, b) in ((1, 'x'), (2, 'y'))"),
        ("select 1 where a in (:v)", 5, "select 1 where a in (5)"),
        ("select 1 where a in (:v, 3)", 5, "select 1 where a in (5, 3)"),
        ("select 1 where a in :v and b", [1, None], "select 1 where a in (1, NULL) and b"),
        ("select 1 where a = any(:v)", ["x"], "select 1 where a = any(ARRAY['x']::text[])"),
        ("select unnest(:v)", [date(2026, 1, 2)], "select unnest(ARRAY['2026-01-02'::date]::date[])"),
        ("select :v[1]", [1], "select (ARRAY[1]::int8[]) [1]"),
        ("select :v day", timedelta(1), "select ('+1 days +0.000000 seconds'::interval) day"),
        ("select 'a'\n:v", "b", "select 'a'\n('b')"),
        ("select :v\n'a'", "b", "select ('b')\n'a'"),
        ("select e:v", None, "select e:v"),
        ("select x[1:v], x[:v:v]", 2, "select x[1:v], x[(2):v]"),
        ("select x[1: :v], x[: :v], x[a :v]", 2, "select x[1: 2], x[: 2], x[a 2]"),
        ("select f(a := :v, b => :v)", 2, "select f(a := 2, b => 2)"),
        ("select :v::int, a::v, ':v', \":v\", $$:v$$ -- :v", 2, "select 2::int, a::v, ':v', \":v\", $$:v$$"),
        ("select json_object('a':v, 'b': :v)", 2, "select json_object('a':v, 'b': 2)"),
        ("select array[:v]", 2, "select array[2]"),
        ("select date :v", "2026-01-02", "select date '2026-01-02'"),
        ("select :v", True, "select true"),
        ("select u&:v", "\\0041", "select u& E'\\\\0041'"),
    ],
)
def test_what_is_sent(sql: str, value: Any, sent: str) -> None:
    assert render(sql, None if value is None else {"v": value}).text == sent


def test_names_of_parameters() -> None:
    assert render("select :größe, :a1, :a_b.c", {"größe": 1, "a1": 2, "a_b": 3}).text == "select 1, 2, (3) .c"


@pytest.mark.parametrize(
    ("sql", "params", "says"),
    [
        ("select :site", {"sit": 1}, r"parameter :site has no value \(line 1, column 8\)\. Did you mean 'sit'\?"),
        ("select 1,\n  :site", {"zzz": 1}, r":site .*line 2, column 3.*put 'site' into params"),
        ("select :site", {}, "put 'site' into params"),
        ("select :site", None, r":site .*params=\{'site': value\}"),
        ("select array[:site]", None, ":site has no value"),
        ("select f(x[1], :site)", None, ":site has no value"),
        ("select x[f(:site)]", None, ":site has no value"),
        (
            "select :site",
            {"site": 1, "sites": 2},
            "params holds 'sites', which the SQL does not use. Did you mean 'site'",
        ),
        ("select 1", {"site": 2}, "outside quotes and comments"),
        ("select ':site'", {"site": 2}, "outside quotes and comments"),
        ("select x[1:site]", {"site": 2}, r"a\[1: :site\]"),
        ("select :a", {"a": 1, "zzz": 2}, "leave it out"),
        ("select :a", [1], r"not a mapping; .*:name .*params=\{'name': value\}, got type list"),
        ("select %s", (1,), "got type tuple"),
        ("select :a", "a", "got type str"),
        ("select :a", {1: 2}, "key of params"),
        ("select 1 where a in :a", {"a": "planted"}, ":a cannot be used .*expected a list, got type str"),
        ("select 1 where a in :a", {"a": 7}, "expected a list, got type int"),
        ("select 1 where a not in :a", {"a": [1, None]}, "NOT IN is never true"),
        ("select 1 where a not in (:a)", {"a": pd.Series([pd.NaT])}, "NOT IN is never true"),
        ("select 1 where a in :a", {"a": ["x", "planted\0"]}, "NUL"),
        ("select :a", {"a": ["planted", 1]}, ":a cannot be used .*mixes"),
    ],
)
def test_parameters_that_do_not_fit(sql: str, params: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says) as caught:
        render(sql, params)
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(ParameterError, match=says):
        condition(sql, params)


@pytest.mark.parametrize(
    "sql", ["select x[:n]", "select x[1:n]", "select x[i :n]", "select json_object('a':n)", "select x[f(1):n]"]
)
def test_without_params_a_slice_is_left_alone(sql: str) -> None:
    assert render(sql).text == sql


def test_the_repr_shows_no_value() -> None:
    assert "planted" not in repr(render("select :v", {"v": "planted"}))
