"""A condition in SQL's words as a filter of Metabase's, for tables that are asked for by their number.

Only what means the same in both is translated, down to NULL: Metabase's "is not" takes rows without a value, SQL's does
not, so negations are brought down to the comparisons and say it. What is left over is refused, never approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from .. import sql
from ..errors import InvalidInput, sentence
from ..sql.lexer import BLANK, Kind, Token, place, tokenize
from ..sql.literals import items
from ..sql.scalars import is_missing
from .fields import Clause, Column
from .filtervalues import Unlike, value_of

_FLIPPED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SAME = {"!=": "<>"}
_EXPECTED = (
    "a column compared with a value, [NOT] IN, BETWEEN, LIKE with % at its ends, IS [NOT] NULL / TRUE / FALSE,"
    " AND, OR, NOT and brackets"
)


def translate(where: str, params: Mapping[str, Any] | None, find: Callable[[str], Column], era: int | None) -> Clause:
    """Give the filter that means what the condition says.

    ``find`` gives a column by its name, or raises.

    Raises
    ------
    InvalidInput
        Metabase has no words for a part of it.
    ParameterError
        The parameters do not fit.
    """
    sql.condition(where, params)  # what is wrong with it in itself
    return _Reader(where, params or {}, find, era).whole()


class _Reader:
    """Reads a condition from left to right; ``negated`` is whether an odd number of NOT stand before a part."""

    def __init__(self, where: str, params: Mapping[str, Any], find: Callable[[str], Column], era: int | None) -> None:
        self.where, self.params, self.find, self.era = where, params, find, era
        self.tokens = [one for one in tokenize(where) if one.kind not in BLANK]
        self.at = 0

    def whole(self) -> Clause:
        made = self._either(False)
        if self.at < len(self.tokens):
            self._refuse()
        return made

    # ---------------------------------------------------------------------------------------- tokens
    def _peek(self, ahead: int = 0) -> Token | None:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def _is(self, word: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token is not None and (token.is_word(word) or (token.kind is Kind.PUNCTUATION and token.text == word))

    def _take(self, *words: str) -> bool:
        if not all(self._is(word, ahead) for ahead, word in enumerate(words)):
            return False
        self.at += len(words)
        return True

    def _need(self, word: str) -> None:
        if not self._take(word):
            self._refuse()

    def _refuse(self, why: str = "") -> NoReturn:
        token = self._peek() or (self.tokens[-1] if self.tokens else None)
        where = "" if token is None else f"where=, {place(self.where, token.start)}"
        raise InvalidInput(
            sentence(
                "This condition cannot be put to Metabase without SQL",
                where=where,
                expected="" if why else _EXPECTED,
                got=why,
                try_="read_table without where=, and choose the rows in the frame",
            )
        )

    # ---------------------------------------------------------------------------------------- grammar
    def _either(self, negated: bool) -> Clause:
        return self._joined("or", self._both, "and" if negated else "or", negated)

    def _both(self, negated: bool) -> Clause:
        return self._joined("and", self._not, "or" if negated else "and", negated)

    def _joined(self, word: str, part: Callable[[bool], Clause], meant: str, negated: bool) -> Clause:
        parts = [part(negated)]
        while self._take(word):
            parts.append(part(negated))
        return parts[0] if len(parts) == 1 else [meant, *parts]

    def _not(self, negated: bool) -> Clause:
        if self._take("not"):
            return self._not(not negated)
        if self._take("("):
            made = self._either(negated)
            self._need(")")
            return made
        return self._leaf(negated)

    def _leaf(self, negated: bool) -> Clause:
        column = self._column()
        if self._take("is"):
            return self._truth(column, negated != self._take("not"))
        if self._take("not"):
            negated = not negated
            if not (self._is("in") or self._is("between") or self._is("like")):
                self._refuse()
        if self._take("in"):
            return self._among(column, negated)
        if self._take("between"):
            low = self._value(column)
            self._need("and")
            edges = [_compared(">=", column, low, negated), _compared("<=", column, self._value(column), negated)]
            return ["or" if negated else "and", *edges]
        if self._take("like"):
            return self._like(column, negated)
        operator = self._peek()
        if operator is not None and operator.kind is Kind.OPERATOR:
            word = _SAME.get(operator.text, operator.text)
            if word in _FLIPPED:
                self.at += 1
                return _compared(word, column, self._value(column), negated)
        if column.type.name == "bool" and (operator is None or self._is("and") or self._is("or") or self._is(")")):
            return _compared("=", column, True, negated)
        self._refuse()

    def _column(self) -> Column:
        token = self._peek()
        if token is None or token.kind not in (Kind.WORD, Kind.QUOTED_NAME) or self._is("(", 1):
            self._refuse()
        name = token.text.lower() if token.kind is Kind.WORD else token.text[1:-1].replace('""', '"')
        found = self.find(name)
        self.at += 1
        return found

    def _truth(self, column: Column, negated: bool) -> Clause:
        if self._take("null"):
            return ["not-null" if negated else "is-null", column.reference]
        for word in ("true", "false"):
            if column.type.name == "bool" and self._take(word):
                if not negated:
                    return _compared("=", column, word == "true", False)
                return ["or", _compared("=", column, word != "true", False), ["is-null", column.reference]]
        self._refuse()

    def _among(self, column: Column, negated: bool) -> Clause:
        if self._take("("):
            values = [self._value(column, listed=True)]
            listed = self._only_list(column)
            while listed is None and self._take(","):
                values.append(self._value(column))
            self._need(")")
        else:
            values, listed = [], self._only_list(column, behind=False)
            if listed is None:
                self._refuse()
        values = listed if listed is not None else values
        if negated and None in values:
            return _never(column)
        known = [one for one in values if one is not None]
        if not known:
            return _always(column) if negated else _never(column)
        if negated:
            return ["and", ["!=", column.reference, *known], ["not-null", column.reference]]
        return ["=", column.reference, *known]

    def _only_list(self, column: Column, *, behind: bool = True) -> list[Any] | None:
        """Give the members of a parameter that is a list; ``behind``: it was read just now."""
        token = self._peek(-1 if behind else 0)
        if token is None or token.kind is not Kind.COLON_NAME:
            return None
        found = items(self.params[token.text[1:]])
        if found is None:
            return None
        self.at += 0 if behind else 1
        return [self._checked(column, one) for one in found]

    def _like(self, column: Column, negated: bool) -> Clause:
        pattern = self._value(column)
        if not isinstance(pattern, str) or column.type.name not in ("text", "varchar"):
            self._refuse()
        inner = pattern.strip("%")
        if not set("%_\\").isdisjoint(inner):
            self._refuse("a pattern with signs of its own in the middle")
        if not inner:
            return _always_known(column, negated) if pattern else _compared("=", column, "", negated)
        word = {(False, False): "=", (True, False): "ends-with", (False, True): "starts-with"}.get(
            (pattern.startswith("%"), pattern.endswith("%")), "contains"
        )
        if word == "=":
            return _compared("=", column, inner, negated)
        if not negated:
            return [word, column.reference, inner]
        return ["and", ["not", [word, column.reference, inner]], ["not-null", column.reference]]

    # ---------------------------------------------------------------------------------------- values
    def _value(self, column: Column, *, listed: bool = False) -> Any:
        if self._is(column.type.name) and (text := self._peek(1)) is not None and text.kind is Kind.STRING:
            self.at += 1  # date '2024-01-31'
        value = self._bare(column, listed)
        if (cast := self._peek()) is not None and cast.kind is Kind.CAST and self._is(column.type.name, 1):
            self.at += 2  # '2024-01-31'::date
        return value

    def _bare(self, column: Column, listed: bool) -> Any:
        token = self._peek()
        if token is None:
            self._refuse()
        sign = token.text if token.kind is Kind.OPERATOR and token.text in "+-" else ""
        number = self._peek(1) if sign else token
        if number is not None and number.kind is Kind.NUMBER:
            self.at += 2 if sign else 1
            return self._checked(column, sql_number(sign + number.text), token)
        self.at += 1
        if token.kind is Kind.STRING and token.text[0] == "'" and "\n" not in token.text.replace("''", ""):
            return self._checked(column, token.text[1:-1].replace("''", "'"), token)
        if token.kind is Kind.WORD and token.text.lower() in ("true", "false", "null"):
            return self._checked(column, {"true": True, "false": False}.get(token.text.lower()), token)
        if token.kind is Kind.COLON_NAME:
            given = self.params[token.text[1:]]
            if listed and items(given) is not None:
                return None
            return self._checked(column, given, token)
        self.at -= 1
        self._refuse()

    def _checked(self, column: Column, value: Any, token: Token | None = None) -> Any:
        if is_missing(value):
            return None
        try:
            return value_of(value, column.type, self.era)
        except Unlike as why:
            if token is not None:
                self.at = self.tokens.index(token)
            self._refuse(str(why))


def sql_number(text: str) -> Any:
    """Read a number as SQL means it."""
    from decimal import Decimal, InvalidOperation

    try:
        return int(text)
    except ValueError:
        try:
            return Decimal(text)
        except InvalidOperation:
            raise InvalidInput(sentence("This number cannot be put to Metabase", expected="decimal digits")) from None


def _compared(word: str, column: Column, value: Any, negated: bool) -> Clause:
    if value is None:  # to compare with NULL is neither true nor false
        return _never(column)
    word = _FLIPPED[word] if negated else word
    if word == "<>":
        return ["and", ["!=", column.reference, value], ["not-null", column.reference]]
    return [word, column.reference, value]


def _never(column: Column) -> Clause:
    return ["and", ["is-null", column.reference], ["not-null", column.reference]]


def _always(column: Column) -> Clause:
    return ["or", ["is-null", column.reference], ["not-null", column.reference]]


def _always_known(column: Column, negated: bool) -> Clause:
    return _never(column) if negated else ["not-null", column.reference]
