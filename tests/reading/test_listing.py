"""What an account is shown of the database: discovery, rights, rows and columns that are not for everybody."""

from __future__ import annotations

import pandas as pd
import pytest
from expected import expected_frame, same
from sandboxes import Connect, Database, Scratch

from insight_frames import Connection, PermissionDenied, SchemaNotFound, TableNotFound

PROD = "s_cardio3prod"
CLOSED = {"participant_contact", "ig_rand_randomization"}


def test_schemas(connection: Connection) -> None:
    listed = connection.list_schemas()
    assert listed.columns.tolist() == ["schema", "tables", "comment"]
    listed = listed.set_index("schema")
    assert listed.index.tolist() == ["public", "s_cardio3prod", "s_cardio3test"]  # s_renal1prod: no USAGE
    assert listed["tables"].tolist() == [0, 36, 36]
    assert listed.loc[PROD, "comment"] == "Study CARDIO-3, PROD"


def test_tables(connection: Connection, superuser: Database) -> None:
    listed = connection.list_tables(PROD)
    assert listed.columns.tolist() == ["schema", "table", "kind", "rows_estimate", "comment"]
    known = superuser.execute(
        """select relname, relkind::text from pg_class where relnamespace = 's_cardio3prod'::regnamespace
           and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition"""
    ).fetchall()
    names = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view"}
    expected = {name: names[kind] for name, kind in known if name not in CLOSED}
    assert dict(zip(listed["table"], listed["kind"], strict=True)) == expected
    assert {"table", "partitioned table", "view", "materialized view"} == set(expected.values())
    assert listed.attrs["insight"]["not_readable"] == sorted(f"{PROD}.{one}" for one in CLOSED)
    assert str(listed["rows_estimate"].dtype) == "Int64"
    estimates = listed.set_index("table")["rows_estimate"]
    assert estimates["item"] == 264
    assert estimates.isna()["participant_overview"]
    assert listed.set_index("table")["comment"]["participant"] == "One row per participant"
    everything = connection.list_tables()
    assert set(everything["schema"]) == {"s_cardio3prod", "s_cardio3test"}


def test_columns(connection: Connection, scratch: Scratch) -> None:
    scratch.run(
        """create type grade as enum ('mild', 'severe'); create domain positive as int check (value > 0);
           create table described (id bigint generated always as identity primary key, code varchar(10) not null unique,
             value numeric(8,3), seen timestamptz(3), grades grade[], amount positive,
             site_id int references s_cardio3prod.site (site_id));
           comment on column described.value is 'A comment, with "quotes"'"""
    )
    described = connection.describe_table("s_scratch", "described")
    assert described.columns.tolist() == ["column", "type", "nullable", "key", "references", "comment"]
    described = described.set_index("column")
    assert described["type"].to_dict() == {
        "id": "bigint",
        "code": "character varying(10)",
        "value": "numeric(8,3)",
        "seen": "timestamp(3) with time zone",
        "grades": "s_scratch.grade[]",
        "amount": "s_scratch.positive",
        "site_id": "integer",
    }
    assert described["nullable"].tolist() == [False, False, True, True, True, True, True]
    assert described["key"].tolist()[:2] == ["primary", "unique"]
    assert described["key"].isna().tolist() == [False, False, True, True, True, True, True]
    assert described["references"]["site_id"] == "s_cardio3prod.site.site_id"
    assert described["comment"]["value"] == 'A comment, with "quotes"'


def test_a_table_without_the_right_to_read_it(on_path: Connection) -> None:
    with pytest.raises(PermissionDenied, match=r"may not read any column of s_cardio3prod\.ig_rand_randomization"):
        on_path.read_table(PROD, "ig_rand_randomization")
    with pytest.raises(PermissionDenied, match="permission denied for table ig_rand_randomization"):
        on_path.read_sql("select * from s_cardio3prod.ig_rand_randomization")
    assert "ig_rand_randomization" not in on_path.list_tables(PROD)["table"].tolist()
    assert on_path.describe_table(PROD, "ig_rand_randomization").shape[0] == 7


def test_a_schema_without_the_right_to_use_it(on_path: Connection) -> None:
    with pytest.raises(PermissionDenied, match="refuses schema 's_renal1prod' to this account"):
        on_path.read_table("s_renal1prod", "participant")
    with pytest.raises(SchemaNotFound, match="no schema 's_renal2prod' that this account may use"):
        on_path.read_table("s_renal2prod", "participant")
    with pytest.raises(PermissionDenied, match="permission denied for schema s_renal1prod"):
        on_path.read_sql("select * from s_renal1prod.participant")


def test_the_unblinded_account_sees_the_randomization(connect: Connect, path: str) -> None:
    unblinded = connect("unblinded", path=path)
    assert "ig_rand_randomization" in unblinded.list_tables(PROD)["table"].tolist()
    frame = unblinded.read_table(PROD, "ig_rand_randomization", index_col="participant_oid")
    assert set(frame["i_rand_arm"]) == {"A", "B"}


def test_the_site_account_sees_its_rows_only(connect: Connect, path: str, superuser: Database) -> None:
    site = connect("site", path=path)
    catalog = site._source.catalog(PROD)
    assert catalog.table(PROD, "participant").row_security
    assert not catalog.table(PROD, "crf").row_security
    for name in ("participant", "study_event", "item_data", "ig_notes_freetext", "participant_overview"):
        frame = site.read_table(PROD, name)
        with superuser.transaction():
            superuser.execute("set local role insight_site")
            cursor = superuser.execute(f"select * from {PROD}.{name}".encode())
            rows = cursor.fetchall()
        all_rows = superuser.execute(f"select count(*) from {PROD}.{name}".encode()).fetchone()
        assert len(frame) == len(rows)
        assert all_rows is not None
        assert len(rows) < all_rows[0]
    assert set(site.read_table(PROD, "participant")["site_id"]) == {2}
    assert site.read_sql("select distinct site_id from s_cardio3prod.participant")["site_id"].tolist() == [2]
    assert "Lab Import" not in site.list_tables(PROD)["table"].tolist()


def test_columns_that_may_not_be_read(on_path: Connection, path: str, scratch: Scratch) -> None:
    scratch.run(
        "create table half (a int, secret text, b text); insert into half values (1, 'hush', 'x'), (2, 'hush', 'y')"
    )
    scratch.run("revoke select on half from insight_analyst; grant select (a, b) on half to insight_analyst")
    with pytest.raises(PermissionDenied, match=r"column 'secret' of s_scratch\.half.*columns=\[\.\.\.\] without it"):
        on_path.read_table("s_scratch", "half")
    with pytest.raises(PermissionDenied, match="'secret'"):
        on_path.read_table("s_scratch", "half", columns=["a", "secret"])
    frame = on_path.read_table("s_scratch", "half", columns=["b", "a"], order_by="a")
    same(frame, expected_frame([("b", "text"), ("a", "integer")], [("x", 1), ("y", 2)]))
    assert frame.attrs["insight"]["path"] == {"auto": "packed"}.get(path, path)
    assert "half" not in on_path.list_tables("s_scratch")["table"].tolist()
    scratch.run("grant select (secret) on half to insight_analyst")
    assert on_path.read_table("s_scratch", "half").shape == (2, 3)  # each by itself: no right to the table as such
    assert "half" in on_path.list_tables("s_scratch")["table"].tolist()


def test_rights_that_are_given_later_are_seen(on_path: Connection, scratch: Scratch) -> None:
    scratch.run("create table later as select 1 as one; revoke select on later from insight_analyst")
    with pytest.raises(PermissionDenied):
        on_path.read_table("s_scratch", "later")
    scratch.run("grant select on later to insight_analyst")
    assert on_path.read_table("s_scratch", "later").shape == (1, 1)
    scratch.run("revoke select on later from insight_analyst")
    with pytest.raises(PermissionDenied):
        on_path.read_table("s_scratch", "later")


@pytest.mark.parametrize("era", ["0.47"])
def test_an_empty_schema_is_an_empty_list(connection: Connection, scratch: Scratch) -> None:
    listed = connection.list_tables("s_scratch")
    assert listed.shape == (0, 5)
    assert listed.columns.tolist() == ["schema", "table", "kind", "rows_estimate", "comment"]
    with pytest.raises(TableNotFound, match="shows its 0 tables"):
        connection.read_table("s_scratch", "nothing")
    assert isinstance(connection.list_schemas(), pd.DataFrame)
