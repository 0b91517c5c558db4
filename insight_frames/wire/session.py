"""Who we are to the server: one login, on first use, kept for as long as the server accepts it.

A refused login is never repeated by itself, because wrong tries count towards a lock; a throttled one is remembered,
so that the next call within the time does not touch the network. Only the session's loss in mid-work is renewed, once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ..credentials import Credentials, Secret
from ..errors import LoginRefused, LoginThrottled, ServerUnavailable, SessionExpired, sentence
from . import answers
from .http import Answer, Http

T = TypeVar("T")


class Session:
    """Logs in when first needed and adds the session header to requests."""

    def __init__(self, http: Http, credentials: Credentials) -> None:
        self._http = http
        self._credentials = credentials
        self._id: Secret | None = None
        self._lock = threading.Lock()
        self._throttled_until = 0.0

    def __repr__(self) -> str:
        return f"<Session of {self._credentials.username!r} at {self._http.url}>"

    def get(self, path: str) -> Any:
        """GET a JSON document."""
        return self._renewing(lambda headers: _json(self._http.get(path, headers=headers)))

    def export(self, path: str, query: Any, *, small: bool = False) -> Answer:
        """POST a query for an export, ``small`` if little will come; the answer's body is still on its way."""
        return self._renewing(
            lambda headers: answers.check(self._http.post_query(path, query, headers=headers, small=small))
        )

    def end(self) -> None:
        """Log out and forget the session."""
        with self._lock:
            if self._id is not None:
                body = {"session_id": self._id.reveal()}  # up to 0.31 the server looks for it here
                self._http.delete("/api/session", body, headers=self._headers()).close()
            self._id = None

    def close(self) -> None:
        """Let go of kept connections; the session stays valid on the server."""
        self._http.close()

    def _renewing(self, work: Callable[[dict[str, str]], T]) -> T:
        known = self._ensure()
        try:
            return work(self._headers())
        except SessionExpired:
            if self._credentials.api_key is not None:
                raise LoginRefused(
                    sentence("The API key is not accepted", where=self._http.url, try_="another key, or a user name")
                ) from None
            with self._lock:
                if self._id is known:
                    self._id = None
        self._ensure()
        return work(self._headers())

    def _headers(self) -> dict[str, str]:
        if self._credentials.api_key is not None:
            return {"x-api-key": self._credentials.api_key.reveal()}
        return {"X-Metabase-Session": self._id.reveal() if self._id else ""}

    def _ensure(self) -> Secret | None:
        if self._credentials.api_key is not None:
            return None
        with self._lock:
            if self._id is None:
                self._id = self._login()
            return self._id

    def _login(self) -> Secret:
        wait = self._throttled_until - time.monotonic()
        if wait > 0:
            raise LoginThrottled(
                sentence("The server has asked to wait before the next login", try_=f"again in {wait:.0f} seconds"),
                int(wait) + 1,
            )
        username, password = self._credentials.login()
        body = {"username": username, "password": password.reveal()}
        with self._http.post_json("/api/session", body) as answer:
            text = answer.text()
            if answer.status not in answers.GOOD:
                raise self._refused(answer, text)
        session = (answers.json_object(text) or {}).get("id")
        if not isinstance(session, str):
            raise ServerUnavailable(sentence("The login brought no session", where=answer.where, expected="an id"))
        return Secret(session)

    def _refused(self, answer: Answer, text: str) -> Exception:
        if answer.status in (404, 502, 503, 504) or text.lstrip().startswith("<"):
            return answers.meaning(answer, text)
        error = answers.login_failure(answer.status, text, answer.where)
        if isinstance(error, LoginThrottled) and error.retry_after:
            self._throttled_until = time.monotonic() + error.retry_after
        return error


def _json(answer: Answer) -> Any:
    with answer:
        return answers.check(answer).json()
