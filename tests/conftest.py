"""Sandboxes for every test that talks to a server: one PostgreSQL per worker, one double of Metabase per era before it.

They are started when first asked for and shared by all tests of a worker, so a test that changes the database does so
in a schema of its own (`scratch`), and what a test switches on in a double (faults, settings) is switched off for the
next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import canaries
import faulttable
import pytest
from hypothesis import settings
from sandboxes import ERAS, ROLES, Boxes, Connect, Database, Scratch, direct_url

from insight_frames import Connection
from insight_frames.api import opening
from insight_frames.direct_connection import PostgresConnection
from insight_frames.sandbox import Box
from insight_frames.wire import compression

# A machine that is busy with tests looks like a slow tunnel; but the same is to be asked for each time, and bytes that
# come to be counted. Who tests the guesses asks for them: `guessing`.
GUESSES, compression.GUESSES = compression.GUESSES, 0

# The same examples on every machine and in every run; searching on is done by hand, with other seeds.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the settings, sessions or keyring of who runs the tests; sessions stay in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("INSIGHT_KEEP_SESSION", "0")
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        yield


@pytest.fixture(scope="session", autouse=True)
def _listening() -> Iterator[None]:
    """All that the package says is heard, see ``canaries.py``."""
    with pytest.MonkeyPatch.context() as patch:
        canaries.install(patch)
        yield


@pytest.fixture(autouse=True)
def _no_leaks(request: pytest.FixtureRequest, _listening: None) -> Iterator[None]:
    """No test makes the package say a secret, the value of a parameter or a participant of the study."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    canaries.WATCH = watch = canaries.Watch()
    yield
    leaks = watch.leaks(folder)
    assert not leaks, leaks


@pytest.fixture(scope="session")
def boxes() -> Iterator[Boxes]:
    """The sandboxes by era, ``boxes("0.47")``, each started when first asked for."""
    made = Boxes()
    with made.stack:
        yield made


@pytest.fixture(params=[one if one in ("0.31", "0.47") else pytest.param(one, marks=pytest.mark.long) for one in ERAS])
def era(request: pytest.FixtureRequest) -> str:
    """An era that buffers and one that streams, the others in the long run.

    ``parametrize("era", ERAS)`` asks for all of them at once, ``["0.47"]`` for one where nothing depends on it.
    """
    return str(request.param)


@pytest.fixture
def box(boxes: Boxes, era: str) -> Iterator[Box]:
    """The era's sandbox, with no fault left of an earlier test and nothing served yet."""
    found = boxes(era)
    found.advance_clock(3600)  # every login counts towards the throttle of the oldest era; an hour forgets them
    found.clear_requests()
    yield found
    found.fault()
    found.setting(download_row_limit=None)


@pytest.fixture
def connect(box: Box) -> Iterator[Connect]:
    """Make connections to the era's sandbox: ``connect("unblinded", path="plain")``; closed behind the test."""
    with ExitStack() as stack:

        def make(account: str = "analyst", **settings: Any) -> Any:
            person = box.accounts[account]
            if settings.get("path") == "direct":
                return stack.enter_context(PostgresConnection(direct_url(box, person.role)))
            asked = {"username": person.username, "password": person.password} | settings
            return stack.enter_context(Connection(box.url, **asked))

        yield make


@pytest.fixture
def guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a catalogue's answer a guess about gzip is made, as outside the tests."""
    monkeypatch.setattr(compression, "GUESSES", GUESSES)


@pytest.fixture
def connection(connect: Connect) -> Connection:
    """A fresh connection of the analyst."""
    return connect()


@pytest.fixture(params=["auto", "plain", "direct"], ids=["packed", "plain", "direct"])
def path(request: pytest.FixtureRequest) -> str:
    """Both ways rows can come through Metabase, and straight from PostgreSQL."""
    return str(request.param)


DIRECT = ("test_keywords", "test_moving", "test_listing", "test_positions", "test_quiet")  # what depends on the door


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Straight from PostgreSQL there are no eras; what hardly depends on the door is for the long run."""
    told = [(one, getattr(getattr(one, "callspec", None), "params", {})) for one in items]
    direct = {one: said.get("era", "0.47") for one, said in told if said.get("path") == "direct"}
    for one in direct:
        if one.path.stem not in DIRECT:
            one.add_marker("long")
    twice = [one for one, era in direct.items() if era != "0.47"]
    if twice:
        config.hook.pytest_deselected(items=twice)
        items[:] = [one for one in items if one not in set(twice)]


@pytest.fixture
def on_path(connect: Connect, path: str) -> Connection:
    """A fresh connection of the analyst on either path."""
    return connect(path=path)


@pytest.fixture(scope="session")
def superuser(boxes: Boxes) -> Iterator[Database]:
    """The PostgreSQL behind the sandboxes, seen directly, as its superuser, in UTC."""
    with boxes().connect() as database:
        database.execute("set time zone 'UTC'")
        yield database


@pytest.fixture
def scratch(superuser: Database) -> Iterator[Scratch]:
    """A schema ``s_scratch`` that lives as long as the test."""
    readers = ", ".join(ROLES)
    superuser.execute("drop schema if exists s_scratch cascade; create schema s_scratch")
    superuser.execute(f"grant usage on schema s_scratch to {readers}; set search_path to s_scratch".encode())
    superuser.execute(f"alter default privileges in schema s_scratch grant select on tables to {readers}".encode())
    superuser.execute("set lock_timeout = '10s'")  # a reader that a test has left behind fails the test, and no more
    yield Scratch(superuser, "s_scratch")
    superuser.execute("reset search_path; drop schema s_scratch cascade")


@pytest.fixture(autouse=True)
def _no_default_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the default connection of another, or an INSIGHT_* variable of who runs the tests."""
    monkeypatch.setattr(opening, "_default", None)
    for name in ("URL", "USERNAME", "PASSWORD", "API_KEY", "SESSION_ID", "DATABASE", "PROFILE"):
        monkeypatch.delenv(f"INSIGHT_{name}", raising=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what came of every fault, and what a refresh beside a snapshot did."""
    told = [
        (name, value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
    ]
    for title, lines in {
        "faults, by the way that rows go": faulttable.lines(tuple(value) for name, value in told if name == "fault"),
        "beside a refresh that never rests": [str(value) for name, value in told if name == "refresh"],
    }.items():
        if lines:
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.write_line(line)
