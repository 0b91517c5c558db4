"""Proves of each branch of a packed answer that every cell came, and in numbered ones every row.

Form C announces in every cell how many there are; form N has no gap in its numbers, 300 rows in every cell but the
last, and an end mark. What exceeds that is refused when it comes, so that no answer can go on for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import IncompleteResult, sentence
from . import limits
from .cells import Cell, grown
from .packed import ROWS_PER_CELL


@dataclass
class Tally:
    """What has come of one branch, and whether that is all of it."""

    label: str
    numbered: bool
    seen: set[int] = field(default_factory=set)
    announced: int | None = None
    ended: bool = False
    empty: bool = False
    rows: int = 0

    def count(self, cell: Cell) -> None:
        """Take note of one cell; IncompleteResult if it came twice or contradicts another."""
        if self.numbered and not cell.n:
            if self.empty or cell.raw is not None:
                raise self._wrong("the mark of no rows twice, or with rows")
            self.empty = True
            return
        number = int(cell.n)
        if number in self.seen:
            raise self._wrong(f"cell {number} twice")
        self.seen.add(number)
        if self.numbered:
            if not cell.rows:
                raise self._wrong("a cell without rows")
            self.ended = self.ended or (cell.raw or b"").endswith((b",)\\n", b",)\n"))
        elif not cell.m:
            raise grown()
        else:
            announced = int(cell.m)
            if self.announced not in (None, announced):
                raise self._wrong("two different numbers of cells")
            self.announced = announced
            if len(self.seen) > announced:
                raise self._wrong(f"more than {announced} cells")
        if len(self.seen) > limits.CELLS:
            raise limits.endless(self.label, f"at most {limits.CELLS:,} cells", "a narrower question")

    def prove(self) -> None:
        """Raise IncompleteResult unless every row of the branch is there."""
        if not self.numbered:
            if len(self.seen) != self.announced:
                raise self._wrong(f"{len(self.seen)} of {self.announced or 'an unknown number of'} cells")
            return
        if self.empty:
            if self.seen:
                raise self._wrong("rows and the mark of none")
            return
        count = len(self.seen)
        if not count or max(self.seen) != count - 1:
            raise self._wrong(f"{count} cells with gaps")
        if not self.ended:
            raise self._wrong("no end mark behind the last row")
        if not ROWS_PER_CELL * (count - 1) < self.rows <= ROWS_PER_CELL * count:
            raise self._wrong(f"{self.rows} rows in {count} cells")

    def _wrong(self, got: str) -> IncompleteResult:
        return IncompleteResult(
            sentence(
                f"{self.label} did not arrive whole",
                expected="each cell once, and the end mark",
                got=got,
                try_="ask again; nothing of this answer was used",
            )
        )
