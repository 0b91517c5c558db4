"""Filters and expressions of table questions as SQL.

Days compare as whole days: a timestamp column against ``2021-02-01`` means any moment of that day, in every operator.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from . import fragments
from .fieldtypes import isa
from .fragments import Sql, joined
from .query import QueryError
from .references import Ref, is_reference, token

_COMPARE = {"<": "<", ">": ">", "<=": "<=", ">=": ">="}
_LIKE = {
    "contains": ("%{}%", False),
    "starts-with": ("{}%", False),
    "ends-with": ("%{}", False),
    "does-not-contain": ("%{}%", True),
}
_ARITHMETIC = {"+", "-", "*", "/"}
_FUNCTIONS = {
    "abs": "ABS",
    "ceil": "CEIL",
    "floor": "FLOOR",
    "round": "ROUND",
    "sqrt": "SQRT",
    "exp": "EXP",
    "power": "POWER",
    "length": "LENGTH",
    "lower": "LOWER",
    "upper": "UPPER",
    "trim": "TRIM",
    "ltrim": "LTRIM",
    "rtrim": "RTRIM",
    "coalesce": "COALESCE",
    "concat": "CONCAT",
    "replace": "REPLACE",
    "now": "NOW",
}
EXTRACTS = {
    "minute-of-hour": "minute",
    "hour-of-day": "hour",
    "day-of-week": "dow",
    "day-of-month": "day",
    "day-of-year": "doy",
    "week-of-year": "week",
    "month-of-year": "month",
    "quarter-of-year": "quarter",
}
_DAY = dt.timedelta(days=1)


class Writer:
    """Writes clauses over one level of a question; ``column`` gives the SQL of a reference without its unit."""

    def __init__(
        self, era: int, resolve: Callable[[Any], Ref], column: Callable[[Ref], Sql], base: Callable[[Ref], str]
    ) -> None:
        self.era, self.resolve, self.column, self.base = era, resolve, column, base

    # -------------------------------------------------------------------------------------------- references, values
    def reference(self, clause: Any) -> Sql:
        """A reference, truncated to its unit."""
        ref = self.resolve(clause)
        return truncated(self.era, self.column(ref), ref.unit, self.base(ref))

    def operand(self, clause: Any, beside: str | None = None) -> Sql:
        """A reference, expression or value; a value takes the type of the column it stands ``beside``."""
        if is_reference(clause):
            return self.reference(clause)
        if isinstance(clause, list):
            return self.expression(clause)
        return fragments.value(typed(clause, beside))

    def expression(self, clause: list[Any]) -> Sql:
        """Arithmetic and functions."""
        word, rest = token(clause[0]), [one for one in clause[1:] if not isinstance(one, dict)]
        if word in ("value", "absolute-datetime"):
            return self.operand(rest[0])
        if word == "relative-datetime":
            return _relative(rest)
        if word == "case":
            return self._case(clause)
        if word in _ARITHMETIC:
            return "(" + joined(f" {word} ", self._numbers(word, rest)) + ")"
        if word in _FUNCTIONS:
            return f"{_FUNCTIONS[word]}(" + joined(", ", (self.operand(one) for one in rest)) + ")"
        if word == "substring":
            return "SUBSTRING(" + joined(", ", (self.operand(one) for one in rest)) + ")"
        raise QueryError(f"Invalid clause: :{word}", error_type="invalid-query", extra={"native": None})

    def _numbers(self, word: str, rest: list[Any]) -> list[Sql]:
        shown = [self.operand(one) for one in rest]
        if word != "/":
            return shown
        divisors = (f"NULLIF({one.text}, 0)" for one in shown[1:])
        first = Sql(f"CAST({shown[0].text} AS double precision)", shown[0].args)
        return [first, *(Sql(text, one.args) for text, one in zip(divisors, shown[1:], strict=True))]

    def _case(self, clause: list[Any]) -> Sql:
        out = Sql("CASE")
        for condition, result in clause[1]:
            out = out + " WHEN " + self.filter(condition) + " THEN " + self.operand(result)
        options = clause[2] if len(clause) > 2 and isinstance(clause[2], dict) else {}
        default = options.get("default")
        return out + (" ELSE " + self.operand(default) if default is not None else Sql("")) + " END"

    # -------------------------------------------------------------------------------------------- filters
    def filter(self, clause: list[Any]) -> Sql:
        """A filter clause as a condition."""
        word, rest = token(clause[0]), clause[1:]
        if rest and isinstance(rest[0], int) and not isinstance(rest[0], bool):
            rest = [["field-id", rest[0]], *rest[1:]]  # the oldest way to name a field
        if word in ("and", "or"):
            return "(" + joined(f" {word.upper()} ", (self._part(one) for one in rest)) + ")"
        if word == "not":
            return "NOT " + self._part(rest[0])
        if word in ("is-null", "not-null"):
            return self.reference(rest[0]) + (" IS NULL" if word == "is-null" else " IS NOT NULL")
        if word in ("is-empty", "not-empty"):
            return self._empty(rest[0], word == "not-empty")
        if word in ("=", "!="):
            return self._equal(word, rest[0], rest[1:])
        if word in _COMPARE or word == "between":
            return self._range(word, rest)
        if word in _LIKE:
            return self._like(word, rest)
        if word == "inside":
            return self._inside(rest)
        if word == "time-interval":
            return self._interval(rest)
        raise QueryError(f"Invalid clause: :{word}", error_type="invalid-query", extra={"native": None})

    def _part(self, clause: list[Any]) -> Sql:
        shown = self.filter(clause)
        return shown if shown.text.startswith("(") else "(" + shown + ")"

    def _empty(self, clause: Any, negated: bool) -> Sql:
        shown = self.reference(clause)
        text = isa(self.base(self.resolve(clause)), "Text")
        if negated:
            return shown + " IS NOT NULL" + (" AND " + shown + " <> ''" if text else "")
        return "(" + shown + " IS NULL" + (" OR " + shown + " = ''" if text else "") + ")"

    def _equal(self, word: str, clause: Any, values: list[Any]) -> Sql:
        if len(values) != 1:
            between = " OR " if word == "=" else " AND "
            return "(" + joined(between, (self._equal(word, clause, [one]) for one in values)) + ")"
        given = values[0]
        base = self._base_of(clause)
        if given is None:
            return self.operand(clause) + (" IS NULL" if word == "=" else " IS NOT NULL")
        if base is not None and _is_day(given) and self._moments(clause, base):
            return self._on_day(word, clause, dt.date.fromisoformat(given))
        shown, wanted = self._both(clause, given, base)
        if word == "=":
            return shown + " = " + wanted
        if self.era < 36:
            return shown + " <> " + wanted
        return "(" + shown + " <> " + wanted + " OR " + shown + " IS NULL)"

    def _both(self, clause: Any, given: Any, base: str | None) -> tuple[Sql, Sql]:
        """Column and value; where the column is cut to a unit, the value is cut in the same way."""
        unit = self.resolve(clause).unit if is_reference(clause) else None
        wanted = self.operand(given, base)
        if unit and unit not in ("default", *EXTRACTS) and base is not None and isinstance(given, str):
            cast = Sql("CAST(" + wanted.text + " AS timestamp)", wanted.args)
            wanted = truncated(self.era, cast, unit, "type/DateTime")
        return self.operand(clause), wanted

    def _base_of(self, clause: Any) -> str | None:
        return self.base(self.resolve(clause)) if is_reference(clause) else None

    def _moments(self, clause: Any, base: str) -> bool:
        return isa(base, "DateTime") and self.resolve(clause).unit in (None, "default", "day")

    def _bare(self, clause: Any) -> Sql:
        return self.column(self.resolve(clause))

    def _on_day(self, word: str, clause: Any, day: dt.date) -> Sql:
        shown = self._bare(clause)
        first, after = fragments.value(_midnight(day)), fragments.value(_midnight(day + _DAY))
        if word == "=":
            return "(" + shown + " >= " + first + " AND " + shown + " < " + after + ")"
        return "(" + shown + " < " + first + " OR " + shown + " >= " + after + ")"

    def _range(self, word: str, rest: list[Any]) -> Sql:
        clause, values = rest[0], rest[1:]
        base = self._base_of(clause)
        if base is not None and all(map(_is_day, values)) and self._moments(clause, base):
            return self._days(word, clause, [dt.date.fromisoformat(one) for one in values])
        if word != "between":
            shown, wanted = self._both(clause, values[0], base)
            return shown + f" {_COMPARE[word]} " + wanted
        shown, low = self._both(clause, values[0], base)
        return shown + " BETWEEN " + low + " AND " + self._both(clause, values[1], base)[1]

    def _days(self, word: str, clause: Any, days: list[dt.date]) -> Sql:
        shown = self._bare(clause)
        if word == "between":
            low, high = fragments.value(_midnight(days[0])), fragments.value(_midnight(days[1] + _DAY))
            return "(" + shown + " >= " + low + " AND " + shown + " < " + high + ")"
        edge = _midnight(days[0] + _DAY if word in (">", "<=") else days[0])
        return shown + (" >= " if word.startswith(">") else " < ") + fragments.value(edge)

    def _like(self, word: str, rest: list[Any]) -> Sql:
        options = rest[2] if len(rest) > 2 and isinstance(rest[2], dict) else {}
        folded = options.get("case-sensitive", options.get("case_sensitive", True)) is False
        pattern, negated = _LIKE[word]
        shown = self.operand(rest[0])
        given = rest[1]
        wanted = (
            self.operand(given) if isinstance(given, list) else fragments.value(pattern.format(_fold(given, folded)))
        )
        if folded:
            shown = "LOWER(" + shown + ")"
        if not negated:
            return "(" + shown + " LIKE " + wanted + ")"
        return "(NOT (" + shown + " LIKE " + wanted + ") OR " + shown + " IS NULL)"

    def _inside(self, rest: list[Any]) -> Sql:
        latitude, longitude, north, west, south, east = rest
        low_high = (("between", [latitude, south, north]), ("between", [longitude, west, east]))
        return "(" + joined(" AND ", (self._range(word, part) for word, part in low_high)) + ")"

    def _interval(self, rest: list[Any]) -> Sql:
        clause, count, unit = rest[0], rest[1], token(rest[2])
        count = {"current": 0, "last": -1, "next": 1}.get(count, count) if isinstance(count, str) else count
        options = rest[3] if len(rest) > 3 and isinstance(rest[3], dict) else {}
        current = bool(options.get("include-current"))
        first, last = (count, -1 + current) if count < 0 else (1 - current if count else 0, count)
        shown = truncated(self.era, self._bare(clause), unit, "type/DateTime")
        return shown + " BETWEEN " + _relative([first, unit]) + " AND " + _relative([last, unit])


def _fold(given: Any, folded: bool) -> str:
    return str(given).lower() if folded else str(given)


def _is_day(given: Any) -> bool:
    return isinstance(given, str) and len(given) == 10 and _moment(given) is not None


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def _moment(text: str) -> dt.date | dt.datetime | None:
    try:
        return dt.date.fromisoformat(text) if len(text) == 10 else dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def typed(given: Any, beside: str | None) -> Any:
    """A value of a filter in the type of the column beside it."""
    if not isinstance(given, str) or beside is None:
        return given
    if isa(beside, "Date", "DateTime"):
        return _moment(given) or given
    if isa(beside, "Time"):
        try:
            return dt.time.fromisoformat(given)
        except ValueError:
            return given
    return given


def _relative(rest: list[Any]) -> Sql:
    count, unit = (0, "day") if rest[0] == "current" else (int(rest[0]), token(rest[1]))
    step = {"quarter": (3, "month")}.get(unit, (1, unit))
    moved = f"(NOW() + INTERVAL '{count * step[0]} {step[1]}')"
    return truncated(47, Sql(moved), unit, "type/DateTime")


def truncated(era: int, shown: Sql, unit: str | None, base: str) -> Sql:
    """A temporal column cut to a unit, or the number that the unit takes out of it."""
    if unit is None or unit == "default":
        return shown
    inner = "CAST(" + shown + " AS timestamp)" if era < 36 and unit != "day" else shown
    if unit == "day":
        return shown if isa(base, "Date") else "CAST(" + shown + " AS date)"
    if unit in EXTRACTS:
        number = f"CAST(extract({EXTRACTS[unit]} from " + inner + ") AS integer)"
        return "(" + number + " + 1)" if unit == "day-of-week" else number
    word = "date_trunc" if era < 36 else "DATE_TRUNC"
    if unit == "week":
        return f"({word}('week', (" + inner + " + INTERVAL '1 day')) + INTERVAL '-1 day')"
    return f"{word}('{unit}', " + inner + ")"
