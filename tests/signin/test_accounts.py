"""Who may see what: PostgreSQL's grants and row security, and Metabase's rights, seen through; no more, and said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sandboxes import Boxes, Connect, Database

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.sandbox import Box
from insight_frames.sandbox.box import Account
from insight_frames.sandbox.serving import Double

PROD, TEST = "s_cardio3prod", "s_cardio3test"
ROLE = "insight_one_schema"


@pytest.fixture
def one_schema(boxes: Boxes, superuser: Database) -> Iterator[Connection]:
    """An account that may use the test schema only."""
    superuser.execute(
        f"create role {ROLE} login; grant connect on database insight to {ROLE};"
        f" grant usage on schema {TEST} to {ROLE}; grant select on all tables in schema {TEST} to {ROLE}".encode()
    )
    first = boxes()
    person = Account("one@example.com", "one-word-for-one", "reads one schema", role=ROLE)
    shown = [{"name": "Insight", "dsn": first.dsn, "role": "insight_analyst", "admin_only": False}]
    config = {"era": "0.47", "host": "127.0.0.1", "port": 0, "control_port": 0}
    double = Double({**config, "databases": shown, "accounts": [person.config("one")]}, first._server.folder)
    try:
        with Connection(double.url, username=person.username, password=person.password) as connection:
            yield connection
    finally:
        double.stop()
        superuser.execute(f"drop owned by {ROLE}; drop role {ROLE}".encode())


def test_an_account_of_one_schema(one_schema: Connection, tmp_path: Path) -> None:
    tables = one_schema.list_tables()
    assert set(tables["schema"]) == {TEST}
    assert len(one_schema.read_table(TEST, "site")) > 0
    for ask in (
        lambda: one_schema.read_table(PROD, "site"),
        lambda: one_schema.describe_table(PROD, "site"),
        lambda: one_schema.read_sql(f"select * from {PROD}.site"),
        lambda: one_schema.list_tables(PROD),
        lambda: one_schema.snapshot(tmp_path / "all", schemas=[PROD]),
    ):
        with pytest.raises(ifr.PermissionDenied, match=PROD):
            ask()
    with pytest.raises(ifr.SchemaNotFound):
        one_schema.read_table("s_no_such", "site")
    with pytest.raises(ifr.TableNotFound):
        one_schema.read_table(TEST, "no_such_table")
    assert [path.name for path in tmp_path.iterdir()] == []
    cut = one_schema.snapshot(tmp_path / "cut", schemas=[TEST])
    assert cut.manifest["insight"]["source"]["user"] == "one@example.com"
    assert set(cut.list_tables()["schema"]) == {TEST}


@pytest.mark.parametrize("path", ["auto", "plain"], ids=["packed", "plain"])
@pytest.mark.parametrize("era", ["0.31", "0.47"])
def test_an_account_of_some_rows(box: Box, connect: Connect, path: str, tmp_path: Path) -> None:
    site, analyst = connect("site", path=path), connect(path=path)
    seen = site.read_table(PROD, "participant")
    assert set(seen["site_id"]) == {2}
    everybody = analyst.read_table(PROD, "participant")
    assert len(seen) == (everybody["site_id"] == 2).sum() < len(everybody)
    count = "select count(*) as n from s_cardio3prod.participant"
    assert site.read_sql(count)["n"].item() == len(seen)
    parts = list(site.read_table(PROD, "participant", chunksize=5, order_by="participant_id"))
    assert sum(map(len, parts)) == len(seen)
    if path == "auto":
        cut = site.snapshot(tmp_path / "cut", schemas=[PROD], tables=["participant"])
        assert cut.manifest["insight"]["source"]["user"] == "site@example.com"
        assert set(cut.read_table(PROD, "participant")["site_id"]) == {2}


@pytest.mark.parametrize("era", ["0.31", "0.47"])
def test_what_may_not_be_read_is_told_apart_from_what_is_not_there(box: Box, connect: Connect) -> None:
    analyst = connect()
    hidden = analyst.list_tables(PROD).attrs["insight"]["not_readable"]
    assert hidden
    schema, _, name = hidden[0].partition(".")
    with pytest.raises(ifr.PermissionDenied, match=name):
        analyst.read_table(schema, name)
    with pytest.raises(ifr.TableNotFound):
        analyst.read_table(schema, f"{name}_not")


@pytest.mark.parametrize("era", ["0.47"])
def test_an_account_without_sql(box: Box, connect: Connect) -> None:
    viewer = connect("viewer")
    assert viewer.whoami()["username"] == "viewer@example.com"
    with pytest.raises(ifr.PermissionDenied, match="may not run SQL"):
        viewer.read_sql("select 1 as one")
    assert len(viewer.read_table(PROD, "site")) == 5
    assert connect("admin").whoami()["administrator"] is True
