"""Why there was no answer, or none of Metabase's, in words: what to look at differs, and only here is it told apart.

Exceptions of libraries hold whole addresses, with queries and passwords; so only their kinds are looked at, however
deep they are wrapped, and nothing of their texts is shown but a status and OpenSSL's own reason.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from ..errors import sentence
from .patience import Allowance

_STATUS = re.compile(r"\b([45]\d\d)\b")
_WANTS_OURS = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA", "UNKNOWN_CERTIFICATE")
ENDED = {"RemoteDisconnected", "ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "SSLEOFError"}
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and all that it wraps, of whatever library."""
    seen: list[BaseException] = []
    left = [error]
    while left:
        one = left.pop(0)
        if one not in seen:
            seen.append(one)
            yield one
            inside = (*one.args, getattr(one, "reason", None), getattr(one, "original_error", None))
            left += [it for it in (*inside, one.__cause__, one.__context__) if isinstance(it, BaseException)]


def kinds(error: BaseException) -> set[str]:
    """Name the classes of an exception and of all that it wraps."""
    return {kind.__name__ for one in causes(error) for kind in type(one).__mro__}


def unreachable(where: str, error: BaseException, allowance: Allowance) -> str:
    """Say why there was no answer."""
    found = kinds(error)
    if "ProxyError" in found:
        return _proxy(where, error)
    if "InvalidSchema" in found:
        return sentence("The proxy cannot be spoken to", where=where, got="SOCKS", try_="pip install pysocks")
    encrypted = next((one for one in causes(error) if isinstance(one, ssl.SSLError)), None)
    if encrypted is not None:
        return _tls(where, encrypted)
    if "NewConnectionError" in found:
        got = "a host name that nobody knows" if "gaierror" in found else "no connection"
        return sentence("The server cannot be reached", where=where, got=got, try_="check the URL and the network")
    handshake = any(isinstance(one, TimeoutError) and "handshake" in str(one) for one in causes(error))
    if "ConnectTimeoutError" in found or handshake:
        return sentence(
            "The server cannot be reached in time", where=where, try_="check the URL and the network, or its proxies"
        )
    if found & {"ReadTimeoutError", "TimeoutError"}:
        return sentence(
            "The server did not answer in time", where=where, expected=_limit(allowance), try_=_longer(allowance)
        )
    if found & ENDED:
        return sentence(
            "The server cannot be reached",
            where=where,
            got="a connection that ended without an answer",
            try_="again later; if it ends each time, a look at the proxy or firewall in between",
        )
    return sentence(
        "The server cannot be reached", where=where, got=type(error).__name__, try_="check the URL and the network"
    )


def _proxy(where: str, error: BaseException) -> str:
    told = next((found[1] for one in causes(error) if (found := _STATUS.search(str(one))) and _is_tunnel(one)), None)
    return proxy_refuses(where, told)


def proxy_refuses(where: str, told: str | None) -> str:
    """Say what a proxy answered in place of the server."""
    hint = "proxies='http://<user>:<password>@<host>:<port>'" if told == "407" else "check proxies= or HTTPS_PROXY"
    return sentence(
        "The proxy does not let us through" if told else "The proxy cannot be reached",
        where=where,
        got=f"status {told}" if told else "",
        try_=hint,
    )


def _is_tunnel(error: BaseException) -> bool:
    return type(error) is OSError and str(error).startswith("Tunnel connection failed")


def _tls(where: str, error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return sentence(
            "The server's certificate is not trusted",
            where=where,
            got=error.verify_message.partition(", certificate is not valid for")[0].strip(" ."),
            try_="verify='path/to/ca.pem' with the certificate of your organisation's authority",
        )
    reason = error.reason or ""
    if any(one in reason for one in _NO_TLS):
        return sentence("The server does not speak TLS", where=where, got=reason, try_="check the URL and its port")
    if isinstance(error, ssl.SSLEOFError) or any(one in reason for one in _WANTS_OURS):
        return sentence(
            "The server refuses an encrypted connection",
            where=where,
            got="its end" if isinstance(error, ssl.SSLEOFError) else reason,
            try_="cert=('certificate.pem', 'key.pem'), if it wants to see a certificate of yours",
        )
    return sentence("No encrypted connection could be made", where=where, got=reason, try_="check the URL")


def broken_off(where: str, error: BaseException, allowance: Allowance) -> str:
    """Say why an answer that had begun did not come to its end."""
    if allowance.left() <= 0 or kinds(error) & {"ReadTimeoutError", "TimeoutError"}:
        return sentence(
            "The answer did not come to its end in time",
            where=where,
            expected=_limit(allowance),
            try_=f"{_longer(allowance)}; nothing of this answer was used",
        )
    return sentence(
        "The answer broke off",
        where=where,
        got=f"{type(error).__name__} in the middle of the body",
        try_="ask again; nothing of this answer was used",
    )


def _limit(allowance: Allowance) -> str:
    limits = allowance.timeouts
    return f"{limits.total:g} seconds in all" if allowance.left() <= 0 else f"something within {limits.read:g} seconds"


def _longer(allowance: Allowance) -> str:
    return "a longer timeout=(connect, read, total)" if allowance.left() <= 0 else "a longer timeout=, or later"


def redirected(where: str, url: str, status: int, location: str) -> str:
    """Say where a server points to; only scheme and host are shown, what follows may be a secret."""
    try:
        target = urlsplit(urljoin(url, location))
        host = target.hostname or ""
        place = f"{target.scheme}://{host}" + (f":{target.port}" if target.port is not None else "")
    except ValueError:
        return sentence("The server redirects", where=where, got=f"status {status} to no address", try_="check the URL")
    here = urlsplit(url)
    if host != here.hostname:
        hint = "connect to the address it redirects to; if that is a gateway's sign-in, headers= with what it wants"
    elif (target.scheme, here.scheme) == ("https", "http"):
        hint = "connect to the same address with https://"
    else:
        hint = "connect to the address as the browser shows it"
    return sentence("The server redirects", where=where, got=f"status {status} to {place}", try_=hint)


def not_metabase(where: str, status: int, text: str) -> str:
    """Say what came instead of JSON, without quoting it."""
    page = text.lstrip()[:200].lower()
    kind = "an HTML page" if page.startswith(("<!doctype", "<html", "<")) else "a text that is not JSON"
    return sentence(
        "This does not answer like Metabase",
        where=where,
        expected="JSON",
        got=f"{kind} with status {status}",
        try_="check the URL (the address of Insight itself, not of a login page or proxy)",
    )


def overloaded(where: str, status: int, seconds: float | None) -> str:
    """Say that a server takes no more for now."""
    return sentence(
        "The server takes no more requests for now",
        where=where,
        got=f"status {status}",
        try_="again later" if seconds is None else f"again in {seconds:.0f} seconds, as it asks",
    )
