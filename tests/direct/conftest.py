"""The PostgreSQL behind the sandboxes as a user of ours reaches it, and a role that needs a password."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sandboxes import Boxes, Database, direct_url

from insight_frames import PostgresConnection


@pytest.fixture
def url(boxes: Boxes) -> str:
    """The address, as the analyst."""
    return direct_url(boxes())


@pytest.fixture
def direct(url: str) -> Iterator[PostgresConnection]:
    """A fresh connection of the analyst."""
    with PostgresConnection(url) as made:
        yield made


@pytest.fixture(scope="module")
def locked(boxes: Boxes, superuser: Database) -> Iterator[tuple[str, str]]:
    """The address of a role that PostgreSQL asks for a password, and the password."""
    word, role = secrets.token_urlsafe(18), "insight_locked"
    ((file,),) = superuser.execute("show hba_file").fetchall()
    before = Path(file).read_text("utf-8")
    superuser.execute(f"create role {role} login password '{word}' in role insight_analyst".encode())
    lines = [f"{kind} scram-sha-256" for kind in (f"local all {role}", f"host all {role} all")]
    Path(file).write_text("\n".join([*lines, before]), "utf-8")
    _reload(superuser)
    yield direct_url(boxes(), role), word
    Path(file).write_text(before, "utf-8")
    _reload(superuser)
    superuser.execute(f"drop role {role}".encode())


def _reload(database: Any) -> None:
    loaded = database.execute("select pg_conf_load_time()").fetchone()
    database.execute("select pg_reload_conf()")
    for _ in range(1000):
        if database.execute("select pg_conf_load_time(), pg_sleep(0.005)").fetchone()[0] != loaded[0]:
            return
    raise AssertionError("PostgreSQL has not read its settings again")
