"""The comparison as a workbook for reviewers, written row by row and renamed when it is whole.

What Excel cannot hold, ``sinks.files.sheets`` tells; what does not fit a sheet or a cell is refused before it begins.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...errors import InvalidInput, SnapshotError, sentence
from ...manifest import is_snapshot
from ...sinks.files.sheets import (
    DIGITS,
    GREY,
    MOST_CHARACTERS,
    MOST_COLUMNS,
    MOST_ROWS,
    begin_sheet,
    text_cell,
    titles,
    units,
)
from .values import text

if TYPE_CHECKING:
    from .result import Diff, TableDiff

_PART = 8192  # lines that are Python objects at a time
_WIDTHS = {"change": 10, "old": 40, "new": 40}


def write(diff: Diff, tables: Sequence[TableDiff], name: str) -> None:
    """Write the workbook; InvalidInput before anything is written if it cannot hold all of it."""
    path = check_path(name)
    _check(tables)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(6)}.partial")
    try:
        _Book(diff, tables).save(partial)
        os.replace(partial, path)
    except OSError as error:
        raise SnapshotError(
            sentence(
                "The workbook cannot be written",
                where=str(path),
                got=error.strerror or type(error).__name__,
                try_="check the rights and the free space of that folder, or close the file in Excel",
            )
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def check_path(name: str) -> Path:
    """Make the path absolute; InvalidInput if no workbook should be there."""
    path = Path(os.path.abspath(Path(name).expanduser()))
    if path.suffix.lower() != ".xlsx":
        raise InvalidInput(sentence("A workbook's name ends in .xlsx", got=path.name))
    inside = next((one for one in path.parents if is_snapshot(one)), None)
    if inside is not None:
        raise InvalidInput(sentence("The workbook would lie in a snapshot and damage it", where=str(inside)))
    if not path.parent.is_dir():
        raise InvalidInput(sentence("There is no folder for the workbook", where=str(path.parent)))
    return path


def _check(tables: Sequence[TableDiff]) -> None:
    for one in tables:
        label = f"{one.schema}.{one.table}"
        assert one.lines is not None
        width = len(one.lines.schema)
        if one.lines.count >= MOST_ROWS or width > MOST_COLUMNS:
            raise InvalidInput(
                sentence(
                    f"What changed in {label} does not fit a sheet",
                    expected=f"at most {MOST_ROWS - 1:,} lines and {MOST_COLUMNS:,} columns",
                    got=f"{one.lines.count:,} lines and {width} columns",
                    try_=f"tables=[...] without it, and changes({one.schema!r}, {one.table!r}, chunksize=...)",
                )
            )
        if one.lines.longest * 7 > MOST_CHARACTERS:  # the longest escape of a single byte
            _check_texts(one, label)


def _check_texts(table: TableDiff, label: str) -> None:
    assert table.lines is not None
    place = table.lines.schema.get_field_index("column")
    for batch in table.lines.batches():
        columns = [_texts(column, field) for column, field in zip(batch.columns, batch.schema, strict=True)]
        for row in zip(*columns, strict=True):
            longest = max(units(one) for one in row if isinstance(one, str))
            if longest > MOST_CHARACTERS:
                raise InvalidInput(
                    sentence(
                        "A text does not fit a cell of Excel",
                        where=f"{label}, column {row[place]!r}",
                        expected=f"at most {MOST_CHARACTERS:,} characters",
                        got=f"{longest:,}",
                        try_=f"tables=[...] without it, and changes({table.schema!r}, {table.table!r})",
                    )
                )


class _Book:
    """The workbook while it is written."""

    def __init__(self, diff: Diff, tables: Sequence[TableDiff]) -> None:
        from openpyxl import Workbook
        from openpyxl.styles import PatternFill

        self._book = Workbook(write_only=True)
        self._grey = PatternFill("solid", fgColor=GREY)
        self._diff, self._tables = diff, tables
        self._titles = titles(["tables", "columns", *(one.table for one in tables)])

    def save(self, path: Path) -> None:
        """Write all sheets."""
        self._overview()
        self._columns()
        for table, title in zip(self._tables, self._titles[2:], strict=True):
            assert table.lines is not None
            names = table.lines.schema.names
            self._sheet(title, names, _lines(table), [_WIDTHS.get(one, 20) for one in names], table.lines.count)
        self._book.save(path)

    def _overview(self) -> None:
        summary = self._diff.summary
        sheets = {(one.schema, one.table): title for one, title in zip(self._tables, self._titles[2:], strict=True)}
        rows: list[list[Any]] = [
            [*row, sheets.get((row[0], row[1]), "")]
            for row in summary.astype(object).where(summary.notna(), "").itertuples(index=False)
        ]
        told = [*str(self._diff).split("\n\n")[0].splitlines(), "a grey cell is NULL, an empty one an empty text"]
        rows += [[], *([one] for one in told)]
        self._sheet("tables", [*summary.columns, "sheet"], rows, [16, 30, 10, *[12] * 5, 24, 60, 31], len(summary))

    def _columns(self) -> None:
        found = self._diff.columns
        rows = found.astype(object).where(found.notna(), "").itertuples(index=False)
        self._sheet("columns", list(found.columns), rows, [16, 30, 30, 10, 24, 24, 12], len(found))

    def _sheet(
        self, title: str, names: Sequence[str], rows: Iterable[Iterable[Any]], widths: Sequence[int], count: int
    ) -> None:
        sheet = begin_sheet(self._book, title, names, widths, count)
        for row in rows:
            sheet.append([self._cell(sheet, one) for one in row])

    def _cell(self, sheet: Any, value: Any) -> Any:
        """Make a cell: numbers as such, text as text whatever it looks like, None as a grey one."""
        from openpyxl.cell import WriteOnlyCell

        if not isinstance(value, str):
            cell = WriteOnlyCell(sheet, value)
            if value is None:
                cell.fill = self._grey
            return cell
        return text_cell(sheet, value)


def _lines(table: TableDiff) -> Iterator[list[Any]]:
    """Give the lines of a table as cells; None where there is a NULL, "" where there is nothing to tell."""
    assert table.lines is not None
    whole = table.lines.sorted()
    for start in range(0, whole.num_rows, _PART):
        batch = whole.slice(start, _PART)
        columns = [_texts(column, field) for column, field in zip(batch.columns, batch.schema, strict=True)]
        for *keys, change, column, old, new in zip(*columns, strict=True):
            told = "" if column is None else column
            yield [*keys, change, told, *(("", "") if column is None else _sides(change, old, new))]


def _sides(change: str, old: Any, new: Any) -> tuple[Any, Any]:
    return "" if change == "added" else old, "" if change == "removed" else new


def _texts(column: Any, field: pa.Field[Any]) -> list[Any]:
    """Give integers that Excel can hold as numbers, everything else as PostgreSQL's text."""
    if pa.types.is_integer(column.type):
        return [one if abs(one) < DIGITS else str(one) for one in column.to_pylist()]
    told: list[Any] = text(column, field).to_pylist()
    return told
