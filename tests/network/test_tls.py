"""Certificates: of a private authority, of another host, of ours where the server wants one; and what is said."""

from __future__ import annotations

import shutil
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from gateway import gateway, says, server_context

from insight_frames import Connection, InvalidInput, ServerUnavailable
from insight_frames.sandbox import Box

pytestmark = pytest.mark.parametrize("era", ["0.47"])


def ask(connection: Connection) -> int:
    return int(connection.read_sql("select 41 + 1 as n")["n"].item())


def test_a_private_authority(box: Box, through, pems: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gateway(box.url, tls=server_context(pems)) as way:
        for verify in (True, pems / "other.pem"):
            with pytest.raises(ServerUnavailable, match=r"certificate is not trusted .*got .*verify='path/to/ca\.pem'"):
                ask(through(way.url, verify=verify))
        assert way.seen == []
        assert ask(through(way.url, verify=str(pems / "ca.pem"))) == 42
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pems / "ca.pem"))
        assert ask(through(way.url)) == 42
        with pytest.raises(ServerUnavailable, match="not trusted"):
            ask(through(way.url, verify=pems / "other.pem"))


def test_nothing_is_checked_if_so_told(box: Box, through, pems: Path) -> None:
    with gateway(box.url, tls=server_context(pems)) as way, pytest.warns(match="Unverified HTTPS request"):
        assert ask(through(way.url, verify=False)) == 42


def test_the_name_of_another_host(box: Box, through, pems: Path) -> None:
    with gateway(box.url, tls=server_context(pems)) as way:
        with pytest.raises(ServerUnavailable, match=r"not trusted .*got Hostname mismatch"):
            ask(through(way.url.replace("127.0.0.1", "localhost"), verify=pems / "ca.pem"))
        assert way.seen == []


def test_a_server_that_wants_a_certificate(box: Box, through, pems: Path) -> None:
    with gateway(box.url, tls=server_context(pems, clients=True)) as way:
        asked = {"verify": pems / "ca.pem"}
        for cert in (None, (pems / "other.pem", pems / "other.key")):
            with pytest.raises(ServerUnavailable, match=r"refuses an encrypted connection.*cert=\("):
                ask(through(way.url, **asked, cert=cert))
        assert way.seen == []
        assert ask(through(way.url, **asked, cert=(pems / "client.pem", str(pems / "client.key")))) == 42
        assert ask(through(way.url, **asked, cert=pems / "both.pem")) == 42


def test_a_server_that_does_not_encrypt(era: str, through) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            taken, _ = listening.accept()
            with taken:
                taken.recv(1 << 16)
                says(400, "<html>Plain</html>")(taken)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ServerUnavailable, match=r"does not speak TLS.*check the URL and its port"):
            ask(through(f"https://127.0.0.1:{listening.getsockname()[1]}"))
        thread.join()


def test_a_server_that_waits_for_more(era: str, through) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ServerUnavailable, match=r"cannot be reached in time"),
    ):
        ask(through(f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=(0.3, 20)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"verify": "no-such.pem"}, r"verify names a file that is not there.*got no-such\.pem"),
        ({"verify": "client.key"}, "verify names a file without certificates"),
        ({"verify": 7}, "verify cannot be meant"),
        ({"cert": "no-such.pem"}, "cert names a file that is not there"),
        ({"cert": "client.pem"}, "cert names no certificate with its key"),
        ({"cert": ("client.pem", "other.key")}, "the key that of the certificate and not encrypted"),
        ({"cert": ("client.pem", "locked.key")}, "openssl pkey"),
        ({"cert": ()}, "cert cannot be meant"),
        ({"cert": ("a", "b", "c")}, "cert cannot be meant"),
        ({"cert": 7}, "cert cannot be meant"),
    ],
)
def test_files_that_are_none(
    given: dict[str, Any], message: str, pems: Path, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pems)
    with pytest.raises(InvalidInput, match=message):
        Connection("https://insight.test", username="a", password="b", **given)


def test_the_variable_is_named(pems: Path, era: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", "no-such.pem")
    with pytest.raises(InvalidInput, match="the variable CURL_CA_BUNDLE names a file that is not there"):
        Connection("https://insight.test", username="a", password="b")
    Connection("https://insight.test", username="a", password="b", verify=pems / "ca.pem")


def test_a_folder_of_certificates(pems: Path, era: str, tmp_path: Path) -> None:
    shutil.copy(pems / "ca.pem", tmp_path)
    Connection("https://insight.test", username="a", password="b", verify=tmp_path)
