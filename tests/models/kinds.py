"""One table with a column of every kind that a model may meet, and the matrix that the README prints.

``INSIGHT_MATRIX=print pytest -s tests/models/test_dtype_matrix.py`` prints it, as the libraries at hand decide.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from modelling import LIBRARIES, by_hand, outcome

ROWS = 80
SQL = f"""
create type grade as enum ('I', 'II', 'III');
create table kinds as select n, (f * 11 % 97) / 7.0::float8 as y, 1 + f * 13 % 200 as days, f % 3 % 2 as event,
    f % 50 as "integer", (f % 50)::numeric(5, 1) / 2 as "numeric", (f % 50)::float8 / 3 as "double precision",
    f % 4 = 0 as "boolean", (array['placebo', 'active', 'NA'])[1 + f % 3] as "text",
    ('I' || repeat('I', f % 3))::grade as "enum", date '2024-01-01' + f % 5 as "date",
    timestamp '2024-01-01' + f % 5 * interval '1 hour' as "timestamp",
    timestamptz '2024-01-01 00:00+00' + f % 5 * interval '1 hour' as "timestamptz",
    time '08:00' + f % 5 * interval '1 minute' as "time", f % 5 * interval '1 day' as "interval",
    array[f % 3, 1] as "array", 9007199254740993 + (f % 50) * 1000000000000 as "bigint beyond 2^53"
  from generate_series(1, {ROWS}) n, lateral (select (n * 7919 % 1009)::int) r(f);
create table kinds_with_gaps as select * from kinds;
"""
FIT = ["integer", "numeric", "double precision", "boolean", "text", "enum"]
OTHER = ["date", "timestamp", "timestamptz", "time", "interval", "array"]
LARGE = "bigint beyond 2^53"
DTYPES = {"text": "str", "enum": "category"}  # pandas 2 calls str object


def gaps() -> list[str]:
    """Statements that take one value in ten of every kind away."""
    update = 'update kinds_with_gaps set "{}" = null where n % 10 = {}'
    return [update.format(one, place % 10) for place, one in enumerate([*FIT, *OTHER, LARGE])]


def matrix(read: dict[str, pd.DataFrame], rows: dict[str, dict[str, list[Any]]]) -> list[list[str]]:
    """Try every kind, whole and with gaps, in every library; ``rows`` is what psycopg gives of the same tables."""
    lines = []
    for kind in [*FIT, *OTHER, LARGE]:
        for table, note in (("kinds", ""), ("kinds_with_gaps", " with NULL")):
            cells = [tried(library, kind, read[table], rows[table]) for library in LIBRARIES]
            dtype = str(read[table][kind].dtype)
            lines.append([kind + note, dtype if dtype != "object" else DTYPES.get(kind, "object"), *cells])
    return lines


def tried(library: str, kind: str, read: pd.DataFrame, rows: dict[str, list[Any]]) -> str:
    base = ["y", "days", "event"]
    mine = read[[*base, kind]].rename(columns={kind: "x"})
    hand = pd.DataFrame({one: by_hand(rows[one]) for one in base})
    if kind in OTHER:
        return outcome(library, mine, None)
    hand["x"] = enum(rows[kind]) if kind == "enum" else by_hand(rows[kind])
    return outcome(library, mine, hand)


def enum(values: list[Any]) -> Any:
    return pd.Categorical(values, categories=["I", "II", "III"], ordered=True)


def printed(lines: list[list[str]]) -> str:
    """Write the matrix as the README shows it; lines that differ in their kind alone are one line."""
    merged: dict[tuple[str, ...], list[str]] = {}
    for kind, *rest in lines:
        merged.setdefault(tuple(rest), []).append(kind)
    head = ["PostgreSQL", "pandas", *LIBRARIES]
    table = [head, ["---"] * len(head), *([", ".join(kinds), *rest] for rest, kinds in merged.items())]
    return "\n".join("| " + " | ".join(line) + " |" for line in table) + "\n"
