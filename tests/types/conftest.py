"""A real PostgreSQL for the tests of types, and tables of one column made from literals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from typereader import TYPES, Connection, MakeTable

from insight_frames.sandbox import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    with postgres.start() as server:
        with server.connect() as connection:
            connection.execute(TYPES)
        yield server


@pytest.fixture(scope="session")
def connection(server: postgres.Server) -> Iterator[Connection]:
    with server.connect() as connection:
        connection.prepare_threshold = None  # tables of one name change their columns
        connection.execute("set timezone to 'UTC'")
        yield connection


@pytest.fixture(scope="session")
def make_table(connection: Connection) -> MakeTable:
    """Make a table ``(n int, v <type>)`` whose rows are literals in SQL; give its name."""
    numbers = count()

    def make(type_: str, values: Sequence[str]) -> str:
        name = f"t{next(numbers)}"
        connection.execute(f"create temp table {name} (n int not null, v {type_})".encode())
        for number, value in enumerate(values):
            connection.execute(f"insert into {name} values ({number}, {value})".encode())
        return name

    return make
