"""Where rows go: the terminal, a pipe, or a file whose suffix says of which kind.

On a terminal a frame is shown as pandas shows it; into a pipe goes CSV, piece by piece as it comes, so that no row is
left out of sight and memory stays bounded. Files are whole under their name or not there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ..sinks.files.report import FileReport

Ask = Callable[..., Any]  # gives a frame, or pieces if chunksize= is given

# How pandas' words for frames are called by the suffix of a file.
SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".xlsx": "xlsx", ".dta": "dta", ".sav": "sav", ".xpt": "xpt"} | {
    ".json": "json",
    ".ndjson": "json",
}
FORMATS = ("table", *dict.fromkeys(SUFFIXES.values()))
ROWS = 50_000  # at a time, into a pipe or Parquet
_SHOWN = 60  # rows on a terminal


@dataclass(frozen=True)
class Target:
    """Where to, and as what; without a path to standard output."""

    path: str | None
    format: str | None
    more: Mapping[str, Any] = field(default_factory=dict)  # keywords of the writer
    quiet: bool = False


def words(parser: argparse.ArgumentParser) -> None:
    """Add the words that say where rows go."""
    group = parser.add_argument_group("output", "left out: a table on a terminal, CSV in a pipe")
    group.add_argument("--output", "-o", metavar="FILE", help=f"ending in {', '.join(SUFFIXES)}")
    group.add_argument("--format", choices=FORMATS, help="of standard output: table or csv; of a file: its suffix")
    group.add_argument(
        "--as-text", action="store_true", help="columns that the file's format cannot hold become text; else an error"
    )
    group.add_argument(
        "--na-rep", metavar="TEXT", help="stands for NULL in text of .dta, .sav and .xpt, which have none"
    )
    group.add_argument("--rstrip", action="store_true", help="cut blanks at the end of texts off for .sav and .xpt")
    group.add_argument("--long-labels", choices=("raise", "shorten"), help="labels too long for .dta, .sav or .xpt")
    group.add_argument("--xpt-version", type=int, choices=(5, 8), help="of .xpt; left out: 8; authorities want 5")
    group.add_argument("--quiet", "-q", action="store_true", help="say nothing about the file that was written")


def target(options: argparse.Namespace) -> Target:
    """Check where rows are to go, before any is asked for."""
    from ..errors import InvalidInput, sentence

    path, asked = options.output, options.format
    if path is None:
        if sys.stdout is None:  # closed by who called us
            raise InvalidInput(sentence("Standard output is closed", try_="--output FILE"))
        if asked not in (None, "table", "csv"):
            raise InvalidInput(sentence(f"A terminal or pipe takes no {asked}", try_=f"--output FILE.{asked}"))
        return Target(None, asked)
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    if suffix not in SUFFIXES or asked not in (None, SUFFIXES[suffix]):
        ends = [one for one, kind in SUFFIXES.items() if asked in (None, kind)] or list(SUFFIXES)
        raise InvalidInput(
            sentence("The output's name does not say its format", expected=f"one ending in {', '.join(ends)}")
        )
    from ..sinks.files.publish import check_path

    check_path(path, suffix)
    return Target(path, SUFFIXES[suffix], _more(options, SUFFIXES[suffix]), options.quiet)


def _more(options: argparse.Namespace, kind: str) -> dict[str, Any]:
    """Give the keywords of a format's writer; InvalidInput for one that the format has not."""
    from ..errors import InvalidInput, sentence

    made: dict[str, Any] = {}
    for word, kinds, name, value in (
        ("--as-text", ("xlsx", "json", "dta", "sav", "xpt"), "out_of_range", "text" if options.as_text else None),
        ("--na-rep", ("dta", "sav", "xpt"), "na_rep", options.na_rep),
        ("--rstrip", ("sav", "xpt"), "rstrip", options.rstrip or None),
        ("--long-labels", ("dta", "sav", "xpt"), "long_labels", options.long_labels),
        ("--xpt-version", ("xpt",), "version", options.xpt_version),
    ):
        if value is not None and kind not in kinds:
            raise InvalidInput(sentence(f"{word} says nothing about .{kind}", expected=f"a file of {', '.join(kinds)}"))
        made |= {} if value is None else {name: value}
    return made


def write(to: Target, ask: Ask, rows: int | None = None) -> None:
    """Ask for the rows and write them; ``rows`` is about how many will come."""
    if to.path is None:
        if to.format == "table" or (to.format is None and sys.stdout.isatty()):
            return show(ask(), whole=to.format == "table")
        return _csv(ask)
    report = _parquet(to.path, ask, rows) if to.format == "parquet" else _file(to, ask)
    if not to.quiet:
        print(f"{to.path}: {report.files[0].rows:,} rows, {report.files[0].sha256}")
        if report.found:
            print(report.changes.to_string(index=False))


def write_frame(to: Target, frame: pd.DataFrame) -> None:
    """Write a frame that is already there, such as a list of tables."""

    def ask(chunksize: int | None = None, **_: Any) -> Any:
        return frame if chunksize is None else iter([frame])

    write(to, ask, len(frame))


def show(frame: pd.DataFrame, *, whole: bool) -> None:
    """Print a frame as a table, all rows of it or as many as a terminal takes."""
    if not len(frame.columns):
        print(f"{len(frame):,} rows without columns")
        return
    short = not whole and len(frame) > _SHOWN
    text = frame.to_string(index=False, max_rows=10 if short else None, line_width=None)
    print(f"{text}\n{len(frame):,} rows; --format table shows all" if short else text)


def _csv(ask: Ask) -> None:
    from ..sinks.files import csv
    from ..sinks.files.table import from_frame

    out = sys.stdout.buffer
    for number, part in enumerate(ask(chunksize=ROWS, dtype_backend="pyarrow", coerce_float=False)):
        for piece in csv.encoded(from_frame(part, index=False), head=number == 0):
            out.write(piece)
        out.flush()


def _parquet(path: str, ask: Ask, rows: int | None) -> FileReport:
    from pathlib import Path

    from ..progress import Progress
    from ..sinks.files.parquet import write as write_parquet
    from ..sinks.files.table import from_frame

    with Progress(None, "read", rows=rows) as progress:

        def tables() -> Any:
            for part in ask(chunksize=ROWS, dtype_backend="pyarrow", coerce_float=False):
                progress.advance(len(part))
                yield from_frame(part, index=False)

        return write_parquet(Path(path), tables())


def _file(to: Target, ask: Ask) -> FileReport:
    from ..sinks.files import frames, stats

    assert to.path is not None
    if to.format == "csv":
        return frames.to_csv(ask(coerce_float=False), to.path)
    how: Any = {
        "xlsx": frames.to_excel,
        "json": frames.to_dataset_json,
        "dta": stats.to_stata,
        "sav": stats.to_spss,
        "xpt": stats.to_xpt,
    }[str(to.format)]
    report: FileReport = how(ask(), to.path, **to.more)
    return report
