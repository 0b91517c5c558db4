"""Saved questions and signed embedding on the default connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..credentials import Secret
from ..metabase.expiry import PERIOD, Expires
from ..question import OutOfRange
from ..reading import Backend
from .opening import default

if TYPE_CHECKING:
    import pandas as pd


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
