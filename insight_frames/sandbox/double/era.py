"""ONE table of what differs between the eras of Metabase; handlers ask for a named flag, never for a version
number.

A flag is true or has its value because a recorded server of that era behaved so; an era nobody recorded has no row
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import App


@dataclass(frozen=True)
class Era:
    """The differences. The defaults are those of 0.47."""

    number: int
    version: dict[str, str]  # as /api/session/properties tells it
    max_rows: int = 1_048_575  # of anything
    # ---- login and sessions
    refused: int = 401  # status of a refused login
    throttle_counts_success: bool = False  # every login counts, not only a failed one
    throttle_header: bool = True  # the caller's address is taken from X-Forwarded-For
    lower_email: bool = True  # upper and lower case of a user name are the same
    session_cookies: tuple[str, ...] = ("metabase.SESSION",)  # where a session is looked for, in this order
    login_cookies: tuple[str, ...] = ("metabase.SESSION", "metabase.TIMEOUT")
    logout_cookies: tuple[str, ...] = ("metabase.SESSION", "metabase.EMBEDDED_SESSION", "metabase.TIMEOUT")
    timeout_cookie: bool = True  # answers to a request with a session cookie renew metabase.TIMEOUT
    device_cookie: bool = True  # metabase.DEVICE on every answer to a caller without one
    api_keys: bool = False
    # ---- answers in general
    text_type: str = "text/plain"
    json_type: str = "application/json;charset=utf-8"
    # ---- queries
    query_status: int = 202
    export_status: int = 200
    keep_alive: bool = False  # a slow interactive answer begins with line feeds
    streams: bool = True  # rows leave while the cursor is read; else the whole answer is in memory first
    in_file_errors: bool = True  # a failing export is a successful file with an error object in it
    export_formats: tuple[str, ...] = ("csv", "json", "xlsx", "api")  # "api" passes the route and fails behind it
    gzips: bool = True
    read_only: bool = True  # the statement runs in a read-only transaction
    auto_commit: bool = False  # no transaction around the statement
    asserts_sql: bool = True  # an empty statement fails before PostgreSQL sees it
    prepared: bool = False  # question marks in the SQL are parameters even without any
    formatted: bool = False  # exports format every value for people
    cancels: bool = True  # a caller that hung up cancels the statement
    ordered_keys: int = 8  # keys of an export's row that keep their order; a hash map has more
    join_rows: bool = True  # '[\n', '{...},\n' instead of one line
    client_limits: bool = True  # `constraints` of the request are heard
    native_is_bare: bool = True  # native SQL gets the lower row cap
    int_to_string: bool = True  # keys of a table question come as text in interactive answers


def _version(date: str, tag: str, branch: str, commit: str) -> dict[str, str]:
    return {"date": date, "tag": tag, "branch": branch, "hash": commit}


_OLD: dict[str, Any] = {
    "max_rows": 1_048_576,
    "refused": 400,
    "throttle_header": False,
    "lower_email": False,
    "timeout_cookie": False,
    "device_cookie": False,
    "in_file_errors": False,
    "streams": False,
    "keep_alive": True,
    "gzips": False,
    "read_only": False,
    "asserts_sql": False,
    "prepared": True,
    "cancels": False,
    "join_rows": False,
    "int_to_string": False,
    "export_formats": ("csv", "json", "xlsx"),
}

ERAS: dict[int, Era] = {
    31: Era(
        31,
        _version("2018-11-08", "v0.31.0", "release-0.31.0", "adf9a89"),
        **_OLD,
        throttle_counts_success=True,
        session_cookies=("metabase.SESSION_ID",),
        login_cookies=(),
        logout_cookies=(),
        query_status=200,
        client_limits=False,
        ordered_keys=9,
        native_is_bare=False,
    ),
    34: Era(
        34,
        _version("2020-02-25", "v0.34.3", "release-0.34.x", "1a83edb"),
        **_OLD,
        session_cookies=("metabase.SESSION", "metabase.SESSION_ID"),
        login_cookies=("metabase.SESSION", "metabase.SESSION_ID"),
        logout_cookies=("metabase.SESSION", "metabase.SESSION_ID"),
        export_status=202,
    ),
    47: Era(47, _version("2023-06-21", "v0.47.0-SNAPSHOT", "source", "379546d")),
    49: Era(
        49,
        _version("2023-12-20", "v0.49.0-SNAPSHOT", "source", "4e2dae2"),
        streams=False,
        auto_commit=True,
        read_only=False,
        formatted=True,
        api_keys=True,
    ),
}


def of(app: App) -> Era:
    """The row of this server's era."""
    return ERAS[app.era]


def number(text: Any) -> int:
    """``"0.47"`` or ``47`` as the era's number.

    Raises
    ------
    ValueError
        If no such era is known.
    """
    tail = str(text).split(".")[-1] if "." in str(text) else str(text)
    if not tail.isdigit() or int(tail) not in ERAS:
        raise ValueError(f"era {text!r} is none of {', '.join(f'0.{one}' for one in ERAS)}")
    return int(tail)
