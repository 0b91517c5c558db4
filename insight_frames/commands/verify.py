"""``insight-frames verify PATH``: whether a snapshot is what it was when it was taken.

The exit status is 0 if it is, 1 if something is damaged and 2 if that cannot be told. Every problem is one line of
standard output; none holds a value of a row.
"""

from __future__ import annotations

import argparse

from . import Command


def _verify(options: argparse.Namespace) -> int:
    from ..api.freezing import open_snapshot

    report = open_snapshot(options.path).verify(
        fingerprint=options.fingerprint, progress=False if options.quiet else None
    )
    if not options.quiet:
        print(report)
    return 0 if report else 1


def _words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="folder of the snapshot")
    parser.add_argument(
        "--fingerprint",
        metavar="HEX",
        help="the fingerprint as it was quoted when the snapshot was taken: proves that this is that snapshot",
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="print nothing, the exit status says it")


COMMANDS = [
    Command(
        "verify",
        "check whether a snapshot is what it was when it was taken",
        "Check every file of a snapshot against its manifest, and the manifest against itself.",
        "  insight-frames verify cuts/2026-11-24 --fingerprint 525f8c5358352a2b",
        _words,
        _verify,
        ends="0 it is intact, 1 something is damaged, 2 that cannot be told, 130 interrupted",
        trouble=2,
    )
]
