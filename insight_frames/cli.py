"""The command ``insight-frames``. Each subcommand imports what it needs inside, so that ``--help`` loads no pandas."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_HELP = """\
usage: insight-frames <command> [options]

OpenClinica Insight (Metabase over PostgreSQL) as exact pandas DataFrames and Parquet snapshots.

commands:
  login      log in and keep the session, so that your other programs need no password
  logout     end a kept session
  whoami     say whom the server takes you for
  verify     check whether a snapshot is what it was when it was taken
  diff       tell what changed between two snapshots, and write it to a workbook
  demo       show the main job end to end on a study of the sandbox (needs the extra: insight-frames[sandbox])
  sandbox    serve a synthetic study behind a double of Metabase's HTTP API (the same extra)
  --version  print the version

insight-frames <command> --help tells more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the return value is the exit status.

    >>> main(["--version"])
    insight-frames 0.1.0
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    command = words[0] if words else "--help"
    if command in ("-h", "--help", "help"):
        print(_HELP, end="")
        return 0
    if command == "--version":
        from . import __version__

        print(f"insight-frames {__version__}")
        return 0
    if command == "sandbox":
        from .sandbox.command import run

        return run(words[1:])
    if command in ("login", "logout", "whoami"):
        from .commands import signin

        work = {"login": signin.login, "logout": signin.logout, "whoami": signin.whoami}[command]
        return work(words[1:])
    if command == "verify":
        from .commands.verify import run as verify

        return verify(words[1:])
    if command == "diff":
        from .commands.diff import run as diff

        return diff(words[1:])
    if command == "demo":
        from .demo import run as demo

        return demo(words[1:])
    print(f"insight-frames: there is no command {command!r}; insight-frames --help lists them", file=sys.stderr)
    return 2
