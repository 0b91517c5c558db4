"""Table questions give the rows that SQL of our own gives, in every era."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from inprocess import Inside

P = "s_alpha.participant"
SITE = "s_alpha.site"
Ask = Callable[[Inside], dict[str, Any]]


def on(table: str, **clauses: Any) -> dict[str, Any]:
    """A question over a table, with clauses whose ``"@column"`` strings are references to it."""
    return {"table": table, **clauses}


def filled(box: Inside, node: Any, table: str = P) -> Any:
    if isinstance(node, dict):
        table = node.get("table", table)
        out = {key: filled(box, value, table) for key, value in node.items() if key != "table"}
        return {"source-table": box.tables[table], **out} if "table" in node else out
    if isinstance(node, list):
        return [filled(box, one, table) for one in node]
    if isinstance(node, str) and node.startswith("@"):
        name = node[1:]
        return box.ref(name if name.count(".") == 2 else f"{table}.{name}")
    return node


LABELS = ["@label"]
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "equal": (on(P, fields=LABELS, filter=["=", "@status", "signed"]), "select label from {} where status = 'signed'"),
    "one of": (
        on(P, fields=LABELS, filter=["=", "@participant_id", 1, 5]),
        "select label from {} where participant_id in (1, 5)",
    ),
    "not": (
        on(P, fields=LABELS, filter=["not", [">", "@participant_id", 2]]),
        "select label from {} where participant_id <= 2",
    ),
    "and or": (
        on(
            P,
            fields=LABELS,
            filter=[
                "or",
                ["and", [">=", "@participant_id", 4], ["<", "@participant_id", 6]],
                ["is-null", "@enrollment_date"],
            ],
        ),
        "select label from {} where participant_id between 4 and 5 or enrollment_date is null",
    ),
    "not null": (
        on(P, fields=LABELS, filter=["not-null", "@enrollment_date"]),
        "select label from {} where enrollment_date is not null",
    ),
    "starts": (
        on(P, fields=LABELS, filter=["starts-with", "@label", "A-01"]),
        "select label from {} where label like 'A-01%'",
    ),
    "ends": (on(P, fields=LABELS, filter=["ends-with", "@label", "5"]), "select label from {} where label like '%5'"),
    "contains": (
        on(P, fields=LABELS, filter=["contains", "@label", "a-02", {"case-sensitive": False}]),
        "select label from {} where label ilike '%a-02%'",
    ),
    "quotes in a value": (
        on(SITE, fields=["@name"], filter=["!=", "@name", "it's ? [[x]]"]),
        "select name from s_alpha.site",
    ),
    "day": (
        on(P, fields=LABELS, filter=["=", "@date_created", "2021-02-01"]),
        "select label from {} where date_created::date = '2021-02-01'",
    ),
    "days": (
        on(P, fields=LABELS, filter=["between", "@date_created", "2021-02-01", "2021-02-03"]),
        "select label from {} where date_created::date between '2021-02-01' and '2021-02-03'",
    ),
    "after a day": (
        on(P, fields=LABELS, filter=[">", "@date_created", "2021-02-17"]),
        "select label from {} where date_created::date > '2021-02-17'",
    ),
    "moment": (
        on(P, fields=LABELS, filter=["<", "@date_created", "2021-02-01T00:00:00Z"]),
        "select label from {} where date_created < '2021-02-01'",
    ),
    "month": (
        on(P, fields=LABELS, filter=["=", ["datetime-field", "@enrollment_date", "month"], "2021-01-01"]),
        "select label from {} where date_trunc('month', enrollment_date) = '2021-01-01'",
    ),
    "old forms": (
        {
            "table": P,
            "fields": LABELS,
            "order_by": [["@participant_id", "descending"]],
            "filter": ["NOT_NULL", "@label"],
        },
        "select label from {} order by participant_id desc",
    ),
    "page": (
        on(P, fields=LABELS, **{"order-by": [["asc", "@label"]], "page": {"page": 3, "items": 4}}),
        "select label from {} order by label limit 4 offset 8",
    ),
    "groups": (
        on(P, aggregation=[["count"], ["sum", "@participant_id"]], breakout=["@status"]),
        "select status, count(*), sum(participant_id) from {} group by 1 order by 1",
    ),
    "by week": (
        on(P, aggregation=[["count"]], breakout=[["datetime-field", "@date_created", "week"]]),
        "select date_trunc('week', date_created + interval '1 day') - interval '1 day', count(*) from {}"
        " group by 1 order by 1",
    ),
    "by day of week": (
        on(P, aggregation=[["count"]], breakout=[["datetime-field", "@date_created", "day-of-week"]]),
        "select extract(dow from date_created)::int + 1, count(*) from {} group by 1 order by 1",
    ),
    "ordered groups": (
        on(
            P, aggregation=[["count"]], breakout=["@status"], **{"order-by": [["desc", ["aggregation", 0]]], "limit": 2}
        ),
        "select status, count(*) from {} group by 1 order by 2 desc, 1 limit 2",
    ),
    "distinct, min, max": (
        on(
            P,
            aggregation=[
                ["distinct", "@status"],
                ["min", "@enrollment_date"],
                ["max", "@label"],
                ["avg", "@participant_id"],
            ],
        ),
        "select count(distinct status), min(enrollment_date), max(label), avg(participant_id) from {}",
    ),
    "counted where": (
        on(P, aggregation=[["count-where", ["=", "@status", "signed"]]]),
        "select count(*) filter (where status = 'signed') from {}",
    ),
    "through a key": (
        on(P, fields=["@label", ["fk->", "@site_id", f"@{SITE}.name"]], **{"order-by": [["asc", "@label"]]}),
        "select label, name from {} left join s_alpha.site using (site_id) order by label",
    ),
    "where through a key": (
        on(P, fields=LABELS, filter=["=", ["fk->", "@site_id", f"@{SITE}.country"], "FR"]),
        "select label from {} join s_alpha.site using (site_id) where country = 'FR'",
    ),
    "expression": (
        on(P, fields=[["expression", "twice"]], expressions={"twice": ["+", ["*", "@participant_id", 2], 1]}),
        "select participant_id * 2 + 1 from {}",
    ),
    "inner question": (
        {
            "source-query": on(P, aggregation=[["count"]], breakout=["@status"]),
            "filter": [">", ["field-literal", "count", "type/Integer"], 5],
        },
        "select status, count(*) from {} group by 1 having count(*) > 5 order by 1",
    ),
    "inner SQL": ({"source-query": {"native": "select 1 as a, 'x;y' as b"}}, "select 1, 'x;y'"),
}


def plain(value: Any) -> Any:
    """A value of psycopg or of an answer in a form that both share."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, (dt.date, dt.datetime)):
        value = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
        return value.replace(tzinfo=dt.UTC)
    if isinstance(value, str) and value[:2] == "20" and value[-1] == "Z":
        return dt.datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("era", ["0.31", "0.34", "0.47", "0.49"])
@pytest.mark.parametrize("name", list(CASES))
def test_rows_are_those_of_sql(
    era: str, name: str, inside: Callable[[str], Inside], connection: psycopg.Connection
) -> None:
    asked, sql = CASES[name]
    box = inside(era)
    got = box.question(filled(box, asked))
    assert got["status"] == "completed", got["error"]
    expected = connection.execute(sql.replace("{}", P).encode()).fetchall()
    rows = [[plain(one) for one in row] for row in got["data"]["rows"]]
    wanted = [[plain(one) for one in row] for row in expected]
    if "order by" in sql:
        assert rows == wanted
    else:
        assert sorted(rows, key=repr) == sorted(wanted, key=repr)
    assert len(got["data"]["cols"]) == len(wanted[0])


@pytest.mark.parametrize("era", ["0.34", "0.47"])
def test_an_explicit_join(era: str, inside: Callable[[str], Inside], connection: psycopg.Connection) -> None:
    box = inside(era)
    key = box.fields[f"{SITE}.site_id"]
    other = ["joined-field", "S", ["field-id", key]] if era == "0.34" else ["field", key, {"join-alias": "S"}]
    condition = ["=", box.ref(f"{P}.site_id"), other]
    join = {"alias": "S", "source-table": box.tables[SITE], "fields": "all", "condition": condition}
    asked = {"source-table": box.tables[P], "fields": [box.ref(f"{P}.label")], "joins": [join],
             "order-by": [["asc", box.ref(f"{P}.label")]]}  # fmt: skip
    got = box.question(asked)["data"]
    name = [one["display_name"] for one in got["cols"]].index("S → Name")
    rows = connection.execute(f"select label, name from {P} join {SITE} using (site_id) order by 1").fetchall()
    assert [(row[0], row[name]) for row in got["rows"]] == rows


def test_two_columns_of_one_name_are_told_apart(inside: Callable[[str], Inside]) -> None:
    box = inside("0.47")
    label = box.ref(f"{P}.label")
    got = box.question({"source-table": box.tables[P], "fields": [label, label], "limit": 1})
    assert [one["name"] for one in got["data"]["cols"]] == ["label", "label_2"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"source-table": 1}, "Failed to fetch Table 1: Table does not exist, or belongs to a different Database."),
        ({"table": P, "filter": ["segment", 77]}, "Segment 77 does not exist, or is invalid."),
        ({"table": P, "filter": ["nonsense", "@label"]}, "Invalid clause: :nonsense"),
        ({"table": P, "filter": ["=", "@participant_id", "x"]}, "operator does not exist: integer = character varying"),
    ],
)
def test_a_question_that_fails_says_why(query: dict[str, Any], message: str, inside: Callable[[str], Inside]) -> None:
    box = inside("0.47")
    got = box.question(filled(box, query))
    assert got["status"] == "failed"
    assert message in got["error"]
