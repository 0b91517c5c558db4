"""What is made of a schema or a field once, and kept for as long as that very object lives.

Arrow calls schemas equal whose metadata differ, so equality is no key to anything that metadata tell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import ref

T = TypeVar("T")
V = TypeVar("V")


def per_object(make: Callable[[T], V]) -> Callable[[T], V]:
    """Keep what ``make`` gives for an object until it is gone; what is given must not hold the object itself."""
    known: dict[int, tuple[ref[T], V]] = {}

    @wraps(make)
    def get(one: T) -> V:
        found = known.get(id(one))
        if found is not None and found[0]() is one:
            return found[1]
        key, made = id(one), make(one)
        known[key] = ref(one, lambda _: known.pop(key, None)), made
        return made

    return get
