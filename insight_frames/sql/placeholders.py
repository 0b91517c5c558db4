"""Other drivers' placeholders, ``%s`` and ``%(name)s``, written as this package's ``:name``, of the same length.

Only tokens count: what looks like one inside a string or a comment is left alone, and ``%%`` means nothing special.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from string import ascii_letters
from typing import Any

from insight_frames.errors import ParameterError, sentence
from insight_frames.sql.lexer import Kind, Token, tokenize


def named(sql: str, params: Mapping[str, Any] | Sequence[Any] | None) -> tuple[str, dict[str, Any] | None]:
    """Give the SQL with ``:names`` only, and their values.

    >>> named("select * from site where site_id=%s and country = %s", [3, "DE"])
    ('select * from site where site_id=:a and country = :b', {'a': 3, 'b': 'DE'})
    >>> named("select '%s', %(n)s + :m", {"n": 1, "m": 2})
    ("select '%s', :n    + :m", {'n': 1, 'm': 2})
    """
    if params is None:
        return sql, None
    tokens = tokenize(sql)
    if isinstance(params, Mapping):
        return _replaced(sql, [one for one in _by_name(tokens) if one[2] in params]), dict(params)
    if isinstance(params, str | bytes) or not isinstance(params, Sequence):
        raise ParameterError(
            sentence("params cannot be meant", expected="a mapping, or a list or tuple", got=type(params).__name__)
        )
    spots = _in_turn(tokens)
    if len(spots) != len(params):
        raise ParameterError(
            sentence(
                "The SQL has another number of placeholders than params",
                expected=f"{len(params)} times %s",
                got=f"{len(spots)}",
                try_="%s in the order of the values, or :name and a mapping",
            )
        )
    taken = {one.text[1:] for one in tokens if one.kind is Kind.COLON_NAME}
    free = [one for one in ascii_letters if one not in taken]
    names = [free[i] if i < len(free) else f"_{i}" for i in range(len(spots))]
    places = [(start, end, name) for (start, end), name in zip(spots, names, strict=True)]
    return _replaced(sql, places), dict(zip(names, params, strict=True))


def _in_turn(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Find each ``%s``: an operator that ends in ``%``, and the word s right behind it."""
    return [
        (one.end - 1, after.end)
        for one, after in pairwise(tokens)
        if one.kind is Kind.OPERATOR and one.text.endswith("%") and after.kind is Kind.WORD and after.text == "s"
    ]


def _by_name(tokens: Sequence[Token]) -> list[tuple[int, int, str]]:
    """Find each ``%(name)s``."""
    found = []
    for at, one in enumerate(tokens[:-4]):
        opening, name, closing, last = tokens[at + 1 : at + 5]
        shape = (opening.text, closing.text, last.text) == ("(", ")", "s") and name.kind is Kind.WORD
        if one.kind is Kind.OPERATOR and one.text.endswith("%") and shape:
            found.append((one.end - 1, last.end, name.text))
    return found


def _replaced(sql: str, places: Sequence[tuple[int, int, str]]) -> str:
    """Put names in their places; blanks keep what follows where it was, so that errors point to the right character."""
    parts, done = [], 0
    for start, end, name in places:
        parts += [sql[done:start], f":{name}".ljust(end - start)]
        done = end
    return "".join([*parts, sql[done:]])
