"""One sandbox: PostgreSQL, what is in it, and the double of Metabase in front of it.

Every account is a person of the double and a role of PostgreSQL, so that grants and row-level security are the
database's own. Passwords are random and in no ``repr``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import psycopg

from insight_frames.sandbox import postgres, refresh
from insight_frames.sandbox import study as studies
from insight_frames.sandbox.postgres import SandboxError, Server
from insight_frames.sandbox.questions import QUESTIONS
from insight_frames.sandbox.serving import Double
from insight_frames.sandbox.study import gbsg2

ERAS = ("0.31", "0.34", "0.47", "0.49")
DBNAME = "insight"
_FORMER_TABLES = [
    {"schema": "s_types", "name": "t_xml", "columns": {"id": "int4", "x": "xml"}},
    {"schema": "s_types", "name": "t_hstore", "columns": {"id": "int4", "h": "hstore"}},
]


@dataclass(frozen=True)
class Account:
    """Somebody who may log in to the double."""

    username: str
    password: str = field(repr=False)
    about: str
    role: str = "insight_analyst"  # of PostgreSQL
    superuser: bool = False  # of Metabase
    native: bool = True  # may run SQL
    called: tuple[str, str] | None = None  # first and last name

    def config(self, name: str) -> dict[str, Any]:
        first, last = self.called or (name.title(), "Sandbox")
        person = {"email": self.username, "password": self.password, "first_name": first, "last_name": last}
        return {**person, "superuser": self.superuser, "role": self.role, "native": self.native}


def _accounts() -> dict[str, Account]:
    def one(name: str, about: str, **more: Any) -> Account:
        return Account(f"{name}@example.com", secrets.token_urlsafe(18), about, **more)

    return {
        "analyst": one("analyst", "may run SQL; reads all but the randomization and contact data"),
        "unblinded": one("unblinded", "as analyst, and reads the randomization", role="insight_unblinded"),
        "site": one("site", "may run SQL; sees the participants of site 2 only", role="insight_site"),
        "viewer": one("viewer", "as analyst, but may not run SQL", native=False),
        "admin": one("admin", "administers Metabase", superuser=True),
    }


class Box:
    """A running sandbox. It ends with :meth:`stop`, with its ``with`` block, or with this process.

    Attributes
    ----------
    url : str
        Of the double of Metabase.
    username, password : str
        An analyst who may run SQL.
    accounts : mapping of str to Account
        Everybody: ``analyst``, ``unblinded``, ``site``, ``viewer``, ``admin``.
    dsn : str
        The PostgreSQL behind it, as its superuser: a ``postgresql://`` URI for psycopg and ADBC.
    """

    def __init__(self, server: Server, double: Double, accounts: dict[str, Account], stack: ExitStack) -> None:
        self._server, self._double, self._stack = server, double, stack
        self.url = double.url
        self.dsn = server.uri(DBNAME)
        self.accounts = MappingProxyType(accounts)
        first = accounts.get("analyst") or accounts["admin"]
        self.username, self.password = first.username, first.password

    @property
    def requests(self) -> list[tuple[str, str, int]]:
        """What the double has served so far: (method, path without query, status)."""
        return [tuple(entry) for entry in self._double.control("GET", "/requests")]

    def clear_requests(self) -> None:
        """Forget what was served."""
        self._double.control("DELETE", "/requests")

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection to the PostgreSQL behind it, as superuser, in auto-commit mode."""
        return self._server.connect(DBNAME)

    def refresh(self, mode: str = "delete", schema: str = "s_cardio3prod", *, hold: float = 0.0) -> int:
        """Refresh the study once.

        Parameters
        ----------
        mode : {"delete", "truncate", "swap"}
        schema : str
        hold : float
            Seconds to stay in the open transaction before it is committed.

        Returns
        -------
        int
            The new generation: ``refresh_log`` ends with the message ``generation N``.
        """
        with self.connect() as connection:
            return refresh.refresh(connection, schema, mode, hold=hold)

    @contextmanager
    def refreshing(
        self, every: float = 0.05, mode: str = "delete", schema: str = "s_cardio3prod"
    ) -> Iterator[list[int]]:
        """Refresh every ``every`` seconds while the block runs; yields the growing list of generations."""
        with refresh.refreshing(self.connect, schema, mode, every) as generations:
            yield generations

    def fault(self, **spec: Any) -> None:
        """Switch a fault of the double on: ``kind``, ``times``, ``path`` and what the kind needs; nothing: all off."""
        self._double.control("POST", "/faults", spec)

    def throttle(self, bandwidth: float | None = None) -> None:
        """Let answers leave by a line of so many bytes a second, shared by all connections; nothing: at full speed."""
        self._double.control("POST", "/line", {"bandwidth": bandwidth})

    def advance_clock(self, seconds: float) -> None:
        """Set the double's clock forward (for login throttling)."""
        self._double.control("POST", "/clock", {"advance": seconds})

    def expire_sessions(self) -> None:
        """End every session of the double."""
        self._double.control("POST", "/sessions/expire")

    def kill(self) -> None:
        """Kill the double, as a crash of the server would: nobody answers until :meth:`restart`."""
        self._double.kill()

    def restart(self) -> None:
        """Start the double again at its address: accounts are as they were, sessions, faults and settings are gone."""
        self._double.restart()

    def setting(self, **values: Any) -> None:
        """Change settings of the double."""
        self._double.control("POST", "/settings", values)

    @property
    def running(self) -> bool:
        """Whether all parts of it are there."""
        return self._server.running and self._double.running

    def stop(self) -> None:
        """End it and remove everything it made; a second call does nothing."""
        self._stack.close()

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<sandbox at {self.url}>"


def start(
    size: str = "demo",
    era: str = "0.47",
    *,
    study: str = "cardio3",
    sql: Sequence[str | Path] | None = None,
    contract: str | Path | None = None,
    port: int = 0,
    bandwidth: float | None = None,
) -> Box:
    """Start a sandbox.

    Parameters
    ----------
    size : {"demo", "medium", "large"}
        The synthetic study with 60, 600 or 5,000 participants: about 85 thousand, 1.2 million or 19 million rows, and a
        quarter of it in the test schema.
    era : {"0.47", "0.31", "0.34", "0.49"}
        The version of Metabase whose behaviour the double shows.
    study : {"cardio3", "gbsg2"}
        The synthetic study (schemas ``s_cardio3prod`` and ``s_cardio3test``), or a real trial of 686 patients (schema
        ``s_gbsg2prod``), whose data must be installed with lifelines or scikit-survival; it has one size.
    sql : sequence of paths, optional
        Scripts to run in an empty database instead of the study, as psql would; the analyst may read all they make.
    contract : path, optional
        The script of the recorded contract: two databases and one administrator, nothing else.
    port : int
        Of the double on the loopback address; 0 takes a free one.
    bandwidth : float, optional
        Bytes a second of the line that answers leave by (a link of 10 Mbit/s: 1.25e6); see :meth:`Box.throttle`.

    Returns
    -------
    Box

    Raises
    ------
    SandboxError
        If the study, size or era is not known, a part does not start, or a script fails.

    Examples
    --------
    >>> with start() as box:
    ...     box.refresh("swap")
    1
    """
    if study not in studies.STUDIES:
        raise SandboxError(f"There is no study {study!r}; expected one of {', '.join(studies.STUDIES)}.")
    if size not in studies.SIZES:
        raise SandboxError(f"There is no size {size!r}; expected one of {', '.join(studies.SIZES)}.")
    if study != "cardio3" and (size != "demo" or sql is not None):
        raise SandboxError(f"The study {study} has one size, and sql= replaces a study; give study= alone.")
    if era not in ERAS:
        raise SandboxError(f"There is no era {era!r}; expected one of {', '.join(ERAS)}.")
    history: dict[str, Any]
    with ExitStack() as stack:
        server = stack.enter_context(postgres.start())
        server.create_database(DBNAME)
        if contract is not None:
            accounts, databases = _contract(server, Path(contract))
            # The recorded servers tell the address of their setup, and go on listing columns of tables they lost.
            history = {"site_url": f"http://127.0.0.1:30{era[2:]}", "settings": {"former_tables": _FORMER_TABLES}}
        else:
            accounts, databases = _fill(server, study, size, sql)
            history = {"questions": QUESTIONS if sql is None and study == "cardio3" else []}
        where = {"era": era, "host": "127.0.0.1", "port": port, "control_port": 0, "bandwidth": bandwidth}
        config = {**where, "databases": databases, **history}
        people = [account.config(name) for name, account in accounts.items()]
        double = Double({**config, "accounts": people}, server.folder)
        stack.callback(double.stop)
        return Box(server, double, accounts, stack.pop_all())


def _database(server: Server, name: str, role: str = "insight_analyst", *, admin_only: bool = False) -> dict[str, Any]:
    return {"name": name, "dsn": server.uri(DBNAME), "role": role, "admin_only": admin_only}


def _fill(
    server: Server, study: str, size: str, scripts: Sequence[str | Path] | None
) -> tuple[dict[str, Account], list[dict[str, Any]]]:
    """Load a study, or somebody's scripts."""
    studies.make_roles(server, DBNAME)
    if study == "gbsg2":
        gbsg2.load(server, DBNAME)
    elif scripts is None:
        studies.load(server, DBNAME, size)
    else:
        server.run_script("grant pg_read_all_data to insight_analyst;", DBNAME)
        for script in scripts:
            server.run_script(Path(script), DBNAME)
    return _accounts(), [_database(server, "Insight")]


def _contract(server: Server, script: Path) -> tuple[dict[str, Account], list[dict[str, Any]]]:
    """Load what the recordings of real servers were made over; names and password are the recordings' own."""
    server.run_script(script, DBNAME)
    more: dict[str, Any] = {"role": "insight_reader", "superuser": True, "called": ("Ad", "Min")}
    admin = Account("admin@example.com", "metapass1", "administers Metabase", **more)
    open_, closed = "Insight contract", "Insight contract closed"
    databases = [
        _database(server, open_, "insight_reader"),
        _database(server, closed, "insight_reader", admin_only=True),
    ]
    return {"admin": admin}, databases
