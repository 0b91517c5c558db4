"""Taking a snapshot: all or nothing, one writer, nothing touched that was not asked for."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from standin import EVIDENCE, Given, Source, Text, study

from insight_frames import manifest
from insight_frames.errors import InconsistentSnapshot, InsightError, InvalidInput, QueryFailed, SnapshotError
from insight_frames.sinks import hashing_file
from insight_frames.snapshots import Snapshot, folder, open_snapshot, refuse_twins, take

INFO = {
    "server": "https://acme.example",
    "server_version": "v0.47.2",
    "database": "Insight",
    "user": "anna@example.com",
}


def taken(path: Path, shift: int = 0, **keywords: Any) -> Snapshot:
    source = Source(study(shift))
    return take(source, source.tables, path, **keywords)


def state(path: Path) -> int:
    cut = open_snapshot(path)
    report = cut.verify()
    assert report, str(report)
    return int(cut.read_table("s_juno", "site")["state"][0])


def test_a_whole_snapshot(tmp_path: Path) -> None:
    info = {**INFO, "schemas": {"s_juno": "Juno"}, "refresh_log": [{"id": 7}], "not_readable": ["s_juno.secret"]}
    cut = taken(tmp_path / "deep" / "down" / "cut", info=info)
    assert sorted(one.relative_to(cut.path).as_posix() for one in cut.path.rglob("*")) == [
        "datapackage.json",
        "s_juno",
        "s_juno/note.parquet",
        "s_juno/participant.parquet",
        "s_juno/site.parquet",
    ]
    assert os.listdir(cut.path.parent) == ["cut"]
    summary = cut.manifest["insight"]
    assert summary["source"] == {**INFO, "postgresql_version": None}
    assert (summary["refresh_log"], summary["not_readable"]) == ([{"id": 7}], ["s_juno.secret"])
    assert (summary["consistency"], summary["statements"]) == ("one-statement", 1)
    assert summary["evidence"] == {"snapshots": ["740:740:"]}
    assert summary["taken"] == EVIDENCE["taken"]
    assert summary["started"] <= summary["finished"] == cut.manifest["created"]
    assert summary["libraries"]["pyarrow"] == pa.__version__
    assert summary["warnings"] == []
    assert cut.tables == [("s_juno", "site"), ("s_juno", "participant"), ("s_juno", "note")]
    assert f"fingerprint {cut.fingerprint}" in repr(cut)
    assert len(repr(cut)) < 300


def test_the_fingerprint_follows_the_contents_alone(tmp_path: Path) -> None:
    one = taken(tmp_path / "one", info=INFO)
    interleaved = Source(study(), interleave=True)
    other = take(interleaved, interleaved.tables[::-1], tmp_path / "other")
    assert one.fingerprint == other.fingerprint
    assert taken(tmp_path / "later", 1).fingerprint != one.fingerprint


def test_no_credentials_reach_the_disk(tmp_path: Path) -> None:
    info = {**INFO, "server": "https://anna:geheim@acme.example:8443/insight?session=geheim#geheim"}
    cut = taken(tmp_path / "cut", info=info)
    assert cut.manifest["insight"]["source"]["server"] == "https://acme.example:8443/insight"
    for file in cut.path.rglob("*"):
        assert file.is_dir() or b"geheim" not in file.read_bytes()


def test_odd_names_are_safe_on_every_file_system(tmp_path: Path) -> None:
    names = [
        "a/b",
        "..",
        ".",
        "con",
        "Group",
        "group",
        'say "hi"',
        "ends.",
        "ends ",
        "naïve ☃",
        "a" * 63,
        "%2e",
        "NUL",
        "x\\y",
        "*?",
    ]
    given = [Given(schema, name, {"n": ("integer", [1])}) for schema in ("S/../x", "aux") for name in names]
    source = Source(given)
    cut = take(source, source.tables, tmp_path / "cut")
    paths = [one["path"] for one in cut.manifest["resources"]]
    assert len({one.lower() for one in paths}) == len(paths)
    for path in paths:
        schema, file = path.split("/")
        assert set(path) <= set("abcdefghijklmnopqrstuvwxyz0123456789_%/.")
        assert file.count(".") == 1
        assert {schema, file.partition(".")[0]}.isdisjoint({"con", "nul", "aux", ""})
        assert (cut.path / path).is_file()
    assert cut.verify()
    for schema, name in cut.tables:
        assert cut.read_table(schema, name)["n"].tolist() == [1]


def test_a_column_with_a_value_out_of_range_becomes_text_with_a_warning(tmp_path: Path) -> None:
    born = Text(["infinity", None, "2001-02-03"])
    source = Source([Given("s", "t", {"born": ("date", born), "n": ("integer", [1, 2, 3])}, size=1)])
    cut = take(source, source.tables, tmp_path / "cut")
    assert cut.manifest["insight"]["warnings"] == [
        {
            "schema": "s",
            "table": "t",
            "column": "born",
            "reason": "at least one value does not fit date in Arrow; the column is kept as PostgreSQL's text",
        }
    ]
    assert "infinity" not in (cut.path / manifest.NAME).read_text()
    assert cut.verify()


# ---------------------------------------------------------------- what is refused
def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    taken(tmp_path / "cut", 1)
    source = Source(study(2))
    with pytest.raises(SnapshotError, match="overwrite=True"):
        take(source, source.tables, tmp_path / "cut")
    assert source.opened == 0, "it asked the server before it looked at the path"
    assert state(tmp_path / "cut") == 1


def test_overwrite_replaces_a_snapshot(tmp_path: Path) -> None:
    taken(tmp_path / "cut", 1)
    before = open_snapshot(tmp_path / "cut")
    taken(tmp_path / "cut", 2, overwrite=True)
    assert state(tmp_path / "cut") == 2
    assert os.listdir(tmp_path) == ["cut"]
    with pytest.raises(SnapshotError, match="not the file"):
        before.read_table("s_juno", "site")


@pytest.mark.parametrize("kind", ["file", "folder", "full folder", "link", "other package"])
def test_what_is_not_a_snapshot_is_left_alone(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    if kind == "file":
        path.write_text("mine")
    elif kind == "link":
        taken(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
        if kind == "full folder":
            (path / "mine").write_text("mine")
        if kind == "other package":
            (path / "datapackage.json").write_text('{"resources": []}')
    before = sorted(one.name for one in tmp_path.rglob("*"))
    with pytest.raises(SnapshotError, match="not a snapshot"):
        taken(path, overwrite=True)
    assert sorted(one.name for one in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("inside", ["below", "s_juno/below", "s_juno"])
def test_no_snapshot_inside_a_snapshot(inside: str, tmp_path: Path) -> None:
    taken(tmp_path / "cut")
    with pytest.raises(SnapshotError, match="inside another"):
        taken(tmp_path / "cut" / inside)
    (tmp_path / "link").symlink_to(tmp_path / "cut" / "s_juno")
    with pytest.raises(SnapshotError, match="inside another"):
        taken(tmp_path / "link" / inside)
    assert open_snapshot(tmp_path / "cut").verify()


@pytest.mark.parametrize("path", ["", "/", "a\0b", 7])
def test_paths_that_cannot_be_meant(path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(SnapshotError, match="path of a snapshot"):
        taken(path)


def test_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SnapshotError, match="cannot be written"):
        taken(tmp_path / "file" / "cut")


def test_no_tables_and_tables_twice(tmp_path: Path) -> None:
    source = Source(study())
    with pytest.raises(InvalidInput, match="no table"):
        take(source, [], tmp_path / "cut")
    with pytest.raises(InvalidInput, match=r"s_juno\.site is named twice"):
        take(source, source.tables[:1] * 2, tmp_path / "cut")
    assert os.listdir(tmp_path) == []


def test_columns_of_one_name(tmp_path: Path) -> None:
    given = Given("s", "t", {"n": ("integer", [1])})
    given.schema = pa.schema([*given.schema, *given.schema])
    with pytest.raises(InvalidInput, match="two columns of one name"):
        take(Source([given]), [given.table], tmp_path / "cut")
    assert os.listdir(tmp_path) == []


def test_no_moment_no_snapshot(tmp_path: Path) -> None:
    for evidence in ({"consistency": "none"}, {"statements": 2}):
        source = Source(study(), evidence=evidence)
        with pytest.raises(InconsistentSnapshot, match="one moment"):
            take(source, source.tables, tmp_path / "cut")
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- errors on the way
@pytest.mark.parametrize(
    "error", [QueryFailed("refused"), KeyboardInterrupt(), MemoryError(), ConnectionResetError("x")]
)
@pytest.mark.parametrize("at", [0, 3, 5])
def test_an_error_on_the_way_leaves_nothing(error: BaseException, at: int, tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == at:
            raise error

    for shift, exists in ((1, False), (2, True)):
        if exists:
            taken(tmp_path / "cut", shift)
        source = Source(study(9), step=fail)
        with pytest.raises(type(error)) as caught:
            take(source, source.tables, tmp_path / "cut", overwrite=exists)
        assert caught.value is error, "the error of the source must come through as it is"
        assert os.listdir(tmp_path) == (["cut"] if exists else [])
    assert state(tmp_path / "cut") == 2


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full after n bytes, for many n: in the header, among the rows, in the footer."""
    room = [1 << 30]
    write = hashing_file.HashingFile.write

    def limited(self: hashing_file.HashingFile, data: Any) -> int:
        room[0] -= memoryview(data).nbytes
        if room[0] < 0 and self._file is not None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, data)

    monkeypatch.setattr(hashing_file.HashingFile, "write", limited)
    needed = sum(one["bytes"] for one in taken(tmp_path / "enough").manifest["resources"])
    for room[0] in range(0, needed, 250):
        source = Source(study())
        with pytest.raises(SnapshotError, match="No space left") as caught:
            take(source, source.tables, tmp_path / "cut")
        assert source.reading == 0, "the source must be left at once"
        del caught
        assert os.listdir(tmp_path) == ["enough"]
    room[0] = needed
    assert taken(tmp_path / "cut").verify()


def test_a_full_disk_at_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = folder.write_file

    def full(path: Path, text: str) -> None:
        if path.name == manifest.NAME:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, text)

    monkeypatch.setattr(folder, "write_file", full)
    with pytest.raises(SnapshotError, match="No space left"):
        taken(tmp_path / "cut")
    assert os.listdir(tmp_path) == []


def test_the_second_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(tmp_path / "cut", 1)
    rename = os.rename

    def refuse(old: Any, new: Any) -> None:
        if Path(old).suffix == ".partial":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        rename(old, new)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(SnapshotError, match="Permission denied"):
        taken(tmp_path / "cut", 2, overwrite=True)
    assert os.listdir(tmp_path) == ["cut"]
    assert state(tmp_path / "cut") == 1


# ---------------------------------------------------------------- several writers, dead writers
def test_two_writers_one_wins(tmp_path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()
    done: list[Snapshot] = []

    def wait(number: int) -> None:
        if number == 1:
            inside.set()
            assert go_on.wait(30)

    first = Source(study(1), step=wait)
    thread = threading.Thread(target=lambda: done.append(take(first, first.tables, tmp_path / "cut")))
    thread.start()
    try:
        assert inside.wait(30)
        with pytest.raises(SnapshotError, match=rf"being written.*process {os.getpid()} on "):
            taken(tmp_path / "cut", 2)
        taken(tmp_path / "another", 3)
    finally:
        go_on.set()
        thread.join(30)
    assert done
    assert state(tmp_path / "cut") == 1
    assert sorted(os.listdir(tmp_path)) == ["another", "cut"]


def _compete(path: Path, number: int, start: Any, results: Any) -> None:
    start.wait(30)
    try:
        taken(path, number, overwrite=True)
        results.put((number, None))
    except InsightError as error:
        results.put((number, str(error)))


def test_processes_on_one_target(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(3), context.Queue()
    workers = [context.Process(target=_compete, args=(tmp_path / "cut", one, start, results)) for one in (1, 2, 3)]
    for one in workers:
        one.start()
    found = dict(results.get(timeout=60) for _ in workers)
    for one in workers:
        one.join(30)
    winners = [number for number, error in found.items() if error is None]
    assert winners
    assert all("being written" in error for error in found.values() if error is not None)
    assert state(tmp_path / "cut") in winners
    assert os.listdir(tmp_path) == ["cut"]


def test_left_overs_of_dead_writers_are_cleaned(tmp_path: Path) -> None:
    for name in (".cut.0123456789ab.partial", ".cut.ba9876543210.partial"):
        (tmp_path / name / "s_juno").mkdir(parents=True)
        (tmp_path / name / "s_juno" / "site.parquet").write_bytes(b"half")
    (tmp_path / ".cut.lock").write_text("{}")
    other = tmp_path / ".cut.more.0123456789ab.partial"
    other.mkdir()
    taken(tmp_path / "cut")
    assert sorted(os.listdir(tmp_path)) == [other.name, "cut"]


def test_the_folder_of_a_writer_on_another_host_is_left_for_a_day(tmp_path: Path) -> None:
    foreign = tmp_path / ".cut.0123456789ab.partial"
    foreign.mkdir()
    owner = foreign / folder.OWNER
    owner.write_text(json.dumps({"pid": 1, "host": "elsewhere.example", "started": "2026-11-24T00:00:00Z"}))
    taken(tmp_path / "cut")
    assert foreign.exists()
    os.utime(owner, (0, 0))
    taken(tmp_path / "cut", overwrite=True)
    assert not foreign.exists()


@pytest.mark.parametrize("new", ["whole", "half", "gone"])
def test_an_interrupted_swap_is_finished_or_undone(new: str, tmp_path: Path) -> None:
    old, partial = tmp_path / ".cut.0123456789ab.old", tmp_path / ".cut.0123456789ab.partial"
    taken(tmp_path / "one", 1).path.rename(old)
    if new != "gone":
        taken(tmp_path / "two", 2).path.rename(partial)
    if new == "half":
        (partial / manifest.NAME).unlink()
    assert state(tmp_path / "cut") == (2 if new == "whole" else 1)
    taken(tmp_path / "cut", 3, overwrite=True)
    assert state(tmp_path / "cut") == 3
    assert os.listdir(tmp_path) == ["cut"]


def test_twins_are_refused() -> None:
    for names in (
        ["s_juno", "s_junotest"],
        ["s_cardio3prod", "s_cardio3test"],
        ["s_vega", "S_JUNO_TEST", "s_juno"],
        ["study(prod)", "study(test)"],
    ):
        with pytest.raises(InvalidInput, match="TEST twin"):
            refuse_twins(names)
    refuse_twins(["s_juno"])
    refuse_twins(["s_junotest"])
    refuse_twins(["s_junoprod", "s_juno"])
    refuse_twins(["s_vega", "s_junotest", "s_orion3prod"])
    refuse_twins([])
