"""Which rows of each table a data cut keeps: all, those of its participants, or those up to its date.

What decides is found from keys and names, never from the data, and shown as a frame before anything is cut; a chain of
links (``event_crf_id > study_event_id > date_start``) leads to columns that a table does not hold itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..catalog import Column, Table
from ..errors import ColumnNotFound, InvalidInput, near, sentence
from .design import Shape

RULES = ("none", "participant", "date")
COLUMNS = ("schema", "table", "rule", "participant", "date")
STEP = " > "
_LONGEST = 4  # links that a chain may have
_DAYS = ("date", "timestamp without time zone", "timestamp with time zone")
_WHOLE = {"smallint", "integer", "bigint"}
_CLINICAL = (
    r"(study_)?event_(start_)?date|(event_)?(date_start(ed)?|start_date)|visit_date",
    r"enrol\w*|date_enrol\w*",
    r"audit_(date|time)",
)
_TECHNICAL = re.compile(
    r"(date_)?(created|updated|refreshed)\w*|refresh\w*|\w+_(created|updated)(_at)?|\w*sdv\w*", re.I
)
_LABEL = r"(study_)?(participant|subject)_{}"
Tables = Mapping[str, Table]  # of one schema, by name
NO_RULES = sentence("rules= is no frame of rules", expected=f"columns {', '.join(COLUMNS)}", try_="cut_rules(...)")


@dataclass(frozen=True)
class Link:
    """A column whose values are those of another table's column."""

    column: str
    table: str
    references: str


@dataclass(frozen=True)
class Chain:
    """Links from a table to the one that holds the column."""

    links: tuple[Link, ...]
    column: str

    def __str__(self) -> str:
        return STEP.join([*(one.column for one in self.links), self.column])


@dataclass(frozen=True)
class Rule:
    """What decides about the rows of one table; the chain of participants ends in the participants' own key."""

    table: Table
    rule: str
    participant: Chain | None = None
    date: Chain | None = None


def links_of(table: Table, tables: Tables, people: Shape) -> dict[str, Link]:
    """Find a table's links: declared ones, participants by OID or label, and columns called like a table's key."""
    found: dict[str, Link] = {}
    for one in table.foreign_keys:
        if len(one.columns) == 1 and one.schema == table.schema and one.table in tables and tables[one.table].select:
            found.setdefault(one.columns[0], Link(one.columns[0], one.table, one.references[0]))
    if table.name == people.table.name:
        return found
    parts = {"id": people.parts["id"], **people.parts}
    for column in table.columns:
        for part in ("id", "oid", "label"):
            if part in parts and re.fullmatch(_LABEL.format(part), column.name, re.I):
                found.setdefault(column.name, Link(column.name, people.table.name, parts[part]))
    for other in tables.values():
        if other.name != table.name and other.select and other.key is not None and len(other.key) == 1:
            key = other.column(other.key[0])
            if other.foreign_keys and any(one.columns == other.key for one in other.foreign_keys):
                continue  # the key of a table that extends another one
            if any(mine.name == key.name and _alike(mine.type, key.type) for mine in table.columns):
                found.setdefault(key.name, Link(key.name, other.name, key.name))
    return found


def _alike(one: str, other: str) -> bool:
    """Whether values of two types can be the same: whole numbers of any length can."""
    return one == other or {one, other} <= _WHOLE


def derive(tables: Tables, people: Shape) -> list[Rule]:
    """Give the rule of every table, as far as keys and names tell."""
    return [_derived(one, tables, people) for one in tables.values()]


def _derived(table: Table, tables: Tables, people: Shape) -> Rule:
    person = next(_chains(table, tables, people, lambda one: _person(one, people), through=True), None)
    if person is None:
        return Rule(table, "none")
    found = _own_day(table) if table.name == people.table.name else None
    days = [Chain((), found)] if found else []
    if table.name != people.table.name:
        days = list(_chains(table, tables, people, _clinical, through=False))
        single = _single(table) if table.kind != "view" else None  # a view sums up
        days += [Chain((), single)] if single else []
    return Rule(table, "date" if days else "participant", person, days[0] if days else None)


def _chains(table: Table, tables: Tables, people: Shape, wanted: Any, *, through: bool) -> Iterator[Chain]:
    """Give the chains to a column that is wanted, the shortest first; ``through``: the participants' table too."""
    ways: list[tuple[tuple[Link, ...], Table]] = [((), table)]
    seen = {table.name}
    for _ in range(_LONGEST + 1):
        further = []
        for way, here in ways:
            column = wanted(here)
            if column is not None:
                yield Chain(way, column)
            for link in links_of(here, tables, people).values():
                if link.table not in seen and (through or link.table != people.table.name):
                    seen.add(link.table)
                    further.append(((*way, link), tables[link.table]))
        ways = further


def _person(table: Table, people: Shape) -> str | None:
    return people.parts["id"] if table.name == people.table.name else None


def _clinical(table: Table) -> str | None:
    for pattern in _CLINICAL:
        for one in table.columns:
            if is_day(one) and re.fullmatch(pattern, one.name, re.I):
                return one.name
    return None


def _own_day(table: Table) -> str | None:
    return _clinical(table) or _single(table)


def _single(table: Table) -> str | None:
    """Name the only day of a table that is not about the row itself."""
    days = [one.name for one in table.columns if is_day(one) and not _TECHNICAL.fullmatch(one.name)]
    return days[0] if len(days) == 1 else None


def is_day(column: Column) -> bool:
    """Whether a column holds days or moments."""
    return re.sub(r"\(\d+\)", "", column.type) in _DAYS


def frame(rules: Iterable[Rule]) -> pd.DataFrame:
    """Show rules as a frame that can be corrected."""
    rows = [(one.table.schema, one.table.name, one.rule, _shown(one.participant), str(one.date or "")) for one in rules]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def _shown(person: Chain | None) -> str:
    """Write a chain to the participants; that it ends in their key goes without saying."""
    if person is None:
        return ""
    return STEP.join(one.column for one in person.links) or person.column


def given(rules: Any, tables: Tables, people: Shape, unneeded: Iterable[str] = ()) -> list[Rule]:
    """Read a frame of rules: every table once, but for those that are left out anyway."""
    if not isinstance(rules, pd.DataFrame) or not set(COLUMNS) <= set(rules.columns):
        raise InvalidInput(NO_RULES)
    rows = {str(one["table"]): one for one in rules[list(COLUMNS)].to_dict("records")}
    if len(rows) != len(rules):
        raise InvalidInput(sentence("rules= names a table twice", try_="one row for each table"))
    for name, row in rows.items():
        known = name in tables and row["schema"] == tables[name].schema
        if not known:
            raise InvalidInput(sentence(f"rules= names {name!r}, no table here", try_=near(name, tables)))
    missing = [one for one in tables if one not in rows and one not in set(unneeded)]
    if missing:
        raise InvalidInput(
            sentence(f"rules= has none for {missing[0]!r} and {len(missing) - 1} more tables", try_="cut_rules(...)")
        )
    return [_read(rows[name], tables[name], tables, people) for name in tables if name in rows]


def _read(row: Mapping[Any, Any], table: Table, tables: Tables, people: Shape) -> Rule:
    rule, where = row["rule"], f"rules=, {table.schema}.{table.name}"
    if rule not in RULES:
        raise InvalidInput(sentence("A rule is not known", where=where, expected=" or ".join(map(repr, RULES))))
    person = day = None
    if rule != "none" and _filled(row["participant"]):
        end = "" if table.name == people.table.name else f"{STEP}{people.parts['id']}"
        person, last = follow(str(row["participant"]) + end, table, tables, people, where)
        if (last.name, person.column) != (people.table.name, people.parts["id"]):
            raise InvalidInput(
                sentence(
                    "A chain does not end in the key of the participants",
                    where=where,
                    expected=f"... > {people.parts['id']} of {people.table.name}",
                    got=f"{person.column} of {last.name}",
                )
            )
    if rule == "participant" and person is None:
        raise InvalidInput(sentence("The rule participant names no column", where=where, try_="cut_rules(...)"))
    if rule == "date":
        if not _filled(row["date"]):
            raise InvalidInput(sentence("The rule date names no column", where=where, try_='the column "date"'))
        day, last = follow(str(row["date"]), table, tables, people, where)
        if not is_day(last.column(day.column)):
            expected, got = "a date or a timestamp", last.column(day.column).type
            raise InvalidInput(sentence(f"{day.column!r} holds no days", where=where, expected=expected, got=got))
    return Rule(table, rule, person, day)


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def follow(text: str, table: Table, tables: Tables, people: Shape, where: str) -> tuple[Chain, Table]:
    """Read a chain; give it and the table that it ends in."""
    *steps, column = (one.strip() for one in text.split(STEP.strip()))
    here, way = table, []
    for step in steps:
        here.column(step)
        link = links_of(here, tables, people).get(step)
        if link is None:
            raise ColumnNotFound(
                sentence(f"{step!r} of {here.name} leads to no other table", where=where, try_="a foreign key's column")
            )
        way.append(link)
        here = tables[link.table]
    here.column(column)
    return Chain(tuple(way), column), here


def read_list(values: Sequence[Any]) -> list[str]:
    """Read a list of participants as texts, each once; InvalidInput if it is empty or lacks one."""
    if any(pd.isna(one) for one in values):
        raise InvalidInput(sentence("participants= holds a missing value", expected="labels, OIDs or keys"))
    texts = list(dict.fromkeys(str(one) for one in values))
    if not texts:
        raise InvalidInput(sentence("participants= is empty", expected="at least one label, OID or key"))
    return texts
