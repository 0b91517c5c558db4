"""Every fault, how it is switched on, and what may come of it: the right result, or the errors that fit.

``packed`` is what may come of a table or query read in packed form, ``plain`` of one read row by row, ``snapshot`` of a
snapshot whose answer meets the fault once: if its connection breaks when some tables have come whole, it goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from faultstage import EXPORT, RIGHT, Stage, Switch

from insight_frames import (
    IncompleteResult,
    InsightError,
    QueryFailed,
    ServerUnavailable,
    SessionExpired,
    TableNotFound,
)
from insight_frames.wire.address import timeouts

Outcome = tuple[str | type[InsightError], ...]
FINE: Outcome = (RIGHT,)
LOST: Outcome = (IncompleteResult,)
DOWN: Outcome = (ServerUnavailable,)
AGAIN: Outcome = (RIGHT, ServerUnavailable)  # of what is worth asking again: a server that is busy, or was never there
SAID: Outcome = (QueryFailed,)
MENDED: Outcome = (RIGHT, IncompleteResult)
PATIENCE = 20.0  # seconds until a helper of a test gives up


@dataclass(frozen=True)
class Fault:
    """How a fault is switched on, and what may come of it by the way the rows go; None: as on the packed path."""

    switch: Switch
    packed: Outcome
    plain: Outcome | None = None
    query: Outcome | None = None
    snapshot: Outcome | None = None
    lasting: Outcome | None = None  # of a snapshot, when every answer has it; () if that cannot be

    def allows(self, kind: str, *, plain: bool, lasting: bool) -> Outcome:
        """What may come of it."""
        if lasting:
            return self.packed if self.lasting is None else self.lasting
        special = (
            self.plain if plain else self.query if kind == "query" else self.snapshot if kind == "snapshot" else None
        )
        return self.packed if special is None else special


def answers(*specs: dict[str, Any], gzip: bool = False, timeout: float | None = None) -> Switch:
    """Faults of the double, in the answers to exports."""

    @contextmanager
    def switch(stage: Stage) -> Iterator[None]:
        http = stage.connection._http
        before = http._timeouts, http._link._asked
        times = 50 if stage.lasting else 1
        stage.box.fault(faults=[{"path": EXPORT, "times": times, **one} for one in specs])
        if timeout is not None:
            http._timeouts = timeouts((5.0, timeout))
        if gzip:
            http._link._asked = "gzip"
        yield
        http._timeouts, http._link._asked = before
        stage.box.fault()

    return switch


def done(sql: str) -> Switch:
    """Something that happens to the tables between catalogue and rows."""

    @contextmanager
    def switch(stage: Stage) -> Iterator[None]:
        with stage.tables.database.transaction():
            stage.tables.run(sql)
        stage.moved = True
        yield

    return switch


def capped(rows: int) -> Switch:
    @contextmanager
    def switch(stage: Stage) -> Iterator[None]:
        stage.box.setting(download_row_limit=rows)
        yield
        stage.box.setting(download_row_limit=None)

    return switch


@contextmanager
def restarted(stage: Stage) -> Iterator[None]:
    """The server dies in the middle of its answer; another one takes its place."""
    stage.box.fault(kind="die_after_bytes", bytes=5_000, path=EXPORT)

    def restart() -> None:
        if eventually(lambda: not stage.box._double.running):
            stage.box.restart()

    with beside(restart):
        yield


def stopped(how: str) -> Switch:
    """PostgreSQL ends the statement, which waits for a lock."""

    @contextmanager
    def switch(stage: Stage) -> Iterator[None]:
        stop = f"select {how}(pid) from pg_locks where not granted and relation = 's_scratch.t'::regclass"
        with stage.box.connect() as holder, stage.box.connect() as other:
            holder.execute("begin; lock table s_scratch.t in access exclusive mode")
            with beside(lambda: eventually(lambda: other.execute(stop.encode()).fetchone())):
                yield

    return switch


@contextmanager
def expired(stage: Stage) -> Iterator[None]:
    stage.box.expire_sessions()
    yield


def without_sessions(switch: Switch) -> Switch:
    """A fault that ends sessions; behind it the connection gets a new one, so that the next fault meets the rows."""

    @contextmanager
    def both(stage: Stage) -> Iterator[None]:
        with switch(stage):
            yield
        stage.box.advance_clock(3600)
        stage.connection.whoami()

    return both


def eventually(what: Any) -> Any:
    """Ask until the answer is true; give it, or what is not true after too long a time."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


@contextmanager
def beside(work: Any) -> Iterator[None]:
    """Do something in a thread while the block runs."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join()


def broken_off() -> dict[str, Fault]:
    """The places where an answer can break off, by the ways it can end there."""
    ways: dict[str, list[dict[str, Any]]] = {
        "closed": [{}],
        "reset": [{"reset": True}],
        "ended": [{"clean": True}],
        "closed, no length told": [{"clean": True}, {"kind": "until_close"}],
    }
    places: dict[str, dict[str, Any]] = {
        "at the first byte": {"kind": "cut_after_bytes", "bytes": 1},
        "in mid-cell": {"kind": "cut_at_row", "row": 2, "inside": True},
        "in the last cell": {"kind": "cut_at_row", "row": -2, "inside": True},
        "between cells": {"kind": "cut_at_row", "row": 2},
        "before the end mark": {"kind": "cut_at_row", "row": -2},
        "behind the end mark": {"kind": "cut_at_row", "row": -1},
    }
    found = {}
    for place, spec in places.items():
        for way, (how, *more) in ways.items():
            found[f"{way} {place}"] = Fault(answers({**spec, **how}, *more), LOST, snapshot=MENDED)
    nothing = {"kind": "cut_after_bytes", "bytes": 0}
    return {
        "closed before the header": Fault(answers(nothing), AGAIN, lasting=DOWN),
        "reset before the header": Fault(answers({**nothing, "reset": True}), AGAIN, lasting=DOWN),
        "ended behind the header": Fault(answers({**nothing, "clean": True}), LOST),
        "closed behind the header": Fault(answers({**nothing, "clean": True}, {"kind": "until_close"}), LOST),
        **found,
    }


def cell(kind: str, row: int, **more: Any) -> Switch:
    return answers({"kind": kind, "row": row, **more})


def changed() -> dict[str, Fault]:
    """Cells that are lost, doubled, moved or of another length."""
    found = {}
    for name, row in {"first": 0, "second": 1, "third": 2, "last but one": -2, "last": -1}.items():
        found[f"{name} cell lost"] = Fault(cell("drop_cell", row), LOST)
        found[f"{name} cell doubled"] = Fault(cell("duplicate_cell", row), LOST)
        if row != -1:
            found[f"{name} cell behind the next"] = Fault(cell("swap_cells", row), FINE, LOST)
    return {
        **found,
        "a cell cut short": Fault(cell("change_cell", 2, at=32, lose=30), LOST),
        "a cell longer": Fault(cell("change_cell", 2, at=2, add="xxx"), LOST),
        "a cell less a piece": Fault(cell("change_cell", 2, at=100, lose=7), LOST),
        "a cell with a piece more": Fault(cell("change_cell", 2, at=100, add="xxx"), LOST),
    }


MOVED = {
    "altered": "alter table t add column more int default 7",
    "retyped": "drop view v; alter table t alter column state type text using 'state ' || state",
    "swapped": "create table new (like t); insert into new select n, label, 2 from t; grant select on new to"
    " insight_analyst; drop table t cascade; alter table new rename to t",
    "refreshed": "update p0 set state = 2; update p5 set state = 2; truncate t; insert into t select g, 'new', 2 from"
    " generate_series(1, 500) g",
}
BREAKING = answers({"kind": "cut_at_row", "row": -3, "inside": True, "times": 2})
GONE = "drop table t cascade"
FAULTS: dict[str, Fault] = {
    **broken_off(),
    "gzip without its trailer": Fault(answers({"kind": "no_trailer"}, gzip=True), LOST, snapshot=MENDED),
    "gzip ended in its middle": Fault(
        answers({"kind": "cut_after_bytes", "bytes": 1000, "clean": True}, gzip=True), LOST, snapshot=MENDED
    ),
    "no answer in time": Fault(answers({"kind": "delay", "seconds": 1.0}, timeout=0.3), DOWN),
    "a stall in mid-cell": Fault(
        answers({"kind": "stall_after_bytes", "bytes": 9_000, "seconds": 1.0}, timeout=0.3),
        LOST,
        snapshot=(*MENDED, ServerUnavailable),
    ),
    "slow": Fault(answers({"kind": "rate", "bytes_per_second": 5e6}), FINE),
    "a page with 200": Fault(answers({"kind": "html", "status": 200}), DOWN),
    "a page with 502": Fault(answers({"kind": "html", "status": 502}), AGAIN, lasting=DOWN),
    "a page with 504": Fault(answers({"kind": "html", "status": 504}), AGAIN, lasting=DOWN),
    "still starting": Fault(answers({"kind": "initializing"}), AGAIN, lasting=DOWN),
    "sent elsewhere": Fault(answers({"kind": "redirect", "location": "https://other.example/login"}), DOWN),
    "an error for rows": Fault(answers({"kind": "error_after_rows", "rows": 0}), SAID),
    "an error among rows": Fault(answers({"kind": "error_after_rows", "rows": 3}), SAID),
    "an error behind all rows": Fault(answers({"kind": "error_after_rows", "rows": 100_000}), SAID),
    **changed(),
    "a row cap at 1": Fault(capped(1), LOST),
    "a row cap at 3": Fault(capped(3), LOST),
    "session ended before it": Fault(without_sessions(expired), FINE, lasting=()),
    "session ended during it": Fault(without_sessions(answers({"kind": "expire", "late": True})), FINE, lasting=()),
    "every session ends": Fault(without_sessions(answers({"kind": "expire", "times": 50})), (SessionExpired,)),
    "server killed and restarted": Fault(
        restarted, LOST, snapshot=(*MENDED, ServerUnavailable), lasting=(*MENDED, ServerUnavailable)
    ),
    "statement cancelled": Fault(stopped("pg_cancel_backend"), SAID),
    "PostgreSQL hangs up": Fault(stopped("pg_terminate_backend"), SAID),
    **{f"table {how}": Fault(done(sql), FINE) for how, sql in MOVED.items()},
    "table dropped": Fault(done(GONE), (TableNotFound,), (TableNotFound, QueryFailed), SAID, FINE, FINE),
}
