"""Databases, schemas, tables and fields: what JDBC shows of the catalogue, who sees it, and how it stays up to date."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import psycopg
import pytest
from inprocess import Inside

ERAS = ("0.31", "0.34", "0.47", "0.49")
Get = Callable[[str], Inside]


@pytest.mark.parametrize("era", ERAS)
def test_relations_and_columns_are_the_catalogues(era: str, inside: Get, connection: psycopg.Connection) -> None:
    rows = connection.execute(
        """select n.nspname || '.' || c.relname, array_agg(a.attname order by a.attnum)
           from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
           where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname like 's\\_%%' and a.attnum > 0
             and not attisdropped
             and (%s or has_schema_privilege('insight_reader', n.oid, 'usage')
                    and has_table_privilege('insight_reader', c.oid, 'select'))
           group by 1""",
        [era in ("0.31", "0.34")],
    ).fetchall()
    box = inside(era)
    shown = {f"{one['schema']}.{one['name']}": one for one in box.ask("GET", "/api/database/1/metadata")["tables"]}
    assert set(shown) == {name for name, _ in rows}
    for name, columns in rows:
        fields = [one["name"] for one in shown[name]["fields"] if not one.get("nfc_path")]
        if era == "0.47" and name == "s_wide.odd_names":  # names that differ in case only become one there
            columns = ["N" if one == "n" else one for one in columns]
        assert fields == (columns if era in ("0.47", "0.49") else sorted(columns)), name


@pytest.mark.parametrize("era", ERAS)
def test_foreign_keys_lead_to_the_other_table(era: str, inside: Get) -> None:
    box = inside(era)
    tables = box.ask("GET", "/api/database/1/metadata")["tables"]
    fields = {one["name"]: one for table in tables if table["id"] == box.tables["s_alpha.event_crf"]
              for one in table["fields"]}  # fmt: skip
    assert fields["participant_id"]["fk_target_field_id"] == box.fields["s_alpha.participant.participant_id"]
    assert fields["participant_id"]["target"]["name"] == "participant_id"
    assert fields["event_crf_id"]["fk_target_field_id"] is None
    pointing = box.ask("GET", f"/api/table/{box.tables['s_alpha.participant']}/fks")
    assert [one["origin_id"] for one in pointing] == [box.fields["s_alpha.event_crf.participant_id"]]


@pytest.mark.parametrize("era", ERAS)
def test_a_closed_database_is_not_there_for_others(era: str, inside: Get) -> None:
    box = inside(era)
    listed = box.ask("GET", "/api/database", who="reader")
    names = [one["name"] for one in (listed["data"] if box.era >= 40 else listed)]
    assert names == ["Open"]
    refused = (403, "You don't have permissions to do that.")
    for path in ("", "/metadata", "/schemas", "/schema/s_alpha", "/fields", "/idfields"):
        assert box.reply("GET", f"/api/database/2{path}", who="reader") == refused
    assert box.reply("POST", "/api/database/1/sync_schema", who="reader") == refused
    assert not [one for one in box.ask("GET", "/api/table", who="reader") if one["db_id"] == 2]


def test_native_permissions_follow_the_account(inside: Get) -> None:
    box = inside("0.47")
    rights = {who: box.ask("GET", "/api/database", who=who)["data"][-1]["native_permissions"]
              for who in ("admin", "reader", "nosql")}  # fmt: skip
    assert rights == {"admin": "write", "reader": "write", "nosql": "none"}


def test_numbers_stay_when_the_structure_changes(contract_dsn: str, connection: psycopg.Connection) -> None:
    connection.execute("create table s_beta.later (a int primary key, b text)")
    connection.execute("grant select on s_beta.later to insight_reader")
    try:
        box = Inside("0.47", contract_dsn)
        before, number = dict(box.fields), box.tables["s_beta.later"]
        connection.execute("alter table s_beta.later drop column b, add column c date")
        box.ask("POST", "/api/database/1/sync_schema")
        box.learn()
        same = {name: one for name, one in before.items() if not name.startswith("s_beta.later")}
        assert {name: box.fields[name] for name in same} == same
        assert box.tables["s_beta.later"] == number
        assert box.fields["s_beta.later.c"] > max(before.values())
        assert "s_beta.later.b" not in box.fields
    finally:
        connection.execute("drop table s_beta.later")
    box.ask("POST", "/api/database/1/sync_schema")
    box.learn()
    assert "s_beta.later" not in box.tables
    assert [one for one in box.ask("GET", "/api/database/1/fields") if one["table_name"] == "later"]


def test_hidden_tables_and_sensitive_fields(contract_dsn: str) -> None:
    box = Inside("0.47", contract_dsn)
    table, field = box.tables["s_beta.participant"], box.fields["s_beta.participant.label"]
    box.ask("PUT", f"/api/field/{field}", {"visibility_type": "sensitive"})
    asked = box.question({"source-table": table})
    assert "label" not in [one["name"] for one in asked["data"]["cols"]]
    assert field not in [one["id"] for one in box.ask("GET", f"/api/table/{table}/query_metadata")["fields"]]
    box.ask("PUT", f"/api/table/{table}", {"visibility_type": "hidden"})
    assert "participant" not in [one["name"] for one in box.ask("GET", "/api/database/1/schema/s_beta")]
    everything = box.ask("GET", "/api/database/1/metadata?include_hidden=true")["tables"]
    assert field in [one["id"] for each in everything for one in each["fields"]]
    box.learn()
    assert "s_beta.participant" not in box.tables


def test_a_table_that_somebody_holds_stops_nobody(contract_dsn: str, connection: psycopg.Connection) -> None:
    box = Inside("0.47", contract_dsn)
    box.ask("POST", "/api/database/1/sync_schema")  # forget what the rows told
    with psycopg.connect(contract_dsn) as holder:
        holder.execute("lock table s_beta.crf in access exclusive mode")
        waiting = threading.Thread(target=box.ask, args=("GET", "/api/database/1/metadata"))
        waiting.start()
        time.sleep(0.3)
        started = time.monotonic()
        assert json.loads(box.reply("GET", "/api/user/current")[1])["email"] == "admin@x.org"
        waiting.join(20)
        assert not waiting.is_alive()
        assert time.monotonic() - started < 20
    table = box.tables["s_beta.crf"]
    fields = box.ask("GET", f"/api/table/{table}/query_metadata")["fields"]
    assert {one["name"]: one["semantic_type"] for one in fields}["name"] == "type/Name"


def test_json_columns_are_unfolded(inside: Get) -> None:
    box = inside("0.47")
    table = box.tables["s_types.t_json"]
    got = box.question({"source-table": table, "order-by": [["asc", box.ref("s_types.t_json.id")]], "limit": 1})
    names = [one["name"] for one in got["data"]["cols"]]
    assert names == ["id", "j → a", "j → b", "jb → a", "jb → b", "jb → k → deep", "j", "jb"]
    assert got["data"]["rows"][0][1:6] == ["[1, 2.50, null, true]", 1, "[1, 2.50, null, true]", 1, None]


def test_former_tables_are_listed_only_among_fields(contract_dsn: str) -> None:
    gone = [{"schema": "s_beta", "name": "once", "columns": {"id": "int4", "note": "text"}}]
    box = Inside("0.47", contract_dsn, former_tables=gone)
    assert "s_beta.once" not in box.tables
    listed = [one for one in box.ask("GET", "/api/database/1/fields") if one["table_name"] == "once"]
    assert {one["name"]: one["semantic_type"] for one in listed} == {"id": "type/PK", "note": "type/Category"}
