"""The body of ``insight-frames sandbox``: start one, say where it is and who may log in, stay until told to stop."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from insight_frames.sandbox import box
from insight_frames.sandbox.postgres import SandboxError


def serve(
    size: str = "demo",
    era: str = "0.47",
    *,
    study: str = "cardio3",
    sql: Sequence[str] | None = None,
    contract: str | None = None,
    port: int = 0,
) -> int:
    """Serve a sandbox until somebody ends it.

    Parameters
    ----------
    size, era, study, sql, contract, port
        As :func:`insight_frames.sandbox.start` takes them.

    Returns
    -------
    int
        Exit status: 0 after Ctrl-C or SIGTERM, 1 if the sandbox did not start or ended by itself.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        with box.start(size, era, study=study, sql=sql, contract=contract, port=port) as running:
            print(describe(running, era), flush=True)
            while running.running:
                time.sleep(0.5)
        print("The sandbox has ended by itself.", file=sys.stderr)
    except KeyboardInterrupt:
        return 0
    except (SandboxError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
    return 1


def describe(running: box.Box, era: str) -> str:
    """Say where the sandbox is and who may log in, passwords included."""
    rows = [
        (account.username, account.password, f"{name}: {account.about}") for name, account in running.accounts.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [
        f"Metabase {era} (a double of its API)  {running.url}",
        f"PostgreSQL behind it (superuser)    {running.dsn}",
        "",
        *(f"{mail:<{widths[0]}}  {password:<{widths[1]}}  {about}" for mail, password, about in rows),
        "",
        "Ready. Ctrl-C or SIGTERM ends it and removes all of it.",
    ]
    return "\n".join(lines)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):  # once is enough: let the clean-up finish
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt
