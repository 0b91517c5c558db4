"""The columns of queries: asked for once, then remembered for as long as the rows' own statement confirms them.

A query is remembered by a hash of its text, which may hold parameters' values. Only columns of base types are
remembered: what confirms them is a hash of names and types' numbers, which does not tell that an enum has a new label.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from ..catalog import Column
from ..wire import packed
from ..wire.cells import readable
from . import plan
from .locate import Asked, located

_MOST = 256  # queries

Described = tuple[tuple[Column, ...], str]  # the columns, and the hash of them


class QueryColumns:
    """What the columns of a server's queries are."""

    def __init__(self, server: Asked) -> None:
        self._server = server
        self._known: dict[str, Described] = {}

    def known(self, source: plan.Source) -> Described | None:
        """Give what is remembered of a query's columns."""
        return self._known.get(_name(source))

    def ask(self, source: plan.Source) -> Described:
        """Ask the server, which plans the query and does not run it."""
        text, offset = packed.describe(source.text)
        with located(self._server, replace(source, text=text, offset=offset)):
            told = self._server.rows(text, packed.DESCRIPTION)
        with readable("the columns of the query"):
            found = plan.described(told)
        if all(one.typtype == "b" and one.element_typtype in (None, "b") for one in found[0]):
            while len(self._known) >= _MOST:
                self._known.pop(next(iter(self._known)), None)
            self._known[_name(source)] = found
        else:
            self._known.pop(_name(source), None)
        return found


def _name(source: plan.Source) -> str:
    return sha256(source.text.encode("utf-8", "surrogatepass")).hexdigest()
