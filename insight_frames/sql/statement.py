"""Makes a user's SQL ready to be sent: one query, values for its parameters, nothing Metabase takes for its own.

What is changed is changed token by token, and a map leads from every character that is sent back to the one the user
wrote: an error of the server is shown where it was made. What is not a single query is refused before anything is
sent.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

from insight_frames.errors import InvalidInput, sentence
from insight_frames.sql.lexer import BLANK, Kind, Token, place, tokenize
from insight_frames.sql.params import substitutes
from insight_frames.sql.tags import without_tags

_QUERIES = ("select", "with", "values", "table")
_ACCEPTED = "one query: SELECT, WITH, VALUES or TABLE"
_CLOSING = {")": "(", "]": "["}
_STANDS_FREE = re.compile(r"[\s(\[,]\Z")
_LEAVES_FREE = re.compile(r"[\s)\],;:]")


@dataclass(frozen=True)
class Rendered:
    """SQL ready to be sent. It may hold values of parameters, so its repr shows nothing of it.

    Attributes
    ----------
    text : str
        What is sent.
    """

    text: str = field(repr=False)
    _pieces: tuple[tuple[int, int, bool], ...] = field(repr=False)  # start as sent, start in the user's SQL, unchanged?
    _lengths: tuple[int, int] = field(repr=False)

    def position(self, rendered_position: int) -> int | None:
        """Lead a position in ``text`` back to the user's own SQL.

        Parameters
        ----------
        rendered_position : int
            1-based position of a character, as PostgreSQL counts them (a doubled question mark, which the driver halves
            again, counts once); one behind the end is allowed.

        Returns
        -------
        int or None
            1-based position in the user's SQL: the same character, or the beginning of what was replaced. None if it
            lies outside.

        Examples
        --------
        >>> rendered = render("select :n, nowhere", {"n": -5})
        >>> rendered.position(rendered.text.index("nowhere") + 1)
        12
        """
        sent, written = self._lengths
        if not 1 <= rendered_position <= sent + 1:
            return None
        at = rendered_position - 1
        start, source, unchanged = self._pieces[bisect_right(self._pieces, at, key=lambda piece: piece[0]) - 1]
        return min(source + (at - start if unchanged else 0), written) + 1


def render(sql: str, params: Mapping[str, Any] | None = None, *, double_question_marks: bool = False) -> Rendered:
    """Make one query ready to be sent.

    Parameters
    ----------
    sql : str
        One query (SELECT, WITH, VALUES or TABLE); a semicolon, blanks and comments behind it are taken away.
    params : mapping of str to object, optional
        Values of the ``:names`` in the SQL. A list behind ``in`` becomes ``(1, 2)``, elsewhere an array. Casts
        (``::``), strings, comments and dollar quotes are left alone. Inside square brackets ``[:n]`` is a parameter
        only if ``params`` has it, and behind an operand (``a[1:n]``) the colon is always PostgreSQL's own.
    double_question_marks : bool, default False
        Write every operator's ``?`` twice, as Metabase up to 0.38 needs it.

    Returns
    -------
    Rendered
        Without ``[[`` and ``{{``, and with the same meaning to PostgreSQL.

    Raises
    ------
    InvalidInput
        The text is no single query, something in it is not closed, or it holds a Metabase template tag.
    ParameterError
        The parameters do not fit.

    Examples
    --------
    >>> render("select :n + 1;", {"n": -5}).text
    'select (-5) + 1'
    """
    tokens = _without_end(_tokens(sql), sql)
    _check_single(tokens, sql)
    _check_query(tokens, sql)
    _check_brackets(tokens, sql, "The SQL")
    return _assembled(tokens, sql, params, double_question_marks)


def condition(text: str, params: Mapping[str, Any] | None = None, *, double_question_marks: bool = False) -> Rendered:
    """Make a condition ready to be put between brackets behind WHERE.

    Parameters
    ----------
    text : str
        A condition such as ``site_id = :site``; no semicolon, and everything opened is closed.
    params, double_question_marks
        As for :func:`render`.

    Returns
    -------
    Rendered
        A text that cannot end the brackets it is put in.

    Raises
    ------
    InvalidInput
        The text is empty, or could end early what it is put into.
    ParameterError
        The parameters do not fit.

    Examples
    --------
    >>> condition("site_id = :site -- one of ours", {"site": 3}).text
    'site_id = 3'
    """
    tokens = _tokens(text)
    if semicolon := next((token for token in tokens if token.text == ";"), None):
        raise InvalidInput(sentence("The condition holds a semicolon", where=place(text, semicolon.start)))
    tokens = _without_end(tokens, text)
    first = next(token for token in tokens if token.kind not in BLANK)
    if first.is_word("where"):
        raise InvalidInput(sentence("The condition begins with WHERE", try_="leave the word out"))
    _check_brackets(tokens, text, "The condition")
    return _assembled(tokens, text, params, double_question_marks)


def subquery(text: str) -> str:
    """Take the end off a query that Metabase's template tags may stand in, and leave the rest as it is.

    Raises
    ------
    InvalidInput
        It is no single query that could stand in the brackets of another.

    Examples
    --------
    >>> subquery("select {{n}} [[+ {{m}}]]; -- done")
    'select {{n}} [[+ {{m}}]]'
    """
    tokens = _without_end(tokenize(text), text)
    _check_single(tokens, text)
    _check_query(tokens, text)
    _check_brackets(tokens, text, "The SQL")
    return text[: tokens[-1].end]


def fingerprint(sql: str) -> str:
    """Name a statement by a short hash, for provenance.

    Returns
    -------
    str
        16 hexadecimal digits of the SHA-256 of the statement as written.

    Examples
    --------
    >>> fingerprint("select 1")
    '822ae07d4783158b'
    """
    return sha256(sql.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _tokens(sql: str) -> list[Token]:
    if not isinstance(sql, str):
        raise InvalidInput(sentence("The SQL is not a text", expected="a str", got=f"type {type(sql).__name__}"))
    tokens = tokenize(sql)
    for token, following in pairwise(tokens):
        if token.text == "{" and following.text == "{":
            raise InvalidInput(
                sentence(
                    "The SQL holds a Metabase template tag, {{...}}",
                    where=place(sql, token.start),
                    try_="write the parameter :name and give params={'name': value}",
                )
            )
    return tokens


def _without_end(tokens: list[Token], sql: str) -> list[Token]:
    """Drop semicolons, blanks and comments at the end."""
    kept = len(tokens)
    while kept and (tokens[kept - 1].kind in BLANK or tokens[kept - 1].text == ";"):
        kept -= 1
    if not kept:
        raise InvalidInput(sentence("The SQL is empty", expected=_ACCEPTED, got="blanks" if sql else "nothing"))
    return tokens[:kept]


def _check_single(tokens: list[Token], sql: str) -> None:
    if semicolon := next((token for token in tokens if token.text == ";"), None):
        raise InvalidInput(
            sentence(
                "The SQL holds more than one statement",
                where=f"a semicolon at {place(sql, semicolon.start)}",
                expected=_ACCEPTED,
                try_="run them one by one",
            )
        )


def _check_query(tokens: list[Token], sql: str) -> None:
    solid = (token for token in tokens if token.kind not in BLANK)
    first = next((token for token in solid if token.text != "("), tokens[-1])
    if first.kind is Kind.WORD and first.text.lower() in _QUERIES:
        return
    got = "something else"
    if first.kind is Kind.WORD:  # a no-break space, or the mark at the beginning of a file, is a letter to PostgreSQL
        got = f"the word {first.text.upper()}" if first.text.isascii() else "a word with characters outside ASCII"
    raise InvalidInput(sentence("The SQL is not a query", where=place(sql, first.start), expected=_ACCEPTED, got=got))


def _check_brackets(tokens: list[Token], sql: str, what: str) -> None:
    """Refuse a text that would close a bracket of the statement it is put into, or leave one open."""
    opened: list[Token] = []
    for token in tokens:
        if token.kind is not Kind.PUNCTUATION:
            continue
        if token.text in "([":
            opened.append(token)
        elif token.text in ")]" and not (opened and opened.pop().text == _CLOSING[token.text]):
            raise InvalidInput(sentence(f"{what} closes a bracket it did not open", where=place(sql, token.start)))
    if opened:
        raise InvalidInput(sentence(f"{what} has a bracket that is never closed", where=place(sql, opened[-1].start)))


class _Writer:
    """Collects the text to be sent and the way back to the user's own."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pieces: list[tuple[int, int, bool]] = []
        self._at = 0
        self._apart = False

    def write(self, text: str, source: int, *, unchanged: bool) -> None:
        last = self._parts[-1] if self._parts else " "
        beside = not _STANDS_FREE.search(last) and not _LEAVES_FREE.match(text)
        if beside and (self._apart or not unchanged):
            self._add(" ", source, False)
        elif last.endswith("[") and text.startswith("["):
            self._add("/**/", source, False)
        self._add(text, source, unchanged)
        self._apart = not unchanged

    def write_doubled(self, text: str, source: int) -> None:
        """Write an operator with its question marks twice; PostgreSQL sees, and counts, them once."""
        self.write(text, source, unchanged=True)
        self._parts[-1] = text.replace("?", "??")

    def _add(self, text: str, source: int, unchanged: bool) -> None:
        previous = self._pieces[-1] if self._pieces else None
        goes_on = previous is not None and unchanged and previous[2] and source - previous[1] == self._at - previous[0]
        if not goes_on:
            self._pieces.append((self._at, source, unchanged))
        self._parts.append(text)
        self._at += len(text)

    def rendered(self, length: int) -> Rendered:
        return Rendered("".join(self._parts), tuple(self._pieces), (self._at, length))


def _assembled(tokens: list[Token], sql: str, params: Mapping[str, Any] | None, double: bool) -> Rendered:
    replaced = substitutes(tokens, params)
    writer = _Writer()
    for index, token in enumerate(tokens):
        if double and token.kind is Kind.OPERATOR:
            writer.write_doubled(token.text, token.start)
            continue
        text = replaced.get(index) or without_tags(tokens, index)
        writer.write(text, token.start, unchanged=text == token.text)
    return writer.rendered(tokens[-1].end)
