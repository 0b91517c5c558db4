"""``read``, ``sql``, ``question``: rows to the terminal, a pipe or a file."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from . import Command, connecting, output, params


def _read(options: argparse.Namespace) -> int:
    to, values = output.target(options), params.read(options.param)
    asked: dict[str, Any] = {
        "columns": _names(options.columns) or None,
        "where": options.where,
        "params": values or None,
        "order_by": _names(options.order_by) or None,
        "limit": options.limit,
        "choices": options.choices,
        "out_of_range": options.out_of_range,
    }
    with connecting.reader(options) as reader:
        output.write(to, partial(reader.read_table, options.schema, options.table, **asked), rows=options.limit)
    return 0


def _sql(options: argparse.Namespace) -> int:
    to, values, text = output.target(options), params.read(options.param), statement(options.statement)
    with connecting.reader(options) as reader:
        output.write(to, partial(reader.read_sql, text, params=values or None, out_of_range=options.out_of_range))
    return 0


def _question(options: argparse.Namespace) -> int:
    to, values = output.target(options), params.read(options.param)
    with connecting.connection(options) as asked:
        if options.question is None:
            output.write_frame(to, asked.list_questions())
        else:
            which = int(options.question) if is_number(options.question) else options.question
            how = {"params": values or None, "out_of_range": options.out_of_range}
            output.write(to, partial(asked.read_question, which, **how))
    return 0


def is_number(name: str) -> bool:
    """Whether this is the number of a question, not its name."""
    return name.isascii() and name.isdigit()


def statement(given: str) -> str:
    """Give the SQL: as it stands, from standard input (``-``) or from a file (``@FILE``)."""
    from ..errors import InvalidInput, sentence

    if given.startswith("@"):
        return connecting.text_of(given[1:], "The statement")
    if given != "-":
        return given
    text = sys.stdin.read()
    if not text.strip():
        raise InvalidInput(sentence("There is no SQL on standard input", try_='insight-frames sql "select ..."'))
    return text


def _names(given: Sequence[str]) -> list[str]:
    """Read names separated by commas; one that holds a comma stands in quotes, as in CSV.

    >>> _names(['label,"visit, first"', "site_id"])
    ['label', 'visit, first', 'site_id']
    """
    return [name for line in csv.reader(given, skipinitialspace=True) for name in line]


def _out_of_range(parser: argparse.ArgumentParser) -> None:
    about = "moments before the year 1, infinity and the like: an error, or columns of them as text"
    parser.add_argument("--out-of-range", choices=("raise", "text"), default="raise", help=about)


def _read_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("schema", metavar="SCHEMA", help="name of a schema")
    parser.add_argument("table", metavar="TABLE", help="name of a table")
    parser.add_argument("--columns", action="append", default=[], metavar="A,B,...", help="only these; repeatable")
    parser.add_argument("--where", metavar="SQL", help="a condition in SQL, with :names for values")
    params.words(parser)
    parser.add_argument("--order-by", action="append", default=[], metavar="A,B,...", help='columns; "A desc" for down')
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many rows")
    _out_of_range(parser)
    parser.add_argument("--choices", choices=("label", "code", "both"), help="choice items as categories of their list")
    connecting.offline(parser)
    output.words(parser)
    connecting.server(parser)


def _question_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", metavar="QUESTION", nargs="?", help="number or name; left out: list them")
    params.words(parser, "tag NAME of the question")
    _out_of_range(parser)
    output.words(parser)
    connecting.server(parser)


def _sql_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("statement", metavar="SQL", help="a query; - reads it from standard input, @FILE from a file")
    params.words(parser)
    _out_of_range(parser)
    connecting.offline(parser)
    output.words(parser)
    connecting.server(parser)


COMMANDS = [
    Command(
        "read",
        "read a table, exact and whole",
        "Read a table. What comes is proven whole: if the exit status is not 0, what went into a pipe is not all.",
        '  insight-frames read s_juno participant --where "site_id = :site" --param site:int=3\n'
        "  insight-frames read s_juno participant --columns label,site_id -o participant.parquet",
        _read_words,
        _read,
    ),
    Command(
        "sql",
        "run a query",
        "Run a query and read its rows. If the exit status is not 0, what went into a pipe is not all.",
        '  insight-frames sql "select status, count(*) from s_juno.participant group by 1"\n'
        "  insight-frames sql - -o report.xlsx < report.sql",
        _sql_words,
        _sql,
    ),
    Command(
        "question",
        "run a saved question, or list them",
        "Run a question that is saved in Metabase, by its number or name; without one, list those there are.",
        "  insight-frames question\n  insight-frames question 42 --param site=001 -o site.csv",
        _question_words,
        _question,
    ),
]
