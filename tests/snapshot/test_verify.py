"""Every later damage is found and named."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from standin import Given, Source, study

from insight_frames import manifest
from insight_frames.cli import main
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


def footer_facts(path: Path) -> None:
    """The same rows, said to be of another moment."""
    table = pq.read_table(path / SITE)
    facts = {manifest.FOOTER: b'{"started": "2020-01-01T00:00:00Z"}'}
    pq.write_table(table.replace_schema_metadata(facts), path / SITE)


def drop_resource(path: Path) -> None:
    found = json.loads((path / manifest.NAME).read_text("utf-8"))
    found["resources"] = [one for one in found["resources"] if one["insight"]["table"] != "participant"]
    (path / manifest.NAME).write_text(json.dumps(found), "utf-8")


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
    "hidden file": (lambda path: (path / ".x").write_text(""), [r"\.x: this file does not belong"]),
    "a name of any bytes": (
        lambda path: Path(os.fsdecode(bytes(path) + b"/s_juno/\xff\n")).write_text(""),
        [r"s_juno/\\udcff\\n: this file does not belong"],
    ),
    "renamed file": (
        lambda path: (path / SITE).rename(path / "s_juno" / "Site.parquet"),
        ["s_juno/site.parquet: the file is missing", "s_juno/Site.parquet: this file does not belong"],
    ),
    "pipe for a file": (lambda path: ((path / SITE).unlink(), os.mkfifo(path / SITE)), ["it is not a plain file"]),
    "link for a folder": (
        lambda path: (
            (path / "s_juno").rename(path.parent / "moved"),
            (path / "s_juno").symlink_to(path.parent / "moved"),
        ),
        ["s_juno: it is a link and not a folder"],
    ),
    "link for the manifest": (
        lambda path: (
            (path / manifest.NAME).rename(path.parent / "moved"),
            (path / manifest.NAME).symlink_to(path.parent / "moved"),
        ),
        ["datapackage.json: it is not a plain file"],
    ),
    "a copy of another table": (
        lambda path: shutil.copyfile(path / PEOPLE, path / SITE),
        ["site.parquet: it holds the bytes of s_juno/participant.parquet", "another number of rows: expected 3, got 5"],
    ),
    "two damages": (
        lambda path: (append(path), (path / PEOPLE).unlink()),
        ["site.parquet: the file is longer", "participant.parquet: the file is missing"],
    ),
    "order of rows": (lambda path: replace(path, lambda table: table.take([2, 1, 0])), ["site.parquet: the file is"]),
    "written anew": (lambda path: replace(path, lambda table: table), ["site.parquet: the file is"]),
    "facts of the footer": (footer_facts, ["site.parquet: the file"]),
    "holes for bytes": (lambda path: (path / SITE).write_bytes(bytes((path / SITE).stat().st_size)), ["other bytes"]),
    "text for a table": (lambda path: (path / SITE).write_text("site_id,label"), ["shorter", "rows cannot be read"]),
    "another schema beside it": (
        lambda path: shutil.copytree(path / "s_juno", path / "s_juno2"),
        ["s_juno2: this folder does not belong", "s_juno2/site.parquet: this file does not belong"],
    ),
    "a snapshot in it": (
        lambda path: (
            shutil.copytree(path, path.parent / "copy"),
            (path.parent / "copy").rename(path / "s_juno" / "cut"),
        ),
        ["s_juno/cut: this folder"],
    ),
    "edited key": (lambda path: edit(path, '"primary_key": true', '"primary_key": false'), ["it was edited after"]),
    "edited type": (lambda path: edit(path, '"type": "bigint"', '"type": "integer"'), ["it was edited after"]),
    "edited hash of a file": (
        lambda path: edit(path, '"hash": "sha256:', '"hash": "sha256:' + "0" * 64 + '", "x": "'),
        ["it was edited after", "other bytes"],
    ),
    "edited size": (lambda path: edit(path, '"bytes": ', '"bytes": 1'), ["it was edited after", "shorter than it was"]),
    "edited server": (lambda path: edit(path, '"server": null', '"server": "x"'), ["it was edited after"]),
    "edited consistency": (lambda path: edit(path, "one-statement", "same-generation"), ["it was edited after"]),
    "a table less": (
        lambda path: drop_resource(path),
        ["it was edited after", "participant.parquet: this file does not"],
    ),
    "a key more": (lambda path: edit(path, "{", '{"more": 1,'), ["it was edited after"]),
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
    """The rights of a file mean nothing to root, so that the operating system's refusal is played."""

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(manifest, "file_hash", refuse)
    report = cut.verify()
    assert len(report.problems) == 4 + 1  # and the fingerprint
    assert "cannot be read (Permission denied)" in report.problems[0]


def test_an_unreadable_folder(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("s_juno"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert cut.verify().problems == ["s_juno: this folder cannot be read (Permission denied)"]


COLUMN = {"name": "n", "type": "integer", "nullable": True, "comment": None, "stored": "int32"}
MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another format": (lambda found: found["insight"].update(format="x"), "does not describe a snapshot"),
    "no facts": (lambda found: found.pop("insight"), "does not describe a snapshot"),
    "no version": (lambda found: found["insight"].pop("version"), "newer version"),
    "a newer version": (lambda found: found["insight"].update(version=99), "newer version of insight_frames"),
    "no fingerprint": (lambda found: found["insight"].pop("fingerprint"), r"insight\.fingerprint"),
    "no own hash": (lambda found: found["insight"].pop("sha256"), r"insight\.sha256"),
    "no tables": (lambda found: found.pop("resources"), "resources"),
    "tables of another form": (lambda found: found.update(resources={}), "expected a list"),
    "no path": (lambda found: found["resources"][0].pop("path"), r"resources\[0\]\.path"),
    "a path outside": (lambda found: found["resources"][0].update(path="../x"), r"resources\[0\]\.path"),
    "no size": (lambda found: found["resources"][1].pop("bytes"), r"resources\[1\]\.bytes\); expected int"),
    "a size in words": (
        lambda found: found["resources"][1].update(bytes="9"),
        r"resources\[1\]\.bytes\); expected int",
    ),
    "a size below nothing": (lambda found: found["resources"][1].update(bytes=-1), "not negative"),
    "no hash": (lambda found: found["resources"][1].pop("hash"), r"resources\[1\]\.hash"),
    "a hash of another kind": (lambda found: found["resources"][1].update(hash="md5:12"), "64 hexadecimal digits"),
    "no rows": (lambda found: found["resources"][1]["insight"].update(rows=True), r"rows\); expected int"),
    "a table twice": (lambda found: found["resources"].append(found["resources"][0]), "stand twice"),
    "a column twice": (
        lambda found: found["resources"][0]["insight"]["columns"].append(
            found["resources"][0]["insight"]["columns"][0]
        ),
        "stand twice",
    ),
}
TEXTS = ["", "{", "[]", "null", '"x"', "{}", "\ufeff{}", '{"insight": {}, "insight": {}}', "[" * 100_000]


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_of_another_form(name: str, cut: Snapshot) -> None:
    change, message = MANIFESTS[name]
    found = json.loads((cut.path / manifest.NAME).read_text("utf-8"))
    change(found)
    (cut.path / manifest.NAME).write_text(json.dumps(found), "utf-8")
    for ask in (cut.verify, lambda: open_snapshot(cut.path)):
        with pytest.raises(SnapshotError, match=message):
            ask()


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:5])
def test_a_manifest_that_is_none(text: str, cut: Snapshot) -> None:
    whole = (cut.path / manifest.NAME).read_text("utf-8")
    for damaged in (text, whole + text) if text else (text,):
        (cut.path / manifest.NAME).write_text(damaged, "utf-8")
        for ask in (cut.verify, lambda: open_snapshot(cut.path)):
            with pytest.raises(SnapshotError):
                ask()


def test_every_byte_counts(cut: Snapshot) -> None:
    """Change bytes all over a file: verify finds each, whatever Arrow makes of it, and no read gives other rows."""
    file = cut.path / SITE
    good = file.read_bytes()
    for place in range(0, len(good), 7):
        damaged = bytearray(good)
        damaged[place] ^= 1 + place % 255
        file.write_bytes(damaged)
        report = cut.verify()
        assert any("has its length but other bytes" in one for one in report.problems), place
        with pytest.raises(SnapshotError, match="is not the file that the snapshot was made with"):
            cut.read_table("s_juno", "site")
    file.write_bytes(good)
    assert cut.verify()
    assert len(cut.read_table("s_juno", "site")) == 3


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


def test_pages_that_are_damaged_after_the_file_was_checked(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray((cut.path / SITE).read_bytes())
    with pq.ParquetFile(cut.path / SITE) as file:
        start = file.metadata.row_group(0).column(0).data_page_offset
        stop = start + file.metadata.row_group(0).column(0).total_compressed_size
    data[stop - 1] ^= 0xFF
    kept = manifest.file_hash(cut.path / SITE)
    (cut.path / SITE).write_bytes(data)
    with pytest.raises(SnapshotError, match="not the file"):
        cut.read_table("s_juno", "site")
    monkeypatch.setattr(manifest, "file_hash", lambda path: kept)
    with pytest.raises(SnapshotError, match="damaged"):
        cut.read_table("s_juno", "site")


def test_a_file_is_hashed_once(cut: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    real = manifest.file_hash
    monkeypatch.setattr(manifest, "file_hash", lambda path: (hashed.append(path), real(path))[1])
    for _ in range(3):
        cut.read_table("s_juno", "site")
    assert len(hashed) == 1
    os.utime(cut.path / SITE)
    cut.read_table("s_juno", "site")
    assert len(hashed) == 2


def command(*words: object) -> int:
    return main(["verify", *map(str, words)])


def test_the_command(cut: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(cut.path) == 0
    assert "intact, 4 tables, 12 rows" in capsys.readouterr().out
    assert command(cut.path, "--fingerprint", cut.fingerprint) == 0
    assert command(cut.path, "--fingerprint", "0" * 16) == 1
    assert "this is not the snapshot with fingerprint 0000000000000000" in capsys.readouterr().out
    (cut.path / "s_juno" / "more.txt").write_text("")
    (cut.path / SITE).unlink()
    assert command(cut.path) == 1
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 + 3  # and the fingerprint
    assert out[1] == "- s_juno/more.txt: this file does not belong to the snapshot"
    assert command(cut.path, "--quiet") == 1
    assert capsys.readouterr() == ("", "")


def test_the_command_where_nothing_can_be_told(
    cut: Snapshot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ((tmp_path / "nothing",), (cut.path, "--fingerprint", "abc"), (tmp_path,)):
        assert command(*words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("insight-frames verify: ")
    for words in ((), ("--what", cut.path)):
        with pytest.raises(SystemExit) as caught:
            command(*words)
        assert caught.value.code == 2


def test_the_manifest_is_plain_json_for_everybody(cut: Snapshot) -> None:
    found = json.loads((cut.path / manifest.NAME).read_text("utf-8"))
    assert found["insight"]["fingerprint"].startswith(cut.fingerprint)
