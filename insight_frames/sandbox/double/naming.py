"""Names that a row needs to be an object: unique ones."""

from __future__ import annotations

import json

from .era import Era
from .outcome import QueryError, Result, Statement


def unique(names: list[str]) -> list[str]:
    """The same names, repeated ones numbered from 2: ``id``, ``id_2``."""
    taken: dict[str, int] = {}
    found = []
    for name in names:
        taken[name] = taken.get(name, 0) + 1
        candidate = name if taken[name] == 1 else f"{name}_{taken[name]}"
        while candidate != name and candidate in taken:
            taken[name] += 1
            candidate = f"{name}_{taken[name]}"
        taken.setdefault(candidate, 1)
        found.append(candidate)
    return found


def check(flags: Era, statement: Statement, result: Result) -> None:
    """0.34 stumbles over a column that is called by blanks."""
    blank = [bool(column.name) and not column.name.strip() for column in result.columns]
    if flags.number != 34 or statement.cols is not None or not any(blank):
        return
    shown = " ".join(
        f'{{:field_ref (named [nil (named (not ("Non-blank string" {json.dumps(column.name)})) "field-name") nil] '
        '"Must be a valid instance of one of these clauses: :field-id, :field-literal, :joined-field, :fk->, '
        ':datetime-field, :expression, :binning-strategy")}'
        if empty
        else "nil"
        for column, empty in zip(result.columns, blank, strict=True)
    )
    lead = "Input to deduplicate-cols-names does not match schema: \n\n\t \x1b[0;33m "
    raise QueryError(f"{lead} [(named [{shown}] cols)] \x1b[0m \n\n")
