"""The old name of ``insight_frames.snapshots``: ``insight_frames.snapshot`` is the function."""

from __future__ import annotations

from ..snapshots import Report, Snapshot, open_snapshot, refuse_twins, take

__all__ = ["Report", "Snapshot", "open_snapshot", "refuse_twins", "take"]
