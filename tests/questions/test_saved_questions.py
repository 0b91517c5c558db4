"""A saved question gives the rows of its SQL, whole and exact, to accounts with and without the right to SQL."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sandboxes import Connect, Database
from shelf import PARTICIPANT, Shelf, tag

from insight_frames import (
    IncompleteResult,
    InvalidInput,
    ParameterError,
    PermissionDenied,
    QueryFailed,
    QuestionNotFound,
    ServerUnavailable,
    UnsupportedServer,
)
from insight_frames.metabase import questions, tags
from insight_frames.metabase.saved import SavedSource

ACCOUNTS = pytest.mark.parametrize("account", ["analyst", "viewer"])
VALUES = """
select n, n::int8 * 9007199254740993 as big, (n / 8.0)::float8 as f8, case when n % 3 > 0 then n / 100.0 end as num,
  n % 2 = 0 as odd, case n % 3 when 0 then null when 1 then '' else 'x "' || n || E'\\n\\\\' end as txt,
  date '1999-12-30' + n as day, null::text as nothing, ' é ' as spaced, '{"a": [1]}'::jsonb::text as j
from generate_series(1, 60) n order by n
"""


# ------------------------------------------------------------------------------------------------ rows
@ACCOUNTS
def test_rows_are_those_of_the_sql(era: str, account: str, connect: Connect, shelf: Shelf) -> None:
    number = shelf.sql("Values", VALUES)
    expected = connect().read_sql(VALUES)
    connection = connect(account)
    found = connection.read_question(number)
    assert_frame_equal(found, expected)
    told = found.attrs["insight"]
    assert (told["question"], told["path"]) == (number, {"analyst": "packed", "viewer": "export"}[account])
    parts = list(connection.read_question("Values", coerce_float=False, chunksize=17))
    assert [len(one) for one in parts] == [17, 17, 17, 9]
    assert parts[0]["num"][1] == Decimal("0.02")


def test_a_question_over_a_table(era: str, connect: Connect, shelf: Shelf) -> None:
    status = shelf.field(PARTICIPANT, "status")
    grouped = shelf.table("By status", PARTICIPANT, aggregation=[["count"]], breakout=[status])
    limited = shelf.table("Three", PARTICIPANT, limit=3, **{"order-by": [["asc", shelf.field(PARTICIPANT, "label")]]})
    sql = f"select status, count(*) from {PARTICIPANT} group by 1 order by 1"
    expected = connect().read_sql(sql)
    for account in ("analyst", "viewer"):
        assert_frame_equal(connect(account).read_question(grouped), expected)
    labels = connect().read_sql(f"select label from {PARTICIPANT} order by 1 limit 3")["label"].tolist()
    assert connect().read_question(limited)["label"].tolist() == labels


def test_the_limit_of_the_server_is_not_the_question_s(era: str, connect: Connect, shelf: Shelf) -> None:
    source = connect()._source
    for clauses, limited in (({}, False), ({"limit": 3}, True)):
        saved = questions.find(source.server, shelf.table("Table", PARTICIPANT, **clauses))
        text = SavedSource(source, saved, tags.filled(saved.label, "", {}, None))._text(source.server)
        assert text is not None
        assert ("LIMIT" in text) == limited


def test_a_whole_table_as_the_table_itself(era: str, connect: Connect, shelf: Shelf) -> None:
    number = shelf.table("All of them", PARTICIPANT)
    expected = connect().read_table(
        "s_cardio3prod", "participant", index_col="participant_id", order_by="participant_id"
    )
    for account in ("analyst", "viewer"):
        if (era, account) == ("0.31", "viewer"):
            with pytest.raises(UnsupportedServer, match="leaves out the microseconds"):
                connect(account).read_question(number)
            continue
        found = connect(account).read_question(number, index_col="participant_id").sort_index()
        assert_frame_equal(found[expected.columns], expected)


@ACCOUNTS
def test_no_cap_of_the_browser_cuts_it(era: str, account: str, connect: Connect, shelf: Shelf) -> None:
    number = shelf.sql("Many", "select 't' || n as t from generate_series(1, 12000) n")
    found = connect(account).read_question(number)
    assert found["t"].tolist() == [f"t{n}" for n in range(1, 12001)]


def test_as_many_rows_as_a_cap_are_counted(era: str, connect: Connect, shelf: Shelf) -> None:
    cap = 10_000 if era == "0.31" else 2_000
    text = f"select 't' || n as t from generate_series(1, {cap}) n"
    assert len(connect("viewer").read_question(shelf.sql("Cap", text))) == cap
    tagged = shelf.sql("Cap with a tag", f"{text} where n > {{{{least}}}}", tag("least", "number"))
    with pytest.raises(IncompleteResult, match="not proven that Question"):
        connect("viewer").read_question(tagged, params={"least": 0})
    assert len(connect().read_question(tagged, params={"least": 0})) == cap


def test_an_export_that_is_cut_is_an_error(era: str, box: Any, connect: Connect, shelf: Shelf) -> None:
    few = shelf.sql("Few", "select 't' || n as t from generate_series(1, 900) n")
    many = shelf.sql("Many", "select 't' || n as t from generate_series(1, 12000) n")
    for limit, number in ((500, few), (11000, many)):
        box.setting(download_row_limit=limit)
        with pytest.raises(IncompleteResult, match="not proven that Question"):
            connect("viewer").read_question(number)
    assert len(connect().read_question(many)) == 12000  # cells are fewer than rows


@pytest.mark.parametrize("era", [pytest.param("0.49", marks=pytest.mark.long)])
def test_values_written_for_people(era: str, connect: Connect, shelf: Shelf) -> None:
    numbers = shelf.sql("Numbers", "select n from generate_series(1, 2500) n")
    texts = shelf.sql("Texts", "select case when n > 9 then 'x' || n end as t from generate_series(1, 2500) n")
    with pytest.raises(UnsupportedServer, match="writes values for people"):
        connect("viewer").read_question(numbers)
    with pytest.raises(UnsupportedServer, match="may show NULL as an empty text"):
        connect("viewer").read_question(texts)
    assert connect().read_question(texts)["t"].isna().sum() == 9


@ACCOUNTS
@pytest.mark.parametrize("era", ["0.47"])
def test_sql_of_every_shape(era: str, account: str, connect: Connect, shelf: Shelf) -> None:
    texts = {
        "with x as (select 1 as a) select a from x ; -- done": [1],
        "-- first\n(select 1 as a) union all (select 2)\n/* end */": [1, 2],
        "values (3)": [3],
        "select (array[[4, 5]])[1][1] -- {{not}} a [[tag]]": [4],
        "table s_cardio3prod.site order by site_id limit 1 ;": [1],
        "show server_version_num": None,
    }
    for text, expected in texts.items():
        found = connect(account).read_question(shelf.sql("Shape", text))
        assert expected is None or found.iloc[:, 0].tolist() == expected, text
        assert expected is not None or len(found) == 1


@pytest.mark.parametrize("era", ["0.47"])
def test_two_columns_of_one_name(era: str, connect: Connect, shelf: Shelf) -> None:
    number = shelf.sql("Twice", "select 1 as a, 2 as a")
    assert connect().read_question(number).values.tolist() == [[1, 2]]
    with pytest.raises(UnsupportedServer, match="two columns have this name"):
        connect("viewer").read_question(number)


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize("value", ["interval '1 mon'", "'\\x00'::bytea", "point '1,2'", "xml '<a/>'", "'{1}'::int[]"])
def test_what_an_export_does_not_show_exactly_is_refused(era: str, value: str, connect: Connect, shelf: Shelf) -> None:
    if value.startswith("xml"):
        value = "'08:00+02'::timetz"
    number = shelf.sql("Inexact", f"select {value} as strange")
    with pytest.raises(UnsupportedServer, match="Column 'strange' of Question"):
        connect("viewer").read_question(number)
    assert len(connect().read_question(number)) == 1


@pytest.mark.parametrize("era", ["0.31", "0.47"])
def test_moments_without_sql(era: str, connect: Connect, shelf: Shelf) -> None:
    text = "select timestamp '2020-01-31' + n * interval '1.000001 s' as t, n < 0 as b from generate_series(0, 2) n"
    number = shelf.sql("Moments", text)
    if era == "0.31":
        with pytest.raises(UnsupportedServer, match=r"leaves out the microseconds"):
            connect("viewer").read_question(number)
    else:
        assert_frame_equal(connect("viewer").read_question(number), connect().read_sql(text))


# ------------------------------------------------------------------------------------------------ tags
TAGGED = f"""
select label from {PARTICIPANT} where true [[and site_id in ({{{{site}}}})]] [[and enrollment_date >= {{{{day}}}}]]
  [[and label = {{{{label}}}}]] and {{{{status}}}} and {{{{enrolled}}}} and {{{{number}}}} order by label
"""
ASKED: list[tuple[dict[str, Any], str]] = [
    ({}, "true"),
    ({"site": 3}, "site_id = 3"),
    ({"site": [1, 3]}, "site_id in (1, 3)"),
    ({"site": 2, "day": dt.date(2024, 1, 1)}, "site_id = 2 and enrollment_date >= '2024-01-01'"),
    ({"day": pd.Timestamp("2024-06-01")}, "enrollment_date >= '2024-06-01'"),
    ({"label": "003-00004"}, "label = '003-00004'"),
    ({"label": "it's {{site}} ? [[x]]"}, "false"),
    ({"status": "removed"}, "status = 'removed'"),
    ({"status": ["available", "removed"]}, "status in ('available', 'removed')"),
    (
        {"enrolled": (dt.date(2023, 1, 1), dt.date(2023, 6, 30))},
        "enrollment_date between '2023-01-01' and '2023-06-30'",
    ),
    ({"enrolled": "2023-04"}, "date_trunc('month', enrollment_date) = '2023-04-01'"),
    ({"number": [3, 4]}, "participant_id in (3, 4)"),
    ({"site": None, "status": None}, "true"),
]


def tagged(shelf: Shelf) -> int:
    def filters(name: str, column: str, widget: str) -> dict[str, Any]:
        return tag(name, "dimension", dimension=shelf.field(PARTICIPANT, column), widget_type=widget)

    plain = [tag("site", "number"), tag("day", "date"), tag("label", "text")]
    fields = [("status", "status", "category"), ("enrolled", "enrollment_date", "date/all-options")]
    more = [filters(*one) for one in (*fields, ("number", "participant_id", "id"))]
    return shelf.sql("Tagged", TAGGED, *plain, *more)


@ACCOUNTS
def test_tags_take_values_of_their_type(
    era: str, account: str, connect: Connect, shelf: Shelf, superuser: Database
) -> None:
    number, connection = tagged(shelf), connect(account)
    for params, where in ASKED:
        text = f'select label from {PARTICIPANT} where {where} order by label collate "default"'
        expected = [label for (label,) in superuser.execute(text.encode()).fetchall()]
        assert connection.read_question(number, params=params)["label"].tolist() == expected


@ACCOUNTS
def test_defaults_and_required_tags(era: str, account: str, connect: Connect, shelf: Shelf) -> None:
    text = "select {{a}}::text as a, {{b}}::text as b [[, {{c}}::text as c]]"
    tags = [tag("a", "text", required=True, default="x"), tag("b", "text", required=True), tag("c", "text")]
    number, connection = shelf.sql("Defaults", text, *tags), connect(account)
    assert connection.read_question(number, params={"b": "y"}).values.tolist() == [["x", "y"]]
    given = {"a": "1", "b": "2", "c": "3"}
    assert connection.read_question(number, params=given).values.tolist() == [["1", "2", "3"]]
    with pytest.raises(ParameterError, match="needs a value for its tag 'b'; expected text"):
        connection.read_question(number, params={"a": "x"})


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"site": "3"}, "'site' does not fit .number.; expected a number"),
    ({"site": True}, "expected a number"),
    ({"site": float("nan")}, "expected a number"),
    ({"site": []}, "a list that is not empty"),
    ({"site": Decimal("0.12345678901234567890")}, "at most 15 digits"),
    ({"label": 7}, "'label' does not fit .text.; expected a str, got type int"),
    ({"day": "yesterday"}, "a text such as '2024-01-31'"),
    ({"day": "2024-02-30"}, "expected a date"),
    ({"day": dt.datetime(2024, 1, 1, 8)}, "expected a date"),
    ({"day": pd.NaT}, "expected a date"),
    ({"enrolled": "sometime"}, "two dates"),
    ({"enrolled": (dt.date(2024, 1, 1),)}, "two dates"),
    ({"status": 5}, "expected a str"),
    ({"number": "3"}, "expected a number"),
    ({"sites": 3}, "has no tag 'sites'.*Did you mean 'site'"),
    ({"x": 3}, "has no tag 'x'; got the tags site .number., day .date."),
]


@pytest.mark.parametrize("era", ["0.47"])
def test_values_that_do_not_fit_are_refused_before_anything_is_run(
    era: str, box: Any, connect: Connect, shelf: Shelf
) -> None:
    number, connection = tagged(shelf), connect()
    connection.list_schemas()
    box.clear_requests()
    for params, message in UNFIT:
        with pytest.raises(ParameterError, match=message):
            connection.read_question(number, params=params)
    with pytest.raises(ParameterError, match="params is not a mapping"):
        connection.read_question(number, params=[3])
    assert {path for _, path, _ in box.requests if "query" in path or "dataset" in path} == set()
    with pytest.raises(ParameterError, match=r"a question without tags\. Try: leave params out"):
        connection.read_question(shelf.table("Plain", PARTICIPANT), params={"site": 3})


# ------------------------------------------------------------------------------------------------ which question
def test_questions_that_are_not_there(era: str, connect: Connect, shelf: Shelf) -> None:
    shelf.sql("Vital signs", "select 1 as a")
    shelf.sql("Twins", "select 1 as a")
    shelf.sql("Twins", "select 2 as a")
    gone = shelf.sql("Put away", "select 1 as a", archived=True)
    own = shelf.sql("Private", "select 1 as a", collection_id=9999)
    connection = connect()
    for question, message in (
        (999_999, "There is no question 999999"),
        ("vital sign", "There is no question 'vital sign'.*Did you mean 'Vital signs'"),
        (gone, r"Question \d+ \('Put away'\) is archived"),
        ("Put away", r"Question \d+ \('Put away'\) is archived"),
        ("Private", "There is no question 'Private' that this account may read"),
    ):
        with pytest.raises(QuestionNotFound, match=message):
            connection.read_question(question)
    with pytest.raises(PermissionDenied, match=f"may not read question {own}"):
        connection.read_question(own)
    assert connect("admin").read_question(own)["a"].tolist() == [1]
    with pytest.raises(InvalidInput, match="2 questions are called 'Twins'; got the numbers"):
        connection.read_question("Twins")
    with pytest.raises(InvalidInput, match="by its number or its name; got type float"):
        connection.read_question(1.5)


@pytest.mark.parametrize("era", ["0.47", pytest.param("0.31", marks=pytest.mark.long)])
def test_a_question_on_another_database(era: str, boxes: Any, connect: Connect) -> None:
    with boxes.beside(era, ["Insight", "Warehouse"]) as two:
        people = two.accounts["admin"]
        from insight_frames import Connection

        login = {"username": people.username, "password": people.password}
        with (
            Connection(two.url, database="Warehouse", **login) as there,
            Connection(two.url, database="Insight", **login) as here,
        ):
            number = Shelf(there).sql("Stock", "select 1 as a")
            with pytest.raises(
                InvalidInput, match=r"'Stock'\) asks another database; expected the connection's, 'Insight', got 'Wareh"
            ):
                here.read_question(number)
            assert here.list_questions().empty
            assert there.list_questions()["name"].tolist() == ["Stock"]
            assert there.read_question("Stock")["a"].tolist() == [1]


def test_a_question_whose_query_fails(era: str, connect: Connect, shelf: Shelf) -> None:
    broken = shelf.sql("Broken", "select nowhere from s_cardio3prod.site")
    late = shelf.sql("Late", "select 1 / (3000 - n) as a from generate_series(1, 5000) n")
    for account in ("analyst", "viewer"):
        with pytest.raises(QueryFailed, match="does not exist"):
            connect(account).read_question(broken)
        with pytest.raises(QueryFailed, match="division by zero"):
            connect(account).read_question(late)


@pytest.mark.parametrize("era", ["0.47", pytest.param("0.31", marks=pytest.mark.long)])
def test_answers_that_break_off_or_lose_rows(era: str, box: Any, connect: Connect, shelf: Shelf) -> None:
    number = shelf.sql("Damaged", "select 'x' || n as t from generate_series(1, 300) n")
    connection = connect("viewer")
    for path in (f"/api/card/{number}/query", f"/api/card/{number}/query/json"):
        for place in (1, 40, 2000):
            for clean in (True, False):
                box.fault(kind="cut_after_bytes", bytes=place, clean=clean, path=path)
                with pytest.raises((IncompleteResult, ServerUnavailable)):
                    connection.read_question(number)
                box.fault()
    for kind in ("drop_cell", "duplicate_cell"):
        box.fault(kind=kind, row=200, path=f"/api/card/{number}/query/json")
        with pytest.raises(IncompleteResult, match=r"expected 300 rows, as in the answer before, got (299|301)"):
            connection.read_question(number)
        box.fault()
    assert len(connection.read_question(number)) == 300


def test_the_list(era: str, connect: Connect, shelf: Shelf) -> None:
    day = tag("day", "date")
    status = tag("status", "dimension", dimension=shelf.field(PARTICIPANT, "status"), widget_type="category")
    first = shelf.sql("Zebra", "select {{day}} where {{status}}", day, status, description="Striped")
    second = shelf.table("Ant", PARTICIPANT)
    shelf.sql("Put away", "select 1 as a", archived=True)
    listed = connect("viewer").list_questions()
    assert list(listed.columns) == ["id", "name", "kind", "tags", "collection", "description", "updated"]
    mine = listed[listed["id"].isin([first, second])]
    assert mine[["id", "name", "kind", "tags"]].values.tolist() == [
        [first, "Zebra", "sql", "day (date), status (field filter, category)"],
        [second, "Ant", "table", ""],
    ]
    assert mine["description"].tolist()[0] == "Striped"
    assert str(listed["updated"].dtype) == "datetime64[us, UTC]"
    assert "Put away" not in set(listed["name"])
