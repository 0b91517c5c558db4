"""Which tables, or ranges of their pages, stand together in one statement: as few statements as the server can take.

What cannot be watched between two statements (a view has no row versions, a partitioned parent no file of its own) is
read in the last one, which also proves the rest: so its moment is the moment of all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..catalog import Table
from . import plan

TABLES_PER_STATEMENT = 500  # planning time grows faster than the number of branches


@dataclass(frozen=True)
class Piece:
    """One table, or a range of its pages, inside one statement."""

    index: int
    first: int = 0
    last: int | None = None
    weight: int = 0  # bytes of packed text, estimated


def watchable(table: Table) -> bool:
    """Whether its row versions can be compared between statements: a heap of its own that this account reads whole."""
    whole = table.select and not table.inherited and table.only is None
    return table.kind in ("table", "materialized view") and table.heap and whole


def statements(
    tables: Sequence[Table], wanted: Collection[int], by_pages: Callable[[Table], bool], most: int | None
) -> list[list[Piece]]:
    """Group the wanted tables (by index) into statements; there is always a last one, be it empty.

    A heap that is larger than ``most`` bytes of text (None for no limit) is cut into ranges of its pages.
    """
    groups: list[list[Piece]] = [[]]
    size = 0
    for piece in (
        one for index in sorted(wanted) if watchable(tables[index]) for one in _cut(tables, index, by_pages, most)
    ):
        full = len(groups[-1]) >= TABLES_PER_STATEMENT or (most is not None and size + piece.weight > most)
        if groups[-1] and full:
            groups.append([])
            size = 0
        groups[-1].append(piece)
        size += piece.weight
    others = [Piece(index) for index in sorted(wanted) if not watchable(tables[index])]
    if groups[-1] and len(groups[-1]) + len(others) > TABLES_PER_STATEMENT:
        groups.append([])
    groups[-1] += others
    return groups


def _cut(tables: Sequence[Table], index: int, by_pages: Callable[[Table], bool], most: int | None) -> list[Piece]:
    table = tables[index]
    weight = table.bytes * plan.TEXT_PER_BYTE
    if most is None or not by_pages(table):
        return [Piece(index, weight=weight)]
    ranges = list(plan.page_ranges(table, most))
    return [Piece(index, first, last, weight // len(ranges)) for first, last in ranges]
