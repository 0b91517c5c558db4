"""Servers that answer that they are busy are asked again at once: there are hundreds of them."""

from __future__ import annotations

import pytest

from insight_frames.wire import patience


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.0)
