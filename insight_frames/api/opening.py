"""The default connection: made by :func:`connect`, or on first use from the environment.

It is the package's one piece of state, behind a lock; everything else in this folder asks it and adds nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..connection import Connection
from ..credentials import Hidden, Secret, address, hide, is_direct, parted

if TYPE_CHECKING:
    from ..direct_connection import PostgresConnection

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
        By its number, an int, the list of databases is not asked for.
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
        from ..direct_connection import PostgresConnection

        return PostgresConnection(url, **settings)
    return Connection(url, **settings)


def default() -> Connection | PostgresConnection:
    """Give the default connection; made from the environment if there is none yet."""
    global _default
    with _lock:
        if _default is None:
            _default = _made(None, {})
        return _default
