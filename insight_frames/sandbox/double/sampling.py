"""What a sample of rows tells about a table's fields: how many distinct values, how many missing, what they look like.

The counting is left to PostgreSQL (one statement a table, 10,000 rows at most). Where a real server's own reading of
the rows fails, it learns nothing; those failures are repeated here, because they decide which fields become categories.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from . import catalog
from .fieldtypes import isa

if TYPE_CHECKING:
    from .app import App
    from .sync import Field, Table

ROWS = 10_000
CATEGORY = 30  # as many distinct values or fewer make a category
_AT_ONCE = 200  # fields in one statement: PostgreSQL gives at most 1,664 columns, and each takes seven
_PARTS = 7
_JSON = r"^\s*[\[{].*[\]}]\s*$"
_URL = r"^https?://[^\s]+\.[^\s]+"
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_HUGE = r"^(NaN|-?Infinity)$|e\+(1[5-9]|[23]\d)\d$"  # no number, or one whose square is none


@dataclass
class Sample:
    """Counts over the sampled rows of one field."""

    rows: int
    distinct: int
    missing: int
    length: float | None = None  # of texts, on average, a missing one counting as empty
    meaning: str | None = None

    def fingerprint(self) -> dict[str, Any]:
        """The counts in the shape of a field's ``fingerprint``."""
        made: dict[str, Any] = {"global": {"distinct-count": self.distinct, "nil%": self.missing / self.rows}}
        if self.length is not None:
            made["type"] = {"type/Text": {"average-length": self.length}}
        return made


def sample(app: App, table: Table, fields: list[Field]) -> list[tuple[Field, Sample | None]] | None:
    """Each of ``fields`` that is worth sampling with its counts; none for a table that is empty or closed.

    None where the table could not be read just now: somebody holds it, or a view over it fails.
    """
    wanted = [one for one in fields if not one.primary]
    if not table.readable or not wanted:
        return []
    counts: list[tuple[Any, ...]] = []
    try:
        with catalog.connect(table.database.dsn, table.database.role) as conn:
            for start in range(0, len(wanted), _AT_ONCE):
                part = wanted[start : start + _AT_ONCE]
                row = conn.execute(_statement(app.era, table, part)).fetchone() or (0,)
                if row[0] == 0:
                    return []
                counts += [(row[0], *row[1 + at : 1 + at + _PARTS]) for at in range(0, len(part) * _PARTS, _PARTS)]
    except psycopg.Error:
        return None
    if app.era < 34 and any(_unreadable(one, count) for one, count in zip(wanted, counts, strict=True)):
        return []
    return [(one, _judge(app.era, one, count)) for one, count in zip(wanted, counts, strict=True)]


def _statement(era: int, table: Table, fields: list[Field]) -> sql.Composed:
    parts: list[sql.Composable] = [sql.SQL("count(*)")]
    for one in fields:
        name = _value(one)
        text = isa(one.base_type, "Text")
        looks = (_JSON, _URL, _EMAIL) if text else ()
        parts += [
            sql.SQL("count(DISTINCT {}::text)").format(name),
            sql.SQL("count({})").format(name),
            sql.SQL("coalesce(sum(length({}::text)), 0)").format(name),
            *(sql.SQL("count(*) FILTER (WHERE {}::text ~ {})").format(name, sql.Literal(pattern)) for pattern in looks),
            *([sql.SQL("0")] * (3 - len(looks))),
            sql.SQL("bool_or({}::text ~ {})").format(name, sql.Literal(_HUGE)) if era < 34 else sql.SQL("false"),
        ]
    source = sql.Identifier(table.schema, table.name)
    return sql.SQL("SELECT {} FROM (SELECT * FROM {} LIMIT {}) q").format(
        sql.SQL(", ").join(parts), source, sql.Literal(ROWS)
    )


def _value(field: Field) -> sql.Composable:
    if field.nfc_path is None:
        return sql.Identifier(field.name)
    column, *way = field.nfc_path
    return sql.SQL("({} #>> {}::text[])").format(sql.Identifier(column), sql.Literal(way))


def _unreadable(field: Field, count: tuple[Any, ...]) -> bool:
    """Values that make 0.31 give up on the whole table."""
    numeric_nan = field.database_type == "numeric" and bool(count[7])
    return numeric_nan or field.database_type == "money" or (field.database_type == "bit" and count[3] > count[2])


def _judge(era: int, field: Field, count: tuple[Any, ...]) -> Sample | None:
    rows, distinct, present, length, json, url, email, special = count
    if era < 47 and (field.database_type == "pg_lsn" or (field.database_type == "bit" and length > present)):
        return None
    if era < 34 and (field.base_type == "type/*" or (special and isa(field.base_type, "Number"))):
        return None
    text = isa(field.base_type, "Text")
    made = Sample(rows, distinct + (present < rows), rows - present, int(length) / rows if text else None)
    if field.meaning is not None or present == 0:
        return made
    if text and max(json, url, email) / rows >= 0.95:
        best = max((json, "SerializedJSON"), (url, "URL"), (email, "Email"))
        made.meaning = f"type/{best[1]}"
    elif (
        made.distinct <= CATEGORY and _may_be_category(era, field.base_type) and not (era < 34 and text and not length)
    ):
        made.meaning = "type/Category"
    return made


def _may_be_category(era: int, base: str) -> bool:
    return not (isa(base, "Temporal", "Collection") or (era >= 34 and isa(base, "Float")))


def likely_meaning(era: int, field: Field) -> str | None:
    """What a field of few values would be taken for, where its rows are out of reach."""
    if field.base_type == "type/*" and era < 34:
        return None
    return "type/Category" if _may_be_category(era, field.base_type) else None
