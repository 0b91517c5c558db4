"""Saved questions, segments and metrics: kept, changed, archived, asked by accounts that may not write SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from inprocess import Inside
from psycopg.conninfo import conninfo_to_dict

ERAS = ("0.31", "0.34", "0.47", "0.49")
Get = Callable[[str], Inside]


def saved(box: Inside, sql: str = "SELECT 1 AS a", tags: dict[str, Any] | None = None, name: str = "One") -> int:
    native = {"query": sql, "template-tags": tags or {}}
    body = {"name": name, "display": "table", "visualization_settings": {},
            "dataset_query": {"database": 1, "type": "native", "native": native}}  # fmt: skip
    return int(box.ask("POST", "/api/card", body)["id"])


@pytest.mark.parametrize("era", ERAS)
def test_an_account_without_sql_may_ask_a_card(era: str, inside: Get) -> None:
    box = inside(era)
    refused = box.ask(
        "POST", "/api/dataset", {"database": 1, "type": "native", "native": {"query": "select 1"}}, "nosql"
    )
    assert refused["error"] == "You do not have permissions to run this query."
    card = saved(box)
    assert box.ask("POST", f"/api/card/{card}/query", {}, "nosql")["data"]["rows"] == [[1]]
    assert json.loads(box.reply("POST", f"/api/card/{card}/query/json", who="nosql")[1])[0]["a"] in (1, "1")


@pytest.mark.parametrize("era", ERAS)
def test_parameters_come_in_the_url_or_a_form(era: str, inside: Get) -> None:
    box = inside(era)
    tags = {"n": {"name": "n", "display-name": "N", "type": "text"}}
    card = saved(box, "SELECT {{n}}::text AS a", tags)
    given = [{"type": "category", "target": ["variable", ["template-tag", "n"]], "value": "x & y"}]
    path = f"/api/card/{card}/query/csv"
    assert box.reply("POST", f"{path}?parameters={quote(json.dumps(given))}")[1] == "a\nx & y\n"
    assert box.reply("POST", path, form={"parameters": given})[1] == "a\nx & y\n"
    assert box.ask("POST", f"/api/card/{card}/query", {"parameters": given})["data"]["rows"] == [["x & y"]]


@pytest.mark.parametrize("era", ERAS)
def test_an_archived_card(era: str, inside: Get) -> None:
    box = inside(era)
    card = saved(box, name="Gone")
    box.ask("PUT", f"/api/card/{card}", {"archived": True})
    assert card not in [one["id"] for one in box.ask("GET", "/api/card")]
    assert card in [one["id"] for one in box.ask("GET", "/api/card?f=archived")]
    status, text = box.reply("POST", f"/api/card/{card}/query", {})
    if box.era >= 47:
        assert json.loads(text)["data"]["rows"] == [[1]]
    else:
        assert (status, json.loads(text)["error_code"]) == (404, "archived")
    assert box.reply("DELETE", f"/api/card/{card}")[0] == 204
    assert box.reply("GET", f"/api/card/{card}")[0] == 404


def test_a_parameter_that_the_card_does_not_know(inside: Get) -> None:
    box = inside("0.47")
    card = saved(box)
    given = [{"type": "category", "target": ["variable", ["template-tag", "zz"]], "value": "x"}]
    status, text = box.reply("POST", f"/api/card/{card}/query", {"parameters": given})
    assert status == 400
    assert f'Card {card} does not have a template tag named \\"zz\\"' in text


def test_a_card_is_a_table_for_other_questions(inside: Get) -> None:
    box = inside("0.47")
    card = saved(box, "SELECT 2 AS a UNION ALL SELECT 3")
    got = box.question(
        {"source-table": f"card__{card}", "aggregation": [["sum", ["field", "a", {"base-type": "type/Integer"}]]]}
    )
    assert got["data"]["rows"] == [[5]]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", ["segment", "metric"])
def test_definitions_live_and_go(era: str, kind: str, contract_dsn: str) -> None:
    box = Inside(era, contract_dsn)
    table = box.tables["s_beta.participant"]
    definition: dict[str, Any] = {
        "source-table": table,
        "filter": ["=", box.ref("s_beta.participant.status"), "available"],
    }
    if kind == "metric":
        definition["aggregation"] = [["count"]]
    body = {"name": "Here", "table_id": table, "definition": definition}
    assert box.reply("POST", f"/api/{kind}", body, "reader")[0] == 403
    number = box.ask("POST", f"/api/{kind}", body)["id"]
    [listed] = box.ask("GET", f"/api/{kind}")
    assert listed["id"] == number
    if box.era >= 36:
        assert "Filtered by Status" in listed["definition_description"]
    shown = box.ask("GET", f"/api/table/{table}/query_metadata")
    assert [one["id"] for one in shown[f"{kind}s"]] == [number]
    clause = {"filter": ["segment", number]} if kind == "segment" else {"aggregation": [["metric", number]]}
    got = box.question({"source-table": table, **clause})
    assert (got["row_count"], len(got["data"]["cols"])) == ((6, 7) if kind == "segment" else (1, 1))
    assert box.reply("DELETE", f"/api/{kind}/{number}")[0] == 400
    assert box.reply("DELETE", f"/api/{kind}/{number}?revision_message=x")[0] in (200, 204)
    assert box.ask("GET", f"/api/{kind}") == []


def test_embedding_and_public_links_are_off(inside: Get) -> None:
    box = inside("0.47")
    token = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"  # signed by nobody
    said = (400, "The embedding secret key has not been set.")
    assert box.reply("GET", f"/api/embed/card/{token}/query/csv", who=None) == said
    assert box.reply("GET", "/api/public/dashboard/1", who=None) == (400, '"An error occurred."')


def test_databases_are_connected_and_closed_by_administrators(contract_dsn: str) -> None:
    box = Inside("0.47", contract_dsn)
    graph = box.ask("GET", "/api/permissions/graph")
    graph["groups"]["1"]["1"] = {"data": {"schemas": "none", "native": "none"}}
    box.ask("PUT", "/api/permissions/graph", graph)
    assert box.ask("GET", "/api/database", who="reader")["data"] == []
    assert box.reply("GET", "/api/permissions/graph", who="reader")[0] == 403
    assert box.reply("POST", "/api/database", {"name": " "})[0] == 400
    details = {"host": "127.0.0.1", "port": 1, "dbname": "x", "user": "insight_reader"}
    assert box.reply("POST", "/api/database", {"name": "More", "details": details})[0] == 400
    parts = conninfo_to_dict(contract_dsn)
    details |= {key: parts.get(key) for key in ("host", "port", "dbname", "password")}
    number = box.ask("POST", "/api/database", {"name": "More", "details": details})["id"]
    assert box.ask("PUT", f"/api/database/{number}", {"name": "Most"})["name"] == "Most"
    assert box.reply("DELETE", f"/api/database/{number}")[0] == 204
    assert box.reply("GET", f"/api/database/{number}")[0] == 404
