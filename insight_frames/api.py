"""The sentences people write first, on one default connection; everything here only passes on.

The default is made by :func:`connect`, or on first use from the environment (``INSIGHT_URL`` and its companions).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .clinical.choices import Given, How
from .connection import Connection
from .credentials import Hidden, Secret, address, hide, is_direct, parted
from .direct_connection import PostgresConnection
from .metabase.embedding import PERIOD, Expires
from .metabase.exports import Exported, Format
from .progress import Asked
from .question import Key, OutOfRange
from .reading import Backend

if TYPE_CHECKING:
    import pandas as pd

    from .diagnosis import Report
    from .snapshots import Consistency, Diff, Snapshot
    from .snapshots.difference import Keys

_lock = threading.Lock()
_default: Connection | PostgresConnection | None = None


def connect(
    url: str | None = None,
    *,
    username: str | None = None,
    password: str | Secret | None = None,
    api_key: str | Secret | None = None,
    database: str | int | None = None,
    **settings: Any,
) -> Connection | PostgresConnection:
    """Make a connection, make it the default of this module, and return it.

    Nothing is sent yet: the first question logs in. Earlier connections stay usable.

    Parameters
    ----------
    url : str, optional
        Address of Insight, as in the browser: ``https://<customer>.insight.openclinica.io``; or of the PostgreSQL
        behind it, ``postgresql://user@host:5432/database`` (the extra ``postgres``), which takes ``username``,
        ``password``, ``database``, ``profile``, ``prompt``, ``timeout`` (seconds to connect in) and ``parallel``
        (sessions that read a snapshot together), and what libpq takes in the URL. Its password may also come from
        ``PGPASSWORD`` or ``.pgpass``.
    username, password : str, optional
        Of the account. What is not given is taken from ``INSIGHT_URL``, ``INSIGHT_USERNAME``, ``INSIGHT_PASSWORD``,
        ``INSIGHT_API_KEY``, ``INSIGHT_SESSION_ID`` and ``INSIGHT_DATABASE``, then from the config file, then (if the
        extra ``keyring`` is installed) from the system's keyring, and at last a person is asked, on a terminal or in a
        notebook. A password is used only for the server and the user name that it stands beside. Without a password
        the session of ``insight-frames login``, or of any program of yours, is used while it lives.
    api_key : str, optional
        A Metabase API key (0.49 and later) instead of a user.
    database : str or int, optional
        Name or number of the database as Metabase shows it; needed only if several PostgreSQL databases are visible.
    **settings
        ``profile`` (a section of the config file, ``config.toml`` in the folder ``insight_frames`` of the platform's
        place for settings: ``url``, ``username``, ``database``; it goes before the environment, and without it
        ``INSIGHT_PROFILE`` or a section ``default`` comes after it), ``session_id`` (of a session made elsewhere),
        ``netrc`` (True or a path: read the host's entry), ``prompt`` (False: ask nobody), ``keep_session`` (False:
        keep the session in memory and not for other processes; ``INSIGHT_KEEP_SESSION=0`` does the same),
        ``allow_http`` (True: a password may travel unencrypted to another machine), ``timeout`` in seconds (one number
        for connecting and for each wait for bytes, ``(connect, read)``, or ``(connect, read, total)``; left out, 10,
        600 and six hours; only time in which the server is waited for counts, and a total of None has no end),
        ``parallel`` (2: how many requests may be on their way at the same time), ``compression`` ("gzip", "identity",
        or "auto": gzip where the link is seen to be so slow that it pays), ``statement_bytes`` (how much text one
        statement may give; left out, 128 MB on servers that hold whole answers in memory, all but 0.35 to 0.48, and no
        limit on the others).

        For what stands in between: ``verify`` (the path of a file or folder of certificates of authorities, or False;
        left out, ``REQUESTS_CA_BUNDLE``, or those that come with Python), ``cert`` (the paths of a certificate of yours
        and its key, or of a file with both), ``proxies`` (an address, a mapping of "http" and "https" to addresses, or
        False for none; left out, those of the environment, for other machines), ``headers`` (a mapping added to every
        request, for a gateway that wants its own; shown nowhere).

    Returns
    -------
    Connection, or PostgresConnection

    Raises
    ------
    InvalidInput
        There is no URL, it is not one of a web server or a PostgreSQL, or a setting is not for it.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.connect(box.url, username=box.username, password=box.password)  # doctest: +ELLIPSIS
    <Connection to http://127.0.0.1:... as analyst@example.com>
    """
    global _default
    (url, named, word), settings = parted(url), Hidden(settings)  # local variables get printed
    password, api_key = hide(password) or word, hide(api_key)
    settings |= {"username": username or named, "password": password, "database": database}
    if api_key is not None:
        settings["api_key"] = api_key
    made = _made(url, settings)
    with _lock:
        _default = made
    return made


def _made(url: str | None, settings: Mapping[str, Any]) -> Connection | PostgresConnection:
    """Open the door that the address is one of, wherever the address comes from."""
    if is_direct(address(url, settings.get("profile"))):
        return PostgresConnection(url, **settings)
    return Connection(url, **settings)


def default() -> Connection | PostgresConnection:
    """Give the default connection; made from the environment if there is none yet."""
    global _default
    with _lock:
        if _default is None:
            _default = _made(None, {})
        return _default


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
        Shape (rows, columns). ``df.attrs["insight"]`` tells server, table, moment (UTC) and path taken.

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


def list_questions() -> pd.DataFrame:
    """List the saved questions on the connection's database that this account may read.

    Returns
    -------
    DataFrame
        One row a question, by number; columns ``id`` (int64), ``name``, ``kind`` ("sql", or "table" for one that was
        clicked together), ``tags`` (what :func:`read_question` takes in ``params``), ``collection`` (missing at the
        root), ``description`` and ``updated`` (UTC).

    Raises
    ------
    LoginError, ServerUnavailable, DatabaseNotFound
        The server or its database cannot be reached.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.list_questions().head(3)[["id", "name", "kind", "tags"]]
       id                        name   kind                             tags
    0   1      Participants of a site    sql        site (number), day (date)
    1   2  Participants with a status    sql  status (field filter, category)
    2   3                Participants  table
    """
    return default().list_questions()


def read_question(
    question: int | str,
    *,
    params: Mapping[str, Any] | None = None,
    index_col: str | list[str] | None = None,
    parse_dates: Any = None,
    dtype: Any = None,
    dtype_backend: Backend | None = None,
    chunksize: int | None = None,
    coerce_float: bool = True,
    out_of_range: OutOfRange = "raise",
) -> Any:
    """Run a saved question as the server does, and read its rows, exact and whole, or raise.

    The server puts the values in the place of the tags. For an account that may run SQL the question travels inside a
    packed statement, like :func:`read_sql`; for others it is the question's own export, read as exactly as the version
    of Metabase allows (``df.attrs["insight"]["path"]`` says "export" then). Neither knows the 2,000 rows at which the
    browser stops.

    Parameters
    ----------
    question : int or str
        Its number, as in its address in the browser, or its name.
    params : dict, optional
        Values for its tags by name: a str for a text, a number (or several in a list) for a number, a date for a date.
        A field filter takes one value or a list, of days also two ``(first, last)``, None for an open end, and
        Metabase's own texts such as ``"past30days"``. A tag without a value takes its default; None is no value.
    index_col, parse_dates, dtype, dtype_backend, chunksize, coerce_float, out_of_range : optional
        As in :func:`read_table`; ``index_col`` names columns.

    Returns
    -------
    DataFrame or iterator of DataFrame
        Columns are called as in the database. From an export come no categories (an enum is text there).

    Raises
    ------
    QuestionNotFound
        There is none, with the nearest names; or it is archived.
    ParameterError
        A tag that is not known, one that needs a value and has none, or a value of another type.
    InvalidInput
        The question asks another database, or several have the name.
    PermissionDenied
        This account may not read the question.
    UnsupportedServer
        Without the right to SQL, this version of Metabase does not show a column's values exactly.
    QueryFailed, ValueOutOfRange, IncompleteResult
        As in :func:`read_sql`; also where it cannot be proven that an export is whole.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> from datetime import date
    >>> ifr.read_question("Participants of a site", params={"site": 3, "day": date(2024, 9, 1)})
           label  site_id enrollment_date     status
    0  003-00049        3      2024-09-22  available
    1  003-00054        3      2024-11-20  available
    2  003-00059        3      2025-01-17  available
    """
    return default().read_question(
        question,
        params=params,
        index_col=index_col,
        parse_dates=parse_dates,
        dtype=dtype,
        dtype_backend=dtype_backend,
        chunksize=chunksize,
        coerce_float=coerce_float,
        out_of_range=out_of_range,
    )


def embed_url(
    *,
    secret: str | Secret,
    question: int | str | None = None,
    dashboard: int | None = None,
    params: Mapping[str, Any] | None = None,
    expires: Expires = PERIOD,
    bordered: bool = True,
    titled: bool = True,
) -> str:
    """Sign an address that shows one question or dashboard to whoever opens it, until it expires.

    For a frame in another page. Needs the extra ``embed`` (PyJWT); nothing is sent, unless a question is named by name.

    Parameters
    ----------
    secret : str
        The server's embedding secret key, 64 hexadecimal digits; it is shown nowhere.
    question : int or str, optional
        The question; or, in its place:
    dashboard : int, optional
        The dashboard.
    params : dict, optional
        Values of locked parameters, by name: texts, numbers, days, two days ``(first, last)``, or lists.
    expires : timedelta, datetime or seconds
        When the address ends to work; ten minutes from now if left out.
    bordered, titled : bool
        How the frame looks.

    Returns
    -------
    str

    Raises
    ------
    InvalidInput
        The secret is none, PyJWT is not installed, or the moment lies in the past.
    ParameterError
        A value cannot be sent.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> ifr.embed_url(question=1, params={"site": 3}, secret="0123456789abcdef" * 4)  # doctest: +ELLIPSIS
    'http://127.0.0.1:.../embed/question/eyJ...#bordered=true&titled=true'
    """
    return default().embed_url(
        secret=secret,
        question=question,
        dashboard=dashboard,
        params=params,
        expires=expires,
        bordered=bordered,
        titled=titled,
    )


def read_embedded(
    question: int | str,
    *,
    secret: str | Secret,
    params: Mapping[str, Any] | None = None,
    filters: Mapping[str, Any] | None = None,
    expires: Expires = PERIOD,
    index_col: str | list[str] | None = None,
    parse_dates: Any = None,
    dtype: Any = None,
    dtype_backend: Backend | None = None,
    chunksize: int | None = None,
    coerce_float: bool = True,
    out_of_range: OutOfRange = "raise",
) -> Any:
    """Read a question that is open for signed embedding, without a login; exact and whole, or raise.

    Needs the extra ``embed`` (PyJWT). The rows come from the question's own export, see :func:`read_question`.

    Parameters
    ----------
    question : int or str
        Its number; a name has to be looked up, which needs a login.
    secret : str
        The server's embedding secret key, 64 hexadecimal digits; it is shown nowhere.
    params : dict, optional
        Values of locked parameters, by name; they are signed.
    filters : dict, optional
        Values of editable parameters, one for each name; they travel in the address, where a proxy may write them down.
    expires : timedelta, datetime or seconds
        When the signature ends; ten minutes from now if left out.
    index_col, parse_dates, dtype, dtype_backend, chunksize, coerce_float, out_of_range : optional
        As in :func:`read_question`.

    Returns
    -------
    DataFrame or iterator of DataFrame

    Raises
    ------
    InvalidInput
        As in :func:`embed_url`.
    LoginRefused, SessionExpired
        The secret is not the server's; the signature has expired.
    PermissionDenied
        Embedding is switched off, or off for this question.
    ParameterError
        A parameter that is locked, editable, disabled or unknown, and not what it was taken for.
    QuestionNotFound, QueryFailed, UnsupportedServer, ValueOutOfRange, IncompleteResult
        As in :func:`read_question`; why a query failed is not told.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> key = "0123456789abcdef" * 4
    >>> box.setting(embedding_secret_key=key, enable_embedding=True)        # in Metabase: Admin, Settings, Embedding
    >>> ifr.read_embedded(1, params={"site": 3}, filters={"day": "2024-09-01"}, secret=key)["label"].tolist()
    ['003-00049', '003-00054', '003-00059']
    >>> box.setting(embedding_secret_key=None, enable_embedding=False)
    """
    return default().read_embedded(
        question,
        secret=secret,
        params=params,
        filters=filters,
        expires=expires,
        index_col=index_col,
        parse_dates=parse_dates,
        dtype=dtype,
        dtype_backend=dtype_backend,
        chunksize=chunksize,
        coerce_float=coerce_float,
        out_of_range=out_of_range,
    )


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
    from .snapshots import open_snapshot as open_

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
    from .snapshots import Snapshot
    from .snapshots.difference import compare

    before, after = (one if isinstance(one, Snapshot) else open_snapshot(one) for one in (old, new))
    return compare(before, after, keys=keys, ignore=ignore, other_source=other_source, progress=progress)


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
