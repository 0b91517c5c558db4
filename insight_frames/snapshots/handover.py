"""A whole snapshot as files for other programs, in the words that a frame has; mixed into ``Snapshot``.

Each table is read as it is stored, so that a value that fits nowhere else still is what PostgreSQL held. A folder gets
its name when all files in it are whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import manifest as inventory
from ..catalog import Table
from ..question import table_question
from ..sinks.files import csv, dataset_json, excel, readstat
from ..sinks.files.csv import Encoding, LineEnd
from ..sinks.files.names import LongLabels
from ..sinks.files.publish import PathLike, folder
from ..sinks.files.readstat import Format, Options
from ..sinks.files.report import FileReport, WrittenFile, together
from ..sinks.files.sas import Version, xpt
from ..sinks.files.spss import SPSS
from ..sinks.files.stata import STATA
from ..sinks.files.table import FileTable
from ..sinks.files.values import OutOfRange
from ..sources.offline import OfflineSource
from ..sources.stored import fallen, reader, same
from .sites import Sites, site_column

Names = Sequence[str] | None
_ALL_SITES, _NO_SITE = "all sites", "no site"


class HandOver:
    """What ``Snapshot`` can be written to."""

    _source: OfflineSource

    def to_excel(
        self,
        path: PathLike,
        *,
        by: str | None = None,
        tables: Names = None,
        exclude: Names = None,
        coerce_float: bool = True,
        out_of_range: OutOfRange = "raise",
    ) -> FileReport:
        """Write the tables to Excel: one workbook, or a folder of one for each study or each site.

        What Excel cannot hold, and what is therefore an error, :func:`insight_frames.to_excel` tells.

        Parameters
        ----------
        path : path
            The workbook (``.xlsx``), or with `by` the folder to make.
        by : {"study", "site"} or str, optional
            "study": ``<schema>.xlsx`` for each schema. "site": ``<schema>/<site>.xlsx`` with the rows of that site, in
            every table that has a site column or leads to one along its keys; the name of another column divides by
            that one. Rows that lead to no site go to ``no site.xlsx``, tables in which none does to ``all sites.xlsx``,
            so that the folder holds every row once.
        tables, exclude : list of str, optional
            Only these tables, or all but these; ``"table"`` or ``"schema.table"``.
        coerce_float : bool
            numeric as the nearest double; False: as exact decimals, which must fit.
        out_of_range : {"raise", "text"}
            What to do about columns with values that do not fit: an error, or the whole column as PostgreSQL's text.

        Returns
        -------
        FileReport

        Raises
        ------
        InvalidInput, ValueOutOfRange, FileError
            As in :func:`insight_frames.to_excel`; or something stands at `path` already. Nothing is left then.
        """
        chosen = self._chosen(tables, exclude)
        if by is None:
            found = [self._table(one, coerce_float) for one in chosen]
            return excel.write(path, found, out_of_range=out_of_range, contents=True)
        taken: set[str] = set()
        with folder(path) as (target, hidden):
            reports = [
                excel.write(_place(hidden, name, taken), found, out_of_range=out_of_range, contents=True)
                for name, found in self._parts(by, chosen, coerce_float)
            ]
        return _moved(together(reports), hidden, target)

    def to_csv(
        self,
        path: PathLike,
        *,
        tables: Names = None,
        exclude: Names = None,
        lineterminator: LineEnd = "\r\n",
        encoding: Encoding = "utf-8",
    ) -> FileReport:
        """Write the tables as CSV: a folder with ``<schema>/<table>.csv``, exact decimals included.

        ``tables`` and ``exclude`` are those of :meth:`to_excel`, the other keywords those of
        :func:`insight_frames.to_csv`.
        """

        def write(file: Path, table: FileTable) -> FileReport:
            return csv.write(file, table, lineterminator=lineterminator, encoding=encoding)

        return self._each(path, ".csv", self._chosen(tables, exclude), write, floats=False)

    def to_stata(
        self,
        path: PathLike,
        *,
        tables: Names = None,
        exclude: Names = None,
        coerce_float: bool = True,
        na_rep: str = "",
        out_of_range: OutOfRange = "raise",
        long_labels: LongLabels = "raise",
    ) -> FileReport:
        """Write the tables for Stata: a folder with ``<schema>/<table>.dta``.

        ``tables``, ``exclude`` and ``coerce_float`` are those of :meth:`to_excel`, the other keywords those of
        :func:`insight_frames.to_stata`.
        """
        asked = Options(out_of_range, na_rep, long_labels=long_labels)
        return self._statistics(path, STATA, asked, self._chosen(tables, exclude), coerce_float)

    def to_spss(
        self,
        path: PathLike,
        *,
        tables: Names = None,
        exclude: Names = None,
        coerce_float: bool = True,
        na_rep: str = "",
        rstrip: bool = False,
        out_of_range: OutOfRange = "raise",
        long_labels: LongLabels = "raise",
    ) -> FileReport:
        """Write the tables for SPSS: a folder with ``<schema>/<table>.sav``; see :func:`insight_frames.to_spss`."""
        asked = Options(out_of_range, na_rep, rstrip, long_labels)
        return self._statistics(path, SPSS, asked, self._chosen(tables, exclude), coerce_float)

    def to_xpt(
        self,
        path: PathLike,
        *,
        version: Version = 8,
        tables: Names = None,
        exclude: Names = None,
        coerce_float: bool = True,
        na_rep: str = "",
        rstrip: bool = False,
        out_of_range: OutOfRange = "raise",
        long_labels: LongLabels = "raise",
    ) -> FileReport:
        """Write the tables for SAS: a folder with ``<schema>/<table>.xpt``; see :func:`insight_frames.to_xpt`."""
        asked = Options(out_of_range, na_rep, rstrip, long_labels)
        return self._statistics(path, xpt(version), asked, self._chosen(tables, exclude), coerce_float)

    def to_dataset_json(
        self,
        path: PathLike,
        *,
        lines: bool = False,
        tables: Names = None,
        exclude: Names = None,
        out_of_range: OutOfRange = "raise",
    ) -> FileReport:
        """Write the tables as CDISC Dataset-JSON: a folder with ``<schema>/<table>.json``, or ``.ndjson`` with `lines`.

        ``tables`` and ``exclude`` are those of :meth:`to_excel`; see :func:`insight_frames.to_dataset_json`.
        """

        def write(file: Path, table: FileTable) -> FileReport:
            return dataset_json.write(file, table, out_of_range=out_of_range)

        suffix = ".ndjson" if lines else ".json"
        return self._each(path, suffix, self._chosen(tables, exclude), write, floats=False)

    def _statistics(
        self, path: PathLike, about: Format, options: Options, chosen: Sequence[Table], floats: bool
    ) -> FileReport:
        def write(file: Path, table: FileTable) -> FileReport:
            return readstat.write(file, table, about, options)

        return self._each(path, about.suffix, chosen, write, floats=floats)

    def _each(
        self,
        path: PathLike,
        suffix: str,
        chosen: Sequence[Table],
        write: Callable[[Path, FileTable], FileReport],
        *,
        floats: bool,
    ) -> FileReport:
        """Write a folder with a file for each table; the tables are in memory one after another."""
        with folder(path) as (target, hidden):
            reports = []
            for one in chosen:
                file = hidden / Path(inventory.file_path(one.schema, one.name)).with_suffix(suffix)
                file.parent.mkdir(exist_ok=True)
                reports.append(write(file, self._table(one, floats)))
        return _moved(together(reports), hidden, target)

    def _parts(self, by: str, chosen: Sequence[Table], floats: bool) -> Iterable[tuple[list[str], list[FileTable]]]:
        """Give the workbooks: the parts of their name, and the tables in them."""
        for schema in sorted({one.schema for one in chosen}):
            those = [one for one in chosen if one.schema == schema]
            if by == "study":
                yield [schema], [self._table(one, floats) for one in those]
                continue
            every = [one for one in self._source.catalog.tables.values() if one.schema == schema]
            column = site_column(every, None if by == "site" else by)
            sites = Sites(every, column, self._raw)
            for site, tables in _by_site(those, sites, lambda one: self._table(one, floats)):
                yield [schema, site], tables

    def _chosen(self, tables: Names, exclude: Names) -> list[Table]:
        from .freeze import select

        catalog = self._source.catalog
        return select(catalog, [*catalog.schemas], tables, exclude)

    def _raw(self, table: Table, columns: list[str]) -> pa.Table:
        with self._source.file(table) as file:
            return file.read(columns=columns).select(columns)

    def _table(self, table: Table, floats: bool) -> FileTable:
        """Read a table as it is stored: enums with their labels, a column that fell back to text as text."""
        question = table_question(table.schema, table.name, numbers="float" if floats else "exact")
        with self._source.file(table) as file:
            stored = file.read()
        asked = [(one, same) if fallen(one) and not floats else _read_as(one, question) for one in stored.schema]
        columns = [
            pa.chunked_array([convert(chunk) for chunk in column.chunks], field.type)
            for column, (field, convert) in zip(stored.columns, asked, strict=True)
        ]
        data = pa.Table.from_arrays(columns, schema=pa.schema([field for field, _ in asked]))
        label = f"{table.schema}.{table.name}"
        return FileTable(table.name, data, table.comment, label, table.key or ())


def _read_as(field: pa.Field[Any], question: Any) -> tuple[pa.Field[Any], Callable[[Any], Any]]:
    numeric = (field.metadata or {}).get(b"pg_name") in (b"numeric", b"money")
    return (field, same) if fallen(field) and not numeric else reader(field, question)


def _by_site(
    tables: Sequence[Table], sites: Sites, read: Callable[[Table], FileTable]
) -> Iterable[tuple[str, list[FileTable]]]:
    """Divide tables by the sites of their rows; every row is in one part."""
    apart: dict[str, list[FileTable]] = {}
    whole: list[FileTable] = []
    for table in tables:
        found, of = read(table), sites.of(table)
        if of is None:
            whole.append(found)
            continue
        for site in sorted(pc.unique(of).to_pylist(), key=lambda one: (one is None, one)):
            kept = pc.equal(of, site) if site is not None else pc.is_null(of)
            apart.setdefault(_NO_SITE if site is None else f"site {site}", []).append(_only(found, kept))
    yield from apart.items()
    if whole:
        yield _ALL_SITES, whole


def _only(table: FileTable, kept: Any) -> FileTable:
    return FileTable(table.name, table.data.filter(kept), table.comment, table.label, table.keys)


def _place(root: Path, parts: Sequence[str], taken: set[str]) -> Path:
    """Name a workbook, and make its folder: safe on every file system, and different also without capitals."""
    safe = [re.sub(r"[^\w .-]|^\.|[ .]$", lambda found: f"%{ord(found[0]):02x}", one) for one in parts]
    name, number = "/".join(safe), 1
    while name.lower() in taken:
        number += 1
        name = f"{'/'.join(safe)}~{number}"
    taken.add(name.lower())
    place = root / f"{name}.xlsx"
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _moved(report: FileReport, hidden: Path, target: Path) -> FileReport:
    files = [
        WrittenFile(target / one.path.relative_to(hidden), one.tables, one.rows, one.bytes, one.sha256)
        for one in report.files
    ]
    return FileReport(files, [*dict.fromkeys(report.found)])
