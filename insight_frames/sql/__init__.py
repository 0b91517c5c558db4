"""PostgreSQL text: names, literals, a user's query with its parameters.

What of a server's message may be shown, ``messages`` says; its many patterns are compiled when a query has failed.

Metabase has no parameters of PostgreSQL's types, so values are written into the statement as literals; that is safe
because the scanner in ``lexer`` agrees with PostgreSQL's own about where strings end, which the tests show on a real
server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from insight_frames.sql.quoting import identifier, qualified, string_literal

if TYPE_CHECKING:
    from insight_frames.sql.literals import literal
    from insight_frames.sql.statement import Rendered, condition, fingerprint, render, subquery

__all__ = [
    "Rendered",
    "condition",
    "fingerprint",
    "identifier",
    "literal",
    "qualified",
    "render",
    "string_literal",
    "subquery",
]


def __getattr__(name: str) -> Any:
    """Import what reads or writes SQL of a user's when it is first used: a table's name needs no scanner."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "literals" if name == "literal" else "statement"
    return getattr(import_module(f"insight_frames.sql.{home}"), name)
