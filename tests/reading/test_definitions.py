"""Segments and metrics: one by one, and one definition planned, applied and undone over many tables."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd
import pytest
from sandboxes import Connect

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.metabase.definitions import Definitions

PROD, TEST = "s_cardio3prod", "s_cardio3test"


@pytest.fixture
def admin(connect: Connect) -> Iterator[Connection]:
    """An administrator; what is left of segments and metrics is archived behind the test."""
    made = connect("admin")
    yield made
    for kind in ("segment", "metric"):
        kept = Definitions(made._server, kind)
        for one in kept.listed():
            kept.archive(one["id"], "test")


def test_a_segments_life(admin: Connection, connection: Connection) -> None:
    number = admin.create_segment(
        PROD, "participant", "Site 3", "site_id = :site", params={"site": 3}, description="the third"
    )
    line = connection.list_segments().iloc[0]
    assert line[["id", "name", "schema", "table", "description"]].tolist() == [
        number, "Site 3", PROD, "participant", "the third",
    ]  # fmt: skip
    query = {
        "query": {"source-table": int(line["table_id"]), "filter": ["segment", number], "aggregation": [["count"]]}
    }
    counted = Definitions(admin._server, "segment").server.session.export(
        "/api/dataset/json", {"database": admin._server.database_id, "type": "query", **query}
    )
    with counted as answer:
        assert int(next(iter(json.loads(answer.text())[0].values()))) == 12
    admin.update_segment(number, where="site_id in (3, 4)", name="Sites 3 and 4")
    assert "Sites 3 and 4" in admin.list_segments()["name"].tolist()
    assert admin.list_segments()["description"].tolist() == ["the third"]
    assert "3, 4" in admin.list_segments()["definition"].iloc[0]
    admin.archive_segment(number)
    assert admin.list_segments().empty
    with pytest.raises(ifr.NotFound, match=f"no segment {number}"):
        admin.archive_segment(number)
    with pytest.raises(ifr.NotFound):
        admin.update_segment(987_654, name="x")


def test_a_metrics_life(admin: Connection) -> None:
    number = admin.create_metric(PROD, "participant", "Enrolled", where="status <> 'removed'")
    other = admin.create_metric(PROD, "participant", "Newest", aggregate="max", column="enrollment_date")
    assert admin.list_metrics()["name"].tolist() == ["Enrolled", "Newest"]
    admin.update_metric(other, description="the last day")
    assert admin.list_metrics().set_index("id").loc[other, "description"] == "the last day"
    for one in (number, other):
        admin.archive_metric(one)
    assert admin.list_metrics().empty


def test_one_definition_over_two_schemas(admin: Connection) -> None:
    words = {"schemas": [PROD, TEST], "tables": ["participant", "site", "user_account", "item_data", "crf"]}
    plan = admin.plan_segments("Site 3", "site_id = 3", **words)
    assert list(plan.columns)[:6] == ["schema", "table", "table_id", "name", "field_ids", "action"]
    wanted = plan[plan["action"] == "create"]
    assert sorted(wanted["table"]) == sorted(2 * ["participant", "site", "user_account"])
    assert set(wanted["schema"]) == {PROD, TEST}
    assert wanted["field_ids"].map(len).tolist() == [1] * len(wanted)
    cannot = plan[plan["action"] == "cannot"].set_index(["schema", "table"])
    assert cannot.loc[(PROD, "item_data"), "reason"] == f"{PROD}.item_data has no column 'site_id'"
    assert admin.list_segments().empty

    done = admin.apply_plan(plan)
    assert (done["action"] == "created").sum() == len(wanted) == len(admin.list_segments())
    assert (admin.apply_plan(plan)["action"] == "same").sum() == len(wanted)
    assert (admin.plan_segments("Site 3", "site_id = 3", **words)["action"] == "same").sum() == len(wanted)
    assert len(admin.list_segments()) == len(wanted)

    undone = admin.undo_plan(plan)
    assert (undone["action"] == "archived").sum() == len(wanted)
    assert admin.list_segments().empty
    assert not (admin.undo_plan(plan)["action"] == "archived").any()


def test_what_is_there_is_updated_and_restored(admin: Connection) -> None:
    number = admin.create_segment(PROD, "participant", "Mine", "site_id = 1", description="first")
    plan = admin.plan_segments("Mine", "site_id = 2", schemas=PROD, tables=["participant", "site", "crf"])
    assert plan.set_index("table")["action"].to_dict() == {"participant": "update", "site": "create", "crf": "cannot"}
    assert plan.set_index("table")["id"].dropna().to_dict() == {"participant": number}
    part = admin.apply_plan(plan[plan["table"] == "participant"])
    assert part["action"].tolist() == ["updated"]
    assert len(admin.list_segments()) == 1
    assert "2" in admin.list_segments()["definition"].iloc[0]
    assert admin.undo_plan(plan).set_index("table")["action"].to_dict() == {
        "participant": "restored", "site": "left", "crf": "left",
    }  # fmt: skip
    line = admin.list_segments().iloc[0]
    assert (line["id"], line["description"]) == (number, "first")
    assert admin.plan_segments("Mine", "site_id = 1", schemas=PROD, tables=["participant"])["action"].tolist() == [
        "same"
    ]


def test_what_somebody_changed_since_is_left(admin: Connection) -> None:
    plan = admin.plan_segments("Mine", "site_id = 2", schemas=PROD, tables=["participant"])
    number = int(admin.apply_plan(plan)["id"].iloc[0])
    admin.update_segment(number, where="site_id = 5")
    undone = admin.undo_plan(plan)
    assert undone[["action", "reason"]].values.tolist() == [["left", "it was never applied, or changed since"]]
    second = admin.create_segment(PROD, "participant", "Mine", "site_id = 4")
    again = admin.plan_segments("Mine", "site_id = 2", schemas=PROD, tables=["participant"])
    assert again["action"].tolist() == ["cannot"]
    assert f"{number}, {second}" in again["reason"].iloc[0]


def test_metrics_over_many_tables(admin: Connection) -> None:
    plan = admin.plan_metrics(
        "Sites",
        schemas=PROD,
        tables=["site", "crf", "participant"],
        aggregate="distinct",
        column="site_id",
        where="site_id > 1",
    )
    assert plan.set_index("table")["action"].to_dict() == {"crf": "cannot", "participant": "create", "site": "create"}
    assert (admin.apply_plan(plan)["action"] == "created").sum() == len(admin.list_metrics())
    admin.undo_plan(plan)
    assert admin.list_metrics().empty


# ------------------------------------------------------------------------------------------------ bad input
def test_who_is_no_administrator_may_plan_and_not_apply(connection: Connection, admin: Connection) -> None:
    plan = connection.plan_segments("Site 3", "site_id = 3", schemas=PROD, tables=["site"])
    for change in (
        lambda: connection.apply_plan(plan),
        lambda: connection.create_segment(PROD, "site", "x", "site_id = 3"),
        lambda: connection.create_metric(PROD, "site", "x"),
    ):
        with pytest.raises(ifr.PermissionDenied, match=r"Only administrators of Metabase may create or change .*apply"):
            change()
    assert admin.list_segments().empty


@pytest.mark.parametrize("era", ["0.47"])
def test_what_cannot_be_meant(admin: Connection) -> None:
    for change, error, said in (
        (lambda: admin.create_segment(PROD, "site", " ", "site_id = 3"), ifr.InvalidInput, "name is needed"),
        (lambda: admin.create_segment(PROD, "sight", "x", "site_id = 3"), ifr.TableNotFound, "Did you mean 'site'"),
        (lambda: admin.create_segment(PROD, "site", "x", "sight_id = 3"), ifr.ColumnNotFound, "site_id"),
        (lambda: admin.create_segment(PROD, "site", "x", "lower(name) = 'a'"), ifr.InvalidInput, "cannot be put"),
        (lambda: admin.create_segment(PROD, "site", "x", "site_id + 1 = 3"), ifr.InvalidInput, "cannot be put"),
        (lambda: admin.create_segment(PROD, "site", "x", "site_id = :s"), ifr.ParameterError, ":s"),
        (lambda: admin.create_segment(PROD, "site", "x", None), ifr.InvalidInput, "SQL text"),
        (lambda: admin.update_segment(True), ifr.InvalidInput, "number cannot be meant"),
        (lambda: admin.plan_segments("x", "site_id = 3", schemas="s_nowhere"), ifr.SchemaNotFound, "s_nowhere"),
        (lambda: admin.plan_segments("x", "site_id = 3", schemas=[]), ifr.InvalidInput, "schemas must name"),
        (
            lambda: admin.plan_segments("x", "site_id = 3", schemas=PROD, tables="site"),
            ifr.InvalidInput,
            "list of names",
        ),
        (lambda: admin.plan_segments("x", "site_id = 3", schemas=PROD, tables=["sight"]), ifr.TableNotFound, "site"),
        (
            lambda: admin.plan_segments("x", "site_id + 1 = 3", schemas=PROD, tables=["site"]),
            ifr.InvalidInput,
            "put to",
        ),
        (
            lambda: admin.plan_segments("x", "site_id = 'a'", schemas=PROD, tables=["site"]),
            ifr.InvalidInput,
            "type str",
        ),
        (lambda: admin.plan_metrics("x", schemas=PROD, aggregate="mean"), ifr.InvalidInput, "aggregate is not known"),
        (lambda: admin.create_metric(PROD, "site", "x", aggregate="sum"), ifr.InvalidInput, "name of a column"),
        (lambda: admin.create_metric(PROD, "site", "x", column="site_id"), ifr.InvalidInput, "no column with"),
        (lambda: admin.apply_plan(pd.DataFrame()), ifr.InvalidInput, "no plan"),
        (lambda: admin.undo_plan([]), ifr.InvalidInput, "no plan"),  # type: ignore[arg-type]
    ):
        with pytest.raises(error, match=said):
            change()
    number = admin.create_segment(PROD, "site", "x", "site_id = 3")
    with pytest.raises(ifr.InvalidInput, match="Nothing was given"):
        admin.update_segment(number)
