"""Requests and answers as bytes: what is sent, how often it is tried, and what an answer must be.

The environment is looked at once, not for every request. A body that ends early is an error here, before anybody
parses it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from ..credentials import Hidden
from ..errors import IncompleteResult, ServerUnavailable
from . import options, troubles
from .address import Timeout, base_address, is_loopback, percent_encoded, timeouts
from .body import Answer
from .compression import Compression, Encoding, Link
from .connections import BROKEN_OFF, UNSENT, Request, Response, Road, environ_proxies
from .patience import BUSY, CURRENT, Allowance, Place, Places, pause, retry_after

log = logging.getLogger("insight_frames")


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
            found = {} if is_loopback(self.url) else environ_proxies(self.url)
        else:
            found = options.proxies(proxies)
        self._way: Hidden[str, Any] = Hidden(proxies=Hidden(found))
        self._way |= {"verify": options.trusted(verify), "cert": options.certificate(cert)}
        self._parallel = options.parallel(parallel)
        self.renew()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, shown: str | None = None) -> Answer:
        """GET, for the documents of the API; messages and the log say ``shown`` where the path holds a secret."""
        return self._send(Request("GET", path, headers), repeatable=True, shown=shown)

    def post_json(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON body; once, and on a connection that no server may just be closing."""
        return self._send(_json("POST", path, body, headers), by=self._once)

    def put_json(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """PUT a JSON body; once, as with POST."""
        return self._send(_json("PUT", path, body, headers), by=self._once)

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
        return self._send(Request("POST", path, more, form), self._once, asked=asked, repeatable=True, link=self._link)

    def delete(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """DELETE with a JSON body or without: ending a session, archiving what Metabase keeps."""
        return self._send(_json("DELETE", path, body, headers))

    def close(self) -> None:
        """Let go of kept connections."""
        self._kept.close()
        self._once.close()

    def renew(self) -> None:
        """Begin without connections; a child process leaves those of its parent alone."""
        self._kept, self._once = Road(self.url, self._way), Road(self.url, self._way, once=True)
        self._places = Places(self._parallel)

    def _send(
        self,
        request: Request,
        by: Road | None = None,
        *,
        asked: Encoding = "identity",
        repeatable: bool = False,
        shown: str | None = None,
        link: Link | None = None,
    ) -> Answer:
        what = f"{request.method} {shown or request.path}"
        where = f"{what} at {self.url}"
        allowance = Allowance(self._timeouts)
        place = self._places.take(allowance, where)
        whole = replace(request, headers=Hidden({**self._headers, **(request.headers or {}), "Accept-Encoding": asked}))
        try:
            response = self._tried(by or self._kept, whole, where, allowance, repeatable)
            log.debug("%s -> %s", what, response.status)
            try:
                self._check(response, where)
                return Answer(_Sender(response, where, allowance, place), where, asked=asked, link=link)
            except ServerUnavailable:
                response.close()
                raise
        except BaseException:
            place.leave()
            raise

    def _tried(self, road: Road, request: Request, where: str, allowance: Allowance, repeatable: bool) -> Response:
        """Send a request until there is an answer to be taken, or no sense in trying again."""
        failed: ServerUnavailable | None
        for repeated in count():
            begun = time.perf_counter()
            token = CURRENT.set(allowance)
            allowance.received, asked, failed = 0, None, None
            try:
                with allowance:
                    response = road.send(request, allowance.each())
            except UNSENT as error:
                again = _nothing_was_done(error, repeatable, allowance)
                failed = ServerUnavailable(troubles.unreachable(where, error, allowance))
            except KeyboardInterrupt:  # without the frames below, whose variables hold what was sent
                raise KeyboardInterrupt from None
            else:
                self._link.answered(time.perf_counter() - begun)
                again = repeatable and response.status in BUSY
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
            log.info("%s: asking again in %.1f s", " ".join(where.split()[:2]), wait)
            with allowance:
                time.sleep(wait)
        raise AssertionError("count() does not end")

    def _check(self, response: Response, where: str) -> None:
        """Refuse what a server or proxy says in place of an answer; nothing is followed."""
        if response.is_redirect:
            location = response.headers.get("Location", "")
            raise ServerUnavailable(troubles.redirected(where, self.url, response.status, location))
        if response.status == 407:
            raise ServerUnavailable(troubles.proxy_refuses(where, "407"))


def _json(method: str, path: str, body: Any, headers: Mapping[str, str] | None) -> Request:
    """Make a request with a JSON body, and the header that says so; None is no body."""
    if body is None:
        return Request(method, path, headers)
    typed = Hidden({**(headers or {}), "Content-Type": "application/json"})
    return Request(method, path, typed, json.dumps(body, allow_nan=False).encode())


def _nothing_was_done(error: Exception, repeatable: bool, allowance: Allowance) -> bool:
    """Whether a request may be sent again: no connection was made, or nothing of an answer came before it ended."""
    found = troubles.kinds(error)
    if found & {"NewConnectionError", "ConnectTimeoutError"}:
        return True
    return repeatable and not allowance.received and bool(found & troubles.ENDED)


class _Sender:
    """The bytes of one answer; closing it lets the server know, so that it cancels what it is still doing."""

    def __init__(self, response: Response, where: str, allowance: Allowance, place: Place) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response, self._where = response, where
        self._allowance, self._place = allowance, place

    def read(self, size: int, /) -> bytes:
        try:
            with self._allowance:
                return self._response.read(size)
        except BROKEN_OFF as error:
            raise IncompleteResult(troubles.broken_off(self._where, error, self._allowance)) from None

    def close(self) -> None:
        self._response.close()
        self._place.leave()
