"""The bodies of the commands: each module says which words a command takes and what it does with them.

Nothing heavy is imported above a function here, because ``--help`` and the completion of a shell ask every module for
its words. What a command does ends in one place, :func:`status`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

FAILED, USAGE, INTERRUPTED, READER_GONE = 1, 2, 130, 141


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, without the page of usage that hides it."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; {self.prog} --help tells more\n")


@dataclass(frozen=True)
class Command:
    """One command: its name, what it does in a line, a page of help, its words and its work."""

    name: str
    short: str
    about: str
    example: str
    words: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    ends: str = ""  # what its exit status means, where that is its own
    trouble: int = FAILED  # the status of an error of ours
    invalid: int = USAGE  # the status of what cannot be meant

    def add_to(self, parsers: argparse._SubParsersAction[Parser]) -> None:
        """Add the command to the parser of all."""
        ends = self.ends or "0 done, 1 failed, 2 wrong words or something that cannot be meant, 130 interrupted"
        parser = parsers.add_parser(
            self.name,
            help=self.short,
            description=self.about,
            epilog=f"example:\n{self.example}\n\nexit status: {ends}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.words(parser)
        parser.set_defaults(command=self)


def status(command: Command, options: argparse.Namespace) -> int:
    """Do a command's work and give its exit status; an error of ours is one sentence on standard error."""
    from ..errors import InsightError, InvalidInput

    try:
        done = command.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return done
    except InsightError as error:
        print(f"insight-frames {command.name}: {error}", file=sys.stderr)
        return command.invalid if isinstance(error, InvalidInput) else command.trouble
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # who read our output has seen enough, as head does
        _let_go_of_output()
        return READER_GONE
    except OSError as error:  # of ours there are none: output that cannot be written, as on a full disk
        _let_go_of_output()
        print(f"insight-frames {command.name}: {error.strerror or 'the output cannot be written'}", file=sys.stderr)
        return FAILED


def _let_go_of_output() -> None:
    """Point standard output to nowhere, so that Python does not fail once more when it ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # an output without a file behind it has nothing left to flush
        sys.stdout = None
