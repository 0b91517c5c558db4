"""What lives in Metabase itself: saved questions, its own exports, segments and metrics, embedding.

Everything here asks through the connection's session and gives what the rest of the package gives: exact frames, whole
files, or an error that says why. Nothing below it knows that it exists. Its modules are loaded when they are first
used, because a connection has all these words and most programs use none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import definitions, embedding, exports, fetching, listings, meanings, plans, questions

__all__ = ["definitions", "embedding", "exports", "fetching", "listings", "meanings", "plans", "questions"]


def __getattr__(name: str) -> Any:
    """Import a module when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f".{name}", __name__)
