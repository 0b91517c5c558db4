"""A PostgreSQL with the contract's tables for each worker, and a double of each era in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from insight_frames.sandbox import postgres
from insight_frames.sandbox.serving import Double

HERE = Path(__file__).parent
FORMER_TABLES = [
    {"schema": "s_types", "name": "t_xml", "columns": {"id": "int4", "x": "xml"}},
    {"schema": "s_types", "name": "t_hstore", "columns": {"id": "int4", "h": "hstore"}},
]
ADMIN = {"email": "admin@example.com", "password": "metapass1", "first_name": "Ad", "last_name": "Min"}


@pytest.fixture(scope="session")
def contract_server() -> Iterator[postgres.Server]:
    """PostgreSQL with the database ``contract``."""
    with postgres.start() as server:
        server.create_database("contract")
        server.run_script(HERE / "database.sql", "contract")
        yield server


def databases(server: postgres.Server, name: str, dbname: str = "contract") -> list[dict[str, Any]]:
    """The open database and the one for administrators, as a double is told of them."""
    shown = {"dsn": server.uri(dbname), "role": "insight_reader"}
    return [{**shown, "name": name}, {**shown, "name": f"{name} closed", "admin_only": True}]


Start = Callable[..., Double]


@pytest.fixture(scope="session")
def start_double(contract_server: postgres.Server) -> Iterator[Start]:
    """Start a double: ``start_double("0.47", name="Insight contract", ...)``; all end with the session."""
    with ExitStack() as stack:

        def start(era: str, name: str = "Insight contract", dbname: str = "contract", **more: Any) -> Double:
            config = {"era": era, "databases": databases(contract_server, name, dbname), "accounts": [admin(**more)]}
            # an instance keeps telling the address that it was set up under, and columns of tables that it lost
            config["site_url"] = f"http://127.0.0.1:30{era.removeprefix('0.')}"
            config["settings"] = {"former_tables": FORMER_TABLES if dbname == "contract" else []}
            double = Double(config, contract_server.folder)
            stack.callback(double.stop)
            return double

        yield start


def admin(**more: Any) -> dict[str, Any]:
    """The administrator that the recordings know."""
    return {**ADMIN, "superuser": True, **more}
