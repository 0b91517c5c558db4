"""PostgreSQL's text made DuckDB's, token by token: what DuckDB would silently read as something else is translated or
refused, so that an answer from a snapshot means what the same words mean to the server.

What DuckDB does not know at all is left for DuckDB to refuse. Every change keeps the way back to the character it came
from, so that an error is shown where it was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ..errors import InvalidInput
from ..pgtypes.kinds import words
from ..sql.lexer import BLANK, STRINGS, Kind, Token, tokenize

DIGITS = 38  # of DuckDB's decimals
_SIZED = words("varchar char character varying bpchar timestamp timestamptz time timetz interval")
_EXACT = words("numeric decimal dec")
_CLOSED = words("query query_table json_execute_serialized_sql arrow_scan arrow_scan_dumb pandas_scan")
_REGULAR = words("~ ~* !~ !~*")
_OPERATORS = {
    "#": "DuckDB reads # as the number of a column",
    "//": "PostgreSQL has no such operator",
    **dict.fromkeys(("~~", "!~~", "~~*", "!~~*"), "write LIKE or ILIKE"),
}
_PIECE = re.compile(r"--[^\n\r]*|'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_PLAIN_PIECE = re.compile(r"--[^\n\r]*|'((?:[^']|'')*)'")
_ESCAPE = re.compile(r"''|\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_CODE = re.compile(r"\\\\|\\([0-9a-fA-F]{4})|\\\+([0-9a-fA-F]{6})")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_EMPTIES = re.compile(r"\{\s*(?:NULL\s*(?:,\s*NULL\s*)*)?\}")


class Untranslatable(InvalidInput):
    """Part of a text has no exact counterpart; ``at`` is its 0-based place in it."""

    def __init__(self, what: str, at: int, try_: str) -> None:
        super().__init__(what)
        self.what, self.at, self.try_ = what, at, try_


@dataclass(frozen=True)
class Translated:
    """DuckDB's text; may hold values of parameters, so that its repr shows nothing of it."""

    text: str = field(repr=False)
    _edits: tuple[tuple[int, int, int, int], ...] = field(repr=False)  # from, to in text; from, to in the original

    def original(self, at: int) -> int:
        """Lead a 0-based place in ``text`` back to one in what it was made of."""
        moved = 0
        for start, stop, was, until in self._edits:
            if at < start:
                break
            if at < stop:
                return was
            moved = until - stop
        return at + moved


@dataclass(frozen=True)
class Edit:
    """What stands from ``start`` to ``stop`` becomes ``text``."""

    start: int
    stop: int
    text: str


def folded(token: Token) -> str | None:
    """Give the name that a token writes, as PostgreSQL folds it; None for what is no name."""
    if token.kind is Kind.WORD:
        return "".join(one.lower() if one.isascii() else one for one in token.text)
    if token.kind is Kind.QUOTED_NAME:
        return token.text[1:-1].replace('""', '"')
    if token.kind is Kind.UNICODE_NAME:
        body = token.text[3:-1].replace('""', '"')
        return _CODE.sub(lambda one: chr(int(one[1] or one[2] or "5c", 16)), body)
    return None


def names(text: str) -> frozenset[str]:
    """Give every name, and every other word, that a text writes."""
    return frozenset(name for one in tokenize(text) if (name := folded(one)) is not None)


def quoted(name: str) -> str:
    """Quote a name for DuckDB, which has no U& form."""
    return '"' + name.replace('"', '""') + '"'


def string(text: str) -> str:
    """Write a text as DuckDB's plain literal, in which a backslash is a backslash."""
    return "'" + text.replace("'", "''") + "'"


def translate(text: str, aliases: Mapping[str, str]) -> Translated:
    """Make DuckDB's text of PostgreSQL's.

    Parameters
    ----------
    text : str
        A query or condition of which parameters are already literals.
    aliases : mapping
        What names are called in DuckDB that it would not tell from others.

    Raises
    ------
    Untranslatable
        For the first part that DuckDB would silently read as something else.

    Examples
    --------
    >>> print(translate(r"x = E'a\\\\b' or y = '1.50'::numeric", {}).text)
    x = 'a\\b' or y = 1.50::decimal(3,2)
    """
    solid = [one for one in tokenize(text) if one.kind not in BLANK]
    pieces: list[str] = []
    edits: list[tuple[int, int, int, int]] = []
    at = length = 0
    for one in _edits(solid, aliases):
        kept = text[at : one.start]
        pieces += [kept, one.text]
        start = length + len(kept)
        length = start + len(one.text)
        edits.append((start, length, one.start, one.stop))
        at = one.stop
    return Translated("".join([*pieces, text[at:]]), tuple(edits))


def _edits(solid: Sequence[Token], aliases: Mapping[str, str]) -> Iterator[Edit]:
    """Give the changes in their order; an edit may take the tokens behind its own with it."""
    done = 0
    for place, token in enumerate(solid):
        if token.start < done:
            continue
        edit = _edit(solid, place, aliases)
        if edit is not None:
            done = edit.stop
            yield edit


def _edit(solid: Sequence[Token], place: int, aliases: Mapping[str, str]) -> Edit | None:
    token = solid[place]
    if token.kind in STRINGS:
        return _string(solid, place)
    if token.kind is Kind.NUMBER:
        return _number(token)
    if token.kind is Kind.OPERATOR and token.text in _OPERATORS:
        raise Untranslatable(f"The operator {token.text} cannot be used here", token.start, _OPERATORS[token.text])
    name = folded(token)
    if name is not None and (name in aliases or token.kind is Kind.UNICODE_NAME):
        if _text(solid, place + 1).lower() == "uescape":
            raise Untranslatable("UESCAPE cannot be used here", token.start, "write the name in plain quotes")
        return Edit(token.start, token.end, quoted(aliases.get(name, name)))
    return _word(solid, place, token.text.lower()) if token.kind is Kind.WORD else None


def _word(solid: Sequence[Token], place: int, word: str) -> Edit | None:
    token, following, last = solid[place], _text(solid, place + 1), _text(solid, place + 2)
    if word in _EXACT and following != "(" and (_is_cast(solid, place) or _kind(solid, place + 1) in STRINGS):
        if (following, last) == ("[", "]") and _text(solid, place - 2) == "]":  # an array of decimals knows its type
            return Edit(solid[place - 1].start, solid[place + 2].end, "")
        raise Untranslatable(
            f"DuckDB has no {word} without digits", token.start, f"{word}(38,10), with the digits that are needed"
        )
    if word in _SIZED and following == "(" and _kind(solid, place + 2) is Kind.NUMBER:
        raise Untranslatable(f"DuckDB ignores the length of {word}(n)", token.start, "left(x, n), or round it")
    if word == "similar" and following.lower() == "to":
        raise Untranslatable("DuckDB takes SIMILAR TO for a regular expression", token.start, "LIKE, or ~")
    if word == "format" and following == "(":
        raise Untranslatable("DuckDB's function format is another one than PostgreSQL's", token.start, "|| or concat")
    if word in _CLOSED and following == "(":
        raise Untranslatable(f"The function {word} is closed to queries over a snapshot", token.start, "plain SQL")
    if word == "jsonb" and _is_cast(solid, place):
        return Edit(token.start, token.end, "json")
    return None


def _is_cast(solid: Sequence[Token], place: int) -> bool:
    """Whether a type stands here: behind ``::``, or as in ``cast(x as type)``."""
    before = _text(solid, place - 1)
    return before == "::" or (before.lower() == "as" and _text(solid, place + 1) in (")", "["))


def _string(solid: Sequence[Token], place: int) -> Edit:
    token = solid[place]
    value = _value(token)
    cast = _text(solid, place + 2).lower() if _text(solid, place + 1) == "::" else ""
    end = solid[place + 2].end if cast else token.end
    if cast in _EXACT and _text(solid, place + 3) not in ("(", "["):
        return Edit(token.start, end, _decimal(value, token.start))
    if cast == "bytea" and re.fullmatch(r"\\x([0-9a-fA-F]{2})*", value):
        return Edit(token.start, end, f"from_hex('{value[2:]}')")
    if cast == "bytea":
        raise Untranslatable("Bytes cannot be written like this", token.start, r"'\x00ff'::bytea")
    if cast == "interval":
        return Edit(token.start, token.end, string(re.sub(r"\+(?=\d)", "", value)))
    if not cast and re.fullmatch(r"\\x([0-9a-fA-F]{2})*", value):
        raise Untranslatable("DuckDB reads bytes in another way", token.start, r"'\x00ff'::bytea, or '...'::text")
    is_array = _text(solid, place + 3) == "[" and bool(cast)
    if is_array or (_text(solid, place - 1) == "(" and _text(solid, place - 2).lower() in ("any", "all")):
        if not _EMPTIES.fullmatch(value):
            raise Untranslatable("DuckDB writes arrays in another way", token.start, "ARRAY[...] instead of '{...}'")
        return Edit(token.start, token.end, value.replace("{", "[").replace("}", "]"))
    if _text(solid, place - 1) in _REGULAR:  # a dot is any character to PostgreSQL, a line's end too
        value = f"(?s){value}"
    escape = ""
    if _text(solid, place - 1).lower() in ("like", "ilike") and "\\" in value:
        escape = "" if _text(solid, place + 1).lower() == "escape" else " escape '\\'"
    return Edit(token.start, token.end, string(value) + escape)


def _decimal(value: str, at: int) -> str:
    """Write a numeric as a decimal with its own digits; NaN and Infinity as floats, which compare alike."""
    number = Decimal(value) if re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", value) else None
    if number is None:
        if value.lower() not in ("nan", "infinity", "-infinity"):
            raise Untranslatable("That is no number", at, "'1.5'::numeric")
        return f"'{value}'::double"
    exponent = number.as_tuple().exponent
    scale = max(0, -exponent) if isinstance(exponent, int) else 0
    precision = max(number.adjusted() + 1, 0) + scale
    if precision > DIGITS:
        raise Untranslatable(f"The number has more than {DIGITS} digits", at, "filter the frame in pandas")
    digits = f"{number:f}"
    return f"{f'({digits})' if digits.startswith('-') else digits}::decimal({max(precision, scale, 1)},{scale})"


def _number(token: Token) -> Edit | None:
    plain = token.text.replace("_", "")
    if re.match(r"0[xXoObB]", plain):
        plain = str(int(plain, 0))
    if len(re.sub(r"[eE].*|\D", "", plain).lstrip("0")) > DIGITS:
        raise Untranslatable(
            f"The number has more than {DIGITS} digits", token.start, "a number that DuckDB keeps exactly"
        )
    return None if plain == token.text else Edit(token.start, token.end, plain)


def _value(token: Token) -> str:
    """Give the text that a string of PostgreSQL's means."""
    if token.kind is Kind.DOLLAR_STRING:
        tag = token.text.index("$", 1) + 1
        return token.text[tag:-tag]
    if token.kind is Kind.ESCAPE_STRING:
        return "".join(_unescaped(one[1]) for one in _PIECE.finditer(token.text) if one[1] is not None)
    if token.kind is Kind.UNICODE_STRING or token.text[0] in "bBxX":
        raise Untranslatable("DuckDB has no strings of this form", token.start, "a plain string")
    return "".join(one[1].replace("''", "'") for one in _PLAIN_PIECE.finditer(token.text) if one[1] is not None)


def _unescaped(body: str) -> str:
    """Undo the escapes of E'...', in which numbers are bytes of UTF-8."""
    out, at = bytearray(), 0
    for found in _ESCAPE.finditer(body):
        out += body[at : found.start()].encode()
        octal, hexadecimal, short, long, other = found.groups()
        if octal or hexadecimal:
            out.append(int(octal, 8) & 255 if octal else int(hexadecimal, 16))
        else:
            code = short or long
            out += (chr(int(code, 16)) if code else _LETTERS.get(other, other or "'")).encode("utf-8", "surrogatepass")
        at = found.end()
    return (out + body[at:].encode()).decode("utf-8", "replace")


def _text(solid: Sequence[Token], place: int) -> str:
    return solid[place].text if 0 <= place < len(solid) else ""


def _kind(solid: Sequence[Token], place: int) -> Kind | None:
    return solid[place].kind if 0 <= place < len(solid) else None
