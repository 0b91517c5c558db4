"""Who the rows of a study are about, with everything said that is easily misread: removed, entered twice, of a test.

Nobody is left out. A column that the study does not have is missing in the result and named, never filled by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..catalog import Table
from .design import Shape

COLUMNS = {
    "participant": ("text", "Participant ID"),
    "oid": ("text", "OID of the participant"),
    "site": ("text", "Name of the site"),
    "status": ("text", "Status"),
    "removed": ("boolean", "True if removed"),
    "dde": ("boolean", "True if a second entry of another participant's data"),
    "dde_of": ("text", "Participant ID of the first entry"),
    "test_site": ("boolean", "True if a site for trying things out"),
    "enrolled": ("date", "Day of enrollment"),
}
_PARTS = {
    "label": r"label|(study_)?(participant|subject)_(label|number|identifier)",
    "oid": r"(oc_|(study_)?(participant|subject)_)?oid",
    "site": r"(study_)?site(_id|_oid|_name)?|study_id",
    "status": r"(participant_|subject_|user_)?status(_id|_name)?",
    "removed": r"(is_)?removed|deleted",
    "enrolled": r"enrol\w*|date_enrol\w*",
}
_SITE = {"name": r"(site_)?name", "oid": r"(oc_|site_)?oid", "environment": r"env(ironment)?(_type)?"}
_PERSON = re.compile(r"(study_)?(participant|subject)_?(id|oid|key)", re.I)
_REMOVED = re.compile(r"(auto[\s_-]?)?(removed|deleted)", re.I)
_DDE = re.compile(r"(.+)-DDE(?:[-_ ]?\d+)?", re.I)
_TEST = re.compile(r"(?<![a-z])test(?![a-z])", re.I)


def participants_in(tables: Iterable[Table]) -> Shape | None:
    """Find the table with one row a participant: keyed by a person alone, with the most of what is asked for."""
    found = []
    for one in tables:
        if one.readable and one.kind != "view" and one.key and len(one.key) == 1 and _PERSON.fullmatch(one.key[0]):
            parts = _parts(one, _PARTS)
            if {"label", "oid"} & set(parts):
                found.append(Shape(one, {"id": one.key[0], **parts}))
    return max(found, default=None, key=lambda one: (len(one.parts), -len(one.table.name)))


def site_of(shape: Shape, tables: Mapping[tuple[str, str], Table]) -> Shape | None:
    """Find the table that the participants' site column points at; None if that says nothing more."""
    for link in shape.table.foreign_keys:
        if link.columns == (shape.parts.get("site"),) and (table := tables.get((link.schema, link.table))) is not None:
            return Shape(table, {"id": link.references[0], **_parts(table, _SITE)}) if table.readable else None
    return None


def _parts(table: Table, patterns: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for part, pattern in patterns.items():
        hits = [one.name for one in table.columns if re.fullmatch(pattern, one.name, re.I)]
        if hits:
            found[part] = hits[0]
    return found


def people(
    rows: pd.DataFrame, shape: Shape, sites: pd.DataFrame | None, site: Shape | None, environment: str | None
) -> pd.DataFrame:
    """Make one row a participant of the tables' rows.

    Parameters
    ----------
    rows, shape
        The participants' table, and which column is what.
    sites, site
        The same of the sites' table, if there is one.
    environment : str or None
        ``"TEST"`` if all of the study is one.
    """
    made = pd.DataFrame({one: pd.Series([None] * len(rows), dtype=object) for one in COLUMNS})
    names = {"label": "participant", "oid": "oid", "status": "status", "enrolled": "enrolled"}
    for part, name in names.items():
        if part in shape.parts:
            made[name] = rows[shape.parts[part]].to_numpy() if part != "enrolled" else rows[shape.parts[part]].array
    if "label" not in shape.parts:
        made["participant"] = made["oid"]
    made["removed"] = _removed(rows, shape)
    known = set(made["participant"].dropna())
    met = [_DDE.fullmatch(str(one)) if not pd.isna(one) else None for one in made["participant"]]
    made["dde"] = [one is not None for one in met]
    made["dde_of"] = pd.Series([one[1] if one and one[1] in known else None for one in met], dtype=object)
    made["site"], made["test_site"] = _sites(rows, shape, sites, site, environment)
    return made.sort_values("participant", kind="stable", ignore_index=True)


def _removed(rows: pd.DataFrame, shape: Shape) -> Any:
    flags: list[bool | None] = [None] * len(rows)
    if "removed" in shape.parts:
        flags = [None if pd.isna(one) else bool(one) for one in rows[shape.parts["removed"]]]
    if "status" in shape.parts and not pd.api.types.is_numeric_dtype(rows[shape.parts["status"]].dtype):
        said = [None if pd.isna(one) else bool(_REMOVED.fullmatch(str(one))) for one in rows[shape.parts["status"]]]
        flags = [one or other if one is not None else other for one, other in zip(flags, said, strict=True)]
    return _booleans(flags)


def _booleans(flags: list[Any]) -> Any:
    return np.array(flags, dtype=object if None in flags else bool)


def _sites(
    rows: pd.DataFrame, shape: Shape, sites: pd.DataFrame | None, site: Shape | None, environment: str | None
) -> tuple[Any, Any]:
    """Give each participant's site, and whether it is one for trying things out."""
    if "site" not in shape.parts:
        return [None] * len(rows), _booleans([True if environment == "TEST" else None] * len(rows))
    own = rows[shape.parts["site"]].tolist()
    told: dict[Any, list[str]] = {}
    if sites is not None and site is not None:
        words = [site.parts[part] for part in ("name", "oid", "environment") if part in site.parts]
        for key, *texts in sites[[site.parts["id"], *words]].itertuples(index=False):
            told[key] = [str(one) for one in texts if not pd.isna(one)]
    names = [(told.get(one) or [one])[0] for one in own]
    flags = [
        True
        if environment == "TEST" or any(_TEST.search(word) for word in told.get(one, [str(one)]))
        else False
        if one in told or isinstance(one, str)
        else None
        for one in own
    ]
    return pd.Series(names, dtype=object), _booleans(flags)
