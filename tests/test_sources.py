"""One suite, three sources: Metabase in its eras, PostgreSQL straight, a snapshot offline. The same frames from each.

What the rows are, tests/reading proves against psycopg; here every source is asked the same and must say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import Boxes, direct_url

import insight_frames as ifr
from insight_frames import KEY, Connection, InsightError
from insight_frames.direct_connection import PostgresConnection

SCHEMA = "s_cardio3prod"
FRONT = ("0.31", "0.47", "0.34", "0.49")
LONG = ("0.34", "0.49")
SOURCES = [
    *(pytest.param(one, marks=[pytest.mark.long] if one in LONG else [], id=f"metabase {one}") for one in FRONT),
    pytest.param("direct", id="direct"),
    pytest.param("offline", id="offline"),
]


@pytest.fixture
def direct(boxes: Boxes) -> Iterator[PostgresConnection]:
    """The door that the others are compared with."""
    with PostgresConnection(direct_url(boxes())) as made:
        yield made


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, boxes: Boxes, tmp_path: Path) -> Iterator[Any]:
    """Each source in turn, of the same state of the study."""
    era = request.param if request.param in FRONT else "0.47"
    box = boxes(era)
    box.advance_clock(3600)
    with Connection(box.url, username=box.username, password=box.password) as front:
        if request.param == "direct":
            with PostgresConnection(direct_url(box), parallel=1) as other:
                yield other
        else:
            yield front if request.param in FRONT else front.snapshot(tmp_path / "cut", schemas=[SCHEMA])


def equal(one: pd.DataFrame, other: pd.DataFrame, where: str) -> None:
    """Both are one frame, to the last bit, with the same to say about their columns."""
    pd.testing.assert_frame_equal(one, other, check_exact=True, obj=where)
    assert [one.attrs["insight"].get(key) for key in ("schema", "table", "columns", "key")] == [
        other.attrs["insight"].get(key) for key in ("schema", "table", "columns", "key")
    ], where


def test_every_table(source: Any, direct: PostgresConnection) -> None:
    names = source.list_tables(SCHEMA)["table"].tolist()
    assert names == direct.list_tables(SCHEMA)["table"].tolist()
    assert len(names) == 36
    for name in names:
        equal(source.read_table(SCHEMA, name), direct.read_table(SCHEMA, name), name)


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "columns": lambda one: one.read_table(SCHEMA, "site", columns=["country", "site_id"]),
    "no columns": lambda one: one.read_table(SCHEMA, "site", columns=[]),
    "condition": lambda one: one.read_table(
        SCHEMA,
        "participant",
        where="site_id in :sites and enrollment_date >= :day",
        params={"sites": [1, 3], "day": date(2023, 6, 1)},
        order_by=["site_id desc", "participant_id"],
        limit=7,
    ),
    "key": lambda one: one.read_table(SCHEMA, "ig_vital_vitals", index_col=KEY),
    "choices": lambda one: one.read_table(SCHEMA, "ig_vital_vitals", choices="both", order_by="event_crf_id"),
    "nullable": lambda one: one.read_table(SCHEMA, "participant", dtype_backend="numpy_nullable"),
    "arrow": lambda one: one.read_table(SCHEMA, "item_data", dtype_backend="pyarrow"),
    "exact numbers": lambda one: one.read_table(SCHEMA, "Lab Import", coerce_float=False),
    "text of what is out of range": lambda one: one.read_table(SCHEMA, "participant", out_of_range="text"),
    "chunks": lambda one: pd.concat(list(one.read_table(SCHEMA, "item_data", chunksize=10_000)), ignore_index=True),
    "query": lambda one: one.read_sql(
        f"select s.country, count(*) as n, min(p.enrollment_date) as first, bool_and(p.status is null) as none"
        f" from {SCHEMA}.participant p join {SCHEMA}.site s using (site_id) where p.site_id <> :site group by 1"
        " order by 1",
        params={"site": 2},
    ),
    "nothing": lambda one: one.read_sql(f"select * from {SCHEMA}.site where false"),
    "described": lambda one: one.describe_table(SCHEMA, "ig_vital_vitals"),
    "participants": lambda one: ifr.participants(one, SCHEMA),
    "choice lists": lambda one: ifr.choice_lists(one, SCHEMA, "ig_vital_vitals"),
}


def test_every_keyword(source: Any, direct: PostgresConnection) -> None:
    for what, ask in QUESTIONS.items():
        pd.testing.assert_frame_equal(ask(source), ask(direct), check_exact=True, obj=what)


def test_the_same_mistakes(source: Any, direct: PostgresConnection) -> None:
    mistakes: list[Callable[[Any], Any]] = [
        lambda one: one.read_table("s_cardio3prdo", "site"),
        lambda one: one.read_table(SCHEMA, "particpant"),
        lambda one: one.read_table(SCHEMA, "site", columns=["countri"]),
        lambda one: one.read_table(SCHEMA, "site", where="countri = 'DE'"),
        lambda one: one.read_sql(f"select * from {SCHEMA}.particpant"),
        lambda one: one.read_sql("select :day::date", params={}),
        lambda one: one.read_sql(f"delete from {SCHEMA}.site"),
    ]
    for number, ask in enumerate(mistakes):
        with pytest.raises(InsightError) as one:
            ask(source)
        with pytest.raises(InsightError) as other:
            ask(direct)
        assert type(one.value) is type(other.value), number


def test_the_same_snapshot(boxes: Boxes, direct: PostgresConnection, tmp_path: Path) -> None:
    """What a snapshot holds does not tell through which door it came, and neither does a data cut."""
    box, schema = boxes(), "s_cardio3test"
    with Connection(box.url, username=box.username, password=box.password) as front:
        cut = front.snapshot(tmp_path / "front", schemas=[schema])
        made = direct.snapshot(tmp_path / "direct", schemas=[schema])
        assert made.fingerprint == cut.fingerprint
        told = made.manifest["insight"]
        assert told["consistency"] == "one-transaction"
        assert told["source"]["server"] == direct.url
        assert told["source"]["user"] == "insight_analyst"
        assert list(told["refresh_log"]) == [schema]
        limits = {"schema": schema, "until": "2024-01-31", "undated": "keep", "masks": {"site": "*"}}
        cuts = []
        for name, one in {"one": front, "other": direct, "third": made}.items():
            with pytest.warns(ifr.DataWarning):
                cuts.append(one.cut(tmp_path / name, **limits).fingerprint)
        assert len(set(cuts)) == 1
