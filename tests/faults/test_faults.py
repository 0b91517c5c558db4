"""Every fault of networks, proxies, servers and databases, by every way that rows go: the right result or the error
that fits, never a short or wrong one, and no snapshot under its name. The table of what came stands in the test log.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultcases import FAULTS, Fault
from faultsinks import SINKS, Sink
from faultstage import RIGHT, Stage
from sandboxes import ERAS, Boxes, Database, Scratch

from insight_frames import Connection, InsightError
from insight_frames.sandbox import Box
from insight_frames.sources import together
from insight_frames.wire import patience

pytestmark = [
    pytest.mark.filterwarnings("error::ResourceWarning"),
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def doubles(boxes: Boxes) -> Iterator[dict[str, Box]]:
    """Doubles of the module's own by era, because they are killed."""
    made: dict[str, Box] = {}
    yield made
    for one in made.values():
        one.stop()


@pytest.fixture
def own(boxes: Boxes, doubles: dict[str, Box], era: str) -> Box:
    """The era's double, before the PostgreSQL of all."""
    if era not in doubles:
        doubles[era] = boxes.beside(era)
    return doubles[era]


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """What is there before the tests is not looked at again by each collection behind them."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _nothing_left(own: Box, superuser: Database) -> Iterator[None]:
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


BUFFERED = ("read_table", "plain rows", "read_sql", "snapshot")  # what a server that buffers may answer otherwise
LESS = ("... plain", "... chunks", "... for good")  # the same ways again
PAIRS = [("0.47", name) for name in SINKS if name not in LESS] + [("0.31", name) for name in BUFFERED]
LONG = [(era, name) for era in ERAS for name in SINKS if (era, name) not in PAIRS]


@pytest.mark.parametrize(("era", "name"), [*PAIRS, *(pytest.param(*one, marks=pytest.mark.long) for one in LONG)])
def test_every_fault(
    own: Box,
    scratch: Scratch,
    name: str,
    era: str,
    tmp_path: Path,
    record_property: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(together, "PAUSE", 0.0)
    monkeypatch.setattr(patience, "PAUSE", 0.0)
    sink = SINKS[name]
    wrong = []
    with Connection(own.url, username=own.username, password=own.password, **sink.settings) as connection:
        stage = Stage(own, connection, scratch, tmp_path)
        stage.build()
        assert outcome(stage, sink, None) == RIGHT
        for fault_name, fault in FAULTS.items():
            allowed = fault.allows(sink.kind, plain=sink.plain, lasting=sink.lasting)
            if not allowed:
                continue
            got = outcome(stage, sink, fault)
            record_property("fault", [fault_name, name, got if isinstance(got, str) else type(got).__name__])
            if not any(got == one if isinstance(one, str) else isinstance(got, one) for one in allowed):
                wrong.append(f"{fault_name}: {got!r}")
        assert outcome(stage, sink, None) == RIGHT  # the connection is as good as before
    assert not wrong, "\n".join(wrong)


def outcome(stage: Stage, sink: Sink, fault: Fault | None) -> str | Exception:
    """What comes of a question while a fault is switched on: "right", an error, or what is wrong."""
    stage.box.advance_clock(3600)  # every login counts towards the throttle of the oldest era
    if stage.moved:
        stage.build()
    stage.lasting = False
    try:
        sink.before(stage)
        stage.lasting = sink.lasting
        try:
            if fault is None:
                sink.run(stage)
            else:
                with stage.meeting(fault.switch):
                    sink.run(stage)
        except InsightError as error:
            stage.lasting = False
            sink.behind(stage)
            return error
    except (InsightError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return RIGHT
