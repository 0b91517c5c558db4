"""What a saved question asks of whoever reads it: its template tags, and values that fit their declaration.

Values are checked here, before anything is sent, because the server's own complaints come from PostgreSQL or from Java
and name neither the tag nor what it takes; what is then done with a value in the SQL is the server's work alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ParameterError, near, sentence
from . import tagvalues

_INNER = ("card", "snippet")  # tags that the server fills in by itself
_MARK = re.compile(r"--[^\n]*|/\*.*?\*/|\[\[|\]\]|\{\{\s*(.*?)\s*\}\}", re.DOTALL)


@dataclass(frozen=True)
class Tag:
    """One template tag as its question declares it.

    Attributes
    ----------
    kind : str
        "text", "number", "date", "dimension" (a field filter), or a kind of later versions.
    widget : str
        Of a field filter: what may be chosen, as "category", "id", "date/range".
    dimension : list or None
        Of a field filter: the reference to its field.
    """

    name: str
    kind: str
    title: str
    required: bool = False
    default: Any = field(default=None, repr=False)
    widget: str = ""
    dimension: Any = None

    @property
    def wants(self) -> str:
        """What it takes, for messages and lists."""
        return f"field filter, {self.widget}" if self.kind == "dimension" else self.kind

    @property
    def field(self) -> int | None:
        """The number of a field filter's field."""
        node = self.dimension
        while isinstance(node, Sequence) and not isinstance(node, str) and len(node) > 1:
            node = node[1]
        return node if type(node) is int else None


def declared(query: Mapping[str, Any]) -> dict[str, Tag]:
    """Read the tags of a question's query, in the order in which it has them; none of a question without SQL."""
    native = query.get("native")
    node = native if isinstance(native, Mapping) else {}
    told = node.get("template-tags") or node.get("template_tags") or {}
    found = (_tag(name, one) for name, one in told.items() if isinstance(one, Mapping))
    return {one.name: one for one in found if one.kind not in _INNER}


def _tag(name: str, told: Mapping[str, Any]) -> Tag:
    def said(key: str) -> Any:
        return told.get(key, told.get(key.replace("-", "_")))

    kind = str(told.get("type") or "text")
    default = told.get("default")
    return Tag(
        name=str(told.get("name") or name),
        kind=kind,
        title=str(said("display-name") or name),
        required=bool(told.get("required")),
        default=None if default in ("", []) else default,
        widget=str(said("widget-type") or "category") if kind == "dimension" else "",
        dimension=told.get("dimension"),
    )


def needed(sql: str) -> set[str]:
    """Name the tags that stand outside ``[[...]]`` and outside comments: without a value the SQL is not complete.

    >>> sorted(needed("select 1 where a = {{a}} [[and b = {{b}}]] -- {{c}}"))
    ['a']
    """
    found, depth = set(), 0
    for mark in _MARK.finditer(sql):
        depth += {"[[": 1, "]]": -1}.get(mark[0], 0)
        if mark[1] is not None and depth <= 0:
            found.add(mark[1])
    return found


@dataclass(frozen=True)
class Asked:
    """A question's tags and the values given for them, ready to be sent; its repr shows no value."""

    tags: Mapping[str, Tag] = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)

    def parameters(self) -> list[dict[str, Any]]:
        """Write the values as the server takes them."""
        return [
            {
                "type": tagvalues.kind(tag),
                "target": ["dimension" if tag.kind == "dimension" else "variable", ["template-tag", name]],
                "value": self.values[name],
            }
            for name, tag in self.tags.items()
            if name in self.values
        ]


def filled(
    label: str,
    sql: str,
    tags: Mapping[str, Tag],
    params: Mapping[str, Any] | None,
    bases: Mapping[str, str] | None = None,
) -> Asked:
    """Check values for a question's tags and write them as the server takes them.

    Parameters
    ----------
    label : str
        How messages call the question.
    sql : str
        Its text, which tells the tags that must have a value.
    params : mapping of str to object, optional
        None as a value is as good as none.
    bases : mapping of str to str, optional
        The base type of a field filter's field, by tag.

    Raises
    ------
    ParameterError
        A tag is not known, has no value and needs one, or a value does not fit its declaration.
    """
    if params is not None and not isinstance(params, Mapping):
        raise ParameterError(sentence("params is not a mapping", expected="params={'tag': value}",
                                      got=f"type {type(params).__name__}"))  # fmt: skip
    given = {name: value for name, value in (params or {}).items() if value is not None}
    for name in params or {}:
        if name not in tags:
            raise ParameterError(_unknown(label, name, tags))
    for name, tag in tags.items():
        missing = name not in given and tag.default is None
        if missing and (tag.required or (tag.kind != "dimension" and name in needed(sql))):
            raise ParameterError(
                sentence(
                    f"{label} needs a value for its tag {name!r}",
                    expected=tag.wants,
                    got="none",
                    try_=f"params={{{name!r}: ...}}",
                )
            )
    made = {name: _value(label, tags[name], value, (bases or {}).get(name)) for name, value in given.items()}
    return Asked(tags, made)


def _unknown(label: str, name: object, tags: Mapping[str, Tag]) -> str:
    shown = [f"{one.name} ({one.wants})" for one in tags.values()]
    return sentence(
        f"{label} has no tag {name!r}",
        got=f"the tags {', '.join(shown)}" if shown else "a question without tags",
        try_=near(str(name), tags) or "leave it out" if shown else "leave params out",
    )


def _value(label: str, tag: Tag, value: Any, base: str | None) -> Any:
    try:
        return tagvalues.written(tag.kind, tag.widget, value, base)
    except tagvalues.Unfit as unfit:
        expected = str(unfit)
    raise ParameterError(
        sentence(
            f"{label}: the value for its tag {tag.name!r} does not fit",
            where=tag.wants,
            expected=expected,
            got=f"type {type(value).__name__}",
        )
    )
