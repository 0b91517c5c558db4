"""One connection: hides the session, keeps the catalogue, and gives frames.

It is lazy: making one sends nothing, the first question logs in. It knows sources and sinks, which do not know each
other, and adds nothing to what they promise.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

from . import credentials, study
from .catalog import Catalog
from .clinical.choices import Given, How
from .credentials import Hidden, Secret
from .metabase.words import MetabaseWords
from .progress import Asked
from .question import Key, Numbers, OutOfRange, Question, sql_question, table_question
from .reading import Backend, Looks, read
from .sinks import listing
from .sources.metabase import MetabaseSource, Path
from .stream import Stream
from .wire.address import Timeout
from .wire.compression import Compression
from .wire.http import Http
from .wire.options import PARALLEL, Certificate, Proxies
from .wire.server import Server
from .wire.session import Session

if TYPE_CHECKING:
    import pandas as pd

    from .snapshots import Consistency, Snapshot
    from .snapshots.cutting import Words


class Connection(MetabaseWords):
    """A Metabase server and one database behind it. Made by :func:`insight_frames.connect`.

    The connection itself is safe to share between threads. It is a context manager; leaving it lets go of sockets and
    keeps the session on the server, :meth:`logout` ends that too.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        username: str | None = None,
        password: str | Secret | None = None,
        api_key: str | Secret | None = None,
        session_id: str | Secret | None = None,
        database: str | int | None = None,
        profile: str | None = None,
        netrc: bool | str | os.PathLike[str] = False,
        prompt: bool = True,
        keep_session: bool | None = None,
        allow_http: bool = False,
        timeout: float | Timeout = (10.0, 600.0),
        verify: bool | str | os.PathLike[str] = True,
        cert: Certificate | None = None,
        proxies: Proxies | None = None,
        headers: Mapping[str, str] | None = None,
        parallel: int = PARALLEL,
        compression: Compression = "auto",
        path: Path = "auto",
        statement_bytes: int | None = None,
    ) -> None:
        way: Hidden[str, Any] = Hidden(timeout=timeout, verify=verify, cert=cert, proxies=proxies, headers=headers)
        proxies = headers = None  # no traceback is to show a local variable of ours
        found = credentials.find(
            url,
            username=username,
            password=(password := credentials.hide(password)),
            api_key=(api_key := credentials.hide(api_key)),
            session_id=(session_id := credentials.hide(session_id)),
            database=database,
            profile=profile,
            netrc=netrc,
            prompt=prompt,
        )
        self._http = Http(found.url, parallel=parallel, compression=compression, **way)
        self._session = Session(self._http, found, keep=credentials.keeps(keep_session), allow_http=allow_http)
        self._server = Server(self._session, found.database)
        self._source = MetabaseSource(self._server, path=path, statement_bytes=statement_bytes)

    def __repr__(self) -> str:
        if "_session" not in vars(self):  # shown among the local variables of an error in __init__
            return "<Connection that could not be made>"
        return f"<Connection to {self._http.url} as {self._session.who}>"

    def _repr_html_(self) -> str:
        return f"<code>{escape(repr(self))}</code>"

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._http.url

    @property
    def server_version(self) -> str:
        """Metabase's own version tag, such as ``v0.47.2`` (asks the server the first time)."""
        return self._server.version

    def close(self) -> None:
        """Let go of sockets; the connection opens new ones if it is used again."""
        self._session.close()

    def login(self) -> None:
        """Log in now, although there may be a session, and keep the new one; without it the first question logs in."""
        self._session.renew()

    def logout(self) -> bool:
        """End the session on the server, also for other processes that share it; False if there was none."""
        return self._session.end()

    def whoami(self) -> dict[str, Any]:
        """Ask the server whom it takes us for: a dict of ``username``, ``name``, ``administrator`` and ``by``."""
        return self._session.whoami()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Connection cannot be pickled: it holds secrets; connect(...) in the process that uses it")

    # ------------------------------------------------------------------ what is there
    def list_schemas(self) -> pd.DataFrame:
        """List the schemas that the account may use; see :func:`insight_frames.list_schemas`."""
        catalog = self._source.catalog(fresh=True)
        return listing.schemas(catalog.schemas, catalog.tables.values())

    def list_tables(self, schema: str | None = None) -> pd.DataFrame:
        """List the tables that the account may read; see :func:`insight_frames.list_tables`."""
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
            numbers=_numbers(coerce_float, dtype_backend),
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
            sql, params=params, numbers=_numbers(coerce_float, dtype_backend), out_of_range=out_of_range
        )
        looks = Looks(index_col, dtype, dtype_backend, parse_dates, coerce_float)
        return self._read(question, looks, chunksize)

    def _read(self, question: Question, looks: Looks, chunksize: int | None) -> Any:
        self._source.check(question)
        return read(self._source, question, looks, chunksize, self._provenance)

    def _provenance(self, stream: Stream) -> dict[str, Any]:
        return {"server": self.url, "server_version": self._server.version, **stream.provenance}

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
            info=lambda: {
                "server": self.url,
                "server_version": self._server.version,
                "user": self._session.account(),
            },
        )

    def cut(self, path: Any, **words: Unpack[Words]) -> Snapshot:
        """Take a data cut, itself a snapshot; see :func:`insight_frames.cut`."""
        from .snapshots.cutting import cut_live

        info = {"server": self.url, "server_version": self._server.version, "user": self._session.account()}
        return cut_live(self, self._source, path, info, words)


def _numbers(coerce_float: bool, dtype_backend: str | None) -> Numbers:
    """How ``numeric`` is to travel: Arrow's decimals only where the frame is to hold them, because they hold no NaN."""
    return "float" if coerce_float else "exact" if dtype_backend == "pyarrow" else "digits"
