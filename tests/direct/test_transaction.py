"""Snapshots straight from PostgreSQL: one transaction, several sessions, exact whatever the types, or nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sandboxes import Boxes, Connect, Database, Scratch

from insight_frames import InconsistentSnapshot, InvalidInput, PostgresConnection, ServerUnavailable
from insight_frames.sources import transaction

LOCKED = ("big", "big, many")
OURS = "application_name = 'insight_frames'"
FILL = "select g as a, repeat('x', 500) as b from generate_series(1, {}) g"
EXCHANGES = {
    "swap": f"create table new as {FILL.format(3000)}; grant select on new to insight_analyst; drop table big;"
    " alter table new rename to big",
    "truncate": f"truncate big; insert into big {FILL.format(3000)}",
    "rewritten": f"insert into big {FILL.format(1000)}; alter table big alter a type bigint",
    "prepared": f"alter table big rename to old; alter table ready rename to big; insert into big {FILL.format(1000)}",
}


@contextmanager
def exchanging(boxes: Boxes, command: str) -> Iterator[None]:
    """Hold the table, and exchange it once somebody waits for it."""
    held, failed = threading.Event(), []

    def work() -> None:
        try:
            with boxes().connect() as database, boxes().connect() as watching, database.transaction():
                lock = f"lock table {LOCKED['many' in command]} in access exclusive mode"
                database.execute(f"set search_path to s_scratch; {lock}".encode())
                held.set()
                for _ in range(1000):
                    if watching.execute("select 1 from pg_locks where not granted").fetchone():
                        break
                    time.sleep(0.005)
                database.execute(command.encode())
        except BaseException as error:
            failed.append(error)
            held.set()

    thread = threading.Thread(target=work)
    thread.start()
    held.wait(10)
    yield
    thread.join()
    assert not failed, failed


@pytest.fixture
def behind_the_catalogue(monkeypatch: pytest.MonkeyPatch, boxes: Boxes) -> Iterator[Callable[[str], None]]:
    """Exchange a table when the catalogue has been read, the snapshot is taken and the lock waited for."""
    with ExitStack() as stack:

        def exchange(command: str) -> None:
            begun = transaction.TransactionBatches._begun

            def begin(self: Any, opened: Any) -> Any:
                stack.enter_context(exchanging(boxes, command))
                return begun(self, opened)

            monkeypatch.setattr(transaction.TransactionBatches, "_begun", begin)

        yield exchange


@pytest.mark.parametrize("how", EXCHANGES)
def test_a_table_exchanged_while_the_transaction_begins_is_taken_whole(
    direct: PostgresConnection, scratch: Scratch, tmp_path: Path, how: str, behind_the_catalogue: Callable[[str], None]
) -> None:
    """Its snapshot was taken before the exchange: by that alone the table would be empty, or half of it."""
    scratch.run(f"create table big as {FILL.format(2000)}; create table ready as {FILL.format(2000)}")
    behind_the_catalogue(EXCHANGES[how])
    cut = direct.snapshot(tmp_path / "cut", schemas="s_scratch", tables=["big"])
    assert cut.list_tables()["rows_estimate"].tolist() == [3000]
    assert len(cut.read_table("s_scratch", "big")) == 3000


def test_what_a_view_stands_on_is_held_too(
    direct: PostgresConnection, scratch: Scratch, tmp_path: Path, behind_the_catalogue: Callable[[str], None]
) -> None:
    scratch.run(f"create table big as {FILL.format(2000)}; create view seen as select * from big")
    scratch.run("create table many (a int, b text) partition by range (a)")
    scratch.run("create table many_1 partition of many default; insert into many select a, b from big")
    behind_the_catalogue(f"{EXCHANGES['truncate']}; truncate many; insert into many select * from big")
    cut = direct.snapshot(tmp_path / "cut", schemas="s_scratch", tables=["seen", "many"])
    assert [len(cut.read_table("s_scratch", one)) for one in ("seen", "many")] == [3000, 3000]


def test_a_table_that_never_rests(
    direct: PostgresConnection, scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is published when every attempt finds a table exchanged."""
    scratch.run("create table big as select 1 as a")
    monkeypatch.setattr(transaction, "PAUSE", 0.0)
    lock = transaction.TransactionBatches._lock

    def late(self: Any, run: Any, *more: Any) -> None:
        scratch.run("truncate big; insert into big values (2)")  # behind the snapshot, before the lock
        lock(self, run, *more)

    monkeypatch.setattr(transaction.TransactionBatches, "_held", _first_only(late))
    with pytest.raises(InconsistentSnapshot, match="exchanged each of 6 times"):
        direct.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert not (tmp_path / "cut").exists()


def _first_only(lock: Any) -> Any:
    def held(self: Any, stack: Any, *, alone: bool) -> Any:
        first = stack.enter_context(self.server.session())
        first.begin(moment=True)
        made = transaction._Held(str(first.rows("select pg_export_snapshot()")[0][0]), [first])
        lock(self, first.run)
        return made

    return held


def test_what_moves_between_tables_is_in_one_of_them(
    boxes: Boxes, direct: PostgresConnection, scratch: Scratch, tmp_path: Path
) -> None:
    scratch.run("create table a as select g as n from generate_series(1, 20000) g; create table b (n int)")
    scratch.run("create table c as select * from a")
    over = threading.Event()

    def move() -> None:
        with boxes().connect() as database:
            database.execute("set search_path to s_scratch")
            while not over.is_set():
                for one, other in (("a", "b"), ("b", "a")):
                    moved = f"delete from {one} where n % 7 = (random() * 6)::int returning n"
                    database.execute(f"with x as ({moved}) insert into {other} select n from x".encode())

    thread = threading.Thread(target=move)
    thread.start()
    try:
        for number in range(2):
            cut = direct.snapshot(tmp_path / f"cut{number}", schemas="s_scratch")
            found = [cut.read_table("s_scratch", one)["n"] for one in ("a", "b")]
            assert sorted([*found[0], *found[1]]) == list(range(1, 20001))
    finally:
        over.set()
        thread.join()


ODD = r'''
create type mood as enum ('low', 'high'); create domain code as int check (value > 0);
create type pair as (a int, t timestamptz);
create table odd (k int primary key, a date, b timestamp, c timestamptz, d numeric, e numeric(6,2), f money, g int[][],
  h interval, i mood, j code, l pair, m float4, n bytea, o char(4), p varchar(3), q jsonb, r uuid, s inet, t time,
  u tstzrange, v bool[], w "char", x text[], y bit(3), z name);
insert into odd values
 (1, 'infinity', '-infinity', 'infinity', 'NaN', 1.50, 12.34, '{{1,2},{3,4}}', '1 year 2 days', 'high', 5,
  '(1,2024-01-01 00:00+01)', 'NaN', '\xff00', 'ab', 'a,b', '{"a": "\\\"x"}', gen_random_uuid(), '10.0.0.1/8',
  '12:00:00.5', '[2024-01-01 00:00+02,)', '{t,f,null}', 'x', '{"a b",null,""}', '101', 'nm'),
 (2, '0044-03-15 BC', '294275-01-01', '0044-03-15 BC', 1e40, -0.01, -1, null, '-1 mon', null, null, null, 1e-40, '', '',
  '', 'null', null, null, '24:00', 'empty', null, null, null, null, null),
 (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null, null);
create table fine as select k, o, p, j, m, n from odd; create table "no columns" ();
insert into "no columns" default values;
create table nothing (a int, b timestamptz);
create table "Ünï ""code""" as select 'é' || chr(8232) || E'\n\\' || chr(1) as "ü", 9223372036854775807 as "select";
create view seen as select k, a, i from odd; create materialized view kept as select * from odd;
create table moments as select g as k, timestamptz '2024-01-01' + g * interval '1 us' as at, null::date as d
  from generate_series(1, 9000) g; insert into moments values (0, 'infinity', 'infinity');
'''


@pytest.mark.parametrize("era", ["0.47"])
def test_every_value_is_what_it_is_through_metabase(
    connect: Connect, direct: PostgresConnection, scratch: Scratch, tmp_path: Path
) -> None:
    """ADBC reads what it reads exactly; what it would not is seen and read again, from the table's first row on."""
    scratch.run(ODD)
    one = connect().snapshot(tmp_path / "front", schemas="s_scratch")
    other = direct.snapshot(tmp_path / "direct", schemas="s_scratch")
    contents = [{r["name"]: r["insight"]["content"] for r in cut.manifest["resources"]} for cut in (one, other)]
    assert contents[0] == contents[1]
    assert one.fingerprint == other.fingerprint
    assert other.verify()
    assert len(contents[0]) == 8


def test_the_server_ends_it(direct: PostgresConnection, superuser: Database, scratch: Scratch, tmp_path: Path) -> None:
    """Nothing is left of a snapshot whose sessions were ended while it was being read."""
    scratch.run(f"create table t as {FILL.format(15000)}")

    def end(told: Any) -> None:
        superuser.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {OURS}".encode())

    with pytest.raises(ServerUnavailable, match="connection to PostgreSQL was lost"):
        direct.snapshot(tmp_path / "cut", schemas="s_scratch", progress=end)
    assert list(tmp_path.iterdir()) == []
    assert direct.snapshot(tmp_path / "cut", schemas="s_scratch").verify()


def test_left_by_an_error_no_session_stays(
    direct: PostgresConnection, superuser: Database, scratch: Scratch, tmp_path: Path
) -> None:
    scratch.run(f"create table t as {FILL.format(15000)}")

    class Stop(Exception):
        pass

    def stop(told: Any) -> None:
        raise Stop

    with pytest.raises(Stop):
        direct.snapshot(tmp_path / "cut", schemas="s_scratch", progress=stop)
    assert list(tmp_path.iterdir()) == []
    asked = f"select count(*) from pg_stat_activity where {OURS} and xact_start is not null"
    for _ in range(500):
        if superuser.execute(asked.encode()).fetchone() == (0,):
            break
        time.sleep(0.01)
    assert superuser.execute(asked.encode()).fetchone() == (0,)


def test_consistency(direct: PostgresConnection, tmp_path: Path) -> None:
    cut = direct.snapshot(
        tmp_path / "cut", schemas="s_cardio3test", tables=["site"], consistency="one-transaction", progress=False
    )
    told = cut.manifest["insight"]
    assert (told["consistency"], told["statements"]) == ("one-transaction", 1)
    assert "REPEATABLE READ READ ONLY" in told["evidence"]["proof"]
    assert len(told["evidence"]["snapshots"]) == 1
    with pytest.raises(InvalidInput, match="consistency is not known"):
        direct.snapshot(tmp_path / "other", consistency="some")  # type: ignore[arg-type]
