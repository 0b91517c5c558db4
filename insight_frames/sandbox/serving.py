"""The double's process, and its control port, as seen from the outside."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from insight_frames.sandbox.postgres import SandboxError


class Double:
    """A running double of Metabase; it ends with :meth:`stop` or with this process."""

    def __init__(self, config: dict[str, Any], folder: Path) -> None:
        self._config, self._folder = config, folder
        self._opener = build_opener(ProxyHandler({}))  # a proxy of the environment is not for the loopback
        self.url, self._door = self._launch()

    def _launch(self) -> tuple[str, str]:
        """Start the process; give its address and that of its control port."""
        # the folder is the server's: private, and removed with it
        path, log = self._folder / "double.json", self._folder / "double.log"
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._config), encoding="utf-8")
        command = [sys.executable, "-m", "insight_frames.sandbox.double", str(path)]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )
        try:
            answer = self._line()
        except BaseException:  # Ctrl-C while waiting
            self.stop()
            raise
        finally:
            path.unlink()
        if not answer:
            self.stop()
            raise SandboxError(f"The double of Metabase did not start: {log.read_text(errors='replace')[-2000:]}")
        where = json.loads(answer)
        return str(where["url"]), str(where["control"])

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the control port; gives its JSON answer."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._door + path, data, {"Content-Type": "application/json"}, method=method)
        with self._opener.open(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process as a crash would, at once and without a word to its callers."""
        self._process.kill()
        self.stop()

    def restart(self) -> None:
        """Start it again at the addresses it had, as new; a process that is still there is killed first."""
        self.kill()
        ports = {"port": urlsplit(self.url).port, "control_port": urlsplit(self._door).port}
        self._config = {**self._config, **ports}
        self.url, self._door = self._launch()

    def stop(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # it may be gone already
                    pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
