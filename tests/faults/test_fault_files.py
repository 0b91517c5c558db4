"""What happens to files: a disk that is full at n bytes, kill -9 at any instant, two processes on one target."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faultsinks import break_one, taken, whole
from faultstage import SCHEMA, Stage
from sandboxes import Connect, Scratch

import insight_frames as ifr
from insight_frames import FileError, InsightError, SnapshotError
from insight_frames.sandbox import Box
from insight_frames.sources import together

Record = Callable[[str, object], None]
pytestmark = pytest.mark.parametrize("era", ["0.47"])
TAKER = Path(__file__).with_name("fault_taker.py")


@pytest.fixture
def stage(box: Box, connect: Connect, scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(together, "PAUSE", 0.0)
    made = Stage(box, connect(), scratch, tmp_path)
    made.build()
    return made


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file may become larger than so many bytes: what the system says is what it says of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def snapshot(stage: Stage) -> Path:
    taken(stage)
    return stage.path


def csv(stage: Stage) -> Path:
    ifr.to_csv(stage.connection.read_table(SCHEMA, "t"), stage.path)
    return stage.path


def excel(stage: Stage) -> Path:
    ifr.to_excel(stage.connection.read_table(SCHEMA, "t"), stage.path)
    return stage.path


def other(write: Callable[..., object], **how: Any) -> Callable[[Stage], Path]:
    """A file for another program."""

    def job(stage: Stage) -> Path:
        write(stage.connection.read_table(SCHEMA, "t"), stage.path, **how)
        return stage.path

    return job


def difference(stage: Stage) -> Path:
    assert stage.old is not None
    assert stage.kept is not None
    ifr.diff(stage.old, stage.kept).to_excel(stage.path)
    return stage.path


WRITERS: dict[str, tuple[Callable[[Stage], Path], str, type[InsightError]]] = {
    "snapshot": (snapshot, "cut", SnapshotError),
    "resume": (snapshot, "cut", SnapshotError),
    "to_csv": (csv, "cut.csv", FileError),
    "to_excel": (excel, "cut.xlsx", FileError),
    "to_stata": (other(ifr.to_stata), "cut.dta", FileError),
    "to_spss": (other(ifr.to_spss), "cut.sav", FileError),
    "to_xpt 5": (other(ifr.to_xpt, version=5), "cut.xpt", FileError),
    "to_xpt 8": (other(ifr.to_xpt, version=8), "cut.xpt", FileError),
    "to_dataset_json": (other(ifr.to_dataset_json), "cut.json", FileError),
    "diff.to_excel": (difference, "cut.xlsx", SnapshotError),
}


LESS = ("to_spss", "to_xpt 5", "to_dataset_json")  # as the others, by the same hand


@pytest.mark.parametrize("name", [pytest.param(one, marks=pytest.mark.long) if one in LESS else one for one in WRITERS])
def test_a_full_disk(stage: Stage, name: str, era: str, record_property: Record) -> None:
    write, file, expected = WRITERS[name]
    if name == "diff.to_excel":
        two_snapshots(stage)
    sizes: list[int] = [1 << 30]
    while sizes:
        if name == "resume":
            break_one(stage)
        stage.path = stage.place(stage.kept if name == "resume" else None).with_name(file)
        with room(sizes[-1]):
            got = outcome(stage, write)
        if sizes[-1] == 1 << 30:
            assert got == "right"
            size = max(one.stat().st_size for one in [stage.path, *stage.path.rglob("*")] if one.is_file())
            sizes = [size - 1, size // 2, size // 10, 100, 0, 1 << 30]
        else:
            assert isinstance(got, expected), f"{sizes[-1]} bytes: {got!r}"
            assert not stage.path.exists(), f"{sizes[-1]} bytes: something stands under the name"
            record_property("fault", ["disk full", name, type(got).__name__])
            assert outcome(stage, write) == "right"
        sizes.pop()
        if name in ("snapshot", "resume"):
            whole(stage, ifr.open_snapshot(stage.path))
        else:
            assert [one.name for one in stage.path.parent.iterdir()] == [file]


def two_snapshots(stage: Stage) -> None:
    stage.path = stage.place()
    stage.old = taken(stage).path
    stage.tables.run("alter table t add primary key (n); update t set label = 'another' where n < 600")
    stage.path = stage.place()
    stage.kept = taken(stage).path


def outcome(stage: Stage, write: Callable[[Stage], Path]) -> Any:
    try:
        write(stage)
    except InsightError as error:
        return error
    return "right"


@pytest.mark.parametrize("times", [6, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_killed_at_random_instants(stage: Stage, times: int, era: str, record_property: Record) -> None:
    done = subprocess.run(taker(stage, "kill", stage.place(), times, 5), **how(stage), timeout=1700)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    assert sum(seen.values()) == times
    for what, count in seen.items():
        record_property("fault", ["kill -9", "snapshot", "right" if count and what != "nothing" else "nothing there"])


def test_two_processes_on_one_target(stage: Stage, era: str, record_property: Record) -> None:
    stage.path = stage.place()
    stage.box.fault(kind="delay", seconds=1.0, times=4, path="/api/dataset/json")
    both = [
        subprocess.Popen(taker(stage, "once", stage.path), stdout=subprocess.PIPE, **how(stage, pipes=False))
        for _ in range(2)
    ]
    told = sorted(json.loads(one.communicate(timeout=60)[0]) for one in both)
    assert told[1] == "right", told
    assert told[0].startswith("SnapshotError: "), told
    assert "Another snapshot is being written to this path" in told[0] or "There is a snapshot under" in told[0]
    whole(stage, ifr.open_snapshot(stage.path))
    for one in told:
        record_property("fault", ["two processes", "snapshot", one.partition(":")[0]])


def taker(stage: Stage, *arguments: object) -> list[str]:
    return [sys.executable, str(TAKER), *map(str, arguments)]


def how(stage: Stage, *, pipes: bool = True) -> dict[str, Any]:
    """Say how the taker is run; it takes over the session of this test, because logins are counted."""
    stage.connection.whoami()
    held = stage.connection._session._id
    assert held is not None
    secrets = {"URL": stage.box.url, "USERNAME": stage.box.username, "PASSWORD": stage.box.password}
    names = {f"FAULT_{name}": value for name, value in {**secrets, "SESSION": held.reveal()}.items()}
    path = os.pathsep.join([str(TAKER.parents[2]), os.environ.get("PYTHONPATH", "")])
    more = {"capture_output": True, "check": False} if pipes else {}
    return {"env": {**os.environ, **names, "PYTHONPATH": path}, "text": True, **more}
