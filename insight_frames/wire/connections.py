"""Connections to one server; the one module that imports requests and urllib3.

What requests knows of proxies and certificates is asked once for an address; from there on urllib3 sends, because
requests' own objects around each request and answer cost as much time as a small answer takes to come. No cookie is
ever kept (a server looks at a stale cookie before the session header) and no redirect followed (it would turn a POST
into a GET).
"""

from __future__ import annotations

import http.client
import io
import logging
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, requote_uri

from .patience import CURRENT, Incoming

UNSENT = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)  # there is no answer
BROKEN_OFF = (urllib3.exceptions.HTTPError, OSError)  # there is not all of it
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_BUFFER = 1 << 16  # bytes: each time it is filled costs some calls of Python
_SIGNED = re.compile(r"(?<=/api/embed/)\S+")


def _masked(record: logging.LogRecord) -> bool:
    """Take signed tokens, and what stands behind them, out of what urllib3 says of its requests."""
    if isinstance(record.args, tuple):
        record.args = tuple(_SIGNED.sub("...", one) if isinstance(one, str) else one for one in record.args)
    return True


logging.getLogger("urllib3.connectionpool").addFilter(_masked)


def environ_proxies(url: str) -> dict[str, str]:
    """Give the proxies that the environment names for an address."""
    return get_environ_proxies(url)


@dataclass(frozen=True, repr=False)
class Request:
    """What is to be sent; shows nothing of it, because tools print local variables."""

    method: str
    path: str
    headers: Mapping[str, str] | None = None
    body: bytes | None = None


class Response:
    """An answer whose body is still on its way."""

    def __init__(self, raw: urllib3.BaseHTTPResponse) -> None:
        self._raw = raw
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers

    @property
    def is_redirect(self) -> bool:
        """Whether the server sends us somewhere else."""
        return self.status in _REDIRECTS and "Location" in self.headers

    def read(self, size: int) -> bytes:
        """Give so many bytes of the body as it was sent, fewer at its end; BROKEN_OFF if that came too early."""
        return bytes(self._raw.read(size, decode_content=False))

    def close(self) -> None:
        """Let go of the connection, which ends unless all has been read."""
        self._raw.close()
        self._raw.release_conn()


class Road:
    """Connections to one address through what lies between: kept ones, or (``once``) one for each request."""

    def __init__(self, url: str, way: Mapping[str, Any], *, once: bool = False) -> None:
        self._url, self._way = url, way
        self._adapter = _OnceAdapter() if once else _Adapter()
        self._opened: tuple[Any, str] | None = None

    def send(self, request: Request, timeout: tuple[float, float]) -> Response:
        """Send a request and wait for an answer's head; UNSENT if none comes."""
        pool, start = self._opened = self._opened or self._open()
        raw = pool.urlopen(
            request.method,
            start + requote_uri(request.path),
            body=request.body,
            headers=request.headers,
            timeout=urllib3.Timeout(connect=timeout[0], read=timeout[1]),
            retries=self._adapter.max_retries,  # none
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        return Response(raw)

    def close(self) -> None:
        """Let go of kept connections."""
        self._opened = None
        self._adapter.close()

    def _open(self) -> tuple[Any, str]:
        """Find the pool of connections that leads to the server, and what stands before a path in its requests."""
        asked = requests.PreparedRequest()
        asked.prepare_url(self._url + "/", None)
        pool = self._adapter.get_connection_with_tls_context(
            asked, self._way["verify"], proxies=self._way["proxies"], cert=self._way["cert"]
        )
        self._adapter.cert_verify(pool, asked.url, self._way["verify"], self._way["cert"])  # type: ignore[no-untyped-call]
        return pool, self._adapter.request_url(asked, self._way["proxies"]).removesuffix("/")


class _Response(http.client.HTTPResponse):
    """Reads what comes within the allowance of the request that is being sent."""

    def __init__(self, sock: socket.socket, *more: Any, **named: Any) -> None:
        super().__init__(sock, *more, **named)
        allowance = CURRENT.get()
        if allowance is not None:
            allowance.received = 0  # a proxy's consent is no answer
            self.fp = io.BufferedReader(Incoming(self.fp.detach(), sock, allowance), _BUFFER)


class _Whole:
    """Sends head and body of a request together: a small one is one packet, which the server wakes up for once."""

    response_class = _Response
    _held: list[bytes] | None = None

    def request(self, *words: Any, **named: Any) -> None:
        self._held = []
        try:
            super().request(*words, **named)  # type: ignore[misc]  # a connection's
            data = b"".join(self._held)
        finally:
            self._held = None
        self.send(data)

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)  # type: ignore[misc]
        else:
            self._held.append(data)


class _Once:
    """Takes no connection back: each is for one request, whatever the server says about keeping it."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


@cache
def _pool(kind: type[urllib3.HTTPConnectionPool], once: bool) -> type[Any]:
    """Make a kind of pool (plain, of TLS, through SOCKS) into one of ours."""
    connection = type(kind.ConnectionCls.__name__, (_Whole, kind.ConnectionCls), {})
    return type(kind.__name__, (_Once, kind) if once else (kind,), {"ConnectionCls": connection})


# A server that thinks for long is told from one that is gone, and no firewall in between forgets the connection.
_ALIVE = {"SO_KEEPALIVE": 1, "TCP_NODELAY": 1, "TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 15}
_SOCKET = [
    (socket.SOL_SOCKET if name.startswith("SO_") else socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in _ALIVE.items()
    if hasattr(socket, name)
]


class _Adapter(HTTPAdapter):
    """Makes connections whose answers keep to an allowance."""

    once = False

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more, socket_options=_SOCKET)
        self._make_ours(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **more, socket_options=_SOCKET)
        if not known:
            self._make_ours(manager)
        return manager

    def _make_ours(self, manager: urllib3.PoolManager) -> None:
        kinds = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: _pool(kind, self.once) for scheme, kind in kinds}


class _OnceAdapter(_Adapter):
    """Makes a connection for each request."""

    once = True
