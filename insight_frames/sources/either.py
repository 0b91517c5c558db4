"""A Metabase server with SQL or without: which of the two ways an account takes, and what it cannot have.

Packed statements need the right to run SQL. Who lacks it reads single tables by their number, with the same words and
the same promises; what needs one statement over several tables is refused by name. Where the database's number is
given, nobody asks Metabase for the right: it is seen in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, TypeVar

from ..catalog import Catalog, Table
from ..errors import PermissionDenied, sentence
from ..question import Question
from ..stream import Stream
from .metabase import MetabaseSource

if TYPE_CHECKING:
    from .numbered import NumberedTables

Got = TypeVar("Got")


class EitherSource(MetabaseSource):
    """One database behind one Metabase, for an account that may run SQL, or may not."""

    @cached_property
    def numbered(self) -> NumberedTables:
        """The same database, asked by number."""
        from .numbered import NumberedTables

        return NumberedTables(self.server)

    @property
    def without_sql(self) -> bool:
        """Whether tables are asked for by their number: the account may not run SQL, or ``path="mbql"`` says so."""
        return self._path == "mbql" or (self._path == "auto" and not self.server.runs_sql)

    def catalog(self, schema: str | None = None, *, fresh: bool = False) -> Catalog:
        """Read the catalogue; without SQL that of all schemas has no columns."""
        return self._either(
            lambda: self._by_sql(schema, fresh=fresh),
            lambda: self.numbered.catalog(schema, fresh=fresh, deep=schema is not None),
        )

    def table(self, schema: str, name: str) -> Table:
        """Find one table in the catalogue at hand, or in a fresh one."""
        by_sql = super().table
        return self._either(lambda: by_sql(schema, name), lambda: self.numbered.table(schema, name))

    @contextmanager
    def open(self, question: Question) -> Iterator[Stream]:
        """Open a stream of the rows asked for; nothing is left open behind it."""
        by_sql = super().open
        with ExitStack() as stack:
            if question.sql is not None:
                yield stack.enter_context(by_sql(question))
            else:
                yield self._either(
                    lambda: stack.enter_context(by_sql(question)),
                    lambda: stack.enter_context(self.numbered.open(question)),
                )

    def read_catalog(self, schemas: Sequence[str] | None) -> Catalog:
        """Read the catalogue that a snapshot is taken by; PermissionDenied without SQL."""
        by_sql = super().read_catalog

        def refused() -> NoReturn:
            raise self._no_sql("A snapshot")

        return self._either(lambda: by_sql(schemas), refused)

    def _either(self, by_sql: Callable[[], Got], by_number: Callable[[], Got]) -> Got:
        """Ask by SQL, or by number for an account that may not: which is known, or is seen in use."""
        seen_in_use = self._path == "auto" and self.server.seen_in_use
        if seen_in_use or not self.without_sql:
            try:
                return by_sql()
            except PermissionDenied:
                if not seen_in_use or not self.without_sql:
                    raise
        return by_number()

    def need_sql(self, what: str) -> None:
        """PermissionDenied if the account may not run SQL, which several tables of one moment need."""
        if self.without_sql:
            raise self._no_sql(what)

    def _no_sql(self, what: str) -> PermissionDenied:
        return PermissionDenied(
            sentence(
                f"{what} needs the right to run SQL",
                where=self.server.session.who,
                expected="one statement over all tables, which sees one moment",
                got="tables that are read one after the other, so that nothing proves that they belong together",
                try_="read_table() for single tables, or ask an administrator of Insight for native queries",
            )
        )
