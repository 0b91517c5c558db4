"""The table of faults, ways and outcomes that stands in the test log, gathered from the reports of all workers."""

from __future__ import annotations

from collections.abc import Iterable

SHORT = {
    "IncompleteResult": "Incomplete",
    "ServerUnavailable": "Unavailable",
    "SessionExpired": "Expired",
    "TableNotFound": "NotFound",
    "SnapshotError": "Snapshot",
    "InconsistentSnapshot": "Inconsistent",
}


def lines(found: Iterable[tuple[str, str, str]]) -> list[str]:
    """Give the table of (fault, way, outcome); several outcomes of one place stand beside each other."""
    places: dict[tuple[str, str], dict[str, None]] = {}
    for fault, way, outcome in found:
        places.setdefault((fault, way), {})[SHORT.get(outcome, outcome)] = None
    if not places:
        return []
    ways = list(dict.fromkeys(way for _, way in places))
    rows = [["", *ways]]
    for fault in dict.fromkeys(fault for fault, _ in places):
        rows.append([fault, *("/".join(sorted(places.get((fault, way), {"-": None}))) for way in ways)])
    widths = [max(len(row[place]) for row in rows) for place in range(len(ways) + 1)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
