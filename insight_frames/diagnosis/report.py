"""The page: sections of facts, each a name and a plain value, as text, as HTML and as JSON.

A fact that could not be learnt has its reason in the place of a value, so that nobody takes silence for a "no".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import wrap
from typing import Any

WIDTH, NAMES = 116, 36


@dataclass
class Section:
    """Facts that belong together; ``say`` adds one, ``unknown`` says why one is missing."""

    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def say(self, name: str, value: Any) -> None:
        """Add a fact; None is not one."""
        if value is not None:
            self.facts[name] = value

    def unknown(self, name: str, why: object) -> None:
        """Say that a fact could not be learnt, and why."""
        self.missing[name] = str(why)

    @property
    def refused(self) -> bool:
        """Whether something was asked and refused."""
        return any(not why.startswith("not asked") for why in self.missing.values())

    def lines(self) -> Iterable[tuple[str, str]]:
        """Give the facts as texts."""
        yield from ((name, shown(value)) for name, value in self.facts.items())
        reasons: dict[str, list[str]] = {}
        for name, why in self.missing.items():
            reasons.setdefault(why, []).append(name)
        for why, names in reasons.items():  # one refusal often keeps many facts from us
            alone = len(names) == 1
            yield (names[0], f"not known: {why}") if alone else ("not known", f"{', '.join(names)}: {why}")


def shown(value: Any) -> str:
    """Write a value for a reader.

    >>> shown(True), shown(12345), shown(["a", "b"]), shown({"a": 1}), shown([])
    ('yes', '12,345', 'a, b', 'a 1', 'none')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {shown(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "none"
    return str(value)


@dataclass(frozen=True)
class Report:
    """What :func:`insight_frames.doctor` found; ``print`` shows the page. True if tables can be read.

    Attributes
    ----------
    sections : dict
        ``{section: {fact: value}}``, plain JSON values. A fact that could not be learnt stands under ``unknown``.
    unknown : dict
        ``{section: {fact: why it could not be learnt}}``.
    tables : list of dict
        Each table: schema, table, kind, how many columns, rows (the planner's guess) and bytes, the way it is read
        (``pages``, ``numbered rows`` or None), why, and in how many statements.
    notes : list of str
        What somebody who reads from this instance should know.
    """

    url: str
    parts: Sequence[Section] = ()
    tables: Sequence[dict[str, Any]] = ()
    notes: Sequence[str] = ()
    readable: bool = False

    @property
    def sections(self) -> dict[str, dict[str, Any]]:
        """The facts by section."""
        return {one.title: dict(one.facts) for one in self.parts}

    @property
    def unknown(self) -> dict[str, dict[str, str]]:
        """What could not be learnt, and why."""
        return {one.title: dict(one.missing) for one in self.parts if one.missing}

    def __bool__(self) -> bool:
        return self.readable

    def __repr__(self) -> str:
        missing = sum(len(one.missing) for one in self.parts)
        known = sum(len(one.facts) for one in self.parts)
        return f"<Report on {self.url}: {known} facts, {missing} not known, {len(self.tables)} tables>"

    def __str__(self) -> str:
        lines = [f"Insight at {self.url}"]
        for part in self.parts:
            lines += ["", part.title.upper()]
            for name, text in part.lines():
                first, *more = wrap(text, WIDTH - NAMES - 4, break_long_words=False) or [""]
                lines += [f"  {name:<{NAMES}}  {first}", *(f"{'':<{NAMES + 4}}{one}" for one in more)]
        if self.tables:
            lines += ["", "HOW TABLES ARE READ (to_json() has a line for each)", *_ways(self.tables)]
        if self.notes:
            lines += ["", "NOTES"]
            for note in self.notes:
                first, *more = wrap(note, WIDTH - 4)
                lines += [f"  - {first}", *(f"    {one}" for one in more)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for part in self.parts:
            rows.append(f"<tr><th colspan=2 style='text-align:left'>{escape(part.title)}</th></tr>")
            rows += [
                f"<tr><td>{escape(name)}</td><td style='text-align:left'>{escape(text)}</td></tr>"
                for name, text in part.lines()
            ]
        page = f"<p>Insight at {escape(self.url)}</p><table>{''.join(rows)}</table>"
        if self.tables:
            head = "".join(f"<th>{escape(name)}</th>" for name in self.tables[0])
            body = "".join(
                "<tr>" + "".join(f"<td>{escape(_cell(one))}</td>" for one in table.values()) + "</tr>"
                for table in self.tables
            )
            page += f"<table><tr>{head}</tr>{body}</table>"
        return page + "".join(f"<p>{escape(one)}</p>" for one in self.notes)

    def to_json(self) -> str:
        """Write all of it as JSON, for a program or a support request."""
        told = {
            "url": self.url,
            "readable": self.readable,
            "sections": self.sections,
            "unknown": self.unknown,
            "tables": list(self.tables),
            "notes": list(self.notes),
        }
        return json.dumps(told, ensure_ascii=False, indent=2)


def _cell(value: Any) -> str:
    return "" if value is None else shown(value)


def _ways(tables: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Say how many tables of a schema are read in one way, and which, where that is not the usual one."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for one in tables:
        groups.setdefault((one["schema"], one["way"], one["because"]), []).append(one)
    for (schema, way, why), group in groups.items():
        names = "" if way in ("pages", "number") else f" ({', '.join(str(one['table']) for one in group)})"
        several = sum((one["statements"] or 0) > 1 for one in group)
        more = f"; {several} in several statements" if several else ""
        how = f"by {way}" if way else "not at all"
        first, *rest = wrap(f"{len(group)} {how}, because {why}{names}{more}", WIDTH - 20)
        yield f"  {schema:<16}  {first}"
        yield from (f"{'':<20}{line}" for line in rest)
