"""Schemas, tables and queries on the default connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..question import Key, OutOfRange
from ..reading import Backend
from .opening import default

if TYPE_CHECKING:
    import pandas as pd

    from ..clinical.choices import Given, How


def list_schemas() -> pd.DataFrame:
    """List the schemas that this account may use; a study's environment is one schema.

    Returns
    -------
    DataFrame
        One row a schema; columns ``schema`` (str), ``tables`` (int64: how many it may read) and ``comment``.

    Raises
    ------
    LoginError, ServerUnavailable, DatabaseNotFound
        The server or its database cannot be reached.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.list_schemas()["schema"].tolist()
    ['public', 's_cardio3prod', 's_cardio3test']
    """
    return default().list_schemas()


def list_tables(schema: str | None = None) -> pd.DataFrame:
    """List the tables, views and materialized views that this account may read.

    Parameters
    ----------
    schema : str, optional
        One schema; all of them if left out.

    Returns
    -------
    DataFrame
        One row a table; columns ``schema``, ``table``, ``kind``, ``rows_estimate`` (Int64, the planner's guess, missing
        where it has none) and ``comment``. Tables that exist but may not be read are named in
        ``df.attrs["insight"]["not_readable"]``.

    Raises
    ------
    SchemaNotFound
        With the nearest names.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> tables = ifr.list_tables("s_cardio3prod")
    >>> tables.loc[tables["table"] == "participant", "kind"].item()
    'table'
    """
    return default().list_tables(schema)


def describe_table(schema: str, name: str) -> pd.DataFrame:
    """Describe a table: one row a column.

    Parameters
    ----------
    schema, name : str

    Returns
    -------
    DataFrame
        Columns ``column``, ``type`` (as PostgreSQL writes it), ``nullable`` (bool), ``key`` ("primary", "unique",
        missing, or "derived: participant" and the like of a key that is not declared, that the columns' names suggest
        and the rows prove; of more than a million rows "not checked"), ``references`` (schema.table.column or missing)
        and ``comment``.

    Raises
    ------
    SchemaNotFound, TableNotFound
        With the nearest names.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> columns = ifr.describe_table("s_cardio3prod", "participant").set_index("column")
    >>> columns.loc["site_id", "references"]
    's_cardio3prod.site.site_id'
    """
    return default().describe_table(schema, name)


def read_table(
    schema: str,
    name: str,
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    params: Mapping[str, Any] | None = None,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
    index_col: str | Sequence[str] | Key | None = None,
    choices: How | None = None,
    choice_lists: Given | None = None,
    dtype: Any = None,
    dtype_backend: Backend | None = None,
    parse_dates: Any = None,
    coerce_float: bool = True,
    out_of_range: OutOfRange = "raise",
    chunksize: int | None = None,
) -> Any:
    """Read a table, view or materialized view into a DataFrame, exact and whole, or raise.

    Parameters
    ----------
    schema, name : str
        Exactly as PostgreSQL spells them; they are quoted, whatever they contain.
    columns : list of str, optional
        Columns in the order wanted; left out columns are not sent by the server.
    where : str, optional
        A condition in SQL, with ``:name`` for values: ``"site_id = :site"``.
    params : dict, optional
        Values of the names in ``where``; numbers, text, dates, lists (for ``in``), pandas and numpy scalars.
    order_by : str or list of str, optional
        Column names, each with `` desc`` behind it if wanted; NULL comes last, as in PostgreSQL. Without it the order
        is the table's own, which means nothing.
    limit : int, optional
        At most so many rows.
    index_col : str, list of str or KEY, optional
        Columns to become the index; ``insight_frames.KEY`` takes the table's declared key, else the one that the names
        of its columns suggest (participant, event, repeats ...), if the rows prove it.
    choices : {"label", "code", "both"}, optional
        Choice items as ordered categoricals with all levels of their list in its order, used or not: labels in the
        item's column, codes in it, or codes in it and labels in the column beside it. The lists are the study's own,
        found by the shape of its tables, else the pairs of ``x`` and ``x_label`` in the rows. What does not fit a list
        becomes a level behind it and a :class:`DataWarning`. Multiple choices stay text; see :func:`indicators`.
    choice_lists : dict of column to dict of code to label, optional
        Lists to take instead, in the order of their levels.
    dtype, parse_dates, coerce_float : optional
        As in :func:`pandas.read_sql`. ``coerce_float=False`` gives ``numeric`` as exact ``Decimal``.
    dtype_backend : {"numpy_nullable", "pyarrow"}, optional
        Dtypes that do not depend on the data of the day. The default gives plain NumPy dtypes that model libraries
        take: int64, float64 (integers with NULL, up to 2**53), bool, str, datetime64[us], ordered category for enums.
    out_of_range : {"raise", "text"}
        Dates before year 1 or after 9999, ``infinity``, ``24:00:00`` and arrays of several dimensions: an error, or
        all date, time and array columns as PostgreSQL's text.
    chunksize : int, optional
        Give an iterator of frames of so many rows, in bounded memory and with the same dtypes in each.

    Returns
    -------
    DataFrame or iterator of DataFrame
        Shape (rows, columns). ``df.attrs["insight"]`` tells server (its version if that has been asked), table, moment
        (UTC) and path taken.

    Raises
    ------
    SchemaNotFound, TableNotFound, ColumnNotFound
        With the nearest names.
    PermissionDenied
        The account may not read it.
    ParameterError, QueryFailed
        ``where`` and ``params`` do not fit, or PostgreSQL refuses them (with the position in ``where``).
    ValueOutOfRange
        A value does not fit its type; table, column and row are named, the value is on ``err.value``.
    IncompleteResult
        The answer is not provably whole; nothing of it is returned.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> df = ifr.read_table("s_cardio3prod", "site", columns=["site_id", "country"], where="site_id <= :n",
    ...                     params={"n": 3}, order_by="site_id")
    >>> df.shape, df["site_id"].tolist()
    ((3, 2), [1, 2, 3])
    """
    return default().read_table(
        schema,
        name,
        columns=columns,
        where=where,
        params=params,
        order_by=order_by,
        limit=limit,
        index_col=index_col,
        choices=choices,
        choice_lists=choice_lists,
        dtype=dtype,
        dtype_backend=dtype_backend,
        parse_dates=parse_dates,
        coerce_float=coerce_float,
        out_of_range=out_of_range,
        chunksize=chunksize,
    )


def read_sql(
    sql: str,
    *,
    params: Mapping[str, Any] | None = None,
    index_col: str | Sequence[str] | None = None,
    dtype: Any = None,
    dtype_backend: Backend | None = None,
    parse_dates: Any = None,
    coerce_float: bool = True,
    out_of_range: OutOfRange = "raise",
    chunksize: int | None = None,
) -> Any:
    """Run one query (SELECT, WITH, VALUES or TABLE) and read its rows, exact and whole, in its own order, or raise.

    Parameters
    ----------
    sql : str
        One statement in PostgreSQL's words; a semicolon or comment behind it does no harm.
    params : dict, optional
        Values for ``:name`` in the statement.
    index_col, dtype, dtype_backend, parse_dates, coerce_float, out_of_range, chunksize : optional
        As in :func:`read_table`.

    Returns
    -------
    DataFrame or iterator of DataFrame
        Shape (rows, columns of the query); two columns of one name are both kept.

    Raises
    ------
    InvalidInput
        Not one query: several statements, a statement that changes data, ``{{ }}`` of a Metabase question.
    ParameterError
        A name without a value, or a value without a name.
    QueryFailed
        PostgreSQL refuses it; ``err.position`` counts in ``sql``, ``err.sqlstate`` is the code.
    PermissionDenied, ValueOutOfRange, IncompleteResult
        As in :func:`read_table`.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.read_sql("select count(*) as n from s_cardio3prod.site where site_id < :n", params={"n": 4})["n"].item()
    3
    """
    return default().read_sql(
        sql,
        params=params,
        index_col=index_col,
        dtype=dtype,
        dtype_backend=dtype_backend,
        parse_dates=parse_dates,
        coerce_float=coerce_float,
        out_of_range=out_of_range,
        chunksize=chunksize,
    )
