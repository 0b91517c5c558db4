"""Segments on the default connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .opening import default

if TYPE_CHECKING:
    import pandas as pd


def list_segments() -> pd.DataFrame:
    """List the segments of the database: conditions on a table that Metabase keeps under a name.

    Returns
    -------
    DataFrame
        One row each: ``id``, ``name``, ``schema``, ``table``, ``table_id``, ``description``, ``definition`` (as JSON,
        in the server's words) and ``creator``; without those that are archived.

    Raises
    ------
    LoginError, ServerUnavailable
        The server cannot be reached.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.list_segments().columns.tolist()[:4]
    ['id', 'name', 'schema', 'table']
    """
    return default().list_segments()


def create_segment(
    schema: str,
    table: str,
    name: str,
    where: str,
    *,
    params: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> int:
    """Keep a condition on a table under a name, for everybody who asks Metabase about that table.

    Parameters
    ----------
    schema, table : str
        The table.
    name : str
        What people will see in Metabase.
    where : str
        The condition, in SQL's words as far as Metabase has them: comparisons of a column with a value, ``IN``,
        ``BETWEEN``, ``LIKE`` with ``%`` at its ends, ``IS NULL``, ``AND``, ``OR``, ``NOT``.
    params : mapping, optional
        Values for ``:names`` in it.
    description : str, optional
        For people.

    Returns
    -------
    int
        Its number in Metabase.

    Raises
    ------
    PermissionDenied
        The account is no administrator of Metabase.
    ColumnNotFound, TableNotFound
        With the nearest names.
    InvalidInput
        Metabase has no words for the condition.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> who = box.accounts["admin"]
    >>> admin = ifr.Connection(box.url, username=who.username, password=who.password)
    >>> number = admin.create_segment("s_cardio3prod", "participant", "Site 3", "site_id = :site", params={"site": 3})
    >>> admin.list_segments().query("id == @number")[["name", "table"]].values.tolist()
    [['Site 3', 'participant']]
    >>> admin.archive_segment(number)
    """
    return default().create_segment(schema, table, name, where, params=params, description=description)


def update_segment(
    segment: int,
    *,
    name: str | None = None,
    where: str | None = None,
    params: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> None:
    """Change a segment's name, condition or description; what is left out stays.

    Parameters
    ----------
    segment : int
        Its number, from :func:`list_segments`.
    name, where, params, description
        As in :func:`create_segment`.

    Returns
    -------
    None

    Raises
    ------
    PermissionDenied
        The account is no administrator of Metabase.
    NotFound
        There is no such segment, or it is archived.
    InvalidInput
        Nothing is to be changed, or Metabase has no words for the condition.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> who = box.accounts["admin"]
    >>> admin = ifr.Connection(box.url, username=who.username, password=who.password)
    >>> number = admin.create_segment("s_cardio3prod", "participant", "Site 3", "site_id = 3")
    >>> admin.update_segment(number, where="site_id in (3, 4)", description="both sites in the north")
    >>> admin.archive_segment(number)
    """
    default().update_segment(segment, name=name, where=where, params=params, description=description)


def archive_segment(segment: int) -> None:
    """Take a segment out of use; questions that use it go on working, and Metabase keeps it in its history.

    Parameters
    ----------
    segment : int
        Its number, from :func:`list_segments`.

    Returns
    -------
    None

    Raises
    ------
    PermissionDenied
        The account is no administrator of Metabase.
    NotFound
        There is no such segment, or it is archived already.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.archive_segment(1)
    Traceback (most recent call last):
    insight_frames.errors.NotFound: ...
    """
    default().archive_segment(segment)
