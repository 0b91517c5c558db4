"""Which Metabase this is, which database behind it, and what follows from its version for what we send.

What a first read does not need is not asked: the version only where something depends on it, the list of databases only
where no number was given. What an answer shows by itself (a layout, a refusal) tells the rest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import (
    DatabaseNotFound,
    InsightError,
    NotFound,
    PermissionDenied,
    QueryFailed,
    ServerUnavailable,
    near,
    sentence,
)
from . import limits
from .answers import EXPORT
from .body import Answer
from .cells import no_list
from .session import Session
from .version import PROPERTIES, STREAMING, check, era_of, tag_of

_PROBE = 'select "insight_frames_probe"'
_ROWS_ON_LINES = b"[\n"  # how a list of rows begins from 0.35 on
_SINCE_34 = 202  # the status of an export in 0.34 and 0.35, and in no version before


@dataclass
class _Known:
    """What has been learned so far, by whichever copy of a server; ``ran`` is whether a statement of ours has run."""

    version: str | None = None
    database: dict[str, Any] | None = None
    remark: int | None = None
    ran: bool = False


@dataclass
class Server:
    """One Metabase and one of its databases; everything is asked once, when first needed."""

    session: Session
    wanted: str | int | None = None
    _known: _Known = field(default_factory=_Known, repr=False)
    _tags: dict[str, Any] = field(default_factory=dict, repr=False)  # what goes with SQL that holds template tags
    _parameters: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def with_tags(self, tags: dict[str, Any], parameters: list[dict[str, Any]]) -> Server:
        """Give the same server, which puts values in the place of template tags in all SQL that it is sent."""
        return replace(self, _tags=tags, _parameters=parameters)

    @property
    def version(self) -> str:
        """The server's own version tag, such as ``v0.47.2``."""
        if self._known.version is None:
            self._known.version = check(tag_of(self.session.get(PROPERTIES)), by_key=self.session.by_key)
        return self._known.version

    @property
    def known_version(self) -> str | None:
        """The version if it has been asked for."""
        return self._known.version

    @property
    def era(self) -> int | None:
        """The second number of the version; None for a build that does not tell."""
        return era_of(self.version)

    @property
    def streams(self) -> bool:
        """Whether rows are sent as they come; otherwise the answer first stands whole in the server's memory."""
        return self.era in STREAMING

    @property
    def seen_in_use(self) -> bool:
        """Whether nobody has told yet if the account may run SQL: the number was given, and nothing has run."""
        return type(self.wanted) is int and self._known.database is None and not self._known.ran

    @property
    def runs_sql(self) -> bool:
        """Whether the account may run SQL on the database, as far as Metabase says; the right itself is seen in use."""
        return self._known.ran or self.database.get("native_permissions", "write") == "write"

    def doubles_question_marks(self, text: str | None) -> bool:
        """Whether an operator with ``?`` in this SQL must be written ``??`` (prepared statements, up to 0.38)."""
        return "?" in (text or "") and self.era is not None and self.era <= 38

    @property
    def database_id(self) -> int:
        """Metabase's number of the database."""
        if type(self.wanted) is int and self._known.ran:
            return self.wanted
        return int(self.database["id"])

    @property
    def database(self) -> dict[str, Any]:
        """Metabase's entry of the database."""
        if self._known.database is None:
            self._known.database = self._find_database()
        return self._known.database

    def export(self, sql: str, *, small: bool = False) -> Answer:
        """Run a statement, ``small`` if it brings little, and give its JSON export, whose body is still on its way."""
        number = self.wanted if type(self.wanted) is int else self.database_id
        query: dict[str, Any] = {"database": number, "type": "native", "native": {"query": sql}}
        if self._tags or self._parameters:
            query["native"]["template-tags"] = self._tags
            query["parameters"] = self._parameters
        return self.session.export(EXPORT, query, small=small)

    def rows(self, sql: str, columns: Collection[str] = ()) -> list[dict[str, str | None]]:
        """Run a small statement whose last row proves its end; all its ``columns`` are text."""
        try:
            got, old = self._rows(sql, columns)
        except (NotFound, PermissionDenied, QueryFailed):
            self._check_number()
            raise
        if old:
            _ = self.version  # one that is too old is named as such
        self._known.ran = True
        return got

    def _rows(self, sql: str, columns: Collection[str]) -> tuple[list[dict[str, str | None]], bool]:
        """Give the rows, and whether the answer looks like that of a server before 0.34."""
        with self.export(sql, small=True) as answer:
            where, status = answer.where, answer.status
            data = limits.document(answer.pieces(), where, limits.LISTING)
        try:
            got = limits.parsed(data)
        except ValueError:
            got = None
        if not isinstance(got, list):
            raise no_list(data, where)
        if not all(isinstance(one, dict) and set(columns) <= set(one) for one in got):
            raise ServerUnavailable(
                sentence(
                    "This does not answer like Metabase",
                    where=where,
                    expected=f"rows with the columns {', '.join(columns)}",
                    try_="check the URL",
                )
            )
        return got, not data.startswith(_ROWS_ON_LINES) and status != _SINCE_34

    def _check_number(self) -> None:
        """DatabaseNotFound if the number that was given, and not looked up so far, is none of a database to be seen."""
        if self.seen_in_use:
            try:
                _ = self.database
            except DatabaseNotFound:
                raise
            except InsightError:  # the first error is the one to tell
                pass

    def remark(self) -> int:
        """How many characters the server puts in front of our SQL, measured by an error at a known place."""
        if self._known.remark is None:
            try:
                self.rows(_PROBE)
            except QueryFailed as error:
                self._known.remark = 0 if error.position is None else error.position - _PROBE.index('"') - 1
            else:
                self._known.remark = 0
        return self._known.remark

    def _find_database(self) -> dict[str, Any]:
        listed = self.session.get("/api/database")
        listed = listed.get("data", listed) if isinstance(listed, dict) else listed
        if not isinstance(listed, list):
            raise ServerUnavailable(
                sentence("This does not answer like Metabase", where="GET /api/database", try_="check the URL")
            )
        known: list[dict[str, Any]] = [one for one in listed if _is_postgres(one)]
        if self.wanted is not None:
            found = [one for one in known if self.wanted in (one["name"], one["id"], str(one["id"]))]
            if not found:
                raise DatabaseNotFound(self._unknown(known))
            return found[0]
        if len(known) == 1:
            return known[0]
        raise DatabaseNotFound(
            sentence(
                f"{len(known)} PostgreSQL databases are visible" if known else "No PostgreSQL database is visible",
                expected="one",
                got=", ".join(repr(one["name"]) for one in known),
                try_="connect(..., database=<name>)" if known else "another account, or ask for the right to see it",
            )
        )

    def _unknown(self, known: list[dict[str, Any]]) -> str:
        names = [str(one["name"]) for one in known]
        return sentence(
            f"There is no PostgreSQL database {self.wanted!r} that this account may see",
            got=", ".join(map(repr, names)) or "none",
            try_=near(str(self.wanted), names) or "one of these names",
        )


def _is_postgres(entry: Any) -> bool:
    """Whether this is an entry of a PostgreSQL database."""
    found = isinstance(entry, dict) and entry.get("engine") == "postgres"
    return found and type(entry.get("id")) is int and isinstance(entry.get("name"), str)
