"""``--param name=value``: values for ``:name`` in SQL and for the tags of saved questions, with their types.

A value without a type is text as one writes it in SQL: PostgreSQL reads it as what it is compared with, and nothing is
guessed from how it looks ('007' stays '007'). No message repeats a value.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

HELP = (
    "value of {}; TYPE is int, float, numeric, bool, date, timestamp, text (the default: PostgreSQL decides) or "
    "null, with [] behind it a list, separated by commas; repeatable"
)


def words(parser: argparse.ArgumentParser, what: str = ":NAME") -> None:
    """Add the word."""
    about = HELP.format(what)
    parser.add_argument("--param", action="append", default=[], metavar="NAME[:TYPE]=VALUE", help=about)


def _bool(text: str) -> bool:
    return {"true": True, "t": True, "1": True, "yes": True, "false": False, "f": False, "0": False, "no": False}[
        text.strip().lower()
    ]


def _numeric(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError from None


_TYPES: dict[str, Callable[[str], Any]] = {
    "text": str,
    "int": int,
    "float": float,
    "numeric": _numeric,
    "bool": _bool,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
}


def read(given: Sequence[str]) -> dict[str, Any]:
    """Make the ``params`` of what was given.

    >>> read(["site:int=3", "code=007", "day:date=2026-01-31", "country:text[]=DE,PL", "note:null="])
    {'site': 3, 'code': '007', 'day': datetime.date(2026, 1, 31), 'country': ['DE', 'PL'], 'note': None}
    >>> read(["site:int=three"])
    Traceback (most recent call last):
    insight_frames.errors.InvalidInput: The value of --param 'site' is no int.
    """
    from ..errors import InvalidInput, sentence

    made: dict[str, Any] = {}
    for one in given:
        head, equals, value = one.partition("=")
        name, _, kind = head.partition(":")
        kind = kind or "text"
        if not equals or not name:
            raise InvalidInput(sentence("--param cannot be read", expected="NAME=VALUE or NAME:TYPE=VALUE"))
        if name in made:
            raise InvalidInput(sentence(f"--param {name!r} is given twice", try_=f"{name}:text[]=A,B for a list"))
        if kind != "null" and kind.removesuffix("[]") not in _TYPES:
            known = ", ".join((*_TYPES, "null"))
            raise InvalidInput(sentence(f"--param {name!r} has a type that is none", expected=known, got=repr(kind)))
        made[name] = None if kind == "null" else _value(name, kind, value)
    return made


def _value(name: str, kind: str, text: str) -> Any:
    from ..errors import InvalidInput, sentence

    make = _TYPES[kind.removesuffix("[]")]
    try:
        return [make(one) for one in text.split(",")] if kind.endswith("[]") else make(text)
    except (ValueError, KeyError):
        raise InvalidInput(sentence(f"The value of --param {name!r} is no {kind}")) from None
