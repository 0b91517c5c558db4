"""What kind of instance is this? A page that answers what nobody can know beforehand, asked of the server itself.

Behaviour is probed with statements over constants of our own, never assumed from a version; what the server refuses is
a line that says so. No row of a study is read: what is told are names, types, counts, settings and times.
"""

from __future__ import annotations

from .examination import examine, examine_direct
from .report import Report

__all__ = ["Report", "examine", "examine_direct"]
