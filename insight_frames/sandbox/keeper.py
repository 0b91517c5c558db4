"""One private PostgreSQL for as long as somebody holds the other end of standard input.

The keeper, not the user's Python, is the parent of the server and the owner of its folder, so that both disappear when
the user's process ends in whatever way, SIGKILL included. It is run by path (``python -I -S keeper.py INSTALL``),
imports the standard library alone and prints one JSON line: ``{"folder", "port", "pid"}`` when the server is ready, or
``{"error"}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import IO, Any

PREFIX = "insight-frames-pg-"
SOCKET_LIMIT = 100  # a Unix socket's path may have 103 (macOS) or 107 (Linux) bytes
EXECUTABLE = ".exe" if os.name == "nt" else ""
# A server to be thrown away: nothing has to survive a crash. Texts and times must not depend on the machine.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1h",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
}


def unprivileged() -> dict[str, Any]:
    """Give the Popen keywords that turn root, which PostgreSQL refuses to run as, into ``nobody``."""
    if os.name == "nt" or os.geteuid() != 0:
        return {}
    import pwd

    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def open_to_others(path: Path) -> bool:
    """Tell whether another user may reach ``path``: every folder above it can be passed through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.resolve().parents])


def make_folder() -> Path:
    """Make the server's folder, short enough for a socket in it and reachable by the user it will belong to."""
    account = unprivileged()
    place = Path(tempfile.gettempdir())
    if os.name != "nt" and (len(str(place)) + 40 > SOCKET_LIMIT or (account and not open_to_others(place))):
        place = Path("/tmp")  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    if account:
        os.chown(folder, account["user"], account["group"])
    return folder


def reachable(install: Path, folder: Path) -> Path:
    """Copy the binaries where ``nobody`` cannot reach them (a virtualenv below /root): no folder is made more open."""
    account = unprivileged()
    if not account or open_to_others(install / "bin" / "postgres"):
        return install
    package = install.parent
    site = folder / "site"
    copy = site / package.name / install.name
    shutil.copytree(install, copy, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"))
    # the libraries that the wheel carries along are found by their place beside the package (Linux) or in it (macOS)
    for libraries in (package.parent / f"{package.name}.libs", package / ".dylibs"):
        if libraries.exists():
            shutil.copytree(libraries, site / libraries.relative_to(package.parent))
    for path in [site, *site.rglob("*")]:
        os.chown(path, account["user"], account["group"], follow_symlinks=False)
    return copy


def tool(install: Path, name: str, *arguments: str, folder: Path) -> None:
    """Run one of PostgreSQL's own programs; its output is the message when it fails."""
    done = subprocess.run(
        [str(install / "bin" / (name + EXECUTABLE)), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        **unprivileged(),
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}")


def init(install: Path, folder: Path) -> None:
    """Make an empty cluster whose order and case of texts are the same on every machine."""
    # trust is safe: the only way in is a socket in a folder of mode 0700 (on Windows: loopback)
    arguments = ["--username=postgres", "--auth=trust", "--no-sync", "--no-instructions", "--encoding=UTF8"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    tool(install, "initdb", "-D", str(folder / "data"), *arguments, *locale, folder=folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(install: Path, folder: Path, log: IO[bytes]) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server process, on a Unix socket alone where there are any."""
    port = free_port() if os.name == "nt" else 5432
    settings = {**SETTINGS, "port": str(port), "listen_addresses": "127.0.0.1" if os.name == "nt" else ""}
    if os.name != "nt":
        settings["unix_socket_directories"] = str(folder)
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(install / "bin" / ("postgres" + EXECUTABLE)), "-D", str(folder / "data"), *options]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True, **unprivileged()
    )
    return process, port


def await_ready(process: subprocess.Popen[bytes], folder: Path, seconds: float = 60.0) -> bool:
    """Wait until the server's own pid file says that it is ready; False if the process ended or time ran out."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[7].strip() == "ready":
                return True
        time.sleep(0.005)
    return False


def start(install: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server; another process may take the free port first (Windows only), hence a few attempts."""
    attempts = 5 if os.name == "nt" else 1
    for _ in range(attempts):
        with (folder / "log").open("wb") as log:
            process, port = launch(install, folder, log)
        if await_ready(process, folder):
            return process, port
        stop(install, folder, process)
    raise RuntimeError(f"the server did not start: {(folder / 'log').read_text(errors='replace')[-2000:]}")


def stop(install: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    """End the server at once; it has nothing to save."""
    if process.poll() is None and os.name == "nt":
        tool(install, "pg_ctl", "stop", "-m", "immediate", "-D", str(folder / "data"), folder=folder)
    elif process.poll() is None:
        process.send_signal(signal.SIGQUIT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def sweep(place: Path) -> None:
    """Remove folders of servers whose keeper was killed too; a living keeper holds a lock on its own."""
    if os.name == "nt":
        return
    import fcntl

    for lock in place.glob(f"{PREFIX}*/keeper.lock"):
        with contextlib.suppress(OSError), lock.open("rb") as handle:
            if os.fstat(handle.fileno()).st_uid == os.geteuid():
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its keeper lives
                shutil.rmtree(lock.parent, ignore_errors=True)  # a server still in it ends when it misses its pid file


def hold_lock(folder: Path) -> IO[bytes]:
    """Hold a lock for the keeper's life; it is made under another name, so that no sweep finds it unlocked."""
    handle = (folder / "keeper").open("wb")
    if os.name != "nt":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
        os.replace(folder / "keeper", folder / "keeper.lock")
    return handle


def await_end(process: subprocess.Popen[bytes]) -> None:
    """Return when the other end lets go of standard input, when the parent is gone, or when the server has ended."""
    let_go, parent = threading.Event(), os.getppid()

    def listen() -> None:
        sys.stdin.buffer.read()
        let_go.set()

    threading.Thread(target=listen, daemon=True).start()
    # A child that the user's process forked may still hold the pipe after its death: look at the parent too.
    while not let_go.wait(0.5) and os.getppid() == parent and process.poll() is None:
        pass


def leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


def keep(install: Path, folder: Path) -> None:
    """Run the server from its first to its last moment."""
    lock = hold_lock(folder)
    try:
        install = reachable(install, folder)
        init(install, folder)
        process, port = start(install, folder)
        try:
            print(json.dumps({"folder": str(folder), "port": port, "pid": process.pid}), flush=True)
            await_end(process)
        finally:
            stop(install, folder, process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def main() -> None:
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = make_folder()
    sweep(folder.parent)
    try:
        keep(Path(sys.argv[1]), folder)
    except (OSError, RuntimeError, KeyError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
