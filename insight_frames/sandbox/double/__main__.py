"""Run one double: ``python -m insight_frames.sandbox.double CONFIG.json``.

Prints one JSON line with its addresses when it is ready, and ends on SIGTERM, SIGINT or when the pipe on its standard
input closes, so that a parent that died leaves nothing running.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import stat
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from . import control, server
from .setup import make_app

AREAS = ("accounts", "instance", "dataset", "exports", "metadata", "permissions", "cards", "definitions", "embed")


def _watch_parent(done: threading.Event) -> None:
    source = sys.stdin.fileno()
    mode = os.fstat(source).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):

        def wait() -> None:
            while os.read(source, 1024):  # not through sys.stdin: its lock would outlive the interpreter
                pass
            done.set()

        threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Serve until told to stop."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for area in AREAS:
        if find_spec(f"{__package__}.{area}") is not None:
            importlib.import_module(f"{__package__}.{area}")
    sys.setswitchinterval(0.001)  # a thread that receives must not wait long for one that writes
    app = make_app(config)
    host = config.get("host", "127.0.0.1")
    listener = server.listen(app, host, int(config.get("port", 0)))
    door = control.listen(app, int(config.get("control_port", 0)))
    url = f"http://{host}:{listener.getsockname()[1]}"
    app.store["site_url"] = app.store["site_url"] or url
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    _watch_parent(done)
    print(json.dumps({"url": url, "control": f"http://127.0.0.1:{door.getsockname()[1]}"}), flush=True)
    done.wait()
    listener.close()
    door.close()
    app.store["pool"].close()


if __name__ == "__main__":
    main()
