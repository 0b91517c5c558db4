"""``insight-frames verify PATH``: whether a snapshot is what it was when it was taken.

The exit status is 0 if it is, 1 if something is damaged and 2 if that cannot be told. Every problem is one line of
standard output; none holds a value of a row.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import status


def run(argv: Sequence[str]) -> int:
    """Run the command; the return value is the exit status."""
    options = _parser().parse_args(argv)
    return status("verify", lambda: _verify(options), trouble=2)


def _verify(options: argparse.Namespace) -> int:
    from ..api import open_snapshot

    report = open_snapshot(options.path).verify(
        fingerprint=options.fingerprint, progress=False if options.quiet else None
    )
    if not options.quiet:
        print(report)
    return 0 if report else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="insight-frames verify",
        description="Check every file of a snapshot against its manifest, and the manifest against itself.",
        epilog="Exit status: 0 if it is intact, 1 if something is damaged, 2 if that cannot be told.",
    )
    parser.add_argument("path", metavar="PATH", help="folder of the snapshot")
    parser.add_argument(
        "--fingerprint",
        metavar="HEX",
        help="the fingerprint as it was quoted when the snapshot was taken: proves that this is that snapshot",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing, the exit status says it")
    return parser
