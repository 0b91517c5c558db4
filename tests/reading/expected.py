"""What a table holds, read by psycopg alone and laid out as the README's table of types says."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from psycopg import sql

Database = psycopg.Connection[tuple[Any, ...]]

TEXT = "str" if int(pd.__version__.split(".")[0]) >= 3 else "object"  # the text dtype of the pandas at hand
_INTEGERS = ("smallint", "integer", "bigint")
_COLUMNS = """select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull from pg_attribute a
  where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum"""


def columns_of(database: Database, schema: str, name: str) -> list[tuple[str, str, bool]]:
    """Name, type and NOT NULL of a table's columns."""
    return database.execute(_COLUMNS, [sql.Identifier(schema, name).as_string(database)]).fetchall()


def expected_table(database: Database, schema: str, name: str) -> pd.DataFrame:
    """The whole table as the default frame must show it."""
    columns = columns_of(database, schema, name)
    rows = database.execute(sql.SQL("select t.* from {} t").format(sql.Identifier(schema, name))).fetchall()
    return expected_frame([(one[0], one[1]) for one in columns], rows)


def expected_frame(columns: Sequence[tuple[str, str]], rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of psycopg under columns of (name, type)."""
    made = {place: _column(type_, [row[place] for row in rows]) for place, (_, type_) in enumerate(columns)}
    frame = pd.DataFrame(made, index=pd.RangeIndex(len(rows)))
    frame.columns = pd.Index([name for name, _ in columns]) if columns else pd.Index([], dtype=object)
    return frame


def _column(type_: str, values: list[Any]) -> pd.Series:
    empty = any(one is None for one in values)
    word = type_.split("(")[0]
    if word in _INTEGERS:
        if not empty:
            return pd.Series(values, dtype="int64")
        fits = all(one is None or abs(one) <= 2**53 for one in values)
        return pd.Series(values, dtype="float64" if fits else "Int64")
    if word in ("numeric", "double precision", "real"):
        return pd.Series([None if one is None else float(one) for one in values], dtype="float64")
    if word == "boolean":
        return pd.Series(values, dtype=object if empty else "bool")
    if word in ("date", "timestamp without time zone"):
        return pd.Series(np.array(values, dtype="datetime64[us]"))
    if word == "timestamp with time zone":
        naive = [None if one is None else one.replace(tzinfo=None) for one in values]  # the session is in UTC
        return pd.Series(np.array(naive, dtype="datetime64[us]")).dt.tz_localize("UTC")
    assert word in ("text", "character varying", "uuid", "character"), f"the oracle does not know {type_}"
    return pd.Series([None if one is None else str(one) for one in values], dtype=TEXT)


def same(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Both hold the same rows, in whatever order, with the same columns, dtypes and bits."""
    assert got.shape == expected.shape
    pd.testing.assert_series_equal(got.dtypes, expected.dtypes)
    if not all(_equal(got.iloc[:, place], expected.iloc[:, place]) for place in range(got.shape[1])):
        pd.testing.assert_frame_equal(in_order(got), in_order(expected), check_exact=True)


def _equal(one: pd.Series, other: pd.Series) -> bool:
    if one.dtype == "float64":  # bit by bit: -0.0 is not 0.0
        return one.to_numpy().tobytes() == other.to_numpy().tobytes()
    return repr(one.tolist()) == repr(other.tolist()) if one.dtype == object else one.equals(other)


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by what they show, so that order does not matter."""
    shown = pd.DataFrame({place: frame.iloc[:, place].map(repr) for place in range(frame.shape[1])})
    order = shown.apply("\x1f".join, axis=1).argsort(kind="stable") if frame.shape[1] else shown.index
    return frame.iloc[order].reset_index(drop=True)


def plain_value(value: Any) -> Any:
    """A cell as psycopg would give it, NULL as None."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    return float(value) if isinstance(value, Decimal) else value
