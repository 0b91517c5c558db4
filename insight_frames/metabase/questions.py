"""Saved questions: which there are, and the one that is meant by a number or a name.

Lists and cards are asked anew each time, because somebody may be at work on them in the browser. A question that cannot
be read is told apart here, before it is run: not there, archived, closed to this account, on another database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, PermissionDenied, QuestionNotFound, ServerUnavailable, near, sentence
from ..wire import answers, limits
from ..wire.server import Server
from .tags import Tag, declared

if TYPE_CHECKING:
    import pandas as pd

_MBQL5 = 57  # versions from here on keep questions in another form, and give the one known before on request
_LIST = "list_questions() shows what this account may read"


@dataclass(frozen=True)
class Saved:
    """One saved question.

    Attributes
    ----------
    query : dict
        The server's ``dataset_query``.
    sql : str or None
        The text of a question written in SQL.
    tags : dict of str to Tag
    """

    number: int
    name: str
    database: int | None
    query: Mapping[str, Any] = field(repr=False)
    sql: str | None = field(repr=False, default=None)
    tags: Mapping[str, Tag] = field(repr=False, default_factory=dict)
    archived: bool = False

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"Question {self.number} ({self.name!r})"


def listed(server: Server) -> pd.DataFrame:
    """List the questions on the connection's database; see :func:`insight_frames.list_questions`."""
    import pandas as pd

    mine = [one for one in _cards(server) if _saved(one).database == server.database_id]
    rows = [_row(one, _saved(one)) for one in sorted(mine, key=lambda one: int(one["id"]))]
    text = "str" if pd.__version__ >= "3" else "object"
    shown = {"id": "int64", "name": text, "kind": text, "tags": text, "collection": text, "description": text}
    made = pd.DataFrame({name: pd.Series([one[name] for one in rows], dtype=kind) for name, kind in shown.items()})
    made["updated"] = pd.to_datetime([one["updated"] for one in rows], utc=True, format="ISO8601").as_unit("us")
    return made


def _row(card: Mapping[str, Any], saved: Saved) -> dict[str, Any]:
    collection = card.get("collection")
    return {
        "id": saved.number,
        "name": saved.name,
        "kind": "table" if saved.sql is None else "sql",
        "tags": ", ".join(f"{one.name} ({one.wants})" for one in saved.tags.values()),
        "collection": collection.get("name") if isinstance(collection, Mapping) else None,
        "description": card.get("description"),
        "updated": card.get("updated_at"),
    }


def find(server: Server, question: int | str) -> Saved:
    """Find a question by its number or its name.

    Raises
    ------
    QuestionNotFound
        There is none, or it is archived.
    PermissionDenied
        This account may not read it.
    InvalidInput
        Several have the name, or it asks another database than the connection's.
    """
    if isinstance(question, bool) or (not isinstance(question, (int, str)) and not hasattr(question, "__index__")):
        raise InvalidInput(
            sentence("A question is meant by its number or its name", got=f"type {type(question).__name__}")
        )
    found = _named(server, question) if isinstance(question, str) else _numbered(server, int(question))
    if found.archived:
        raise QuestionNotFound(_archived(found.label))
    if found.database is not None and found.database != server.database_id:
        raise InvalidInput(_elsewhere(server, found))
    return found


def _archived(label: str) -> str:
    return sentence(f"{label} is archived", try_="take it out of the archive in Metabase, or read another")


def _elsewhere(server: Server, found: Saved) -> str:
    listed = server.session.get("/api/database")
    known = listed.get("data", listed) if isinstance(listed, dict) else listed
    names = [one.get("name") for one in known if isinstance(one, dict) and one.get("id") == found.database]
    there = repr(names[0]) if names else f"number {found.database}, which this account may not see"
    return sentence(
        f"{found.label} asks another database",
        expected=f"the connection's, {server.database['name']!r}",
        got=there,
        try_=f"connect(..., database={names[0]!r})" if names else "ask an administrator of Insight for the right",
    )


def _numbered(server: Server, number: int) -> Saved:
    modern = server.era is None or server.era >= _MBQL5
    path = f"/api/card/{number}{'?legacy-mbql=true' if modern else ''}"
    try:
        answer = server.session.fetch(path)
    except PermissionDenied:
        raise PermissionDenied(
            sentence(f"This account may not read question {number}", where=f"GET {path}", try_=_LIST)
        ) from None
    with answer:
        text = answer.text()
    if answer.status == 404:
        archived = (answers.json_object(text) or {}).get("error_code") == "archived"
        if archived:
            raise QuestionNotFound(_archived(f"Question {number}"))
        raise QuestionNotFound(sentence(f"There is no question {number}", try_=_LIST))
    if answer.status not in answers.GOOD:
        raise answers.meaning(answer, text)
    node = answers.json_object(text)
    if node is None or not _is_card(node):
        raise _strange(answer.where, "a question")
    return _saved(node)


def _named(server: Server, name: str) -> Saved:
    cards = _cards(server)
    found = [one for one in cards if one["name"] == name]
    here = [one for one in found if _saved(one).database == server.database_id] or found
    if len(here) == 1:
        return _saved(here[0])
    if here:
        numbers = ", ".join(str(one["id"]) for one in here)
        raise InvalidInput(
            sentence(f"{len(here)} questions are called {name!r}", got=f"the numbers {numbers}", try_="one of these")
        )
    put_away = [one for one in _cards(server, "archived") if one["name"] == name]
    if put_away:
        raise QuestionNotFound(_archived(_saved(put_away[0]).label))
    hint = near(name, (one["name"] for one in cards)) or _LIST
    raise QuestionNotFound(sentence(f"There is no question {name!r} that this account may read", try_=hint))


def _cards(server: Server, which: str = "all") -> list[dict[str, Any]]:
    path = f"/api/card?f={which}"
    with answers.check(server.session.fetch(path)) as answer:
        data = limits.document(answer.pieces(), answer.where, limits.LISTING)
    try:
        node = limits.parsed(data)
    except ValueError:
        node = None
    if not (isinstance(node, list) and all(map(_is_card, node))):
        raise _strange(f"GET {path}", "a list of questions")
    return node


def _is_card(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and type(node.get("id")) is int
        and isinstance(node.get("name"), str)
        and isinstance(node.get("dataset_query"), dict)
    )


def _saved(card: Mapping[str, Any]) -> Saved:
    query = card["dataset_query"]
    native = query.get("native")
    sql = native.get("query") if isinstance(native, Mapping) else None
    database = query.get("database", card.get("database_id"))
    return Saved(
        number=card["id"],
        name=card["name"],
        database=database if type(database) is int else None,
        query=query,
        sql=sql if isinstance(sql, str) else None,
        tags=declared(query),
        archived=bool(card.get("archived")),
    )


def _strange(where: str, expected: str) -> ServerUnavailable:
    return ServerUnavailable(
        sentence("This does not answer like Metabase", where=where, expected=expected, try_="check the URL")
    )
