"""Which tables of a statement are whole although the statement is not: seen in the heads of its cells as they pass.

A table counts once every cell it announced has passed and rows of a later one were handed on: rows are handed on in
the order of their cells, so none of its own are still on the way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

_HEAD = re.compile(rb'\{"t":"(\d+)","m":"(\d+)","n":"(\d+)","d":')
_LONGEST = 128  # bytes of a head


class Arrivals:
    """Counts the cells of branches in form C, which tell how many they are; others never count as whole."""

    def __init__(self) -> None:
        self._seen: defaultdict[int, set[int]] = defaultdict(set)
        self._announced: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._handed_on = -1  # the number of the latest head whose table has been handed on

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Let the pieces of a body pass, and look at them."""
        rest = b""
        number = 0
        for piece in pieces:
            data, end = rest + piece, 0
            for head in _HEAD.finditer(data):
                key, end = int(head[1]), head.end()
                self._seen[key].add(int(head[3]))
                self._announced[key] = int(head[2])
                self._first.setdefault(key, number)
                self._last[key] = number
                number += 1
            rest = data[max(end, len(data) - _LONGEST) :]
            yield piece

    def handed_on(self, key: int) -> None:
        """Take note that rows of a branch were handed on."""
        self._handed_on = max(self._handed_on, self._first.get(key, -1))

    def whole(self, key: int) -> bool:
        """Whether every row of a branch was handed on."""
        return self._announced.get(key) == len(self._seen[key]) and self._last.get(key, 0) < self._handed_on
