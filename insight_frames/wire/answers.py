"""What an answer means: Metabase's statuses and error bodies, by version, as this package's errors.

Decisions go by status, then by the shape of the body, then by keys and SQLSTATE; never by Content-Type and, where there
is another way, never by an English sentence, because servers translate them. A server's text is shown masked.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import (
    InsightError,
    LoginRefused,
    LoginThrottled,
    NotFound,
    PermissionDenied,
    QueryFailed,
    ServerUnavailable,
    SessionExpired,
    sentence,
)
from .body import Answer
from .limits import parsed
from .patience import BUSY
from .troubles import not_metabase, overloaded

GOOD = (200, 202)
EXPORT = "/api/dataset/json"

_EXPORTS = re.compile(r" /api/(?:dataset|card/\d+/query)/(?:csv|json|xlsx)\b")
_POSITION = re.compile(r"\n[ \t]*Position: (\d{1,9})\b")
_SECONDS = re.compile(r"\b(\d{1,6})\b")
_STATE = re.compile(r"[0-9A-Z]{5}")
_NO_SQL = re.compile(r"(?:do(?:es)? not|don't) have permissions? to", re.I)  # Metabase's words
_DENIED = re.compile(r"permission denied for", re.I)  # PostgreSQL's


def check(answer: Answer) -> Answer:
    """Let a good answer through; raise what a bad one means."""
    if answer.status in GOOD or answer.status == 204:
        return answer
    with answer:
        text = answer.text()
    raise meaning(answer, text)


def meaning(answer: Answer, text: str) -> InsightError:
    """Turn a status and a body that are not good into an error."""
    status, where = answer.status, answer.where
    page = text.lstrip()[:1] == "<"
    if status == 429 or (answer.retry_after is not None and status in BUSY):
        return ServerUnavailable(overloaded(where, status, answer.retry_after))
    if status == 503 and not page:
        return ServerUnavailable(sentence("Metabase is still starting", where=where, try_="again in a minute"))
    if page or status in (502, 503, 504):
        return ServerUnavailable(not_metabase(where, status, text))
    if status == 401:
        return SessionExpired(sentence("The session is not valid", where=where, try_="connect again"))
    if status == 403:
        return PermissionDenied(
            sentence("This account may not do that", where=where, try_="ask an administrator of Insight for the right")
        )
    if not _EXPORTS.search(where):
        return ServerUnavailable(not_metabase(where, status, text))
    if status == 404:
        what = "The server knows no such question" if "/card/" in where else "The server no longer knows this database"
        return NotFound(sentence(what, where=where, got="status 404"))
    node = json_object(text)
    if status in (400, 500) and node is not None and ("error" in node or "message" in node or "cause" in node):
        return failure(node, where)
    if status in (400, 500) and node is None and text.strip():
        return failure({"error": text}, where)
    return ServerUnavailable(
        sentence("The server answered with an error", where=where, got=f"status {status}", try_="again later")
    )


def failure(node: dict[str, Any], where: str) -> InsightError:
    """Turn the error object of a failed query into an error; ``position`` is still the one the server counted."""
    text = str(node.get("error") or node.get("message") or node.get("cause") or "")
    via = node.get("via")
    first = via[0] if isinstance(via, list) and via else None
    state = node.get("state") or (first.get("state") if isinstance(first, dict) else None)
    state = state if isinstance(state, str) and _STATE.fullmatch(state) else None
    found = _POSITION.search(text)
    from ..sql.messages import masked  # its patterns take longer to compile than many a read

    shown = masked(text)
    if _NO_SQL.search(text) or node.get("error_type") == "missing-required-permissions":
        return PermissionDenied(
            sentence(
                "This account may not run SQL",
                where=where,
                try_="ask an administrator of Insight for the right to native queries on this database",
            )
        )
    if state == "42501" or _DENIED.search(text):
        return PermissionDenied(
            sentence(
                "The database refuses to show this to the account",
                where=where,
                got=shown,
                try_="list_tables() shows what may be read",
            )
        )
    return QueryFailed(
        sentence("The query failed", where=where, got=shown),
        server_message=shown,
        sqlstate=state,
        position=int(found[1]) if found else None,
    )


def late_failure(text: str, where: str) -> InsightError | None:
    """Recognise the error object that a server puts in place of, or behind, the rows of an export."""
    start = text.find("{")
    return error_in(json_object(text[start:]), where) if start >= 0 else None


def error_in(node: Any, where: str) -> InsightError | None:
    """Recognise an error object among what was read of an answer."""
    if not isinstance(node, dict) or not ({"error", "status", "message", "cause"} & set(node)):
        return None
    return failure(node, where)


def login_failure(status: int, text: str, where: str) -> InsightError:
    """Turn a refused login into its error: throttled and refused share a status, the key under ``errors`` differs."""
    node = json_object(text) or {}
    errors = node.get("errors")
    errors = errors if isinstance(errors, dict) else {}
    if ("username" in errors and _SECONDS.search(str(errors["username"]))) or "too many" in text.lower():
        seconds = _SECONDS.search(str(errors.get("username", "")))
        wait = int(seconds[1]) if seconds else None
        return LoginThrottled(
            sentence(
                "Too many logins: the server refuses this account for now",
                where=where,
                try_=f"again in {wait} seconds; a right password is refused until then" if wait else "again later",
            ),
            wait,
        )
    if status in (400, 401, 403) and (errors or "disabled" in text):
        return LoginRefused(
            sentence(
                "The login was refused",
                where=where,
                got="user name or password not accepted",
                try_="check both; each wrong try counts towards a lock of the account",
            )
        )
    return ServerUnavailable(
        sentence("The login got an answer that is not Metabase's", where=where, got=f"status {status}")
    )


def json_object(text: str) -> dict[str, Any] | None:
    """Read a JSON object, None if the text is anything else."""
    try:
        node = parsed(text)
    except ValueError:
        return None
    return node if isinstance(node, dict) else None
