"""Progress is told to whoever asked for it, is right at the end, and costs nothing otherwise."""

from __future__ import annotations

import io
import sys
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from standin import Source, study

from insight_frames import Connection, InvalidInput, progress
from insight_frames.progress import Progress, Step, watched
from insight_frames.snapshots import Snapshot, take


class Terminal(io.StringIO):
    """Standard error with somebody before it."""

    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Stand in for standard error; pytest sets its own when a test begins, so that a fixture would come too early."""
    made = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", made)
        yield made


@pytest.fixture
def cut(tmp_path: Path) -> Snapshot:
    source = Source(study())
    return take(source, source.tables, tmp_path / "cut")


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """All steps, however quickly they follow each other."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    return []


def test_verify_tells_all_it_has_read(cut: Snapshot, every_step: list[Step]) -> None:
    report = cut.verify(progress=every_step.append)
    last = every_step[-1]
    assert last.done
    assert last.work == "verify"
    assert (last.tables, last.tables_total) == (3, 3)
    assert (last.rows, last.rows_total) == (report.rows, report.rows)
    assert (last.bytes, last.bytes_total) == (report.bytes, report.bytes)
    assert next(one.table for one in every_step if one.tables == 0) == "s_juno.site"
    for one, other in pairwise(every_step):
        assert one.rows <= other.rows
        assert one.bytes <= other.bytes
        assert one.tables <= other.tables
        assert 0 <= (one.fraction or 0) <= 1
    assert [one.done for one in every_step].count(True) == 1


@pytest.mark.parametrize("keys", [None, {"s_juno.site": ["state"]}])
def test_diff_tells_what_it_has_read_of_tables_that_differ(
    cut: Snapshot, tmp_path: Path, every_step: list[Step], keys: dict[str, list[str]] | None
) -> None:
    """Also where a key proves to be none, and the table is read again by whole rows."""
    other = Source(study(shift=1))
    new = take(other, other.tables, tmp_path / "new")
    found = new.diff(cut, keys=keys, progress=every_step.append)
    assert [one.status for one in found.tables] == ["same", "changed", "changed"]
    last = every_step[-1]
    assert (last.done, last.work, last.tables, last.tables_total) == (True, "diff", 3, 3)
    assert last.rows == last.rows_total == 2 * (5 + 3)
    assert all(one.rows <= other.rows for one, other in pairwise(every_step))


@pytest.mark.parametrize("interleave", [False, True])
def test_a_snapshot_tells_all_it_has_written(interleave: bool, tmp_path: Path, every_step: list[Step]) -> None:
    source = Source(study(), interleave=interleave)
    with Progress(every_step.append, "snapshot") as told:
        take(source, source.tables, tmp_path / "cut", progress=told)
    last = every_step[-1]
    assert (last.done, last.work, last.tables, last.tables_total, last.rows) == (True, "snapshot", 3, 3, 8)
    assert last.bytes > 0
    assert str(last).startswith("3/3 tables, 8 rows, 0.0 MB, ")


def test_a_table_that_begins_anew_is_counted_once(every_step: list[Step]) -> None:
    batch = pa.record_batch({"n": [1, 2, 3]})
    arrivals = [(0, batch), (1, batch), (0, None), (0, batch)]
    with Progress(every_step.append, "snapshot", tables=3) as told:
        assert list(watched(iter(arrivals), ["s.a", "s.b", "s.c"], told)) == arrivals
    assert (every_step[-1].rows, every_step[-1].tables) == (6, 3)
    assert {one.table for one in every_step} == {"s.a", "s.b"}


def test_leaving_closes_what_is_behind() -> None:
    closed = []

    def batches() -> Any:
        try:
            yield 0, pa.record_batch({"n": [1]})
            yield 0, pa.record_batch({"n": [2]})
        finally:
            closed.append(True)

    through = watched(batches(), ["s.a"], Progress(lambda step: None, "snapshot"))
    next(through)
    through.close()
    assert closed == [True]


def test_steps_are_throttled() -> None:
    steps: list[Step] = []
    with Progress(steps.append, "verify", rows=100_000) as told:
        begun = time.monotonic()
        for _ in range(100_000):
            told.advance(rows=1)
        taken = time.monotonic() - begun
    assert len(steps) <= taken / progress.EVERY + 3
    assert steps[-1].rows == 100_000


def test_a_function_that_raises_ends_the_work(tmp_path: Path) -> None:
    source = Source(study())

    def enough(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Progress(enough, "snapshot") as told:
        take(source, source.tables, tmp_path / "cut", progress=told)
    assert list(tmp_path.iterdir()) == []
    assert source.reading == 0


def test_what_a_step_says() -> None:
    assert Step("snapshot").fraction is Step("snapshot").remaining is None
    assert Step("snapshot").rate == 0
    half = Step("snapshot", tables=1, tables_total=2, seconds=3.0)
    assert (half.fraction, half.remaining) == (0.5, 3.0)
    assert Step("snapshot", rows=30, rows_total=20, seconds=1.0).fraction == 1.0  # the planner guessed too few
    assert Step("verify", rows=10, rows_total=20, bytes=0, bytes_total=5, seconds=1.0).fraction == 0.25
    assert Step("verify", done=True).fraction == 1.0
    with pytest.raises(AttributeError):
        half.rows = 3  # type: ignore[misc]


def test_nobody_looks_on(cut: Snapshot, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    for asked in (None, False):
        assert cut.verify(progress=asked)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert not Progress(None, "verify").on


def test_standard_error_may_be_anything() -> None:
    closed = Terminal()
    closed.close()
    for stream in (None, closed, object()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            on = Progress(None, "verify").on
        assert not on


def test_a_bar_in_a_terminal(cut: Snapshot) -> None:
    with terminal() as screen:
        assert cut.verify()
    shown = screen.getvalue()
    assert "verify: 100%" in shown
    assert "3/3 tables, 8 rows" in shown
    assert shown.endswith("\n")


def test_a_bar_ends_with_an_error() -> None:
    with terminal() as screen:
        told = Progress(None, "verify", tables=2)
        told.begin("s.a")
        told.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert "verify:   0%" in screen.getvalue()
    assert "100%" not in screen.getvalue()
    assert screen.getvalue().endswith("\n")


def test_a_bar_that_is_asked_for(cut: Snapshot, capfd: pytest.CaptureFixture[str]) -> None:
    assert cut.verify(progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3 tables" in err


def test_a_notebook_is_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert Progress(None, "verify").on
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert not Progress(None, "verify").on


def test_without_tqdm(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with terminal() as screen:
        assert cut.verify()
    assert screen.getvalue() == ""
    with pytest.raises(InvalidInput, match=r'pip install "insight-frames\[progress\]"'):
        cut.verify(progress=True)
    steps: list[Step] = []
    assert cut.verify(progress=steps.append)
    assert steps


@pytest.mark.parametrize("asked", ["yes", 1, 0, {}])
def test_what_progress_cannot_be(asked: Any, cut: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="progress= cannot be meant"):
        cut.verify(progress=asked)
    nowhere = Connection("http://127.0.0.1:9", username="nobody@example.com", password="x")
    with pytest.raises(InvalidInput, match="progress= cannot be meant"):  # before anything is sent
        nowhere.snapshot(tmp_path / "other", progress=asked)


@pytest.mark.parametrize("era", ["0.31", "0.47"])
def test_a_live_snapshot(connection: Connection, tmp_path: Path, every_step: list[Step], era: str) -> None:
    cut = connection.snapshot(tmp_path / "cut", schemas="s_cardio3prod", progress=every_step.append)
    last = every_step[-1]
    assert (last.done, last.tables, last.tables_total) == (True, len(cut.tables), len(cut.tables))
    assert last.rows == sum(one["insight"]["rows"] for one in cut.manifest["resources"])
    assert last.rows_total is not None
    assert last.rate > 0
    assert {one.table for one in every_step} > {"s_cardio3prod.participant", "s_cardio3prod.item_data"}


def test_it_costs_nothing_when_off() -> None:
    told = Progress(False, "verify")
    begun = time.process_time()
    for _ in range(100_000):
        told.advance(1, 1)
    assert time.process_time() - begun < 1.0  # ten microseconds each, on a machine that is busy
