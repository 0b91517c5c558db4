"""The column report of a table, with the values that its types or lists do not take."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..catalog import Table
from ..clinical import reports
from ..clinical.design import Item, Shape
from ..clinical.reports import ColumnReport
from ..snapshots import Snapshot
from ..study import Reader, check_reader, choices_of

CHUNK = 250_000  # rows of the long table that are held at a time
_TYPED = ("numeric", "integer", "bigint", "smallint", "double", "real", "date", "timestamp", "boolean")


def column_report(source: Reader | pd.DataFrame, schema: str | None = None, name: str | None = None) -> ColumnReport:
    """Report how full a table's columns are, and every value that is out of type, with the key of its row.

    Out of type are texts that are not what the study's design says of their item (INT, REAL, DATE, PDATE), codes that
    their list does not have, labels other than the list's, and values that a typed column lost: NULL in the table, text
    (``UNK``, ``see note``) in the study's long table of values, which is read for this.

    Parameters
    ----------
    source : Connection, Snapshot or DataFrame
        Of a frame only rows, missing and distinct are known.
    schema, name : str
        The table, if `source` is no frame.

    Returns
    -------
    ColumnReport
        ``columns``: table, column, type, rows, missing, distinct, failed; ``failed``: table, column, problem, value,
        row_key. It shows itself in a notebook.

    Raises
    ------
    SchemaNotFound, TableNotFound
        With the nearest names.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> study = ifr.Connection(box.url, username=box.username, password=box.password)
    >>> report = ifr.column_report(study, "s_cardio3prod", "ig_vital_vitals")
    >>> report.columns.set_index("column").loc["i_vital_pulse", ["rows", "missing", "failed"]].astype(int).tolist()
    [156, 59, 1]
    """
    if isinstance(source, pd.DataFrame):
        return reports.report(source, [])
    check_reader(source)
    schema, name = schema or "", name or ""
    catalog = source.catalog_of(schema, name)
    table = catalog.table(schema, name)
    choices, items = choices_of(source, table)
    frame = source.read_table(schema, name)
    single = [one for one in choices.values() if one.levels is not None and not one.multiple]
    failed = [*reports.text_failures(frame, items), *reports.code_failures(frame, single)]
    shape = reports.values_in(one for one in catalog.tables.values() if one.schema == schema)
    if shape is not None and shape.table.name != name and reports.place_in(frame) is not None:
        numbers = _numbers(table, items)
        failed += [reports.lost(frame, part, shape, numbers) for part in _values(source, shape, list(numbers))]
    return reports.report(frame, failed)


def _numbers(table: Table, items: dict[str, Item]) -> dict[Any, str]:
    """Give the numbers of the items that have a typed column."""
    typed = {one.name for one in table.columns if one.type.startswith(_TYPED)}
    return {item.number: name for name, item in items.items() if name in typed and item.number is not None}


def _values(source: Reader, shape: Shape, numbers: list[Any]) -> Any:
    """Read the long table's rows of some items: a server picks them, a folder is gone through."""
    asked: dict[str, Any] = {"columns": shape.columns, "chunksize": CHUNK}
    if not numbers:
        return []
    if not isinstance(source, Snapshot):
        quoted = '"' + shape.parts["item"].replace('"', '""') + '"'
        asked |= {"where": f"{quoted} in :items", "params": {"items": [int(one) for one in numbers]}}
    return source.read_table(shape.table.schema, shape.table.name, **asked)
