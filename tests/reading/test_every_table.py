"""Every table of the study, in every era and on both paths, equals what PostgreSQL holds."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd
import pytest
from expected import Database, expected_table, same
from sandboxes import ERAS

from insight_frames import Connection
from insight_frames.sources import plan

SCHEMAS = ("s_cardio3prod", "s_cardio3test")
_expected: dict[tuple[str, str, Any], pd.DataFrame] = {}


def known(database: Database, schema: str, name: str) -> pd.DataFrame:
    """What the table holds, read once for each state of the study."""
    state = database.execute(f'select count(*), max(refresh_finished) from "{schema}".refresh_log'.encode()).fetchone()
    place = (schema, name, state)
    if place not in _expected:
        _expected[place] = expected_table(database, schema, name)
    return _expected[place]


LESS = ("0.34", "0.49")  # they write as 0.47 does, and buffer as 0.31 does


@pytest.mark.parametrize(
    ("era", "schema"),
    [pytest.param(*one, marks=[pytest.mark.long] if one[0] in LESS else []) for one in product(ERAS, SCHEMAS)],
)
def test_every_table_equals_postgresql(on_path: Connection, path: str, superuser: Database, schema: str) -> None:
    listed = on_path.list_tables(schema)
    assert len(listed) == 36
    wrong = []
    for name in listed["table"]:
        frame = on_path.read_table(schema, name)
        assert frame.attrs["insight"]["path"] == {"auto": "packed"}.get(path, path)
        try:
            same(frame, known(superuser, schema, name))
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_table_takes_the_form_that_its_kind_allows(connection: Connection, schema: str) -> None:
    catalog = connection._source.catalog(schema)
    forms = {
        table.name: "C" if plan.by_pages(table, catalog.settings) else "N"
        for table in catalog.tables.values()
        if table.readable
    }
    kinds = {table.name: table.kind for table in catalog.tables.values()}
    expected = {name: "C" if kinds[name] in ("table", "materialized view") else "N" for name in forms}
    assert forms == expected
    assert {name for name, form in forms.items() if form == "N"} == {"participant_overview", "audit_log_event"}
    assert len(forms) == 36


def test_queries_are_the_same_on_both_paths(connect: Any, superuser: Database) -> None:
    packed, plain = connect(), connect(path="plain")
    for query in (
        "select * from s_cardio3prod.ig_notes_freetext order by participant_oid, item_group_repeat",
        'select * from s_cardio3prod."Lab Import" order by "order" desc',
        "select site_id, count(*) n, avg(participant_id) mean from s_cardio3prod.participant group by 1 order by 1",
        "select * from s_cardio3prod.study_event where false",
    ):
        one, other = packed.read_sql(query), plain.read_sql(query)
        pd.testing.assert_frame_equal(one, other, check_exact=True)
        assert one.attrs["insight"]["path"] == "packed"
        assert other.attrs["insight"]["path"] == "plain"
