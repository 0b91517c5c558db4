"""Tables for an account that may not run SQL: every table of the study, exact and whole, or refused by name."""

from __future__ import annotations

import datetime as dt
import logging
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from expected import expected_table, same
from sandboxes import ERAS, Connect, Database, Scratch

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.sandbox import Box

PROD, TEST = "s_cardio3prod", "s_cardio3test"
CUT = ("timestamp without time zone", "timestamp with time zone", "time without time zone")  # by 0.31


@pytest.fixture
def viewer(connect: Connect) -> Connection:
    """A connection of somebody who may not run SQL."""
    return connect("viewer")


def resync(box: Box, connect: Connect) -> None:
    """Let the double's Metabase see what PostgreSQL holds now, as its hourly synchronisation would."""
    admin = connect("admin")
    number = admin._server.database_id
    with admin._server.session.post(f"/api/database/{number}/sync_schema", {}) as answer:
        assert answer.status == 200


SHORT = [("0.47", TEST, 100, 20), ("0.31", TEST, 100, 10)]  # tables of at most so many rows, at least so many of them
ALL = [(era, PROD, 1 << 30, 35 if era in ("0.47", "0.49") else 30) for era in ERAS]


@pytest.mark.parametrize(
    ("era", "schema", "most", "least"), [*SHORT, *(pytest.param(*one, marks=pytest.mark.long) for one in ALL)]
)
def test_every_table_equals_postgresql_or_is_refused_by_name(
    viewer: Connection, superuser: Database, schema: str, most: int, least: int, era: str
) -> None:
    read, refused, longer = 0, set(), 0
    for name in viewer.list_tables(schema)["table"]:
        count = f'select count(*) from {schema}."{name}"'.encode()
        if superuser.execute(count).fetchone()[0] > most:
            longer += 1
            continue
        types = {one.name: one.type for one in viewer._source.table(schema, name).columns}
        columns = None
        try:
            if era == "0.31" and not set(CUT).isdisjoint(types.values()):
                with pytest.raises(ifr.UnsupportedServer, match=f"{re.escape(name)}, column .*microseconds"):
                    viewer.read_table(schema, name)
                columns = [one for one, type_ in types.items() if type_ not in CUT]
            frame = viewer.read_table(schema, name, columns=columns)
        except (ifr.PermissionDenied, ifr.UnsupportedServer, ifr.ValueOutOfRange) as error:
            refused.add(name if name in str(error) else f"not named: {name}")
            continue
        known = expected_table(superuser, schema, name)
        order = [one for one in known.columns if one in frame.columns]
        assert columns is not None or len(order) == known.shape[1]
        same(frame[order], known[order])
        told = frame.attrs["insight"]
        assert (told["path"], told["counted"]) == ("mbql", len(frame))
        assert told["statements"] == (3 if len(frame) else 2) or era == "0.34"  # which is also asked what it hides
        read += 1
    assert read + longer >= 35
    assert read >= least
    closed = {"participant_contact", "ig_rand_randomization"}
    partitions = {f"audit_log_event_{one}" for one in ("2023", "2024", "later")}
    old = {"ig_notes_freetext"}  # holds dates that old versions show as others
    assert refused <= {"0.31": closed | partitions | old, "0.34": closed | partitions | old}.get(era, set())


def test_it_lists_and_describes_what_metabase_knows(viewer: Connection, connection: Connection, era: str) -> None:
    schemas = viewer.list_schemas()
    assert {PROD, TEST} <= set(schemas["schema"])
    listed, packed = viewer.list_tables(PROD), connection.list_tables(PROD)
    assert list(listed.columns) == list(packed.columns)
    assert set(packed["table"]) <= set(listed["table"])
    assert listed["rows_estimate"].isna().all()
    described, full = viewer.describe_table(PROD, "participant"), connection.describe_table(PROD, "participant")
    assert list(described.columns) == list(full.columns)
    assert sorted(described["column"]) == sorted(full["column"])
    if era not in ("0.31", "0.34"):
        assert described["column"].tolist() == full["column"].tolist()
    known = described.set_index("column")
    assert known.loc["site_id", "references"] == f"{PROD}.site.site_id"
    assert known.loc["site_id", "type"] == "integer"
    assert known["comment"].tolist() == full.set_index("column").loc[known.index, "comment"].tolist()


def test_the_same_keywords_give_equal_frames(viewer: Connection, connection: Connection) -> None:
    for words in (
        {"columns": ["label", "site_id"], "where": "site_id = :site", "params": {"site": 3}, "order_by": "label"},
        {"columns": ["site_id", "label"], "order_by": ["site_id desc", "label"], "limit": 7},
        {"columns": ["label", "enrollment_date"], "order_by": "label", "limit": 0},
        {"columns": ["participant_id", "label"], "index_col": "participant_id", "order_by": "participant_id"},
        {"columns": ["label", "enrollment_date"], "order_by": "label", "dtype_backend": "pyarrow"},
        {"columns": ["site_id", "label"], "order_by": "label", "dtype": {"site_id": "float64"}},
    ):
        one, other = (who.read_table(PROD, "participant", **words) for who in (viewer, connection))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    wanted = {"columns": ["participant_label", "i_vital_sev"], "order_by": "participant_label", "choices": "label"}
    one, other = (who.read_table(PROD, "ig_vital_vitals", **wanted) for who in (viewer, connection))
    assert sorted(map(str, one["i_vital_sev"])) == sorted(map(str, other["i_vital_sev"]))
    assert one["i_vital_sev"].dtype == other["i_vital_sev"].dtype
    parts = list(viewer.read_table(PROD, "participant", columns=["participant_id"], chunksize=25))
    assert [len(one) for one in parts] == [25, 25, 12]
    bare = viewer.read_table(PROD, "site", columns=[])
    assert bare.shape == connection.read_table(PROD, "site", columns=[]).shape


@pytest.mark.parametrize("era", ["0.47"])
def test_it_says_how_it_read(viewer: Connection, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "insight_frames"):
        frame = viewer.read_table(PROD, "site")
    assert "by its number, because this account may not run SQL" in caplog.text
    told = frame.attrs["insight"]
    assert told["table_id"] > 0
    assert "synchronisation" in told["columns_as_of"]
    assert told["key"] is None


@pytest.mark.parametrize("era", ["0.47"])
def test_sql_and_snapshots_are_refused_by_name(viewer: Connection, tmp_path: Path) -> None:
    with pytest.raises(ifr.PermissionDenied, match="may not run SQL"):
        viewer.read_sql("select 1 as one")
    with pytest.raises(ifr.PermissionDenied, match=r"snapshot needs the right to run SQL.*belong together"):
        viewer.snapshot(tmp_path / "cut", schemas=[PROD])
    with pytest.raises(ifr.PermissionDenied, match="data cut needs the right to run SQL"):
        ifr.cut(viewer, tmp_path / "cut", schema=PROD, until="2024-01-31")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("era", ["0.47"])
def test_unknown_names_and_columns_get_near_matches(viewer: Connection) -> None:
    with pytest.raises(ifr.SchemaNotFound, match=r"[Dd]id you mean"):
        viewer.list_tables("s_cardio3prot")
    with pytest.raises(ifr.TableNotFound, match="Did you mean 'participant'"):
        viewer.read_table(PROD, "particpant")
    with pytest.raises(ifr.ColumnNotFound, match="label"):
        viewer.read_table(PROD, "participant", columns=["labell"])
    with pytest.raises(ifr.ColumnNotFound, match="site_id"):
        viewer.read_table(PROD, "participant", where="site_idd = 3")
    with pytest.raises(ifr.ColumnNotFound, match="label"):
        viewer.read_table(PROD, "participant", order_by="labell")


# ------------------------------------------------------------------------------------------------ caps, changes
@pytest.mark.parametrize("era", ["0.31", "0.47", pytest.param("0.34", marks=pytest.mark.long)])  # 0.49 sends no export
def test_a_row_cap_is_noticed(box: Box, viewer: Connection) -> None:
    box.setting(download_row_limit=20)
    with pytest.raises(ifr.IncompleteResult, match=r"expected 62 rows, as counted before, got 20 rows"):
        viewer.read_table(PROD, "participant", columns=["participant_id"])
    assert len(viewer.read_table(PROD, "participant", columns=["participant_id"], limit=15)) == 15
    assert len(viewer.read_table(PROD, "site", columns=["site_id"])) == 5


@pytest.mark.parametrize("era", ["0.47"])
def test_more_rows_than_one_answer_has_are_refused_before(viewer: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    from insight_frames.sources.numbered import NumberedTables

    monkeypatch.setattr(NumberedTables, "most_rows", 61)
    with pytest.raises(ifr.IncompleteResult, match=r"more rows than .* at most 61, got 62.*Try: where="):
        viewer.read_table(PROD, "participant")


@pytest.mark.parametrize("era", ["0.47"])
def test_a_table_that_changes_meanwhile_is_refused(
    viewer: Connection, scratch: Scratch, connect: Connect, box: Box
) -> None:
    scratch.run("create table moving (n int); insert into moving select generate_series(1, 30)")
    resync(box, connect)
    parts = viewer.read_table("s_scratch", "moving", chunksize=10)
    next(parts)
    scratch.run("insert into moving values (31)")
    with pytest.raises(ifr.IncompleteResult, match="changed while it was read"):
        list(parts)


# ------------------------------------------------------------------------------------------------ what Metabase alters
def test_types_that_metabase_cannot_show_are_refused_before_anything_is_sent(
    box: Box, connect: Connect, scratch: Scratch
) -> None:
    scratch.run("create type mood as enum ('sad', 'glad')")
    scratch.run("create table odd (id int, b bytea, z timetz, m money, e mood, p point, c char(3), i interval)")
    scratch.run(
        "insert into odd values (1, '\\x00', '01:02:03+04', 5, 'glad', '(1,2)', 'a', '1 mon -2 days 00:00:03.5')"
    )
    resync(box, connect)
    viewer, analyst = connect("viewer"), connect()
    for name, why in (("b", "four bytes"), ("z", "time zone"), ("m", "setting"), ("e", "type|labels"), ("p", "known")):
        box.clear_requests()
        with pytest.raises(ifr.UnsupportedServer, match=rf"column '{name}' .*({why}).*Try: columns=") as caught:
            viewer.read_table("s_scratch", "odd", columns=["id", name])
        assert "SQL" in str(caught.value)
        assert not [one for one in box.requests if one[0] == "POST" and "dataset" in one[1]]
    fine = {"columns": ["id", "c", "i"]}
    one, other = (who.read_table("s_scratch", "odd", **fine) for who in (viewer, analyst))
    pd.testing.assert_frame_equal(one, other)


def test_awkward_values_arrive_exactly(box: Box, connect: Connect, scratch: Scratch, era: str) -> None:
    scratch.run("create table v (id int, t text, n numeric, f real, g float8, d date, o bool, big bigint, l int[])")
    scratch.run(
        "insert into v values (1, '', 1.10, 0.1, 'NaN', '2024-02-29', true, 9223372036854775807, '{1,NULL}'),"
        " (2, null, null, null, null, null, null, null, null),"
        " (3, E'a\n\"},{\"b\\\\', 0.0000001, 3.4e38, '-Infinity', '1999-12-31', false, -1, '{}')"
    )
    resync(box, connect)
    one, other = (connect(who).read_table("s_scratch", "v", order_by="id") for who in ("viewer", "analyst"))
    pd.testing.assert_frame_equal(one[list(other.columns)], other, check_exact=True)
    exact = [
        connect(who).read_table("s_scratch", "v", columns=["id", "n"], order_by="id", coerce_float=False)
        for who in ("viewer", "analyst")
    ]
    pd.testing.assert_frame_equal(*exact)
    if era != "0.49":
        assert str(exact[0]["n"][0]) == "1.10"


@pytest.mark.parametrize(
    "era", ["0.47", pytest.param("0.34", marks=pytest.mark.long), pytest.param("0.49", marks=pytest.mark.long)]
)
def test_moments_arrive_exactly_or_with_the_same_error(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run("create table m (id int, ts timestamp, tz timestamptz, t time)")
    scratch.run(
        "insert into m values (1, '2024-01-31', '2024-01-31 00:00+00', '00:00'), (2, null, null, null),"
        " (3, '2024-07-01 23:59:59.999999', '2024-07-01 23:59:59.000001+02', '23:59:59.999999')"
    )
    resync(box, connect)
    one, other = (connect(who).read_table("s_scratch", "m", order_by="id") for who in ("viewer", "analyst"))
    pd.testing.assert_frame_equal(one[list(other.columns)], other, check_exact=True)


@pytest.mark.parametrize("era", ["0.47"])
def test_values_out_of_range_are_the_same_errors_and_texts(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run("create table far (id int, d date, ts timestamp, t time)")
    scratch.run(
        "insert into far values (1, '2020-01-01', '2020-01-01', '08:30'), (2, 'infinity', '-infinity', '24:00'),"
        " (3, '0044-03-15 BC', '0044-03-15 12:00 BC', '00:00')"
    )
    resync(box, connect)
    viewer, analyst = connect("viewer"), connect()
    for column, row in (("d", 2), ("ts", 2), ("t", 2)):
        errors = []
        for who in (viewer, analyst):
            with pytest.raises(ifr.ValueOutOfRange) as caught:
                who.read_table("s_scratch", "far", columns=["id", column], order_by="id")
            errors.append((caught.value.column, caught.value.row))
        assert errors == [(column, row)] * 2
    texts = [who.read_table("s_scratch", "far", order_by="id", out_of_range="text") for who in (viewer, analyst)]
    pd.testing.assert_frame_equal(*texts)
    assert texts[0]["d"].tolist() == ["2020-01-01", "infinity", "0044-03-15 BC"]


@pytest.mark.long
@pytest.mark.parametrize("era", ["0.34"])
def test_what_an_old_version_hides_is_counted(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run("create table h (id int, d date, n numeric); insert into h values (1, '0044-03-15 BC', 1)")
    scratch.run("create table k (id int, n numeric); insert into k values (1, 'Infinity'), (2, null)")
    resync(box, connect)
    viewer = connect("viewer")
    for name, column in (("h", "d"), ("k", "n")):
        with pytest.raises(
            ifr.UnsupportedServer, match=rf"column '{column}' cannot be had.*shows some of them as others"
        ):
            viewer.read_table("s_scratch", name)


def test_hidden_tables_and_fields(box: Box, connect: Connect, scratch: Scratch, era: str) -> None:
    scratch.run("create table veil (id int, a text, b text); insert into veil values (1, 'x', 'y')")
    resync(box, connect)
    admin, viewer = connect("admin"), connect("viewer")
    found = admin._source.numbered.tables.find("s_scratch", "veil")
    ids = {one.name: one.id for one in found.fields}
    session = admin._server.session
    for path, body in (
        (f"/api/table/{found.id}", {"visibility_type": "hidden"}),
        (f"/api/field/{ids['a']}", {"visibility_type": "details-only"}),
    ):
        with session.put(path, body) as answer:
            assert answer.status == 200
    assert viewer.read_table("s_scratch", "veil")[["id", "a", "b"]].values.tolist() == [[1, "x", "y"]]
    with session.put(f"/api/field/{ids['b']}", {"visibility_type": "sensitive"}) as answer:
        assert answer.status == 200
    with pytest.raises(ifr.PermissionDenied, match=r"column 'b' of s_scratch.veil to itself.*sensitive"):
        viewer.read_table("s_scratch", "veil")
    assert viewer.read_table("s_scratch", "veil", columns=["a"])["a"].tolist() == ["x"]


@pytest.mark.parametrize("era", ["0.47", pytest.param("0.49", marks=pytest.mark.long)])
def test_two_columns_of_one_title(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run(
        "create table twin (id int, first_day date, other text); insert into twin values (7, '2024-05-06', 'o')"
    )
    resync(box, connect)
    admin = connect("admin")
    for one in admin._source.numbered.tables.find("s_scratch", "twin").fields:
        with admin._server.session.put(f"/api/field/{one.id}", {"display_name": "Thing"}) as answer:
            assert answer.status == 200
    frame = connect("viewer").read_table("s_scratch", "twin")
    assert frame.values.tolist() == [[7, pd.Timestamp("2024-05-06"), "o"]]


@pytest.mark.parametrize("era", ["0.47"])
def test_names_that_metabase_takes_for_one(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run('create table cases (id int, "Name" text, name text)')
    resync(box, connect)
    with pytest.raises(ifr.InvalidInput, match=r"takes several columns .* for one"):
        connect("viewer").read_table("s_scratch", "cases")


@pytest.mark.parametrize("era", ["0.47"])
def test_a_table_that_is_gone_or_new_since_the_synchronisation(box: Box, connect: Connect, scratch: Scratch) -> None:
    scratch.run("create table gone (id int)")
    resync(box, connect)
    viewer = connect("viewer")
    scratch.run("create table grown (id int); insert into grown values (1)")
    resync(box, connect)
    assert list(viewer.read_table("s_scratch", "grown").columns) == ["id"]
    scratch.run("alter table grown add more text default 'x'")
    resync(box, connect)
    assert viewer.read_table("s_scratch", "grown").values.tolist() == [[1, "x"]]
    scratch.run("drop table gone; create table late (id int)")
    with pytest.raises(ifr.QueryFailed, match="does not exist"):
        viewer.read_table("s_scratch", "gone")
    with pytest.raises(ifr.TableNotFound):
        viewer.read_table("s_scratch", "late")


FILTERS: list[tuple[str, dict[str, Any]]] = [
    ("site_id = 3", {}),
    ("site_id <> 3 and status != 'removed'", {}),
    ("not (site_id = 3 or site_id in (1, 2))", {}),
    ("site_id in :sites", {"sites": [1, 4]}),
    ("site_id in (:a, :b)", {"a": 1, "b": 2}),
    ("site_id not in :none", {"none": []}),
    ("site_id in :none", {"none": []}),
    ("secondary_label is null", {}),
    ("secondary_label <> 'x'", {}),
    ("not secondary_label = 'x'", {}),
    ("secondary_label not in ('x', 'y') or secondary_label is null", {}),
    ("label like '003%'", {}),
    ("label not like '%4'", {}),
    ("label like '%-0000%' and not label like '%9'", {}),
    ("enrollment_date between :a and :b", {"a": dt.date(2023, 4, 1), "b": dt.date(2023, 9, 30)}),
    ("enrollment_date not between '2023-04-01' and '2023-09-30'", {}),
    ("enrollment_date > date '2023-06-14'", {}),
    ("participant_id <= -1 or participant_id >= 60.0", {}),
    ('"label" = :label', {"label": "o'brien"}),
    ("site_id = null", {}),
    ("not (site_id is not null)", {}),
]


@pytest.mark.parametrize(("where", "params"), FILTERS, ids=[one[0] for one in FILTERS])
def test_conditions_choose_the_same_rows(filtering: Any, where: str, params: dict[str, Any]) -> None:
    one, other = (
        who.read_table(PROD, "participant", columns=["participant_id"], where=where, params=params or None)
        for who in filtering
    )
    assert sorted(one["participant_id"]) == sorted(other["participant_id"])


@pytest.fixture(scope="module", params=["0.47", "0.31"])
def filtering(boxes: Any, request: pytest.FixtureRequest) -> Any:
    """A viewer and an analyst of one box, kept for all conditions."""
    box = boxes(request.param)
    box.advance_clock(3600)
    made = []
    for name in ("viewer", "analyst"):
        who = box.accounts[name]
        made.append(Connection(box.url, username=who.username, password=who.password))
    yield made
    for one in made:
        one.close()
