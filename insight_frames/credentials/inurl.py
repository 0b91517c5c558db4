"""Passwords that stand in the address of a PostgreSQL: taken out before anything else sees the address.

It is done by hand and never fails, because whoever fails shows what it was given; what a password holds unescaped
(``@``, ``/``) is taken for part of the password, so that no half of it remains in an address that is shown.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import unquote

from .secret import Secret, hide

_DIRECT = re.compile(r"\s*postgres(?:ql)?://", re.I)
_SECRET = re.compile(r"(?:^|(?<=&))(password|sslpassword)=([^&]*)&?")


class Parted(NamedTuple):
    """An address without secrets, and whom it names."""

    url: Any
    username: str | None = None
    password: Secret | None = None


def is_direct(url: object) -> bool:
    """Whether an address is one of a PostgreSQL.

    >>> is_direct("postgresql://ann@127.0.0.1/insight"), is_direct("https://acme.insight.example")
    (True, False)
    """
    return isinstance(url, str) and _DIRECT.match(url) is not None


def parted(url: Any) -> Parted:
    """Take user and password out of a PostgreSQL's address; everything else is left as it is.

    >>> parted("postgresql://ann:hush@db.example:5433/insight?sslmode=require&password=hush")
    Parted(url='postgresql://db.example:5433/insight?sslmode=require', username='ann', password=<secret>)
    """
    if not is_direct(url):
        return Parted(url)
    scheme, rest = url.strip().split("://", 1)
    place, mark, asked = rest.partition("?")
    person, at, host = place.rpartition("@")
    if not at and "@" in asked:  # a question mark in the password
        person, at, host = rest.rpartition("@")
        host, mark, asked = host.partition("?")
    name, _, password = person.partition(":")
    for key, value in _SECRET.findall(asked):
        password = password or (value if key == "password" else "")
    asked = _SECRET.sub("", asked).rstrip("&")
    cleaned = f"{scheme.lower()}://{host}{mark if asked else ''}{asked}"
    return Parted(cleaned, unquote(name) or None, hide(unquote(password) or None))
