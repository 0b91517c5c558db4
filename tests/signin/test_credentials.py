"""Where credentials come from, in which order, and that a secret goes only to the server and name it stands beside."""

from __future__ import annotations

import getpass
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from insight_frames import InvalidInput, LoginRefused
from insight_frames.credentials import Credentials, Secret, asking, config, find, keeps, places

ACME, OTHER = "https://acme.example", "https://other.example"


@pytest.fixture
def written(home: Path) -> Any:
    """Write the config file: ``written(text, mode)``."""

    def write(text: str, mode: int = 0o600) -> Path:
        home.mkdir(exist_ok=True)
        path = home / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return write


def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"INSIGHT_{name.upper()}", value)


def shown(found: Credentials) -> dict[str, Any]:
    """All that was found, in clear."""
    texts = {name: getattr(found, name) for name in ("url", "username", "database")}
    secrets = {name: getattr(found, name) for name in ("password", "api_key", "session_id")}
    return {**texts, **{name: one and one.reveal() for name, one in secrets.items()}}


PROFILES = """
[default]
url = "https://acme.example"
username = "default@acme"
password = "default-word"
database = "D"

[uat]
url = "https://other.example"
username = "uat@acme"
database = 7
"""


def test_arguments_go_before_the_environment_and_that_before_the_file(
    written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(PROFILES)
    base = {"url": ACME, "api_key": None, "session_id": None}
    assert shown(find()) == base | {"username": "default@acme", "password": "default-word", "database": "D"}
    environment(monkeypatch, url=f"{ACME}/", username="env@acme", password="env-word")
    found = base | {"url": f"{ACME}/", "username": "env@acme", "password": "env-word", "database": "D"}
    assert shown(find()) == found
    environment(monkeypatch, database="E")
    assert shown(find())["database"] == "E"
    given = find(username="arg@acme", password="arg-word", database="A")
    assert shown(given) == found | {"username": "arg@acme", "password": "arg-word", "database": "A"}


def test_a_named_profile(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written(PROFILES)
    uat = {"url": OTHER, "username": "uat@acme", "password": None, "api_key": None, "session_id": None, "database": 7}
    environment(monkeypatch, profile="uat")
    assert shown(find()) == uat
    environment(monkeypatch, url=ACME, username="env@acme", password="env-word")
    assert shown(find())["username"] == "env@acme"  # the environment goes before a profile it names
    assert shown(find(profile="uat")) == uat  # and not before one that was named here
    assert shown(find(OTHER, profile="uat", username="x"))["username"] == "x"
    with pytest.raises(InvalidInput, match=r"no profile 'uta'.*config\.toml.*Did you mean 'uat'"):
        find(profile="uta")


def test_a_secret_goes_only_to_the_server_it_stands_beside(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written(PROFILES)
    environment(monkeypatch, url=ACME, username="env@acme", password="env-word")
    elsewhere = find(OTHER)
    assert elsewhere.username is None
    assert elsewhere.password is None
    with pytest.raises(LoginRefused, match="got one in the environment for another server") as caught:
        find(OTHER, username="env@acme").login()
    assert "env-word" not in str(caught.value)
    for same in (ACME, "https://ACME.example/", "https://acme.example:443", f"{ACME}/api/"):
        assert find(same).username == "env@acme"
    for not_the_same in ("http://acme.example", f"{ACME}:8443", f"{ACME}/sub"):
        assert find(not_the_same).username is None


def test_a_password_goes_only_with_its_own_user_name(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, url=ACME, username="env@acme", password="env-word")
    assert find(username="ann@acme").password is None
    assert find(username="env@acme").password == Secret("env-word")
    monkeypatch.delenv("INSIGHT_USERNAME")
    assert find(username="ann@acme").password == Secret("env-word")  # alone, it is for whoever is named


def test_ways_to_sign_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, url=ACME, api_key="env-key", session_id="env-session", username="env@acme")
    assert shown(find())["api_key"] == "env-key"
    assert shown(find(username="ann"))["api_key"] is None
    monkeypatch.delenv("INSIGHT_API_KEY")
    assert (shown(find())["session_id"], find().username) == ("env-session", "env@acme")
    assert find(username="ann").session_id is None  # somebody else's, perhaps
    assert shown(find(session_id="mine"))["session_id"] == "mine"
    with pytest.raises(InvalidInput, match="Two ways to sign in"):
        find(api_key="k", username="ann")
    with pytest.raises(InvalidInput, match="password must be a text; expected a str, got int"):
        find(ACME, username="ann", password=1234)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_config_file_with_a_password_is_read_only_if_it_is_private(written: Any, mode: int) -> None:
    path = written(PROFILES, mode)
    with pytest.raises(InvalidInput, match=r"others may read it.*mode 0600.*chmod 600") as caught:
        find()
    assert "default-word" not in str(caught.value)
    path.write_text(PROFILES.replace('password = "default-word"', ""), encoding="utf-8")
    assert find().username == "default@acme"  # without one it may be anybody's


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url = 'https://x'", r"belongs to no profile.*Try: a line \[default\] before it"),
        ("[default]\nusr = 'canary'", r"no key 'usr'.*Did you mean 'url'"),
        ("[default]\nzzz = 'canary'", r"no key 'zzz'.*one of url, username"),
        ("[default]\nurl = 7", "needs a text"),
        ("[default]\ndatabase = true", "needs a text"),
        ("[default]\npassword = 'canary", "cannot be read.*TOMLDecodeError"),
        ("[default]\npassword = 'can\ry'", "cannot be read.*TOMLDecodeError"),
    ],
)
def test_a_config_file_that_cannot_be_meant(written: Any, text: str, message: str) -> None:
    written(text)
    with pytest.raises(InvalidInput, match=message) as caught:
        find()
    assert "canary" not in str(caught.value)


def test_profiles_are_added_behind_what_stands_there(home: Path) -> None:
    path = config.add_profile("default", ACME, "ann@acme")
    assert path == home / "config.toml"
    config.add_profile('odd "name"', OTHER, "bob@acme")
    assert (find().username, find(profile='odd "name"').url) == ("ann@acme", OTHER)
    assert path.stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"


# ------------------------------------------------------------------ netrc
NETRC = "machine acme.example login net@acme password net-word\ndefault login any password any-word\n"


def test_netrc_is_read_only_when_asked_for(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.touch(mode=0o600)
    path.write_text(NETRC)
    monkeypatch.setenv("NETRC", str(path))
    assert find(ACME).username is None
    for asked in (True, path, str(path)):
        found = find(ACME, netrc=asked)
        assert (found.username, found.password) == ("net@acme", Secret("net-word"))
    environment(monkeypatch, username="env@acme", password="env-word")
    assert find(ACME, netrc=True).username == "net@acme"
    assert find(ACME, netrc=True, username="ann").password is None
    with pytest.raises(InvalidInput, match=r"knows no machine 'other\.example'"):
        find(OTHER, netrc=True)  # the entry for everybody is nobody's
    path.chmod(0o644)
    with pytest.raises(InvalidInput, match="netrc file is not yours alone"):
        find(ACME, netrc=True)
    with pytest.raises(InvalidInput, match=r"netrc file cannot be read.*FileNotFoundError"):
        find(ACME, netrc=tmp_path / "none")


# ------------------------------------------------------------------ keyring
@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A keyring in memory, in the place of the package."""
    entries: dict[tuple[str, str], str] = {}
    package, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")

    class KeyringError(Exception):
        pass

    def get_credential(service: str, username: str | None) -> Any:
        if ("locked", "") in entries:
            raise KeyringError("canary")
        for (one, name), word in entries.items():
            if one == service and username in (None, name):
                return types.SimpleNamespace(username=name, password=word)
        return None

    def delete_password(service: str, username: str) -> None:
        if entries.pop((service, username), None) is None:
            raise KeyringError

    package.__dict__.update(
        get_credential=get_credential,
        set_password=lambda service, name, word: entries.update({(service, name): word}),
        delete_password=delete_password,
        errors=errors,
    )
    errors.__dict__["KeyringError"] = KeyringError
    monkeypatch.setitem(sys.modules, "keyring", package)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return entries


def test_the_keyring_is_asked_when_no_password_was_given(home: Path, keyring: dict[tuple[str, str], str]) -> None:
    keyring[f"insight_frames {ACME}", "ann@acme"] = "ring-word"
    login = find(ACME, username="ann@acme").login()
    assert (login.username, login.password) == ("ann@acme", Secret("ring-word"))
    assert find(ACME).login().username == "ann@acme"
    assert find(ACME, username="ann@acme", password="given").login().password == Secret("given")
    for missing in (find(OTHER, username="ann@acme"), find(ACME, username="bob@acme")):
        with pytest.raises(LoginRefused, match="no password to log in with"):
            missing.login()
    keyring["locked", ""] = ""
    with pytest.raises(LoginRefused, match="no password to log in with"):
        find(ACME, username="ann@acme").login()


# ------------------------------------------------------------------ a person
class Kernel:
    """What a notebook's IPython looks like from here."""

    kernel = object()


def test_a_person_is_asked_only_where_there_is_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return "typed-word" if "Password" in prompt else " ann@acme "

    monkeypatch.setattr(getpass, "getpass", typed)
    monkeypatch.setattr("builtins.input", typed)
    assert not asking.possible()  # a test's standard input is no terminal
    with pytest.raises(LoginRefused, match="no user name to log in with"):
        find(ACME).login()
    assert asked == []
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=Kernel))  # type: ignore[arg-type]
    login = find(ACME).login()
    assert (login.username, login.password) == ("ann@acme", Secret("typed-word"))
    assert asked == [f"User name (e-mail) for {ACME}: ", f"Password of ann@acme for {ACME}: "]
    assert find(ACME, username="bob", password="w").login().username == "bob"
    assert len(asked) == 2
    with pytest.raises(LoginRefused, match="no user name"):
        find(ACME, prompt=False).login()


@pytest.mark.parametrize("error", [EOFError, NotImplementedError])
def test_a_front_end_that_takes_no_input(home: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def refuse(prompt: str) -> str:
        raise error

    monkeypatch.setattr(getpass, "getpass", refuse)
    monkeypatch.setattr("builtins.input", refuse)
    monkeypatch.setattr(asking, "possible", lambda: True)
    with pytest.raises(LoginRefused, match="no user name"):
        find(ACME).login()
    with pytest.raises(LoginRefused, match="no password"):
        find(ACME, username="ann").login()
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "")
    with pytest.raises(LoginRefused, match="no password"):
        find(ACME, username="ann").login()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")
def test_a_terminal_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, outer = os.openpty()
    with open(outer, "r+b", buffering=0) as terminal, open(inner, "rb"):
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        assert asking.possible()
        monkeypatch.setattr(sys, "stdin", None)  # pythonw
        assert not asking.possible()


# ------------------------------------------------------------------ places and switches
def test_folders_by_platform() -> None:
    home = Path.home()
    usual = {"win32": "AppData/Local", "darwin": "Library/Application Support"}

    def folder(environ: dict[str, str], platform: str) -> Path:
        return places._folder(environ, platform, "XDG_STATE_HOME", usual, ".local/state")

    assert folder({}, "linux") == home / ".local/state/insight_frames"
    assert folder({}, "darwin") == home / "Library/Application Support/insight_frames"
    assert folder({}, "win32") == home / "AppData/Local/insight_frames"
    assert folder({"LOCALAPPDATA": "/l"}, "win32") == Path("/l/insight_frames")
    assert folder({"XDG_STATE_HOME": "/x"}, "linux") == Path("/x/insight_frames")
    assert folder({"XDG_STATE_HOME": "relative"}, "linux") == home / ".local/state/insight_frames"
    assert folder({"XDG_STATE_HOME": "/x", "INSIGHT_HOME": "/h"}, "win32") == Path("/h")


def test_keeping_sessions_is_a_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, kept in (("", True), ("1", True), ("yes", True), ("0", False), ("No", False), (" off ", False)):
        monkeypatch.setenv("INSIGHT_KEEP_SESSION", text)
        assert keeps(None) is kept
        assert keeps(False) is False
        assert keeps(True) is True
