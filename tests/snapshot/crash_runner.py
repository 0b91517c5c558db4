"""Runs a take again and again and dies before its first, second, ... step on the file system, or is killed at random.

A step is whatever Python reports to audit hooks about files (open, rename, mkdir, remove, rmdir, lock, ...) and every
batch of the source. Run by test_crash; prints one JSON object: steps tried and what stood afterwards.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from standin import Source, study

from insight_frames.errors import IncompleteResult, SnapshotError
from insight_frames.snapshots import open_snapshot, take

_COUNTED = ("open", "os.", "fcntl.", "shutil.")


def die_at(step: int, folder: str, event_names: list[str]) -> Any:
    """Install the audit hook; give the function that the source calls."""
    left = [step]

    def count(name: str) -> None:
        event_names.append(name)
        if left[0] == 0:
            os._exit(9)
        left[0] -= 1

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not event.startswith(_COUNTED) or event in ("os.listdir", "os.scandir", "os.fork"):
            return
        by_handle = event.startswith("fcntl.") or (event in ("os.remove", "os.rmdir") and args[-1] != -1)
        if by_handle or any(isinstance(one, str | os.PathLike) and folder in os.fspath(one) for one in args):
            count(event)

    sys.addaudithook(hook)
    return lambda number: count(f"batch {number}")


def attempt(step: int, target: Path, state: int, overwrite: bool) -> int:
    """Take in a child that dies before `step`; give its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    names: list[str] = []
    source = Source(study(state))
    source._step = die_at(step, str(target.parent), names)
    take(source, source.tables, target, overwrite=overwrite)
    os._exit(0)


def what_stands(target: Path) -> int | None:
    """Give the state under the name, None if nothing stands there; AssertionError if it is not whole."""
    try:
        cut = open_snapshot(target)
    except SnapshotError:
        assert not target.exists(), "something stands under the name that cannot be opened"
        return None
    report = cut.verify()
    assert report, str(report)
    states = {int(one) for name in ("site", "participant") for one in cut.read_table("s_juno", name)["state"]}
    assert len(states) == 1, "two states are mixed"
    return states.pop()


def begin(folder: Path, mode: str) -> Path:
    """Make the folder as it is before the take that dies: empty, with an old snapshot, with the rest of an attempt."""
    target = folder / "cut"
    shutil.rmtree(folder)
    folder.mkdir()
    if mode == "overwrite":
        before = Source(study(1))
        take(before, before.tables, target)
    if mode == "resume":
        before = Source(study(2), step=breaks)
        try:
            take(before, before.tables, target)
        except IncompleteResult:
            assert len(os.listdir(folder)) == 1, "nothing was kept"
    return target


def breaks(number: int) -> None:
    """Lose the connection after the first table."""
    if number == 3:
        raise IncompleteResult("the connection broke")


def look(target: Path, mode: str, seen: dict[str, int], what: str) -> None:
    """After a crash see what stands; then take again, and see that nothing is left lying about."""
    found = what_stands(target)
    seen[str(found)] = seen.get(str(found), 0) + 1
    assert found in ((1, 2) if mode == "overwrite" else (None, 2)), f"{what}: {found}"
    after = Source(study(3))
    take(after, after.tables, target, overwrite=found is not None)
    if mode != "resume":  # the source of the tests does not prove what is kept
        assert what_stands(target) == 3
    assert os.listdir(target.parent) == ["cut"], f"{what}: left {os.listdir(target.parent)}"


def run(folder: Path, mode: str) -> dict[str, Any]:
    """Try every step."""
    seen: dict[str, int] = {}
    step = 0
    while True:
        target = begin(folder, mode)
        status = attempt(step, target, 2, mode == "overwrite")
        assert status in (0, 9), f"step {step}: the child ended with {status}"
        look(target, mode, seen, f"step {step}")
        if status == 0:
            return {"steps": step, "seen": seen}
        step += 1


def kill(folder: Path, mode: str, times: int) -> dict[str, Any]:
    """Kill the taker at random instants; some come before its first step, and some after its last."""
    seen: dict[str, int] = {}
    chance = random.Random(2)
    longest = 0.0
    for number in range(times):
        target = begin(folder, mode)
        child = os.fork()
        if not child:
            source = Source(study(2))
            take(source, source.tables, target, overwrite=mode == "overwrite")
            os._exit(0)
        began = time.monotonic()
        if number >= 5:  # the first ones only tell how long it takes
            time.sleep(chance.uniform(0, longest))
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        longest = max(longest, time.monotonic() - began) if number < 5 else longest
        look(target, mode, seen, f"kill {number}")
    return {"steps": times, "seen": seen}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir()
    print(json.dumps(kill(place, sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else run(place, sys.argv[2])))
