"""What listens to all tests hears a leak: each one is planted here on purpose, and found."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import canaries
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from insight_frames import InsightError, errors
from insight_frames.credentials import Secret
from insight_frames.question import Question
from insight_frames.stream import open_stream

SECRET, VALUE, PATIENT = "qx7zw9-secret", "qx7zw9-value", "SS_" + "000042"


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> canaries.Watch:
    """Another pair of ears, so that the test itself is not one that leaks."""
    made = canaries.Watch()
    monkeypatch.setattr(canaries, "WATCH", made)
    Secret(SECRET)
    Question(sql="select :x", params={"x": [VALUE]})
    assert made.leaks() == []
    return made


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the test itself is not searched for."""
    return tmp_path_factory.mktemp("leaks")


LEAKS: dict[str, Callable[[], Any]] = {
    "a message": lambda: InsightError(f"value {VALUE}"),
    "another argument": lambda: InsightError("no", {"x": PATIENT}),
    "the log": lambda: logging.getLogger("insight_frames").debug("asked for %s", VALUE),
    "the log of urllib3": lambda: logging.getLogger("urllib3.connectionpool").debug("header %s", SECRET),
    "arguments of a record": lambda: logging.getLogger("insight_frames").info("%.3s", SECRET),
    "provenance": lambda: open_stream(pa.schema([]), (one for one in ()), {"asked": PATIENT}).close(),
}


@pytest.mark.parametrize("name", LEAKS)
def test_something_said(watch: canaries.Watch, name: str) -> None:
    LEAKS[name]()
    assert len(watch.leaks()) == 1


def test_something_printed(watch: canaries.Watch, capsys: pytest.CaptureFixture[str]) -> None:
    print(PATIENT)
    capsys.readouterr()
    assert watch.leaks() == []  # a program may show rows
    print(VALUE)
    print(SECRET, file=sys.stderr)
    capsys.readouterr()
    assert watch.leaks() == ["what was printed holds a secret", "what was printed holds the value of a parameter"]


def ours(text: str) -> CodeType:
    """A piece of the package that raises."""
    return compile(text, str(Path(canaries.PACKAGE, "made_for_this_test.py")), "exec")


RAISES = {
    "by its cause": f"raise InsightError('no') from ValueError({VALUE!r})",
    "by its context": f"try:\n  raise ValueError({VALUE!r})\nexcept ValueError:\n  raise InsightError('no')",
    "by a note": f"error = InsightError('no'); error.add_note({VALUE!r}); raise error",
    "by an attribute": f"error = InsightError('no'); error.more = {VALUE!r}; raise error",
    "by arguments of later": f"error = InsightError('no'); error.args = ({VALUE!r},); raise error",
    "by a local variable": f"password = [{SECRET!r}]; raise InsightError('no')",
    "without being one of ours": f"raise ValueError({VALUE!r})",
}
SILENT = {
    "on err.value": f"error = errors.ValueOutOfRange('no', value={VALUE!r}, row_key={{'k': {PATIENT!r}}}); raise error",
    "in a hidden variable": f"password = Secret({SECRET!r}); raise InsightError('no')",
    "in a row that was read": f"row = [{VALUE!r}]; raise InsightError('no')",
    "suppressed": f"try:\n  raise ValueError({VALUE!r})\nexcept ValueError:\n  raise InsightError('no') from None",
}


def raised(text: str) -> None:
    names = {"InsightError": InsightError, "errors": errors, "Secret": Secret}
    with pytest.raises((InsightError, ValueError)):
        exec(ours(text), names)


@pytest.mark.parametrize("name", RAISES)
def test_an_error_that_tells(watch: canaries.Watch, name: str) -> None:
    raised(RAISES[name])
    assert watch.leaks()


@pytest.mark.parametrize("name", SILENT)
def test_an_error_that_does_not(watch: canaries.Watch, name: str) -> None:
    raised(SILENT[name])
    assert not watch.leaks()


def test_errors_of_tests_are_their_own(watch: canaries.Watch) -> None:
    with pytest.raises(ValueError, match="qx7"):
        raise ValueError(VALUE)
    assert not watch.leaks()


def test_files(watch: canaries.Watch, folder: Path) -> None:
    (folder / "sub").mkdir()
    for name, text in (("manifest.json", VALUE), ("sub/rest", PATIENT), ("sub/temporary.new", SECRET), ("fine", "no")):
        (folder / name).write_text(text)
    (folder / "sub" / "large").write_bytes(bytes(3 * canaries.LARGEST) + VALUE.encode())
    assert watch.leaks(folder) == [
        "the file manifest.json holds the value of a parameter",
        "the file sub/large holds the value of a parameter",
        "the file sub/rest holds a participant",
        "the file sub/temporary.new holds a secret",
    ]


def test_parquet(watch: canaries.Watch, folder: Path) -> None:
    """Rows may hold values; the footer, which other programs read without reading rows, may not, and neither a key."""
    table = pa.table({"t": [PATIENT]})
    pq.write_table(table, folder / "rows.parquet", write_statistics=False)
    assert not watch.leaks(folder)
    pq.write_table(table, folder / "rows.parquet")
    assert watch.leaks(folder) == ["the file rows.parquet holds a participant"]
    pq.write_table(pa.table({"t": [SECRET]}), folder / "rows.parquet", write_statistics=False)
    assert watch.leaks(folder) == ["the file rows.parquet holds a secret"]


def test_kept_sessions(watch: canaries.Watch, folder: Path) -> None:
    """A file of ours may hold a session, if nobody else can read it, and never a password."""
    file = folder / "sessions" / "x.json"
    file.parent.mkdir()
    file.write_text(f'{{"session": "{SECRET}"}}')
    file.chmod(0o600)
    assert not watch.leaks(folder)
    file.chmod(0o644)
    assert watch.leaks(folder)
    file.write_text(f'{{"session": "other", "password": "{SECRET}"}}')
    file.chmod(0o600)
    assert watch.leaks(folder)


def test_levels_stay_what_tests_see(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("insight_frames")
    logger.debug("unheard")
    assert not caplog.records
    caplog.set_level(logging.DEBUG)
    logger.debug("heard")
    caplog.set_level(logging.INFO, logger="insight_frames")
    logger.debug("unheard")
    logger.info("heard too")
    assert [one.getMessage() for one in caplog.records] == ["heard", "heard too"]
