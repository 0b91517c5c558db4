"""Which site a row belongs to: from a column of its own table, or along the keys that lead to a table with one.

Nothing is guessed for a row that leads nowhere: it belongs to no site, and whoever writes files by site must say where
such rows went. A key that is not unique leads nowhere either, because a row has one site or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..catalog import Table
from ..errors import InvalidInput, sentence

NAMES = ("site_id", "site_oid", "site", "site_name", "site_number")
Read = Callable[[Table, list[str]], pa.Table]
Link = tuple[str, Table, str]  # column of the table, the other table, its column


def site_column(tables: list[Table], name: str | None = None) -> str:
    """Name the column that tells sites apart: the one given, or the first usual name that any table has.

    >>> from ..catalog import Column
    >>> site_column([Table("s", "participant", columns=(Column("site_oid", "text", 1, False, None),))])
    'site_oid'
    """
    have = {one.name for table in tables for one in table.columns}
    wanted = NAMES if name is None else (name,)
    found = next((one for one in wanted if one in have), None)
    if found is None:
        what = "No table has a column that looks like a site" if name is None else f"No table has a column {name!r}"
        raise InvalidInput(sentence(what, expected=f"one of {', '.join(wanted)}", try_="by='<column>', or by='study'"))
    return found


class Sites:
    """Finds the sites of the rows of one schema's tables.

    Parameters
    ----------
    tables : list of Table
        All tables of the schema; those that lead to a site need not be among those that are written.
    column : str
        From :func:`site_column`.
    read : callable
        Gives some columns of a table, all rows, in one and the same order.
    """

    def __init__(self, tables: list[Table], column: str, read: Read) -> None:
        self._tables, self._column, self._read = tables, column, read
        self._steps: dict[str, list[Link]] = {one.name: [] for one in tables if self._has(one, column)}
        self._known: dict[str, pa.Array] = {}
        grown = True
        while grown:
            found = {one.name: [*self._links(one)] for one in tables if one.name not in self._steps}
            grown = any(found.values())
            self._steps |= {name: links for name, links in found.items() if links}

    def of(self, table: Table) -> pa.Array | None:
        """Give the site of every row as text, NULL where a row has none; None if the table leads to no site."""
        if table.name not in self._steps:
            return None
        if table.name not in self._known:
            links = self._steps[table.name]
            found = [self._along(table, one) for one in links] if links else [self._text(table, self._column)]
            self._known[table.name] = found[0] if len(found) == 1 else pc.coalesce(*found)
        return self._known[table.name]

    def _links(self, table: Table) -> Iterator[Link]:
        """Find the ways from a table to those whose sites are known, people who only work in Insight last."""
        ways = {
            (own, self._find(one.table).name): (own, self._find(one.table), other)
            for one in table.foreign_keys
            if one.schema == table.schema and len(one.columns) == 1 and self._find(one.table) is not None
            for own, other in zip(one.columns, one.references, strict=True)
            if own == other
        }
        for one in self._tables:
            for key in one.keys:
                if len(key) == 1 and key[0].endswith("_id") and self._has(table, key[0]):
                    ways.setdefault((key[0], one.name), (key[0], one, key[0]))
        known = [way for way in ways.values() if way[1].name in self._steps and way[1] is not table]
        yield from sorted(known, key=lambda way: ("user" in way[0], len(self._steps[way[1].name])))

    def _along(self, table: Table, link: Link) -> pa.Array:
        own, other, key = link
        sites = self.of(other)
        known, wanted = self._text(other, key), self._text(table, own)
        if sites is None or pc.count_distinct(known, mode="only_valid").as_py() != len(known) - known.null_count:
            return pa.nulls(len(wanted), pa.string())
        place = pc.index_in(wanted, known, skip_nulls=True)
        return sites.take(place)

    def _text(self, table: Table, column: str) -> pa.Array:
        found = self._read(table, [column]).column(0)
        return found.cast(pa.string()).combine_chunks()

    def _find(self, name: str) -> Any:
        return next((one for one in self._tables if one.name == name), None)

    def _has(self, table: Table, column: str) -> bool:
        return any(one.name == column for one in table.columns)
