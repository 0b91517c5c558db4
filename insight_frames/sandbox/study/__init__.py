"""The studies of the sandbox: a synthetic one in two environments, and a real trial from a package that ships it.

The synthetic study is made by SQL in the server, the same content every time: chance is a hash of each row's key, never
a random generator, so the order in which rows are made cannot change them. The column lists of OpenClinica Insight are
not public; the tables follow what is known of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import psycopg

from insight_frames.sandbox.postgres import Server, execute
from insight_frames.sandbox.script import read_script

STUDIES = ("cardio3", "gbsg2")
SIZES = {
    "demo": {"participants": 60, "sites": 5, "visits": 6, "forms": 12, "forms_per_visit": 4},
    "medium": {"participants": 600, "sites": 20, "visits": 10, "forms": 20, "forms_per_visit": 5},
    "large": {"participants": 5000, "sites": 50, "visits": 15, "forms": 30, "forms_per_visit": 7},
}
SCHEMAS = {"s_cardio3prod": "PROD", "s_cardio3test": "TEST"}
PARTS = ["3_tables", "4_design", "5_rows", "6_clinical", "7_awkward", "8_rights"]
TEMPORARY = ["form", "question", "person", "log", "rule", "word", "relation_word"]
# How ig_vital_vitals.i_vital_sysbp is made: mean + slope * (event_ordinal - 1), and two normal deviations.
MODEL = {"mean": 140.0, "slope": -1.5, "sd_participant": 8.0, "sd_residual": 5.0}


def make_roles(server: Server, dbname: str) -> None:
    """Make the roles behind the accounts."""
    with server.connect(dbname) as connection:
        run(connection, "1_roles", {})


def load(server: Server, dbname: str, size: str) -> None:
    """Make the synthetic study in an empty database; the roles exist.

    Parameters
    ----------
    server : Server
    dbname : str
    size : {"demo", "medium", "large"}
        60, 600 or 5,000 participants in the production schema; the test schema has a quarter of them.
    """
    with server.connect(dbname) as connection:
        run(connection, "2_chance", {})
        for schema, environment in SCHEMAS.items():
            numbers: dict[str, float] = {**SIZES[size], **MODEL}
            if environment == "TEST":
                numbers["participants"] //= 4
            variables = {"schema": schema, "environment": environment} | {k: str(v) for k, v in numbers.items()}
            with connection.transaction():
                for part in PARTS:
                    run(connection, part, variables)
                connection.execute(f"drop table {', '.join(TEMPORARY)}".encode())
        connection.execute("reset search_path")
        run(connection, "9_closed", {})


def run(connection: psycopg.Connection[tuple[Any, ...]], part: str, variables: Mapping[str, str]) -> None:
    """Run one of the scripts beside this module."""
    text = files(__name__).joinpath(part + ".sql").read_text(encoding="utf-8")
    for statement in read_script(text, dict(variables)):
        execute(connection, statement)
