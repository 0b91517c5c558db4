"""One demo sandbox for all tests of a worker that only look, and a connection to what is behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from insight_frames import sandbox

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="session")
def box() -> Iterator[sandbox.Box]:
    with sandbox.start() as running:
        yield running


@pytest.fixture
def study(box: sandbox.Box) -> Iterator[Connection]:
    with box.connect() as connection:
        connection.execute("set search_path to s_cardio3prod")
        yield connection
