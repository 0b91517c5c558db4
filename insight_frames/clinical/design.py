"""The study's own metadata, found by shape: which table lists the items, which one the choices of an item.

No name of a table is assumed. A candidate is a table whose columns have the parts such a table needs, that holds
nothing about a person, and whose content names columns of the table in question; what fits no candidate is not found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from ..catalog import Table

_PERSON = re.compile(r"(?:\w+_)?(?:participant|subject|patient)(?:_\w+)?|event_crf_id", re.I)
_CODE = re.compile(r"(?:\w+_)?(?:value|code)s?", re.I)
_TEXT = re.compile(r"(?:\w+_)?(?:text|label|decode|display)s?", re.I)
_ORDER = re.compile(r"(?:\w+_)?(?:order|ordinal|position|sequence|seq|rank)", re.I)
_LIST = re.compile(r"(?:\w+_)?(?:set|list|code_?list|choices?|options?)_(?:id|oid|key|name|label|no)", re.I)
_NAME = re.compile(r"(?:\w+_)?(?:oid|name)", re.I)
_UNIT = re.compile(r"(?:\w+_)?units?", re.I)
_DATA = re.compile(r"(?:\w+_)?data_?type", re.I)
_RESPONSE = re.compile(r"(?:\w+_)?response_?type", re.I)
_MULTIPLE = re.compile(r"check.?box(es)?|multi.*|select.?multiple", re.I)
_TEXTUAL = ("text", "character", "name", "citext")
_WHOLE = ("smallint", "integer", "bigint")
Pairs = tuple[tuple[str, str | None], ...]  # code and label in the list's order


@dataclass(frozen=True)
class Shape:
    """A table and the columns that have a part in it; the parts of a list: list, code, text, order."""

    table: Table
    parts: Mapping[str, str]

    @property
    def columns(self) -> list[str]:
        """The columns to be read."""
        return list(dict.fromkeys(self.parts.values()))


@dataclass(frozen=True)
class Item:
    """What the study's design says of one column."""

    choices: Any = None
    unit: str | None = None
    data_type: str | None = None
    multiple: bool = False
    number: Any = None


def design_of(tables: Iterable[Table]) -> tuple[Shape | None, Shape | None]:
    """Find the table of items and the table of choices; None for what is not there."""
    known = [one for one in tables if one.readable and not any(_PERSON.fullmatch(c.name) for c in one.columns)]
    pairs = [
        (_score(items, choices), items, choices)
        for choices in filter(None, map(_choices, known))
        for items in known
        if items is not choices.table and _link(items, choices) and _names(items)
    ]
    if pairs:
        _, items, choices = max(pairs, key=lambda one: (one[0], one[1].name, one[2].table.name))
        link, key = _link(items, choices) or ("", "")
        parts = {part: name for part, name in choices.parts.items() if name != key}
        return _items(items, link), Shape(choices.table, {**parts, "list": key})
    shapes = [_items(one, None) for one in known if _names(one)]
    shapes = [one for one in shapes if {"unit", "data"} & set(one.parts)]
    return max(shapes, default=None, key=lambda one: (len(one.parts), one.table.name)), None


def _choices(table: Table) -> Shape | None:
    """Take the parts of a table of choices, without its key: that is what the items point at."""
    parts = {part: _columns(table, pattern, _TEXTUAL) for part, pattern in (("code", _CODE), ("text", _TEXT))}
    order = _columns(table, _ORDER, _WHOLE)
    if len(parts["code"]) != 1 or not parts["text"]:
        return None
    key = table.key or ()
    found = {"code": parts["code"][0], "text": max(parts["text"], key=lambda one: one not in key)}
    return Shape(table, found | ({"order": order[0]} if order else {}))


def _link(items: Table, choices: Shape) -> tuple[str, str] | None:
    """Say which column of the items points at which column of the choices: a foreign key, else one of equal name."""
    own = {one.name for one in choices.table.columns} - set(choices.parts.values()) - _alone(items)
    for one in items.foreign_keys:
        if (one.schema, one.table) == (choices.table.schema, choices.table.name) and len(one.columns) == 1:
            return (one.columns[0], one.references[0]) if one.references[0] in own else None
    shared = [one.name for one in items.columns if one.name in own]
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: name in (choices.table.key or ()),
        lambda name: bool(_targets(items, name) & _targets(choices.table, name)),
        lambda name: bool(_LIST.fullmatch(name)),
    )
    for test in tests:
        hits = [one for one in shared if test(one)]
        if hits:
            return (hits[0], hits[0]) if len(hits) == 1 else None
    return None


def _alone(table: Table) -> set[str]:
    """Name the column that numbers the table's rows: a table of lists shares it with the choices, one of items not."""
    return set(table.key) if table.key is not None and len(table.key) == 1 else set()


def _targets(table: Table, column: str) -> set[tuple[str, str]]:
    """Name the tables that a column of its own points at."""
    return {(one.schema, one.table) for one in table.foreign_keys if one.columns == (column,)}


def _score(items: Table, choices: Shape) -> int:
    return len(_items(items, None).parts) + len(choices.parts) + len(_names(items))


def _items(table: Table, link: str | None) -> Shape:
    found = {f"name{place}": one for place, one in enumerate(_names(table))}
    for part, pattern in (("unit", _UNIT), ("data", _DATA), ("response", _RESPONSE)):
        if hits := _columns(table, pattern, _TEXTUAL):
            found[part] = hits[0]
    if table.key is not None and len(table.key) == 1:
        found["number"] = table.key[0]
    return Shape(table, found | ({} if link is None else {"list": link}))


def _names(table: Table) -> list[str]:
    return _columns(table, _NAME, _TEXTUAL)


def _columns(table: Table, pattern: re.Pattern[str], types: tuple[str, ...]) -> list[str]:
    return [one.name for one in table.columns if pattern.fullmatch(one.name) and one.type.startswith(types)]


def items_of(frame: pd.DataFrame, shape: Shape, columns: Iterable[str]) -> dict[str, Item]:
    """Say what the items' table tells of columns: by whichever of its names is unique and meets most of them."""
    wanted = {one.casefold(): one for one in columns}
    best: dict[str, Item] = {}
    for part, name in shape.parts.items():
        if not part.startswith("name"):
            continue
        folded = [None if pd.isna(one) else str(one).casefold() for one in frame[name]]
        often = Counter(folded)
        met = {one: place for place, one in enumerate(folded) if one in wanted and often[one] == 1}
        if len(met) > len(best):
            best = {wanted[str(one)]: _item(frame.iloc[place], shape.parts) for one, place in met.items()}
    return best


def _item(row: Any, parts: Mapping[str, str]) -> Item:
    def get(part: str) -> Any:
        value = row[parts[part]] if part in parts else None
        return None if value is None or pd.isna(value) or value == "" else value

    multiple = bool(_MULTIPLE.fullmatch(str(get("response") or "")))
    return Item(get("list"), get("unit"), get("data"), multiple, get("number"))


def lists_of(frame: pd.DataFrame, shape: Shape) -> dict[Any, Pairs]:
    """Give each list's codes and labels in its own order, else in that of the codes; also of lists in one cell."""
    parts = shape.parts
    if "order" in parts:
        frame = frame.sort_values([parts["list"], parts["order"]], kind="stable")
    lists: dict[Any, list[tuple[str, str | None]]] = {}
    for key, code, text in zip(frame[parts["list"]], frame[parts["code"]], frame[parts["text"]], strict=True):
        if pd.isna(key) or pd.isna(code):
            continue
        if parts["code"].lower().endswith("s"):
            codes, texts = _split(code), _split("" if pd.isna(text) else text)
            more = zip(codes, [*texts, *[None] * len(codes)], strict=False)
        else:
            more = zip([str(code)], [None if pd.isna(text) else str(text)], strict=True)
        lists.setdefault(key, []).extend(more)
    made = {key: tuple(dict.fromkeys(one)) for key, one in lists.items()}
    if "order" in parts or parts["code"].lower().endswith("s"):
        return made
    return {key: tuple(sorted(one, key=lambda pair: order_of(pair[0]))) for key, one in made.items()}


def order_of(code: str) -> tuple[bool, Decimal, str]:
    """Give what codes are sorted by where no list orders them: numbers by size, then text."""
    try:
        number = Decimal(code)
    except InvalidOperation:
        return True, Decimal(0), code
    return (False, number, code) if number.is_finite() else (True, Decimal(0), code)


def _split(cell: str) -> list[str]:
    """Take a list of one cell apart at its commas; a backslash keeps one."""
    return [one.replace("\\,", ",").strip() for one in re.split(r"(?<!\\),", cell)]
