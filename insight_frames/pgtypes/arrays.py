"""PostgreSQL's arrays, from their text; one-dimensional ones that start at 1 become lists.

Elements whose text depends on the session are packed one by one as hex, behind the array's dimensions, so that no
session setting reaches them and a list, or PostgreSQL's own text, can be made from them here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .codec import PLAIN, Codec
from .kinds import BadValue

_TOKEN = re.compile(r'([{},])|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+)', re.DOTALL)
_DIMENSIONS = re.compile(r"\[(-?\d+):(-?\d+)\]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BROKEN = "it is not the text of an array"
_SHAPED = "it has several dimensions, or does not count from 1"


def split_array(text: str) -> tuple[list[tuple[int, int]], list[str | None]]:
    r"""Bounds of every dimension and the flat elements of an array's text.

    >>> split_array('{1,NULL,"NULL","a\\"b"}')
    ([(1, 4)], ['1', None, 'NULL', 'a"b'])
    >>> split_array("[0:1]={7,8}")
    ([(0, 1)], ['7', '8'])
    """
    start = text.find("{")
    if start < 0:
        raise ValueError(_BROKEN)
    head = text[:start]
    bounds = [(int(low), int(high)) for low, high in _DIMENSIONS.findall(head)]
    items: list[str | None] = []
    sizes = _walk(text, start, items)
    if not bounds and items:
        bounds = [(1, size) for size in sizes]
    if bounds and (any(high < low for low, high in bounds) or prod(b - a + 1 for a, b in bounds) != len(items)):
        raise ValueError(_BROKEN)
    return bounds, items


def _walk(text: str, position: int, items: list[str | None]) -> list[int]:
    """Collect the elements; the size of each dimension is that of its first bracket."""
    counts: list[int] = []
    sizes: dict[int, int] = {}
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(_BROKEN)
        position = token.end()
        mark, quoted, bare = token.groups()
        if mark == "{":
            counts.append(1)
        elif mark == "}":
            if not counts:
                raise ValueError(_BROKEN)
            sizes.setdefault(len(counts), counts.pop())
        elif mark == ",":
            counts[-1] += 1
        elif quoted is not None:
            items.append(_ESCAPE.sub(r"\1", quoted))
        else:
            items.append(None if bare.upper() == "NULL" else _ESCAPE.sub(r"\1", bare))
    if counts:
        raise ValueError(_BROKEN)
    return [sizes[depth] for depth in sorted(sizes)]


def join_array(bounds: list[tuple[int, int]], items: list[str | None]) -> str:
    r"""An array's text as PostgreSQL prints it.

    >>> join_array([(1, 2)], ["a b", None])
    '{"a b",NULL}'
    """
    if not items:
        return "{}"
    head = ""
    if any(low != 1 for low, _ in bounds):
        head = "".join(f"[{low}:{high}]" for low, high in bounds) + "="
    return head + _nest([high - low + 1 for low, high in bounds], iter(items))


def _nest(sizes: list[int], items: Iterator[str | None]) -> str:
    if not sizes:
        return _quote(next(items))
    return "{" + ",".join(_nest(sizes[1:], items) for _ in range(sizes[0])) + "}"


def _quote(item: str | None) -> str:
    if item is None:
        return "NULL"
    if item and item.upper() != "NULL" and not re.search(r'[{}",\\\s]', item, re.ASCII):
        return item
    return '"' + re.sub(r'(["\\])', r"\\\1", item) + '"'


@dataclass(frozen=True)
class ArrayOf(Codec):
    """Text of an array of `element` -> a list."""

    element: Codec = PLAIN

    def decode(self, strings: Any) -> Any:
        rows = strings.to_pylist()
        flat: list[str | None] = []
        offsets: list[int | None] = []
        for index, text in enumerate(rows):
            offsets.append(None if text is None else len(flat))
            if text is not None:
                flat.extend(self._one_dimension(index, text))
        offsets.append(len(flat))
        try:
            return _lists(offsets, pa.array(flat, pa.string()), self.element.decode)
        except BadValue as bad:
            raise BadValue(bad.index, self.text(rows[bad.index]), bad.why) from None

    def _one_dimension(self, index: int, text: str) -> list[str | None]:
        try:
            bounds, items = split_array(text)
        except ValueError as why:
            raise BadValue(index, text, str(why)) from None
        if items and (len(bounds) != 1 or bounds[0][0] != 1):
            raise BadValue(index, self.text(text), _SHAPED)
        return items

    def render(self, strings: Any) -> Any:
        return pa.array([None if text is None else self.text(text) for text in strings.to_pylist()], pa.string())

    def text(self, wire: str) -> str:
        """One array's wire text as PostgreSQL prints it."""
        bounds, items = split_array(wire)
        return join_array(bounds, self.element.render(pa.array(items, pa.string())).to_pylist())

    def encode(self, column: Any) -> Any:
        made: list[str | None] = []
        for row in column:
            values = row.values
            made.append(None if values is None else _one_row(self.element.encode(values).to_pylist()))
        return pa.array(made, pa.string())


def _one_row(items: list[str | None]) -> str:
    return join_array([(1, len(items))], items)


def map_elements(lists: Any, convert: Callable[[Any], Any]) -> Any:
    """Convert the elements of a list array; a BadValue names the row."""
    offsets: list[int | None] = []
    count = 0
    for size in pc.list_value_length(lists).to_pylist():
        offsets.append(None if size is None else count)
        count += size or 0
    return _lists([*offsets, count], lists.flatten(), convert)


def _lists(offsets: list[int | None], flat: Any, convert: Callable[[Any], Any]) -> Any:
    """Lists of the converted elements; a NULL list has no offset."""
    try:
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), convert(flat))
    except BadValue as bad:
        starts = [(start, row) for row, start in enumerate(offsets[:-1]) if start is not None and start <= bad.index]
        raise BadValue(max(starts)[1], bad.text, f"of one element, {bad.why}") from None


def array_of(element: Codec) -> Codec:
    """The codec of an array whose elements are read by `element`."""
    sql = "{0}"
    if element.sql != "{0}":
        # unnest gives the elements in storage order whatever the dimensions are, and array_dims gives those.
        inner = element.sql.format("u.u")
        sql = (
            "case when {0} is not null then coalesce(array_dims({0}),'')"
            f"||array(select {inner} from unnest({{0}}) u(u))::text end"
        )
    return ArrayOf(sql=sql, arrow=pa.list_(element.arrow), session=element.session, element=element)
