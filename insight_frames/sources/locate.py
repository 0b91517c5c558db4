"""Puts an error where the user can see it: at the position in her own SQL, not in what was sent around it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from ..errors import InsightError, QueryFailed
from .plan import Source

BRACKET = 2  # characters between the user's text and the bracket that we close behind it
OUR_BRACKET = ('at or near ")"', "at its end")


class Asked(Protocol):
    """Whoever runs small statements and counts positions in them."""

    def rows(self, sql: str, columns: Collection[str] = ()) -> list[dict[str, str | None]]:
        """Run one whose columns are text."""
        ...

    def remark(self) -> int:
        """Say how many characters stand before our SQL when positions are counted."""
        ...


@contextmanager
def located(server: Asked, sent: Source) -> Iterator[None]:
    """Within it, a failed query's position is turned into one in the user's text, or dropped if it lies outside."""
    try:
        yield
    except QueryFailed as error:
        if error.position is None:
            raise
        counted, error.position = error.position, None
        if sent.rendered is not None:
            place, end = counted - _remark(server, counted) - sent.offset, len(sent.rendered.text) + 1
            if end < place <= end + BRACKET:
                place = end
                error.args = (error.args[0].replace(*OUR_BRACKET),)
                error.server_message = error.server_message.replace(*OUR_BRACKET)
            if 1 <= place <= end:
                error.position = sent.rendered.position(place)
        if error.position is not None:
            line, column = line_and_column(sent.original, error.position)
            error.args = (f"{error.args[0]} At line {line}, column {column} of your SQL.",)
        raise


def _remark(server: Asked, unknown: int) -> int:
    try:
        return server.remark()
    except InsightError:  # the first error is the one to tell, without its place
        return unknown


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Turn a 1-based position into line and column, both 1-based.

    >>> line_and_column("select\\n  x", 10)
    (2, 3)
    """
    before = text[: position - 1]
    return before.count("\n") + 1, position - 1 - (before.rfind("\n") + 1) + 1
