"""The private PostgreSQL: there in a moment, gone without a trace, whatever happens to its owner."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import adbc_driver_postgresql.dbapi
import pytest

from insight_frames.sandbox import keeper, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.start() as running:
        running.create_database("da ta")
        yield running


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(folder: Path, pid: int) -> None:
    deadline = time.monotonic() + 20
    while (folder.exists() or alive(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert not alive(pid)


def test_psycopg_and_adbc_take_the_uri(server: postgres.Server) -> None:
    assert server.uri("da ta").startswith("postgresql://")
    with server.connect("da ta") as connection:
        assert connection.execute("select current_database(), current_user").fetchone() == ("da ta", "postgres")
    with adbc_driver_postgresql.dbapi.connect(server.uri("da ta")) as direct, direct.cursor() as cursor:
        cursor.execute("select current_database()")
        assert cursor.fetchone() == ("da ta",)


def test_settings_do_not_depend_on_the_machine(server: postgres.Server) -> None:
    with server.connect() as connection:
        for name, value in {"TimeZone": "UTC", "fsync": "off", "lc_messages": "C", "server_encoding": "UTF8"}.items():
            assert connection.execute("select current_setting(%s)", (name,)).fetchone() == (value,)
        assert connection.execute("select upper('łódź')").fetchone() == ("ŁÓDŹ",)


def test_a_script_runs_as_in_psql(server: postgres.Server, tmp_path: Path) -> None:
    script = tmp_path / "made.sql"
    script.write_text(
        "\\set ON_ERROR_STOP 1\n\\set word 'it''s'\ncreate table t (a text, b int);\n"
        "insert into t values (:'word', :n);\ncopy t (a, b) from stdin;\n100%\t2\n\\N\t3\n\\.\n"
        "select format('update t set b = b + %s', g) from generate_series(1, 2) g \\gexec\n",
        encoding="utf-8",
    )
    server.run_script(script, "da ta", {"n": "1"})
    with server.connect("da ta") as connection:
        rows = connection.execute("select * from t order by b").fetchall()
    assert rows == [("it's", 4), ("100%", 5), (None, 6)]


def test_a_failing_script_names_its_line(server: postgres.Server) -> None:
    with pytest.raises(postgres.SandboxError, match=r"Line 3 of the script failed: relation \"nowhere\""):
        server.run_script("select 1;\n\nselect * from nowhere;\n")


def test_several_at_once_and_nothing_left() -> None:
    def use(number: int) -> tuple[Path, int]:
        with postgres.start() as running, running.connect() as connection:
            connection.execute("create table t as select %s::int n", (number,))
            assert connection.execute("select n from t").fetchone() == (number,)
            return running.folder, running.pid

    with ThreadPoolExecutor(3) as pool:
        used = list(pool.map(use, range(3)))
    assert len({folder for folder, _ in used}) == 3
    for folder, pid in used:
        assert not folder.exists()
        assert not alive(pid)


def test_stopping_twice_is_fine() -> None:
    running = postgres.start()
    assert running.running
    running.stop()
    running.stop()
    assert not running.running


OWNER = """
import sys, time
from insight_frames.sandbox import postgres
server = postgres.start()
print(server.folder, server.pid, server._keeper.pid, flush=True)
{then}
"""


def owner(then: str) -> tuple[subprocess.Popen[str], Path, int, int]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(then=then)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(postgres.__file__).parents[2],
    )
    assert process.stdout is not None
    folder, pid, guard = process.stdout.readline().split()
    return process, Path(folder), int(pid), int(guard)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_its_owner(number: signal.Signals) -> None:
    process, folder, pid, _ = owner("time.sleep(60)")
    with process:
        os.killpg(process.pid, number)  # as Ctrl-C in a terminal: the whole group
    wait_until_gone(folder, pid)


def test_nothing_outlives_an_owner_that_forgot_to_stop_it_and_it_is_quiet() -> None:
    process, folder, pid, _ = owner("")
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")
    wait_until_gone(folder, pid)


def test_a_forked_child_does_not_keep_it() -> None:
    fork = "import os\nif os.fork() == 0:\n    time.sleep(5)\n    os._exit(0)\ntime.sleep(60)"
    process, folder, pid, _ = owner(fork)
    process.kill()
    wait_until_gone(folder, pid)
    process.communicate()


def test_a_killed_keeper_is_replaced() -> None:
    running = postgres.start()
    running._keeper.kill()
    running.stop()
    wait_until_gone(running.folder, running.pid)


def test_the_next_start_sweeps_what_was_left(tmp_path: Path) -> None:
    dead, living = tmp_path / f"{keeper.PREFIX}dead", tmp_path / f"{keeper.PREFIX}living"
    for folder in (dead, living):
        folder.mkdir()
    (dead / "keeper.lock").touch()
    with keeper.hold_lock(living):
        keeper.sweep(tmp_path)
        assert not dead.exists()
        assert living.exists()


def test_root_makes_no_folder_more_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install = postgres.binaries()
    package = install.parent
    private = tmp_path / "private"
    shutil.copytree(package, private / package.name, ignore=shutil.ignore_patterns("include", "pginstall"))
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, private / libraries.name)
    private.chmod(0o700)
    monkeypatch.setattr(postgres, "binaries", lambda: private / package.name / install.name)
    with postgres.start() as running, running.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert private.stat().st_mode & 0o777 == 0o700


def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "binaries", lambda: tmp_path)
    with pytest.raises(postgres.SandboxError, match="did not start: FileNotFoundError"):
        postgres.start()


def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda name: None)
    with pytest.raises(postgres.SandboxError, match=r"pip install 'insight-frames\[sandbox\]'"):
        postgres.binaries()
