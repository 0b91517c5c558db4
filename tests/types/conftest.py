"""A real PostgreSQL for the tests of types, and tables of one column made from literals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import psycopg
import pytest

from insight_frames.sandbox import postgres

Connection = psycopg.Connection[tuple[Any, ...]]
MakeTable = Callable[[str, Sequence[str]], str]

TYPES = """
create type colour as enum ('red', 'green', 'blue', 'NULL', 'a "b", c');
create type pair as (number int, words text);
create domain site as varchar(3) check (value <> 'xxx');
create domain dose as numeric(6,2) not null;
create domain choice as colour;
create table "Odd ""Name" (id int);
"""


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
