"""The same double over another database with another name and other rows: what it says is what PostgreSQL says."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import psycopg
import pytest
from doubles import ADMIN, HERE, Start
from psycopg import sql

from insight_frames.sandbox import postgres
from insight_frames.sandbox.serving import Double

NAME = "Étude 7 (test)"
ERAS = [pytest.param(era, marks=pytest.mark.xdist_group(f"contract-{era}")) for era in ("0.31", "0.34", "0.47", "0.49")]
TABLES = [
    "s_alpha.participant", "s_alpha.event_crf", "s_alpha.item_data", "s_alpha.no_key", "s_alpha.nothing_yet",
    "s_alpha.audit", "s_types.t_integer", "s_types.t_numeric", "s_types.t_float", "s_types.t_bool", "s_types.t_text",
    "s_types.t_date", "s_types.t_time", "s_types.t_timestamp", "s_types.t_json", "s_types.t_array", "s_wide.odd_names",
]  # fmt: skip
OTHER_ROWS = r"""
UPDATE s_alpha.participant SET label = 'Ω-' || participant_id, status = E'line\nbreak "' || participant_id || E'\\';
UPDATE s_alpha.item_data SET value = chr(1 + (item_data_id % 31)::int) || repeat('é', (item_data_id % 7)::int);
INSERT INTO s_types.t_numeric SELECT 100 + i, (i * 1e-9 - 5e-8)::numeric, i - 3.25, i::numeric * 10 ^ 20
  FROM generate_series(1, 20) i;
INSERT INTO s_types.t_float SELECT 100 + i, (1.0 / i)::real, 10::float8 ^ (3 * i - 30) / 7
  FROM generate_series(1, 20) i;
INSERT INTO s_types.t_timestamp SELECT 100 + i, 'other ' || i,
  timestamp '1961-05-04 23:59:58.5' + i * interval '41 days 1.01 s',
  timestamptz '1970-01-01 00:00:00+07' + i * interval '299 days 3 h' FROM generate_series(1, 30) i;
INSERT INTO s_types.t_date SELECT 100 + i, 'other', date '1899-12-31' + 977 * i FROM generate_series(1, 30) i;
INSERT INTO s_types.t_text SELECT 100 + i, 'code point', chr(i * 157 % 55000 + 1) FROM generate_series(1, 300) i;
DELETE FROM s_types.t_integer WHERE id = 1;
CREATE TABLE s_alpha.newcomer ("key" int PRIMARY KEY, "Größe" text);
INSERT INTO s_alpha.newcomer VALUES (1, 'x');
GRANT SELECT ON s_alpha.newcomer TO insight_reader;
"""


@dataclass
class Api:
    """Calls to one double as its administrator."""

    double: Double
    session: str

    def call(self, method: str, path: str, body: Any = None, form: dict[str, Any] | None = None) -> tuple[int, bytes]:
        headers = {"X-Metabase-Session": self.session}
        data = None
        if form is not None:
            data, headers["Content-Type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = Request(self.double.url + path, data, headers, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
            return response.status, response.read()

    def query(self, text: str) -> dict[str, Any]:
        return {"database": 1, "type": "native", "native": {"query": text}}

    def export(self, text: str, fmt: str) -> bytes:
        return self.call("POST", f"/api/dataset/{fmt}", form={"query": json.dumps(self.query(text))})[1]

    def dataset(self, text: str) -> dict[str, Any]:
        answer = json.loads(self.call("POST", "/api/dataset", self.query(text))[1], parse_float=Decimal)
        assert answer["status"] == "completed"
        return dict(answer)


@pytest.fixture(scope="session")
def other(contract_server: postgres.Server) -> str:
    """The database with the other rows."""
    contract_server.create_database("étude 7")
    contract_server.run_script(HERE / "database.sql", "étude 7")
    contract_server.run_script(OTHER_ROWS, "étude 7")
    return "étude 7"


_APIS: dict[str, Api] = {}


@pytest.fixture
def other_api(era: str, other: str, start_double: Start) -> Api:
    """The era's double of the other database, logged in."""
    if era not in _APIS:
        double = start_double(era, name=NAME, dbname=other)
        api = Api(double, "")
        login = {"username": ADMIN["email"], "password": ADMIN["password"]}
        api.session = json.loads(api.call("POST", "/api/session", login)[1])["id"]
        _APIS[era] = api
    return _APIS[era]


@pytest.fixture(scope="session")
def reader(contract_server: postgres.Server, other: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """PostgreSQL itself, as the role that the double uses."""
    with psycopg.connect(contract_server.uri(other, "insight_reader"), autocommit=True) as connection:
        connection.execute("SET extra_float_digits = 3; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'")
        yield connection


def columns(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> list[str]:
    return [column.name for column in connection.execute(f"SELECT * FROM {table} LIMIT 0".encode()).description or []]


def as_text(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> str:
    """A query for every column of a table as text, in an order that is the same everywhere."""
    shown = sql.SQL(", ").join(
        sql.SQL("{}::text AS {}").format(sql.Identifier(name), sql.Identifier(name))
        for name in columns(connection, table)
    )
    query = sql.SQL('SELECT {} FROM {} t ORDER BY t::text COLLATE "C"').format(shown, sql.SQL(table))
    return query.as_string(connection)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("table", TABLES)
def test_text_arrives_as_postgresql_has_it(
    table: str, other_api: Api, reader: psycopg.Connection[tuple[Any, ...]], era: str
) -> None:
    query = as_text(reader, table)
    expected = [list(row) for row in reader.execute(query.encode())]
    names = columns(reader, table)
    null = "" if era == "0.49" else None
    shown = [[null if value is None else value for value in row] for row in expected]
    assert [[row[name] for name in names] for row in json.loads(other_api.export(query, "json"))] == shown
    assert other_api.dataset(query)["data"]["rows"] == expected
    file = io.StringIO(other_api.export(query, "csv").decode("utf-8"), newline="")
    header, *rows = [row or [""] for row in csv.reader(file)]
    assert header == names
    assert rows == [["" if value is None else value for value in row] for row in expected]


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return dt.datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=None)


READ: dict[str, Callable[[Any], Any]] = {
    "s_types.t_integer": lambda value: value,
    "s_types.t_numeric": lambda value: value if value is None else Decimal(value),
    "s_types.t_float": lambda value: value if value is None else float(value),
}


@pytest.mark.parametrize("era", ERAS[:3])
@pytest.mark.parametrize("table", READ)
def test_numbers_arrive_as_numbers(
    table: str, other_api: Api, reader: psycopg.Connection[tuple[Any, ...]], era: str
) -> None:
    query = f"SELECT * FROM {table} ORDER BY id"
    cursor = reader.execute(query.encode())
    names = [column.name for column in cursor.description or []]
    rows = json.loads(other_api.export(query, "json"), parse_float=Decimal)
    assert rows
    read = READ[table]
    expected = [[read(value) for value in row] for row in cursor]
    if table == "s_types.t_float":  # a real is its own shortest text, not a double's
        shorter = reader.execute(b"SELECT id, f4::text, f8::text FROM s_types.t_float ORDER BY id")
        expected = [[read(value) for value in row] for row in shorter]
    assert [[read(row[name]) for name in names] for row in rows] == expected


@pytest.mark.parametrize("era", ERAS[1:3])
def test_moments_arrive_to_the_microsecond(
    other_api: Api, reader: psycopg.Connection[tuple[Any, ...]], era: str
) -> None:
    query = "SELECT ts, tstz FROM s_types.t_timestamp WHERE id > 100 ORDER BY id"
    expected = [[value.replace(tzinfo=None) for value in row] for row in reader.execute(query.encode())]
    rows = json.loads(other_api.export(query, "json"))
    assert [[_moment(row["ts"]), _moment(row["tstz"])] for row in rows] == expected


@pytest.mark.parametrize("era", ERAS)
def test_the_new_name_and_the_new_table_are_told(other_api: Api, era: str) -> None:
    answer = json.loads(other_api.call("GET", "/api/database")[1])
    known = answer if isinstance(answer, list) else answer["data"]
    assert sorted(one["name"] for one in known) == [NAME, f"{NAME} closed"]
    assert other_api.call("POST", "/api/database/1/sync_schema", {})[0] == 200
    tables = json.loads(other_api.call("GET", "/api/database/1/metadata")[1])["tables"]
    newcomer = next(one for one in tables if one["name"] == "newcomer")
    assert [field["name"] for field in newcomer["fields"]] in (["key", "Größe"], ["Größe", "key"])
