"""A PostgreSQL and our sessions with it: opened when needed, kept for the next question, let go if anything went wrong.

A question takes a session for itself; so threads do not wait for each other, and a stream that is still open does not
keep the next question waiting.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from ..credentials import Credentials, Hidden, Login, Secret
from ..errors import InsightError, LoginRefused, ServerUnavailable, sentence
from .address import Address, driver
from .arrow import ArrowLink, open_arrow
from .link import Link
from .troubles import refused

OLDEST = 90600
WHERE = "PostgreSQL"


class PostgresServer:
    """One database of a PostgreSQL; nothing is sent before the first question."""

    def __init__(self, address: Address, found: Credentials, *, keep: int) -> None:
        self.address = address
        self._found, self._keep = found, keep
        self._login: Login | None = None
        self._idle: list[Link] = []
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._version: str | None = None

    @property
    def who(self) -> str:
        """Say who signs in, for a repr."""
        return self._found.username or "whoever libpq takes for you"

    @property
    def version(self) -> str:
        """PostgreSQL's own version."""
        if self._version is None:
            with self.asking():
                pass
        return f"PostgreSQL {self._version}"

    def remark(self) -> int:
        """How many characters stand before our SQL when the server counts: none."""
        return 0

    def rows(self, sql: str, columns: Collection[str] = ()) -> list[dict[str, str | None]]:
        """Run a small statement whose columns are text."""
        with self.asking() as link:
            got = link.rows(sql)
        return [dict(zip(columns, one, strict=True)) for one in got]

    @contextmanager
    def asking(self) -> Iterator[Link]:
        """Give a session in a transaction whose statements see each its own moment."""
        link = self._begun()
        try:
            yield link
            link.end()
        except BaseException:
            link.drop()
            raise
        self._put_back(link)

    @contextmanager
    def session(self) -> Iterator[Link]:
        """Give a new session, without a transaction, that nobody else will use."""
        link = self._open()
        try:
            yield link
        finally:
            link.drop()

    @contextmanager
    def arrow_session(self) -> Iterator[ArrowLink | None]:
        """Give a new ADBC session as whoever the last plain one signed in as; None if there can be none."""
        person, word = self._who_with_what()
        asked: Hidden[str, Any] = Hidden(self.address.settings)
        asked |= {key: one for key, one in (("user", person), ("password", word and word.reveal())) if one}
        link = open_arrow(Secret(driver().conninfo.make_conninfo("", **asked)))
        try:
            yield link
        finally:
            if link is not None:
                link.drop()

    def close(self) -> None:
        """Let go of the sessions that wait for a question."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.drop()

    def _begun(self) -> Link:
        """Take a session that waits, and a new one if the server has hung up on that meanwhile."""
        while (link := self._waiting()) is not None:
            try:
                link.begin()
            except ServerUnavailable:
                link.drop()
                continue
            return link
        link = self._open()
        try:
            link.begin()
        except BaseException:
            link.drop()
            raise
        return link

    def _waiting(self) -> Link | None:
        with self._lock:
            if os.getpid() != self._process:  # after a fork the sessions are the parent's
                self._idle, self._process = [], os.getpid()
            return self._idle.pop() if self._idle else None

    def _put_back(self, link: Link) -> None:
        with self._lock:
            if len(self._idle) < self._keep and os.getpid() == self._process:
                self._idle.append(link)
                return
        link.drop()

    # ------------------------------------------------------------------ signing in
    def _open(self) -> Link:
        login = self._login
        person, word = self._who_with_what()
        made, failed, lacking = self._try(person, word)
        if lacking and word is None:  # neither we nor libpq had one: the keyring, or a person
            login = self._found.login()
            made, failed, _ = self._try(login.username, login.password)
        if made is None:
            raise self._refusal(failed, lacking, word is not None or login is not None)
        self._login = login
        return self._known(made)

    def _who_with_what(self) -> tuple[str | None, Secret | None]:
        if self._login is None:
            return self._found.username, self._found.password
        return self._login.username, self._login.password

    def _refusal(self, failed: str, lacking: bool, given: bool) -> InsightError:
        if lacking and not given:
            return LoginRefused(sentence("There is no password to log in with", where=self.address.url))
        return refused(failed, self.address.url, self.who)

    def _try(self, person: str | None, word: Secret | None) -> tuple[Any, str, bool]:
        """Open a session, or say why not, and whether a password was lacking; an error would show its locals."""
        psycopg = driver()
        asked: Hidden[str, Any] = Hidden(self.address.settings)
        if person:
            asked["user"] = person
        if word is not None:
            asked["password"] = word.reveal()
        try:
            return psycopg.connect("", autocommit=True, prepare_threshold=None, **asked), "", False
        except psycopg.Error as error:
            lacking = bool(error.pgconn is not None and error.pgconn.needs_password)
            return None, str(error), lacking

    def _known(self, session: Any) -> Link:
        """Take down the version, and what this session is."""
        found = session.info.server_version
        self._version = session.info.parameter_status("server_version") or str(found)
        session.pgconn.notice_handler = None
        if found < OLDEST:
            session.close()
            raise ServerUnavailable(
                sentence("This PostgreSQL is too old", expected="9.6 or newer", got=str(self._version))
            )
        return Link(session, WHERE)
