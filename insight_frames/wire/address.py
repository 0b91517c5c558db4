"""What a caller says about a server, checked before anything is sent: its address, the seconds to wait for it.

Pure text, so that the one module that speaks HTTP holds nothing else.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import InvalidInput, sentence

Timeout = tuple[float, float] | tuple[float, float, float | None]

CONNECT, READ = 10.0, 600.0  # seconds; a server may think for long before the first row of a large query
TOTAL = 6 * 3600.0  # seconds: no answer takes longer, but one that comes byte by byte would take for ever
_FOREVER = 1e6  # seconds: more than that, sockets do not take
_LOOPBACK = re.compile(r"localhost|127(?:\.\d+){3}|::1")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


class Timeouts(NamedTuple):
    """Seconds: for connecting, for each wait for bytes, and for a whole answer with all repetitions."""

    connect: float = CONNECT
    read: float = READ
    total: float = TOTAL


def timeouts(asked: float | Timeout) -> Timeouts:
    """Check seconds to wait: one number is for connecting and for each wait for bytes; a total of None has no end.

    >>> timeouts(30)
    Timeouts(connect=30.0, read=30.0, total=21600.0)
    >>> timeouts((5, 60, None))
    Timeouts(connect=5.0, read=60.0, total=inf)
    """
    given = (asked, asked) if isinstance(asked, int | float) else asked
    if isinstance(given, tuple | list) and len(given) in (2, 3) and all(map(_is_time, given[:2])):
        connect, read = (min(float(one), _FOREVER) for one in given[:2])
        total = given[2] if len(given) == 3 else TOTAL
        if total is None or _is_time(total):
            return Timeouts(connect, read, float("inf") if total is None else float(total))
    raise InvalidInput(
        sentence(
            "timeout cannot be meant",
            expected="seconds above 0, (seconds to connect, to read) or (to connect, to read, in all)",
        )
    )


def _is_time(one: object) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool) and one > 0


def base_address(url: str) -> str:
    """Check a server's address and drop what a browser shows behind it.

    >>> base_address("https://acme.insight.example/")
    'https://acme.insight.example'
    """
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput(
            sentence(
                "The URL is not one of a web server",
                expected="https://<customer>.insight.openclinica.io",
                got=f"scheme {parts.scheme!r}" if parts.scheme else "no scheme, or a host or port that cannot be",
            )
        )
    if parts.username or parts.password:
        raise InvalidInput(sentence("The URL holds a user name or password", try_="username= and password= instead"))
    return parts._replace(query="", fragment="").geturl().rstrip("/").removesuffix("/api")


def is_loopback(url: str) -> bool:
    """Whether a checked address is one of this machine.

    >>> is_loopback("http://127.0.0.1:3000"), is_loopback("https://acme.insight.example")
    (True, False)
    """
    return _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None


def percent_encoded(text: str) -> bytes:
    """Encode a text for a form, which takes several times as long one byte after the other.

    >>> percent_encoded("a = 'é' % 2")
    b'a%20%3D%20%27%C3%A9%27%20%25%202'
    """
    data = text.encode("utf-8")
    for code in sorted(set(data) - _PLAIN, key=lambda one: one != ord("%")):  # the sign itself comes first
        data = data.replace(bytes((code,)), b"%%%02X" % code)
    return data
