"""A Metabase server with SQL or without: which of the two ways an account takes, and what it cannot have.

Packed statements need the right to run SQL. Who lacks it reads single tables by their number, with the same words and
the same promises; what needs one statement over several tables is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..catalog import Catalog, Table
from ..errors import PermissionDenied, sentence
from ..question import Question
from ..stream import Stream
from ..wire.server import Server
from .metabase import MetabaseSource, Path
from .numbered import NumberedTables


class EitherSource(MetabaseSource):
    """One database behind one Metabase, for an account that may run SQL, or may not."""

    def __init__(self, server: Server, *, path: Path = "auto", statement_bytes: int | None = None) -> None:
        super().__init__(server, path=path, statement_bytes=statement_bytes)
        self.numbered = NumberedTables(server)

    @property
    def without_sql(self) -> bool:
        """Whether tables are asked for by their number: the account may not run SQL, or ``path="mbql"`` says so."""
        return self._path == "mbql" or (self._path == "auto" and not self.server.runs_sql)

    def catalog(self, schema: str | None = None, *, fresh: bool = False) -> Catalog:
        """Read the catalogue; without SQL that of all schemas has no columns."""
        if self.without_sql:
            return self.numbered.catalog(schema, fresh=fresh, deep=schema is not None)
        return super().catalog(schema, fresh=fresh)

    def table(self, schema: str, name: str) -> Table:
        """Find one table in the catalogue at hand, or in a fresh one."""
        return self.numbered.table(schema, name) if self.without_sql else super().table(schema, name)

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the rows asked for; nothing is left open behind it."""
        if question.sql is None and self.without_sql:
            with self.numbered.open(question) as stream:
                yield stream
        else:
            with super().open(question) as stream:
                yield stream

    def read_catalog(self, schemas: Sequence[str] | None) -> Catalog:
        """Read the catalogue that a snapshot is taken by; PermissionDenied without SQL."""
        self.need_sql("A snapshot")
        return super().read_catalog(schemas)

    def need_sql(self, what: str) -> None:
        """PermissionDenied if the account may not run SQL, which several tables of one moment need."""
        if self.without_sql:
            raise PermissionDenied(
                sentence(
                    f"{what} needs the right to run SQL",
                    where=self.server.session.who,
                    expected="one statement over all tables, which sees one moment",
                    got="tables that are read one after the other, so that nothing proves that they belong together",
                    try_="read_table() for single tables, or ask an administrator of Insight for native queries",
                )
            )
