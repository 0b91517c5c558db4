"""The server's own exports as files: whole under their name, or nothing."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import openpyxl
import pytest
from sandboxes import Connect, Database, Scratch

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.metabase import rawfiles
from insight_frames.sandbox import Box

PROD = "s_cardio3prod"
SQL = "select site_id, name from s_cardio3prod.site order by 1"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for data, which is not searched for values of rows."""
    return tmp_path_factory.mktemp("exports")


def rows_of(path: Path) -> list[list[str]]:
    """The cells of a file as text, its header first."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))
    if path.suffix == ".json":
        read = json.loads(path.read_text(encoding="utf-8"))
        return [list(read[0])] + [[str(value) for value in one.values()] for one in read]
    sheet = openpyxl.load_workbook(path).active
    return [[str(value) for value in row] for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("form", ["csv", "json", "xlsx"])
def test_sql_in_every_format(connection: Connection, place: Path, form: str, superuser: Database) -> None:
    made = connection.export(SQL, place / f"sites.{form}")
    assert made == place / f"sites.{form}"
    found = rows_of(made)
    known = superuser.execute("select site_id, name from s_cardio3prod.site order by 1").fetchall()
    assert found[0] == ["site_id", "name"]
    assert [row[1] for row in found[1:]] == [name for _, name in known]
    assert [path.name for path in place.iterdir()] == [made.name]


def test_the_guides_own_requests(box: Box, connection: Connection, place: Path) -> None:
    number = connection._source.numbered.tables.number(PROD, "site")
    table = {"database": 1, "type": "query", "query": {"source_table": number}, "parameters": []}
    native = {"query": f"SELECT * FROM {PROD}.site", "template_tags": {}}
    for query in (table, {"database": 1, "type": "native", "native": native, "parameters": []}):
        assert len(rows_of(connection.export(query, place / "guide.csv"))) == 6
    assert len(rows_of(connection.export({"query": {"source-table": number}}, place / "short.csv"))) == 6


def test_a_table_by_name_for_somebody_without_sql(connect: Connect, place: Path) -> None:
    viewer = connect("viewer")
    assert len(rows_of(viewer.export((PROD, "site"), place / "site.csv"))) == 6
    with pytest.raises(ifr.PermissionDenied):
        viewer.export(SQL, place / "sql.csv")
    assert [path.name for path in place.iterdir()] == ["site.csv"]


@pytest.mark.parametrize("era", ["0.47"])
def test_a_saved_question(connect: Connect, place: Path) -> None:
    admin = connect("admin")
    native = {"query": SQL, "template-tags": {}}
    card = {
        "name": "sites",
        "display": "table",
        "visualization_settings": {},
        "dataset_query": {"database": admin._server.database_id, "type": "native", "native": native},
    }
    with admin._server.session.post("/api/card", card) as answer:
        number = json.loads(answer.text())["id"]
    assert len(rows_of(connect().export(number, place / "card.csv"))) == 6
    with pytest.raises(ifr.NotFound, match="no such question"):
        connect().export(987654, place / "none.csv")


@pytest.mark.parametrize("form", ["csv", "json", "xlsx"])
def test_an_error_inside_a_success_leaves_no_file(connection: Connection, place: Path, form: str) -> None:
    target = place / f"kept.{form}"
    target.write_bytes(b"as it was")
    for sql in (
        "select * from s_cardio3prod.nowhere",
        "select 1000 / (900 - g) from generate_series(1, 2000) g",
    ):
        with pytest.raises(ifr.QueryFailed, match=r"does not exist|division by zero"):
            connection.export(sql, target)
    assert target.read_bytes() == b"as it was"
    assert [path.name for path in place.iterdir()] == [target.name]


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize("form", ["csv", "json", "xlsx"])
@pytest.mark.parametrize("clean", [False, True])
def test_a_broken_answer_leaves_no_file(
    box: Box, connection: Connection, place: Path, form: str, clean: bool, superuser: Database
) -> None:
    connection.list_tables(PROD)
    for size in (0, 13, 40, len("site_id,name\n") + len(_first_line(superuser))):  # the last: between two rows
        if size == 0 and not clean:
            continue  # nothing of an answer has come: asked again
        box.fault(kind="cut_after_bytes", path=f"/api/dataset/{form}", bytes=size, clean=clean)
        if form == "json":  # the count comes by that way too
            box.fault(kind="cut_after_bytes", path="/api/dataset/json", bytes=size, clean=clean, times=2)
        with pytest.raises(ifr.InsightError):
            connection.export(SQL, place / f"cut.{form}")
        box.fault()
    assert list(place.iterdir()) == []
    until = time.monotonic() + 10
    while superuser.execute("select 1 from pg_stat_activity where state = 'idle in transaction'").fetchone():
        assert time.monotonic() < until, "a statement still has its locks"
        time.sleep(0.02)


def _first_line(superuser: Database) -> str:
    number, name = superuser.execute("select site_id, name from s_cardio3prod.site order by 1").fetchone()
    return f"{number},{name}\n"


def test_a_cap_of_the_server_is_noticed(box: Box, connect: Connect, place: Path) -> None:
    box.setting(download_row_limit=3)
    for form in ("csv", "xlsx"):
        for question in (SQL, (PROD, "site")):
            with pytest.raises(ifr.IncompleteResult, match=r"expected 5 rows, as counted before, got 3"):
                connect("admin").export(question, place / f"few.{form}")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize("form", ["csv", "json", "xlsx"])
def test_an_export_at_the_servers_limit_is_refused(
    connection: Connection, place: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rawfiles, "MOST_ROWS", 5)
    with pytest.raises(ifr.IncompleteResult, match="as many rows as this server gives at most"):
        connection.export(SQL, place / f"most.{form}")
    monkeypatch.setattr(rawfiles, "MOST_ROWS", 6)
    connection.export(SQL, place / f"most.{form}")


@pytest.mark.parametrize("era", ["0.47"])
def test_awkward_text_is_no_error(connection: Connection, place: Path, scratch: Scratch) -> None:
    scratch.run("""create table t (a text); insert into t values ('{"error": "x", "status": "failed"}'),
        (E'line\\n{"x"'), ('a,"b'), (null), ('')""")
    for form in ("csv", "json", "xlsx"):
        assert len(rows_of(connection.export("select a, 1 as b from s_scratch.t", place / f"t.{form}"))) == 6
    params = {"a": 'a,"b'}
    assert (
        len(rows_of(connection.export("select a from s_scratch.t where a = :a", place / "p.csv", params=params))) == 2
    )
    assert connection.export("select a from s_scratch.t where false", place / "e.csv").read_bytes() == b"a\n"


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize(
    ("question", "name", "words", "said"),
    [
        (SQL, "x.txt", {}, "ends in .csv, .json or .xlsx"),
        (SQL, "x.csv", {"format": "json"}, "name ends in .json"),
        (SQL, "x.csv", {"format": "parquet"}, "format of the file is not known"),
        (SQL, "no/such/folder/x.csv", {}, "no folder"),
        (True, "x.csv", {}, "question cannot be meant"),
        (0, "x.csv", {}, "number cannot be meant"),
        ({"database": 1}, "x.csv", {}, "key 'native' or 'query'"),
        (("a", "b", "c"), "x.csv", {}, "question cannot be meant"),
        ((PROD, "sight"), "x.csv", {}, "no table 'sight'"),
        ((PROD, "site"), "x.csv", {"params": {"a": 1}}, "params= are for SQL text"),
        ("drop table x", "x.csv", {}, "one query"),
    ],
)
def test_what_cannot_be_meant(
    connection: Connection, place: Path, question: object, name: str, words: dict[str, object], said: str
) -> None:
    with pytest.raises((ifr.InvalidInput, ifr.NotFound), match=said.replace(".", r"\.")):
        connection.export(question, place / name, **words)  # type: ignore[arg-type]
    assert list(place.iterdir()) == []
