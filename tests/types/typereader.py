"""Reads a query as the product does (one packed line a row, pyarrow.csv, `finish`), through psycopg instead of HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv as pcsv
from typecases import Case

from insight_frames.pgtypes import PgType, Reading, field, pg_type, reading

Connection = psycopg.Connection[tuple[Any, ...]]
MakeTable = Callable[[str, Sequence[str]], str]
BEFORE_3 = int(pd.__version__.split(".")[0]) < 3

TYPES = """
create type colour as enum ('red', 'green', 'blue', 'NULL', 'a "b", c');
create type pair as (number int, words text);
create domain site as varchar(3) check (value <> 'xxx');
create domain dose as numeric(6,2) not null;
create domain choice as colour;
create table "Odd ""Name" (id int);
"""


def types_of(connection: Connection, relation: str) -> list[tuple[str, PgType, bool]]:
    """Name, type and NOT NULL of every column, from the catalogue."""
    rows = connection.execute(
        """select a.attname, format_type(a.atttypid, a.atttypmod), t.typtype,
             case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
             (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e
               where e.enumtypid in (t.oid, t.typbasetype, t.typelem)), a.attnotnull
           from pg_attribute a join pg_type t on t.oid = a.atttypid
           where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum""",
        [relation],
    ).fetchall()
    return [
        (name, pg_type(text, typtype=typtype, base=base, labels=labels or ()), not_null)
        for name, text, typtype, base, labels, not_null in rows
    ]


def read_csv(lines: str, columns: Sequence[Reading]) -> list[pa.ChunkedArray]:
    """Parse packed lines and finish every column."""
    names = ["first", *(f"c{i}" for i in range(len(columns))), "last"]
    table = pcsv.read_csv(
        io.BytesIO(lines.encode()),
        read_options=pcsv.ReadOptions(column_names=names, use_threads=False),
        parse_options=pcsv.ParseOptions(newlines_in_values=True),
        convert_options=pcsv.ConvertOptions(
            column_types={f"c{i}": how.csv_type for i, how in enumerate(columns)},
            include_columns=names[1:-1],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return [how.finish(table[f"c{i}"]) for i, how in enumerate(columns)]


def packed_lines(connection: Connection, relation: str, expressions: Sequence[str], order: str = "") -> str:
    """The rows as PostgreSQL packs them, backslashes undone."""
    row = f"row(0,{','.join([*expressions, '0'])})::text||E'\\n'"
    rows = connection.execute(f"select {row} from {relation} t {order}".encode()).fetchall()
    return "".join(line[1:-2] + "\n" for (line,) in rows).replace("\\\\", "\\")


def read_packed(connection: Connection, relation: str, order: str = "", **how: Any) -> pa.Table:
    """Read a whole table by its packed lines."""
    columns = types_of(connection, relation)
    readings = [reading(type_, **how) for _, type_, _ in columns]
    lines = packed_lines(connection, relation, _expressions(columns, readings), order)
    schema = _schema(columns, readings)
    if not lines:
        return schema.empty_table()
    return pa.Table.from_arrays(read_csv(lines, readings), schema=schema)


def read_strings(connection: Connection, relation: str, order: str = "", **how: Any) -> pa.Table:
    """Read a whole table by the text of every expression, the slower path."""
    columns = types_of(connection, relation)
    readings = [reading(type_, **how) for _, type_, _ in columns]
    texts = ",".join(f"({one})::text" for one in _expressions(columns, readings))
    rows = connection.execute(f"select {texts} from {relation} t {order}".encode()).fetchall()
    arrays = [one.parse(pa.array([row[place] for row in rows], pa.string())) for place, one in enumerate(readings)]
    return pa.Table.from_arrays(arrays, schema=_schema(columns, readings))


def _expressions(columns: Sequence[tuple[str, PgType, bool]], readings: Sequence[Reading]) -> list[str]:
    return [how.expression(f't."{name}"') for (name, _, _), how in zip(columns, readings, strict=True)]


def _schema(columns: Sequence[tuple[str, PgType, bool]], readings: Sequence[Reading]) -> pa.Schema:
    return pa.schema(
        [field(name, how, nullable=not not_null) for (name, _, not_null), how in zip(columns, readings, strict=True)]
    )


def dtype_name(dtype: Any) -> str:
    """Name a dtype; before pandas 3 text is object by default, and pandas then names the arrow string otherwise."""
    if isinstance(dtype, pd.ArrowDtype):
        return f"{dtype.pyarrow_dtype}[pyarrow]"
    return str(dtype)


def wanted_dtype(case: Case, missing: bool, backend: str | None) -> str:
    name = {None: case.missing if missing else case.whole, "numpy_nullable": case.nullable, "pyarrow": case.arrow}[
        backend
    ]
    return "object" if name == "str" and BEFORE_3 else name
