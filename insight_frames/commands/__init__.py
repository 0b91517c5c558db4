"""The bodies of the commands: each a function from the words behind its name to an exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..errors import InsightError


def status(name: str, work: Callable[[], int], *, trouble: int) -> int:
    """Do a command's work and give its exit status: ``trouble`` if it raised an error of ours, which is printed."""
    try:
        return work()
    except InsightError as error:
        print(f"insight-frames {name}: {error}", file=sys.stderr)
        return trouble
    except KeyboardInterrupt:
        return 130
