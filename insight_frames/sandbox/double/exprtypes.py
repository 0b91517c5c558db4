"""The base type of an expression, as PostgreSQL would type its SQL; the old eras call every expression a float."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fieldtypes import isa
from .references import is_reference, token

_WIDTH = ("type/Integer", "type/BigInteger", "type/Decimal", "type/Float")
_TEXT = {"lower", "upper", "trim", "ltrim", "rtrim", "concat", "replace", "substring"}
_FLOAT = {"/", "sqrt", "exp", "power", "log"}
_SAME = {"+", "-", "*", "abs", "coalesce", "ceil", "floor", "round"}


def expression_type(era: int, clause: Any, base: Callable[[Any], str]) -> str:
    """The base type of an expression clause; ``base`` gives those of references."""
    if era < 36:
        return "type/Float"
    if is_reference(clause):
        return base(clause)
    if not isinstance(clause, list):
        return _of_value(clause)
    word, rest = token(clause[0]), clause[1:]
    if word in _TEXT:
        return "type/Text"
    if word == "length":
        return "type/Integer"
    if word == "now":
        return "type/DateTimeWithLocalTZ"
    if word == "case":
        return expression_type(era, rest[0][0][1], base)
    if word in _FLOAT or word not in _SAME:
        return "type/Float"
    return _widest([expression_type(era, one, base) for one in rest])


def _of_value(value: Any) -> str:
    if isinstance(value, bool):
        return "type/Boolean"
    if isinstance(value, int):
        return "type/Integer" if abs(value) < 2**31 else "type/BigInteger"
    return "type/Decimal" if isinstance(value, float) else "type/Text"


def _widest(kinds: list[str]) -> str:
    if not all(isa(one, "Number") for one in kinds):
        return next((one for one in kinds if not isa(one, "Number")), "type/*")
    return max(kinds, key=lambda one: _WIDTH.index(one) if one in _WIDTH else 0)
