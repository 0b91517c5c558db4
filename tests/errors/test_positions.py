"""Errors of PostgreSQL, seen in the user's own SQL: position, line and column, SQLSTATE, and no value in the text."""

from __future__ import annotations

import pytest

from insight_frames import Connection, PermissionDenied, QueryFailed

SITE = "s_cardio3prod.site"
STATES = ("0.47", "0.49")  # the versions that tell it

# § is where the error is
QUERIES = {
    "a column": (f"select §nme from {SITE}", {}, "42703", 'column "nme" does not exist'),
    "a table": ("select * from §s_cardio3prod.sit", {}, "42P01", 'relation "s_cardio3prod.sit" does not exist'),
    "a function": ("select 1, §nofunction(2)", {}, "42883", "function nofunction(integer) does not exist"),
    "a syntax error": (f"select * §frm {SITE}", {}, "42601", "syntax error at or near"),
    "a type": ("select 1 §+ true", {}, "42883", "operator does not exist"),
    "an end too soon": ("select 1 +§", {}, "42601", "syntax error at its end"),
    "an ambiguous column": (f"select §name from {SITE} a, {SITE} b", {}, "42702", "ambiguous"),
    "a grouping": (f"select §site_id, count(*) from {SITE}", {}, "42803", "GROUP BY"),
    "behind line breaks": (f"select\n  site_id,\r\n\t§nme\nfrom {SITE}", {}, "42703", "nme"),
    "behind comments": (
        f"-- one\n/* two\n /* nested */ */ select 'x' -- §\n, §nme from {SITE} -- end;",
        {},
        "42703",
        "nme",
    ),
    "behind parameters": (
        f"select :a, :b, §nme from {SITE} where name = :a",
        {"a": "canary " * 9, "b": [1, 2]},
        "42703",
        "nme",
    ),
    "behind a short one": (f"select :a_long_parameter, §nme from {SITE}", {"a_long_parameter": 1}, "42703", "nme"),
    "in a parameter": (
        f"select name from {SITE} where site_id = §:x",
        {"x": "canary"},
        "22P02",
        "invalid input syntax",
    ),
    "behind other letters": (f"select 'größer 日本 😀' as \"ñ\", §nme from {SITE}", {}, "42703", "nme"),
    "behind brackets": (f"select '[[x]] {{{{y', (array[[1,2],[3,4]])[1], §nme from {SITE}", {}, "42703", "nme"),
    "behind question marks": ("select '{}'::jsonb ? 'a', '{}'::jsonb ?| array['b'], §nme", {}, "42703", "nme"),
    "before a semicolon": (f"select §nme from {SITE} ; ;", {}, "42703", "nme"),
    "in a with": (f"with w as (select * from {SITE}) select §nme from w", {}, "42703", "nme"),
    "in values": ("values (1, §nme)", {}, "42703", "nme"),
}

CONDITIONS = {
    "a column": ("§nme = 1", {}, "42703"),
    "behind a parameter": ("site_id = :s and §nme = :n", {"s": 1, "n": "canary"}, "42703"),
    "behind lines": ("site_id > 0\n  and -- here\n  §nofunction(site_id)", {}, "42883"),
    "a syntax error": ("site_id = = 1".replace("= =", "= §="), {}, "42601"),
    "an end too soon": ("site_id =§", {}, "42601"),
}


def split(marked: str) -> tuple[str, int]:
    place = marked.rindex("§")
    return marked[:place].replace("§", " ") + marked[place + 1 :], place + 1


@pytest.mark.parametrize("what", QUERIES)
def test_the_position_is_the_one_in_the_users_sql(on_path: Connection, era: str, what: str) -> None:
    marked, params, state, text = QUERIES[what]
    sql, position = split(marked)
    with pytest.raises(QueryFailed, match="The query failed") as caught:
        on_path.read_sql(sql, params=params or None)
    error = caught.value
    assert error.position == position
    assert error.sqlstate == (state if era in STATES else None)
    assert text in error.server_message
    line = sql.count("\n", 0, position - 1) + 1
    column = position - 1 - sql.rfind("\n", 0, position - 1)
    assert str(error).endswith(f"At line {line}, column {column} of your SQL.")
    assert "canary" not in str(error) + error.server_message
    assert "_ifq" not in str(error)


@pytest.mark.parametrize("what", CONDITIONS)
def test_the_position_is_the_one_in_where(on_path: Connection, era: str, what: str) -> None:
    marked, params, state = CONDITIONS[what]
    where, position = split(marked)
    with pytest.raises(QueryFailed) as caught:
        on_path.read_table(
            "s_cardio3prod", "site", where=where, params=params or None, order_by="name", columns=["name"]
        )
    assert caught.value.position == position
    assert caught.value.sqlstate == (state if era in STATES else None)
    assert "canary" not in str(caught.value)


def test_errors_while_running_have_no_position(on_path: Connection, era: str) -> None:
    for ask in (
        lambda: on_path.read_sql("select 1 / (g - 2) as x from generate_series(1, 3) g"),
        lambda: on_path.read_table("s_cardio3prod", "site", where="1 / (site_id - 3) > 0"),
    ):
        with pytest.raises(QueryFailed, match="division by zero") as caught:
            ask()
        assert caught.value.position is None
        assert caught.value.sqlstate == ("22012" if era in STATES else None)
        assert "of your SQL" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("select 'canary-7'::int", "invalid input syntax for type integer"),
        ("select cast('canary' as date)", "invalid input syntax for type date"),
        ("select 'canary'::s_scratch_no.type", "s_scratch_no"),
        ("select jsonb '{canary'", "invalid input syntax for type json"),
        ("select (label || 'x')::int from s_cardio3prod.participant", "invalid input syntax for type integer"),
        ("select ('canary' || label)::date from s_cardio3prod.participant", "invalid input syntax for type date"),
    ],
)
def test_the_servers_text_is_shown_without_values(on_path: Connection, sql: str, shown: str) -> None:
    with pytest.raises(QueryFailed) as caught:
        on_path.read_sql(sql)
    assert shown in caught.value.server_message
    assert "canary" not in str(caught.value) + caught.value.server_message
    assert "CARDIO" not in str(caught.value)


def test_permission_denied_comes_from_the_catalogue_or_from_the_server(on_path: Connection) -> None:
    with pytest.raises(PermissionDenied, match=r"may not read any column of s_cardio3prod\.participant_contact"):
        on_path.read_table("s_cardio3prod", "participant_contact")
    with pytest.raises(
        PermissionDenied, match=r"refuses to show this.*permission denied for table participant_contact"
    ):
        on_path.read_sql("select * from s_cardio3prod.participant_contact")
    with pytest.raises(PermissionDenied, match="permission denied for function pg_read_file"):
        on_path.read_sql("select pg_read_file('canary')")
