"""Snapshots: a study frozen into Parquet files as of one moment, and read back without a server.

``take`` writes, ``folder`` publishes or leaves nothing, ``cut`` answers questions offline, ``verify`` finds damage,
``difference`` tells what changed between two of them.
"""

from __future__ import annotations

from .cut import Snapshot, open_snapshot
from .difference import Diff
from .take import refuse_twins, take
from .verify import Report

__all__ = ["Diff", "Report", "Snapshot", "open_snapshot", "refuse_twins", "take"]
