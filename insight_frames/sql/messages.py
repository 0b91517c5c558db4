"""What of a server's message may be shown: PostgreSQL quotes names and patients' values alike, so nothing is trusted.

A quoted name survives only in a message that is known to quote a name there; of everything else only words of
PostgreSQL's own messages survive. Lines behind the message (DETAIL, CONTEXT, the LINE of the statement) hold values
and are never shown.
"""

from __future__ import annotations

import re

from insight_frames.errors import InvalidInput
from insight_frames.sql.lexer import Kind, tokenize
from insight_frames.sql.vocabulary import WORDS

_MASK = "…"
# Nothing quoted stands before it: a value may hold the word ERROR too.
_SEVERITY = re.compile(r"\A[^\"'\n]{0,200}?\b(?:ERROR|FATAL|PANIC):\s+(?:[0-9A-Z]{5}:\s+)?")
_NAME = r'(?:"[^"\n]{1,200}"|[\w$.]{1,200})'
_TYPE = (
    r'(?:"[^"\n]{1,100}"|[\w$.]+)(?: (?:precision|varying|with time zone|without time zone))?(?:\([\d,]+\))?(?:\[\])*'
)
_ROUTINE = rf"{_NAME}\((?:{_TYPE}(?:, {_TYPE})*)?\)"
_OBJECT = (
    "table|view|materialized view|foreign table|sequence|schema|database|function|procedure|relation|column|type|"
    "language|foreign server|foreign-data wrapper|large object|tablespace|domain"
)
_KEPT = tuple(
    re.compile(rf"{known}(?=\n|\Z)")
    for known in (
        rf"column {_NAME} does not exist",
        rf"column {_NAME} of relation {_NAME} does not exist",
        rf"column {_NAME} not found in data type {_TYPE}",
        rf"column reference {_NAME} is ambiguous",
        rf"column name {_NAME} appears more than once in USING clause",
        rf"common column name {_NAME} appears more than once in (?:left|right) table",
        rf"column {_NAME} specified (?:in USING clause does not exist in (?:left|right) table|more than once)",
        rf"column {_NAME} must appear in the GROUP BY clause or be used in an aggregate function",
        rf"subquery uses ungrouped column {_NAME} from outer query",
        rf"column notation \.\w+ applied to type {_TYPE}, which is not a composite type",
        rf"window {_NAME} does not exist",
        rf"new row for relation {_NAME} violates check constraint {_NAME}",
        rf"insert or update on table {_NAME} violates foreign key constraint {_NAME}",
        rf"(?:relation|table) {_NAME} has no columns?",
        rf"missing FROM-clause entry for table {_NAME}",
        rf"invalid reference to FROM-clause entry for table {_NAME}",
        rf"table (?:name|reference) {_NAME} (?:specified more than once|is ambiguous)",
        rf"table {_NAME} has \d+ columns available but \d+ columns specified",
        rf"WITH query name {_NAME} specified more than once",
        rf"recursive reference to query {_NAME} must not appear [\w ]+",
        rf"recursive query {_NAME} column \d+ has type {_TYPE} in non-recursive term but type {_TYPE} overall",
        rf"(?:function|procedure|aggregate) {_ROUTINE} (?:does not exist|is not unique|is not an aggregate function)",
        rf"(?:window|aggregate) function {_NAME} requires an OVER clause",
        r"operator (?:does not exist|is not unique): [^\w\s\"']{1,20} " + _TYPE,
        rf"operator (?:does not exist|is not unique): {_TYPE} [^\w\s\"']{{1,20}} {_TYPE}",
        rf"permission denied (?:for|to access) (?:{_OBJECT}) [^\n:'\"]{{1,200}}",
        rf"must be owner of (?:{_OBJECT}) [^\n:'\"]{{1,200}}",
        rf"cannot cast type {_TYPE} to {_TYPE}",
        rf"(?:argument|arguments) of [A-Z/ ]+ must be type {_TYPE}, not type {_TYPE}",
        rf"[A-Za-z/ ]+ types {_TYPE} and {_TYPE} cannot be matched",
        rf"[A-Z/]+ could not convert type {_TYPE} to {_TYPE}",
        rf"could not identify an? [a-z ]+ for type {_TYPE}",
        rf"cannot subscript type {_TYPE} because it does not support subscripting",
        rf"duplicate key value violates unique constraint {_NAME}",
        rf"null value in column {_NAME}(?: of relation {_NAME})? violates not-null constraint",
        rf"value for domain {_TYPE} violates check constraint {_NAME}",
        rf"domain {_TYPE} does not allow null values",
        rf"value too long for type {_TYPE}",
        r"syntax error at or near \"(?:[^\W\d][\w$]*|[^\w\s\"'$]{1,8})\"",
        r"there is no parameter \$\d+",
        r"[A-Z ]+ position \d+ is not in select list",
        r"target lists can have at most \d+ entries",
        rf"(?:cannot|could not) [a-z -]+ (?:relation|table|view|materialized view) {_NAME}(?: has not been populated)?",
        rf"materialized view {_NAME} has not been populated",
        r"(?:LIMIT|OFFSET) must not be negative",
        r"cannot take (?:square root|logarithm) of a negative number",
        r"negative substring length not allowed",
        r"a negative number raised to a non-integer power yields a complex result",
    )
)
# A cast to regclass and its kin looks names up while it runs, so that this name may be a value of a row.
_LOOKED_UP = re.compile(
    rf"((?:relation|schema|type|function|collation)) ({_NAME})((?: for encoding \"\w+\")? does not exist)(?=\n|\Z)"
)
# Values of these forms end the message, with the type they do not fit in front.
_TYPED = re.compile(rf"(invalid input (?:syntax for(?: type)?|value for enum) {_TYPE}): ", re.DOTALL)
_RANGE = re.compile(rf"(?:value )?\".*\" is out of range for type ({_TYPE})(?=\n|\Z)", re.DOTALL)
_POSITION = re.compile(r"^(?: *Position: \d+|LINE \d+:.*)$", re.MULTILINE)
_HINTS = re.compile(
    r"^\s*HINT:\s+(No (?:function|operator|procedure|aggregate) matches the given name and argument types?\."
    r" You might need to add explicit type casts\.|Perhaps you meant to reference the column \"[^\"\n]{1,200}\"\.)$",
    re.MULTILINE | re.IGNORECASE,
)
_QUOTE = r"""(?:["«»„“”‘‚‹›`]|(?<!\w)['’]|['’](?!\w))"""
_QUOTED = re.compile(rf"{_QUOTE}.*{_QUOTE}|{_QUOTE}.*")
_PIECE = re.compile(r"[^\W\d_]+(?:[-/][^\W\d_]+)*(?=[\s,;:.!?)]|\Z)|\S+?(?=[,;:.]?(?:\s|\Z))|[,;:.]+")


def masked(text: str, sql: str | None = None) -> str:
    """Take out of a server's message whatever may be a value.

    Parameters
    ----------
    text : str
        The message as PostgreSQL, its drivers or Metabase give it, with or without ``ERROR:`` and the lines behind.
    sql : str, optional
        The statement as its author wrote it. It tells a table that does not exist from a row's value that names none:
        with it a looked-up name survives only if the statement writes it; without it, unless the text is a driver's
        full one and gives no position in the statement.

    Returns
    -------
    str
        One line. Names stay where a message is about a name (``column "x" does not exist``); every literal, number
        and unknown word is ``…``; DETAIL, CONTEXT and the like are gone. Of other languages than English next to
        nothing stays.

    Examples
    --------
    >>> masked('ERROR: invalid input syntax for type integer: "Jane"')
    'invalid input syntax for type integer: …'
    >>> masked('ERROR: column "sex" does not exist')
    'column "sex" does not exist'
    """
    message = _SEVERITY.sub("", text.strip(), count=1)
    in_statement = message == text.strip() or bool(_POSITION.search(text))
    if looked_up := _LOOKED_UP.match(message):
        kind, name, rest = looked_up.groups()
        return f"{kind} {name if (_writes(sql, name) if sql is not None else in_statement) else _MASK}{rest}"
    shown = _shown(message)
    hint = _HINTS.search(message) if shown.startswith(("column ", "function ", "operator ")) else None
    return f"{shown}. {hint[1]}" if hint else shown


def _writes(sql: str, name: str) -> bool:
    """Tell whether a statement writes a name outside its strings."""
    try:
        tokens = tokenize(sql)
    except InvalidInput:
        return False
    words = {token.text.lower() for token in tokens if token.kind is Kind.WORD}
    quoted = {token.text[1:-1] for token in tokens if token.kind is Kind.QUOTED_NAME}
    return name.strip('"').rsplit(".", 1)[-1] in words | quoted


def _shown(message: str) -> str:
    for known in _KEPT:
        if found := known.match(message):
            return found[0]
    if found := _TYPED.match(message):
        return f"{found[1]}: {_MASK}"
    if found := _RANGE.match(message):
        return f"{_MASK} is out of range for type {found[1]}"
    return _only_known_words(_QUOTED.sub(_MASK, message.split("\n", 1)[0]))


def _only_known_words(line: str) -> str:
    pieces: list[str] = []
    for found in _PIECE.finditer(line):
        piece = found[0]
        if piece[0] in ",;:.":
            if pieces:
                pieces[-1] += piece
            continue
        known = piece in WORDS
        if known or not pieces or pieces[-1] != _MASK:
            pieces.append(piece if known else _MASK)
    return " ".join(pieces) or _MASK
