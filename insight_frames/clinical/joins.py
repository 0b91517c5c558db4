"""Joins along foreign keys that keep every row once: the far side must be unique, the number of rows is guarded.

The way from table to table is the catalogue's, the shortest one; two of equal length are an error and not a choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..catalog import ForeignKey, Table
from ..errors import DataConflict, InvalidInput, sentence

Tables = Mapping[tuple[str, str], Table]
Way = list[ForeignKey]


def way(tables: Tables, start: Table, target: Table, via: str | None) -> Way:
    """Find the shortest way along declared foreign keys; InvalidInput if there is none, or more than one."""
    ways: list[tuple[Way, tuple[str, str]]] = [([], (start.schema, start.name))]
    seen = {(start.schema, start.name)}
    goal = (target.schema, target.name)
    while ways:
        longer = [
            ([*steps, link], (link.schema, link.table))
            for steps, here in ways
            for link in (tables[here].foreign_keys if here in tables else ())
            if (link.schema, link.table) not in seen
        ]
        hits = [steps for steps, here in longer if here == goal]
        hits = [steps for steps in hits if via is None or via in _passed(steps)]
        if len(hits) == 1:
            return hits[0]
        if hits:
            raise InvalidInput(
                sentence(
                    f"Several ways lead from {start.schema}.{start.name} to {target.schema}.{target.name}",
                    got=" and ".join(" > ".join(_passed(steps)) for steps in hits),
                    try_="via= with a column or table that only one of them passes",
                )
            )
        ways = [one for one in longer if one[1] != goal]
        seen |= {here for _, here in ways}
    raise InvalidInput(
        sentence(
            f"No declared foreign keys lead from {start.schema}.{start.name} to {target.schema}.{target.name}",
            where="" if via is None else f"via {via}",
            try_="on= with the columns that belong together",
        )
    )


def _passed(steps: Way) -> list[str]:
    """Name the columns and tables that a way passes."""
    return [name for link in steps for name in (*link.columns, link.table)]


def places(near: pd.DataFrame, far: pd.DataFrame, far_label: str) -> Any:
    """Say which row of `far` belongs to each row of `near`, -1 if none; DataConflict if several could.

    Parameters
    ----------
    near, far : DataFrame
        The columns that belong together, in the same order.
    far_label : str
        What messages call the far table.
    """
    twice = far.duplicated(keep=False) & far.notna().all(axis=1)
    if twice.any():
        row = far.iloc[int(twice.to_numpy().argmax())]
        raise DataConflict(
            sentence(
                f"The join would multiply rows: {', '.join(map(str, far.columns))} is not unique in {far_label}",
                got=f"{int(twice.sum()):,} rows that share it with another",
                try_="join along a key, or make the far table unique first; err.row_key is one such key",
            ),
            table=far_label,
            column=str(far.columns[0]),
            row_key={str(name): value for name, value in row.items()},
        )
    whole = far.notna().all(axis=1).to_numpy()
    numbers = whole.nonzero()[0]
    index = _index(far[whole])
    found = index.get_indexer(_index(near))
    found[near.isna().any(axis=1).to_numpy()] = -1
    return pd.Series(numbers, dtype="int64").reindex(found).fillna(-1).astype("int64").to_numpy()


def _index(columns: pd.DataFrame) -> pd.Index[Any]:
    plain = columns.apply(
        lambda one: one.astype(one.cat.categories.dtype) if isinstance(one.dtype, pd.CategoricalDtype) else one
    )
    return pd.Index(plain.iloc[:, 0]) if plain.shape[1] == 1 else pd.MultiIndex.from_frame(plain)


def taken(far: pd.DataFrame, at: Any, index: pd.Index[Any]) -> pd.DataFrame:
    """Take the far rows in the order of the near ones; missing where there is none."""
    made = far.reset_index(drop=True).reindex(at)
    made.index = index
    return made
