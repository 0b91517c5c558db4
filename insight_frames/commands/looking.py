"""``schemas``, ``tables``, ``describe``: what is there."""

from __future__ import annotations

import argparse
from typing import Any

from . import Command, connecting, output


def _schemas(options: argparse.Namespace) -> int:
    return _listed(options, lambda reader: reader.list_schemas())


def _tables(options: argparse.Namespace) -> int:
    return _listed(options, lambda reader: reader.list_tables(options.schema))


def _describe(options: argparse.Namespace) -> int:
    return _listed(options, lambda reader: reader.describe_table(options.schema, options.table))


def _listed(options: argparse.Namespace, ask: Any) -> int:
    to = output.target(options)
    with connecting.reader(options) as reader:
        output.write_frame(to, ask(reader))
    return 0


def _words(*names: tuple[str, bool]) -> Any:
    def words(parser: argparse.ArgumentParser) -> None:
        for name, needed in names:
            parser.add_argument(name, metavar=name.upper(), nargs=None if needed else "?", help=f"name of a {name}")
        connecting.offline(parser)
        output.words(parser)
        connecting.server(parser)

    return words


COMMANDS = [
    Command(
        "schemas",
        "list the schemas that the account may use",
        "List the schemas that the account may use, with how many tables it may read in each.",
        "  insight-frames schemas",
        _words(),
        _schemas,
    ),
    Command(
        "tables",
        "list the tables of a schema, or of all",
        "List the tables that the account may read: kind, about how many rows, comment.",
        "  insight-frames tables s_juno\n  insight-frames tables s_juno -o tables.xlsx",
        _words(("schema", False)),
        _tables,
    ),
    Command(
        "describe",
        "describe the columns of a table",
        "Describe a table's columns: type, whether it may be NULL, keys, what it refers to, comment.",
        "  insight-frames describe s_juno participant",
        _words(("schema", True), ("table", True)),
        _describe,
    ),
]
