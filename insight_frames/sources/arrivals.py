"""Which tables of a statement are whole although the statement is not: seen in the heads of its cells as they pass.

A table counts once every cell it announced has passed and rows of a later one were handed on: rows are handed on in
the order of their cells, so none of its own are still on the way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..errors import InsightError

_HEAD = re.compile(rb'\{"t":"(\d+)","m":"(\d+)","n":"(\d+)","d":')
_LONGEST = 128  # bytes of a head


class Arrivals:
    """Counts the cells of branches in form C, which tell how many they are; others never count as whole.

    Attributes
    ----------
    broke : bool
        Whether the body ended before its end; otherwise what it lacks was not lost with the connection.
    """

    def __init__(self) -> None:
        self.broke = False
        self._seen: defaultdict[int, set[int]] = defaultdict(set)
        self._announced: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._heads = 0
        self._handed_on = -1  # the number of the latest head whose table has been handed on

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Let the pieces of a body pass, and look at them."""
        rest = b""
        try:
            for piece in pieces:
                rest = self._look(rest + piece)
                yield piece
        except InsightError:
            self.broke = True
            raise
        self.broke = not rest.rstrip().endswith(b"]")

    def _look(self, data: bytes) -> bytes:
        """Count the heads; give the end of the data, which may hold the beginning of one."""
        end = 0
        for head in _HEAD.finditer(data):
            key, end = int(head[1]), head.end()
            self._seen[key].add(int(head[3]))
            self._announced[key] = int(head[2])
            self._first.setdefault(key, self._heads)
            self._last[key] = self._heads
            self._heads += 1
        return data[max(end, len(data) - _LONGEST) :]

    def handed_on(self, key: int) -> None:
        """Take note that rows of a branch were handed on."""
        self._handed_on = max(self._handed_on, self._first.get(key, -1))

    def whole(self, key: int) -> bool:
        """Whether every row of a branch was handed on."""
        return self._announced.get(key) == len(self._seen[key]) and self._last.get(key, 0) < self._handed_on
