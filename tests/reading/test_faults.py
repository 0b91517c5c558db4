"""What proxies, servers and networks do to an answer: the right error or the right frame, never a short or wrong one.

Every fault meets the request that brings the rows, of a table in both packed forms and on the plain path, of a query,
of chunks and of a snapshot; behind each of them no thread, socket or generator is left.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sandboxes import ERAS, TWO_ERAS, Connect, Database, Scratch

from insight_frames import Connection, IncompleteResult, InsightError, QueryFailed, ServerUnavailable, SnapshotError
from insight_frames.sandbox import Box
from insight_frames.wire import patience
from insight_frames.wire.address import timeouts

pytestmark = [
    pytest.mark.filterwarnings("error::ResourceWarning"),
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]

ROWS = 700
RIGHT = "the right frame"  # of a fault that does no harm
Outcome = tuple[str | type[InsightError], ...]

LOST: Outcome = (IncompleteResult,)
GONE: Outcome = (IncompleteResult, ServerUnavailable)
DOWN: Outcome = (ServerUnavailable,)
SAID: Outcome = (QueryFailed,)
FINE: Outcome = (RIGHT,)
EITHER: Outcome = (RIGHT, IncompleteResult)


def cut(size: int, *, clean: bool = False) -> dict[str, Any]:
    return {"kind": "cut_after_bytes", "bytes": size, "clean": clean}


# fault -> what may come of it on the packed path, and on the plain one; numbers below 0 count from the end
FAULTS: dict[str, tuple[dict[str, Any], Outcome, Outcome]] = {
    "cut before the body": (cut(0), GONE, GONE),
    "cut at its first byte": (cut(1), LOST, LOST),
    "cut in its middle": (cut(30_000), LOST, LOST),
    "cut before its end": (cut(-1), LOST, LOST),
    "ended before the body": (cut(0, clean=True), LOST, LOST),
    "ended at its first byte": (cut(1, clean=True), LOST, LOST),
    "ended in its middle": (cut(30_000, clean=True), LOST, LOST),
    "ended before its end": (cut(-1, clean=True), LOST, LOST),
    "first cell lost": ({"kind": "drop_cell", "row": 0}, LOST, LOST),
    "a cell lost": ({"kind": "drop_cell", "row": 2}, LOST, LOST),
    "last cell lost": ({"kind": "drop_cell", "row": -1}, LOST, LOST),
    "last but one lost": ({"kind": "drop_cell", "row": -2}, LOST, LOST),
    "a cell doubled": ({"kind": "duplicate_cell", "row": 2}, LOST, LOST),
    "first cell doubled": ({"kind": "duplicate_cell", "row": 0}, EITHER, LOST),
    "last cell doubled": ({"kind": "duplicate_cell", "row": -1}, EITHER, LOST),
    "two cells exchanged": ({"kind": "swap_cells", "row": 1}, FINE, LOST),
    "first cells exchanged": ({"kind": "swap_cells", "row": 0}, FINE, LOST),
    "an error for rows": ({"kind": "error_after_rows", "rows": 0}, SAID, SAID),
    "an error behind rows": ({"kind": "error_after_rows", "rows": 2}, SAID, SAID),
    "an error behind all": ({"kind": "error_after_rows", "rows": 100_000}, SAID, SAID),
    "a page with 200": ({"kind": "html", "status": 200}, DOWN, DOWN),
    "a page with 502": ({"kind": "html", "status": 502}, DOWN, DOWN),
    "a page with 504": ({"kind": "html", "status": 504}, DOWN, DOWN),
    "still starting": ({"kind": "initializing"}, DOWN, DOWN),
    "sent elsewhere": ({"kind": "redirect", "location": "https://other.example/login"}, DOWN, DOWN),
    "slow": ({"kind": "delay", "seconds": 0.1}, FINE, FINE),
}


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """What is there before the tests is not looked at again by each collection behind them."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault meets one request, which is not sent again, so that it is seen what it does."""
    monkeypatch.setattr(patience, "REPEATS", 0)


@pytest.fixture(autouse=True)
def _nothing_left(box: Box, superuser: Database) -> Iterator[None]:
    """No thread of ours, no socket and no unclosed thing is left behind the test."""
    sockets = _sockets()
    yield
    deadline = time.monotonic() + 3
    while True:
        gc.collect()
        threads = [one.name for one in threading.enumerate() if one.name.startswith("insight_frames")]
        more = _sockets() - sockets
        if not (threads or more) or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert not threads
    assert more <= 0


def _sockets() -> int:
    folder = Path("/proc/self/fd")
    links = (
        [os.readlink(one) for one in folder.iterdir() if one.exists() or one.is_symlink()] if folder.exists() else []
    )
    return sum(link.startswith("socket:") for link in links)


@pytest.fixture
def faulty(scratch: Scratch) -> Scratch:
    scratch.run(
        f"create table t as select g as n, 'row ' || g || repeat('x', 150) as label from generate_series(1, {ROWS}) g"
    )
    return scratch


def by_table(connection: Connection) -> pd.DataFrame:
    return connection.read_table("s_scratch", "t")


def by_condition(connection: Connection) -> pd.DataFrame:
    return connection.read_table("s_scratch", "t", where="n > :n", params={"n": 0})


def by_query(connection: Connection) -> pd.DataFrame:
    return connection.read_sql("select * from s_scratch.t order by n")


def by_chunks(connection: Connection) -> pd.DataFrame:
    return pd.concat(list(connection.read_table("s_scratch", "t", chunksize=150)), ignore_index=True)


def before_the_rows(connection: Connection, action: Callable[[], None]) -> None:
    """Do something once the connection has asked all that it asks before the rows (a query's columns)."""
    rows, server = connection._source.server.rows, connection._source.server

    def and_then(*asked: Any) -> Any:
        got = rows(*asked)
        action()
        return got

    server.rows = and_then  # type: ignore[method-assign]


def outcome(question: Callable[[Connection], pd.DataFrame], connection: Connection) -> Any:
    try:
        frame = question(connection)
    except InsightError as error:
        return error
    numbers = frame["n"].tolist()
    numbers = numbers if question is by_query else sorted(numbers)  # a table has no order
    whole = (frame["label"] == [f"row {n:.0f}" + "x" * 150 for n in frame["n"]]).all()
    return RIGHT if numbers == list(range(1, ROWS + 1)) and whole else frame


def allowed(got: Any, expected: Outcome) -> bool:
    return any(got is one if isinstance(one, str) else isinstance(got, one) for one in expected)


FULL = [(question, era) for question in (by_table, by_query) for era in ERAS]
HALF = [(question, era) for question in (by_condition, by_chunks) for era in ("0.34", "0.47")]
LONG = [(question, era) for question in (by_condition, by_chunks) for era in ("0.31", "0.49")]


@pytest.mark.parametrize(
    ("question", "era"), [*FULL, *HALF, *(pytest.param(*one, marks=pytest.mark.long) for one in LONG)]
)
def test_every_fault(box: Box, on_path: Connection, path: str, faulty: Scratch, question: Any) -> None:
    assert outcome(question, on_path) == RIGHT  # and what a query's columns are is known from here on
    size, cells = body(on_path, question)
    wrong = []
    for name, (fault, packed, plain) in FAULTS.items():
        box.fault(**aimed(fault, size, cells))
        got = outcome(question, on_path)
        if not allowed(got, packed if path != "plain" else plain):
            wrong.append(f"{name}: {got!r}")
        box.fault()
    assert not wrong, "\n".join(wrong)
    assert outcome(question, on_path) == RIGHT  # the connection is as good as before


def aimed(fault: dict[str, Any], size: int, cells: int) -> dict[str, Any]:
    """The fault at exports, with its place counted from the end of this body where it is below 0."""
    ends = {"bytes": size, "row": cells}
    return {key: value + ends[key] if key in ends and value < 0 else value for key, value in fault.items()} | {
        "path": "/api/dataset/json"
    }


def body(connection: Connection, question: Any) -> tuple[int, int]:
    """How long the answer is that brings the rows, and in how many row objects."""
    sent: list[bytes] = []
    export = connection._source.server.export

    def seen(sql: str, **more: Any) -> Any:
        answer = export(sql, **more)
        pieces = list(answer.pieces())
        sent.append(b"".join(pieces))
        answer.pieces = lambda: iter(pieces)  # type: ignore[method-assign]
        return answer

    connection._source.server.export = seen  # type: ignore[method-assign]
    try:
        question(connection)
    finally:
        del connection._source.server.export
    return len(sent[-1]), sent[-1].count(b'{"t":') or sent[-1].count(b'"n":')


@TWO_ERAS
@pytest.mark.parametrize("fault", ["first cell lost", "last but one lost", "last cell lost", "ended before its end"])
def test_what_is_asked_before_the_rows_is_proven_too(
    box: Box, on_path: Connection, faulty: Scratch, fault: str
) -> None:
    """A query's columns, and the catalogue."""
    spec = {**FAULTS[fault][0], "path": "/api/dataset/json"}
    for query, columns in (("select 1 as one", 1), ("select 1 as one, 2 as two, 3 as three", 3), ("select", 0)):
        rows = columns + 1
        if "row" in spec and spec["row"] % rows == rows - 1 and fault == "first cell lost":
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


def test_faults_during_a_snapshot_publish_nothing(
    box: Box, connection: Connection, faulty: Scratch, tmp_path: Path
) -> None:
    faulty.run("create table other as select 1 as one; create view v as select n from t")
    connection.snapshot(tmp_path / "whole", schemas="s_scratch")
    size, cells = body(connection, lambda one: one.snapshot(tmp_path / "again", schemas="s_scratch"))
    queued: list[dict[str, Any]] = []
    before_the_rows(connection, lambda: box.fault(**queued[-1]))
    wrong = []
    for name, (fault, expected, _) in FAULTS.items():
        queued.append(aimed(fault, size, cells))
        target = tmp_path / "cut"
        try:
            cut = connection.snapshot(target, schemas="s_scratch", overwrite=True)
        except InsightError as error:
            if not allowed(error, (*expected, SnapshotError)) or target.exists():
                wrong.append(f"{name}: {error!r}")
        else:
            if RIGHT not in expected or len(cut.read_table("s_scratch", "t")) != ROWS:
                wrong.append(f"{name}: a snapshot")
            target.rename(tmp_path / name)
        box.fault()
    assert not wrong, "\n".join(wrong)
    assert {one.name for one in tmp_path.iterdir()} <= {"whole", "again", *FAULTS}


def test_an_error_of_the_query_is_that_of_the_query(on_path: Connection) -> None:
    with pytest.raises(QueryFailed, match="division by zero"):
        on_path.read_sql("select 1 / (g - 3) as x from generate_series(1, 5) g")
    with pytest.raises(QueryFailed, match="division by zero"):  # behind thousands of good rows
        on_path.read_sql("select 1 / (g - 4000) as x from generate_series(1, 5000) g")
    with pytest.raises(QueryFailed, match="division by zero"):
        on_path.read_table("s_cardio3prod", "site", where="1 / (site_id - 3) > 0")
