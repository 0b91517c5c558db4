"""The file that keeps a session: private from the first moment, replaced whole, not believed when it looks wrong."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from insight_frames.credentials import Kept, Pause, Record, Secret, Verifier, kept, records, turns

URL, ANN = "https://acme.example", "ann@acme.example"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
FULL = Record(
    URL,
    ANN,
    Secret("canary-session"),
    Verifier.of(Secret("canary-word")),
    "2026-01-01T00:00:00Z",
    Pause(time.time(), 15.0),
    (Verifier.of(Secret("canary-wrong")), Pause(time.time(), 60.0)),
)


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """Nothing may rest on a careful user."""
    before = os.umask(0)
    yield
    os.umask(before)


def the_file(home: Path) -> Path:
    (path,) = (home / "sessions").glob("*.json")
    return path


def test_what_was_kept_is_read_again(home: Path) -> None:
    Kept(URL).write(FULL)
    assert Kept(URL).read(ANN) == FULL
    assert records() == [FULL]
    assert Kept(URL).usernames() == [ANN]
    for other in (Kept("https://other.example").read(ANN), Kept(URL).read("Ann@acme.example")):
        assert other.session is None
    Kept(URL).write(Record(URL, ANN, session=None, throttled=FULL.throttled))
    assert records() == []
    Kept(URL).write(Record(URL, ANN))
    assert list((home / "sessions").glob("*.json")) == []


@POSIX
def test_modes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    real = os.fdopen

    def looking(handle: int, *args: Any, **more: Any) -> Any:
        facts = os.fstat(handle)
        seen.append((stat.S_IMODE(facts.st_mode), facts.st_size))
        return real(handle, *args, **more)

    monkeypatch.setattr(kept.os, "fdopen", looking)
    with Kept(URL).turn(ANN):
        Kept(URL).write(FULL)
    assert seen == [(0o600, 0)]  # private before it has content
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home / "sessions").iterdir()} == {0o600}
    assert stat.S_IMODE((home / "sessions").stat().st_mode) == 0o700


def test_no_password_is_in_it_and_nothing_is_in_its_name(home: Path) -> None:
    with Kept(URL).turn(ANN):
        Kept(URL).write(FULL)
    text = the_file(home).read_text("utf-8")
    assert "canary-session" in text
    assert "canary-wrong" not in text
    assert "canary-word" not in text
    for path in home.rglob("*"):
        assert not any(word in path.name for word in ("canary", "ann", "acme"))


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_read_is_not_used(home: Path, mode: int) -> None:
    Kept(URL).write(FULL)
    the_file(home).chmod(mode)
    assert Kept(URL).read(ANN).session is None
    assert records() == []
    Kept(URL).write(FULL)  # and replaced by one that nobody else can
    assert stat.S_IMODE(the_file(home).stat().st_mode) == 0o600


@POSIX
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_used(home: Path) -> None:
    Kept(URL).write(FULL)
    os.chown(the_file(home), 65534, 65534)
    assert Kept(URL).read(ANN).session is None


@POSIX
def test_a_link_is_neither_read_nor_written_through(home: Path, tmp_path: Path) -> None:
    Kept(URL).write(FULL)
    path, elsewhere = the_file(home), tmp_path / "elsewhere"
    os.replace(path, elsewhere)
    path.symlink_to(elsewhere)
    assert Kept(URL).read(ANN).session is None
    before = elsewhere.read_bytes()
    path.with_suffix(".new").symlink_to(elsewhere)
    Kept(URL).write(Record(URL, ANN, Secret("another")))
    assert Kept(URL).read(ANN).session == Secret("another")
    assert not path.is_symlink()
    assert elsewhere.read_bytes() == before
    path.with_suffix(".lock").unlink(missing_ok=True)
    path.with_suffix(".lock").symlink_to(tmp_path / "made")
    with Kept(URL).turn(ANN):
        pass
    assert not (tmp_path / "made").exists()


@POSIX
def test_a_pipe_in_its_place_does_not_hang(home: Path) -> None:
    Kept(URL).write(FULL)
    path = the_file(home)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert Kept(URL).read(ANN).session is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:40],
        lambda text: "",
        lambda text: "[]",
        lambda text: "7",
        lambda text: "[" * 9000,
        lambda text: text.replace('"format": 1', '"format": 2'),
        lambda text: text.replace('"canary-session"', "7"),
        lambda text: text.replace('"canary-session"', '"canary\\ud800"').replace(URL, "https://evil.example"),
        lambda text: text.replace(ANN, "bob@acme.example"),
        lambda text: text.replace('"salt": "', '"salt": "xyz'),
        lambda text: text.replace('"throttled": [', '"throttled": [1, '),
        lambda text: text + " " * (1 << 16),
        lambda text: '{"format": 1}',
    ],
)
def test_a_damaged_file_is_none(home: Path, change: Any) -> None:
    Kept(URL).write(FULL)
    path = the_file(home)
    text = path.read_text("utf-8")
    path.write_text(change(text), encoding="utf-8")
    assert path.read_text("utf-8") != text
    found = Kept(URL).read(ANN)
    assert found.session is None or len(path.read_bytes()) > 1 << 16
    assert found.username == ANN
    Kept(URL).write(FULL)
    assert Kept(URL).read(ANN) == FULL


@POSIX
def test_killed_while_writing_leaves_the_old_one_or_the_new_one(home: Path) -> None:
    Kept(URL).write(FULL)
    code = (
        "import sys; from insight_frames.credentials import Kept, Record, Secret\n"
        "print('ready', flush=True); number = 0\n"
        "while True: number += 1; Kept(sys.argv[1]).write(Record(sys.argv[1], sys.argv[2], Secret('x' * 9000)))\n"
    )
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", code, URL, ANN], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            assert Kept(URL).read(ANN).session is not None
        writer.kill()
        writer.wait()
        writer.stdout.close()
        assert Kept(URL).read(ANN).session is not None
    Kept(URL).write(FULL)  # what a dead writer left does not stand in the way
    assert Kept(URL).read(ANN) == FULL
    assert sorted(path.suffix for path in (home / "sessions").iterdir()) == [".json"]


def test_later_fields_of_the_record_survive_a_failed_write(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    Kept(URL).write(FULL)
    monkeypatch.setattr(kept.os, "fsync", full)
    newer = Record(URL, ANN, Secret("newer"))
    Kept(URL).write(newer)
    assert Kept(URL).read(ANN) == newer  # this process remembers
    assert json.loads(the_file(home).read_text("utf-8"))["session"] == "canary-session"  # the old file is whole
    assert [path.suffix for path in (home / "sessions").iterdir()] == [".json"]


def test_what_is_old_is_removed(home: Path) -> None:
    Kept(URL).write(FULL)
    with Kept(URL).turn(ANN):
        pass
    folder = home / "sessions"
    other = folder / "notes.txt"
    other.touch()
    for path in folder.iterdir():
        os.utime(path, (1.0, 1.0))
    Kept("https://other.example").write(Record("https://other.example", ANN, Secret("x")))
    assert [one.url for one in records()] == ["https://other.example"]
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".txt"]


# ------------------------------------------------------------------ turns
def test_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            with turns.turn(tmp_path / "lock"):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.002)
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == [1] * 20


def test_a_holder_that_hangs_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    begun = time.monotonic()
    with turns.turn(tmp_path / "lock"), turns.turn(tmp_path / "lock", patience=0.1):
        pass
    assert 0.1 <= time.monotonic() - begun < 5
    with turns.turn(tmp_path / "no such folder" / "lock"):
        pass


def test_a_holder_that_dies_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from insight_frames.credentials import turns\n"
        "with turns.turn(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    handle = os.open(tmp_path / "lock", os.O_RDWR)
    assert not turns._try(handle)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    os.close(handle)
    begun = time.monotonic()
    with turns.turn(tmp_path / "lock"):
        assert time.monotonic() - begun < 5
