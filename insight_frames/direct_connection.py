"""The door beside Metabase: one connection straight to PostgreSQL, for those who may use it.

It takes the same words and gives the same frames. What only Metabase has (saved questions, exports, segments, sessions)
is an error here that says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import credentials
from .credentials import Secret
from .direct.address import address_of
from .direct.server import PostgresServer
from .errors import InvalidInput, UnsupportedServer, sentence
from .live import LiveReader
from .metabase.words import MetabaseWords
from .sources.postgres import PostgresSource

if TYPE_CHECKING:
    from .diagnosis import Report

CONNECT = 10.0  # seconds
PARALLEL = 2  # sessions that read a snapshot together
_SESSION_WORDS = ("login", "logout", "whoami")


class PostgresConnection(LiveReader):
    """A PostgreSQL and one database of it. Made by :func:`insight_frames.connect` of a ``postgresql://`` URL.

    It only reads. It is safe to share between threads, and a context manager; leaving it ends its sessions.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        username: str | None = None,
        password: str | Secret | None = None,
        database: str | None = None,
        profile: str | None = None,
        prompt: bool = True,
        timeout: float = CONNECT,
        parallel: int = PARALLEL,
        **others: Any,
    ) -> None:
        (url, named, word), password = credentials.parted(url), credentials.hide(password)
        _check(others, timeout, parallel)
        found = credentials.find(
            url,
            username=username or named,
            password=password or word,
            database=database,
            profile=profile,
            prompt=prompt,
        )
        if found.api_key is not None or found.session_id is not None:
            raise InvalidInput(
                sentence("PostgreSQL knows no API keys and no sessions", try_="a user name and password")
            )
        address = address_of(found, timeout)
        if database is not None and address.settings.get("dbname") != str(database):
            raise InvalidInput(sentence("The URL names another database than database=", try_="one of them"))
        self._server = PostgresServer(address, found, keep=parallel)
        self._source = PostgresSource(self._server, parallel=parallel)

    def __repr__(self) -> str:
        if "_server" not in vars(self):  # shown among the local variables of an error in __init__
            return "<PostgresConnection that could not be made>"
        return f"<PostgresConnection to {self.url} as {self._server.who}>"

    def __enter__(self) -> PostgresConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give what only Metabase can do as a function that says so."""
        if name.startswith("_") or not (name in _SESSION_WORDS or hasattr(MetabaseWords, name)):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        def refuse(*_: object, **__: object) -> Any:
            raise UnsupportedServer(
                sentence(
                    f"{name} needs Metabase, and this connection goes straight to PostgreSQL",
                    where=self.url,
                    try_=f"connect('https://...').{name}(...)",
                )
            )

        return refuse

    @property
    def url(self) -> str:
        """The server's address, without user and password."""
        return self._server.address.url

    @property
    def server_version(self) -> str:
        """PostgreSQL's own version, such as ``PostgreSQL 16.4`` (asks the server the first time)."""
        return self._server.version

    def close(self) -> None:
        """End the sessions; the connection opens new ones if it is used again."""
        self._server.close()

    def doctor(self, *, thorough: bool = False) -> Report:
        """Say what kind of database this is; see :func:`insight_frames.doctor`. Nothing here is ``thorough``."""
        from .diagnosis import examine_direct

        return examine_direct(self.url, self._server, self._source)

    def _account(self) -> str | None:
        return str(self._source.catalog().settings["user"])


def _check(others: dict[str, Any], timeout: float, parallel: int) -> None:
    """Refuse what is meant for Metabase, or cannot be meant."""
    if others:
        raise InvalidInput(
            sentence(
                f"connect() takes no {sorted(others)[0]}= for a PostgreSQL",
                expected="username, password, database, profile, prompt, timeout and parallel",
                try_="what libpq knows in the URL: postgresql://host/database?sslmode=require",
            )
        )
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        raise InvalidInput(sentence("timeout cannot be meant", expected="seconds to connect in, above 0"))
    if isinstance(parallel, bool) or not isinstance(parallel, int) or not 1 <= parallel <= 16:
        raise InvalidInput(sentence("parallel cannot be meant", expected="a number of sessions from 1 to 16"))
