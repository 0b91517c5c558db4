"""The choices of a table's items as a frame, to be looked through before they are used."""

from __future__ import annotations

import pandas as pd

from ..study import Reader, check_reader, choices_of


def choice_lists(source: Reader, schema: str, name: str) -> pd.DataFrame:
    """List the choices of a table's items, as ``read_table(..., choices=)`` takes them.

    Parameters
    ----------
    source : Connection or Snapshot
    schema, name : str
        The table.

    Returns
    -------
    DataFrame
        One row a choice, in the order of the lists: ``column``, ``code`` and ``label`` (text), ``multiple`` (bool) and
        ``origin``: the table that holds the list, "the pairs in the rows", or "the names of the columns".

    Raises
    ------
    SchemaNotFound, TableNotFound
        With the nearest names.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> study = ifr.Connection(box.url, username=box.username, password=box.password)
    >>> lists = ifr.choice_lists(study, "s_cardio3prod", "ig_vital_vitals")
    >>> lists.loc[lists["column"] == "i_vital_sev", ["code", "label"]].values.tolist()
    [['1', 'Mild'], ['2', 'Moderate'], ['3', 'Severe']]
    """
    check_reader(source)
    table = source.catalog_of(schema, name).table(schema, name)
    choices, _ = choices_of(source, table)
    unknown = [one for one in choices.values() if one.levels is None]
    if unknown:
        wanted = [side for one in unknown for side in (one.column, one.pair) if side is not None]
        rows = source.read_table(schema, name, columns=wanted)
        choices |= {one.column: one.learn(rows[one.column], rows[one.pair]) for one in unknown}
    lines = [
        (one.column, code, label, one.multiple, one.origin)
        for one in choices.values()
        for code, label in one.levels or ()
    ]
    return pd.DataFrame(lines, columns=["column", "code", "label", "multiple", "origin"])
