"""What kind of instance the default connection speaks to, and its own exports as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .opening import default

if TYPE_CHECKING:
    from ..diagnosis import Report
    from ..metabase.exports import Exported, Format


def doctor(*, thorough: bool = False) -> Report:
    """Say what kind of instance the server is: all that one cannot know beforehand, asked of the server itself.

    Versions, settings and rights; how exports change values, cut rows and tell refusals; the settings of the session in
    which statements run; schemas and tables that are seen and that are not, and how each is read and why; how often
    the study is refreshed; latency, throughput and gzip. No row of the study is read, and no value of one is told. What
    the server refuses is a line that says so, and no error.

    Parameters
    ----------
    thorough : bool
        Also ask for a million rows of one number, to see where exports are cut.

    Returns
    -------
    Report
        ``print`` shows the page, ``to_json()`` gives all of it; ``sections``, ``unknown``, ``tables`` and ``notes`` are
        plain data. True if tables can be read.

    Raises
    ------
    InvalidInput
        There is no server to connect to.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> report = ifr.doctor()
    >>> report.sections["exports"]["two statements"]
    'the first answer only, without a word'
    >>> [table["because"] for table in report.tables if table["table"] == "participant_overview"]
    ['a view has no pages of its own', 'a view has no pages of its own']
    """
    return default().doctor(thorough=thorough)


def export(
    question: Exported,
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,
    params: Mapping[str, Any] | None = None,
) -> Path:
    """Save the server's own export of a question as a file, as a browser would.

    The bytes are Metabase's: numbers, dates and empty values look as this version writes them, and a spreadsheet keeps
    15 digits of a number. For exact values use :func:`read_table` or :func:`read_sql` with :func:`to_csv`. The file
    gets its name only when it came whole and holds no error in place of rows, which servers send with status 200.

    The rows of SQL text and of tables are counted by the database before. Those of saved questions and of queries in
    Metabase's words cannot be: a CSV file that a server cuts between two rows and ends properly looks whole.

    Parameters
    ----------
    question : str, tuple, int or dict
        SQL text; ``(schema, table)``; the number of a saved question; or a query in Metabase's own words, with either
        spelling of its keys (``{"type": "query", "query": {"source_table": 1234}}``), whose ``database`` is filled in.
    path : str or path-like
        The file; one that stands there is replaced at once and whole.
    format : {"csv", "json", "xlsx"}, optional
        Left out, the file's name tells.
    params : mapping, optional
        Values for ``:names`` in SQL text.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    QueryFailed, PermissionDenied
        The server refuses the question; nothing stands under the name.
    IncompleteResult
        The export did not come whole, or has as many rows as the server gives at most.
    NotFound
        There is no such table or saved question; of tables with the nearest names.
    FileError, InvalidInput
        The file cannot be written; the question or the name cannot be meant.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> file = ifr.export("select site_id, name from s_cardio3prod.site order by 1", folder / "sites.csv")
    >>> file.read_text(encoding="utf-8").splitlines()[0]
    'site_id,name'
    >>> ifr.export(("s_cardio3prod", "site"), folder / "sites.xlsx").name
    'sites.xlsx'
    """
    return default().export(question, path, format=format, params=params)
