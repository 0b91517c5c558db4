"""Forward proxies: given, of the environment, with a password; the server's name is looked up by them alone."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from gateway import gateway, server_context

from insight_frames import Connection, InvalidInput, ServerUnavailable
from insight_frames.sandbox import Box

pytestmark = pytest.mark.parametrize("era", ["0.47"])
CANARY = "qx" + "7zw9"


def ask(connection: Connection) -> int:
    return int(connection.read_sql("select 41 + 1 as n")["n"].item())


@pytest.mark.parametrize("how", ["text", "mapping", "environment"])
def test_a_proxy(box: Box, through, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with gateway(box.url, forward=True) as way:
        given: dict[str, Any] = {"text": {"proxies": way.url}, "mapping": {"proxies": {"http": way.url}}}.get(how, {})
        if how == "environment":
            monkeypatch.setenv("HTTP_PROXY", way.url)
        assert ask(through("http://insight.test/", allow_http=True, **given)) == 42
    assert way.seen[0].line == "POST http://insight.test/api/session HTTP/1.1"
    assert way.requests.count("POST /api/dataset/json") == 2


@pytest.mark.parametrize("password", [None, f"ann:{CANARY}"])
def test_a_tunnel(
    box: Box,
    through,
    pems: Path,
    password: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        gateway(box.url, tls=server_context(pems)) as server,
        gateway(server.url, forward=True, password=password) as way,
    ):
        address = way.url if password is None else way.url.replace("//", f"//{password}@")
        monkeypatch.setenv("HTTPS_PROXY", address)
        connection = through("https://insight.test", verify=pems / "ca.pem")
        assert ask(connection) == 42
        assert {one.line for one in way.seen} == {way.seen[0].line}
        assert way.seen[0].line.startswith("CONNECT insight.test:443 ")
        assert server.requests.count("POST /api/dataset/json") == 2
        connection.close()
    assert CANARY not in caplog.text + repr(vars(connection._http)) + repr(connection)


def test_a_proxy_that_wants_a_password(box: Box, through, pems: Path) -> None:
    with gateway(box.url, forward=True, password="ann:right") as way:
        for url in ("http://insight.test", "https://insight.test"):
            address = way.url.replace("//", f"//ann:{CANARY}@")
            connection = through(url, allow_http=True, proxies=address)
            with pytest.raises(ServerUnavailable, match=r"proxy does not let us through.*status 407.*<user>") as caught:
                ask(connection)
            assert CANARY not in str(caught.value)
        assert ask(through("http://insight.test", allow_http=True, proxies=way.url.replace("//", "//ann:right@"))) == 42
        assert len(way.seen) < 12


def test_a_proxy_that_is_not_there(box: Box, through) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://ann:{CANARY}@127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(
        ServerUnavailable, match=r"The proxy cannot be reached.*check proxies= or HTTPS_PROXY"
    ) as caught:
        ask(through("https://insight.test", proxies=address))
    assert CANARY not in str(caught.value)


def test_no_proxy(box: Box, through, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the environment is never for this machine, and for no other if so told."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert ask(through(box.url)) == 42
    assert ask(through(box.url, proxies=False)) == 42
    assert through("http://insight.test", allow_http=True)._http._way["proxies"]["http"] == "http://127.0.0.1:9"
    assert through("http://insight.test", allow_http=True, proxies=False)._http._way["proxies"] == {}
    monkeypatch.setenv("NO_PROXY", "insight.test")
    assert through("http://insight.test", allow_http=True)._http._way["proxies"] == {}
    with gateway(box.url, forward=True) as way:
        assert ask(through(box.url, proxies=way.url)) == 42
    assert way.requests


@pytest.mark.parametrize(
    "wrong",
    [
        f"ftp://{CANARY}",
        f"http://[{CANARY}",
        "",
        7,
        True,
        [CANARY],
        {"http": 7},
        {7: "http://x"},
        {"http": f"://{CANARY}"},
    ],
)
def test_what_cannot_be_meant(wrong: Any, era: str) -> None:
    with pytest.raises(InvalidInput, match="proxies") as caught:
        Connection("http://127.0.0.1:9", username="a", password="b", proxies=wrong)
    assert CANARY not in str(caught.value)


def test_socks_needs_a_package(era: str, through) -> None:
    with pytest.raises(ServerUnavailable, match=r"proxy cannot be spoken to.*SOCKS.*pip install pysocks"):
        ask(through("https://insight.test", proxies="socks5h://127.0.0.1:9"))
