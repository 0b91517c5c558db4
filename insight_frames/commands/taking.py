"""``snapshot``: files of a whole study."""

from __future__ import annotations

import argparse

from . import Command, connecting


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


def _snapshot_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="FOLDER", help="the folder to make")
    parser.add_argument("--schema", action="append", default=[], metavar="NAME", help="a schema to take; repeatable")
    parser.add_argument("--table", action="append", default=[], metavar="NAME", help="only this table; repeatable")
    parser.add_argument("--exclude", action="append", default=[], metavar="NAME", help="not this table; repeatable")
    parser.add_argument("--overwrite", action="store_true", help="replace a snapshot that stands there")
    parser.add_argument("--consistency", choices=("one-statement", "same-generation", "none"), help="what to insist on")
    parser.add_argument("--quiet", "-q", action="store_true", help="print nothing, show no progress")
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
]
