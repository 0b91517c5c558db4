"""Which Metabase this is, which database behind it, and what follows from its version for what we send.

Behaviour is keyed to the version only where a probe would cost more than it tells: how error positions are offset is
measured, whether answers are streamed is known for the versions that do and assumed of no other.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import DatabaseNotFound, QueryFailed, ServerUnavailable, UnsupportedServer, near, sentence
from . import limits
from .answers import EXPORT
from .body import Answer
from .cells import no_list
from .session import Session

OLDEST = 31
KEYS = 49  # the first version with API keys
STREAMING = range(35, 49)  # versions that send rows while PostgreSQL still makes them

_TAG = re.compile(r"^v?[01]\.(\d{1,6})\b")
_PROBE = 'select "insight_frames_probe"'


@dataclass
class Server:
    """One Metabase and one of its databases; everything is asked once, when first needed."""

    session: Session
    wanted: str | int | None = None
    _version: str | None = None
    _database: dict[str, Any] | None = None
    _remark: int | None = None
    _tags: dict[str, Any] = field(default_factory=dict, repr=False)  # what goes with SQL that holds template tags
    _parameters: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def with_tags(self, tags: dict[str, Any], parameters: list[dict[str, Any]]) -> Server:
        """Give the same server, which puts values in the place of template tags in all SQL that it is sent."""
        return replace(self, _tags=tags, _parameters=parameters)

    @property
    def version(self) -> str:
        """The server's own version tag, such as ``v0.47.2``."""
        if self._version is None:
            self._version = self._ask_version()
        return self._version

    @property
    def era(self) -> int | None:
        """The second number of the version; None for a build that does not tell."""
        return era_of(self.version)

    @property
    def streams(self) -> bool:
        """Whether rows are sent as they come; otherwise the answer first stands whole in the server's memory."""
        return self.era in STREAMING

    @property
    def runs_sql(self) -> bool:
        """Whether the account may run SQL on the database, as far as Metabase says; the right itself is seen in use."""
        return bool(self.database.get("native_permissions", "write") == "write")

    @property
    def doubles_question_marks(self) -> bool:
        """Whether an operator with ``?`` must be written ``??`` (prepared statements, up to 0.38)."""
        return self.era is not None and self.era <= 38

    @property
    def database_id(self) -> int:
        """Metabase's number of the database."""
        return int(self.database["id"])

    @property
    def database(self) -> dict[str, Any]:
        """Metabase's entry of the database."""
        if self._database is None:
            _ = self.era  # a server that is too old is named as such first
            self._database = self._find_database()
        return self._database

    def export(self, sql: str, *, small: bool = False) -> Answer:
        """Run a statement, ``small`` if it brings little, and give its JSON export, whose body is still on its way."""
        query: dict[str, Any] = {"database": self.database_id, "type": "native", "native": {"query": sql}}
        if self._tags or self._parameters:
            query["native"]["template-tags"] = self._tags
            query["parameters"] = self._parameters
        return self.session.export(EXPORT, query, small=small)

    def rows(self, sql: str, columns: Collection[str] = ()) -> list[dict[str, str | None]]:
        """Run a small statement whose last row proves its end; all its ``columns`` are text."""
        with self.export(sql, small=True) as answer:
            data = limits.document(answer.pieces(), answer.where, limits.LISTING)
            try:
                got = limits.parsed(data)
            except ValueError:
                got = None
            if not isinstance(got, list):
                raise no_list(data, answer.where)
            if not all(isinstance(one, dict) and set(columns) <= set(one) for one in got):
                raise ServerUnavailable(
                    sentence(
                        "This does not answer like Metabase",
                        where=answer.where,
                        expected=f"rows with the columns {', '.join(columns)}",
                        try_="check the URL",
                    )
                )
            return got

    def remark(self) -> int:
        """How many characters the server puts in front of our SQL, measured by an error at a known place."""
        if self._remark is None:
            try:
                self.rows(_PROBE)
            except QueryFailed as error:
                self._remark = 0 if error.position is None else error.position - _PROBE.index('"') - 1
            else:
                self._remark = 0
        return self._remark

    def _ask_version(self) -> str:
        tag = tag_of(self.session.get("/api/session/properties"))
        found = _TAG.match(tag)
        if found and int(found[1]) < OLDEST:
            raise UnsupportedServer(
                sentence("This Metabase is too old", expected=f"0.{OLDEST} or newer", got=tag, try_="an update of it")
            )
        if found and int(found[1]) < KEYS and self.session.by_key:
            raise UnsupportedServer(
                sentence("This Metabase knows no API keys", expected=f"0.{KEYS} or newer", got=tag, try_="a user name")
            )
        return tag

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


def tag_of(properties: Any) -> str:
    """Find the version's tag in what the server tells of itself."""
    version = properties.get("version") if isinstance(properties, dict) else None
    tag = version.get("tag") if isinstance(version, dict) else None
    if isinstance(tag, str):
        return tag
    raise ServerUnavailable(
        sentence("This does not answer like Metabase", where="GET /api/session/properties", try_="check the URL")
    )


def era_of(tag: str) -> int | None:
    """Give the second number of a version; None for a build that does not tell.

    >>> era_of("v1.49.3"), era_of("vLOCAL_DEV")
    (49, None)
    """
    found = _TAG.match(tag)
    return int(found[1]) if found else None


def _is_postgres(entry: Any) -> bool:
    """Whether this is an entry of a PostgreSQL database."""
    found = isinstance(entry, dict) and entry.get("engine") == "postgres"
    return found and type(entry.get("id")) is int and isinstance(entry.get("name"), str)
