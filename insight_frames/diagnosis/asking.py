"""How the doctor asks: small statements over constants, whose refusals are answers too.

A refusal that ends everything (nobody is signed in, the server is gone) is told once; what else there was to ask is
not asked then, because each further try would wait for a time-out or count towards a lock of the account.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import InsightError, LoginError, ServerUnavailable
from ..wire.answers import EXPORT, late_failure
from ..wire.compression import Encoding
from ..wire.limits import parsed
from ..wire.server import Server
from ..wire.session import Session
from .report import Section

_MOST = 3  # answers that did not come, before no more are waited for


class Number(str):
    """A number as it was written."""


@dataclass
class Reply:
    """One answer to a statement: status, body, and when its first and last byte came."""

    status: int
    body: str
    first: float
    seconds: float
    size: int
    gzip: bool

    @property
    def rows(self) -> list[dict[str, Any]] | None:
        """The rows, with numbers as they were written; None if these are none."""
        try:
            found = json.loads(self.body, parse_int=Number, parse_float=Number)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, list) and all(isinstance(one, dict) for one in found) else None

    @property
    def failure(self) -> InsightError | None:
        """What the error object in it means."""
        return late_failure(self.body, f"POST {EXPORT}")

    @property
    def form(self) -> str:
        """How a refusal is told."""
        try:
            node = parsed(self.body)
        except ValueError:
            return "text"
        return "a JSON object" if isinstance(node, dict) else "rows"


@dataclass
class Desk:
    """Where questions are put, whichever the door; ``stopped`` is why no more of them are."""

    rows: Callable[..., list[dict[str, str | None]]]  # of a small statement and the names of its columns
    stopped: str | None = None
    no_sql: str | None = None
    notes: list[str] = field(default_factory=list)
    chosen: str | None = None  # the database that is read
    first: bool = True  # nothing has been answered yet
    troubles: int = 0

    def learn(self, section: Section, name: str, work: Callable[[], Any], *, sql: bool = False) -> Any:
        """Add a fact, or why it could not be learnt; the value, or None."""
        why = self.stopped or (self.no_sql if sql else None)
        if why is not None:
            section.unknown(name, why)
            return None
        try:
            value = work()
        except InsightError as error:
            self._consider(error)
            section.unknown(name, error)
            return None
        self.first = False
        section.say(name, value)
        return value

    def _consider(self, error: InsightError) -> None:
        """Whether there is sense in asking on."""
        if isinstance(error, LoginError):
            self.stopped = "not asked, because nobody could be signed in"
        elif isinstance(error, ServerUnavailable):
            self.troubles += 1
            if self.first or self.troubles == _MOST:
                self.stopped = "not asked, because the server could not be reached"

    def pairs(self, sql: str) -> dict[str, str | None]:
        """Run a statement of the columns ``k`` and ``v``, checked as all statements of ours are."""
        return {str(one["k"]): one["v"] for one in self.rows(sql, ("k", "v"))}


class MetabaseDesk(Desk):
    """Where questions are put to a Metabase."""

    def __init__(self, session: Session, server: Server) -> None:
        super().__init__(server.rows)
        self.session, self.server = session, server

    def ask(self, sql: str, *, encoding: Encoding = "identity") -> Reply:
        """Send a statement as an export and give whatever comes."""
        query = {"database": self.server.database_id, "type": "native", "native": {"query": sql}}
        begun = time.perf_counter()
        with self.session.probe(EXPORT, query, encoding=encoding) as answer:
            first, parts = 0.0, []
            for piece in answer.pieces():
                first = first or time.perf_counter() - begun
                parts.append(piece)
            seconds = time.perf_counter() - begun
        data, gzip = b"".join(parts), answer.compression == "gzip"
        return Reply(answer.status, data.decode("utf-8", "replace"), first or seconds, seconds, len(data), gzip)
