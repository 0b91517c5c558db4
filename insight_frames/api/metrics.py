"""Metrics on the default connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .opening import default

if TYPE_CHECKING:
    import pandas as pd


def list_metrics() -> pd.DataFrame:
    """List the metrics of the database: numbers of a table's rows that Metabase keeps under a name (up to 0.49).

    Returns
    -------
    DataFrame
        As of :func:`list_segments`.

    Raises
    ------
    UnsupportedServer
        The server has none of this kind: from 0.50 on metrics are questions.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> len(ifr.list_metrics())
    0
    """
    return default().list_metrics()


def create_metric(
    schema: str,
    table: str,
    name: str,
    *,
    aggregate: str = "count",
    column: str | None = None,
    where: str | None = None,
    params: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> int:
    """Keep a number of a table's rows under a name, for everybody who asks Metabase about that table (up to 0.49).

    Parameters
    ----------
    schema, table, name, params, description
        As in :func:`create_segment`.
    aggregate : {"count", "sum", "avg", "min", "max", "distinct"}
        What is made of the rows.
    column : str, optional
        Of what; all but "count" need it.
    where : str, optional
        Of which rows; as in :func:`create_segment`.

    Returns
    -------
    int
        Its number in Metabase.

    Raises
    ------
    UnsupportedServer
        The server has no metrics of this kind.
    PermissionDenied
        The account is no administrator of Metabase.
    ColumnNotFound, TableNotFound, InvalidInput
        As of :func:`create_segment`.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> who = box.accounts["admin"]
    >>> admin = ifr.Connection(box.url, username=who.username, password=who.password)
    >>> number = admin.create_metric("s_cardio3prod", "participant", "Enrolled", where="status <> 'removed'")
    >>> admin.list_metrics()["name"].tolist()
    ['Enrolled']
    >>> admin.archive_metric(number)
    """
    return default().create_metric(
        schema, table, name, aggregate=aggregate, column=column, where=where, params=params, description=description
    )


def update_metric(metric: int, *, name: str | None = None, description: str | None = None) -> None:
    """Change a metric's name or description; for another definition archive it and create one.

    Parameters
    ----------
    metric : int
        Its number, from :func:`list_metrics`.
    name, description : str, optional
        What is left out stays.

    Returns
    -------
    None

    Raises
    ------
    UnsupportedServer, PermissionDenied, NotFound, InvalidInput
        As of :func:`create_metric` and :func:`update_segment`.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.update_metric(1)
    Traceback (most recent call last):
    insight_frames.errors.NotFound: ...
    """
    default().update_metric(metric, name=name, description=description)


def archive_metric(metric: int) -> None:
    """Take a metric out of use.

    Parameters
    ----------
    metric : int
        Its number, from :func:`list_metrics`.

    Returns
    -------
    None

    Raises
    ------
    UnsupportedServer, PermissionDenied, NotFound
        As of :func:`archive_segment`.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.archive_metric(1)
    Traceback (most recent call last):
    insight_frames.errors.NotFound: ...
    """
    default().archive_metric(metric)
