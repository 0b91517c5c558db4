"""Segments and metrics: filters and numbers under a name, kept in Metabase for everybody who asks by table.

Metabase keeps each for one table. One definition over many tables is planned first, as a frame that can be looked at
and undone, in ``plans``; here is what is done to a single one, in the words of each version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from ..errors import InvalidInput, NotFound, PermissionDenied, ServerUnavailable, UnsupportedServer, sentence
from ..wire import answers, limits
from ..wire.body import Answer
from ..wire.server import Server

Kind = Literal["segment", "metric"]
_METRICS_UNTIL = 49  # later versions have metrics as questions, of another kind


@dataclass
class Definitions:
    """All segments, or all metrics, of one database."""

    server: Server
    kind: Kind

    def check(self) -> None:
        """UnsupportedServer if the server has none of this kind."""
        self._word()

    def listed(self) -> list[dict[str, Any]]:
        """Give what Metabase has, without what is archived, as it tells it."""
        told = self._asked(self.server.session.fetch(f"/api/{self._word()}"))
        if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
            raise ServerUnavailable(
                sentence("This does not answer like Metabase", where=f"GET /api/{self.kind}", expected="a list")
            )
        return [one for one in told if not one.get("archived")]

    def create(self, name: str, table_id: int, definition: Mapping[str, Any], description: str | None) -> int:
        """Keep a new one and give its number."""
        body = {"name": name, "table_id": table_id, "definition": dict(definition), "description": description}
        path = f"/api/{self._word()}"
        with self._changing():
            return _number(self._asked(self.server.session.post(path, body)), self.kind)

    def change(self, number: int, kept: Mapping[str, Any], why: str, **changes: Any) -> None:
        """Change one; what stays is sent as well, because old versions want it."""
        body = {key: kept.get(key) for key in ("name", "description", "table_id", "definition")}
        body |= {"revision_message": why} | changes
        path = f"/api/{self._word()}/{number}"
        with self._changing():
            self._asked(self.server.session.put(path, body))

    def archive(self, number: int, why: str) -> None:
        """Take one out of use; Metabase keeps it in its history."""
        path = f"/api/{self._word()}/{number}?revision_message={quote(why)}"
        with self._changing():
            self._asked(self.server.session.remove(path))

    def one(self, number: int) -> dict[str, Any]:
        """Give one by its number."""
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InvalidInput(sentence(f"A {self.kind}'s number cannot be meant", expected="an int above 0"))
        path = f"/api/{self._word()}/{number}"
        with self._changing():  # up to 0.31 only administrators see a single one
            told = self._asked(self.server.session.fetch(path))
        if not isinstance(told, dict) or told.get("archived"):
            raise NotFound(
                sentence(f"There is no {self.kind} {number}", try_=f"list_{self.kind}s() shows what there is")
            )
        return told

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Within it, a refusal means that only administrators may do this."""
        try:
            yield
        except PermissionDenied:
            raise PermissionDenied(
                sentence(
                    f"Only administrators of Metabase may create or change {self.kind}s",
                    where=self.server.session.who,
                    got="an account that is none",
                    try_="plan with this account, and let an administrator apply the plan",
                )
            ) from None

    def _word(self) -> str:
        era = self.server.era
        if self.kind == "metric" and era is not None and era > _METRICS_UNTIL:
            raise UnsupportedServer(
                sentence(
                    "This Metabase has no metrics of this kind",
                    expected=f"0.{_METRICS_UNTIL} or older",
                    got=self.server.version,
                    try_="its metrics are questions: list_questions() and read_question()",
                )
            )
        return self.kind

    def _asked(self, answer: Answer) -> Any:
        """Read an answer, or raise what it means."""
        with answer:
            text = limits.document(answer.pieces(), answer.where, limits.LISTING).decode("utf-8", "replace")
        if answer.status == 204:
            return None
        if answer.status in answers.GOOD:
            try:
                return limits.parsed(text)
            except ValueError:
                raise ServerUnavailable(
                    sentence("This does not answer like Metabase", where=answer.where, expected="JSON")
                ) from None
        errors = (answers.json_object(text) or {}).get("errors")
        if answer.status == 400 and isinstance(errors, dict):
            raise InvalidInput(
                sentence(
                    f"Metabase refuses this {self.kind}", where=answer.where, got=f"{', '.join(errors)} not accepted"
                )
            )
        if answer.status == 404:
            raise NotFound(
                sentence(
                    f"There is no such {self.kind}, or no such table", where=answer.where, try_=f"list_{self.kind}s()"
                )
            )
        raise answers.meaning(answer, text)


def _number(told: Any, kind: str) -> int:
    if isinstance(told, dict) and type(told.get("id")) is int:
        return int(told["id"])
    raise ServerUnavailable(sentence("This does not answer like Metabase", expected=f"the new {kind}"))


def check_name(name: Any) -> str:
    """InvalidInput unless it is a name."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput(sentence("A name is needed", expected="a str that is not blank", got=type(name).__name__))
    return name
