"""Workbooks: one sheet a table, and a sheet that tells what the columns mean.

Numbers are written with all their digits, which openpyxl alone would round to 16, and the file is read back as XML and
not through openpyxl, which would round moments to milliseconds. What Excel is, ``sheets`` tells.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import iterparse
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import pgtypes
from ...errors import InvalidInput, sentence
from . import sheets, values
from .publish import PathLike, check_path, publish
from .report import Change, FileReport
from .table import FileTable, comment_of
from .values import Carrier, OutOfRange, refuse

_PART = 8192  # rows that are Python objects at a time
_FIRST = "1900-03-01"  # Excel believes in a 29th of February 1900
_DAY = 86_400_000_000
_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_FORMATS = {"date": "yyyy-mm-dd", "timestamp": "yyyy-mm-dd hh:mm:ss", "moment": 'yyyy-mm-dd hh:mm:ss"Z"'}
_FORMATS |= {"time": "hh:mm:ss"}
_WIDTHS = {"date": 11.0, "timestamp": 20.0, "moment": 21.0, "time": 10.0}
_SAMPLE = 200
Cell = tuple[str, str] | None  # its type and text as XML holds them


def write(path: PathLike, tables: Sequence[FileTable], *, out_of_range: OutOfRange, contents: bool) -> FileReport:
    """Write a workbook of all tables; with `contents` also a sheet that lists them."""
    target = check_path(path, ".xlsx")
    carrier = carried(out_of_range)
    for one in tables:
        _check(one)
    columns = [[carrier.carry(one, place) for place in range(one.data.num_columns)] for one in tables]
    front = ["contents"] if contents else []
    titles = sheets.titles([*front, "columns", *(one.name for one in tables)])
    renamed = [
        Change(one.label, "", "name", one.name, title)
        for one, title in zip(tables, titles[len(front) + 1 :], strict=True)
        if one.name != title
    ]
    rows = sum(one.data.num_rows for one in tables)
    book = [*zip(tables, columns, titles[len(front) + 1 :], strict=True)]
    made = publish(
        target,
        [one.label for one in tables],
        rows,
        write=lambda partial: _Book(book, titles[0] if contents else None, titles[len(front)]).save(partial),
        read=_read,
    )
    return FileReport([made], [*renamed, *carrier.changes])


def carried(out_of_range: OutOfRange) -> Carrier:
    """What Excel can carry."""
    kinds: dict[str, Callable[[Any], Any]] = {
        "integer": _integers,
        "float": lambda column: pc.add(values.floats(column), 0.0),  # Excel has no -0.0
        "decimal": _decimals,
        "bool": lambda column: column,
        "date": values.dates("1899-12-30", first=_FIRST),
        "timestamp": values.moments("1899-12-30", _DAY, first=_FIRST),
        "moment": values.moments("1899-12-30", _DAY, first=_FIRST),
        "time": values.times(_DAY),
        "enum": lambda column: _texts(column.cast(pa.string())),
    }
    return Carrier("Excel", kinds, _texts, out_of_range)


def _integers(column: Any) -> Any:
    wide = column.cast(pa.int64())
    beyond = pc.or_(pc.greater_equal(wide, sheets.DIGITS), pc.less_equal(wide, -sheets.DIGITS))
    refuse(beyond, "it has more than 15 digits")
    return wide


def _decimals(column: Any) -> Any:
    made = values.decimals(column)
    digits = [0 if one is None else len(str(one).strip("-0.").replace(".", "")) for one in column.to_pylist()]
    refuse(pa.array(np.array(digits, np.int64) > 15), "it has more than 15 digits")
    return made


def _texts(column: Any) -> Any:
    checked = values.texts(most=None, na_rep=None)(column)
    long = pc.greater(pc.binary_length(checked), sheets.MOST_CHARACTERS // 7)  # the longest escape of a single byte
    for place in pc.indices_nonzero(pc.fill_null(long, False)).to_pylist():
        if sheets.units(checked[place].as_py()) > sheets.MOST_CHARACTERS:
            raise values.Unfit(f"it is longer than {sheets.MOST_CHARACTERS:,} characters", place)
    return checked


def _check(table: FileTable) -> None:
    for field in table.data.schema:
        if sheets.units(comment_of(field) or "") > sheets.MOST_CHARACTERS:
            where = f"{table.label}, column {field.name!r}"
            raise InvalidInput(sentence("A label does not fit a cell of Excel", where=where, try_="a shorter comment"))
    rows, columns = table.data.num_rows, table.data.num_columns
    if rows >= sheets.MOST_ROWS or columns > sheets.MOST_COLUMNS:
        raise InvalidInput(
            sentence(
                "The table does not fit a sheet of Excel",
                where=table.label,
                expected=f"at most {sheets.MOST_ROWS - 1:,} rows and {sheets.MOST_COLUMNS:,} columns",
                got=f"{rows:,} rows and {columns:,} columns",
                try_="to_csv, or fewer rows or columns",
            )
        )


class _Book:
    """The workbook while it is written; every cell that goes in is hashed as XML will hold it."""

    def __init__(self, tables: Sequence[tuple[FileTable, Any, str]], contents: str | None, columns: str) -> None:
        from openpyxl import Workbook
        from openpyxl.styles import PatternFill

        self._book = Workbook(write_only=True)
        self._grey = PatternFill("solid", fgColor=sheets.GREY)
        self._tables, self._contents, self._columns = tables, contents, columns
        self._hash = hashlib.sha256()

    def save(self, path: Path) -> str:
        """Write all sheets: what the book holds, the tables, and what their columns mean."""
        if self._contents is not None:
            rows = [[title, one.label, one.data.num_rows, one.comment] for one, _, title in self._tables]
            self._listing(self._contents, ["sheet", "table", "rows", "comment"], rows, [32, 40, 12, 80])
        for table, columns, title in self._tables:
            self._sheet(table, columns, title)
        told = [one for table, columns, title in self._tables for one in _about(table, columns, title)]
        self._listing(self._columns, ["sheet", "column", "type", "label", "note"], told, [32, 32, 24, 60, 60])
        self._book.save(path)
        return self._hash.hexdigest()

    def _listing(
        self, title: str, names: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float]
    ) -> None:
        sheet = self._begin(title, names, widths, len(rows))
        for row in rows:
            cells = [("n", str(one)) if isinstance(one, int) else one and ("inlineStr", one) for one in row]
            self._append(sheet, cells, {})

    def _sheet(self, table: FileTable, columns: Sequence[tuple[str, Any]], title: str) -> None:
        names = table.data.schema.names
        widths = [_width(name, *one) for name, one in zip(names, columns, strict=True)]
        sheet = self._begin(title, names, widths, table.data.num_rows)
        looks: dict[int, Any] = {}
        for place, (named, column) in enumerate(columns):
            if named in _FORMATS:
                looks[place] = _FORMATS[named]
            elif named == "text" and column.null_count and pc.any(pc.equal(column, "")).as_py():
                looks[place] = self._grey  # only where an empty text stands beside it does NULL need a colour
        for start in range(0, table.data.num_rows, _PART):
            parts = [_cells(named, column.slice(start, _PART)) for named, column in columns]
            for row in zip(*parts, strict=True):
                self._append(sheet, row, looks)

    def _begin(self, title: str, names: Sequence[str], widths: Sequence[float], rows: int) -> Any:
        self._told([("inlineStr", one) for one in names])
        return sheets.begin_sheet(self._book, title, names, widths, rows)

    def _append(self, sheet: Any, row: Sequence[Cell], looks: dict[int, Any]) -> None:
        self._told(row)
        sheet.append([_cell(sheet, one, looks.get(place)) for place, one in enumerate(row)])

    def _told(self, row: Sequence[Cell]) -> None:
        from openpyxl.utils import get_column_letter

        cells = [(get_column_letter(place), *one) for place, one in enumerate(row, 1) if one is not None]
        self._hash.update(repr([(place, type_, sheets.escaped(text)) for place, type_, text in cells]).encode())


def _cell(sheet: Any, told: Cell, look: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if told is None:
        if look is None or isinstance(look, str):
            return None
        cell = WriteOnlyCell(sheet)
        cell.fill = look
        return cell
    type_, text = told
    if type_ == "inlineStr":
        return sheets.text_cell(sheet, text)
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = type_
    if look is not None:
        cell.number_format = look
    return cell


def _cells(named: str, column: Any) -> list[Cell]:
    found = column.to_pylist()
    if named in ("text", "enum"):
        return [None if one is None else ("inlineStr", one) for one in found]
    if named == "bool":
        return [None if one is None else ("b", "1" if one else "0") for one in found]
    return [None if one is None else ("n", _number(one)) for one in found]


def _number(value: float) -> str:
    return str(int(value)) if abs(value) < sheets.DIGITS and value == math.floor(value) else repr(value)


def _width(name: str, named: str, column: Any) -> float:
    if named in _WIDTHS:
        return max(_WIDTHS[named], min(len(name) + 3.0, 40.0))
    longest = max((len(str(one)) for one in column.slice(0, _SAMPLE).to_pylist() if one is not None), default=0)
    return float(min(max(longest + 2, len(name) + 3, 8), 60))


def _about(table: FileTable, columns: Sequence[tuple[str, Any]], title: str) -> Iterator[list[Any]]:
    for field, (named, column) in zip(table.data.schema, columns, strict=True):
        note = "date and time in UTC" if named == "moment" else None
        if named == "text" and column.null_count and pc.any(pc.equal(column, "")).as_py():
            note = "a grey cell is NULL, an empty one an empty text"
        yield [title, field.name, pgtypes.type_of(field).text, comment_of(field), note]


def _read(path: Path) -> str:
    """Hash the cells of all sheets in their order, as the XML holds them."""
    hashed = hashlib.sha256()
    with ZipFile(path) as opened:
        count = sum(one.startswith("xl/worksheets/sheet") for one in opened.namelist())
        for number in range(1, count + 1):
            with opened.open(f"xl/worksheets/sheet{number}.xml") as sheet:
                rows: Any = None
                for event, element in iterparse(sheet, ("start", "end")):
                    if event == "start":
                        rows = element if element.tag == f"{_SPACE}sheetData" else rows
                    elif element.tag == f"{_SPACE}row":
                        hashed.update(repr([*_read_row(element)]).encode())
                        rows.clear()
    return hashed.hexdigest()


def _read_row(row: Any) -> Iterator[tuple[str, str, str]]:
    for cell in row:
        place = cell.get("r", "").rstrip("0123456789")
        type_ = cell.get("t", "n")
        inside = cell.find(f"{_SPACE}v") if type_ != "inlineStr" else cell.find(f"{_SPACE}is/{_SPACE}t")
        if inside is not None or type_ == "inlineStr":
            yield place, type_, ("" if inside is None else inside.text or "")
