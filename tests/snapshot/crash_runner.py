"""Runs a take again and again and dies before its first, second, ... step on the file system; run by test_crash.

A step is whatever Python reports to audit hooks about files (open, rename, mkdir, remove, rmdir, lock, ...) and every
batch of the source. Prints one JSON object: steps tried and what went wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from standin import Source, study

from insight_frames.errors import SnapshotError
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


def run(folder: Path, overwrite: bool) -> dict[str, Any]:
    """Try every step; after each crash look, then take again and look for what is left lying about."""
    target = folder / "cut"
    seen: dict[str, int] = {}
    step = 0
    while True:
        shutil.rmtree(folder)
        folder.mkdir()
        if overwrite:
            before = Source(study(1))
            take(before, before.tables, target)
        status = attempt(step, target, 2, overwrite)
        assert status in (0, 9), f"step {step}: the child ended with {status}"
        found = what_stands(target)
        seen[str(found)] = seen.get(str(found), 0) + 1
        assert found in ((1, 2) if overwrite else (None, 2)), f"step {step}: {found}"
        after = Source(study(3))
        take(after, after.tables, target, overwrite=found is not None)
        assert what_stands(target) == 3
        assert os.listdir(folder) == ["cut"], f"step {step}: left {os.listdir(folder)}"
        if status == 0:
            return {"steps": step, "seen": seen}
        step += 1


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir()
    print(json.dumps(run(place, sys.argv[2] == "overwrite")))
