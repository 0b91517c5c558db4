"""Logging in: the one place that sends a password, and only to ``/api/session``.

What the server refused is not sent again by itself, because wrong tries count towards a lock: not by this connection,
and for a minute not by any process of this user. A wait that the server asks for is kept by all of them.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

from ..credentials import Hidden, Kept, Login, Pause, Record, Secret, Verifier
from ..errors import InsightError, InvalidInput, LoginRefused, LoginThrottled, ServerUnavailable, sentence
from . import answers
from .address import is_loopback
from .body import Answer
from .http import Http

_SENDABLE = re.compile(r"[!-~]{1,4096}")
_UNSAID = 15  # seconds to wait where the server names none: its shortest wait
_REFUSED = 60.0  # seconds in which no process sends a refused password again


class Gate:
    """Exchanges a user name and password for a session, and remembers what was refused."""

    def __init__(self, http: Http, kept: Kept, *, allow_http: bool = False) -> None:
        self._http = http
        self._kept = kept
        self._allow_http = allow_http
        self._refused: Secret | None = None

    def enter(self, login: Login, record: Record) -> Secret:
        """Log in and keep the session; nothing is sent if it is known to be refused."""
        self.check_encrypted("password")
        self._check_pauses(login, record)
        body = Hidden(username=login.username, password=login.password.reveal())
        with self._http.post_json("/api/session", body) as answer:
            text = Secret(answer.text())
            if answer.status not in answers.GOOD:
                raise self._turned_away(answer, text, login, record)
        session = _session(text)
        if session is None:
            raise ServerUnavailable(sentence("The login brought no session", where=answer.where, expected="an id"))
        verifier = Verifier.of(login.password) if self._kept.shared else None
        self._kept.write(record.with_session(session, verifier))
        return session

    def check_encrypted(self, what: str) -> None:
        """Refuse to send a secret that whoever is on the way could read."""
        if self._http.url.startswith("https:") or self._allow_http or is_loopback(self._http.url):
            return
        raise InvalidInput(
            sentence(
                f"The {what} would travel unencrypted",
                where=self._http.url,
                expected="https://",
                try_="the address with https://, or connect(..., allow_http=True) in a network you trust",
            )
        )

    def _check_pauses(self, login: Login, record: Record) -> None:
        wait = record.throttled.left() if record.throttled is not None else 0.0
        if wait > 0:
            raise LoginThrottled(
                sentence(
                    "The server has asked to wait before the next login",
                    where=self._http.url,
                    try_=f"again in {wait:.0f} seconds",
                ),
                int(wait) + 1,
            )
        if self._refused == login.password:
            raise LoginRefused(_again(self._http.url, "connect(...) with the right one"))
        left = record.refused[1].left() if record.refused is not None else 0.0
        if record.refused is not None and left > 0 and record.refused[0].matches(login.password):
            raise LoginRefused(_again(self._http.url, f"the right one, or this one again in {left:.0f} seconds"))

    def _turned_away(self, answer: Answer, text: Secret, login: Login, record: Record) -> InsightError:
        if answer.status in (404, 502, 503, 504) or text.reveal().lstrip().startswith("<"):
            return answers.meaning(answer, text.reveal())
        error = answers.login_failure(answer.status, text.reveal(), answer.where)
        if isinstance(error, LoginThrottled):
            # one second more, because the server rounds
            pause = Pause(time.time(), 1 + (_UNSAID if error.retry_after is None else error.retry_after))
            self._kept.write(replace(record, throttled=pause))
        elif isinstance(error, LoginRefused):
            self._refused = login.password
            if self._kept.shared:
                refused = (Verifier.of(login.password), Pause(time.time(), _REFUSED))
                self._kept.write(replace(record, refused=refused))
        return error


def _again(url: str, hint: str) -> str:
    what = "The server has refused this password, and each try counts towards a lock, so it was not sent again"
    return sentence(what, where=url, try_=hint)


def _session(text: Secret) -> Secret | None:
    found = Hidden(answers.json_object(text.reveal()) or {}).get("id")
    return Secret(found) if isinstance(found, str) and is_sendable(found) else None


def is_sendable(text: str) -> bool:
    """Whether a text can stand in a header: no blanks, nothing outside of ASCII, no line's end above all.

    >>> is_sendable("3b241101-e2bb-4255-8caf-4136c566a962"), is_sendable("a: b"), is_sendable("")
    (True, False, False)
    """
    return _SENDABLE.fullmatch(text) is not None
