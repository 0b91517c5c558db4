"""Requests and answers as bytes; the one module that imports requests.

Requests' adapters are used without its sessions: no cookie is ever kept (a server looks at a stale cookie before the
session header), no redirect followed (it would turn a POST into a GET), and the environment is looked at once, not for
every request. A body that ends early is an error here, before anybody parses it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.util import Retry

from ..credentials import Hidden
from ..errors import IncompleteResult, ServerUnavailable, sentence
from .address import Timeout, base_address, is_loopback, percent_encoded, timeouts
from .compression import PACKED_PIECE, PIECE, Compression, Encoding, Link, Watch, check_encoding, unpacked
from .limits import document, parsed

log = logging.getLogger("insight_frames")


class Answer:
    """One answer whose body may still be on its way; a context manager that lets go of the connection."""

    def __init__(self, response: requests.Response, where: str, *, asked: Encoding, link: Link | None = None) -> None:
        self._response = response
        self._link = link
        self.where = where
        self.status: int = response.status_code
        self.content_type: str = response.headers.get("Content-Type", "")
        self.compression = check_encoding(response.headers.get("Content-Encoding"), asked, where)
        self._watch = Watch(PACKED_PIECE if self.compression == "gzip" else PIECE)

    def pieces(self) -> Iterator[bytes]:
        """Give the body in large pieces; IncompleteResult if it ends before its announced end."""
        try:
            with closing(self._sent()) as sent:
                for piece in unpacked(sent, self.where) if self.compression == "gzip" else sent:
                    self._watch.unpacked_to(piece)
                    yield piece
        finally:
            if self._link is not None:
                self._link.learn(self._watch, self.compression)

    def _sent(self) -> Generator[bytes, None, None]:
        """Give the bytes of the body as they were sent."""
        raw = self._response.raw

        def read(size: int) -> bytes:
            return raw.read(size, decode_content=False)

        while True:
            try:
                piece = self._watch.read(read)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise IncompleteResult(
                    sentence(
                        "The answer broke off",
                        where=self.where,
                        got=f"{type(error).__name__} in the middle of the body",
                        try_="ask again; nothing of this answer was used",
                    )
                ) from None
            if not piece:
                return
            yield piece

    def text(self) -> str:
        """Give the whole body as text; ServerUnavailable if it does not end."""
        return document(self.pieces(), self.where).decode("utf-8", "replace")

    def json(self) -> Any:
        """Give the whole body as JSON; ServerUnavailable if it is something else."""
        text = self.text()
        try:
            return parsed(text)
        except ValueError:
            raise ServerUnavailable(not_metabase(self, text)) from None

    def close(self) -> None:
        """Close the connection, so that the server cancels what it is still doing."""
        self._response.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def not_metabase(answer: Answer, text: str) -> str:
    """Say what came instead of JSON, without quoting it."""
    page = text.lstrip()[:200].lower()
    kind = "an HTML page" if page.startswith(("<!doctype", "<html", "<")) else "a text that is not JSON"
    return sentence(
        "This does not answer like Metabase",
        where=answer.where,
        expected="JSON",
        got=f"{kind} with status {answer.status}",
        try_="check the URL (the address of Insight itself, not of a login page or proxy)",
    )


class Http:
    """One base address and the rules for talking to it."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float | Timeout = (10.0, 600.0),
        verify: bool | str = True,
        headers: Mapping[str, str] | None = None,
        compression: Compression = "auto",
    ) -> None:
        self.url = base_address(url)
        self._timeout = timeouts(timeout)
        self._headers = {"User-Agent": "insight_frames", "Accept": "*/*", **(headers or {})}
        self._link = Link(compression, loopback=is_loopback(self.url))
        self._proxies = get_environ_proxies(self.url)
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        self._verify = bundle if verify is True and bundle else verify
        self.renew()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET, for the small documents of the API."""
        return self._send("GET", path, headers=headers)

    def post_json(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON body."""
        return self._send("POST", path, json=body, headers=headers)

    def post_query(
        self, path: str, query: Any, *, headers: Mapping[str, str] | None = None, small: bool = False
    ) -> Answer:
        """POST a query for an export: form-encoded, the one form that every version reads.

        On a connection of its own, because a server that polls for a hang-up may swallow the next request's first byte.
        ``small`` says that little will come, whose speed is to tell whether gzip would pay.
        """
        form = b"query=" + percent_encoded(json.dumps(query, ensure_ascii=False, separators=(",", ":")))
        asked = self._link.encoding(small=small)
        kind = "application/x-www-form-urlencoded"
        more = Hidden({**(headers or {}), "Connection": "close", "Content-Type": kind})
        return self._send("POST", path, form=form, headers=more, by=self._once, asked=asked)

    def delete(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """DELETE with a JSON body, for ending a session."""
        return self._send("DELETE", path, json=body, headers=headers)

    def close(self) -> None:
        """Let go of kept connections."""
        self._kept.close()

    def renew(self) -> None:
        """Begin without connections; a child process leaves those of its parent alone."""
        # A connection that could not be made is tried again; what has been sent is repeated only if it is a GET.
        tries = Retry(total=3, connect=3, read=2, redirect=0, other=0, backoff_factor=0.2, allowed_methods={"GET"})
        self._kept, self._once = HTTPAdapter(max_retries=tries), _OnceAdapter(max_retries=tries)

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
    ) -> Answer:
        where = f"{method} {path} at {self.url}"
        begun = time.perf_counter()
        request = requests.PreparedRequest()
        request.method = method
        try:
            request.prepare_url(self.url + path, None)
            request.prepare_headers({**self._headers, **(headers or {}), "Accept-Encoding": asked})
            request.prepare_body(form, None, json)
            response = (by or self._kept).send(
                request, stream=True, timeout=self._timeout, verify=self._verify, proxies=self._proxies
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnavailable(unreachable(where, error)) from None
        except KeyboardInterrupt:  # without the frames below, whose variables hold what was sent
            raise KeyboardInterrupt from None
        self._link.answered(time.perf_counter() - begun)
        log.debug("%s %s -> %s", method, path, response.status_code)
        if response.is_redirect:
            target = urlsplit(response.headers.get("Location", ""))
            response.close()
            raise ServerUnavailable(
                sentence(
                    "The server redirects",
                    where=where,
                    got=f"status {response.status_code} to {target.scheme}://{target.netloc}",
                    try_="connect to the address it redirects to (https:// instead of http://?)",
                )
            )
        try:
            return Answer(response, where, asked=asked, link=self._link if by is self._once else None)
        except ServerUnavailable:
            response.close()
            raise


class _OncePool(urllib3.HTTPConnectionPool):
    """Takes no connection back: each is for one request, whatever the server says about keeping it."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


class _OnceTlsPool(_OncePool, urllib3.HTTPSConnectionPool):
    """The same over TLS."""


_POOLS = {"http": _OncePool, "https": _OnceTlsPool}


class _OnceAdapter(HTTPAdapter):
    """Makes a connection for each request."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        manager = super().proxy_manager_for(*args, **more)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def unreachable(where: str, error: BaseException) -> str:
    """Say why there was no answer; requests' own text may hold the whole URL, so only its kind is named."""
    if isinstance(error, requests.exceptions.SSLError):
        return sentence("The server's certificate is not trusted", where=where, try_="verify='path/to/ca.pem'")
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return sentence("The server did not answer in time", where=where, try_="a longer timeout=, or later")
    return sentence(
        "The server cannot be reached", where=where, got=type(error).__name__, try_="check the URL and the network"
    )
