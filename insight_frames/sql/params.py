"""Finds the ``:names`` of a statement and writes their values in their places.

A value is written by us, as a literal, because Metabase's own parameters are text only. What is a parameter is
decided by the tokens around it: behind an operand a colon belongs to an array slice (``a[1:n]``), never to a
parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from insight_frames.errors import ParameterError, near, sentence
from insight_frames.sql.lexer import BLANK, STRINGS, Kind, Token, place
from insight_frames.sql.literals import items, literal
from insight_frames.sql.scalars import is_missing

_STYLE = "params are written :name in the SQL and given as a mapping, params={'name': value}"
_INTERVAL_FIELDS = frozenset({"year", "month", "day", "hour", "minute", "second"})
_OPERAND_ENDS = STRINGS | {Kind.NUMBER, Kind.QUOTED_NAME, Kind.UNICODE_NAME, Kind.POSITIONAL}


@dataclass(frozen=True, slots=True)
class _Spot:
    """A ``:name`` and its neighbours: indices of tokens that are not blank, -1 where there is none."""

    index: int
    before: tuple[int, int, int]
    after: int
    adjacent: bool
    in_slice: bool


def substitutes(tokens: Sequence[Token], params: Mapping[str, Any] | None) -> dict[int, str]:
    """Say which tokens are replaced by which text.

    Raises
    ------
    ParameterError
        ``params`` is no mapping, a parameter is missing or not used, or a value has no literal.
    """
    given = _checked(params)
    used: set[str] = set()
    replaced: dict[int, str] = {}
    for spot in _spots(tokens):
        name = tokens[spot.index].text[1:]
        sure = _is_parameter(tokens, spot)
        if sure is False or (sure is None and name not in given):
            continue
        if name not in given:
            raise _missing(tokens, spot.index, params)
        used.add(name)
        replaced.update(_written(tokens, spot, name, given[name]))
    if surplus := [name for name in given if name not in used]:
        raise _surplus(surplus[0], tokens)
    return replaced


def _checked(params: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if params is None:
        return {}
    if not isinstance(params, Mapping):
        raise ParameterError(sentence("params is not a mapping", expected=_STYLE, got=f"type {type(params).__name__}"))
    if odd := [key for key in params if not isinstance(key, str)]:
        raise ParameterError(
            sentence("A key of params is not a name", expected=_STYLE, got=f"type {type(odd[0]).__name__}")
        )
    return params


def _spots(tokens: Sequence[Token]) -> Iterator[_Spot]:
    solid = [index for index, token in enumerate(tokens) if token.kind not in BLANK]
    padded = [-1, -1, -1, *solid, -1]
    brackets: list[str] = []
    for at, index in enumerate(solid):
        token = tokens[index]
        if token.kind is Kind.PUNCTUATION and token.text in "([":
            brackets.append(token.text)
        elif token.kind is Kind.PUNCTUATION and token.text in ")]" and brackets:
            brackets.pop()
        elif token.kind is Kind.COLON_NAME:
            before = (padded[at + 2], padded[at + 1], padded[at])
            yield _Spot(
                index,
                before,
                padded[at + 4],
                adjacent=before[0] == index - 1,
                in_slice=brackets[-1:] == ["["],
            )


def _is_parameter(tokens: Sequence[Token], spot: _Spot) -> bool | None:
    """Yes, no, or None: it depends on whether such a parameter was given."""
    if spot.before[0] < 0:
        return True
    token = tokens[spot.before[0]]
    operand = token.kind in _OPERAND_ENDS or token.text in (")", "]") or token.kind is Kind.COLON_NAME
    if spot.adjacent and operand:
        return False
    if operand or (spot.adjacent and token.kind is Kind.WORD):
        return False if spot.in_slice else None
    if not spot.in_slice or token.kind is Kind.OPERATOR or token.text in ("(", ","):
        return True
    opens_array = (
        token.text == "[" and spot.before[1] >= 0 and tokens[spot.before[1]].text.lower() in ("array", ",", "[")
    )
    return True if opens_array else None


def _missing(tokens: Sequence[Token], index: int, params: Mapping[str, Any] | None) -> ParameterError:
    name = tokens[index].text[1:]
    where = place("".join(token.text for token in tokens), tokens[index].start)
    if params is None:
        how = f"params={{'{name}': value}}"
    else:
        how = near(name, params) or f"put {name!r} into params"
    return ParameterError(sentence(f"The parameter :{name} has no value", where=where, try_=how))


def _surplus(name: str, tokens: Sequence[Token]) -> ParameterError:
    known = [token.text[1:] for token in tokens if token.kind is Kind.COLON_NAME]
    if name in known:
        how = f"behind an operand the colon is an array slice; write it 'a[1: :{name}]'"
    elif known:
        how = near(name, known) or "leave it out of params"
    else:
        how = f"write :{name} in the SQL, outside quotes and comments, or leave params out"
    return ParameterError(sentence(f"params holds {name!r}, which the SQL does not use", try_=how))


def _written(tokens: Sequence[Token], spot: _Spot, name: str, value: Any) -> dict[int, str]:
    """Write a value; behind IN a list takes the place of the bracketed list, and may ask for other words."""
    try:
        membership = _membership(tokens, spot)
        if membership is None:
            return {spot.index: _beside(tokens, spot, literal(value))}
        return _list(tokens, spot, membership, value)
    except ParameterError as refused:
        raise ParameterError(
            sentence(f"The parameter :{name} cannot be used", where=str(refused).rstrip("."))
        ) from None


def _membership(tokens: Sequence[Token], spot: _Spot) -> int | None:
    """Find the word IN that ``in :name`` or ``in (:name)`` hangs on."""
    first, second, _ = spot.before
    if first >= 0 and tokens[first].is_word("in"):
        return first
    bracketed = first >= 0 and tokens[first].text == "(" and spot.after >= 0 and tokens[spot.after].text == ")"
    return second if bracketed and second >= 0 and tokens[second].is_word("in") else None


def _list(tokens: Sequence[Token], spot: _Spot, word: int, value: Any) -> dict[int, str]:
    bracketed = spot.before[0] != word
    found = items(value)
    if found is None:
        if bracketed:
            return {spot.index: _beside(tokens, spot, literal(value))}
        raise ParameterError(sentence("It stands behind IN", expected="a list", got=f"type {type(value).__name__}"))
    left = spot.before[2] if bracketed else spot.before[1]
    negated = left >= 0 and tokens[left].is_word("not")
    if not found:
        return _empty_list(spot, word, left if negated else None, bracketed)
    if negated and any(is_missing(one) for one in found):
        raise ParameterError(
            sentence("The list holds a missing value, with which NOT IN is never true", try_="drop the missing values")
        )
    text = ", ".join(_member(one) for one in found)
    return {spot.index: text if bracketed else _beside(tokens, spot, f"({text})")}


def _member(value: Any) -> str:
    """Write a member of a list; a tuple is a row, for ``(site, subject) in :keys``."""
    if isinstance(value, tuple):
        return f"({', '.join(literal(one) for one in value)})"
    return literal(value)


def _empty_list(spot: _Spot, word: int, negation: int | None, bracketed: bool) -> dict[int, str]:
    """Write "one of none" for a left side of any type: ``= any('{}')`` is false, ``<> all('{}')`` is true."""
    empty = "'{}'" if bracketed else "('{}')"
    if negation is None:
        return {word: "= any", spot.index: empty}
    return {negation: "<>", word: "all", spot.index: empty}


def _beside(tokens: Sequence[Token], spot: _Spot, text: str) -> str:
    """Put brackets around a literal where a neighbour would run into it."""
    before, after = (tokens[one] if one >= 0 else None for one in (spot.before[0], spot.after))
    runs_on = STRINGS | {Kind.COLON_NAME}
    if before is not None and before.kind in runs_on:
        return f"({text})"  # 'a' <line break> 'b' is one string
    if after is not None:
        continues = after.text in ("(", "[", ".") or after.text.lower() in _INTERVAL_FIELDS
        if after.kind in runs_on or continues:
            return f"({text})"
    return text
