"""Pieces of SQL with their arguments, put together without ever mixing a value into the text.

A piece keeps ``?`` for each argument, as JDBC statements do; :func:`spliced` writes values in for showing only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Sql:
    """SQL text and the values of its question marks."""

    text: str
    args: tuple[Any, ...] = ()

    def __add__(self, other: Sql | str) -> Sql:
        if isinstance(other, str):
            return Sql(self.text + other, self.args)
        return Sql(self.text + other.text, self.args + other.args)

    def __radd__(self, other: str) -> Sql:
        return Sql(other + self.text, self.args)


def joined(between: str, pieces: Iterable[Sql]) -> Sql:
    """Pieces with a separator between them."""
    kept = list(pieces)
    return Sql(between.join(one.text for one in kept), tuple(arg for one in kept for arg in one.args))


def name(*parts: str) -> Sql:
    """A quoted identifier: ``"schema"."table"``."""
    return Sql(".".join('"' + part.replace('"', '""') + '"' for part in parts))


def value(given: Any) -> Sql:
    """A value; numbers and truth values stand in the text, everything else is an argument."""
    if given is None:
        return Sql("NULL")
    if isinstance(given, bool):
        return Sql("TRUE" if given else "FALSE")
    if isinstance(given, (int, float, Decimal)):
        return Sql(str(given))
    return Sql("?", (given,))


def shown(given: Any) -> str:
    """A value as a server writes it when it shows a statement."""
    if given is None:
        return "NULL"
    if isinstance(given, dt.datetime):
        zone = "timestamp with time zone" if given.tzinfo else "timestamp"
        return f"{zone} '{given.isoformat(' ')}'"
    if isinstance(given, dt.date):
        return f"date '{given.isoformat()}'"
    if isinstance(given, dt.time):
        return f"time '{given.isoformat()}'"
    if isinstance(given, (bool, int, float, Decimal)):
        return str(given).lower() if isinstance(given, bool) else str(given)
    return "'" + str(given).replace("'", "''") + "'"


def spliced(piece: Sql) -> str:
    """The text with the arguments in place of the question marks outside quotes."""
    out, left, quote = [], list(piece.args), ""
    for char in piece.text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "?" and left:
            out.append(shown(left.pop(0)))
            continue
        out.append(char)
    return "".join(out)
