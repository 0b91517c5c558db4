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


@dataclass(frozen=True)
class Design:
    """The tables of a study's design: items, choices, and what stands between them, if they have no link of their own.

    The parts of ``between``, a table of many items to many lists: item, list, order.
    """

    items: Shape
    lists: Shape | None = None
    between: Shape | None = None


def designs_of(tables: Iterable[Table]) -> list[Design]:
    """Find the tables of items and of choices, the likeliest first: whose content names a table's columns is right."""
    known = [one for one in tables if one.readable and not any(_PERSON.fullmatch(c.name) for c in one.columns)]
    named, lists = [one for one in known if _names(one)], list(filter(None, map(_choices, known)))
    found = [
        _best(
            (_score(items, choices), _linked(items, choices, *link))
            for choices in lists
            for items in named
            if items is not choices.table and (link := _link(items, choices))
        ),
        _best(
            (_score(items, choices), _bridged(items, between, choices, near, far))
            for choices in lists
            for between in known
            if between is not choices.table and not _describes(between) and (far := _link(between, choices))
            for items in named
            if items not in (between, choices.table) and (near := _item_of(between, items))
        ),
    ]
    if not any(found):
        alone = [_items(one, None) for one in named if _describes(one)]
        found = [_best((len(shape.parts), Design(shape)) for shape in alone)]
    return [one for one in found if one is not None]


def _best(scored: Iterable[tuple[int, Design]]) -> Design | None:
    def rank(one: tuple[int, Design]) -> tuple[int, str, str]:
        score, design = one
        return score, design.items.table.name, design.lists.table.name if design.lists else ""

    return max(scored, key=rank, default=(0, None))[1]


def _describes(table: Table) -> bool:
    """Whether a table says more of an item than its name."""
    return bool({"unit", "data"} & set(_items(table, None).parts))


def _linked(items: Table, choices: Shape, link: str, key: str) -> Design:
    return Design(_items(items, link), _keyed(choices, key))


def _keyed(choices: Shape, key: str) -> Shape:
    return Shape(choices.table, {**{part: name for part, name in choices.parts.items() if name != key}, "list": key})


def _bridged(items: Table, between: Table, choices: Shape, near: tuple[str, str], far: tuple[str, str]) -> Design:
    """Let items name their lists by the column that the table between points at."""
    order = _columns(between, _ORDER, _WHOLE) or list(between.key or ())[:1]
    parts = {"item": near[0], "list": far[0]} | ({"order": order[0]} if order else {})
    return Design(_items(items, near[1]), _keyed(choices, far[1]), Shape(between, parts))


def _item_of(between: Table, items: Table) -> tuple[str, str] | None:
    """Say which column points at which column of the items: a foreign key, else one called like the items' key."""
    for one in between.foreign_keys:
        if (one.schema, one.table) == (items.schema, items.name) and len(one.columns) == 1:
            return one.columns[0], one.references[0]
    key = next(iter(_alone(items)), None)
    own = {one.name for one in between.columns} - _alone(between)
    return (key, key) if key in own else None


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


def through(frame: pd.DataFrame, shape: Shape, lists: Mapping[Any, Pairs]) -> dict[Any, Pairs]:
    """Give the lists by item instead of by list, along the table between; several lists of an item follow each other.

    An item of several form versions may have a list for each; where they disagree, both labels are kept to be told.
    """
    parts = shape.parts
    if "order" in parts:
        frame = frame.sort_values([parts["item"], parts["order"]], kind="stable")
    made: dict[Any, Pairs] = {}
    for item, key in zip(frame[parts["item"]], frame[parts["list"]], strict=True):
        if not pd.isna(item) and not pd.isna(key) and key in lists:
            made[item] = tuple(dict.fromkeys([*made.get(item, ()), *lists[key]]))
    return made


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
