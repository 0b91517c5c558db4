"""The front door: one connection to a Metabase, which hides the session.

It is lazy: making one sends nothing, the first question logs in. What it can be asked, ``live.py`` tells; the door
beside it, straight to PostgreSQL, is ``direct_connection.py``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from . import credentials
from .credentials import Hidden, Secret
from .live import LiveReader
from .metabase.words import MetabaseWords
from .sources.either import EitherSource
from .sources.metabase import Path
from .wire.address import Timeout
from .wire.compression import Compression
from .wire.http import Http
from .wire.options import PARALLEL, Certificate, Proxies
from .wire.server import Server
from .wire.session import Session

if TYPE_CHECKING:
    import pandas as pd

    from .diagnosis import Report
    from .snapshots import Snapshot
    from .snapshots.cutting import Words


class Connection(LiveReader, MetabaseWords):
    """A Metabase server and one database behind it. Made by :func:`insight_frames.connect`.

    The connection itself is safe to share between threads. It is a context manager; leaving it lets go of sockets and
    keeps the session on the server, :meth:`logout` ends that too.
    """

    _source: EitherSource

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
        self._source = EitherSource(self._server, path=path, statement_bytes=statement_bytes)

    def __repr__(self) -> str:
        if "_session" not in vars(self):  # shown among the local variables of an error in __init__
            return "<Connection that could not be made>"
        return f"<Connection to {self._http.url} as {self._session.who}>"

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

    def doctor(self, *, thorough: bool = False) -> Report:
        """Say what kind of instance this is; see :func:`insight_frames.doctor`."""
        from .diagnosis import examine

        return examine(self._http, self._session, self._server, self._source, thorough=thorough)

    # ------------------------------------------------------------------ what is there, also without SQL
    def list_tables(self, schema: str | None = None) -> pd.DataFrame:
        """List the tables that the account may read; see :func:`insight_frames.list_tables`."""
        if not self._source.without_sql:
            return super().list_tables(schema)
        from .sinks import listing

        listed = self._source.numbered.catalog(schema, fresh=True)
        if schema is not None:
            listed.check_schema(schema)
        return listing.tables(listed.tables.values())

    def describe_table(self, schema: str, name: str) -> pd.DataFrame:
        """Describe a table's columns; see :func:`insight_frames.describe_table`."""
        if not self._source.without_sql:
            return super().describe_table(schema, name)
        from .sinks import listing

        return listing.columns(self._source.numbered.table(schema, name, fresh=True))

    def cut(self, path: Any, **words: Unpack[Words]) -> Snapshot:
        """Take a data cut, itself a snapshot; see :func:`insight_frames.cut`."""
        self._source.need_sql("A data cut")
        return super().cut(path, **words)

    def _known_version(self) -> str | None:
        return self._server.known_version

    def _account(self) -> str | None:
        return self._session.account()
