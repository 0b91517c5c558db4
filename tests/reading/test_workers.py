"""The threads that unpack: order, a bound on what is in flight, one core, errors that arrive, Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from sandboxes import Scratch

from insight_frames import Connection, ValueOutOfRange
from insight_frames.wire import threads, unpack
from insight_frames.wire.threads import in_threads

MANY = "select i, md5(i::text) as text, i * 1.5::float8 as x from generate_series(1, 60000) i"


def ours() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("insight_frames")]


class TestInThreads:
    def test_order_is_kept_whatever_takes_longer(self) -> None:
        def work(number: int) -> int:
            time.sleep(0.02 if number % 3 == 0 else 0)
            return number

        assert list(in_threads(work, range(20))) == list(range(20))
        assert ours() == []

    @pytest.mark.parametrize("workers", [1, 2, 4])
    def test_few_are_in_flight(self, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
        monkeypatch.setattr(threads, "WORKERS", workers)
        drawn = taken = most = 0

        def items() -> Iterator[int]:
            nonlocal drawn
            for number in range(50):
                drawn += 1
                yield number

        for _ in in_threads(lambda number: number, items()):
            taken += 1
            most = max(most, drawn - taken)
        assert taken == 50
        assert most <= workers + 2

    def test_an_error_comes_at_its_place_and_ends_the_rest(self) -> None:
        done: list[int] = []

        def work(number: int) -> int:
            if number == 5:
                raise ValueError("five")
            done.append(number)
            return number

        got: list[int] = []
        with pytest.raises(ValueError, match="five"):
            got.extend(in_threads(work, range(1000)))
        assert got == [0, 1, 2, 3, 4]
        assert len(done) < 20
        assert ours() == []

    def test_leaving_early_ends_the_threads(self) -> None:
        with closing(in_threads(lambda number: number, range(1000))) as landed:
            assert next(landed) == 0
            assert ours()
        assert ours() == []


def test_one_core_gives_the_same(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = connection.read_sql(MANY)
    monkeypatch.setattr(threads, "WORKERS", 1)
    monkeypatch.setattr(unpack, "BLOCK", 10_000)
    monkeypatch.setattr(unpack, "FEW", 0)
    pd.testing.assert_frame_equal(connection.read_sql(MANY), expected)
    assert expected["i"].tolist() == list(range(1, 60_001))


def test_a_workers_error_names_table_column_and_row(
    connection: Connection, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.run("create table t (id int primary key, day date)")
    scratch.run("insert into t select i, case i when 4321 then date 'infinity' else '2020-01-01' end"
                " from generate_series(1, 6000) i")  # fmt: skip
    monkeypatch.setattr(unpack, "BLOCK", 10_000)
    monkeypatch.setattr(unpack, "FEW", 0)
    with pytest.raises(ValueOutOfRange, match=r"s_scratch\.t, column 'day', row 4321") as caught:
        connection.read_table("s_scratch", "t")
    assert caught.value.row_key == {"id": "4321"}
    assert ours() == []


@pytest.mark.parametrize(
    "era", ["0.47", pytest.param("0.49", marks=pytest.mark.long)]
)  # older servers let a statement run to its end
class TestCtrlC:
    """A question is interrupted while it waits, and while it reads; nothing of it goes on anywhere."""

    def interrupted(self, scratch: Scratch, question: Callable[[], object], running: str) -> None:
        def strike() -> None:
            for _ in range(400):
                if scratch.run("select 1 from pg_stat_activity where query like %s and state = 'active'", running):
                    break
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=strike)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            question()
        thread.join()
        assert ours() == []
        for _ in range(200):
            if not scratch.run("select 1 from pg_stat_activity where query like %s and state = 'active'", running):
                return
            time.sleep(0.05)
        pytest.fail("the statement still runs on the server")

    def test_while_it_waits(self, connection: Connection, scratch: Scratch) -> None:
        sql = "select pg_sleep(60)::text as nap_of_a_minute"
        self.interrupted(scratch, lambda: connection.read_sql(sql), "%nap_of_a_minute%union all%")

    def test_while_it_reads(self, connection: Connection, scratch: Scratch) -> None:
        sql = "select i as number_of_many, repeat('x', 2000) as filling from generate_series(1, 3000000) i"
        self.interrupted(scratch, lambda: connection.read_sql(sql), "%number_of_many%union all%")

    def test_a_snapshot(self, connection: Connection, scratch: Scratch, tmp_path: Path) -> None:
        scratch.run("create table big as select i as number, repeat('x', 2000) as t from generate_series(1, 30000) i")
        scratch.run("create view slow_view as select number, pg_sleep(60)::text as nap from big limit 1")
        ask = lambda: connection.snapshot(tmp_path / "cut", schemas="s_scratch")  # noqa: E731
        self.interrupted(scratch, ask, "%slow_view%union all%")
        assert list(tmp_path.iterdir()) == []
