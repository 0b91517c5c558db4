"""Segments and metrics as a small table, and the words that Metabase keeps with a change of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, sentence
from ..sources.numbered import NumberedTables
from .definitions import check_name

if TYPE_CHECKING:
    import pandas as pd

ARCHIVED = "insight_frames: archived"
_COLUMNS = ["id", "name", "schema", "table", "table_id", "description", "definition", "creator"]


def frame(listed: Iterable[Mapping[str, Any]], source: NumberedTables) -> pd.DataFrame:
    """One row each, of this database; the definition as JSON, in the server's own words."""
    import pandas as pd

    places = source.tables.places()
    rows = []
    for one in listed:
        place = places.get(one.get("table_id"))
        if place is not None:
            creator = one.get("creator") or {}
            shown = (one.get("description"), json.dumps(one.get("definition"), ensure_ascii=False))
            rows.append(
                (one.get("id"), one.get("name"), *place, one.get("table_id"), *shown, creator.get("common_name"))
            )
    made = pd.DataFrame(rows, columns=_COLUMNS)
    return made.astype({"id": "int64", "table_id": "int64"}).sort_values(["name", "schema", "table"], ignore_index=True)


def changes(name: str | None, description: str | None) -> dict[str, Any]:
    """What is to be changed of the two."""
    made: dict[str, Any] = {} if name is None else {"name": check_name(name)}
    return made if description is None else made | {"description": description}


def why(made: Mapping[str, Any]) -> str:
    """The message that Metabase wants with a change; InvalidInput if nothing is to be changed."""
    if not made:
        raise InvalidInput(
            sentence("Nothing was given that is to be changed", expected="name=, where= or description=")
        )
    return f"insight_frames: changed {', '.join(sorted(made))}"
