"""What a caller says about the way to a server, checked before anything is sent: certificates, proxies, headers.

What is wrong with it would otherwise come up in the middle of a request, as a server that cannot be reached. No text
given here is repeated in an error: a proxy's address holds a password, and a gateway's header is one.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from ..credentials import Hidden
from ..errors import InvalidInput, sentence

Proxies = str | Mapping[str, str] | Literal[False]
Certificate = str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]]

PARALLEL = 2  # requests at the same time
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = r"[^\x00-\x08\x0a-\x1f\x7f\u0100-\U0010ffff]*"  # takes long to compile
_INSTEAD = {"x-metabase-session": "session_id=", "x-api-key": "api_key="}
_OURS = ("content-length", "content-type", "transfer-encoding", "accept-encoding", "connection")


Given = TypeVar("Given")


def hidden(asked: Given) -> Given:
    """Hide what is in a mapping; all else stays as it is."""
    return Hidden(asked) if isinstance(asked, Mapping) else asked  # type: ignore[return-value]  # equal to what it was


def headers(asked: Mapping[str, str] | None) -> Hidden[str, str]:
    """Check headers that are to go with every request.

    >>> headers({"X-Gateway": "hush"})
    <hidden>
    """
    if asked is not None and not isinstance(asked, Mapping):
        _refuse("headers cannot be meant", "a mapping of names to texts")
    wrong = next((one for name, value in (asked or {}).items() if (one := _wrong_header(name, value))), None)
    if wrong is not None:
        _refuse(*wrong)
    return Hidden(asked or {})


def _wrong_header(name: object, value: object) -> tuple[str, ...] | None:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        return "headers holds a name that is none", "letters, digits and hyphens"
    if not (isinstance(value, str) and re.fullmatch(_VALUE, value)):
        return f"headers holds a value that cannot be sent for {name!r}", "a text of one line in Latin-1"
    if name.lower() in _INSTEAD:
        return f"headers holds {name!r}", "headers of a gateway", _INSTEAD[name.lower()]
    if name.lower() in _OURS:
        return f"headers holds {name!r}, which is set for each request", "headers of a gateway"
    return None


def proxies(asked: Proxies) -> Hidden[str, str]:
    """Check proxies: one address for all, a mapping of schemes to addresses, or False for none.

    >>> dict(proxies("http://proxy.example:3128"))
    {'http': 'http://proxy.example:3128', 'https': 'http://proxy.example:3128'}
    """
    given: Any = Hidden(http=asked, https=asked) if isinstance(asked, str) else {} if asked is False else asked
    if not isinstance(given, Mapping):
        _refuse("proxies cannot be meant", "an address, a mapping of 'http' and 'https' to addresses, or False")
    if not all(isinstance(key, str) and _is_proxy(address) for key, address in given.items()):
        _refuse("proxies holds an address that is none of a proxy", "http://<host>:<port>")
    return Hidden(given)


def _is_proxy(address: object) -> bool:
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def trusted(asked: bool | str | os.PathLike[str]) -> bool | str:
    """Check which authorities certificates may be of: the usual ones, those in a file or folder, or whoever comes."""
    if isinstance(asked, bool):
        name = next((one for one in _BUNDLES if os.environ.get(one)), None) if asked else None
        return asked if name is None else _authorities(os.environ[name], f"the variable {name}")
    if not isinstance(asked, str | os.PathLike):
        _refuse("verify cannot be meant", "True, False, or the path of a file of certificates")
    return _authorities(os.fspath(asked), "verify")


def _authorities(path: str, what: str) -> str:
    if not os.path.exists(path):
        _refuse(f"{what} names a file that is not there", "the path of a file of certificates (PEM)", got=path)
    try:
        folder = os.path.isdir(path)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            capath=path if folder else None, cafile=None if folder else path
        )
    except (ssl.SSLError, OSError):
        _refuse(f"{what} names a file without certificates that can be read", "certificates in PEM form", got=path)
    return path


def certificate(asked: Certificate | None) -> str | tuple[str, str] | None:
    """Check the certificate that is to be shown to the server: a file with its key, or the two files."""
    if asked is None:
        return None
    pair = (asked,) if isinstance(asked, str | os.PathLike) else asked
    listed = pair if isinstance(pair, tuple | list) else ()
    paths = [os.fspath(one) for one in listed if isinstance(one, str | os.PathLike)]
    if len(paths) != len(listed) or len(paths) not in (1, 2):
        _refuse("cert cannot be meant", "the path of a certificate with its key, or (certificate, key)")
    for path in paths:
        if not os.path.isfile(path):
            _refuse("cert names a file that is not there", "a certificate and its key (PEM)", got=path)
    try:  # the empty password answers for a person, whom OpenSSL would ask on the terminal in each request
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
            certfile=paths[0], keyfile=paths[-1], password=lambda: ""
        )
    except (ssl.SSLError, OSError, ValueError):
        _refuse(
            "cert names no certificate with its key",
            "PEM files, the key that of the certificate and not encrypted",
            "openssl pkey -in key.pem -out plain.pem, with plain.pem readable by you alone",
        )
    return paths[0] if len(paths) == 1 else (paths[0], paths[1])


def parallel(asked: int) -> int:
    """Check how many requests may be on their way at the same time."""
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        _refuse("parallel cannot be meant", "a number of requests from 1 on")
    return asked


def _refuse(what: str, expected: str, try_: str = "", got: str = "") -> NoReturn:
    raise InvalidInput(sentence(what, expected=expected, got=got, try_=try_))
