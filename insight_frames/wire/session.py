"""Who we are to the server: one login, on first use, kept for as long as the server accepts it, also for others.

Only the server's answers tell that a session has ended. Then one thread of one process logs in again, the others take
over its session, and what was refused is asked once more: a request refused for want of a session has done nothing.
"""

from __future__ import annotations

import copy
import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ..credentials import Credentials, Hidden, Kept, Secret
from ..errors import (
    InsightError,
    InvalidInput,
    LoginRefused,
    PermissionDenied,
    ServerUnavailable,
    SessionExpired,
    sentence,
)
from . import answers
from .body import Answer
from .compression import Encoding
from .http import Http
from .login import Gate, is_sendable
from .version import key_refused

log = logging.getLogger("insight_frames")

WHO = "/api/user/current"
_MOST = 3  # sessions tried for one request: ours, one that another process made meanwhile, a new one

Headers = dict[str, str]


class Session:
    """Logs in when first needed and adds the session header to requests.

    Parameters
    ----------
    http : Http
    credentials : Credentials
    keep : bool
        Whether the session is kept on disk for other processes.
    allow_http : bool
        Whether a password or key may travel unencrypted to another machine.
    """

    def __init__(self, http: Http, credentials: Credentials, *, keep: bool = False, allow_http: bool = False) -> None:
        self._http = http
        self._credentials = credentials
        self._kept = Kept(http.url, on_disk=keep)
        self._gate = Gate(http, self._kept, allow_http=allow_http)
        self._username = credentials.username
        self._id: Secret | None = None
        self._lock = threading.Lock()
        self._failures = 0
        self._failure: InsightError | None = None
        _ALL.add(self)

    def __repr__(self) -> str:
        return f"<Session of {self.who} at {self._http.url}>"

    @property
    def who(self) -> str:
        """Say who signs in, without asking the server."""
        return self._username or self._credentials.who

    @property
    def by_key(self) -> bool:
        """Whether an API key stands for a login."""
        return self._credentials.api_key is not None

    def get(self, path: str) -> Any:
        """GET a JSON document."""
        with self._ask(lambda headers: self._http.get(path, headers=headers)) as answer:
            return answers.check(answer).json()

    def export(self, path: str, query: Any, *, small: bool = False, name: str = "query") -> Answer:
        """POST a query for an export, ``small`` if little will come; the answer's body is still on its way."""
        return answers.check(
            self._ask(lambda headers: self._http.post_query(path, query, headers=headers, small=small, name=name))
        )

    def probe(self, path: str, query: Any, *, encoding: Encoding) -> Answer:
        """POST a query for an export in one encoding, and give whatever comes, unchecked."""
        return self._ask(lambda headers: self._http.post_query(path, query, headers=headers, encoding=encoding))

    def post(self, path: str, body: Any) -> Answer:
        """POST a JSON body whatever comes of it: who asks reads the status."""
        return self._ask(lambda headers: self._http.post_json(path, body, headers=headers))

    def put(self, path: str, body: Any) -> Answer:
        """PUT a JSON body whatever comes of it."""
        return self._ask(lambda headers: self._http.put_json(path, body, headers=headers))

    def remove(self, path: str) -> Answer:
        """DELETE whatever comes of it."""
        return self._ask(lambda headers: self._http.delete(path, None, headers=headers))

    def fetch(self, path: str) -> Answer:
        """GET whatever comes of it, of whatever length."""
        return self._ask(lambda headers: self._http.get(path, headers=headers))

    def user(self) -> dict[str, Any]:
        """Ask the server whom it takes us for."""
        node = self.get(WHO)
        if isinstance(node, dict) and isinstance(node.get("email"), str):
            return node
        raise ServerUnavailable(
            sentence("This does not answer like Metabase", where=f"GET {WHO}", expected="a user", try_="check the URL")
        )

    def whoami(self) -> dict[str, Any]:
        """Say whom the server takes us for, and by what."""
        user = self.user()
        return {
            "username": user["email"],
            "name": user.get("common_name") or user["email"],
            "administrator": user.get("is_superuser") is True,
            "by": "an API key" if self.by_key else "a session",
        }

    def account(self) -> str:
        """Name the account that asks: the one whose password made the session, else whom the server says."""
        foreign = self.by_key or self._credentials.session_id is not None
        return self._username if self._username and not foreign else str(self.user()["email"])

    def renew(self) -> None:
        """Log in although there may be a session, and keep the new one."""
        with self._lock:
            self._id = self._log_in(frozenset(), anew=True)[0]

    def end(self) -> bool:
        """Log out and forget the session; False if there was none."""
        with self._lock:
            held, self._id = self._id or self._known(frozenset()), None
            if held is None:
                return False
            if self._username is not None:
                with self._kept.turn(self._username):
                    record = self._kept.read(self._username)
                    if record.session == held:
                        self._kept.write(record.without_session())
            body = Hidden(session_id=held.reveal())  # up to 0.31 the server looks for it here
            self._http.delete("/api/session", body, headers=self._headers(held)).close()
            return True

    def close(self) -> None:
        """Let go of kept connections; the session stays valid on the server."""
        self._http.close()

    def forked(self) -> None:
        """Go on in a child process: with the session, but neither the parent's lock nor its sockets."""
        self._lock = threading.Lock()
        self._http.renew()

    # ------------------------------------------------------------------ asking
    def _ask(self, send: Callable[[Headers], Answer]) -> Answer:
        """Send a request, again with another session if its own has ended."""
        dead: frozenset[Secret] = frozenset()
        while True:
            held, fresh = self._hold(dead)
            headers = self._headers(held)
            answer = send(headers)
            if answer.status not in (401, 403):
                return answer
            with answer:
                error = answers.meaning(answer, answer.text())
            if not self._ended(error, headers):
                raise error
            if held is None:
                raise key_refused(self._http)
            dead |= {held}
            if fresh or len(dead) == _MOST:
                raise error
            log.debug("the session is not valid any more")

    def _ended(self, error: InsightError, headers: Headers) -> bool:
        """Whether the session has ended: a 401 says so; a 403 can say that, or that this alone is not allowed."""
        if isinstance(error, PermissionDenied):
            with self._http.get(WHO, headers=headers) as answer:
                return answer.status in (401, 403)
        return isinstance(error, SessionExpired)

    def _headers(self, held: Secret | None) -> Headers:
        self._gate.check_encrypted("API key" if held is None else "session")
        name, secret = ("X-Metabase-Session", held) if held is not None else ("x-api-key", self._credentials.api_key)
        if secret is None:
            return Hidden()
        if not is_sendable(secret.reveal()):
            what = "session's id" if held is not None else "API key"
            raise InvalidInput(
                sentence(f"The {what} cannot be sent", expected="letters, digits and signs of ASCII alone")
            )
        return Hidden({name: secret.reveal()})

    def _hold(self, dead: frozenset[Secret]) -> tuple[Secret | None, bool]:
        """Give a session not known to be dead, and whether it was made just now; None where a key stands for it."""
        if self.by_key:
            return None, False
        failures = self._failures
        with self._lock:
            if self._id is not None and self._id not in dead:
                return self._id, False
            if self._failures != failures and self._failure is not None:  # somebody tried while we waited
                raise copy.copy(self._failure) from None
            try:
                self._id, fresh = self._obtain(dead)
            except InsightError as error:
                self._failures, self._failure = self._failures + 1, copy.copy(error)
                raise
            return self._id, fresh

    # ------------------------------------------------------------------ obtaining
    def _obtain(self, dead: frozenset[Secret]) -> tuple[Secret, bool]:
        known = self._known(dead)
        if known is not None:
            return known, False
        if self._credentials.session_id is not None and self._username is None:
            raise SessionExpired(
                sentence("The session whose id was given has ended", where=self._http.url, try_="a user name instead")
            )
        return self._log_in(dead)

    def _known(self, dead: frozenset[Secret]) -> Secret | None:
        """Give the session that was given to us, or that is kept for our account."""
        given = self._credentials.session_id
        if given is not None and given not in dead:
            return given
        if self._username is None and given is None:
            self._username = self._only_account()
        return None if self._username is None else self._usable(self._username, self._credentials.password, dead)

    def _usable(self, username: str, password: Secret | None, dead: frozenset[Secret]) -> Secret | None:
        record = self._kept.read(username)
        if record.session is None or record.session in dead or not record.usable(password):
            return None
        log.debug("a kept session is used")
        return record.session

    def _only_account(self) -> str | None:
        known = self._kept.usernames()
        if len(known) > 1:
            raise LoginRefused(
                sentence(
                    "Several accounts are signed in", where=self._http.url, got=", ".join(known), try_="username=..."
                )
            )
        return known[0] if known else None

    def _log_in(self, dead: frozenset[Secret], *, anew: bool = False) -> tuple[Secret, bool]:
        try:
            login = self._credentials.login(self._username)
        except LoginRefused:
            if not dead:
                raise
            raise SessionExpired(
                sentence(
                    "The session has ended, and there is no password to renew it",
                    where=self._http.url,
                    try_="insight-frames login, or connect(...) with a password",
                )
            ) from None
        self._username = login.username
        with self._kept.turn(login.username):
            faster = None if anew else self._usable(login.username, login.password, dead)
            if faster is not None:
                return faster, False
            log.debug("logging in at %s", self._http.url)
            return self._gate.enter(login, self._kept.read(login.username)), True


_ALL: weakref.WeakSet[Session] = weakref.WeakSet()


def _forked() -> None:
    for one in list(_ALL):
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
