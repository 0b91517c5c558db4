"""The server's own exports as files: the bytes that a browser would save, under their name only when they are whole.

They are not what the rest of the package reads: values look as this Metabase writes them. For those who hand files on,
and for programs without Python; frames and ``to_csv`` are exact.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

from .. import sql
from ..errors import IncompleteResult, InvalidInput, sentence
from ..sinks.files.publish import check_path, disk
from ..sources.either import EitherSource
from .rawfiles import save

Format = Literal["csv", "json", "xlsx"]
Exported = str | int | tuple[str, str] | Mapping[str, Any]
_GIVEN = "SQL text, a (schema, table), the number of a question, or a query as a dict"


def export(
    source: EitherSource,
    question: Exported,
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,
    params: Mapping[str, Any] | None = None,
) -> Path:
    """Save the server's own export of a question; see :func:`insight_frames.export`."""
    target = check_path(path, f".{_format(path, format)}")
    form = target.suffix.lower()[1:]
    address, name, asked = _request(source, question, form, params)
    expected = _expected(source, question, asked)
    partial = target.with_name(f".{target.stem[:80]}.{secrets.token_hex(6)}.partial{target.suffix}")
    try:
        with disk(target), source.server.session.export(address, asked, name=name) as answer:
            found = save(answer, partial, form)
            if expected not in (None, found):
                raise IncompleteResult(
                    sentence(
                        "The export is not whole, or the data changed while it was made",
                        where=answer.where,
                        expected=f"{expected:,} rows, as counted before",
                        got=f"{found:,}",
                        try_="again; if it stays so, this server cuts exports",
                    )
                )
            with partial.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(partial, target)
    finally:
        with suppress(OSError):
            partial.unlink()
    return target


def _format(path: str | os.PathLike[str], given: str | None) -> str:
    """Which of the formats is meant: the one named, else the one that the file's name ends in."""
    try:
        form = Path(path).suffix.lower()[1:] if given is None else given
    except (TypeError, ValueError):
        raise InvalidInput(sentence("The path cannot be used", expected="the path of a file")) from None
    if form not in get_args(Format):
        raise InvalidInput(
            sentence(
                "The format of the file is not known",
                expected="a file name that ends in .csv, .json or .xlsx, or format='csv', 'json' or 'xlsx'",
                got=repr(form),
            )
        )
    return form


def _expected(source: EitherSource, question: Exported, asked: Any) -> int | None:
    """Let the database count the rows of SQL text or of a table; None for what only Metabase can run."""
    if isinstance(question, str):
        text = asked["native"]["query"]
        return int(source.server.rows(f"select count(*)::text as n from (\n{text}\n) q", ("n",))[0]["n"] or 0)
    if isinstance(question, int | Mapping):
        return None
    return source.numbered.count(".".join(question), asked["query"]["source-table"])


def _request(
    source: EitherSource, question: Exported, form: str, params: Mapping[str, Any] | None
) -> tuple[str, str, dict[str, Any] | list[Any]]:
    """Where the question is put, under which name, and in which words."""
    if params is not None and not isinstance(question, str):
        raise InvalidInput(sentence("params= are for SQL text", got=type(question).__name__, try_="read_question(...)"))
    if isinstance(question, int) and not isinstance(question, bool):
        if question < 1:
            raise InvalidInput(sentence("A question's number cannot be meant", expected="an int above 0"))
        return f"/api/card/{question}/query/{form}", "parameters", []
    return f"/api/dataset/{form}", "query", _query(source, question, params)


def _query(source: EitherSource, question: Exported, params: Mapping[str, Any] | None) -> dict[str, Any]:
    server = source.server
    if isinstance(question, str):
        text = sql.render(question, params, double_question_marks=server.doubles_question_marks(question)).text
        native = {"query": text, "template-tags": {}}
        return {"database": server.database_id, "type": "native", "native": native, "parameters": []}
    if isinstance(question, Mapping):
        if not ({"native", "query"} & set(question)):
            raise InvalidInput(
                sentence("The query cannot be meant", expected="a dict with a key 'native' or 'query'", got="neither")
            )
        kind = "native" if "native" in question else "query"
        return {"database": server.database_id, "type": kind, **question}
    if isinstance(question, Sequence) and len(question) == 2 and all(isinstance(one, str) for one in question):
        number = source.numbered.tables.number(*question)
        return {
            "database": server.database_id,
            "type": "query",
            "query": {"source-table": number},
            "parameters": [],
        }
    raise InvalidInput(sentence("The question cannot be meant", expected=_GIVEN, got=f"type {type(question).__name__}"))
