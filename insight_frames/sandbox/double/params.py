"""Template tags of native questions: ``{{name}}``, optional ``[[ ... ]]``, and what stands for them in the SQL.

Texts and dates become arguments of a prepared statement, numbers stand in the text, a field filter becomes a whole
condition (``1 = 1`` without a value); so a text parameter compared with an integer column fails as on a real server.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import fragments, jdbc
from .fragments import Sql, joined
from .parsing import number
from .query import PSQL, QueryError, Statement

if TYPE_CHECKING:
    from .app import App, Database, Request

_MISSING = "missing-required-parameter"
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Tag:
    """``{{name}}``."""

    name: str


@dataclass(frozen=True)
class Optional:
    """``[[ ... ]]``: left out when one of its tags has no value."""

    pieces: tuple[Any, ...]


class _Missing(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def substitute(app: App, req: Request, query: dict[str, Any], database: Database) -> Statement:
    """The SQL of a native question with its parameters in place."""
    native = query.get("native") or {}
    text = native.get("query")
    tags = native.get("template-tags") or native.get("template_tags") or {}
    given = query.get("parameters") or []
    if not isinstance(text, str) or (app.era >= 33 and not tags and not given):
        return Statement(text if isinstance(text, str) else "")
    pieces = parse(app.era, text)
    if not tags and not given and pieces == (text,):
        return Statement(text)
    values = Values(app, req, database, tags, given)
    sql = _render(app, pieces, values)
    sql = Sql(sql.text.strip(), sql.args)
    _check_places(sql)
    return Statement(sql.text, list(sql.args) if sql.args else None, native_form=_form(app, sql, tags, values))


def _check_places(sql: Sql) -> None:
    """Complain as the JDBC driver does when a tag stood in quotes, where no argument can go."""
    places = sum(count for _, count in jdbc.split(sql.text, markers=True)) if sql.args else 0
    if len(sql.args) > places:
        raise QueryError(
            f"The column index is out of range: {places + 1}, number of columns: {places}.",
            java=PSQL,
            error_type="invalid-query",
            state="22023",
        )


def _form(app: App, sql: Sql, tags: dict[str, Any], values: Values) -> dict[str, Any]:
    if app.era < 34:
        named = {"template-tags": tags} if tags else {}
        return {"query": sql.text, **named, "params": [str(one) for one in sql.args]}
    return {"query": fragments.spliced(sql), "params": None if values.used else []}


# ------------------------------------------------------------------------------------------------ reading the text
def parse(era: int, text: str) -> tuple[Any, ...]:
    """The text cut into plain strings, tags and optional parts."""
    tokens: list[str] = []
    marks = r"(\[\[|\]\]|\{\{|\}\})"
    if era >= 46:
        at = 0
        for comment in _COMMENT.finditer(text):
            tokens += [*re.split(marks, text[at : comment.start()]), comment.group()]
            at = comment.end()
        tokens += re.split(marks, text[at:])
    else:
        tokens = re.split(marks, text)
    pieces, rest = _pieces(era, [one for one in tokens if one], text, closing=None)
    return _merged([*pieces, *rest])


def _pieces(era: int, tokens: list[str], text: str, closing: str | None) -> tuple[list[Any], list[Any]]:
    found: list[Any] = []
    while tokens:
        word = tokens.pop(0)
        if word == closing:
            return found, []
        if word == "{{":
            found.append(_tag(era, tokens, text))
        elif word == "[[":
            inner, _ = _pieces(era, tokens, text, "]]")
            if not any(isinstance(one, Tag) for one in inner):
                raise _malformed(era, "'[[...]]' clauses must contain at least one '{{...}}' clause.")
            found.append(Optional(_merged(inner)))
        else:
            found.append(word)
    if closing is not None:
        raise _malformed(era, "Found '[[' with no matching ']]'" if era >= 34 else _unclosed("[[", "]]", text))
    return found, []


def _tag(era: int, tokens: list[str], text: str) -> Tag:
    inside = ""
    while tokens:
        word = tokens.pop(0)
        if word == "}}":
            return Tag(inside.strip())
        inside += word
    before = text[: text.index("{{") + 2 + len(inside)].split("[[")[0]
    raise _malformed(era, "Found '{{' with no matching '}}'" if era >= 34 else _unclosed("{{", "}}", before))


def _unclosed(opening: str, closing: str, text: str) -> str:
    return f"Found '{opening}' with no terminating '{closing}' in query '{text}'"


def _malformed(era: int, message: str) -> QueryError:
    return QueryError(message, error_type="invalid-query" if era >= 47 else None)


def _merged(pieces: list[Any]) -> tuple[Any, ...]:
    out: list[Any] = []
    for one in pieces:
        if isinstance(one, str) and out and isinstance(out[-1], str):
            out[-1] += one
        else:
            out.append(one)
    return tuple(out)


# ------------------------------------------------------------------------------------------------ filling in
def _render(app: App, pieces: tuple[Any, ...], values: Values) -> Sql:
    out: list[Sql] = []
    missing: list[str] = []
    for one in pieces:
        if isinstance(one, Tag):
            try:
                out.append(values.of(one.name))
            except _Missing as absent:
                missing.append(absent.name)
        elif isinstance(one, Optional):
            out.append(_optional(one, values))
        else:
            out.append(Sql(one))
    if missing:
        raise _absent(app.era, missing, values)
    return joined("", out)


def _optional(part: Optional, values: Values) -> Sql:
    names = [one.name for one in part.pieces if isinstance(one, Tag)]
    if not all(values.has(name) for name in names):
        return Sql("")
    return joined("", (values.of(one.name) if isinstance(one, Tag) else Sql(one) for one in part.pieces))


def _absent(era: int, names: list[str], values: Values) -> QueryError:
    if era < 34:
        known = " ".join(f'"{one}"' for one in values.tags)
        return QueryError(f"Unable to substitute '{names[0]}': param not specified.\nFound: ({known})")
    shown = "#{" + " ".join(f'"{one}"' for one in sorted(set(names))) + "}"
    verb = "the query" if era >= 36 else "query"
    return QueryError(
        f"Cannot run {verb}: missing required parameters: {shown}",
        error_type=_MISSING if era >= 47 else None,
        extra={"ex-data": {"type": _MISSING, "missing": sorted(set(names))}} if era >= 47 else None,
    )


class Values:
    """The values of a question's tags, from its parameters or the tags' defaults."""

    def __init__(
        self, app: App, req: Request, database: Database, tags: dict[str, Any], given: list[dict[str, Any]]
    ) -> None:
        self.app, self.req, self.database, self.tags = app, req, database, tags
        self.given = {name: one for one in given if (name := _target(one)) is not None}
        self.used = False  # whether any value was put in
        for tag in tags.values():
            if tag.get("required") and self._raw(tag)[1] is None:
                raise self._required(tag)

    def _required(self, tag: dict[str, Any]) -> QueryError:
        shown = tag.get("display-name") or tag.get("display_name") or tag.get("name")
        if self.app.era < 36:
            return QueryError(f"'{shown}' is a required param.")
        return QueryError(f"You'll need to pick a value for '{shown}' before this query can run.", error_type=_MISSING)

    def _raw(self, tag: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        parameter = self.given.get(str(tag.get("name"))) or {}
        found = parameter.get("value")
        return parameter, tag.get("default") if found is None or found == [] else found

    def has(self, name: str) -> bool:
        """Whether a tag has a value."""
        tag = self.tags.get(name)
        return tag is not None and self._raw(tag)[1] is not None

    def of(self, name: str) -> Sql:
        """What stands for a tag."""
        tag = self.tags.get(name)
        if tag is None:
            raise _Missing(name)
        parameter, raw = self._raw(tag)
        if tag.get("type") == "dimension":
            return self._condition(tag, parameter, raw)
        if raw is None:
            raise _Missing(name)
        self.used = True
        many = raw if isinstance(raw, list) else [raw]
        return joined(", ", (self._single(str(tag.get("type")), one) for one in many))

    def _single(self, kind: str, raw: Any) -> Sql:
        if kind == "number":
            return _numbers(raw)
        if kind == "date":
            return Sql("?", (_date(str(raw)),))
        return fragments.value(raw) if not isinstance(raw, str) else Sql("?", (raw,))

    def _condition(self, tag: dict[str, Any], parameter: dict[str, Any], raw: Any) -> Sql:
        from . import mbql

        if raw is None:
            return Sql("1 = 1")
        self.used = True
        kind = str(parameter.get("type") or tag.get("widget-type") or tag.get("widget_type") or "category")
        return mbql.field_filter(self.app, self.req, self.database, tag.get("dimension"), kind, raw)


def _target(parameter: dict[str, Any]) -> str | None:
    """The name of the tag that a parameter is meant for."""
    target = parameter.get("target")
    while isinstance(target, list) and len(target) > 1:
        if str(target[0]).replace("_", "-") == "template-tag":
            return str(target[1])
        target = target[1]
    return None


def _numbers(raw: Any) -> Sql:
    if not isinstance(raw, str):
        return fragments.value(raw)
    return Sql(", ".join(_number(one.strip()) for one in raw.split(",")))


def _number(text: str) -> str:
    return fragments.shown(number(text))


def _date(text: str) -> Any:
    try:
        return dt.date.fromisoformat(text) if len(text) <= 10 else dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise QueryError(
            f"Text '{text}' could not be parsed at index 0", java="class java.time.format.DateTimeParseException"
        ) from error
