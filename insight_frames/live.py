"""What can be asked of a live database, by whichever door: tables, queries, snapshots, cuts.

A connection says where its rows come from and who it is; everything else is the same for all, so that a script does not
change with the door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Unpack

from . import study
from .catalog import Catalog
from .question import Key, OutOfRange, Question, sql_question, table_question
from .reading import Backend, Looks, numbers_for, read
from .reading import Source as Rows
from .stream import Stream

if TYPE_CHECKING:
    import pandas as pd

    from .clinical.choices import Given, How
    from .dbapi import Cursor
    from .progress import Asked
    from .snapshots import Consistency, Snapshot
    from .snapshots.cutting import Words
    from .snapshots.freeze import Source as Tables

    class Source(Rows, Tables, Protocol):
        """Whoever answers questions about a live database."""

        def catalog(self, schema: str | None = None, *, fresh: bool = False) -> Catalog:
            """Give the catalogue of one schema, of all if None."""
            ...

        def check(self, question: Question) -> None:
            """Raise what is wrong with the SQL in a question as it stands."""
            ...


class LiveReader:
    """Reads a live database. Who inherits sets ``_source`` and says address, version and account."""

    _source: Source

    @property
    def url(self) -> str:
        """The server's address."""
        raise NotImplementedError

    @property
    def server_version(self) -> str:
        """The server's own version (asks it the first time)."""
        raise NotImplementedError

    def _account(self) -> str | None:
        """Say for a manifest who has read."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        from html import escape

        return f"<code>{escape(repr(self))}</code>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection cannot be pickled: it holds secrets; connect(...) in the process that uses it")

    # ------------------------------------------------------------------ what is there
    def list_schemas(self) -> pd.DataFrame:
        """List the schemas that the account may use; see :func:`insight_frames.list_schemas`."""
        from .sinks import listing

        catalog = self._source.catalog(fresh=True)
        return listing.schemas(catalog.schemas, catalog.tables.values())

    def list_tables(self, schema: str | None = None) -> pd.DataFrame:
        """List the tables that the account may read; see :func:`insight_frames.list_tables`."""
        from .sinks import listing

        catalog = self._source.catalog(schema, fresh=True)
        if schema is not None:
            catalog.check_schema(schema)
        return listing.tables(one for one in catalog.tables.values() if schema in (None, one.schema))

    def describe_table(self, schema: str, name: str) -> pd.DataFrame:
        """Describe a table's columns; see :func:`insight_frames.describe_table`."""
        return study.describe(self, self._source.catalog(schema, fresh=True).table(schema, name))

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
        """Read a table; see :func:`insight_frames.read_table`."""
        question = table_question(
            schema,
            name,
            columns=columns,
            where=where,
            params=params,
            order_by=order_by,
            limit=limit,
            numbers=numbers_for(coerce_float, dtype_backend),
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
        """Run a query; see :func:`insight_frames.read_sql`."""
        question = sql_question(
            sql, params=params, numbers=numbers_for(coerce_float, dtype_backend), out_of_range=out_of_range
        )
        looks = Looks(index_col, dtype, dtype_backend, parse_dates, coerce_float)
        return self._read(question, looks, chunksize)

    def cursor(self) -> Cursor:
        """Give a DB-API 2.0 cursor, for ``pd.read_sql(sql, connection)`` and other programs that ask for one."""
        from .dbapi import Cursor

        return Cursor(self._source)

    def commit(self) -> None:
        """Do nothing: a connection that only reads has nothing to commit; DB-API 2.0 asks for the word."""

    def rollback(self) -> None:
        """Do nothing, for the same reason."""

    def _read(self, question: Question, looks: Looks, chunksize: int | None) -> Any:
        self._source.check(question)
        return read(self._source, question, looks, chunksize, self._provenance)

    def _provenance(self, stream: Stream) -> dict[str, Any]:
        return {"server": self.url, "server_version": self._known_version(), **stream.provenance}

    def _known_version(self) -> str | None:
        """Give the server's version for a frame, None where it would have to be asked for."""
        return self.server_version

    def catalog_of(self, schema: str, name: str | None = None) -> Catalog:
        """Give the tables, columns, keys and comments of a schema as data; it holds the table `name`."""
        if name is not None:
            self._source.table(schema, name)
        return self._source.catalog(schema)

    # ------------------------------------------------------------------ snapshots
    def snapshot(
        self,
        path: Any,
        *,
        schemas: str | Sequence[str] | None = None,
        tables: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        overwrite: bool = False,
        consistency: Consistency | None = None,
        progress: Asked = None,
    ) -> Snapshot:
        """Write tables to Parquet as of one moment; see :func:`insight_frames.snapshot`."""
        from .snapshots import freeze

        return freeze(
            self._source,
            path,
            schemas=schemas,
            tables=tables,
            exclude=exclude,
            overwrite=overwrite,
            consistency=consistency,
            progress=progress,
            info=self._origin,
        )

    def cut(self, path: Any, **words: Unpack[Words]) -> Snapshot:
        """Take a data cut, itself a snapshot; see :func:`insight_frames.cut`."""
        from .snapshots.cutting import cut_live

        return cut_live(self, self._source, path, self._origin(), words)

    def _origin(self) -> dict[str, Any]:
        return {"server": self.url, "server_version": self.server_version, "user": self._account()}
