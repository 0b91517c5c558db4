"""Snapshots: taken on the default connection, opened and compared without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .opening import default

if TYPE_CHECKING:
    from ..progress import Asked
    from ..snapshots import Consistency, Diff, Snapshot
    from ..snapshots.difference import Keys


def snapshot(
    path: Any,
    *,
    schemas: str | Sequence[str] | None = None,
    tables: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    overwrite: bool = False,
    consistency: Consistency | None = None,
    progress: Asked = None,
) -> Snapshot:
    """Write every readable table to Parquet as of one moment, and return the opened snapshot.

    All tables are read in one statement, so that they are one state of the database whatever a refresh does meanwhile.
    A server that holds whole answers in memory gets several, if the tables are large; the last of them proves of every
    table read before it that it still is what was read, and what moved is read again. After a broken connection what
    had come whole is kept, for the next call to the same path too, and proven in the same way. The folder appears
    under its name only when everything in it is whole.

    Parameters
    ----------
    path : str or path-like
        The folder to make; ``<path>/<schema>/<table>.parquet`` and ``<path>/datapackage.json`` will be in it.
    schemas : str or list of str, optional
        Schemas to take; needed if a TEST environment is visible beside the one meant.
    tables, exclude : list of str, optional
        Only these tables, or all but these; ``"table"`` or ``"schema.table"``.
    overwrite : bool
        Replace a snapshot that is already there; otherwise it is never touched.
    consistency : {"one-transaction", "one-statement", "same-generation", "none"}, optional
        What to insist on; the default is the strongest that the server can take, never "none". "one-statement": all
        tables in one statement, or an error before any row is asked for. "same-generation": several statements are
        allowed, and proven. "none": nothing is proven, and tables may be of different moments, each of one. A
        connection straight to PostgreSQL always keeps "one-transaction", which is as much as any of them. The manifest
        says under ``consistency`` and ``evidence`` what was kept.
    progress : None, bool or callable
        None: a bar in a terminal or notebook if tqdm is installed (the extra ``progress``), otherwise nothing. True: a
        bar. False: nothing. A function gets a ``Step`` about ten times a second: tables, rows, bytes, rate, remaining.

    Returns
    -------
    Snapshot

    Raises
    ------
    SchemaNotFound, TableNotFound
        With the nearest names.
    InvalidInput
        Schemas of which one looks like the TEST twin of another, and none was named; or there is nothing to take.
    SnapshotError
        The folder exists, or cannot be written.
    InconsistentSnapshot
        The tables kept moving, or are too large for the one statement that was insisted on; nothing was published.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> cut = ifr.snapshot(folder / "cut", schemas="s_cardio3prod", tables=["site", "participant"])
    >>> cut.read_table("s_cardio3prod", "site").shape[0]
    5
    """
    return default().snapshot(
        path,
        schemas=schemas,
        tables=tables,
        exclude=exclude,
        overwrite=overwrite,
        consistency=consistency,
        progress=progress,
    )


def open_snapshot(path: Any) -> Snapshot:
    """Open a snapshot folder; no server is needed.

    Parameters
    ----------
    path : str or path-like
        The folder that :func:`snapshot` made.

    Returns
    -------
    Snapshot
        With ``read_table``, ``read_sql`` (through DuckDB, the extra ``duckdb``), ``list_tables``, ``describe_table`` as
        on a connection, and ``verify``.

    Raises
    ------
    SnapshotError
        There is no snapshot, or its manifest cannot be read.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> _ = ifr.snapshot(folder / "cut2", schemas="s_cardio3prod", tables=["site"])
    >>> bool(ifr.open_snapshot(folder / "cut2").verify())
    True
    """
    from ..snapshots import open_snapshot as open_

    return open_(path)


def diff(
    old: Snapshot | Any,
    new: Snapshot | Any,
    *,
    keys: Keys | None = None,
    ignore: Sequence[str] = (),
    other_source: bool = False,
    progress: Asked = None,
) -> Diff:
    """Tell what changed between two snapshots: tables, columns, rows and values; no server is needed.

    Tables whose content hashes are equal cost nothing: their files are not read (that they are undamaged, ``verify``
    tells). The others are compared by their key, or as multisets of rows where there is none, in bounded memory.

    Two values are the same if all of their digits or bits are: NULL is not an empty text, 1.10 in a numeric without
    digits is not 1.1, 0.0 is not -0.0; NaN is NaN. A column of another type is told as "retyped", and its values are
    compared where the conversion is exact.

    Parameters
    ----------
    old, new : Snapshot, str or path-like
        The snapshots, or their folders.
    keys : dict, optional
        ``{"schema.table": ["column", ...]}`` where no key is declared, or another one is meant: the columns that name a
        row. One that holds NULL or stands twice is no key: whole rows are compared then, and a note says so.
    ignore : list of str, optional
        Columns whose values are not to count, wherever they are: moments of a refresh, for instance.
    other_source : bool
        Compare snapshots of two servers, databases or studies all the same.
    progress : None, bool or callable
        As in ``snapshot``; the rows are those of the tables that differ, in both snapshots.

    Returns
    -------
    Diff
        True if anything changed; ``print`` gives a page without any value. Frames: ``summary`` (a row for each table),
        ``columns``, and ``changes(schema, table)`` with old and new values. ``to_excel(path)`` for reviewers.

    Raises
    ------
    SnapshotError
        A folder is not a snapshot, or was changed since it was taken; the temporary file cannot be written.
    InvalidInput
        The snapshots are of different servers, databases or studies, or ``keys`` names no column.
    TableNotFound, ColumnNotFound
        ``keys`` names one that is in neither snapshot; with the nearest names.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> old = ifr.snapshot(folder / "old", schemas="s_cardio3prod", tables=["site"])
    >>> new = ifr.snapshot(folder / "new", schemas="s_cardio3prod", tables=["site", "participant"])
    >>> d = ifr.diff(old, new)
    >>> bool(d), d.summary[["table", "status"]].values.tolist()
    (True, [['participant', 'added'], ['site', 'same']])
    >>> d.changes("s_cardio3prod", "site").columns.tolist()
    ['change', 'column', 'old', 'new']
    """
    from ..snapshots import Snapshot
    from ..snapshots.difference import compare

    before, after = (one if isinstance(one, Snapshot) else open_snapshot(one) for one in (old, new))
    return compare(before, after, keys=keys, ignore=ignore, other_source=other_source, progress=progress)
