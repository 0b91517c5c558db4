"""Where a URL, a user name and a password come from, and secrets that cannot be printed by accident.

Arguments go before the environment (``INSIGHT_URL``, ``INSIGHT_USERNAME``, ``INSIGHT_PASSWORD``, ``INSIGHT_API_KEY``,
``INSIGHT_DATABASE``). A secret's text comes out by one named call only, so that no repr, pickle or traceback has it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NoReturn

from .errors import InvalidInput, LoginRefused, sentence


class Secret:
    """A text that shows itself only through :meth:`reveal`.

    >>> Secret("hush")
    <secret>
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True)
class Credentials:
    """Who to log in as: a user name with a password, or an API key."""

    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None

    def login(self) -> tuple[str, Secret]:
        """Give user name and password; LoginRefused if one is missing."""
        if self.username and self.password is not None:
            return self.username, self.password
        missing = "user name" if not self.username else "password"
        raise LoginRefused(
            sentence(
                f"There is no {missing} to log in with",
                try_="connect(url, username=..., password=...), or INSIGHT_USERNAME and INSIGHT_PASSWORD",
            )
        )


def find_url(url: str | None) -> str:
    """Give the argument, else ``INSIGHT_URL``; InvalidInput if there is neither."""
    found = url or os.environ.get("INSIGHT_URL")
    if not found:
        raise InvalidInput(
            sentence("There is no server to connect to", try_='connect("https://...") or the variable INSIGHT_URL')
        )
    return found


def find_database(database: str | int | None) -> str | int | None:
    """Give the argument, else ``INSIGHT_DATABASE``, else None."""
    return database if database is not None else os.environ.get("INSIGHT_DATABASE") or None


def find(username: str | None, password: str | None, api_key: str | None) -> Credentials:
    """Gather credentials from arguments, then from the environment.

    >>> find("ann@example.org", "hush", None)
    Credentials(username='ann@example.org', password=<secret>, api_key=None)
    """
    key = api_key or (None if username or password else os.environ.get("INSIGHT_API_KEY"))
    if key:
        return Credentials(api_key=Secret(key))
    name = username or os.environ.get("INSIGHT_USERNAME")
    word = password if password is not None else os.environ.get("INSIGHT_PASSWORD")
    return Credentials(name, Secret(word) if word else None)
