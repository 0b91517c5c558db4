"""PostgreSQL text: names, literals, a user's query with its parameters.

What of a server's message may be shown, ``messages`` says; its many patterns are compiled when a query has failed.

Metabase has no parameters of PostgreSQL's types, so values are written into the statement as literals; that is safe
because the scanner in ``lexer`` agrees with PostgreSQL's own about where strings end, which the tests show on a real
server.
"""

from __future__ import annotations

from insight_frames.sql.literals import literal
from insight_frames.sql.quoting import identifier, qualified, string_literal
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
