"""Requests and answers as bytes; the one module that imports requests.

No cookie is ever kept (a server looks at a stale cookie before the session header), redirects are refused (they would
turn a POST into a GET), and a body that ends early is an error here, before anybody parses it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from ..errors import IncompleteResult, InvalidInput, ServerUnavailable, sentence

log = logging.getLogger("insight_frames")

PIECE = 1 << 20  # bytes asked for at a time: large, because every small read costs a Python call
Timeout = tuple[float, float]


class Answer:
    """One answer whose body may still be on its way; a context manager that lets go of the connection."""

    def __init__(self, response: requests.Response, where: str) -> None:
        self._response = response
        self.where = where
        self.status: int = response.status_code
        self.content_type: str = response.headers.get("Content-Type", "")

    def pieces(self) -> Iterator[bytes]:
        """Give the body in large pieces; IncompleteResult if it ends before its announced end."""
        raw = self._response.raw
        while True:
            try:
                piece = raw.read(PIECE, decode_content=True)
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
        """Give the whole body as text."""
        return b"".join(self.pieces()).decode("utf-8", "replace")

    def json(self) -> Any:
        """Give the whole body as JSON; ServerUnavailable if it is something else."""
        text = self.text()
        try:
            return json.loads(text)
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
    ) -> None:
        self.url = base_address(url)
        self._timeout = timeouts(timeout)
        self._verify = verify
        self._headers = {"User-Agent": "insight_frames", "Accept-Encoding": "identity", **(headers or {})}
        self._session = self._fresh()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET, for the small documents of the API."""
        return self._send("GET", path, headers=headers)

    def post_json(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON body."""
        return self._send("POST", path, json=body, headers=headers)

    def post_query(self, path: str, query: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a query for an export: form-encoded, the one form that every version reads.

        On a connection of its own, because a server that polls for a hang-up may swallow the next request's first byte.
        """
        form = {"query": json.dumps(query, ensure_ascii=False, separators=(",", ":"))}
        more = {**(headers or {}), "Connection": "close"}
        return self._send("POST", path, session=self._fresh(), data=form, headers=more)

    def delete(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """DELETE with a JSON body, for ending a session."""
        return self._send("DELETE", path, json=body, headers=headers)

    def close(self) -> None:
        """Let go of kept connections."""
        self._session.close()

    def _fresh(self) -> requests.Session:
        session = requests.Session()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.verify = self._verify
        session.headers.update(self._headers)
        # A connection that could not be made is tried again; what has been sent is repeated only if it is a GET.
        tries = Retry(total=3, connect=3, read=2, redirect=0, other=0, backoff_factor=0.2, allowed_methods={"GET"})
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=tries))
        return session

    def _send(self, method: str, path: str, *, session: requests.Session | None = None, **what: Any) -> Answer:
        where = f"{method} {path} at {self.url}"
        try:
            response = (session or self._session).request(
                method, self.url + path, stream=True, allow_redirects=False, timeout=self._timeout, **what
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnavailable(unreachable(where, error)) from None
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
        return Answer(response, where)


def unreachable(where: str, error: BaseException) -> str:
    """Say why there was no answer; requests' own text may hold the whole URL, so only its kind is named."""
    if isinstance(error, requests.exceptions.SSLError):
        return sentence("The server's certificate is not trusted", where=where, try_="verify='path/to/ca.pem'")
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return sentence("The server did not answer in time", where=where, try_="a longer timeout=, or later")
    return sentence(
        "The server cannot be reached", where=where, got=type(error).__name__, try_="check the URL and the network"
    )


def timeouts(asked: float | Timeout) -> Timeout:
    """Give seconds for connecting and for each wait for bytes; one number is both.

    >>> timeouts(30)
    (30.0, 30.0)
    """
    pair = (asked, asked) if isinstance(asked, int | float) else asked
    if (
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(isinstance(one, int | float) and not isinstance(one, bool) and one > 0 for one in pair)
    ):
        return float(pair[0]), float(pair[1])
    raise InvalidInput(
        sentence("timeout cannot be meant", expected="seconds above 0, or (seconds to connect, seconds to read)")
    )


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
