"""Cuts PostgreSQL text into tokens, exactly where PostgreSQL's own scanner ends strings, comments and quoted names.

A scanner of our own, because parameters are put into the text by us: taking code for a string, or a string for code,
would be an injection. Every token keeps its place and the tokens joined are the input again; what they mean is not
looked at here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from insight_frames.errors import InvalidInput, sentence
from insight_frames.sql.characters import check_characters


class Kind(Enum):
    """What a token is to PostgreSQL; ``COLON_NAME`` is ``:name``, a parameter or the end of an array slice."""

    SPACE = auto()
    COMMENT = auto()
    STRING = auto()
    ESCAPE_STRING = auto()
    UNICODE_STRING = auto()
    DOLLAR_STRING = auto()
    QUOTED_NAME = auto()
    UNICODE_NAME = auto()
    WORD = auto()
    NUMBER = auto()
    POSITIONAL = auto()
    OPERATOR = auto()
    CAST = auto()
    ASSIGN = auto()
    COLON_NAME = auto()
    PUNCTUATION = auto()


STRINGS = frozenset({Kind.STRING, Kind.ESCAPE_STRING, Kind.UNICODE_STRING, Kind.DOLLAR_STRING})
BLANK = frozenset({Kind.SPACE, Kind.COMMENT})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the statement: its kind, its text and its 0-based place in the statement."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def is_word(self, word: str) -> bool:
        return self.kind is Kind.WORD and self.text.lower() == word


# PostgreSQL goes by bytes: every character outside ASCII, even a no-break space, may be part of a name.
_START = r"[A-Za-z_\u0080-\U0010ffff]"
_PART = r"[A-Za-z_0-9$\u0080-\U0010ffff]"
# Two strings with a line break between them are one string, and the second is read like the first: after E'..' its
# backslashes count. Hence a continued string is one token.
# Only single characters are repeated possessively: Python before 3.11.5 gets possessive groups wrong. What ends a text
# therefore says that no quote follows it, so that giving back one of a doubled pair ends nothing.
_CONTINUED = r"(?:[ \t\f\v]++|--[^\n\r]*+)*[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*'"
_PLAIN_BODY = r"(?:[^']++|'')*'(?!')"
_BIT_BODY = r"[^']*+'"  # in which a quote cannot be doubled
_ESCAPE_BODY = r"(?:[^'\\]++|\\.|'')*'(?!')"
_DIGITS = r"[0-9](?:_?[0-9])*"

_PATTERNS: tuple[tuple[Kind, str], ...] = (
    (Kind.SPACE, r"[ \t\n\r\f\v]+"),
    (Kind.COMMENT, r"--[^\n\r]*"),
    (Kind.ESCAPE_STRING, rf"[eE]'{_ESCAPE_BODY}(?:{_CONTINUED}{_ESCAPE_BODY})*"),
    (Kind.UNICODE_STRING, rf"[uU]&'{_PLAIN_BODY}(?:{_CONTINUED}{_PLAIN_BODY})*"),
    (
        Kind.STRING,
        rf"[nN]?'{_PLAIN_BODY}(?:{_CONTINUED}{_PLAIN_BODY})*|[bBxX]'{_BIT_BODY}(?:{_CONTINUED}{_BIT_BODY})*",
    ),
    (Kind.UNICODE_NAME, r'[uU]&"(?:[^"]++|"")*"(?!")'),
    (Kind.QUOTED_NAME, r'"(?:[^"]++|"")*"(?!")'),
    (
        Kind.NUMBER,
        r"0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+"
        rf"|(?:{_DIGITS}(?:\.(?!\.)(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?",
    ),
    (Kind.POSITIONAL, r"\$[0-9]+"),
    (Kind.CAST, r"::"),
    (Kind.ASSIGN, r":="),
    (Kind.COLON_NAME, r"(?<!:):[^\W\d]\w*"),
    (Kind.PUNCTUATION, r"[\[\](),;.:{}\\$]"),
)
_UNTERMINATED = re.compile(r"""(?:[eEbBxXnN]|[uU]&)?'|(?:[uU]&)?\"""")
_WORD = re.compile(rf"{_START}{_PART}*+")
_DOLLAR = re.compile(r"\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z_0-9\u0080-\U0010ffff]*)?\$")
_OPERATOR = re.compile(r"(?:(?!--|/\*)[~!@#^&|`?+\-*/%<>=])+")
_BLOCK_EDGE = re.compile(r"/\*|\*/")


@cache
def _scanner() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind.name}>{pattern})" for kind, pattern in _PATTERNS), re.DOTALL)


def tokenize(sql: str) -> list[Token]:
    """Cut a statement into tokens.

    Parameters
    ----------
    sql : str
        PostgreSQL text; ``standard_conforming_strings`` is taken to be on, as it is in every session of Metabase.

    Returns
    -------
    list of Token
        Their texts joined are ``sql`` again.

    Raises
    ------
    InvalidInput
        A string, quoted name, dollar quote or comment is not closed, or a character is one PostgreSQL cannot take.
    """
    check_characters(sql, "The SQL")
    tokens: list[Token] = []
    at = 0
    while at < len(sql):
        token = _next(sql, at)
        tokens.append(token)
        at = token.end
    return tokens


def _next(sql: str, at: int) -> Token:
    if sql.startswith("/*", at):
        return Token(Kind.COMMENT, sql[at : _block_end(sql, at)], at)
    if quote := _DOLLAR.match(sql, at):
        end = sql.find(quote[0], quote.end())
        if end < 0:
            raise _not_ended("dollar-quoted string", sql, at)
        return Token(Kind.DOLLAR_STRING, sql[at : end + len(quote[0])], at)
    if (found := _scanner().match(sql, at)) and found.lastgroup:
        return Token(Kind[found.lastgroup], found[0], at)
    if quote := _UNTERMINATED.match(sql, at):
        raise _not_ended("quoted name" if quote[0].endswith('"') else "string", sql, at)
    if word := _WORD.match(sql, at):
        return Token(Kind.WORD, word[0], at)
    if operator := _OPERATOR.match(sql, at):
        return Token(Kind.OPERATOR, operator[0], at)
    return Token(Kind.PUNCTUATION, sql[at], at)


def _block_end(sql: str, at: int) -> int:
    """Find the end of a block comment; PostgreSQL's nest."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(sql, at):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise _not_ended("comment", sql, at)


def _not_ended(what: str, sql: str, at: int) -> InvalidInput:
    return InvalidInput(sentence(f"The SQL has a {what} that is never closed", where=f"it begins at {place(sql, at)}"))


def place(sql: str, at: int) -> str:
    """Name a 0-based place for a person: ``line 2, column 5``."""
    return f"line {sql.count(chr(10), 0, at) + 1}, column {at - sql.rfind(chr(10), 0, at)}"
