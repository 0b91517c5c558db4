"""The catalogue that a live source keeps, and when it asks for it again: what is not in it may be newer than it."""

from __future__ import annotations

from collections.abc import Sequence

from .. import catalog as catalog_
from .. import sql
from ..catalog import Catalog, Column, Table
from ..errors import NotFound, PermissionDenied
from ..question import Question
from ..wire.cells import readable
from . import plan
from .locate import Asked

CATALOG_TRIES = 3  # what is exchanged while the catalogue is read shows half of itself: better read again


class KnownTables:
    """What the account sees of one database behind a server."""

    def __init__(self, server: Asked) -> None:
        self.server = server
        self._catalogs: dict[str | None, Catalog] = {}

    def read_catalog(self, schemas: Sequence[str] | None) -> Catalog:
        """Ask for the catalogue of some schemas, of all if None."""
        literals = None if schemas is None else [sql.string_literal(one) for one in schemas]
        for _ in range(CATALOG_TRIES):
            got = self.server.rows(catalog_.statement(literals), ("t", "n", "d"))
            with readable("the catalogue"):
                found = catalog_.parse((one["t"], one["n"], one["d"] or None) for one in got)
            if found.settled:
                break
        return found

    def catalog(self, schema: str | None = None, *, fresh: bool = False) -> Catalog:
        """Read what the account sees of one schema (of all: None); kept until the server's shape is seen to differ."""
        return self._by_sql(schema, fresh=fresh)

    def _by_sql(self, schema: str | None, *, fresh: bool = False) -> Catalog:
        """Give the catalogue that statements are made of."""
        if fresh:
            self._catalogs.pop(None, None)
            self._catalogs.pop(schema, None)
        known = self._catalogs.get(None) or self._catalogs.get(schema)
        if known is None:
            known = self.read_catalog(None if schema is None else [schema])
            self._catalogs[schema] = known
        return known

    def table(self, schema: str, name: str) -> Table:
        """Find one table in the catalogue at hand, or in a fresh one."""
        had = self._catalogs.get(None) or self._catalogs.get(schema)
        try:
            return self._by_sql(schema).table(schema, name)
        except NotFound:
            if had is None:
                raise
        return self._by_sql(schema, fresh=True).table(schema, name)

    def check(self, question: Question) -> None:
        """Raise what is wrong with the SQL in a question as it stands; nothing is sent."""
        if question.sql is not None:
            sql.render(question.sql, question.params)
        elif question.where is not None:
            sql.condition(question.where, question.params)

    def _known(self, question: Question, *, fresh: bool) -> tuple[Catalog, Table, tuple[Column, ...]]:
        """Find a table and the columns asked for; what is not there may be newer than the catalogue at hand."""
        schema, name = question.schema or "", question.name or ""
        had = None if fresh else self._catalogs.get(None) or self._catalogs.get(schema)
        catalog = self._by_sql(schema, fresh=fresh)
        try:
            table = catalog.table(schema, name)
            return catalog, table, plan.wanted_columns(table, question)
        except (NotFound, PermissionDenied):
            if catalog is not had:
                raise
        return self._known(question, fresh=True)
