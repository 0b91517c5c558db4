"""``snapshot`` and ``export``: files of a whole study, and Metabase's own files of one table, query or question."""

from __future__ import annotations

import argparse

from . import Command, connecting, params
from .reading import is_number, statement


def _snapshot(options: argparse.Namespace) -> int:
    with connecting.connection(options) as asked:
        cut = asked.snapshot(
            options.path,
            schemas=options.schema or None,
            tables=options.table or None,
            exclude=options.exclude or None,
            overwrite=options.overwrite,
            consistency=options.consistency,
            progress=False if options.quiet else None,
        )
    if not options.quiet:
        rows = int(cut.list_tables()["rows_estimate"].sum())
        kept = cut.manifest["insight"]["consistency"]
        print(f"{options.path}: {len(cut.tables)} tables, {rows:,} rows, {kept}, fingerprint {cut.fingerprint}")
    return 0


def _export(options: argparse.Namespace) -> int:
    values = params.read(options.param)
    with connecting.connection(options) as asked:
        path = asked.export(_exported(options.question), options.path, format=options.format, params=values or None)
    print(f"{options.path}: {path.stat().st_size:,} bytes, as Metabase made them")
    return 0


def _exported(given: str) -> int | str | tuple[str, str]:
    """Say what is meant: the number of a question, SCHEMA.TABLE, or SQL, which holds a blank.

    >>> _exported("42"), _exported("s_juno.site"), _exported("select 1")
    (42, ('s_juno', 'site'), 'select 1')
    """
    from ..errors import InvalidInput, sentence

    if is_number(given):
        return int(given)
    if given == "-" or given.startswith("@") or len(given.split()) > 1:
        return statement(given)
    if given.count(".") == 1 and not given.startswith(".") and not given.endswith("."):
        schema, _, table = given.partition(".")
        return schema, table
    expected = "the number of a question, SCHEMA.TABLE, or SQL"
    raise InvalidInput(sentence("What to export cannot be read", expected=expected, try_="insight-frames question"))


def _snapshot_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="FOLDER", help="the folder to make")
    parser.add_argument("--schema", action="append", default=[], metavar="NAME", help="a schema to take; repeatable")
    parser.add_argument("--table", action="append", default=[], metavar="NAME", help="only this table; repeatable")
    parser.add_argument("--exclude", action="append", default=[], metavar="NAME", help="not this table; repeatable")
    parser.add_argument("--overwrite", action="store_true", help="replace a snapshot that stands there")
    parser.add_argument(
        "--consistency",
        choices=("one-transaction", "one-statement", "same-generation", "none"),
        help="what to insist on",
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="print nothing, show no progress")
    connecting.server(parser)


def _export_words(parser: argparse.ArgumentParser) -> None:
    what = "number of a saved question, SCHEMA.TABLE, or SQL (- reads it from standard input, @FILE from a file)"
    parser.add_argument("question", metavar="WHAT", help=what)
    parser.add_argument("path", metavar="FILE", help="the file to write")
    parser.add_argument("--format", choices=("csv", "json", "xlsx"), help="left out: the suffix of FILE")
    params.words(parser, ":NAME in SQL")
    connecting.server(parser)


COMMANDS = [
    Command(
        "snapshot",
        "write tables to Parquet, as of one moment",
        "Write every table of a study, or those named, to Parquet as of one moment; the folder is whole or not there.",
        "  insight-frames snapshot cuts/2026-11-24 --schema s_juno",
        _snapshot_words,
        _snapshot,
    ),
    Command(
        "export",
        "save Metabase's own file of a table, a query or a saved question",
        "Save the file that Metabase makes of something, byte for byte, checked for errors inside it.\n"
        "Metabase changes values in its files and cuts long ones; read, sql and question -o FILE are exact and whole.",
        "  insight-frames export 42 answer.xlsx\n  insight-frames export s_juno.site site.csv",
        _export_words,
        _export,
    ),
]
