"""How many rows an answer may have: the constraints of interactive queries, which later eras let the caller
change.

The two caps are 10,000 rows and, for bare rows (not aggregated), 2,000; giving only ``max-results`` never raises the
latter.
"""

from __future__ import annotations

from typing import Any

from . import era
from .app import App
from .query import QueryError, Statement

DEFAULTS = {"max-results": 10_000, "max-results-bare-rows": 2_000}
_NOT_A_NUMBER = (
    "class java.lang.String cannot be cast to class java.lang.Number"
    " (java.lang.String and java.lang.Number are in module java.base of loader 'bootstrap')"
)


class BadConstraints(Exception):
    """What 0.34 answers with 500 instead of a failed result."""


def _checked(flags: era.Era, given: dict[str, Any]) -> dict[str, int]:
    both = {**DEFAULTS, **{key: value for key, value in given.items() if key in DEFAULTS and value is not None}}
    if any(isinstance(value, bool) or not isinstance(value, int) for value in both.values()):
        if flags.number == 34:
            raise BadConstraints
        raise QueryError(_NOT_A_NUMBER, java="class java.lang.ClassCastException")
    both["max-results-bare-rows"] = min(both.values())
    negative = {key: value for key, value in both.items() if value < 0}
    if negative:
        raise _negative(flags, negative)
    return both


def _negative(flags: era.Era, negative: dict[str, int]) -> QueryError:
    if flags.number >= 49:
        shown = ", ".join(f':{key} ["should be at least 0"]' for key in negative)
        told = {"constraints": {key: ["should be at least 0"] for key in negative}}
        return QueryError(f"Invalid query: {{:constraints {{{shown}}}}}", extra={"ex-data": {"error": told}})
    kind = "Integer greater than or equal to zero" if flags.number == 34 else "integer >= 0"
    shown = ", ".join(f':{key} (not ("{kind}" {value}))' for key, value in negative.items())
    if flags.number == 34:
        return QueryError(f"Value does not match schema: {{:constraints {{{shown}}}}}")
    message = (
        "Input to resolve-card-id-source-tables* does not match schema: \n\n\t \x1b[0;33m "
        f" [(named {{:constraints {{{shown}}}}} arg0)] \x1b[0m \n\n"
    )
    return QueryError(message, error_type="invalid-query", extra={"ex-data": {"type": "schema.core/error"}})


def interactive(app: App, query: dict[str, Any]) -> dict[str, int]:
    """The constraints of an interactive query; raises :class:`QueryError` for senseless ones."""
    flags = era.of(app)
    if not flags.client_limits:
        return dict(DEFAULTS)
    middleware = query.get("middleware")
    if flags.number >= 47 and isinstance(middleware, dict) and middleware.get("disable-max-results?"):
        raise QueryError(
            'Cannot invoke "java.lang.Character.charValue()" because "x" is null',
            java="class java.lang.NullPointerException",
            error_type="invalid-query",
        )
    given = query.get("constraints")
    return _checked(flags, given if isinstance(given, dict) else {})


def applies(app: App, constraints: dict[str, int], statement: Statement) -> int:
    """The cap for this statement."""
    native = statement.cols is None
    bare = era.of(app).native_is_bare if native else statement.bare
    return constraints["max-results-bare-rows" if bare else "max-results"]


def of_export(app: App) -> int:
    """The cap of a file; an administrator may have set a lower one."""
    ceiling = era.of(app).max_rows
    setting = app.store["settings"].get("download_row_limit")
    return min(ceiling, int(setting)) if setting else ceiling
