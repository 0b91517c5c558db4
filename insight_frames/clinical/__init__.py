"""What a clinical study adds to a table: choices, keys, partial dates, participants, joins, reports.

Functions here work on frames and on the catalogue, and ask nobody anything: what they need is read by who calls them.
Its modules are loaded when they are first used: a table that is read as it is needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import choices, design, facts, keys, levels, warning

__all__ = ["choices", "design", "facts", "keys", "levels", "warning"]


def __getattr__(name: str) -> Any:
    """Import a module when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f".{name}", __name__)
