"""What cannot be meant by a snapshot: told before anything is asked of the server where it can be, and always why."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sandboxes import Connect, Scratch
from standin import Source, study

from insight_frames import Connection, InvalidInput, SchemaNotFound, SnapshotError, TableNotFound
from insight_frames.sandbox import Box
from insight_frames.snapshots import folder, open_snapshot, take

live = pytest.mark.parametrize("era", ["0.47"])


@live
def test_a_path_that_is_no_place_for_it_is_told_before_anything_is_asked(
    box: Box, connection: Connection, tmp_path: Path
) -> None:
    cut = connection.snapshot(tmp_path / "cut", schemas="s_cardio3prod", tables=["site"])
    (tmp_path / "file").write_text("mine")
    box.clear_requests()
    for path, message in {
        cut.path: "There is a snapshot under this path already.*overwrite=True",
        cut.path / "s_cardio3prod": "inside another one",
        cut.path / "deeper" / "down": "inside another one",
        tmp_path / "file": "exists and is not a snapshot; it was left as it is",
        tmp_path: "exists and is not a snapshot",
        tmp_path / "a\0b": "must end in a name",
    }.items():
        with pytest.raises(SnapshotError, match=message):
            connection.snapshot(path, schemas="s_cardio3prod")
    assert box.requests == []
    assert cut.verify()
    assert sorted(os.listdir(tmp_path)) == ["cut", "file"]


@contextmanager
def nobody() -> Iterator[None]:
    """The rights of a folder mean nothing to root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_may_not_be_written_in(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    source = Source(study())
    with (
        nobody(),
        pytest.raises(SnapshotError, match=r"cannot be written \(.*closed/cut\); got Permission denied"),
    ):
        take(source, source.tables, closed / "cut")
    assert source.opened == 0


@pytest.mark.parametrize("name", ["naïve ☃", "a'b\"c", "two\nlines", "%41", "-rf", "…", "a" * 200, ".hidden"])
def test_paths_of_any_name(name: str, tmp_path: Path) -> None:
    source = Source(study())
    assert take(source, source.tables, tmp_path / name).verify()
    take(source, source.tables, tmp_path / name, overwrite=True)
    assert os.listdir(tmp_path) == [name]
    assert open_snapshot(tmp_path / name).fingerprint


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    source = Source(study())
    with pytest.raises(SnapshotError, match="File name too long"):
        take(source, source.tables, tmp_path / ("a" * 250))
    assert os.listdir(tmp_path) == []


@live
def test_tables_that_are_not_there(connection: Connection, scratch: Scratch, tmp_path: Path) -> None:
    schema: Any = "s_cardio3prod"
    wrong: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (TableNotFound, "no table 'particpant' to exclude.*'participant'", {"exclude": ["particpant"]}),
        (TableNotFound, "no table 's_scratch.site' to exclude", {"exclude": ["s_scratch.site"]}),
        (TableNotFound, "no table 'sites' to table.*'site'", {"tables": ["site", "sites"]}),
        (InvalidInput, r"exclude must be a list of names; got one str. Try: exclude=\['site'\]", {"exclude": "site"}),
        (InvalidInput, "tables must be a list of names", {"tables": "site"}),
        (InvalidInput, "tables must be a list of names", {"tables": [1]}),
        (InvalidInput, "exclude leaves no table to take", {"tables": ["site"], "exclude": ["site"]}),
        (InvalidInput, "There is no table to take.*'s_scratch'.*got none", {"schemas": "s_scratch"}),
        (InvalidInput, "There is no table to take", {"schemas": []}),
        (InvalidInput, "There is no table to take", {"tables": []}),
        (SchemaNotFound, "s_cardio3prod", {"schemas": ["s_cardio3prd"]}),
    ]
    for error, message, how in wrong:
        with pytest.raises(error, match=f"(?i){message}"):
            connection.snapshot(tmp_path / "cut", **{"schemas": schema, **how})
    scratch.run("create table closed (n int); revoke select on closed from insight_analyst")
    with pytest.raises(InvalidInput, match=r"no table to take.*got 1 that this account may not"):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert list(tmp_path.iterdir()) == []


@live
def test_a_table_that_may_not_be_read(connection: Connection, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table closed (n int); revoke select on closed from insight_analyst; create table a (n int)")
    with pytest.raises(PermissionError, match=r"s_scratch\.closed"):
        connection.snapshot(tmp_path / "cut", schemas="s_scratch", tables=["a", "closed"])
    cut = connection.snapshot(tmp_path / "cut", schemas="s_scratch")
    assert cut.tables == [("s_scratch", "a")]
    assert cut.manifest["insight"]["not_readable"] == ["s_scratch.closed"]


def test_ctrl_c(tmp_path: Path) -> None:
    source = Source(study(), step=lambda number: signal.raise_signal(signal.SIGINT) if number == 3 else None)
    with pytest.raises(KeyboardInterrupt):
        take(source, source.tables, tmp_path / "cut")
    assert os.listdir(tmp_path) == []


def test_a_disk_that_is_full_before_the_first_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(folder, "write_file", full)
    source = Source(study())
    with pytest.raises(SnapshotError, match=r"No space left.*free space"):
        take(source, source.tables, tmp_path / "cut")
    assert source.opened == 0


# ---------------------------------------------------------------- what the manifest says
@live
def test_the_manifest_of_a_live_snapshot(box: Box, connect: Connect, tmp_path: Path) -> None:
    connection = connect("site")
    cut = connection.snapshot(tmp_path / "cut", schemas="s_cardio3prod")
    summary = cut.manifest["insight"]
    assert summary["source"]["server"] == box.url
    assert summary["source"]["server_version"] == connection.server_version
    assert summary["source"]["database"] == "insight"
    assert summary["source"]["postgresql_version"].split(".")[0].isdigit()
    assert summary["source"]["user"] == "site@example.com"
    assert summary["started"] < summary["taken"] < summary["finished"]
    assert all(summary[one].endswith("Z") for one in ("started", "taken", "finished"))
    assert (summary["consistency"], summary["statements"]) == ("one-statement", 1)
    assert set(summary["evidence"]) == {"snapshots", "proof", "read_again", "broken_connections"}
    assert [set(one) for one in summary["refresh_log"]["s_cardio3prod"]] == [
        set(cut.describe_table("s_cardio3prod", "refresh_log")["column"])
    ] * 3
    assert (summary["filters"], summary["masks"]) == ([], [])
    assert set(summary["libraries"]) >= {"python", "insight-frames", "pyarrow", "numpy", "pandas"}
    hidden = {one["table"] for one in summary["warnings"] if "row security" in one["reason"]}
    assert "participant" in hidden
    for resource in cut.manifest["resources"]:
        table = resource["insight"]
        assert table["generation"]["oid"].isdigit()
        assert (table["generation"]["relfilenode"] is None) == (table["kind"] == "view")
        assert table["generation"]["snapshot"] in summary["evidence"]["snapshots"]
