"""From a question's number or name and values for its tags to a source that can be asked for its rows.

What is wrong with a question or a value is raised here, so that reading in chunks complains when it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from ..catalog import Table
from ..errors import InsightError, QueryFailed, TableNotFound, sentence
from ..question import Question
from ..sources.either import EitherSource
from ..stream import Stream
from ..wire.server import Server
from . import questions, tags
from .ownexport import Reach, opened
from .saved import SavedSource


def prepared(
    source: EitherSource, question: int | str, params: Mapping[str, Any] | None, asked: Question
) -> tuple[SavedSource, Question]:
    """Find a question and check the values for its tags; nothing is run yet."""
    server = source.server
    saved = questions.find(server, question)
    bases = {} if params is None else _bases(server, saved, params)
    filled = tags.filled(saved.label, saved.sql or "", saved.tags, params, bases)
    return SavedSource(source, saved, filled), replace(asked, params=params)


def _bases(server: Server, saved: questions.Saved, params: Mapping[str, Any]) -> dict[str, str]:
    """Ask for the types of the fields that values are given for."""
    found = {}
    for name, tag in saved.tags.items():
        if name in params and tag.field is not None and not tag.widget.startswith("date"):
            try:
                told = server.session.get(f"/api/field/{tag.field}")
            except InsightError:  # the account may not see the field: then its database is left to complain
                continue
            if isinstance(told, dict) and isinstance(told.get("base_type"), str):
                found[name] = told["base_type"]
    return found


class ReachSource:
    """A question that is read with a token, as a source."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def table(self, schema: str, name: str) -> Table:
        """Find a table in the catalogue: there is none."""
        raise TableNotFound(f"There is no table {name!r}: only a question is read.")

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of its rows."""
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(opened(self._reach, question))
            except QueryFailed:  # in words that say only that it did
                raise QueryFailed(
                    sentence(
                        f"{self._reach.label} failed, and the server does not tell a token why",
                        try_="read_question(...) with an account, which is told",
                    )
                ) from None
            yield stream
