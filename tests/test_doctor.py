"""The doctor on the four eras, on accounts with few rights, on servers that refuse: a page, and no value of any row."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sandboxes import ERAS, Connect, Database, direct_url

import insight_frames as ifr
from insight_frames.cli import main
from insight_frames.diagnosis import Report
from insight_frames.diagnosis.report import shown as written
from insight_frames.sandbox import Box

README = (Path(ifr.__file__).parent.parent / "README.md").read_text(encoding="utf-8")
REPORTS: dict[str, Report] = {}  # of this worker, by era


def asked(era: str, connect: Connect) -> Report:
    if era not in REPORTS:
        REPORTS[era] = connect().doctor()
    return REPORTS[era]


def masked(line: str) -> str:
    """A line without what differs from run to run: addresses, times, rates, versions of PostgreSQL."""
    line = re.sub(r"http://\S+", "<url>", line)
    line = re.sub(r"\d+(\.\d+)? (ms|MB/s|MB|s|min|days)\b", r"<n> \2", line)
    line = re.sub(r"^(  version +)\d+\.\d+$", r"\1<n>", line)
    return line.rstrip()


def steady(lines: list[str]) -> list[str]:
    """Lines without those that tell what refreshes other tests have made, masked."""
    kept, left_out = [], False
    for line in lines:
        left_out = bool(re.search(r": (pace|traces) ", line)) or (left_out and line.startswith(" " * 38))
        if not left_out:
            kept.append(masked(line))
    return kept


def shown(name: str) -> list[str]:
    """A block of the README."""
    found = re.search(rf"<!-- {name} -->\n```\n(.*?)```", README, re.S)
    assert found, f"README.md has no block {name}"
    return found[1].splitlines()


@pytest.mark.parametrize("era", ["0.47"])
def test_the_page_is_the_one_of_the_readme(era: str, connect: Connect) -> None:
    assert steady(str(asked(era, connect)).splitlines()) == steady(shown("doctor"))


@pytest.mark.parametrize("era", ["0.31", *(pytest.param(era, marks=pytest.mark.long) for era in ("0.34", "0.49"))])
def test_what_differs_in_other_eras_is_what_the_readme_says(era: str, connect: Connect, boxes) -> None:
    if "0.47" not in REPORTS:
        person = boxes("0.47").accounts["analyst"]
        with ifr.Connection(boxes("0.47").url, username=person.username, password=person.password) as other:
            REPORTS["0.47"] = other.doctor()
    usual, here = REPORTS["0.47"], asked(era, connect)
    assert here.unknown == {}
    mine = [
        masked(f"{era}  {section}, {name}: {written(value)}")
        for section, facts in here.sections.items()
        for name, value in facts.items()
        if not name.endswith((": pace", ": traces"))
        and masked(str(value)) != masked(str(usual.sections[section].get(name)))
    ]
    assert mine == [masked(one) for one in shown("doctor in other eras") if one.startswith(era)]
    assert [(one["table"], one["way"]) for one in here.tables] == [(one["table"], one["way"]) for one in usual.tables]


@pytest.mark.parametrize("era", ["0.47"])
def test_no_value_of_a_row_is_told(era: str, connect: Connect, superuser: Database) -> None:
    report = asked(era, connect)
    told = f"{report} {report.to_json()} {report._repr_html_()}"
    queries = (
        "select distinct value from s_cardio3prod.item_data where length(value) > 5 and value !~ '^[0-9]{4}-'",
        "select label from s_cardio3prod.participant union select participant_oid from s_cardio3prod.participant",
        "select name from s_cardio3prod.site union select user_name from s_cardio3prod.user_account",
        "select message from s_cardio3prod.refresh_log where message is not null",
        "select to_char(refresh_started, 'YYYY-MM-DD') from s_cardio3prod.refresh_log",
    )
    for query in queries:
        values = [str(one) for (one,) in superuser.execute(query.encode()).fetchall()]
        assert values or "message" in query
        assert [one for one in values if one in told] == [], query


@pytest.mark.parametrize("era", ["0.47"])
def test_json_and_html_tell_the_same(era: str, connect: Connect) -> None:
    report = asked(era, connect)
    node = json.loads(report.to_json())
    assert node["sections"] == report.sections
    assert len(node["tables"]) == len(report.tables) > 70
    assert report._repr_html_().count("<tr>") > 70
    ways = {(one["kind"], one["way"]) for one in report.tables if one["way"]}
    assert ways == {
        ("table", "pages"),
        ("materialized view", "pages"),
        ("view", "numbered rows"),
        ("partitioned table", "numbered rows"),
    }
    assert bool(report)
    assert repr(report).startswith("<Report on http://127.0.0.1:")


# ------------------------------------------------------------------ few rights, and refusals
@pytest.mark.parametrize("era", ["0.47"])
def test_an_account_without_sql(connect: Connect) -> None:
    report = connect("viewer").doctor()
    assert report  # table by table
    assert report.sections["databases"]["SQL allowed (Metabase)"] is False
    assert "may not run SQL" in report.unknown["databases"]["SQL runs"]
    assert "cannot run SQL" in report.unknown["exports"]["limit of rows"]
    assert report.sections["schemas and tables"]["schemas"]["s_cardio3prod"].endswith(" tables")
    assert {(one["way"], one["because"]) for one in report.tables} == {("number", "this account cannot run SQL")}
    assert "leaves out" in report.unknown["schemas and tables"]["tables it may not read"]
    assert report.sections["refreshes"]["s_cardio3prod: columns"].startswith("refresh_log_id ")
    assert any("cannot run SQL" in one for one in report.notes)


@pytest.mark.parametrize("era", ["0.47"])
def test_rows_and_columns_that_are_closed(connect: Connect, scratch, superuser: Database) -> None:
    scratch.run("create table half (a int, b int); revoke all on half from insight_site")
    scratch.run("grant select (a) on half to insight_site; create table ours (a int) with (fillfactor = 50)")
    scratch.run(
        "grant insert on ours to insight_site; create table base (a int); create table child () inherits (base)"
    )
    report = connect("site").doctor()
    seen, rights = report.sections["schemas and tables"], report.sections["rights in the database"]
    assert seen["tables with columns closed"] == ["s_scratch.half"]
    assert "s_cardio3prod.event_crf" in seen["tables with row-level security"]
    assert any("Row-level security" in one for one in report.notes)
    assert rights["tables it may change"] == 1
    assert any("may change data" in one for one in report.notes)
    assert "s_scratch.ours" in seen["in PostgreSQL, not in Metabase"]
    ways = {one["table"]: (one["way"], one["because"]) for one in report.tables if one["schema"] == "s_scratch"}
    assert ways == {
        "half": (None, "columns are closed"),
        "ours": ("pages", "it is a heap of pages"),
        "base": ("numbered rows", "other tables inherit from it"),
        "child": ("pages", "it is a heap of pages"),
    }


@pytest.mark.parametrize("era", ["0.47"])
def test_how_refreshes_look_and_where_exports_are_cut(box: Box, connect: Connect, scratch) -> None:
    box.setting(download_row_limit=5000)
    scratch.run("create table refresh_log (run int, done timestamp, ended timestamp, note text)")
    scratch.run(
        "insert into refresh_log select n, t, t + interval '90 s', 'secret-note' from generate_series(1, 5) n,"
        " lateral (select timezone('UTC', now()) - n * interval '8 hours') x(t)"
    )
    scratch.run("delete from refresh_log where run = 5; create table other as select 1 as a; truncate other")
    scratch.run("select pg_stat_force_next_flush()")
    report = connect().doctor()
    assert report.sections["exports"]["limit of rows"] == "5,000 rows, the rest is cut without a word"
    assert any("cut at 5,000 rows" in one for one in report.notes)
    found = report.sections["refreshes"]
    assert found["s_scratch: columns"].startswith("run integer, done timestamp without time zone")
    assert re.fullmatch(
        r"4 refreshes, one every 8 hours, each takes 90 s, the last 8 hours ago", found["s_scratch: pace"]
    )
    assert "of 2 tables: rows were deleted in 1" in found["s_scratch: traces"]


@pytest.mark.parametrize("era", ["0.47"])
def test_nobody_is_signed_in_or_nobody_answers(box: Box, connect: Connect) -> None:
    report = connect(password="wrong-password").doctor()
    assert (bool(report), report.sections["metabase"]["version"]) == (False, "v0.47.0-SNAPSHOT")
    assert "login was refused" in report.unknown["account"]["user"]
    assert report.notes == ["All else was not asked, because nobody could be signed in."]
    assert [path for _, path, _ in box.requests].count("/api/session") == 1
    with ifr.Connection("http://127.0.0.1:9", username="a", password="b") as nowhere:
        report = nowhere.doctor()
    assert "cannot be reached" in report.unknown["metabase"]["version"]
    assert str(report).count("\n") < 12


@pytest.mark.parametrize("era", ["0.47"])
def test_a_server_that_refuses_exports(box: Box, connect: Connect) -> None:
    box.fault(kind="redirect", times=1000, path="/api/dataset/json")
    report = connect().doctor()
    assert not report
    assert report.sections["account"]["administrator"] is False
    assert "SQL runs" in report.unknown["databases"]


@pytest.mark.parametrize("era", ["0.47"])
def test_no_database_is_chosen(connect: Connect) -> None:
    report = connect(database="Other").doctor()
    assert report.sections["databases"]["visible"] == ["Insight (postgres)"]
    assert "There is no PostgreSQL database 'Other'" in report.unknown["databases"]["read from"]
    assert "no database is chosen" in report.unknown["postgresql"]["version"]
    assert not report


@pytest.mark.parametrize("era", ["0.47"])
def test_straight_to_postgresql(box: Box) -> None:
    with ifr.connect(direct_url(box, "insight_analyst")) as connection:
        report = connection.doctor()
    assert report
    assert report.unknown == {}
    assert "exports" not in report.sections
    assert report.sections["postgresql"]["database"] == "insight"
    assert len(report.tables) > 70
    with ifr.connect("postgresql://nobody:nothing@127.0.0.1:9/insight") as connection:
        report = connection.doctor()
    assert report.notes == ["All else was not asked, because the server could not be reached."]


@pytest.mark.long
@pytest.mark.parametrize("era", ERAS)
def test_thorough(connect: Connect) -> None:
    report = connect().doctor(thorough=True)
    assert "the rest is cut" in report.sections["exports"]["limit of rows (a million)"]


@pytest.mark.parametrize("era", ["0.47"])
def test_the_command(box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSIGHT_PASSWORD", box.password)
    where = ("--url", box.url, "--username", box.username)
    assert main(["doctor", *where, "--database", "Other"]) == 1
    assert "There is no PostgreSQL database 'Other'" in " ".join(capsys.readouterr().out.split())
