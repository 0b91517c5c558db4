"""Fixtures of the tests of signing in: a folder of settings and sessions of its own for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from insight_frames.credentials import kept
from insight_frames.sandbox import Box


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of settings and sessions; sessions are kept in it."""
    monkeypatch.setenv("INSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("INSIGHT_KEEP_SESSION", raising=False)
    monkeypatch.setattr(kept, "_SHARED", {})  # what this process remembers of earlier tests
    return tmp_path / "home"


@pytest.fixture
def logins(box: Box) -> Callable[[], int]:
    """How many logins the sandbox has seen in this test."""
    return lambda: [(method, path) for method, path, _ in box.requests].count(("POST", "/api/session"))
