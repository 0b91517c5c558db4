"""What psycopg returns for the same rows, and how a cell of a frame is compared with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from typecases import Case

Connection = psycopg.Connection[tuple[Any, ...]]


def python_values(connection: Connection, relation: str, column: str = "v") -> list[Any]:
    """The column's values as psycopg's binary loaders make them."""
    query = f"select {column} from {relation} order by n".encode()
    return [value for (value,) in connection.cursor(binary=True).execute(query).fetchall()]


def printed_values(connection: Connection, relation: str, column: str = "v") -> list[str | None]:
    """The column's values as the bytes that PostgreSQL's output functions send."""
    cursor = connection.execute(f"select {column} from {relation} order by n".encode())
    assert cursor.pgresult is not None
    cells = [cursor.pgresult.get_value(row, 0) for row in range(cursor.pgresult.ntuples)]
    return [None if cell is None else cell.decode() for cell in cells]


def printed_elements(connection: Connection, relation: str, column: str = "v") -> list[list[str | None] | None]:
    """The elements of an array column, one by one, as PostgreSQL's output functions print them."""
    one = "case when u.u is not null then format('%s', u.u) end"
    all_ = f"array(select {one} from unnest(t.{column}) u(u))"
    query = f"select case when t.{column} is not null then {all_} end from {relation} t order by n"
    return [value for (value,) in connection.execute(query.encode()).fetchall()]


PRINTED = ("timetz[]", "colour[]")  # lists whose elements psycopg cannot load


def column_oracle(connection: Connection, table: str, case: Case) -> tuple[list[Any], list[Any]]:
    """psycopg's values and PostgreSQL's text; psycopg too gives most text types as the text it was sent."""
    elements = case.whole == "object" and case.type.endswith("[]")
    printed: list[Any] = (printed_elements if elements else printed_values)(connection, table)
    if case.whole == "str" or case.type in PRINTED:
        return printed, printed
    return python_values(connection, table), printed


def check(column: pd.Series[Any], values: Sequence[Any], printed: Sequence[Any]) -> None:
    """Compare every cell: text with what PostgreSQL prints, everything else with psycopg's value."""
    assert len(column) == len(values)
    for got, value, text in zip(column.tolist(), values, printed, strict=True):
        assert same(got, value, text), (column.dtype, got, value, text)


def same(got: Any, value: Any, text: Any) -> bool:
    """True if a cell is exactly psycopg's `value`, or the text that PostgreSQL prints for it."""
    if value is None:
        return bool(pd.isna(got)) if np.ndim(got) == 0 else False
    if isinstance(got, str):
        return bool(got == text)
    if isinstance(got, list):
        return len(got) == len(value) and all(map(same, got, value, text))
    if isinstance(got, float):
        return _same_float(got, float(value))
    if isinstance(got, Decimal):
        return str(got) == str(value)
    if isinstance(got, pd.Timestamp):
        return got.to_pydatetime() == (value if isinstance(value, datetime) else _midnight(value))
    if isinstance(got, pd.Timedelta):
        return bool(got.to_pytimedelta() == value)
    return type(got) is type(value) and bool(got == value)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _same_float(got: float, value: float) -> bool:
    if math.isnan(got) or math.isnan(value):
        return math.isnan(got) and math.isnan(value)
    return got == value and math.copysign(1, got) == math.copysign(1, value)
