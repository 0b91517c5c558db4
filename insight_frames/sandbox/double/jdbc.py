"""What the JDBC driver does to SQL text before PostgreSQL sees it: split at semicolons, turn question marks into
``$n``.

The scan follows PostgreSQL's lexical rules (quotes, dollar quotes, nested comments), because a semicolon or question
mark inside any of them is text; each piece is sent on its own, so that error positions count from the piece's own
start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<estring>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'?)
  | (?P<string>'[^']*'?)
  | (?P<name>"[^"]*"?)
  | (?P<dollar>(?<![\w$])\$(?P<tag>(?:[A-Za-z_\u0080-\U0010ffff][\w]*)?)\$.*?(?:\$(?P=tag)\$|\Z))
  | (?P<line>--[^\r\n]*)
  | (?P<block>/\*)
  | (?P<marks>\?\??)
  | (?P<open>\()
  | (?P<close>\))
  | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_EDGE = re.compile(r"/\*|\*/")


def _comment_end(sql: str, start: int) -> int:
    """Where the (nested) comment ends whose inside begins at ``start``."""
    depth, at = 1, start
    while depth:
        edge = _EDGE.search(sql, at)
        if edge is None:
            return len(sql)
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return at


def _tokens(sql: str) -> Iterator[tuple[str, int, int]]:
    at = 0
    while (match := _TOKEN.search(sql, at)) is not None:
        kind = str(match.lastgroup if match.lastgroup != "tag" else "dollar")
        at = _comment_end(sql, match.end()) if kind == "block" else match.end()
        yield kind, match.start(), at


def split(sql: str, *, markers: bool) -> list[tuple[str, int]]:
    """The statements in ``sql`` as PostgreSQL gets them, each with its number of parameters.

    With ``markers`` (a prepared statement) ``?`` becomes ``$1``, ``$2`` ... and ``??`` the operator ``?``. Pieces of
    nothing but white space disappear; a comment alone is a statement.
    """
    if ";" not in sql and "?" not in sql:  # nothing to split or to turn, and Python takes long to read a long text
        return [(sql, 0)] if sql.strip() else []
    found: list[tuple[str, int]] = []
    pieces: list[str] = []
    at = count = depth = 0

    def finish(stop: int) -> None:
        text = "".join([*pieces, sql[at:stop]])
        if text.strip():
            found.append((text, count))

    for kind, start, stop in _tokens(sql):
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        elif kind == "marks" and markers:
            if stop - start == 2:
                pieces.append(sql[at : start + 1])
            else:
                count += 1
                pieces.append(f"{sql[at:start]}${count}")
            at = stop
        elif kind == "end" and depth <= 0:
            finish(start)
            pieces, at, count, depth = [], stop, 0, 0
    finish(len(sql))
    return found
