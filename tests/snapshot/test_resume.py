"""After a broken connection what had come whole is kept, and proven again: within the call, and by the next one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moments import PROD, before_statements, states
from sandboxes import Connect, Scratch

from insight_frames import Connection, InsightError, ServerUnavailable
from insight_frames.sandbox import Box
from insight_frames.snapshots import Snapshot, folder
from insight_frames.sources import together
from insight_frames.wire import patience

ERAS = pytest.mark.parametrize("era", ["0.34", "0.47"])
streaming = pytest.mark.parametrize("era", ["0.47"])
TABLES = [f"t{number:02}" for number in range(12)]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "PAUSE", 0.0)


@pytest.fixture
def tables(scratch: Scratch) -> Scratch:
    for name in TABLES:
        scratch.run(
            f"create table {name} as select 1 as state, g as n, repeat('x', 50) as x from generate_series(1, 3000) g"
        )
    scratch.run("create view v as select state, n, x from t00")
    return scratch


def cuts(box: Box, *places: int | None, then: Callable[[int], object] = lambda number: None) -> Callable[[int], None]:
    """Cut the n-th statement's answer after so many bytes (None: let it pass) and do something before it."""

    def act(number: int) -> None:
        then(number)
        at = places[number] if number < len(places) else None
        if at is not None:
            box.fault(kind="cut_after_bytes", bytes=at, path="/api/dataset/json")

    return act


def read(sql: str) -> list[str]:
    """Which of the tables a statement reads rows of."""
    return [name for name in TABLES if 'row(0,t."state"' in sql and f'only "s_scratch"."{name}" t\n   where' in sql]


def whole(cut: Snapshot, state: int = 1) -> None:
    assert cut.verify()
    for name in [*TABLES, "v"]:
        frame = cut.read_table("s_scratch", name)
        assert sorted(frame["n"]) == list(range(1, 3001)), name
        assert set(frame["state"]) == {state}, name
    assert not [one for one in os.listdir(cut.path.parent) if one.startswith(".")]


@streaming
def test_all_that_a_statement_reads(connect: Connect, tables: Scratch, tmp_path: Path) -> None:
    connection = connect()
    with before_statements(connection, lambda number: None) as sent:
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert [read(one) for one in sent] == [TABLES]


@ERAS
def test_the_rest_is_fetched(box: Box, connect: Connect, tables: Scratch, tmp_path: Path) -> None:
    connection = connect()
    with before_statements(connection, cuts(box, 2_400_000)) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    whole(cut)
    first, second = map(read, sent)
    assert first == TABLES
    assert 0 < len(second) < 8
    assert second == TABLES[-len(second) :]
    summary = cut.manifest["insight"]
    assert (summary["consistency"], summary["statements"]) == ("same-generation", 2)
    assert summary["evidence"]["broken_connections"] == 1


@ERAS
@pytest.mark.parametrize("statement", ["update {} set state = 2", "truncate {}; insert into {} select 2, n, x from t"])
def test_what_moved_meanwhile_is_fetched_again(
    box: Box, connect: Connect, tables: Scratch, statement: str, tmp_path: Path
) -> None:
    tables.run("create table t as select * from t00")
    connection = connect()

    def refresh(number: int) -> None:
        if number == 1:
            with tables.database.transaction():
                for name in TABLES:
                    tables.run(statement.format(name, name))

    with before_statements(connection, cuts(box, 2_400_000, then=refresh)) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch", exclude=["t"])
    whole(cut, 2)
    assert len(sent) == 3
    assert {*read(sent[1]), *read(sent[2])} == set(TABLES)


@ERAS
def test_it_goes_on_only_while_it_gets_on(box: Box, connect: Connect, tables: Scratch, tmp_path: Path) -> None:
    """A connection that breaks before anything was whole is told at once; the server is not hammered."""
    connection = connect()
    with before_statements(connection, cuts(box, 20_000)) as sent, pytest.raises(InsightError, match="broke off"):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert len(sent) == 1
    assert list(tmp_path.iterdir()) == []
    with before_statements(connection, cuts(box, 2_400_000, 20_000)) as sent, pytest.raises(InsightError):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert len(sent) == 2


def broken(box: Box, connection: Connection, path: Path, **how: Any) -> Path:
    """Let a snapshot fail for good; give the hidden folder that is left of it."""
    with before_statements(connection, cuts(box, 2_400_000, 20_000)), pytest.raises(InsightError, match="broke off"):
        connection.snapshot(path, schemas="s_scratch", **how)
    assert not path.exists() or how.get("overwrite")
    (left,) = (one for one in path.parent.iterdir() if one.name.startswith("."))
    assert {one.name for one in left.iterdir()} == {folder.REST, folder.OWNER, "s_scratch"}
    return left


@ERAS
def test_the_next_call_goes_on(box: Box, connect: Connect, tables: Scratch, tmp_path: Path) -> None:
    left = broken(box, connect(), tmp_path / "cut")
    kept = sorted(one.stem for one in left.rglob("*.parquet"))
    assert kept == TABLES[: len(kept)]
    connection = connect()
    with before_statements(connection, lambda number: None) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    whole(cut)
    assert [read(one) for one in sent] == [TABLES[len(kept) :]]
    assert cut.manifest["insight"]["evidence"]["kept_from_earlier_attempt"] == len(kept)
    assert cut.manifest["insight"]["consistency"] == "same-generation"
    again = connection.snapshot(tmp_path / "again", schemas="s_scratch")
    assert again.fingerprint == cut.fingerprint
    strip = ("bytes", "hash")
    for one, other in zip(cut.manifest["resources"], again.manifest["resources"], strict=True):
        one["insight"].pop("generation"), other["insight"].pop("generation")
        assert {key: value for key, value in one.items() if key not in strip} == {
            key: value for key, value in other.items() if key not in strip
        }


@streaming
def test_an_old_snapshot_stands_until_the_new_one_is_whole(
    box: Box, connect: Connect, tables: Scratch, tmp_path: Path
) -> None:
    connection = connect()
    old = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    tables.run("update t00 set state = 2; update t01 set state = 2")
    broken(box, connection, tmp_path / "cut", overwrite=True)
    assert old.verify()
    new = connection.snapshot(tmp_path / "cut", schemas="s_scratch", overwrite=True)
    assert new.verify()
    assert set(new.read_table("s_scratch", "t01")["state"]) == {2}
    assert os.listdir(tmp_path) == ["cut"]


CHANGES = {
    "moved": lambda scratch, left: scratch.run("update t01 set state = 1; update t02 set n = n"),
    "swapped": lambda scratch, left: scratch.run(
        "create table new as select * from t01; grant select on new to insight_analyst; drop table t01;"
        " alter table new rename to t01"
    ),
    "another file": lambda scratch, left: (left / "s_scratch" / "t01.parquet").write_bytes(b"another"),
    "a file is gone": lambda scratch, left: (left / "s_scratch" / "t01.parquet").unlink(),
    "a file exchanged": lambda scratch, left: os.replace(
        left / "s_scratch" / "t02.parquet", left / "s_scratch" / "t01.parquet"
    ),
    "one more file": lambda scratch, left: (left / "s_scratch" / "more.parquet").write_bytes(b"more"),
    "half a note": lambda scratch, left: (left / folder.REST).write_text('{"question": "'),
    "an odd note": lambda scratch, left: (left / folder.REST).write_text(
        json.dumps({**json.loads((left / folder.REST).read_text()), "tables": [{"path": "../../x"}, 7]})
    ),
}


@streaming
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_left_is_not_trusted(box: Box, connect: Connect, tables: Scratch, change: str, tmp_path: Path) -> None:
    connection = connect()
    left = broken(box, connection, tmp_path / "cut")
    CHANGES[change](tables, left)
    cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    whole(cut)


@pytest.mark.parametrize("era", ["0.34"])
def test_a_server_that_goes_away_between_statements(
    box: Box, connect: Connect, tables: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables of statements that had come whole are kept, also those that came in several statements."""
    monkeypatch.setattr(patience, "REPEATS", 0)
    connection = connect(statement_bytes=300_000)
    with before_statements(connection, lambda number: None) as sent:
        connection.snapshot(tmp_path / "whole", schemas="s_scratch")
    count = len(sent)
    assert count > 12

    def away(number: int) -> None:
        if number == 9:
            box.fault(kind="html", status=502, path="/api/dataset/json", times=2)

    with before_statements(connection, away) as sent, pytest.raises(ServerUnavailable):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert len(sent) == 11  # once more, and then it had brought nothing more
    with before_statements(connection, lambda number: None) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    whole(cut)
    assert len(sent) <= count - 6
    assert cut.manifest["insight"]["evidence"]["kept_from_earlier_attempt"] == 2


@streaming
def test_a_disk_that_is_too_full_to_keep_anything(
    box: Box, connect: Connect, tables: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = folder.write_file

    def full(path: Path, text: str) -> None:
        if path.name == folder.REST:
            path.write_text("half")
            raise OSError(28, os.strerror(28))
        write(path, text)

    monkeypatch.setattr(folder, "write_file", full)
    connection = connect()
    broken_twice = before_statements(connection, cuts(box, 2_400_000, 20_000))
    with broken_twice, pytest.raises(InsightError, match="broke off"):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert list(tmp_path.iterdir()) == []


@streaming
def test_what_is_left_for_long_is_removed(box: Box, connect: Connect, tables: Scratch, tmp_path: Path) -> None:
    connection = connect()
    left = broken(box, connection, tmp_path / "cut")
    os.utime(left / folder.REST, (0, 0))
    cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    whole(cut)
    assert "kept_from_earlier_attempt" not in cut.manifest["insight"]["evidence"]


@streaming
def test_another_question_starts_anew(box: Box, connect: Connect, tables: Scratch, tmp_path: Path) -> None:
    connection = connect()
    for other in ({"exclude": ["t11", "v"]}, {"consistency": "one-statement"}):
        broken(box, connection, tmp_path / "cut")
        with before_statements(connection, lambda number: None) as sent:
            cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch", overwrite=True, **other)
        assert len(sent) == 1
        assert len(read(sent[0])) >= 11
        assert cut.verify()
        assert "kept_from_earlier_attempt" not in cut.manifest["insight"]["evidence"]
        assert os.listdir(tmp_path) == ["cut"]
        os.rename(tmp_path / "cut", tmp_path.parent / f"{tmp_path.name} {len(other)} {other.popitem()[0]}")
    left = broken(box, connection, tmp_path / "cut")
    tables.run("alter table t11 add column more int")
    connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert not left.exists()


@streaming
def test_no_second_statement_where_one_was_insisted_on(
    box: Box, connect: Connect, tables: Scratch, tmp_path: Path
) -> None:
    connection = connect()
    with before_statements(connection, cuts(box, 2_400_000)) as sent, pytest.raises(InsightError, match="broke off"):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch", consistency="one-statement")
    assert len(sent) == 1
    assert list(tmp_path.iterdir()) == []


@streaming
@pytest.mark.parametrize("mode", ["delete", "truncate", "swap"])
def test_a_refresh_between_two_attempts(box: Box, connect: Connect, mode: str, tmp_path: Path) -> None:
    connection = connect()

    def refresh(number: int) -> None:
        if number:
            box.refresh(mode)

    with before_statements(connection, cuts(box, 4_000_000, then=refresh)) as sent:
        cut = connection.snapshot(tmp_path / "cut", schemas=PROD)
    assert len(sent) > 1
    assert len(states(cut)) == 1
    assert cut.verify()
