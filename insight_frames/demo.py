"""The main job end to end, on the sandbox's study: what ``make demo`` shows.

Every step says in one line what it did, how many rows and how long. Nothing is left behind but the snapshot folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .live import LiveReader
    from .sandbox import Box

SCHEMA = "s_cardio3prod"
QUERY = f"""
select p.label, s.country, count(*) as events
from {SCHEMA}.participant p
join {SCHEMA}.site s using (site_id)
join {SCHEMA}.study_event e using (participant_id)
where p.enrollment_date >= :day and s.country in :countries
group by p.label, s.country
order by events desc, p.label
"""


class Step:
    """Counts the rows of one step, and its seconds."""

    def __init__(self) -> None:
        self.what = ""
        self.rows: int | None = None


@contextmanager
def step() -> Iterator[Step]:
    """Time a step and print its line."""
    begun, one = time.perf_counter(), Step()
    yield one
    rows = "" if one.rows is None else f"{one.rows:,} rows"
    print(f"{one.what:<74}{rows:>14}{time.perf_counter() - begun:>8.2f} s")


def run(folder: str | None = None) -> int:
    """Run the demo; ``folder`` is for the snapshot (default: a new ``cuts/demo-...``)."""
    target = Path(folder) if folder else Path("cuts") / time.strftime("demo-%Y%m%d-%H%M%S")

    from . import sandbox

    with step() as one:
        box = sandbox.start(size="demo", era="0.47")
        one.what = f"sandbox: PostgreSQL, a study and Metabase 0.47's double at {box.url}"
    with box:
        show(box, target)
    print(f"The sandbox has ended. The snapshot is in {target}")
    return 0


def show(box: Box, folder: Path) -> None:
    """Do the main job against a running sandbox."""
    import insight_frames as ifr

    connect = ifr.connect  # loads pandas, which is not the server's time
    with step() as one:
        connection = connect(box.url, username=box.username, password=box.password, keep_session=False)
        tables = ifr.list_tables(SCHEMA)
        one.what, one.rows = f"list_tables({SCHEMA!r})", len(tables)
    print(tables.head(8).to_string(index=False), end="\n\n")

    with step() as one:
        df = ifr.read_table(SCHEMA, "participant")
        one.what, one.rows = f"read_table({SCHEMA!r}, 'participant')", len(df)
    print(df[["participant_id", "label", "site_id", "status", "enrollment_date", "date_updated"]].head().to_string())
    print(df.dtypes.to_string(), end="\n\n")

    with step() as one:
        params = {"day": date(2023, 6, 1), "countries": ["DE", "PL"]}
        df = ifr.read_sql(QUERY, params=params)
        one.what, one.rows = "read_sql(... where enrollment_date >= :day and country in :countries)", len(df)
    print(df.head().to_string(), end="\n\n")
    freeze(box, connection, folder)


def freeze(box: Box, connection: LiveReader, folder: Path) -> None:
    """Take a snapshot while the study is being refreshed, verify it and read it back offline."""
    import insight_frames as ifr

    with box.refreshing(every=0.05, mode="delete") as generations:
        while not generations:
            time.sleep(0.01)
        with step() as one:
            cut = connection.snapshot(folder, schemas=[SCHEMA])
            one.rows = int(cut.list_tables()["rows_estimate"].sum())
            one.what = f"snapshot of {len(cut.tables)} tables while {len(generations)} refreshes ran: one moment"
    with step() as one:
        report = cut.verify()
        one.what = f"verify(): {'intact' if report else report.problems}, fingerprint {cut.fingerprint}"
    with step() as one:
        df = ifr.open_snapshot(folder).read_table(SCHEMA, "participant")
        one.what, one.rows = f"open_snapshot(...).read_table({SCHEMA!r}, 'participant'), offline", len(df)
