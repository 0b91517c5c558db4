"""``insight-frames doctor``: what kind of instance this is."""

from __future__ import annotations

import argparse

from . import Command, connecting


def _doctor(options: argparse.Namespace) -> int:
    with connecting.connection(options) as asked:
        report = asked.doctor(thorough=options.thorough)
    print(report.to_json() if options.json else report)
    return 0 if report else 1


def _words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="all of it as JSON, for a program or a support request")
    parser.add_argument("--thorough", action="store_true", help="also see where exports of a million rows are cut")
    connecting.server(parser)


COMMANDS = [
    Command(
        "doctor",
        "say what kind of instance this is: versions, rights, limits, how each table is read",
        "Ask a server what one cannot know beforehand: versions, rights, limits of rows, how exports change values,\n"
        "time zones, settings, what is seen and what is not, how each table is read and why, how fast answers come.\n"
        "No row of a study is read; names of schemas and tables, and yours, are in what is printed.",
        "  insight-frames doctor\n  insight-frames doctor --json > instance.json",
        _words,
        _doctor,
        ends="0 tables can be read, 1 they cannot, or nobody answers, 2 wrong words, 130 interrupted",
    )
]
