"""Columns of other tables beside a frame's own, along declared foreign keys, with the rows guarded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..catalog import ForeignKey, Table
from ..clinical import facts, joins
from ..clinical.warning import warn
from ..errors import InvalidInput, sentence
from ..study import Reader, check_reader


def attach(
    frame: pd.DataFrame,
    source: Reader,
    table: str,
    *,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    on: str | Mapping[str, str] | None = None,
    via: str | None = None,
) -> pd.DataFrame:
    """Attach columns of another table along the declared foreign keys; every row stays, once, in its place.

    Parameters
    ----------
    frame : DataFrame
        Read from a table by insight_frames, with the columns (or index levels) that its foreign key needs.
    source : Connection or Snapshot
        Where the other table is; of a snapshot all is of one moment.
    table : str
        The other table, in the same schema: ``"participant"``, ``"site"``, ``"study_event"``, ``"crf"`` ...
    columns : list of str, or dict of column to new name, optional
        What to attach, all columns if left out; ``country`` of ``site`` becomes ``site_country``.
    on : str, or dict of column to the other table's column, optional
        Columns that belong together, instead of declared foreign keys.
    via : str, optional
        A table or column that the way must pass, if several ways are equally short.

    Returns
    -------
    DataFrame
        The frame with columns behind its own; missing where there is no row for it (more than NULL keys: a
        :class:`DataWarning` with the rows).

    Raises
    ------
    DataConflict
        The join would multiply rows: what should be the other table's key is not unique.
    InvalidInput
        No way, or several; a column is there already; the frame does not say what it is.
    TableNotFound, ColumnNotFound
        With the nearest names.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> study = ifr.Connection(box.url, username=box.username, password=box.password)
    >>> vitals = study.read_table("s_cardio3prod", "ig_vital_vitals")
    >>> more = ifr.attach(vitals, study, "site", columns=["country"])
    >>> len(more) == len(vitals), more["site_country"].notna().all().item()
    (True, True)
    """
    check_reader(source)
    told = facts.insight(frame)
    if "schema" not in told or "table" not in told:
        facts.columns(frame)
        raise InvalidInput(sentence("The frame does not say which table it is", try_="read it with read_table"))
    catalog = source.catalog_of(told["schema"], table)
    target = catalog.table(told["schema"], table)
    names = _named(target, columns, frame)
    steps = joins.way(catalog.tables, catalog.table(told["schema"], told["table"]), target, via) if on is None else []
    if on is not None:
        pairs = {on: on} if isinstance(on, str) else dict(on)
        far = tuple(target.column(one).name for one in pairs.values())
        steps = [ForeignKey(tuple(pairs), target.schema, target.name, far)]
    return _walk(frame, source, steps, names)


def _named(target: Table, columns: Sequence[str] | Mapping[str, str] | None, frame: pd.DataFrame) -> dict[str, str]:
    """Give the columns to attach and their new names, none of which the frame has."""
    if isinstance(columns, str):
        raise InvalidInput(sentence("columns= must be a list of names", try_=f"columns=[{columns!r}]"))
    wanted = [one.name for one in target.columns if one.readable] if columns is None else list(columns)
    start = f"{target.name}_"
    names = {one: one if one.startswith(start) else start + one for one in wanted}
    if isinstance(columns, Mapping):
        names = dict(columns)
    have = {*frame.columns, *frame.index.names}
    if columns is None:  # the key that it is attached by is there already
        names = {one: new for one, new in names.items() if not (new in have and one in (target.key or ()))}
    for one, new in names.items():
        target.column(one)
        if new in have or list(names.values()).count(new) > 1:
            raise InvalidInput(
                sentence(
                    f"The frame has a column {new!r} already",
                    where=f"{target.schema}.{target.name}, column {one!r}",
                    try_=f"columns={{{one!r}: 'another name'}}",
                )
            )
    return names


def _walk(frame: pd.DataFrame, source: Reader, steps: joins.Way, names: Mapping[str, str]) -> pd.DataFrame:
    """Go from table to table, each time to the one row that the foreign key points at."""
    near = _near(frame, steps[0].columns)
    at = np.arange(len(frame))
    for place, link in enumerate(steps):
        further = list(names) if link is steps[-1] else list(steps[place + 1].columns)
        label = f"{link.schema}.{link.table}"
        read = source.read_table(link.schema, link.table, columns=list(dict.fromkeys([*link.references, *further])))
        at = joins.places(near, read[list(link.references)], label)
        lost = (at < 0) & near.notna().all(axis=1).to_numpy()
        if lost.any():
            _warn(frame, link, label, lost)
        near = joins.taken(read[further], at, frame.index)
    made = pd.concat([frame, near.rename(columns=dict(names))], axis=1)
    made.attrs = _told(frame, read, names)
    return made


def _near(frame: pd.DataFrame, wanted: tuple[str, ...]) -> pd.DataFrame:
    parts = {}
    for name in wanted:
        if name in frame.columns:
            facts.check_columns(frame, [name], "The foreign key")
            parts[name] = frame[name].array
        elif name in frame.index.names:
            parts[name] = frame.index.get_level_values(name).array
        else:
            raise InvalidInput(
                sentence(
                    f"The frame lacks the column {name!r} that the other table is found by",
                    where=facts.table_of(frame),
                    try_="read it too, or on= with other columns",
                )
            )
    return pd.DataFrame(parts, index=frame.index)


def _warn(frame: pd.DataFrame, link: ForeignKey, label: str, lost: Any) -> None:
    places = np.flatnonzero(lost)
    report = pd.DataFrame(
        {"table": facts.table_of(frame), "column": link.columns[0], "problem": f"no row in {label}"},
        index=range(len(places)),
    )
    report["row_key"] = pd.Series(facts.row_keys(frame, places), dtype=object)
    message = sentence(
        f"Rows of {facts.table_of(frame)} have no counterpart in {label}",
        where=f"by {', '.join(link.columns)}",
        got=f"{len(places):,} of {len(frame):,} rows, kept with missing values",
        try_="a snapshot, if the tables were read while they changed",
    )
    warn(message, report)


def _told(frame: pd.DataFrame, far: pd.DataFrame, names: Mapping[str, str]) -> dict[Any, Any]:
    told, other = facts.insight(frame), facts.insight(far)
    columns = {**told.get("columns", {})}
    for one, new in names.items():
        columns[new] = other.get("columns", {}).get(one, {})
    attached = {"table": f"{other.get('schema')}.{other.get('table')}", "time": other.get("time")}
    return {**frame.attrs, "insight": {**told, "columns": columns, "attached": [*told.get("attached", []), attached]}}
