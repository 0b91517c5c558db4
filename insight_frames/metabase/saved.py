"""A saved question as a source of rows: its own SQL inside a packed statement, else the server's export of it.

The server itself puts the values in the place of the tags, and turns a question over tables into SQL; we add the
packing around it. Where that cannot be (no right to SQL, no single query, no compiler), the question's own export is
read, and every value and the number of rows must be proven by other means.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from .. import sql
from ..catalog import Table
from ..errors import InvalidInput, PermissionDenied, QueryFailed
from ..question import Question
from ..sources import outcome
from ..sources.either import EitherSource
from ..stream import Stream
from ..wire import answers
from ..wire.server import Server
from . import preview
from .ownexport import OfQuestion, opened
from .questions import Saved
from .tags import Asked

log = logging.getLogger("insight_frames")

_COMPILES = 34  # the first version that gives the SQL of a question over tables
_PLAIN_SQL = 46  # from here on it is pretty-printed unless asked not to be
_CAP = re.compile(r"\s+LIMIT\s+\d+\s*$", re.IGNORECASE)


class SavedSource:
    """One saved question with the values of its tags, as a source that :mod:`insight_frames.reading` asks."""

    def __init__(self, source: EitherSource, saved: Saved, asked: Asked) -> None:
        self._source, self._saved, self._asked = source, saved, asked

    def table(self, schema: str, name: str) -> Table:
        """Find a table in the catalogue, for what else a source is asked."""
        return self._source.table(schema, name)

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the question's rows."""
        with ExitStack() as stack:
            stream = self._by_sql(stack, question)
            if stream is None:
                stream = stack.enter_context(self._by_export(question))
            stream.provenance["question"] = self._saved.number
            yield stream

    # ------------------------------------------------------------------ by SQL
    def _by_sql(self, stack: ExitStack, question: Question) -> Stream | None:
        """Open the packed way, or the plain one behind it; None where the question cannot be put as SQL of ours."""
        server = self._source.server
        if self._source.without_sql:
            return None
        try:
            text = self._text(server)
        except (InvalidInput, PermissionDenied) as error:
            if self._source.path != "auto":
                raise
            log.debug("%s is no query to be packed (%s)", self._saved.label, type(error).__name__)
            return None
        if text is None:
            return None
        tagged = self._tagged(server)
        asked = replace(question, sql=self._saved.sql or text)
        try:
            return stack.enter_context(self._source.open_text(asked, text, tagged))
        except QueryFailed as error:
            if self._source.path != "auto" or not (error.sqlstate is None or outcome.ours(error)):
                raise
            log.info("%s failed inside a statement of ours (%s); asking for its export", self._saved.label,
                     error.sqlstate)  # fmt: skip
            return None

    def _tagged(self, server: Server) -> Server:
        native = self._saved.query.get("native")
        if self._saved.sql is None or not isinstance(native, dict):
            return server
        tags = native.get("template-tags") or native.get("template_tags") or {}
        return server.with_tags(dict(tags), self._asked.parameters())

    def _text(self, server: Server) -> str | None:
        """Give the SQL of the question, with its tags; None for a question over tables that nobody compiles."""
        if self._saved.sql is not None:
            return sql.subquery(self._saved.sql)
        compiled = self._compiled(server)
        if compiled is None:
            return None
        doubled = server.doubles_question_marks(compiled)
        return sql.render(compiled, None, double_question_marks=doubled).text

    def _compiled(self, server: Server) -> str | None:
        """Ask for the SQL of a question over tables, without the limit that the server adds to one that has none."""
        inner = self._saved.query.get("query")
        inner = inner if isinstance(inner, dict) else {}
        if server.era is not None and server.era < _COMPILES:
            text = preview.read(self._reach().preview(), self._saved.label).sql
        else:
            text = _compiled(server, inner)
        return text if text is None or {"limit", "page"} & set(inner) else _CAP.sub("", text)

    # ------------------------------------------------------------------ by the server's export
    @contextmanager
    def _by_export(self, question: Question) -> Iterator[Stream]:
        with opened(self._reach(), question) as stream:
            yield stream

    def _reach(self) -> OfQuestion:
        return OfQuestion(self._source.server, self._saved, self._asked.parameters())


def _compiled(server: Server, inner: dict[str, Any]) -> str | None:
    asked = {"database": server.database_id, "type": "query", "query": inner}
    if server.era is None or server.era >= _PLAIN_SQL:
        asked["pretty"] = False
    with server.session.post("/api/dataset/native", asked) as answer:
        node = answers.json_object(answer.text()) if answer.status in answers.GOOD else None
    if node is None or not isinstance(node.get("query"), str) or node.get("params"):
        return None
    return str(node["query"])
