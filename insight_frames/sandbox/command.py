"""The body of ``insight-frames sandbox``: start one, say where it is and who may log in, stay until told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from insight_frames.sandbox import box, study
from insight_frames.sandbox.postgres import SandboxError


def run(argv: Sequence[str]) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str
        What stands behind ``insight-frames sandbox``.

    Returns
    -------
    int
        Exit status: 0 after Ctrl-C or SIGTERM, 1 if the sandbox did not start or ended by itself.
    """
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        with box.start(
            options.size, options.era, sql=options.sql, contract=options.contract, port=options.port
        ) as running:
            print(describe(running, options.era), flush=True)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="insight-frames sandbox",
        description="Start a PostgreSQL with a synthetic study, and a double of Metabase's HTTP API before it.",
    )
    parser.add_argument("--size", choices=list(study.SIZES), default="demo", help="60, 600 or 5,000 participants")
    parser.add_argument("--era", choices=box.ERAS, default="0.47", help="version of Metabase to behave like")
    parser.add_argument("--port", type=int, default=0, help="of the double on 127.0.0.1; 0 takes a free one")
    content = parser.add_mutually_exclusive_group()
    content.add_argument("--sql", nargs="+", metavar="FILE", help="run these psql scripts instead of making the study")
    content.add_argument("--contract", metavar="FILE", help="serve the databases of the recorded contract")
    return parser
