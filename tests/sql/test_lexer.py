"""The scanner ends every token where PostgreSQL's own does."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from insight_frames.errors import InvalidInput
from insight_frames.sql import render
from insight_frames.sql.lexer import Kind, tokenize

Database = psycopg.Connection[tuple[Any, ...]]

PIECES = [
    *("'", "''", '"', '""', "\\", "\\'", "$$", "$a$", "$1", "$", "/*", "*/", "--", "\n", "\r", " ", "\t", "\v", ";"),
    *(
        "E'",
        "e'",
        "U&'",
        'u&"',
        "u&",
        "N'",
        "B'",
        "x'",
        "uescape",
        "'!'",
        "a",
        "é",
        "\u00a0",
        "_",
        "1",
        "1.",
        ".5",
        "1e5",
        "0x1F",
    ),
    *(
        "e",
        "E",
        "n",
        "::",
        ":=",
        "=>",
        ":",
        "[",
        "]",
        "(",
        ")",
        ",",
        ".",
        "+",
        "-",
        "*",
        "/",
        "?",
        "@",
        "{",
        "}",
        "[[",
        "{{",
    ),
    *(
        "'a'",
        "E'b\\''",
        "$$c$$",
        "/* d */",
        "-- e\n",
        "select",
        "from",
        "||",
        "1 /* /* */ */",
        "'a'\n'b'",
        "'a' -- f\n'b'",
    ),
]
pieces = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
anything = st.one_of(pieces, st.text(max_size=30))
thorough = settings(
    max_examples=1000, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@thorough
@given(text=anything)
def test_the_tokens_joined_are_the_input(text: str) -> None:
    try:
        tokens = tokenize(text)
    except InvalidInput:
        return
    assert "".join(token.text for token in tokens) == text
    assert all(text[token.start : token.end] == token.text != "" for token in tokens)


@thorough
@given(text=anything)
def test_any_text_renders_or_is_refused(text: str) -> None:
    for sql in (text, f"select {text}"):
        try:
            rendered = render(sql, None)
        except InvalidInput:
            continue
        assert "[[" not in rendered.text
        assert "{{" not in rendered.text


@thorough
@given(text=pieces)
@example("E'a'\n'\\'' ")
@example("E'a' -- '\n'\\'' ")
@example("'a'\n'\\' ")
@example("'a' /* */\n'\\' ")
@example("$a$ $$ $a$")
@example("B''''")
@example("x$a$ 1")
@example("/* /* */ ' */ 1")
@example("1e'\\'' ")
@example("u&\"a\" uescape '!'")
def test_postgresql_agrees(database: Database, text: str) -> None:
    sql = f"select {text}"
    answer = database.pgconn.prepare(b"", sql.encode())
    state = psycopg.pq.DiagnosticField
    message = (answer.error_field(state.MESSAGE_PRIMARY) or b"").decode()
    try:
        tokens = tokenize(sql)
    except InvalidInput:
        assert message, "PostgreSQL accepts what the scanner refuses"
        return
    assert not message.startswith("unterminated")
    if not message:
        if all(token.kind in (Kind.SPACE, Kind.COMMENT) or token.text == ";" for token in tokens[2:]):
            return
        assert _answer(database, render(sql).text) == _answer(database, sql)
    elif message.startswith("syntax error at or near"):
        at = int(answer.error_field(state.STATEMENT_POSITION) or b"0") - 1
        token = next(token for token in tokens if token.start <= at < token.end)
        whole = token.kind not in (Kind.OPERATOR, Kind.COLON_NAME) and token.text[0] not in "nN"  # N'a' is NCHAR 'a'
        assert token.start == at or not whole


HOSTILE = ["'", "\\", "\\'", "';select 1--", "$$", "/*", "--", '"', "\n", "a'\n'b", "[[", "{{'", "\\0041", "');"]


@thorough
@given(before=pieces, after=pieces, value=st.sampled_from(HOSTILE))
@example(before="u&", after="", value="\\")
@example(before="E'a'\n", after="", value="'")
@example(before="e", after="", value="\\'")
@example(before="'a'\n", after="\n'b'", value="'")
def test_how_a_query_is_read_does_not_depend_on_a_value(
    database: Database, before: str, after: str, value: str
) -> None:
    def reading(one: str) -> Any:
        text = render(f"select {before}:v{after}", {"v": one}).text
        answer = database.pgconn.prepare(b"", text.encode())
        state = answer.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
        return "42601" if state == b"42601" else database.pgconn.describe_prepared(b"").nfields if not state else None

    try:
        harmless = reading("x")
    except InvalidInput:
        return
    hostile = reading(value)
    assert harmless == hostile or None in (harmless, hostile)


def _answer(database: Database, sql: str) -> Any:
    try:
        cursor = database.execute(sql.encode())
        return [column.type_code for column in cursor.description or ()], cursor.fetchall()
    except psycopg.Error as error:
        return error.sqlstate


@pytest.mark.parametrize(
    ("sql", "what", "where"),
    [
        ("select 'a", "a string that is never closed", "line 1, column 8"),
        ("select\n  E'a\\'", "a string that is never closed", "line 2, column 3"),
        ('select 1 as "a', "a quoted name that is never closed", "line 1, column 13"),
        ("select $x$ a $$ b", "a dollar-quoted string that is never closed", "line 1, column 8"),
        ("select 1 /* /* */", "a comment that is never closed", "line 1, column 10"),
        ("select 'a\0'", "NUL", ""),
        ("select '\ud83d'", "surrogate", ""),
    ],
)
def test_what_is_not_closed_is_refused_with_its_place(sql: str, what: str, where: str) -> None:
    with pytest.raises(InvalidInput, match=what) as caught:
        render(sql)
    assert where in str(caught.value)


@pytest.mark.parametrize(
    "tail", ["'" * 1 + "a" * 50_000, "/*" * 20_000, "''" * 20_000 + "'", "\\" * 20_001, "--" + "'\n" * 9_999]
)
def test_hostile_text_takes_no_time(tail: str) -> None:
    with pytest.raises(InvalidInput, match="never closed"):
        tokenize(f"select E{tail} /*")
