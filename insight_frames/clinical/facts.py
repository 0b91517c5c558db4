"""What a frame says of itself: the table, the row key, and by column its type, label, unit and choices.

All of it stands in ``attrs["insight"]`` as plain JSON values, because pandas carries that through its operations and
into Parquet; a frame that says nothing of itself is told apart from one that has no label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ..errors import ColumnNotFound, InvalidInput, near, sentence

Columns = dict[str, dict[str, Any]]


def columns(frame: pd.DataFrame) -> Columns:
    """Give what the frame says of its columns; InvalidInput if it says nothing at all (it was made by hand)."""
    told = insight(frame).get("columns")
    if not isinstance(told, Mapping):
        raise InvalidInput(
            sentence(
                "The frame says nothing of its columns",
                where='df.attrs["insight"]["columns"]',
                expected="a frame that insight_frames read",
                got="one made by hand, or whose attrs were lost on the way",
                try_="frame.attrs = original.attrs, or read it again",
            )
        )
    return {str(name): dict(facts) for name, facts in told.items()}


def insight(frame: pd.DataFrame) -> dict[str, Any]:
    """Give all that the frame says of itself; empty if it is silent."""
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput(sentence("A frame is needed", expected="a DataFrame", got=type(frame).__name__))
    found = frame.attrs.get("insight")
    return dict(found) if isinstance(found, Mapping) else {}


def table_of(frame: pd.DataFrame) -> str:
    """Name the frame's table for a message."""
    told = insight(frame)
    return f"{told['schema']}.{told['table']}" if "schema" in told and "table" in told else "the frame"


def labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the labels and units of a frame's columns, as the study's catalogue had them when it was read.

    They stand in ``frame.attrs``, which pandas keeps through most operations and in Parquet.

    Parameters
    ----------
    frame : DataFrame
        Read by insight_frames, or made of one.

    Returns
    -------
    DataFrame
        One row a column of the frame, by name (index levels first): ``label`` (the column's comment), ``unit`` (if the
        frame was read with ``choices=`` and the study's table of items tells units) and ``type`` (PostgreSQL's); None
        where nothing is known, as of columns that were added by hand.

    Raises
    ------
    InvalidInput
        The frame says nothing of its columns: it was made by hand, or its attrs were lost.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> study = ifr.Connection(box.url, username=box.username, password=box.password)
    >>> vitals = study.read_table("s_cardio3prod", "ig_vital_vitals", choices="label")
    >>> ifr.labels(vitals).loc["i_vital_sysbp", ["label", "unit"]].tolist()
    ['Vital Signs: First measurement (mmHg)', 'mmHg']
    """
    known = columns(frame)
    names: list[Any] = [one for one in (*frame.index.names, *frame.columns) if one is not None]
    rows = [[known.get(str(name), {}).get(word) for word in ("comment", "unit", "type")] for name in names]
    made = pd.DataFrame(rows, columns=["label", "unit", "type"], index=pd.Index(names, name="column", dtype=object))
    return made.astype(object).where(made.notna(), None)


def check_columns(frame: pd.DataFrame, names: Iterable[Any], keyword: str) -> None:
    """ColumnNotFound with near matches unless all of them are columns of the frame, each once."""
    for name in names:
        count = int((frame.columns == name).sum())
        if count != 1:
            wrong = "which is no column of the frame" if not count else "which several columns are called"
            known = [one for one in frame.columns if isinstance(one, str)]
            hint = near(name, known) if isinstance(name, str) and not count else ""
            raise ColumnNotFound(sentence(f"{keyword} names {name!r}, {wrong}", where=table_of(frame), try_=hint))


def key_columns(frame: pd.DataFrame) -> list[str]:
    """Name the columns or index levels that tell the frame's rows apart; empty if nobody said."""
    have = [*frame.index.names, *frame.columns]
    said = insight(frame).get("key") or []
    if said and all(one in have for one in said):
        return [str(one) for one in said]
    return [str(one) for one in frame.index.names if one is not None]


def row_keys(frame: pd.DataFrame, places: Iterable[int]) -> list[dict[str, Any]]:
    """Give the keys of some rows, by name; of a frame without a key, the number of the row, from 1."""
    places = list(places)
    names = key_columns(frame)
    if not names:
        return [{"row": int(place) + 1} for place in places]
    some = frame.iloc[places]
    parts = [
        some.index.get_level_values(one) if one in frame.index.names and one not in frame.columns else some[one]
        for one in names
    ]
    return [dict(zip(names, one, strict=True)) for one in zip(*(part.tolist() for part in parts), strict=True)]
