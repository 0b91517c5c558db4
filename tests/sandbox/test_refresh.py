"""The refresh job: one state or the next, never a mixture, and nothing of a table is lost on the way."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest

from insight_frames import sandbox
from insight_frames.sandbox.refresh import MODES

Connection = psycopg.Connection[tuple[Any, ...]]
TABLES = ["participant", "study_event", "event_crf", "ig_ae_event", "ig_cm_drug", "ig_hema_blood", "ig_vital_vitals"]
# one statement: the marks of all tables, and the log's
MARKS = " union all ".join(f"select distinct refreshed_at, 0 from {table}" for table in TABLES)
STATE = f"select array_agg(distinct refreshed_at), (select max(source_as_of) from refresh_log) from ({MARKS}) t"


def state(connection: Connection) -> tuple[list[Any], Any]:
    row = connection.execute(STATE.encode()).fetchone()
    assert row is not None
    return row[0], row[1]


def contents(connection: Connection) -> list[Any]:
    """Digest all rows but the mark."""
    digest = "select count(*), sum(hashtextextended((to_jsonb(t) - 'refreshed_at')::text, 0)::numeric) from {} t"
    return [connection.execute(digest.format(table).encode()).fetchone() for table in TABLES]


DESCRIPTION = """
    select c.relname, c.relkind::text, c.relrowsecurity, c.relacl::text, obj_description(c.oid, 'pg_class'),
      (select array_agg(format('%s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull,
         col_description(c.oid, attnum)) order by attnum) from pg_attribute where attrelid = c.oid and attnum > 0),
      (select array_agg(format('%s %s', conname, pg_get_constraintdef(oid)) order by conname)
         from pg_constraint where conrelid = c.oid),
      (select array_agg(indexrelid::regclass::text order by 1) from pg_index where indrelid = c.oid),
      (select array_agg(format('%s %s %s', polname, polroles::regrole[], pg_get_expr(polqual, polrelid)))
         from pg_policy where polrelid = c.oid)
    from pg_class c where relnamespace = 's_cardio3prod'::regnamespace and relkind in ('r', 'p', 'v', 'm') order by 1"""


@pytest.mark.parametrize("mode", MODES)
def test_one_refresh(box: sandbox.Box, study: Connection, mode: str) -> None:
    rows, description, (before, _) = contents(study), study.execute(DESCRIPTION).fetchall(), state(study)
    node = "select oid, pg_relation_filenode(oid) from pg_class where oid = 'ig_ae_event'::regclass"
    old = study.execute(node).fetchone()
    generation = box.refresh(mode)
    after, as_of = state(study)
    assert after == [as_of]
    assert after > before
    assert study.execute("select message from refresh_log order by refresh_log_id desc limit 1").fetchone() == (
        f"generation {generation}",
    )
    assert box.refresh(mode) == generation + 1
    assert contents(study) == rows
    assert study.execute(DESCRIPTION).fetchall() == description
    new = study.execute(node).fetchone()
    assert old is not None
    assert new is not None
    changed = (old[0] != new[0], old[1] != new[1])
    assert changed == {"delete": (False, False), "truncate": (False, True), "swap": (True, True)}[mode]


@pytest.mark.parametrize("mode", MODES)
def test_one_statement_never_sees_two_states(box: sandbox.Box, study: Connection, mode: str) -> None:
    seen = set()
    deadline = time.monotonic() + 20
    with box.refreshing(every=0.02, mode=mode) as generations:
        while (len(seen) < 3 or len(generations) < 3) and time.monotonic() < deadline:
            marks, as_of = state(study)
            assert marks == [as_of]
            seen.add(as_of)
    assert len(seen) >= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("refresh of")]
    ended = len(generations)
    time.sleep(0.1)
    assert len(generations) == ended


def test_two_statements_do_see_two_states(box: sandbox.Box, study: Connection) -> None:
    first = study.execute("select distinct refreshed_at from participant").fetchall()
    box.refresh("delete")
    assert study.execute("select distinct refreshed_at from event_crf").fetchall() > first


@pytest.mark.parametrize(("mode", "waits"), [("delete", False), ("truncate", True)])
def test_held_open(box: sandbox.Box, study: Connection, mode: str, waits: bool) -> None:
    before, _ = state(study)
    holder = threading.Thread(target=box.refresh, args=(mode,), kwargs={"hold": 0.8})
    holder.start()
    try:
        active = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        while study.execute(active).fetchone() == (0,):
            time.sleep(0.01)
        began = time.monotonic()
        marks, _ = state(study)
        assert (marks > before) is waits
        assert (time.monotonic() - began > 0.3) is waits
    finally:
        holder.join()


def test_the_other_schema_is_left_alone(box: sandbox.Box, study: Connection) -> None:
    query = "select distinct refreshed_at from s_cardio3test.participant"
    before = study.execute(query).fetchall()
    box.refresh("swap")
    assert study.execute(query).fetchall() == before
    box.refresh("swap", schema="s_cardio3test")
    assert study.execute(query).fetchall() > before


@pytest.mark.parametrize(
    ("mode", "schema", "words"), [("merge", "s_cardio3prod", "mode"), ("swap", "s_nobody", "nothing")]
)
def test_what_cannot_be_refreshed(box: sandbox.Box, mode: str, schema: str, words: str) -> None:
    with pytest.raises(sandbox.SandboxError, match=words):
        box.refresh(mode, schema)
    with pytest.raises(sandbox.SandboxError, match=words), box.refreshing(mode=mode, schema=schema):
        pass
