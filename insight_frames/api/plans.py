"""One definition over many tables, planned, applied and undone on the default connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .opening import default

if TYPE_CHECKING:
    import pandas as pd


def plan_segments(
    name: str,
    where: str,
    *,
    schemas: str | Sequence[str],
    tables: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> pd.DataFrame:
    """Plan one segment for every table of some schemas that has the columns of its condition; nothing is changed yet.

    Parameters
    ----------
    name, where, params, description
        As in :func:`create_segment`.
    schemas : str or list of str
        Whose tables.
    tables : list of str, optional
        Only these.

    Returns
    -------
    DataFrame
        One row a table: ``schema``, ``table``, ``table_id``, ``name``, ``field_ids``, ``action`` ("create", "update",
        "same", or "cannot"), ``reason``, ``id`` (of the segment of that name that is there), ``definition`` and
        ``before`` (what undoing restores). Rows may be left out before it is applied.

    Raises
    ------
    SchemaNotFound, TableNotFound
        With the nearest names.
    InvalidInput
        Metabase has no words for the condition on any of the tables.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> plan = ifr.plan_segments("Site 3", "site_id = 3", schemas="s_cardio3prod")
    >>> plan["action"].value_counts().to_dict()
    {'cannot': 32, 'create': 4}
    >>> plan.loc[plan["action"] == "create", "table"].tolist()
    ['enrollment_by_month', 'participant', 'site', 'user_account']
    """
    return default().plan_segments(name, where, schemas=schemas, tables=tables, params=params, description=description)


def plan_metrics(
    name: str,
    *,
    schemas: str | Sequence[str],
    aggregate: str = "count",
    column: str | None = None,
    where: str | None = None,
    tables: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> pd.DataFrame:
    """Plan one metric for every table of some schemas that has its columns (up to 0.49); nothing is changed yet.

    Parameters
    ----------
    name, aggregate, column, where, params, description
        As in :func:`create_metric`.
    schemas, tables
        As in :func:`plan_segments`.

    Returns
    -------
    DataFrame
        As of :func:`plan_segments`.

    Raises
    ------
    UnsupportedServer
        The server has no metrics of this kind.
    SchemaNotFound, TableNotFound, InvalidInput
        As of :func:`plan_segments`.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> where = {"schemas": "s_cardio3prod", "tables": ["crf", "participant"]}
    >>> plan = ifr.plan_metrics("Newest", **where, aggregate="max", column="enrollment_date")
    >>> plan[["table", "action"]].values.tolist()
    [['crf', 'cannot'], ['participant', 'create']]
    """
    return default().plan_metrics(
        name,
        schemas=schemas,
        aggregate=aggregate,
        column=column,
        where=where,
        tables=tables,
        params=params,
        description=description,
    )


def apply_plan(plan: pd.DataFrame) -> pd.DataFrame:
    """Create and change what a plan says; a second time it does nothing, and makes no doubles.

    Parameters
    ----------
    plan : DataFrame
        From :func:`plan_segments` or :func:`plan_metrics`, or some of its rows. What is there now is looked at again.

    Returns
    -------
    DataFrame
        The plan with what was done as ``action`` ("created", "updated", "same", "cannot") and the ``id`` of each.

    Raises
    ------
    PermissionDenied
        The account is no administrator of Metabase.
    InvalidInput
        The frame is no plan.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> who = box.accounts["admin"]
    >>> admin = ifr.Connection(box.url, username=who.username, password=who.password)
    >>> plan = admin.plan_segments("Site 3", "site_id = 3", schemas="s_cardio3prod", tables=["crf", "site"])
    >>> [admin.apply_plan(plan)["action"].tolist() for _ in range(2)]
    [['cannot', 'created'], ['cannot', 'same']]
    >>> admin.undo_plan(plan)["action"].tolist()
    ['left', 'archived']
    """
    return default().apply_plan(plan)


def undo_plan(plan: pd.DataFrame) -> pd.DataFrame:
    """Take back what a plan has done: what it created is archived, what it changed is as it was before.

    Parameters
    ----------
    plan : DataFrame
        The plan that was applied, or what :func:`apply_plan` gave. What somebody has changed since is left alone.

    Returns
    -------
    DataFrame
        The plan with what was done as ``action`` ("archived", "restored", "left") and why.

    Raises
    ------
    PermissionDenied, InvalidInput
        As of :func:`apply_plan`.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> plan = ifr.plan_segments("Site 3", "site_id = 3", schemas="s_cardio3prod", tables=["site"])
    >>> ifr.undo_plan(plan)[["action", "reason"]].values.tolist()
    [['left', 'it is not there any more']]
    """
    return default().undo_plan(plan)
