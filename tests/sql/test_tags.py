"""Metabase's template tags never reach it, and PostgreSQL reads the same as before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight_frames.errors import InvalidInput
from insight_frames.sql import condition, identifier, render, string_literal

Database = psycopg.Connection[tuple[Any, ...]]
thorough = settings(
    max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

contents = st.lists(
    st.sampled_from(["[[", "{{", "[", "{", "]]", "}}", "a", " ", "\\", "''", ":x", "--", "/*", "?", "$", "😀", "é"]),
    max_size=8,
).map("".join)
plain = contents.map(lambda one: f"'{one}'")
escape = contents.map(lambda one: "E'" + one.replace("\\", "\\\\").replace("[ ", "\\[").replace("{ ", "\\{") + "'")
dollar = contents.map(lambda one: f"$tag${one}$tag$")
unicode = contents.map(lambda one: "U&'" + one.replace("\\", "\\005C") + "'")
other_escape = contents.map(lambda one: "U&'" + one.replace("[", "[[") + "[0041' uescape '['")
national = contents.map(lambda one: f"N'{one}'")
continued = st.tuples(plain, plain, escape, contents.map(lambda one: "'" + one.replace("\\", "") + "'")).map(
    lambda one: f"{one[0]} -- [[ it's {{{{\n  {one[1]}, {one[2]}\n{one[3]}"
)
array = st.just("array[[1, 2], [3, 4]]")
index = st.just("(array[[1, 2], [3, 4]])[(array[[1]])[1][1]][2]")
expression = st.one_of(plain, escape, dollar, unicode, other_escape, national, continued, array, index)
name = contents.map(lambda one: f'"n{one}"')
unicode_name = contents.map(lambda one: 'U&"n' + one.replace("\\", "") + '"')
comment = contents.map(lambda one: "/*" + one.replace("/*", "").replace("*/", "") + "*/")
line_comment = contents.map(lambda one: f"--{one}\n")
item = st.tuples(st.one_of(st.just(" "), comment, line_comment), expression, st.none() | name | unicode_name).map(
    lambda one: f"{one[0]}{one[1]}" + (f" as {one[2]}" if one[2] else "")
)


@thorough
@given(items=st.lists(item, min_size=1, max_size=4))
def test_postgresql_reads_the_same(database: Database, items: list[str]) -> None:
    sql = "select " + ", ".join(items)
    rendered = render(sql).text
    assert "[[" not in rendered
    assert "{{" not in rendered
    before, after = database.execute(sql.encode()), database.execute(rendered.encode())
    assert before.description is not None
    assert after.description is not None
    assert [(one.name, one.type_code) for one in after.description] == [
        (one.name, one.type_code) for one in before.description
    ]
    assert after.fetchall() == before.fetchall()


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("select array[[1]]", "select array[/**/[1]]"),
        ("select '[['", "select E'\\x5b['"),
        ("select $$a\\[[$$", "select E'a\\\\\\x5b['"),
        ("select E'\\[[['", "select E'\\x5b\\x5b['"),
        ("select N'{{'", "select nchar E'\\x7b{'"),
        ("select date'[['", "select date E'\\x5b['"),
        ('select "a[["from t', 'select U&"a\\005B\\005B" from t'),
        ("select U&'[[' uescape '!'", "select U&'[!005b' uescape '!'"),
        ("select U&'[[[[' uescape '['", "select U&'[005b[005b' uescape '['"),
        ("select U&'\\[[' ", "select U&'\\005b['"),
        ("select /* {{x}} [[ */ 1 -- [[\n+ 1", "select /* ((x}} (( */ 1 -- ((\n+ 1"),
        ("select B'[[{{{'", "select B'[{'"),
        ("select '{[{['", "select '{[{['"),
    ],
)
def test_how_tags_are_taken_out(sql: str, sent: str) -> None:
    assert render(sql).text == sent


@pytest.mark.parametrize(
    "sql", ["select {{x}}", "select 1 where a = {{ a }}", "select 1 [[where a = {{a}}]]", "select {{{1}}}"]
)
def test_a_template_tag_is_refused_with_the_way_out(sql: str) -> None:
    for ask in (render, condition):
        with pytest.raises(InvalidInput, match=r"template tag.*line 1, column .*:name"):
            ask(sql)


@pytest.mark.parametrize("text", ["[[", "{{", "[[[[", "{{{", "[{[{", "a[[b{{c"])
def test_names_and_texts_hold_no_tags(database: Database, text: str) -> None:
    sql = f"select {string_literal(text)} as {identifier(text)}"
    assert "[[" not in sql
    assert "{{" not in sql
    cursor = database.execute(sql.encode())
    assert cursor.description is not None
    assert (cursor.description[0].name, cursor.fetchone()) == (text, (text,))
