"""Snapshots: a study frozen into Parquet files as of one moment, and read back without a server.

``take`` writes, ``folder`` publishes or leaves nothing, ``cut`` answers questions offline, ``verify`` finds damage.
"""

from __future__ import annotations

from .cut import Snapshot, open_snapshot
from .take import refuse_twins, take
from .verify import Report

__all__ = ["Report", "Snapshot", "open_snapshot", "refuse_twins", "take"]
