"""Killed at any instant: the old snapshot or the new one stands under the name, whole, or nothing where nothing was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_RUNNER = Path(__file__).with_name("crash_runner.py")
_PACKAGE = Path(__file__).parents[2]


@pytest.mark.parametrize("mode", ["new", "overwrite"])
def test_killed_before_every_step(mode: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(_PACKAGE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(_RUNNER), str(tmp_path / "folder"), mode],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["steps"] >= 25
    assert set(found["seen"]) == ({"1", "2"} if mode == "overwrite" else {"None", "2"})
