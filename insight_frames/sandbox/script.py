"""SQL scripts as psql reads them: variables, the common backslash commands, statements one by one.

PostgreSQL takes no ``\\set`` and no ``:name``, and psql is not everywhere; so this reads the part of psql's language
that schema and study scripts use, and refuses what it does not know instead of passing it over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<line>--[^\n]*)
  | (?P<block>/\*)
  | (?P<escaped>[eE]'(?:[^'\\]|''|\\.)*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
  | (?P<cast>::|:=)
  | (?P<variable>:(?:'(?P<literal>\w+)'|"(?P<identifier>\w+)"|(?P<plain>[^\W\d]\w*)))
  | (?P<word>\w[\w$]*)
  | (?P<command>\\[^\n]*)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
ARGUMENT = re.compile(r"\s*(?:'((?:[^'\\]|''|\\.)*)'|:(\w+)|(\S+))", re.DOTALL)
COPY_IN = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
COPY_END = re.compile(r"^\\\.[ \t]*$", re.MULTILINE)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
# They change what psql shows, or its own prompt, never what the server does.
HARMLESS = {"echo", "qecho", "warn", "timing", "pset", "x", "t", "a", "encoding", "restrict", "unrestrict"}


class ScriptError(ValueError):
    """A script holds something that is not understood; the message names the line."""


@dataclass(frozen=True)
class Statement:
    """One statement, without its semicolon."""

    text: str
    line: int  # of the script, 1-based, where the statement begins
    gexec: bool = False  # each cell of its result is to be run as a statement
    copy_data: str | None = None  # what follows COPY ... FROM STDIN


def read_script(text: str, variables: Mapping[str, str] | None = None) -> Iterator[Statement]:
    r"""Split a psql script into statements, with its variables filled in.

    Parameters
    ----------
    text : str
        The script.
    variables : mapping of str to str, optional
        What ``psql -v name=value`` would set.

    Yields
    ------
    Statement

    Raises
    ------
    ScriptError
        At a backslash command that is not known, or an unclosed quotation or comment.

    Examples
    --------
    >>> [one.text for one in read_script("\\set n 3\nselect :n, ':n', 'a;b'; select :\"s\".x", {"s": "t"})]
    ["select 3, ':n', 'a;b'", 'select "t".x']
    """
    return _Reader(text, dict(variables or {})).statements()


class _Reader:
    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self.text, self.variables = text, variables
        self.position, self.depth, self.begin = 0, 0, 0
        self.parts: list[str] = []

    def statements(self) -> Iterator[Statement]:
        while self.position < len(self.text):
            match = TOKEN.match(self.text, self.position)
            assert match is not None, "every character is some token"
            kind, start = str(match.lastgroup), self.position
            self.position = match.end()
            if kind == "command":
                yield from self.command(match.group(), start)
            elif kind == "other" and match.group() == ";" and self.depth <= 0:
                yield from self.finish()
            else:
                self.add(kind, match, start)
        yield from self.finish()

    def add(self, kind: str, match: re.Match[str], start: int) -> None:
        """Add a token to the statement being read."""
        text = match.group()
        if kind == "block":
            text = self.comment(start)
        elif kind == "dollar":
            text = self.dollar(text, start)
        elif kind == "variable":
            text = self.variable(match)
        elif kind == "other" and text in "'\"":
            raise self.error("a quotation is not closed", start)
        elif kind == "other":  # a semicolon inside brackets ends nothing (CREATE RULE)
            self.depth += {"(": 1, ")": -1}.get(text, 0)
        if not self.parts:
            if kind in ("space", "line", "block"):
                return
            self.begin = start
        self.parts.append(text)

    def comment(self, start: int) -> str:
        """Read a block comment; they nest."""
        depth = 1
        for edge in re.compile(r"/\*|\*/").finditer(self.text, self.position):
            depth += 1 if edge.group() == "/*" else -1
            if not depth:
                self.position = edge.end()
                return self.text[start : self.position]
        raise self.error("a comment is not closed", start)

    def dollar(self, tag: str, start: int) -> str:
        end = self.text.find(tag, self.position)
        if end < 0:
            raise self.error("a dollar quotation is not closed", start)
        self.position = end + len(tag)
        return self.text[start : self.position]

    def variable(self, match: re.Match[str]) -> str:
        """Fill in a variable; one that is not set stays as it is, as in psql."""
        name = match["literal"] or match["identifier"] or match["plain"]
        if name not in self.variables:
            return match.group()
        value = self.variables[name]
        if match["literal"]:
            return "'" + value.replace("'", "''") + "'"
        return '"' + value.replace('"', '""') + '"' if match["identifier"] else value

    def finish(self, *, gexec: bool = False) -> Iterator[Statement]:
        text, line = "".join(self.parts).strip(), self.line(self.begin)
        self.parts, self.depth = [], 0
        if text:
            yield Statement(text, line, gexec, self.copy_data() if COPY_IN.match(text) else None)

    def copy_data(self) -> str:
        """Read the lines between COPY ... FROM STDIN and its end mark."""
        start = self.text.find("\n", self.position) + 1
        end = COPY_END.search(self.text, start) if start else None
        if end is None:
            raise self.error("the data of COPY FROM STDIN have no end mark", self.position)
        self.position = end.end()
        return self.text[start : end.start()]

    def command(self, text: str, start: int) -> Iterator[Statement]:
        name, _, rest = text[1:].strip().partition(" ")
        if name == "gexec":
            yield from self.finish(gexec=True)
        elif name == "g":
            yield from self.finish()
        elif name == "set":
            first, *values = self.arguments(rest)
            self.variables[first] = "".join(values)
        elif name == "unset":
            self.variables.pop(rest.strip(), None)
        elif name not in HARMLESS:
            raise self.error(f"the command \\{name} is not understood", start)

    def arguments(self, text: str) -> list[str]:
        found = []
        for quoted, variable, bare in ARGUMENT.findall(text):
            if quoted:
                found.append(re.sub(r"''|\\(.)", lambda one: ESCAPES.get(one[1], one[1]) if one[1] else "'", quoted))
            else:
                found.append(self.variables.get(variable, f":{variable}") if variable else bare)
        return found or [""]

    def line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1

    def error(self, what: str, position: int) -> ScriptError:
        return ScriptError(f"{what[0].upper()}{what[1:]} (line {self.line(position)} of the script).")
