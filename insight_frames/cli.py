"""The command ``insight-frames``: one parser of all commands, which loads nothing heavy.

Each command imports what it needs when it works, so that ``--help`` and the completion of a shell cost no pandas.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import __version__
from .commands import (
    Command,
    Parser,
    completion,
    diff,
    examining,
    looking,
    playing,
    reading,
    signin,
    status,
    taking,
    verify,
)

COMMANDS: list[Command] = [
    *signin.COMMANDS,
    *looking.COMMANDS,
    *reading.COMMANDS,
    *taking.COMMANDS,
    *verify.COMMANDS,
    *diff.COMMANDS,
    *examining.COMMANDS,
    *playing.COMMANDS,
    *completion.COMMANDS,
]
NAMES = [one.name for one in COMMANDS]
_ABOUT = "OpenClinica Insight (Metabase over PostgreSQL) as exact pandas DataFrames and Parquet snapshots."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the return value is the exit status.

    >>> main(["--version"])
    insight-frames 0.1.0
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        parser().print_help()
        return 0
    if words[0] == "--version":
        print(f"insight-frames {__version__}")
        return 0
    if words[0] not in NAMES and not words[0].startswith("-"):
        return _unknown(words[0])
    options = parser().parse_args(words)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a letter is no reason to end in the middle
            stream.reconfigure(errors="backslashreplace")
    return status(options.command, options)


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    made = Parser(
        prog="insight-frames",
        description=_ABOUT,
        epilog="insight-frames <command> --help tells more, with an example.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"insight-frames {__version__}")
    parsers = made.add_subparsers(title="commands", metavar="<command>", required=True, parser_class=Parser)
    for one in COMMANDS:
        one.add_to(parsers)
    made.set_defaults(whole=made)
    return made


def _unknown(word: str) -> int:
    from .errors import near

    hint = near(word, NAMES) or "insight-frames --help lists them"
    print(f"insight-frames: there is no command {word!r}; {hint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
