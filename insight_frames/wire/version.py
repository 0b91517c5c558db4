"""What a version's tag tells: which Metabase this is, and whether it is one that we know how to ask."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from ..errors import InsightError, LoginRefused, ServerUnavailable, UnsupportedServer, sentence
from .http import Http

PROPERTIES = "/api/session/properties"  # needs no session
OLDEST = 31
KEYS = 49  # the first version with API keys
STREAMING = range(35, 49)  # versions that send rows while PostgreSQL still makes them

_TAG = re.compile(r"^v?[01]\.(\d{1,6})\b")


def tag_of(properties: Any) -> str:
    """Find the version's tag in what the server tells of itself."""
    version = properties.get("version") if isinstance(properties, dict) else None
    tag = version.get("tag") if isinstance(version, dict) else None
    if isinstance(tag, str):
        return tag
    raise ServerUnavailable(
        sentence("This does not answer like Metabase", where=f"GET {PROPERTIES}", try_="check the URL")
    )


def era_of(tag: str) -> int | None:
    """Give the second number of a version; None for a build that does not tell.

    >>> era_of("v1.49.3"), era_of("vLOCAL_DEV")
    (49, None)
    """
    found = _TAG.match(tag)
    return int(found[1]) if found else None


def check(tag: str, *, by_key: bool) -> str:
    """Give the tag; UnsupportedServer if it is too old, or too old for API keys where one stands for a login."""
    era = era_of(tag)
    if era is not None and era < OLDEST:
        raise UnsupportedServer(
            sentence("This Metabase is too old", expected=f"0.{OLDEST} or newer", got=tag, try_="an update of it")
        )
    if era is not None and era < KEYS and by_key:
        raise UnsupportedServer(
            sentence("This Metabase knows no API keys", expected=f"0.{KEYS} or newer", got=tag, try_="a user name")
        )
    return tag


def key_refused(http: Http) -> InsightError:
    """Say why an API key was refused: servers that know none pass it over as they do a missing session."""
    with suppress(InsightError):
        with http.get(PROPERTIES) as answer:
            tag = tag_of(answer.json())
        try:
            check(tag, by_key=True)
        except UnsupportedServer as error:
            return error
    return LoginRefused(sentence("The API key is not accepted", where=http.url, try_="another key, or a user name"))
