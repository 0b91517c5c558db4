"""Where a URL, a user name and a password come from: arguments, environment, config file, keyring, a question.

A place that names another server, or a password that stands beside another user name, is passed over: a secret goes
only to the server and with the name that it stands beside. Keyring and person are asked when a login needs them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidInput, LoginRefused, sentence
from . import asking, config, netrc_file, ring
from .config import Level
from .inurl import is_direct, parted
from .secret import Secret, hide

_TRY = "connect(url, username=..., password=...), INSIGHT_USERNAME and INSIGHT_PASSWORD, or insight-frames login"


@dataclass(frozen=True)
class Login:
    """A user name and password to send."""

    username: str
    password: Secret


@dataclass(frozen=True)
class Credentials:
    """Where to sign in, and as whom: by an API key, a session's id, or a user name and a password."""

    url: str
    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    session_id: Secret | None = None
    database: str | int | None = None
    prompt: bool = True
    passed_over: tuple[str, ...] = ()  # places whose password is for another server or user name

    @property
    def who(self) -> str:
        """Say who signs in, for a repr."""
        if self.api_key is not None:
            return "an API key"
        return self.username or ("the holder of a session" if self.session_id is not None else "whoever signs in")

    def login(self, username: str | None = None) -> Login:
        """Give user name and password, from the keyring or a person if need be; LoginRefused if one is missing."""
        name = self.username or username
        if name and self.password is not None:
            return Login(name, self.password)
        kept = ring.find(self.url, name) if self.password is None else None
        if kept is not None:
            return Login(*kept)
        password = self.password
        if self.prompt and asking.possible():
            name = name or asking.username(self.url)
            if name and password is None:
                password = asking.password(self.url, name)
        if name and password is not None:
            return Login(name, password)
        raise LoginRefused(
            sentence(
                f"There is no {'password' if name else 'user name'} to log in with",
                where=self.url,
                got=" and ".join(f"one in {one} for another server or user name" for one in self.passed_over),
                try_=_TRY,
            )
        )


def find(
    url: str | None = None,
    *,
    username: str | None = None,
    password: str | Secret | None = None,
    api_key: str | Secret | None = None,
    session_id: str | Secret | None = None,
    database: str | int | None = None,
    profile: str | None = None,
    netrc: bool | str | os.PathLike[str] = False,
    prompt: bool = True,
) -> Credentials:
    """Gather credentials: what is given here, what the environment says, what the config file says.

    A profile that is named here goes before the environment, and so does a netrc file.

    >>> find("https://acme.insight.example", username="ann@example.org", password="hush")
    ... # doctest: +ELLIPSIS
    Credentials(url='https://acme.insight.example', username='ann@example.org', password=<secret>, api_key=None, ...)
    """
    url, named_in, word_in = parted(url)
    given = Level(
        "the arguments",
        _text("url", url),
        _text("username", username) or named_in,
        _hidden("password", password) or word_in,
        _hidden("api_key", api_key),
        _hidden("session_id", session_id),
        database,
    )
    if given.api_key is not None and (given.username or given.password or given.session_id):
        raise InvalidInput(sentence("Two ways to sign in are given", expected="api_key=, or username= and password="))
    named = without_url_secrets(config.profile(profile or os.environ.get("INSIGHT_PROFILE") or None))
    levels = [given, named, _environment()] if profile else [given, _environment(), named]
    address = next((one.url for one in levels if one.url), None)
    if address is None:
        raise InvalidInput(
            sentence(
                "There is no server to connect to",
                try_='connect("https://..."), the variable INSIGHT_URL or a profile in the config file',
            )
        )
    levels.insert(1, netrc_file.read(netrc, address))
    return _choose(levels, address, prompt)


def _choose(levels: Sequence[Level], address: str, prompt: bool) -> Credentials:
    near = [one for one in levels if one.url is None or _server(one.url) == _server(address)]
    start = next((at for at, one in enumerate(near) if one.identifies), len(near))
    way = near[start] if start < len(near) else Level("nowhere")
    database = next((one.database for one in near if one.database is not None), None)
    if way.api_key is not None:
        return Credentials(address, api_key=way.api_key, database=database, prompt=prompt)
    name = next((one.username for one in near[start:] if one.username), None)
    words = [one for one in near[start:] if one.password is not None and one.username in (None, name)]
    unused = tuple(one.name for one in levels if one.password is not None and one not in words)
    return Credentials(
        address,
        name,
        words[0].password if words else None,
        None,
        way.session_id,
        database,
        prompt,
        unused,
    )


def keeps(asked: bool | None) -> bool:
    """Whether sessions are kept for other processes: as asked, else by ``INSIGHT_KEEP_SESSION``, else yes."""
    if asked is not None:
        return asked
    return os.environ.get("INSIGHT_KEEP_SESSION", "").strip().lower() not in ("0", "no", "false", "off")


def _environment() -> Level:
    found: dict[str, Any] = {
        name: os.environ.get(f"INSIGHT_{name.upper()}") or None
        for name in ("url", "username", "password", "api_key", "session_id", "database")
    }
    for name in ("password", "api_key", "session_id"):
        found[name] = hide(found[name])
    return without_url_secrets(Level("the environment", **found))


def without_url_secrets(level: Level) -> Level:
    """Move who and what stand in a PostgreSQL's address to where they belong; what stands there already goes first."""
    url, username, password = parted(level.url)
    return replace(level, url=url, username=level.username or username, password=level.password or password)


def address(url: str | None = None, profile: str | None = None) -> str | None:
    """Say which server would be meant by :func:`find`; None if there is none."""
    if url:
        return url
    named = without_url_secrets(config.profile(profile or os.environ.get("INSIGHT_PROFILE") or None))
    levels = [named, _environment()] if profile else [_environment(), named]
    return next((one.url for one in levels if one.url), None)


def _server(url: str) -> tuple[str, str | None, int | None, str]:
    """What makes two addresses one server; InvalidInput for one that is none."""
    if is_direct(url):
        return "postgresql", url.partition("://")[2], None, ""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise InvalidInput(sentence("The URL is not one of a web server", expected="https://<customer>...")) from None
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/").removesuffix("/api")


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    what = "The URL is not one of a web server" if name == "url" else f"{name} must be a text"
    raise InvalidInput(sentence(what, expected="a str", got=type(value).__name__))


def _hidden(name: str, value: object) -> Secret | None:
    return value if isinstance(value, Secret) else hide(_text(name, value))
