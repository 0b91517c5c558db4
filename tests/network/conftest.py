"""Fixtures of the tests of the network: connections through gateways, certificates, short pauses."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from insight_frames import Connection
from insight_frames.sandbox import Box
from insight_frames.wire import patience

Through = Callable[..., Connection]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.02)
    for name in [one for one in os.environ if one.lower().endswith("_proxy") or one.endswith("_CA_BUNDLE")]:
        monkeypatch.delenv(name)


@pytest.fixture
def through(box: Box) -> Through:
    """Make a connection of the analyst to an address: ``through(gateway.url, timeout=5)``."""

    def make(url: str, **more: Any) -> Connection:
        asked: dict[str, Any] = {"username": box.username, "password": box.password, "timeout": 20}
        return Connection(url, **(asked | more))

    return make


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and certificates of a server and a client that it has signed."""
    folder = tmp_path_factory.mktemp("pems")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    (folder / "server.ext").write_text("subjectAltName=DNS:insight.test,IP:127.0.0.1\n")
    (folder / "client.ext").write_text("extendedKeyUsage=clientAuth\n")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(
            "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2"
        )
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext"]
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    openssl("pkey", "-in", "client.key", "-aes256", "-passout", "pass:hush", "-out", "locked.key")
    (folder / "both.pem").write_text((folder / "client.pem").read_text() + (folder / "client.key").read_text())
    return folder
