"""What PostgreSQL's and libpq's errors mean, as this package's errors; a server's text is shown masked.

Decisions go by SQLSTATE. Only a session that could not be opened has none: libpq tells that in words.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import (
    DatabaseNotFound,
    InsightError,
    LoginRefused,
    PermissionDenied,
    QueryFailed,
    ServerUnavailable,
    sentence,
)

READ_ONLY = "25006"
LOCKED = ("55P03", "40P01")  # a lock was not to be had in time, or two waited for each other
_ENDED = ("08", "57P01", "57P02", "57P03", "57P05", "25P03")  # the session is over
_WRITES_INSIDE = "data-modifying"  # what PostgreSQL says of a WITH that writes, whoever may write
_SAID = re.compile(  # libpq's and PostgreSQL's words that hold nothing of anybody
    "connection refused|timeout expired|name or service not known|no such file or directory|server does not support ssl"
    "|too many (?:clients|connections)|failed to resolve host|server closed the connection|certificate verify failed"
    "|the database system is (?:starting up|shutting down|in recovery mode)|network is unreachable",
    re.I,
)
_REFUSED = ("authentication failed", "no pg_hba.conf entry", "is not permitted to log in", "authentication method")


def lost(error: Any) -> bool:
    """Whether the session is over, and not only its statement."""
    state = error.sqlstate
    return bool(state.startswith(_ENDED)) if state else type(error).__name__ in ("OperationalError", "InterfaceError")


def meaning(error: Any, where: str) -> InsightError:
    """Turn psycopg's error of a statement into ours; ``position`` is still the one that the server counted."""
    from ..sql.messages import masked  # its patterns take longer to compile than many a read

    if lost(error):
        return ServerUnavailable(
            sentence("The connection to PostgreSQL was lost", where=where, got=_state(error), try_="ask again")
        )
    state, shown = error.sqlstate, masked(error.diag.message_primary or "")
    if state == "42501":
        return PermissionDenied(
            sentence(
                "The database refuses to show this to the account",
                where=where,
                got=shown,
                try_="list_tables() shows what may be read",
            )
        )
    what = "The query failed"
    if state == READ_ONLY or _WRITES_INSIDE in (error.diag.message_primary or ""):
        what = "The query writes, and a connection straight to PostgreSQL only reads"
    position = error.diag.statement_position
    return QueryFailed(
        sentence(what, where=where, got=shown),
        server_message=shown,
        sqlstate=state,
        position=int(position) if position else None,
    )


def refused(text: str, where: str, who: str) -> InsightError:
    """Say why no session was opened, by libpq's own words."""
    from ..sql.messages import masked

    words = text.strip().rsplit("FATAL:", 1)[-1].strip().split("\n", 1)[0]
    if any(one in words for one in _REFUSED) or ("role " in words and "does not exist" in words):
        return LoginRefused(
            sentence(
                f"PostgreSQL refuses the login as {who}",
                where=where,
                got=masked(words),
                try_="check user name and password; without encryption (sslmode=require) none is sent in clear",
            )
        )
    if "database " in words and "does not exist" in words:
        return DatabaseNotFound(sentence("There is no such database", where=where, try_="check the URL"))
    return ServerUnavailable(
        sentence(
            "PostgreSQL does not answer here",
            where=where,
            got=reason[0] if (reason := _SAID.search(text)) else masked(words),
            try_="check host and port; through a tunnel: is ssh -L still running?",
        )
    )


def _state(error: Any) -> str:
    return f"SQLSTATE {error.sqlstate}" if error.sqlstate else "the end of the connection"
