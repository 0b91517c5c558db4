"""Beside the matrix of faults: what is asked before the rows, row caps, time-outs, one login for a lost session."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sandboxes import TWO_ERAS, Connect, Scratch

from insight_frames import Connection, IncompleteResult, InsightError, QueryFailed, ServerUnavailable
from insight_frames.sandbox import Box
from insight_frames.wire import patience
from insight_frames.wire.address import timeouts

ROWS = 700
RIGHT = "the right frame"  # of a fault that does no harm


@pytest.fixture(params=["auto", "plain"], ids=["packed", "plain"])
def path(request: pytest.FixtureRequest) -> str:
    """Both ways through Metabase: this is about its HTTP."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault meets one request, which is not sent again, so that it is seen what it does."""
    monkeypatch.setattr(patience, "REPEATS", 0)


@pytest.fixture
def faulty(scratch: Scratch) -> Scratch:
    scratch.run(
        f"create table t as select g as n, 'row ' || g || repeat('x', 150) as label from generate_series(1, {ROWS}) g"
    )
    return scratch


def by_table(connection: Connection) -> pd.DataFrame:
    return connection.read_table("s_scratch", "t")


def by_query(connection: Connection) -> pd.DataFrame:
    return connection.read_sql("select * from s_scratch.t order by n")


def by_chunks(connection: Connection) -> pd.DataFrame:
    return pd.concat(list(connection.read_table("s_scratch", "t", chunksize=150)), ignore_index=True)


def outcome(question: Callable[[Connection], pd.DataFrame], connection: Connection) -> Any:
    try:
        frame = question(connection)
    except InsightError as error:
        return error
    numbers = frame["n"].tolist()
    numbers = numbers if question is by_query else sorted(numbers)  # a table has no order
    whole = (frame["label"] == [f"row {n:.0f}" + "x" * 150 for n in frame["n"]]).all()
    return RIGHT if numbers == list(range(1, ROWS + 1)) and whole else frame


@TWO_ERAS
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_cell", "row": 0},
        {"kind": "drop_cell", "row": -2},
        {"kind": "drop_cell", "row": -1},
        {"kind": "cut_after_bytes", "clean": True},
    ],
    ids=["first lost", "last but one lost", "last lost", "ended"],
)
def test_what_is_asked_before_the_rows_is_proven_too(
    box: Box, on_path: Connection, faulty: Scratch, fault: dict[str, Any]
) -> None:
    """A query's columns, and the catalogue."""
    spec = {**fault, "path": "/api/dataset/json"}
    for query, columns in (("select 1 as one", 1), ("select 1 as one, 2 as two, 3 as three", 3), ("select", 0)):
        rows = columns + 1
        if "row" in spec and spec["row"] % rows == rows - 1 and spec["row"] == 0:
            continue
        box.fault(**(spec | ({"row": spec["row"] % rows} if "row" in spec else {"bytes": 60})))
        with pytest.raises(IncompleteResult):
            on_path.read_sql(query)
    for row in (0, 1, 2):
        box.fault(kind="drop_cell", row=row, path="/api/dataset/json")
        with pytest.raises(IncompleteResult):
            on_path.list_tables("s_scratch")
    box.fault(**({"kind": "cut_after_bytes", "bytes": 100, "clean": True, "path": "/api/dataset/json"}))
    with pytest.raises(IncompleteResult):
        on_path.list_tables("s_scratch")


@TWO_ERAS
@pytest.mark.parametrize("question", [by_table, by_query, by_chunks])
def test_a_row_cap_is_noticed(box: Box, on_path: Connection, faulty: Scratch, question: Any) -> None:
    question(on_path)
    for cap in (1, 2, 3, 4):
        box.setting(download_row_limit=cap)
        with pytest.raises(IncompleteResult):
            question(on_path)
    box.setting(download_row_limit=None)
    assert outcome(question, on_path) == RIGHT


@TWO_ERAS
@pytest.mark.parametrize("question", [by_table, by_query])
def test_an_answer_that_takes_too_long(box: Box, connect: Connect, path: str, faulty: Scratch, question: Any) -> None:
    connection = connect(path=path, timeout=(5.0, 0.2))
    question(connection)
    box.fault(kind="delay", seconds=0.4, path="/api/dataset/json")
    with pytest.raises(ServerUnavailable, match=r"did not answer in time.*Try: a longer timeout="):
        question(connection)
    box.fault(kind="rate", bytes_per_second=20, path="/api/dataset/json")
    before = time.monotonic()
    connection._http._timeouts = timeouts((5.0, 0.02))
    with pytest.raises((ServerUnavailable, IncompleteResult)):
        question(connection)
    assert time.monotonic() - before < 2


@TWO_ERAS
@pytest.mark.parametrize("question", [by_table, by_query, by_chunks])
def test_a_session_that_ends_is_renewed_once(box: Box, on_path: Connection, faulty: Scratch, question: Any) -> None:
    question(on_path)
    box.clear_requests()
    box.expire_sessions()
    assert outcome(question, on_path) == RIGHT
    logins = [status for method, path, status in box.requests if path == "/api/session"]
    assert logins == [200]
    assert sum(status == 401 for _, _, status in box.requests) == 1


def test_an_error_of_the_query_is_that_of_the_query(on_path: Connection) -> None:
    with pytest.raises(QueryFailed, match="division by zero"):
        on_path.read_sql("select 1 / (g - 3) as x from generate_series(1, 5) g")
    with pytest.raises(QueryFailed, match="division by zero"):  # behind thousands of good rows
        on_path.read_sql("select 1 / (g - 4000) as x from generate_series(1, 5000) g")
    with pytest.raises(QueryFailed, match="division by zero"):
        on_path.read_table("s_cardio3prod", "site", where="1 / (site_id - 3) > 0")
