"""Requests and answers as bytes; the one module that imports requests.

Requests' adapters are used without its sessions: no cookie is ever kept (a server looks at a stale cookie before the
session header), no redirect followed (it would turn a POST into a GET), and the environment is looked at once, not for
every request. A body that ends early is an error here, before anybody parses it.
"""

from __future__ import annotations

import http.client
import io
import json
import logging
import os
import re
import socket
import time
from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from ..credentials import Hidden
from ..errors import IncompleteResult, ServerUnavailable
from . import options, troubles
from .address import Timeout, base_address, is_loopback, percent_encoded, timeouts
from .body import Answer
from .compression import Compression, Encoding, Link
from .patience import BUSY, CURRENT, Allowance, Incoming, Place, Places, pause, retry_after

log = logging.getLogger("insight_frames")

_SIGNED = re.compile(r"(?<=/api/embed/)\S+")


def _masked(record: logging.LogRecord) -> bool:
    """Take signed tokens, and what stands behind them, out of what urllib3 says of its requests."""
    if isinstance(record.args, tuple):
        record.args = tuple(_SIGNED.sub("...", one) if isinstance(one, str) else one for one in record.args)
    return True


logging.getLogger("urllib3.connectionpool").addFilter(_masked)


class Http:
    """One base address and the rules for talking to it."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float | Timeout = (10.0, 600.0),
        verify: bool | str | os.PathLike[str] = True,
        cert: options.Certificate | None = None,
        proxies: options.Proxies | None = None,
        headers: Mapping[str, str] | None = None,
        parallel: int = options.PARALLEL,
        compression: Compression = "auto",
    ) -> None:
        headers, proxies = options.hidden(headers), options.hidden(proxies)  # so that no traceback shows them
        self.url = base_address(url)
        self._timeouts = timeouts(timeout)
        self._headers = Hidden({"User-Agent": "insight_frames", "Accept": "*/*", **options.headers(headers)})
        self._link = Link(compression, loopback=is_loopback(self.url))
        if proxies is None:  # one of the environment is for other machines
            found = {} if is_loopback(self.url) else get_environ_proxies(self.url)
        else:
            found = options.proxies(proxies)
        self._way: Hidden[str, Any] = Hidden(proxies=Hidden(found))
        self._way |= {"verify": options.trusted(verify), "cert": options.certificate(cert)}
        self._parallel = options.parallel(parallel)
        self.renew()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, shown: str | None = None) -> Answer:
        """GET, for the documents of the API; messages and the log say ``shown`` where the path holds a secret."""
        return self._send("GET", path, headers=headers, repeatable=True, shown=shown)

    def post_json(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON body; once, and on a connection that no server may just be closing."""
        return self._send("POST", path, json=body, headers=headers, by=self._once)

    def put_json(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """PUT a JSON body; once, as with POST."""
        return self._send("PUT", path, json=body, headers=headers, by=self._once)

    def post_query(
        self,
        path: str,
        query: Any,
        *,
        headers: Mapping[str, str] | None = None,
        small: bool = False,
        encoding: Encoding | None = None,
        name: str = "query",
    ) -> Answer:
        """POST a query for an export: form-encoded under a ``name``, the one form that every version reads.

        On a connection of its own, because a server that polls for a hang-up may swallow the next request's first byte.
        ``small`` says that little will come, whose speed is to tell whether gzip would pay; ``encoding`` decides.
        """
        form = f"{name}=".encode() + percent_encoded(json.dumps(query, ensure_ascii=False, separators=(",", ":")))
        asked = encoding or self._link.encoding(small=small)
        kind = "application/x-www-form-urlencoded"
        more = Hidden({**(headers or {}), "Connection": "close", "Content-Type": kind})
        return self._send("POST", path, form=form, headers=more, by=self._once, asked=asked, repeatable=True)

    def delete(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """DELETE with a JSON body or without: ending a session, archiving what Metabase keeps."""
        return self._send("DELETE", path, json=body, headers=headers)

    def close(self) -> None:
        """Let go of kept connections."""
        self._kept.close()
        self._once.close()

    def renew(self) -> None:
        """Begin without connections; a child process leaves those of its parent alone."""
        self._kept, self._once = _Adapter(), _OnceAdapter()
        self._places = Places(self._parallel)

    def _send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        by: HTTPAdapter | None = None,
        asked: Encoding = "identity",
        repeatable: bool = False,
        shown: str | None = None,
    ) -> Answer:
        where = f"{method} {shown or path} at {self.url}"
        allowance = Allowance(self._timeouts)
        place = self._places.take(allowance, where)
        request = requests.PreparedRequest()
        request.method = method
        try:
            request.prepare_url(self.url + path, None)
            request.prepare_headers({**self._headers, **(headers or {}), "Accept-Encoding": asked})
            request.prepare_body(form, None, json)
            response = self._tried(by or self._kept, request, where, allowance, repeatable)
            log.debug("%s %s -> %s", method, shown or path, response.status_code)
            try:
                self._check(response, where)
                link = self._link if form is not None else None
                return Answer(_Sender(response, where, allowance, place), where, asked=asked, link=link)
            except ServerUnavailable:
                response.close()
                raise
        except requests.RequestException as error:
            place.leave()
            raise ServerUnavailable(troubles.unreachable(where, error, allowance)) from None
        except BaseException:
            place.leave()
            raise

    def _tried(
        self, by: HTTPAdapter, request: requests.PreparedRequest, where: str, allowance: Allowance, repeatable: bool
    ) -> requests.Response:
        """Send a request until there is an answer to be taken, or no sense in trying again."""
        failed: ServerUnavailable | None
        for repeated in count():
            begun = time.perf_counter()
            token = CURRENT.set(allowance)
            allowance.received, asked, failed = 0, None, None
            try:
                with allowance:
                    response = by.send(request, stream=True, timeout=allowance.each(), **self._way)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                again = _nothing_was_done(error, repeatable, allowance)
                failed = ServerUnavailable(troubles.unreachable(where, error, allowance))
            except KeyboardInterrupt:  # without the frames below, whose variables hold what was sent
                raise KeyboardInterrupt from None
            else:
                self._link.answered(time.perf_counter() - begun)
                again = repeatable and response.status_code in BUSY
                asked = retry_after(response.headers.get("Retry-After"))
            finally:
                CURRENT.reset(token)
            wait = pause(repeated, time.perf_counter() - begun, allowance.left(), asked) if again else None
            if wait is None and failed is not None:
                raise failed
            if wait is None:
                return response
            if failed is None:
                response.close()
            log.info("%s %s: asking again in %.1f s", request.method, where.split()[1], wait)
            with allowance:
                time.sleep(wait)
        raise AssertionError("count() does not end")

    def _check(self, response: requests.Response, where: str) -> None:
        """Refuse what a server or proxy says in place of an answer; nothing is followed."""
        if response.is_redirect:
            location = response.headers.get("Location", "")
            raise ServerUnavailable(troubles.redirected(where, self.url, response.status_code, location))
        if response.status_code == 407:
            raise ServerUnavailable(troubles.proxy_refuses(where, "407"))


def _nothing_was_done(error: Exception, repeatable: bool, allowance: Allowance) -> bool:
    """Whether a request may be sent again: no connection was made, or nothing of an answer came before it ended."""
    found = troubles.kinds(error)
    if found & {"NewConnectionError", "ConnectTimeoutError"}:
        return True
    return repeatable and not allowance.received and bool(found & troubles.ENDED)


class _Sender:
    """The bytes of one answer; closing it lets the server know, so that it cancels what it is still doing."""

    def __init__(self, response: requests.Response, where: str, allowance: Allowance, place: Place) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        self._response, self._where = response, where
        self._allowance, self._place = allowance, place

    def read(self, size: int, /) -> bytes:
        try:
            with self._allowance:
                return bytes(self._response.raw.read(size, decode_content=False))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise IncompleteResult(troubles.broken_off(self._where, error, self._allowance)) from None

    def close(self) -> None:
        self._response.close()
        self._place.leave()


class _Response(http.client.HTTPResponse):
    """Reads what comes within the allowance of the request that is being sent."""

    def __init__(self, sock: socket.socket, *more: Any, **named: Any) -> None:
        super().__init__(sock, *more, **named)
        allowance = CURRENT.get()
        if allowance is not None:
            allowance.received = 0  # a proxy's consent is no answer
            self.fp = io.BufferedReader(Incoming(self.fp.detach(), sock, allowance))


class _Once:
    """Takes no connection back: each is for one request, whatever the server says about keeping it."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


@cache
def _pool(kind: type[urllib3.HTTPConnectionPool], once: bool) -> type[Any]:
    """Make a kind of pool (plain, of TLS, through SOCKS) into one of ours."""
    connection = type(kind.ConnectionCls.__name__, (kind.ConnectionCls,), {"response_class": _Response})
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
