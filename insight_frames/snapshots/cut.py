"""An opened snapshot: the words of a live connection, answered from a folder.

It holds the inventory and no open file; every question checks the file it reads against the inventory, so that a folder
that changed under it is an error and never a mixture.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from .. import manifest as inventory
from .. import study
from ..catalog import Catalog
from ..clinical.choices import Given, How
from ..errors import SnapshotError, sentence
from ..progress import Asked
from ..question import Key, Numbers, OutOfRange, Question, sql_question, table_question
from ..reading import Backend, Looks, read
from ..sinks import listing
from ..sources.offline import OfflineSource
from ..stream import Stream
from . import folder
from .card import card
from .handover import HandOver
from .verify import Report, verify

if TYPE_CHECKING:
    import pandas as pd

    from .cutting import Words
    from .difference import Diff, Keys


class Snapshot(HandOver):
    """A snapshot on disk. Made by :func:`insight_frames.snapshot` and :func:`insight_frames.open_snapshot`.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : dict
        What stands in ``datapackage.json``.
    """

    def __init__(self, path: Path, manifest: inventory.Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._source = OfflineSource(path, manifest)

    def __repr__(self) -> str:
        summary = self.manifest["insight"]
        rows = sum(one["insight"]["rows"] for one in self.manifest["resources"])
        return (
            f"<Snapshot {str(self.path)!r}: {len(self.tables)} tables, {rows:,} rows, taken {summary['taken']},"
            f" fingerprint {self.fingerprint}>"
        )

    def _repr_html_(self) -> str:
        return card(self.path, self.manifest)

    @property
    def fingerprint(self) -> str:
        """A short hash of the contents, to be quoted in a report: 16 hexadecimal digits."""
        digits: str = self.manifest["insight"]["fingerprint"]
        return digits[:16]

    @property
    def tables(self) -> list[tuple[str, str]]:
        """(schema, table) of all tables."""
        return inventory.tables(self.manifest)

    @property
    def catalog(self) -> Catalog:
        """Tables, columns, keys and comments as data."""
        return self._source.catalog

    # ------------------------------------------------------------------ what is there
    def list_schemas(self) -> pd.DataFrame:
        """List the schemas: schema, tables, comment."""
        return listing.schemas(self.catalog.schemas, self.catalog.tables.values())

    def list_tables(self, schema: str | None = None) -> pd.DataFrame:
        """List the tables: schema, table, kind, rows_estimate (here the exact number), comment."""
        if schema is not None:
            self._source.check_schema(schema)
        closed = self.manifest["insight"].get("not_readable", [])
        return listing.tables(
            (one for one in self.catalog.tables.values() if schema in (None, one.schema)),
            not_readable=[one for one in closed if schema is None or one.startswith(f"{schema}.")],
        )

    def describe_table(self, schema: str, name: str) -> pd.DataFrame:
        """Describe a table's columns: column, type, nullable, key, references, comment."""
        return study.describe(self, self._source.table(schema, name))

    # ------------------------------------------------------------------ frames
    def read_table(
        self,
        schema: str,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        params: Mapping[str, Any] | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        index_col: str | Sequence[str] | Key | None = None,
        choices: How | None = None,
        choice_lists: Given | None = None,
        dtype: Any = None,
        dtype_backend: Backend | None = None,
        parse_dates: Any = None,
        coerce_float: bool = True,
        out_of_range: OutOfRange = "raise",
        chunksize: int | None = None,
    ) -> Any:
        """Read a table: the same keywords and the same frame as from the live connection.

        Parameters
        ----------
        columns, index_col, choices, choice_lists, dtype, dtype_backend, parse_dates, coerce_float, out_of_range, limit
            As in :func:`insight_frames.read_table`.
        where, params
            A condition in PostgreSQL's words, decided by DuckDB (needs the extra ``duckdb``; what that would read in
            another way is an error, see :meth:`read_sql`). Text is compared by its bytes (collation C). The rows that
            remain are the file's own, whatever DuckDB makes of their types.
        order_by : str or list of str
            As PostgreSQL sorts (NULL last, first with ``desc``), text by its bytes (collation C). Holds the table in
            memory.
        chunksize : int, optional
            Give an iterator of frames of so many rows.

        Raises
        ------
        SchemaNotFound, TableNotFound, ColumnNotFound
            With near matches.
        InvalidInput
            ``where`` without DuckDB, or with what DuckDB would not read as PostgreSQL does.
        ParameterError, QueryFailed
            ``where`` and ``params`` do not fit, or DuckDB refuses them (with the position in ``where``).
        SnapshotError
            The file is not the one that the snapshot was made with.
        """
        question = table_question(
            schema,
            name,
            columns=columns,
            where=where,
            params=params,
            order_by=order_by,
            limit=limit,
            numbers="float" if coerce_float else "exact",
            out_of_range=out_of_range,
        )
        looks = Looks(index_col, dtype, dtype_backend, parse_dates, coerce_float)
        return study.read_table(self, self._read, question, looks, chunksize, choices, choice_lists)

    def read_sql(
        self,
        sql: str,
        *,
        params: Mapping[str, Any] | None = None,
        index_col: str | Sequence[str] | None = None,
        dtype: Any = None,
        dtype_backend: Backend | None = None,
        parse_dates: Any = None,
        coerce_float: bool = True,
        out_of_range: OutOfRange = "raise",
        chunksize: int | None = None,
    ) -> Any:
        """Run one query over the snapshot's tables, ``schema.table``, through DuckDB (needs the extra ``duckdb``).

        The keywords are those of :func:`insight_frames.read_sql`. The query sees nothing but this snapshot: no file, no
        network, no extension, and it can change nothing.

        DuckDB reads almost all of PostgreSQL's SQL. These are its own ways:

        * Text is compared and sorted by its bytes (collation C); timestamps with time zone are seen in UTC; NULL sorts
          as in PostgreSQL, and whole numbers divide to whole numbers.
        * A name that differs from another one only in capitals is told apart in quotes; otherwise capitals do not
          matter, even in quotes.
        * numeric(p,s) keeps its digits up to p = 38. A numeric without digits, or with more, is text in Parquet; here
          it is the decimal that holds all its values, else text. avg and division give double precision; sum and
          extract give whole numbers; round takes halves of a double precision away from zero.
        * char(n) comes without its padding, real as double precision. json, intervals, ranges, network addresses, bit
          strings and whatever else the README calls text are text, and compare as text. Enums sort by their order, but
          ``<`` and ``>`` compare their letters.
        * Regular expressions (``~``) are RE2's. Parts of JSON are written in DuckDB's way. A backslash in LIKE escapes
          only in a pattern written there, or given as a parameter. Text that is cast to whole numbers is rounded.
        * Columns without a name have DuckDB's (``count_star()``), which may repeat literals: name them with AS.
        * An error where DuckDB would silently differ: numeric without digits and varchar(n) in casts, SIMILAR TO,
          ``'{...}'`` for arrays, ``#``. Functions that it does not know (to_char, ...) are errors too.

        Raises
        ------
        InvalidInput
            DuckDB is not installed, the text is not one query, or DuckDB would read part of it in another way.
        ParameterError
            The parameters do not fit.
        QueryFailed
            DuckDB refuses the query; ``err.position`` counts in ``sql``.
        ValueOutOfRange
            A value of the result does not fit its type.
        SnapshotError
            A file is not the one that the snapshot was made with.
        """
        numbers: Numbers = "float" if coerce_float else "exact"
        question = sql_question(sql, params=params, numbers=numbers, out_of_range=out_of_range)
        looks = Looks(index_col, dtype, dtype_backend, parse_dates, coerce_float)
        return self._read(question, looks, chunksize)

    def verify(self, *, fingerprint: str | None = None, progress: Asked = None) -> Report:
        """Check every file against the inventory, and the inventory against itself.

        Parameters
        ----------
        fingerprint : str, optional
            The fingerprint as it was quoted when the snapshot was taken: proves that this is that snapshot, which a
            manifest that can be edited cannot prove alone.
        progress : None, bool or callable
            As in :func:`insight_frames.snapshot`.

        Returns
        -------
        Report
            True only if all is intact; ``.problems`` is a list of messages.
        """
        return verify(self.path, fingerprint=fingerprint, progress=progress)

    def diff(
        self,
        old: Snapshot,
        *,
        keys: Keys | None = None,
        ignore: Sequence[str] = (),
        other_source: bool = False,
        progress: Asked = None,
    ) -> Diff:
        """Tell what changed since an older snapshot; see :func:`insight_frames.diff`."""
        from .difference import compare

        return compare(old, self, keys=keys, ignore=ignore, other_source=other_source, progress=progress)

    def cut(self, path: Any, **words: Unpack[Words]) -> Snapshot:
        """Make a data cut of this snapshot, itself a snapshot; see :func:`insight_frames.cut`."""
        from .cutting import cut_stored

        return cut_stored(self, path, words)

    @property
    def source(self) -> OfflineSource:
        """The folder as a source of streams."""
        return self._source

    def _read(self, question: Question, looks: Looks, chunksize: int | None) -> Any:
        return read(self._source, question, looks, chunksize, _provenance)

    def catalog_of(self, schema: str, name: str | None = None) -> Catalog:
        """Give the tables, columns, keys and comments of a schema as data; it holds the table `name`."""
        self._source.check_schema(schema)
        if name is not None:
            self._source.table(schema, name)
        return self.catalog


def _provenance(stream: Stream) -> dict[str, Any]:
    return dict(stream.provenance)


def open_snapshot(path: str | os.PathLike[str]) -> Snapshot:
    """Open a snapshot folder; see :func:`insight_frames.open_snapshot`.

    A replacement of it that was cut off (power cut, kill) is finished or undone first.
    """
    target = folder.resolve(path)
    folder.settle(target)
    file = target / inventory.NAME
    try:
        text = file.read_text("utf-8", errors="surrogatepass")
    except FileNotFoundError as error:
        what = "The folder is not a snapshot: it has no manifest" if target.is_dir() else "There is no snapshot"
        raise SnapshotError(sentence(what, where=str(target), expected=f"a folder with {inventory.NAME}")) from error
    except (OSError, ValueError) as error:
        raise SnapshotError(
            sentence("The manifest cannot be read", where=str(file), got=type(error).__name__, try_="check its rights")
        ) from error
    return Snapshot(target, inventory.loads(text))
