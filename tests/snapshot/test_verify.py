"""Every later damage is found and named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from standin import Given, Source, study

from insight_frames import manifest
from insight_frames.errors import InvalidInput, SnapshotError
from insight_frames.snapshots import Snapshot, open_snapshot, take

SITE = Path("s_juno/site.parquet")
PEOPLE = Path("s_juno/participant.parquet")


@pytest.fixture
def cut(tmp_path: Path) -> Snapshot:
    source = Source([*study(), Given("s_juno", "marks", {}, rows=4)])
    return take(source, source.tables, tmp_path / "cut")


def append(path: Path) -> None:
    with (path / SITE).open("ab") as file:
        file.write(b"x")


def truncate(path: Path) -> None:
    data = (path / SITE).read_bytes()
    (path / SITE).write_bytes(data[:-1])


def empty(path: Path) -> None:
    (path / SITE).write_bytes(b"")


def flip(path: Path) -> None:
    data = bytearray((path / SITE).read_bytes())
    data[6] ^= 1
    (path / SITE).write_bytes(data)


def swap(path: Path) -> None:
    (path / SITE).rename(path / "held")
    (path / PEOPLE).rename(path / SITE)
    (path / "held").rename(path / PEOPLE)


def replace(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    table = pq.read_table(path / SITE)
    pq.write_table(change(table), path / SITE)


def other_rows(path: Path) -> None:
    replace(path, lambda table: table.slice(1))


def other_value(path: Path) -> None:
    replace(path, lambda table: table.set_column(2, table.field(2), pc.add(table[2], 1)))


def other_type(path: Path) -> None:
    replace(path, lambda table: table.set_column(0, "site_id", table["site_id"].cast(pa.int64())))


def unknown_type(path: Path) -> None:
    replace(path, lambda table: table.set_column(0, "site_id", table["site_id"].cast(pa.int8())))


def other_name(path: Path) -> None:
    replace(path, lambda table: table.rename_columns(["id", "label", "state"]))


def edit(path: Path, old: str, new: str) -> None:
    file = path / manifest.NAME
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


DAMAGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "extra file": (lambda path: (path / "s_juno" / "more.txt").write_text(""), ["s_juno/more.txt: this file does not"]),
    "extra folder": (lambda path: (path / "s_more").mkdir(), ["s_more: this folder does not belong"]),
    "missing file": (lambda path: (path / SITE).unlink(), ["s_juno/site.parquet: the file is missing"]),
    "missing folder": (lambda path: shutil.rmtree(path / "s_juno"), ["site.parquet: the file is missing", "note"]),
    "folder for a file": (lambda path: ((path / SITE).unlink(), (path / SITE).mkdir()), ["it is not a plain file"]),
    "link for a file": (
        lambda path: ((path / SITE).rename(path.parent / "moved"), (path / SITE).symlink_to(path.parent / "moved")),
        ["it is not a plain file"],
    ),
    "appended": (append, ["site.parquet: the file is longer than it was", "rows cannot be read"]),
    "truncated": (truncate, ["site.parquet: the file is shorter than it was", "rows cannot be read"]),
    "emptied": (empty, ["shorter.*got 0"]),
    "other bytes": (flip, ["has its length but other bytes"]),
    "swapped tables": (
        swap,
        ["site.parquet: it holds the bytes of s_juno/participant.parquet", "columns or their types"],
    ),
    "fewer rows": (other_rows, ["another number of rows: expected 3, got 2", "contents differ"]),
    "another value": (other_value, [r"contents differ from the manifest's \(content hash\)"]),
    "another type": (other_type, ["columns or their types differ"]),
    "a type never stored": (unknown_type, ["rows cannot be read"]),
    "another column name": (other_name, ["columns or their types differ"]),
    "edited moment": (lambda path: edit(path, "2026-11-24T01:02:03", "2026-11-23T01:02:03"), ["it was edited after"]),
    "edited comment": (lambda path: edit(path, "kg, at screening", "g, at screening"), ["it was edited after"]),
    "edited rows": (lambda path: edit(path, '"rows": 5', '"rows": 6'), ["edited", "expected 6, got 5"]),
    "edited rows of a table without columns": (
        lambda path: edit(path, '"rows": 4', '"rows": 3'),
        ["edited", "expected 3, got 4"],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found(name: str, cut: Snapshot) -> None:
    assert cut.verify()
    damage, expected = DAMAGES[name]
    damage(cut.path)
    report = cut.verify()
    assert not report
    assert f"{len(report.problems)} problems" in str(report)
    for message in expected:
        assert any(re.search(message, one) for one in report.problems), report.problems


def test_an_unreadable_file(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    from insight_frames.snapshots import verify

    def refuse(file: Path, progress: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(verify, "_sha256", refuse)
    report = cut.verify()
    assert len(report.problems) == 4 + 1  # and the fingerprint
    assert "cannot be read (Permission denied)" in report.problems[0]


def test_a_forged_manifest_is_found_by_the_quoted_fingerprint(cut: Snapshot, tmp_path: Path) -> None:
    quoted = cut.fingerprint
    assert cut.verify(fingerprint=quoted)
    assert cut.verify(fingerprint=cut.manifest["insight"]["fingerprint"].upper())
    source = Source([*study(1), Given("s_juno", "marks", {}, rows=4)])
    other = take(source, source.tables, tmp_path / "other")
    assert other.verify()
    shutil.rmtree(cut.path)
    shutil.copytree(other.path, cut.path)
    forged = open_snapshot(cut.path)
    assert forged.verify()
    report = forged.verify(fingerprint=quoted)
    assert [quoted in one for one in report.problems] == [True]
    # The manifest tells the quoted fingerprint, sealed anew: the contents tell another one.
    forged.manifest["insight"]["fingerprint"] = cut.manifest["insight"]["fingerprint"]
    (cut.path / manifest.NAME).write_text(manifest.dumps(forged.manifest), "utf-8")
    assert len(open_snapshot(cut.path).verify(fingerprint=quoted).problems) == 2


@pytest.mark.parametrize("fingerprint", ["", "abc", "not a fingerprint at all", "0123456789a"])
def test_what_is_no_fingerprint(fingerprint: str, cut: Snapshot) -> None:
    with pytest.raises(InvalidInput, match="12 hexadecimal digits"):
        cut.verify(fingerprint=fingerprint)


def test_a_report_that_is_intact(cut: Snapshot) -> None:
    report = cut.verify()
    assert (report.tables, report.rows, report.fingerprint) == (4, 12, cut.fingerprint)
    assert report.bytes == sum(one.stat().st_size for one in cut.path.rglob("*.parquet"))
    assert "intact, 4 tables, 12 rows" in str(report)


def test_folders_that_cannot_be_opened(cut: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="There is no snapshot"):
        open_snapshot(tmp_path / "nothing")
    with pytest.raises(SnapshotError, match="has no manifest"):
        open_snapshot(tmp_path)
    with pytest.raises(SnapshotError, match=r"manifest cannot be read.*NotADirectoryError"):
        open_snapshot(cut.path / SITE)
    (cut.path / manifest.NAME).write_text("{")
    with pytest.raises(SnapshotError, match="not readable JSON"):
        open_snapshot(cut.path)
    with pytest.raises(SnapshotError, match="not readable JSON"):
        cut.verify()
    (cut.path / manifest.NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(SnapshotError, match="cannot be read"):
        open_snapshot(cut.path)
    (cut.path / manifest.NAME).unlink()
    with pytest.raises(SnapshotError, match="manifest cannot be read"):
        cut.verify()


def test_reading_refuses_what_is_not_the_file_of_the_manifest(cut: Snapshot) -> None:
    for damage in (append, empty, swap, other_value):
        held = cut.path.with_name("held")
        shutil.copytree(cut.path, held)
        damage(cut.path)
        with pytest.raises(SnapshotError, match=r"site\.parquet is not the file that the snapshot was made with"):
            cut.read_table("s_juno", "site")
        shutil.rmtree(cut.path)
        held.rename(cut.path)
    # Right size, right footer, damaged pages: the checksum of the page tells.
    data = bytearray((cut.path / SITE).read_bytes())
    with pq.ParquetFile(cut.path / SITE) as file:
        start = file.metadata.row_group(0).column(0).data_page_offset
        stop = start + file.metadata.row_group(0).column(0).total_compressed_size
    data[stop - 1] ^= 0xFF
    (cut.path / SITE).write_bytes(data)
    with pytest.raises(SnapshotError, match="damaged"):
        cut.read_table("s_juno", "site")


def test_the_manifest_is_plain_json_for_everybody(cut: Snapshot) -> None:
    found = json.loads((cut.path / manifest.NAME).read_text("utf-8"))
    assert found["insight"]["fingerprint"].startswith(cut.fingerprint)
