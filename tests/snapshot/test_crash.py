"""Killed at any instant: the old snapshot or the new one stands under the name, whole, or nothing where nothing was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from standin import Source, study

from insight_frames.snapshots import take

_RUNNER = Path(__file__).with_name("crash_runner.py")
_PACKAGE = Path(__file__).parents[2]


def run(*arguments: str) -> dict[str, Any]:
    path = os.pathsep.join([str(_PACKAGE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(_RUNNER), *arguments],
        capture_output=True,
        text=True,
        timeout=250,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("mode", ["new", "overwrite", "resume"])
def test_killed_before_every_step(mode: str, tmp_path: Path) -> None:
    found = run(str(tmp_path / "folder"), mode)
    assert found["steps"] >= 25
    if mode == "resume":
        assert set(found["seen"]) >= {"None", "2"}
    else:
        assert set(found["seen"]) == ({"1", "2"} if mode == "overwrite" else {"None", "2"})


@pytest.mark.parametrize(
    ("mode", "times"),
    [("new", 12), ("overwrite", 20), *(pytest.param(one, 300, marks=pytest.mark.long) for one in ("new", "overwrite"))],
)
def test_killed_at_random_instants(mode: str, times: int, tmp_path: Path) -> None:
    found = run(str(tmp_path / "folder"), mode, str(times))
    assert sum(found["seen"].values()) == times


def test_all_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut loses what was written and not synced: every file and folder is, before the rename, and it after."""
    done: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def synced(handle: int) -> None:
        done.append(("sync", os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def renamed(old: Path, new: Path) -> None:
        files = {str(one) for one in (Path(old), *Path(old).rglob("*"))}
        done.append(("rename", str(new)))
        unsynced = files.difference(name.removesuffix(".partial") if ".parquet" in name else name for _, name in done)
        assert not unsynced
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    source = Source(study(1))
    monkeypatch.setattr(os, "rename", renamed)
    take(source, source.tables, tmp_path / "cut")
    assert done[-2:] == [("rename", str(tmp_path / "cut")), ("sync", str(tmp_path))]
