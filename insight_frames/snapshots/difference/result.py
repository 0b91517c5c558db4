"""The result of a comparison: frames for whoever computes, a page for whoever prints, and a file for reviewers.

Counts are kept in memory, values on disk; the printed page and the frame of counts hold no value of any row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...errors import InvalidInput, TableNotFound, near, sentence
from ...sinks import frame
from .columns import ColumnChange
from .lines import Lines

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["same", "changed", "added", "removed"]
_SUMMARY = ["schema", "table", "status", "old_rows", "new_rows", "added", "removed", "changed", "key", "note"]
_COLUMNS = ["schema", "table", "column", "change", "old", "new", "cells"]
_COUNTS = ("old_rows", "new_rows", "added", "removed", "changed")


@dataclass(frozen=True)
class TableDiff:
    """What was found about one table.

    Attributes
    ----------
    schema, table : str
    status : {"same", "changed", "added", "removed"}
    old_rows, new_rows : int or None
        None where the table is not there.
    added, removed, changed : int or None
        Rows; None for a table that is new or gone. Without a key a changed row counts as removed and added.
    key : tuple of str
        The columns that rows were matched by; empty if whole rows were compared, or nothing had to be.
    columns : tuple of ColumnChange
        What is different about the columns, and how many values in each.
    notes : tuple of str
        What else there is to know.
    lines : Lines or None
        The values.
    """

    schema: str
    table: str
    status: Status
    old_rows: int | None = None
    new_rows: int | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    key: tuple[str, ...] = ()
    columns: tuple[ColumnChange, ...] = ()
    notes: tuple[str, ...] = ()
    lines: Lines | None = None


class Diff:
    """What changed between two snapshots. True if anything did.

    Made by :func:`insight_frames.diff` and :meth:`insight_frames.Snapshot.diff`. Its values wait in a temporary file
    that goes when the object does.

    Attributes
    ----------
    tables : list of TableDiff
        One for each table of either snapshot, in the order of their names.
    remarks : list of str
        What concerns the snapshots as a whole: other filters, another server.
    """

    def __init__(self, heads: tuple[str, str], tables: list[TableDiff], remarks: list[str]) -> None:
        self.tables, self.remarks = tables, remarks
        self._heads = heads

    def __bool__(self) -> bool:
        return any(one.status != "same" for one in self.tables)

    def __repr__(self) -> str:
        return f"<Diff: {self._counted()}>"

    def __str__(self) -> str:
        page = [f"old  {self._heads[0]}", f"new  {self._heads[1]}", self._counted()]
        page += [f"note: {one}" for one in self.remarks]
        different = [one for one in self.tables if one.status != "same"]
        if different:
            page += ["", *_listed(different)]
        return "\n".join(page)

    def _repr_html_(self) -> str:
        listed: str = self.summary[self.summary["status"] != "same"].to_html(index=False, na_rep="")
        return f"<p>{self._counted()}</p>{listed if self else ''}"

    def _counted(self) -> str:
        number = {status: sum(one.status == status for one in self.tables) for status in _WORDS}
        told = [f"{number[status]} {word}" for status, word in _WORDS.items() if number[status] or status == "same"]
        return f"{len(self.tables)} tables: {', '.join(told)}"

    # ------------------------------------------------------------------ frames
    @property
    def summary(self) -> pd.DataFrame:
        """One row a table: schema, table, status, rows before and after, rows added, removed, changed, key, note."""
        import pandas as pd

        rows = [
            [*(getattr(one, name) for name in _SUMMARY[:-2]), ", ".join(one.key) or None, "; ".join(one.notes) or None]
            for one in self.tables
        ]
        made = pd.DataFrame(rows, columns=_SUMMARY)
        return made.astype(dict.fromkeys(_COUNTS, "Int64"))

    @property
    def columns(self) -> pd.DataFrame:
        """One row for each thing that is different about a column: schema, table, column, change, old, new, cells.

        ``change`` is "added", "removed", "retyped" (``old`` and ``new`` are the types), "stored" (of the same type, but
        kept as text in one of the snapshots), "moved" (the places), or "values": so many ``cells`` are different in
        rows that are in both.
        """
        import pandas as pd

        rows = [
            [table.schema, table.table, one.column, one.change, one.old, one.new, one.cells]
            for table in self.tables
            for one in table.columns
        ]
        return pd.DataFrame(rows, columns=_COLUMNS)

    def changes(self, schema: str, name: str, *, chunksize: int | None = None) -> Any:
        """Give the values that are different in one table, a line each.

        Parameters
        ----------
        schema, name : str
            The table.
        chunksize : int, optional
            Give an iterator of frames of so many lines, in bounded memory and in no particular order.

        Returns
        -------
        DataFrame or iterator of DataFrame
            The key's columns (``row`` and ``copies`` where whole rows were compared), ``change`` ("added", "removed",
            "changed"), ``column``, ``old`` and ``new``; ordered by key. Values are PostgreSQL's own text; NULL is
            missing, an empty text is not. A row that came or went has a line for each of its values that is not NULL,
            and one without a column if all of them are. A key column that is called like one of the others has
            ``key.`` before its name; a numeric one holds exact Decimals.

        Raises
        ------
        TableNotFound
            In neither snapshot; with near matches.
        """
        found = self.table(schema, name)
        if chunksize is not None and (isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1):
            raise InvalidInput(sentence("chunksize must be a number of lines", expected="an int >= 1"))
        lines = found.lines or Lines.none()
        if chunksize is None:
            return frame.to_frame(lines.schema, [lines.sorted()], coerce_float=False)
        return frame.to_frames(lines.schema, lines.batches(), chunksize=chunksize, coerce_float=False)

    def table(self, schema: str, name: str) -> TableDiff:
        """Find what is known of one table; TableNotFound with near matches."""
        known = {f"{one.schema}.{one.table}": one for one in self.tables}
        for one in self.tables:
            if (one.schema, one.table) == (schema, name):
                return one
        label = f"{schema}.{name}"
        hint = near(label, known) or "summary lists the tables of both"
        raise TableNotFound(sentence(f"There is no table {label!r} in either snapshot", try_=hint))

    # ------------------------------------------------------------------ files
    def to_excel(self, path: str | os.PathLike[str], *, tables: list[tuple[str, str]] | None = None) -> None:
        """Write everything to an ``.xlsx`` for reviewers: a sheet of tables, one of columns, and one for each table.

        Text stays text, also if it looks like a formula; a grey cell is NULL, an empty one without colour an empty
        text. The file appears under its name when it is whole, in place of an earlier one.

        Parameters
        ----------
        path : path
            The file to make.
        tables : list of (schema, table), optional
            Whose values to show; all by default.

        Raises
        ------
        InvalidInput
            A table has more than 1,048,575 lines, or a text is longer than the 32,767 characters of a cell: nothing is
            written, nothing is cut. Or the path lies in a snapshot, or does not end in ``.xlsx``.
        SnapshotError
            The file cannot be written.
        """
        from .excel import write

        chosen = self.tables if tables is None else [self.table(*one) for one in tables]
        write(self, [one for one in chosen if one.lines is not None and one.lines.count], os.fspath(path))


_WORDS: dict[str, str] = {"same": "the same", "changed": "changed", "added": "new", "removed": "gone"}
_MARKS = {"changed": "~", "added": "+", "removed": "-"}


def plain(name: str) -> str:
    """Write a name so that it stays on its line."""
    return name if name.isprintable() else ascii(name)


def _listed(tables: list[TableDiff]) -> Iterator[str]:
    """List tables under each other, with what was found below each."""
    names = [f"{_MARKS[one.status]} {plain(one.schema)}.{plain(one.table)}" for one in tables]
    width = max(map(len, names))
    yield f"{'table':<{width}}" + "".join(f"{one.replace('_', ' '):>14}" for one in _COUNTS)
    for name, one in zip(names, tables, strict=True):
        numbers = [getattr(one, count) for count in _COUNTS]
        yield f"{name:<{width}}" + "".join(f"{'' if count is None else f'{count:,}':>14}" for count in numbers)
        for line in _below(one):
            yield f"    {line}"


def _below(table: TableDiff) -> Iterator[str]:
    if table.key:
        yield f"rows by {', '.join(map(plain, table.key))}"
    shape = [_shape(one) for one in table.columns if one.change != "values"]
    if shape:
        yield f"columns: {'; '.join(shape)}"
    cells = [f"{plain(one.column)} {one.cells:,}" for one in table.columns if one.change == "values"]
    if cells:
        yield f"values: {', '.join(cells)}"
    for note in table.notes:
        yield f"note: {note}"


def _shape(one: ColumnChange) -> str:
    name = plain(one.column)
    if one.change == "added":
        return f"+ {name} {one.new}"
    if one.change == "removed":
        return f"- {name} {one.old}"
    return f"{name} {one.change}, {one.old} -> {one.new}"
