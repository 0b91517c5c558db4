"""One million rows x 12 columns into a DataFrame: through the sandbox's Metabase, and straight from its PostgreSQL.

Both are measured in one run, in turns, and the ratio of the medians is what counts; seconds differ from machine to
machine. It refuses to compare with the double's own plain export: the double is Python, that ratio would flatter.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import pandas as pd

import insight_frames as ifr
from insight_frames import sandbox

SCRIPT = Path(__file__).with_name("narrow.sql")


def timed(work: Callable[[], pd.DataFrame]) -> float:
    begun = time.perf_counter()
    rows = len(work())
    taken = time.perf_counter() - begun
    if rows != 1_000_000:
        raise SystemExit(f"{rows} rows instead of 1,000,000")
    return taken


def main(rounds: int) -> None:
    with sandbox.start(sql=[SCRIPT], era="0.47") as box:
        connection = ifr.Connection(box.url, username=box.username, password=box.password)

        def direct() -> pd.DataFrame:
            with adbc.connect(box.dsn) as link, link.cursor() as cursor:
                cursor.execute("select * from narrow")
                return cursor.fetch_arrow_table().to_pandas()

        ways: dict[str, Callable[[], pd.DataFrame]] = {
            "ADBC, straight from PostgreSQL": direct,
            "read_table": lambda: connection.read_table("public", "narrow"),
            "read_sql, ordered": lambda: connection.read_sql("select * from narrow order by item_data_id"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for work in ways.values():
            timed(work)  # warm: session, catalogue, PostgreSQL's cache
        for _ in range(rounds):
            for name, work in ways.items():
                seconds[name].append(timed(work))
    base = statistics.median(seconds["ADBC, straight from PostgreSQL"])
    print(f"1,000,000 rows x 12 columns to a DataFrame, medians of {rounds}, in turns")
    for name, times in seconds.items():
        middle = statistics.median(times)
        print(f"{name:<34}{middle:>7.2f} s  {min(times):.2f}-{max(times):.2f}  x {middle / base:.2f} of ADBC")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
