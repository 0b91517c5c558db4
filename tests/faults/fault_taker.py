"""Takes snapshots of a live server in processes that are killed, or that meet; run by test_fault_files.

``kill TIMES SEED``: takes them in children that get SIGKILL at random instants, and sees after each what stands under
the name; prints how often nothing, the old or the new one. ``once``: takes one, and prints what came of it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from insight_frames import Connection, InsightError, open_snapshot
from insight_frames.snapshots import Snapshot

SCHEMA = "s_scratch"


def take(target: Path, *, overwrite: bool = False) -> Snapshot:
    url, username, password = (os.environ[f"FAULT_{name}"] for name in ("URL", "USERNAME", "PASSWORD"))
    asked = {"username": username, "password": password, "session_id": os.environ["FAULT_SESSION"]}
    with Connection(url, **asked, compression="identity") as connection:
        return connection.snapshot(target, schemas=SCHEMA, overwrite=overwrite)


def killed(target: Path, after: float | None) -> float:
    """Take one in a child that is killed after so many seconds; give the seconds that it lived."""
    began = time.monotonic()
    child = os.fork()
    if not child:
        take(target, overwrite=target.exists())
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return time.monotonic() - began


def kill(target: Path, times: int, seed: int) -> dict[str, int]:
    """Kill again and again; whatever stands under the name must be whole, and one that stood must stand."""
    chance = random.Random(seed)
    longest = killed(target, None)
    fingerprint = open_snapshot(target).fingerprint
    seen = {"nothing": 0, "whole": 0, "in place of another": 0}
    for number in range(times):
        stood = number % 2 == 0
        if not stood:
            os.rename(target, target.with_name(f"old {number}"))
        killed(target, chance.uniform(0, longest))
        if target.exists() or stood:
            assert open_snapshot(target).verify(fingerprint=fingerprint), f"kill {number}: not whole"
        seen["in place of another" if stood else "whole" if target.exists() else "nothing"] += 1
        assert take(target, overwrite=target.exists()).fingerprint == fingerprint
        left = [one for one in os.listdir(target.parent) if not one.startswith("old ")]
        assert left == [target.name], f"kill {number}: {left}"
    return seen


def once(target: Path) -> str:
    try:
        return "right" if take(target).verify() else "damaged"
    except InsightError as error:
        return f"{type(error).__mro__[-5].__name__}: {error}"


if __name__ == "__main__":
    place = Path(sys.argv[2])
    print(json.dumps(kill(place, int(sys.argv[3]), int(sys.argv[4])) if sys.argv[1] == "kill" else once(place)))
