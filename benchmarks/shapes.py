"""The shapes of data that are measured, and what PostgreSQL itself says about their rows.

Each shape is a schema of its own, made by a script beside this module and dropped after it was measured, so that no
shape's catalogue, disk or cache is another's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from insight_frames.sandbox.postgres import execute
from insight_frames.sandbox.script import read_script

Database = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Shape:
    """One kind of data: the script that makes it, how many rows and tables, how often each table is read."""

    name: str
    about: str
    script: str
    rows: int
    quick: int  # rows of the quick form
    tables: int = 1
    repeat: int = 1
    no_exports: bool = False  # Metabase ends a file at 1,048,575 rows without a word

    @property
    def schema(self) -> str:
        return f"s_{self.name}"

    def small(self) -> Shape:
        """Give the quick form."""
        return replace(self, rows=self.quick, tables=min(self.tables, 4), repeat=min(self.repeat, 2))


@dataclass(frozen=True)
class Target:
    """One table, and what every way of reading it has to bring: rows, values that are not NULL, the sum of its key."""

    schema: str
    name: str
    key: str
    types: dict[str, str]
    rows: int
    values: int
    total: int

    @property
    def sql(self) -> str:
        return f"select * from {self.schema}.{self.name}"


SHAPES = (
    Shape("narrow", "one table like item_data, 12 columns", "narrow.sql", 1_000_000, 3_000),
    Shape("wide", "one table like a form's, 300 columns, nine tenths of it NULL", "wide.sql", 50_000, 200),
    Shape("text", "one table with a text of 4,000 characters in each row", "text.sql", 100_000, 200),
    Shape("many", "120 small tables, all of them read", "many.sql", 5_000, 90, tables=120),
    Shape("hundred", "one table of 12 columns and a hundred rows, read 50 times", "narrow.sql", 100, 100, repeat=50),
    Shape("study", "a snapshot of 43 tables, the largest of 736,000 rows", "study.sql", 3_200_000, 900, tables=43),
    Shape("large", "as narrow", "narrow.sql", 5_000_000, 5_000, no_exports=True),
)


def load(database: Database, shape: Shape) -> tuple[Target, ...]:
    """Make a shape's tables and give them with what PostgreSQL counts in them."""
    variables = {"rows": str(shape.rows), "tables": str(shape.tables), "schema": shape.schema}
    text = Path(__file__).with_name(shape.script).read_text(encoding="utf-8")
    for statement in read_script(text, variables):
        execute(database, statement)
    database.execute("reset search_path")
    names = database.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind = 'r' order by 1",
        (shape.schema,),
    ).fetchall()
    return tuple(_target(database, shape.schema, name) for (name,) in names) * shape.repeat


def drop(database: Database, shape: Shape) -> None:
    """Remove a shape's tables and their disk space."""
    database.execute(f"drop schema {shape.schema} cascade; checkpoint".encode())


def _target(database: Database, schema: str, name: str) -> Target:
    listed = database.execute(
        "select attname, format_type(atttypid, null) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 order by attnum",
        (f"{schema}.{name}",),
    ).fetchall()
    types = {str(column): str(type_) for column, type_ in listed}
    key = next(iter(types))
    counts = "+".join(f"count({column})" for column in types)
    found = database.execute(f"select count(*), {counts}, coalesce(sum({key}), 0) from {schema}.{name}".encode())
    rows, values, total = found.fetchone() or (0, 0, 0)
    return Target(schema, name, key, types, int(rows), int(values), int(total))
