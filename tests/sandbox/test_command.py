"""``insight-frames sandbox``: says where it is, answers, and ends clean."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from insight_frames.cli import main
from insight_frames.commands import playing
from insight_frames.sandbox import box, command, study

RUN = "import sys; from insight_frames.cli import main; sys.exit(main(['sandbox', *sys.argv[1:]]))"
CONTRACT = """
\\set ON_ERROR_STOP 1
create role insight_reader login; create schema s_alpha;
create table s_alpha.site (site_id int primary key);
grant usage on schema s_alpha to insight_reader; grant select on s_alpha.site to insight_reader;
"""


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; gives it and what it printed until it was ready."""
    place = Path(command.__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Ready"):
                break
        yield process, said
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_says_where_it_is_and_ends_at_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "contract.sql"
    script.write_text(CONTRACT, encoding="utf-8")
    with running("--contract", str(script), "--era", "0.34") as (process, said):
        url, folder = re.findall(r"http://\S+", said)[0], Path(re.findall(r"%2F\S+?(?=&)", said)[0].replace("%2F", "/"))
        assert "admin@example.com  metapass1" in said
        with urllib.request.urlopen(f"{url}/api/health", timeout=10) as answer:
            assert answer.read() == b'{"status":"ok"}'
        assert folder.exists()
        process.send_signal(number)
        assert process.wait(20) == 0
        assert not folder.exists()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_prints_accounts_and_ends_when_its_server_is_gone() -> None:
    with running("--size", "demo") as (process, said):
        for name in ("analyst", "unblinded", "site", "viewer", "admin"):
            assert re.search(rf"^{name}@example\.com +\S{{16,}} +{name}: ", said, re.MULTILINE)
        folder = Path(re.findall(r"%2F\S+?(?=&)", said)[0].replace("%2F", "/"))
        subprocess.run(["kill", "-QUIT", (folder / "data" / "postmaster.pid").read_text().split()[0]], check=True)
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert "ended by itself" in process.stderr.read()
        assert not folder.exists()


def test_killed_before_it_is_ready() -> None:
    place = Path(command.__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=place)
    time.sleep(0.7)
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert output == b""


@pytest.mark.parametrize("words", [["--sql", "a.sql", "--contract", "b.sql"], ["--era", "0.48"], ["--size", "huge"]])
def test_wrong_words(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", *words])
    assert ended.value.code == 2
    assert "insight-frames sandbox" in capsys.readouterr().err


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        assert main(["sandbox", "--sql", "nowhere.sql"]) == 1
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
            signal.signal(number, handler)
    assert "nowhere.sql" in capsys.readouterr().err


def test_the_words_are_what_the_sandbox_knows() -> None:
    assert study.STUDIES == playing.STUDIES
    assert tuple(study.SIZES) == playing.SIZES
    assert playing.ERAS == box.ERAS
