"""A sandbox to try, show and test against: a real PostgreSQL, a synthetic study, a double of Metabase's HTTP API.

Each runs in a process of its own and ends with the process that started it; nothing here is used by the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insight_frames.sandbox.box import Account, Box, start
    from insight_frames.sandbox.postgres import SandboxError

__all__ = ["Account", "Box", "SandboxError", "start"]


def __getattr__(name: str) -> Any:
    # late, so that the double's process does not load what only its starter needs
    if name == "SandboxError":
        from insight_frames.sandbox import postgres

        return postgres.SandboxError
    if name in __all__:
        from insight_frames.sandbox import box

        return getattr(box, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
