"""Names that a row needs to be an object: unique ones."""

from __future__ import annotations


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
