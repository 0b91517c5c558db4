"""A PostgreSQL for the tests of SQL text: what our text means is asked of it, not of us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from insight_frames.sandbox import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    with postgres.start() as server:
        yield server


@pytest.fixture(scope="session")
def database(server: postgres.Server) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with server.connect() as connection:
        connection.execute("set time zone 'UTC'")
        yield connection
