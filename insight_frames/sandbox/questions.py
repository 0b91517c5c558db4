"""The saved questions of the synthetic study: one with tags, one with a field filter, one over a table.

Tables and fields are named here; the double puts its own numbers in their places when it is first asked for cards.
"""

from __future__ import annotations

from typing import Any

_PARTICIPANT = "s_cardio3prod.participant"


def _tag(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": f"sandbox-tag-{name}", "name": name, "display-name": name.title(), "type": kind, **more}


QUESTIONS: list[dict[str, Any]] = [
    {
        "name": "Participants of a site",
        "description": "Enrolled at one site, from a day on if one is given",
        "sql": f"select label, site_id, enrollment_date, status from {_PARTICIPANT}\n"
        "where site_id = {{site}} [[and enrollment_date >= {{day}}]]\norder by label",
        "tags": [_tag("site", "number", required=True), _tag("day", "date")],
        "embedding": {"site": "locked", "day": "enabled"},
    },
    {
        "name": "Participants with a status",
        "description": None,
        "sql": f"select label, status from {_PARTICIPANT} where {{{{status}}}} order by label",
        "tags": [_tag("status", "dimension", field=f"{_PARTICIPANT}.status", **{"widget-type": "category"})],
    },
    {"name": "Participants", "description": "The whole table", "table": _PARTICIPANT},
]
