"""Keeps ``{{`` and ``[[``, to Metabase template tags, out of the text without changing what PostgreSQL reads.

Each kind of token has its own way: strings get an escape, quoted names the U&"..." form, comments another bracket.
Doing it per token keeps the places of everything else, so that an error can be shown where the user wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from insight_frames.sql.lexer import BLANK, Kind, Token
from insight_frames.sql.quoting import identifier, string_literal

_DOUBLED = re.compile(r"\[\[|\{\{")
_SEGMENT = re.compile(r"'((?:[^']++|'')*)'(?!')|--[^\n\r]*")
_ESCAPED_UNIT = re.compile(r"\\?.", re.DOTALL)
_HEX = {"[": "5b", "{": "7b"}


def without_tags(tokens: Sequence[Token], index: int) -> str:
    """Write one token so that it holds no ``[[`` and no ``{{``."""
    token = tokens[index]
    if not _DOUBLED.search(token.text):
        return token.text
    if token.kind is Kind.COMMENT:
        return _DOUBLED.sub("((", token.text)
    if token.kind is Kind.DOLLAR_STRING:
        quote = token.text.index("$", 1) + 1
        return string_literal(token.text[quote:-quote])
    if token.kind is Kind.QUOTED_NAME:
        return identifier(token.text[1:-1].replace('""', '"'))
    if token.kind is Kind.ESCAPE_STRING:
        return _with_escapes(token.text)
    if token.kind in (Kind.UNICODE_STRING, Kind.UNICODE_NAME):
        return _with_unicode_escapes(token.text, _escape_character(tokens, index))
    return _plain_string(token.text)


def _plain_string(text: str) -> str:
    """Write '...' as E'...'; N'...' is PostgreSQL's spelling of the word NCHAR before a string."""
    prefix = "" if text[0] == "'" else text[0]
    content = "".join(part[1].replace("''", "'") for part in _SEGMENT.finditer(text) if part[0][0] == "'")
    if prefix in ("", "n", "N"):
        return ("nchar " if prefix else "") + string_literal(content)
    return re.sub(r"(\[|\{)\1+", r"\1", text)  # no bit string holds a bracket: wrong before, wrong after


def _with_escapes(text: str) -> str:
    units = _ESCAPED_UNIT.findall(text)
    following = [*units[1:], ""]
    return "".join(
        f"\\x{_HEX[unit[-1]]}" if unit[-1] in _HEX and (unit[0] == "\\" or after[:1] == unit) else unit
        for unit, after in zip(units, following, strict=True)
    )


def _escape_character(tokens: Sequence[Token], index: int) -> str:
    """Find the escape character of a U& token: the one that UESCAPE names, else a backslash."""
    behind = [token for token in tokens[index + 1 :] if token.kind not in BLANK][:2]
    if len(behind) == 2 and behind[0].is_word("uescape") and len(behind[1].text) == 3:
        return behind[1].text[1]
    return "\\"


def _with_unicode_escapes(text: str, escape: str) -> str:
    unit = re.compile(f"{re.escape(escape)}?.", re.DOTALL)
    written = ""
    for one in unit.findall(text):
        bracket = one[-1] in _HEX and (len(one) == 2 or written.endswith(one))
        written += f"{escape}00{_HEX[one[-1]]}" if bracket else one
    return written
