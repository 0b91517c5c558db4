"""``insight-frames diff OLD NEW``: what changed between two snapshots, told as the command ``diff`` does.

The exit status is 0 if nothing changed, 1 if something did and 2 if that cannot be told. What is printed holds no value
of any row; values go into the workbook only.
"""

from __future__ import annotations

import argparse

from . import Command


def _compare(options: argparse.Namespace) -> int:
    from ..api.freezing import diff
    from ..snapshots.difference.excel import check_path

    if options.xlsx:
        check_path(options.xlsx)  # a long comparison should not end in a name that cannot be
    keys = dict(_key(one) for one in options.key)
    progress = False if options.quiet else None
    found = diff(
        options.old,
        options.new,
        keys=keys,
        ignore=options.ignore,
        other_source=options.other_source,
        progress=progress,
    )
    if not options.quiet:
        print(found)
    if options.xlsx:
        found.to_excel(options.xlsx)
    return 1 if found else 0


def _key(text: str) -> tuple[str, list[str]]:
    """Read ``schema.table=column,column``."""
    from ..errors import InvalidInput, sentence

    name, equals, columns = text.partition("=")
    if not (name and equals and columns):
        raise InvalidInput(sentence("--key cannot be read", expected="schema.table=column,column", got=repr(text)))
    return name, columns.split(",")


def _words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="folder of the older snapshot")
    parser.add_argument("new", metavar="NEW", help="folder of the newer snapshot")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="SCHEMA.TABLE=COLUMN,...",
        help="the columns that name a row of a table, where no key is declared or another one is meant; repeatable",
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN", help="a column that is not to count; repeatable"
    )
    parser.add_argument("--xlsx", metavar="FILE", help="write the old and new values to a workbook")
    parser.add_argument("--other-source", action="store_true", help="compare two servers, databases or studies")
    parser.add_argument("--quiet", "-q", action="store_true", help="print nothing, the exit status says it")


COMMANDS = [
    Command(
        "diff",
        "tell what changed between two snapshots",
        "Tell what changed between two snapshots: tables, columns, rows and values.",
        "  insight-frames diff cuts/2026-10-24 cuts/2026-11-24 --ignore refreshed_at --xlsx changes.xlsx",
        _words,
        _compare,
        ends="0 nothing changed, 1 something did, 2 that cannot be told, 130 interrupted",
        trouble=2,
    )
]
