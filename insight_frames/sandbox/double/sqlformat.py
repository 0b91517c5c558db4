"""SQL laid out as the compiler of 0.46 and later shows it: clauses on lines of their own, lists one item a line.

Brackets that fit on a line stay on it; otherwise their inside is a block. Literals, names and comments are never
touched.
"""

from __future__ import annotations

import re

_INLINE = 50  # characters of a bracket that stays on its line
_CLAUSES = [
    "ADD", "AFTER", "ALTER COLUMN", "ALTER TABLE", "DELETE FROM", "EXCEPT", "FETCH FIRST", "FROM", "GROUP BY",
    "GO", "HAVING", "INSERT INTO", "INSERT", "LIMIT", "MODIFY", "ORDER BY", "SELECT", "SET CURRENT SCHEMA",
    "SET SCHEMA", "SET", "UPDATE", "VALUES", "WHERE",
]  # fmt: skip
_FLAT = ["INTERSECT", "INTERSECT ALL", "MINUS", "UNION", "UNION ALL", "EXCEPT ALL"]
_BREAKS = [
    "AND", "CROSS APPLY", "CROSS JOIN", "ELSE", "INNER JOIN", "JOIN", "LEFT JOIN", "LEFT OUTER JOIN", "OR",
    "OUTER APPLY", "OUTER JOIN", "RIGHT JOIN", "RIGHT OUTER JOIN", "FULL JOIN", "FULL OUTER JOIN", "WHEN",
]  # fmt: skip


def _words(phrases: list[str]) -> str:
    ordered = sorted(phrases, key=len, reverse=True)
    return "|".join(phrase.replace(" ", r"\s+") for phrase in ordered)


_SIGNS = [  # "||" is two of them to it
    "<>", "<=", ">=", "!=", "<<", ">>", "||/", "|/", "::", "->>", "->", "~~*", "~~", "!~~*", "!~~", "~*", "!~*", "!~",
    "!!",
]  # fmt: skip
_OPERATORS = "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<comment>--[^\n]*\n?|/\*.*?\*/)
  | (?P<string>[eE]?'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<open>\(|\bCASE\b)
  | (?P<close>\)|\bEND\b)
  | (?P<flat>\b(?:{_words(_FLAT)})\b)
  | (?P<clause>\b(?:{_words(_CLAUSES)})\b)
  | (?P<break>\b(?:{_words(_BREAKS)})\b)
  | (?P<number>(?:-\s*)?\d+(?:\.\d+)?(?:[eE]-?\d+)?\b)
  | (?P<word>\w+(?:\.\w+)*)
  | (?P<operator>{_OPERATORS}|.)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


class _Layout:
    def __init__(self) -> None:
        self.text = ""
        self.indents: list[str] = []
        self.inline = 0
        self.clause = ""

    def line(self) -> None:
        self.text = self.text.rstrip(" ")
        if not self.text.endswith("\n"):
            self.text += "\n"
        self.text += "  " * len(self.indents)

    def pop(self, kind: str) -> None:
        if self.indents and self.indents[-1] == kind:
            self.indents.pop()

    def pop_block(self) -> None:
        while self.indents:
            if self.indents.pop() != "clause":
                break


def _fits(tokens: list[tuple[str, str]], at: int) -> bool:
    """Whether the bracket that opens at ``at`` closes soon, with nothing in it that wants a line."""
    length = depth = 0
    for kind, text in tokens[at:]:
        length += len(text)
        if length > _INLINE:
            return False
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
            if depth == 0:
                return True
        elif kind in ("clause", "flat", "break", "comment") or text == ";":
            return False
    return False


def _bare(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def pretty(sql: str) -> str:
    """``sql`` laid out over lines."""
    tokens = [
        (str(match.lastgroup if match.lastgroup != "tag" else "string"), match.group())
        for match in _TOKEN.finditer(sql)
    ]
    out = _Layout()
    for at, (kind, text) in enumerate(tokens):
        _place(out, tokens, at, kind, text)
    return out.text.strip()


def _place(out: _Layout, tokens: list[tuple[str, str]], at: int, kind: str, text: str) -> None:
    if kind == "space":
        return
    if kind == "comment":
        out.text += text.rstrip("\n")
        out.line()
    elif kind == "clause":
        out.pop("clause")
        out.line()
        out.indents.append("clause")
        out.text += _bare(text)
        out.line()
        out.clause = _bare(text).upper()
    elif kind == "flat":
        out.pop("clause")
        out.line()
        out.text += _bare(text)
        out.line()
    elif kind == "break" and not _between(tokens, at):
        out.line()
        out.text += f"{_bare(text)} "
    elif kind == "open":
        _open(out, tokens, at, text)
    elif kind == "close":
        _close(out, text)
    else:
        _plain(out, text)


def _between(tokens: list[tuple[str, str]], at: int) -> bool:
    """Whether this AND belongs to a BETWEEN two words before it."""
    before = [text.upper() for kind, text in tokens[:at] if kind != "space"]
    return tokens[at][1].upper() == "AND" and before[-2:-1] == ["BETWEEN"]


def _open(out: _Layout, tokens: list[tuple[str, str]], at: int, text: str) -> None:
    spaced = at > 0 and tokens[at - 1][0] in ("space", "open", "comment", "operator")
    if text == "(" and not spaced:
        out.text = out.text.rstrip(" ")
    out.text += text
    if out.inline or _fits(tokens, at):
        out.inline += 1
        out.text += " " if text != "(" else ""
        return
    out.indents.append("block")
    out.line()


def _close(out: _Layout, text: str) -> None:
    if out.inline:
        out.inline -= 1
        out.text = (out.text.rstrip(" ") if text == ")" else out.text) + f"{text} "
        return
    out.pop_block()
    out.line()
    out.text += f"{text} "


def _plain(out: _Layout, text: str) -> None:
    if text == ",":
        out.text = out.text.rstrip(" ") + ", "
        if not out.inline and out.clause != "LIMIT":
            out.line()
    elif text == ".":
        out.text = out.text.rstrip(" ") + "."
    elif text == ";":
        out.indents.clear()
        out.text = out.text.rstrip(" ") + ";\n"
    else:
        out.text += f"{text} "
