"""One PostgreSQL a worker with the contract's tables, and doubles of each era inside the test's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from inprocess import Inside

from insight_frames.sandbox import postgres

SCRIPT = Path(__file__).parent.parent / "contract" / "database.sql"


@pytest.fixture(scope="session")
def contract_dsn() -> Iterator[str]:
    """A database with the contract's tables; tests leave it as they find it."""
    with postgres.start() as server:
        server.create_database("contract")
        server.run_script(SCRIPT, "contract")
        yield server.uri("contract")


@pytest.fixture(scope="session")
def inside(contract_dsn: str) -> Callable[[str], Inside]:
    """The double of an era, made once; tests that change it make their own."""
    made: dict[str, Inside] = {}

    def get(era: str) -> Inside:
        if era not in made:
            made[era] = Inside(era, contract_dsn)
        return made[era]

    return get


@pytest.fixture
def connection(contract_dsn: str) -> Iterator[psycopg.Connection]:
    """A superuser's own connection."""
    with psycopg.connect(contract_dsn, autocommit=True) as conn:
        yield conn
