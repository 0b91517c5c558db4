"""Snapshots: a study frozen into Parquet files as of one moment, and read back without a server.

``freeze`` chooses what is meant, ``take`` writes it, ``folder`` publishes or leaves nothing, ``cut`` answers questions
offline, ``cutting`` makes data cuts, ``verify`` finds damage, ``difference`` tells what changed between two of them.
"""

from __future__ import annotations

from ..sources.transaction import Consistency
from .cut import Snapshot, open_snapshot
from .difference import Diff
from .freeze import freeze, refuse_twins
from .take import take
from .verify import Report

__all__ = ["Consistency", "Diff", "Report", "Snapshot", "freeze", "open_snapshot", "refuse_twins", "take"]
