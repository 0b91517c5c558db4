"""insight-frames login, logout and whoami, as a shell sees them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import insight_frames as ifr
from insight_frames.cli import main
from insight_frames.credentials import Secret, asking, records, ring
from insight_frames.sandbox import Box

Logins = Callable[[], int]
pytestmark = pytest.mark.parametrize("era", ["0.47"])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command with a line on standard input: its status, output and complaints."""

    def run(*words: str, line: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))
        status = main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_login_whoami_logout(home: Path, box: Box, logins: Logins, run: Callable[..., tuple[int, str, str]]) -> None:
    who = (box.url, "--username", box.username)
    status, out, err = run("login", *who, "--password-stdin", line=f"{box.password}\n")
    assert (status, err) == (0, "")
    assert f"Signed in at {box.url} as {box.username} (Analyst Sandbox)." in out
    assert box.password not in out
    for words in ((), (box.url,), who):  # the only account there is, the only one there, this one
        assert run("whoami", *words) == (
            0,
            f"{box.username} (Analyst Sandbox) at {box.url}, Metabase v0.47.0-SNAPSHOT\nsigned in by a session\n",
            "",
        )
    assert ifr.connect(box.url).read_sql("select 1 as one").shape == (1, 1)
    assert logins() == 1
    assert run("login", *who, "--password-stdin", line=box.password)[0] == 0
    assert logins() == 2  # asked to log in, it does
    assert run("logout") == (0, f"The session is ended at {box.url}.\n", "")
    assert run("logout", *who) == (0, f"There was no session at {box.url}.\n", "")
    status, out, err = run("whoami", *who)
    assert (status, out) == (1, "")
    assert "no password to log in with" in err
    assert run("whoami")[2].startswith("insight-frames whoami: There is no server to connect to")
    assert logins() == 2


def test_a_profile_is_made_by_the_first_login(home: Path, box: Box, run: Callable[..., tuple[int, str, str]]) -> None:
    words = ("login", box.url, "--username", box.username, "--password-stdin", "--profile", "default")
    status, out, _ = run(*words, line=f"{box.password}\r\n")
    assert status == 0
    assert f"Profile 'default' is now in {home / 'config.toml'}." in out
    assert (home / "config.toml").read_text("utf-8") == (f'[default]\nurl = "{box.url}"\nusername = "{box.username}"\n')
    assert ifr.list_tables("s_cardio3prod").shape[0] == 36  # nothing else is needed
    assert "Profile" not in run(*words, line=box.password)[1]
    assert run("whoami", "--profile", "default")[0] == 0
    status, _, err = run("whoami", "--profile", "defalt")
    assert (status, "Did you mean 'default'" in err) == (1, True)
    assert run("logout")[1].startswith("The session is ended")


def test_several_accounts(home: Path, box: Box, run: Callable[..., tuple[int, str, str]]) -> None:
    for name in ("analyst", "unblinded"):
        person = box.accounts[name]
        assert run("login", box.url, "--username", person.username, "--password-stdin", line=person.password)[0] == 0
    for words in (("whoami",), ("logout",), ("whoami", box.url)):
        status, _, err = run(*words)
        assert (status, "Several accounts are signed in" in err, "unblinded@example.com" in err) == (1, True, True)
    assert run("whoami", "--username", "unblinded@example.com")[1].startswith("unblinded@example.com")
    assert run("logout", "--all")[1].count("The session is ended") == 2
    assert records() == []
    assert run("logout", "--all") == (0, "", "")


def test_refused(home: Path, box: Box, logins: Logins, run: Callable[..., tuple[int, str, str]]) -> None:
    who = (box.url, "--username", "viewer@example.com")
    status, out, err = run("login", *who, "--password-stdin", line="canary-wrong\n")
    assert (status, out) == (1, "")
    assert "login was refused" in err
    assert "canary" not in err
    assert logins() == 1
    for words, missing in ((who, "password"), ((box.url,), "user name")):
        status, _, err = run("login", *words)  # nobody can be asked
        assert (status, f"There is no {missing} to log in with" in err, "--password-stdin" in err) == (1, True, True)
    assert logins() == 1


def test_a_person_is_asked(
    home: Path, box: Box, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "possible", lambda: True)
    monkeypatch.setattr(asking, "username", lambda url: box.username)
    monkeypatch.setattr(asking, "password", lambda url, name: Secret(box.password))
    assert run("login", box.url)[0] == 0
    assert run("whoami", box.url)[1].startswith(box.username)

    def interrupt(url: str, name: str) -> Secret:
        raise KeyboardInterrupt

    monkeypatch.setattr(asking, "password", interrupt)
    assert run("login", box.url)[0] == 130


def test_the_keyring(
    home: Path, box: Box, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    words = ("login", box.url, "--username", box.username, "--password-stdin", "--keyring")
    status, _, err = run(*words, line=box.password)
    assert (status, "There is no keyring" in err, "insight-frames[keyring]" in err) == (1, True, True)
    entries: dict[tuple[str, str], Secret] = {}
    monkeypatch.setattr(ring, "put", lambda url, name, word: entries.update({(url, name): word}))
    monkeypatch.setattr(ring, "drop", lambda url, name: entries.pop((url, name), None) is not None)
    assert "The password is in the keyring." in run(*words, line=box.password)[1]
    assert entries == {(box.url, box.username): Secret(box.password)}
    assert "no longer in the keyring" in run("logout", box.url, "--username", box.username, "--keyring")[1]
    assert entries == {}


def test_a_folder_that_cannot_be_written(home: Path, box: Box, run: Callable[..., tuple[int, str, str]]) -> None:
    home.write_text("a file where a folder should be")
    status, _, err = run("login", box.url, "--username", box.username, "--password-stdin", line=box.password)
    assert status == 1
    assert "could not be kept for other programs" in err
    assert "INSIGHT_HOME" in err
    run("logout", box.url, "--username", box.username)


def test_help_names_them(box: Box, run: Callable[..., tuple[int, str, str]]) -> None:
    assert all(f"\n    {name} " in run("--help")[1] for name in ("login", "logout", "whoami"))
    for name in ("login", "logout", "whoami"):
        with pytest.raises(SystemExit) as ended:
            run(name, "--help")
        assert ended.value.code == 0


def test_no_password_is_an_option(box: Box, run: Callable[..., tuple[int, str, str]]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("login", box.url, "--password", "canary")
    assert ended.value.code == 2
    assert json.dumps(records()) == "[]"
