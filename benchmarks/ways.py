"""The ways of getting rows that are compared: ours, Metabase's own exports as people use them, PostgreSQL directly.

Each way is prepared first (logged in, connected, its catalogue read), which is not measured; what is measured is from
the question to the whole answer. A snapshot alone is measured cold, with its login.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import adbc_driver_postgresql.dbapi as adbc
import pandas as pd
import psycopg
import pyarrow.parquet as pq
import requests

from insight_frames import Connection

from .measure import Answer, Job
from .shapes import Target

CHUNK = 100_000  # rows, or a tenth of a smaller table
PIECE = 1 << 20
_DTYPES = {"integer": "Int64", "bigint": "Int64", "double precision": "float64", "boolean": "boolean"}
Work = Callable[[], Any]


@dataclass(frozen=True)
class Way:
    """A way of reading: whose it is, what it does, and whether it can be measured on answers from memory."""

    kind: str  # "ours", "json", "csv" or "direct"
    prepare: Callable[[Job], Work]


# ------------------------------------------------------------------ ours
def _connection(job: Job, **settings: Any) -> Connection:
    known = {"username": job.username, "password": job.password, "keep_session": False, "compression": "identity"}
    return Connection(job.url, **known, **settings)


def _warm(job: Job, **settings: Any) -> Connection:
    connection = _connection(job, **settings)
    connection.describe_table(job.targets[0].schema, job.targets[0].name)
    return connection


def _read_table(job: Job, **settings: Any) -> Work:
    connection = _warm(job, **settings)
    return lambda: [connection.read_table(one.schema, one.name) for one in job.targets]


def _plain(job: Job) -> Work:
    return _read_table(job, path="plain")


def _without_sql(job: Job) -> Work:
    return _read_table(job, path="mbql")


def _read_sql(job: Job) -> Work:
    connection = _warm(job)
    return lambda: [connection.read_sql(f"{one.sql} order by {one.key}") for one in job.targets]


def _chunks(job: Job) -> Work:
    connection = _warm(job)

    def work() -> Answer:
        rows = total = 0
        for one in job.targets:
            size = max(1, min(CHUNK, one.rows // 10))
            for part in connection.read_table(one.schema, one.name, chunksize=size):
                rows += len(part)
                total += int(part[one.key].sum())
        return Answer(rows, None, total)

    return work


def _snapshot(job: Job) -> Work:
    connection, path = _connection(job), Path(job.folder) / "cut"

    def work() -> Path:
        connection.snapshot(path, schemas=[job.targets[0].schema])
        return path

    return work


# ------------------------------------------------------------------ Metabase's own exports
def signed_in(url: str, username: str, password: str) -> tuple[requests.Session, int]:
    """Log in; gives the session and the number of the database."""
    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"
    login = {"username": username, "password": password}
    known = session.post(f"{url}/api/session", json=login, timeout=60).json()
    session.cookies.clear()
    session.headers["X-Metabase-Session"] = known["id"]
    listed = session.get(f"{url}/api/database", timeout=60).json()
    return session, (listed["data"] if isinstance(listed, dict) else listed)[0]["id"]


def _exports(job: Job, kind: str) -> Iterator[requests.Response]:
    """Log in, then give each table's export as a response that is still on its way."""
    session, number = signed_in(job.url, job.username, job.password)
    yield requests.Response()  # prepared
    for one in job.targets:
        query = {"database": number, "type": "native", "native": {"query": one.sql}}
        form = {"query": json.dumps(query)}
        with session.post(f"{job.url}/api/dataset/{kind}", data=form, stream=True, timeout=600) as response:
            yield response


def _alone(job: Job) -> Work:
    """One request on a connection of its own for each table, as a script without a session makes them."""
    exports = _exports(job, "json")
    next(exports)
    first = next(exports)
    first.close()
    asked = first.request
    url, headers = str(asked.url), {name: asked.headers[name] for name in ("Accept-Encoding", "X-Metabase-Session")}
    number = json.loads(parse_qs(str(asked.body))["query"][0])["database"]

    def ask(one: Target) -> None:
        query = {"database": number, "type": "native", "native": {"query": one.sql}}
        answer = requests.post(url, data={"query": json.dumps(query)}, headers=headers, timeout=600)
        if not answer.content.endswith(b"]"):
            raise ValueError("the export has no end")

    return lambda: [ask(one) for one in job.targets]


def _each(job: Job, kind: str, use: Callable[[requests.Response, Target], Any]) -> Work:
    exports = _exports(job, kind)
    next(exports)
    return lambda: [use(response, one) for one, response in zip(job.targets, exports, strict=False)]


def _thrown_away(kind: str) -> Callable[[Job], Work]:
    def use(response: requests.Response, _: Target) -> None:
        last = b""
        for piece in response.iter_content(PIECE):
            last = piece
        if kind == "json" and not last.endswith(b"]"):
            raise ValueError("the export has no end")

    return lambda job: _each(job, kind, use)


def _by_json(job: Job) -> Work:
    return _each(job, "json", lambda response, _: pd.DataFrame(response.json()))


def _untyped(job: Job) -> Work:
    return _each(job, "csv", lambda response, _: pd.read_csv(io.BytesIO(response.content)))


def _typed(job: Job) -> Work:
    def use(response: requests.Response, target: Target) -> pd.DataFrame:
        dates = [name for name, type_ in target.types.items() if type_.startswith(("date", "timestamp"))]
        dtypes: dict[str, Any] = {
            name: _DTYPES.get(type_, "str") for name, type_ in target.types.items() if name not in dates
        }
        body = io.BytesIO(response.content)
        return pd.read_csv(body, dtype=dtypes, parse_dates=dates, keep_default_na=False, na_values=[""])

    return _each(job, "csv", use)


# ------------------------------------------------------------------ PostgreSQL directly
def _adbc(job: Job) -> Work:
    link = adbc.connect(job.dsn)

    def read(one: Target) -> pd.DataFrame:
        with link.cursor() as cursor:
            cursor.execute(one.sql)
            frame: pd.DataFrame = cursor.fetch_arrow_table().to_pandas()
            return frame

    return lambda: [read(one) for one in job.targets]


def _read_sql_direct(job: Job) -> Work:
    link: Any = psycopg.connect(job.dsn)
    warnings.filterwarnings("ignore", message="pandas only supports SQLAlchemy")
    return lambda: [pd.read_sql(one.sql, link) for one in job.targets]


READ_TABLE, READ_SQL, SNAPSHOT = "read_table", "read_sql, ordered", "snapshot, cold"
CHUNKS, PLAIN = "read_table, in chunks", "read_table, plain path"
WITHOUT_SQL = "read_table, without SQL"
ANY_JSON, ANY_CSV = "JSON export, thrown away", "CSV export, thrown away"
ALONE = "JSON export, a connection each"
BY_JSON, UNTYPED, TYPED = "r.json(), DataFrame", "pd.read_csv, untyped", "pd.read_csv, typed"
ADBC, DIRECT = "ADBC, direct", "pd.read_sql, direct"

WAYS = {
    READ_TABLE: Way("ours", _read_table),
    CHUNKS: Way("ours", _chunks),
    READ_SQL: Way("ours", _read_sql),
    SNAPSHOT: Way("ours", _snapshot),
    PLAIN: Way("ours", _plain),
    WITHOUT_SQL: Way("ours", _without_sql),
    ANY_JSON: Way("json", _thrown_away("json")),
    ALONE: Way("json", _alone),
    BY_JSON: Way("json", _by_json),
    ANY_CSV: Way("csv", _thrown_away("csv")),
    UNTYPED: Way("csv", _untyped),
    TYPED: Way("csv", _typed),
    ADBC: Way("direct", _adbc),
    DIRECT: Way("direct", _read_sql_direct),
}
REPLAYED = (READ_TABLE, PLAIN, WITHOUT_SQL, ANY_JSON, BY_JSON, ANY_CSV, TYPED)


# ------------------------------------------------------------------ what came
def answer_of(job: Job, result: Any) -> Answer:
    """Count what a way brought, after its clock was stopped."""
    if isinstance(result, Answer):
        return result
    if isinstance(result, Path):
        files = [result / one.schema / f"{one.name}.parquet" for one in job.targets]
        return Answer(sum(pq.read_metadata(one).num_rows for one in files))
    if any(one is None for one in result):
        return Answer()
    return Answer(
        sum(len(one) for one in result),
        sum(int(one.count().sum()) for one in result),
        sum(int(frame[one.key].sum()) for frame, one in zip(result, job.targets, strict=True)),
        sum(int(one.memory_usage(index=False).sum()) for one in result),
    )
