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
from sandboxes import Boxes, Database, direct_url

import insight_frames as ifr
from insight_frames import KEY, Connection, InsightError
from insight_frames.direct_connection import PostgresConnection

SCHEMA = "s_cardio3prod"
FIRST = "0.47"  # whom the others are compared with
ERAS = ("0.31", "0.34", "0.49")
SOURCES = [
    *(pytest.param(one, marks=[pytest.mark.long] if one != "0.31" else [], id=f"metabase {one}") for one in ERAS),
    pytest.param("direct", id="direct"),
    pytest.param("offline", id="offline"),
]
Ask = Callable[[Any], Any]
_answers: dict[tuple[Any, str], Any] = {}


@pytest.fixture
def front(boxes: Boxes) -> Iterator[Connection]:
    """Metabase as most have it."""
    box = boxes(FIRST)
    with Connection(box.url, username=box.username, password=box.password) as made:
        yield made


@pytest.fixture
def expected(front: Connection, superuser: Database) -> Callable[[str, Ask], Any]:
    """What Metabase answers, asked once for each state of the study."""
    state = superuser.execute(f"select count(*), max(refresh_finished) from {SCHEMA}.refresh_log".encode()).fetchone()

    def answer(what: str, ask: Ask) -> Any:
        if (state, what) not in _answers:
            _answers[state, what] = ask(front)
        return _answers[state, what]

    return answer


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, boxes: Boxes, front: Connection, tmp_path: Path) -> Iterator[Any]:
    """Each source in turn, of the same state of the study."""
    if request.param == "offline":
        yield front.snapshot(tmp_path / "cut", schemas=[SCHEMA])
    elif request.param == "direct":
        with PostgresConnection(direct_url(boxes())) as other:
            yield other
    else:
        box = boxes(request.param)
        box.advance_clock(3600)
        with Connection(box.url, username=box.username, password=box.password) as other_era:
            yield other_era


def equal(one: pd.DataFrame, other: pd.DataFrame, where: str) -> None:
    """Both are one frame, to the last bit, with the same to say about their columns."""
    pd.testing.assert_frame_equal(one, other, check_exact=True, obj=where)
    assert [one.attrs["insight"].get(key) for key in ("schema", "table", "columns", "key")] == [
        other.attrs["insight"].get(key) for key in ("schema", "table", "columns", "key")
    ], where


def test_every_table(source: Any, expected: Callable[[str, Ask], Any]) -> None:
    names = source.list_tables(SCHEMA)["table"].tolist()
    assert names == expected("tables", lambda one: one.list_tables(SCHEMA)["table"].tolist())
    assert len(names) == 36
    for name in names:
        equal(source.read_table(SCHEMA, name), expected(name, _reading(name)), name)


def _reading(name: str) -> Ask:
    return lambda one: one.read_table(SCHEMA, name)


QUESTIONS: dict[str, Ask] = {
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


def test_every_keyword(source: Any, expected: Callable[[str, Ask], Any]) -> None:
    for what, ask in QUESTIONS.items():
        pd.testing.assert_frame_equal(ask(source), expected(f"?{what}", ask), check_exact=True, obj=what)


def test_the_same_mistakes(source: Any, expected: Callable[[str, Ask], Any]) -> None:
    mistakes: list[Ask] = [
        lambda one: one.read_table("s_cardio3prdo", "site"),
        lambda one: one.read_table(SCHEMA, "particpant"),
        lambda one: one.read_table(SCHEMA, "site", columns=["countri"]),
        lambda one: one.read_table(SCHEMA, "site", where="countri = 'DE'"),
        lambda one: one.read_sql(f"select * from {SCHEMA}.particpant"),
        lambda one: one.read_sql("select :day::date", params={}),
        lambda one: one.read_sql(f"delete from {SCHEMA}.site"),
    ]
    for number, ask in enumerate(mistakes):
        assert _mistaken(ask)(source) is expected(f"mistake {number}", _mistaken(ask)), number


def _mistaken(ask: Ask) -> Ask:
    def asked(one: Any) -> type[BaseException]:
        with pytest.raises(InsightError) as error:
            ask(one)
        return type(error.value)

    return asked


@pytest.fixture
def direct(boxes: Boxes) -> Iterator[PostgresConnection]:
    """Straight to PostgreSQL."""
    with PostgresConnection(direct_url(boxes())) as made:
        yield made


TEST = "s_cardio3test"


def test_the_same_snapshot(front: Connection, direct: PostgresConnection, tmp_path: Path) -> None:
    """What a snapshot holds does not tell through which door it came."""
    cut = front.snapshot(tmp_path / "front", schemas=[TEST])
    made = direct.snapshot(tmp_path / "direct", schemas=[TEST])
    assert made.fingerprint == cut.fingerprint
    told = made.manifest["insight"]
    assert told["consistency"] == "one-transaction"
    assert told["source"]["server"] == direct.url
    assert told["source"]["user"] == "insight_analyst"
    assert list(told["refresh_log"]) == [TEST]


@pytest.mark.long
def test_the_same_data_cut(front: Connection, direct: PostgresConnection, tmp_path: Path) -> None:
    limits = {"schema": TEST, "until": "2024-01-31", "undated": "keep", "masks": {"site": "*"}}
    made = direct.snapshot(tmp_path / "direct", schemas=[TEST])
    cuts = []
    for name, one in {"one": front, "other": direct, "third": made}.items():
        with pytest.warns(ifr.DataWarning):
            cuts.append(one.cut(tmp_path / name, **limits).fingerprint)
    assert len(set(cuts)) == 1
