"""One answer of a server: its status, and its body as it comes, unpacked, never shorter than it was announced.

It knows nothing of the library that brings the bytes; what that raises has become an error of ours before.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, Protocol

from ..errors import ServerUnavailable
from .compression import Encoding, Link, Watch, check_encoding, unpacked
from .limits import document, parsed
from .patience import retry_after
from .troubles import not_metabase


class Sender(Protocol):
    """Where the bytes come from."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]: ...

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Answer:
    """One answer whose body may still be on its way; a context manager that lets go of the connection."""

    def __init__(self, sender: Sender, where: str, *, asked: Encoding, link: Link | None = None) -> None:
        self._sender = sender
        self._link = link
        self.where = where
        self.status = sender.status
        self.retry_after = retry_after(sender.headers.get("Retry-After"))
        self.compression = check_encoding(sender.headers.get("Content-Encoding"), asked, where)
        self._watch = Watch()

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
        while piece := self._watch.read(self._sender.read):
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
            raise ServerUnavailable(not_metabase(self.where, self.status, text)) from None

    def close(self) -> None:
        """Close the connection, so that the server cancels what it is still doing."""
        self._sender.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
