"""The workbook for reviewers: text stays text, nothing is cut, and nothing is left of a book that could not be made."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from standin import Given, Source, study

from insight_frames import cli
from insight_frames.errors import InvalidInput, SnapshotError
from insight_frames.snapshots import Diff, Snapshot, take
from insight_frames.snapshots.difference import excel

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "#N/A",
    "#REF!",
    '=HYPERLINK("http://x")',
    "007",
    "1e5",
    "TRUE",
    "2026-01-01",
]
ODD = ["a\x0bb", "a\rb", "_x000D_", " blank ", "two\nlines\t", "\uffff", "ä😀", "<&>\"'", "'quoted"]


def frozen(path: Path, *given: Given) -> Snapshot:
    source = Source(given)
    return take(source, source.tables, path)


def texts(path: Path, values: list[str | None], table: str = "t") -> Diff:
    """The difference between a table of numbers and one in which its values stand."""
    count = len(values)
    facts: dict[str, Any] = {"has_primary_key": True, "keys": (("id",),), "not_null": ["id"]}
    old, new = (
        Given("s_x", table, {"id": ("integer", list(range(count))), "v": ("text", one)}, **facts)
        for one in (["before"] * count, values)
    )
    return frozen(path / "new", new).diff(frozen(path / "old", old))


def read(path: Path, sheet: str) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(path)[sheet].rows]


def shown(value: str) -> str:
    """Read an escaped text as Excel does."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), value)


def test_the_whole_book(tmp_path: Path) -> None:
    old, new = frozen(tmp_path / "old", *study()), frozen(tmp_path / "new", *study(1)[:2])
    diff = new.diff(old)
    diff.to_excel(tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert book.sheetnames == ["tables", "columns", "participant", "site"]
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert all(cell.font.bold for cell in sheet[1])
    rows = read(tmp_path / "book.xlsx", "tables")
    assert rows[0] == [*diff.summary.columns, "sheet"]
    assert [row[:4] for row in rows[1:4]] == [
        ["s_juno", "note", "removed", 0],
        ["s_juno", "participant", "changed", 5],
        ["s_juno", "site", "changed", 3],
    ]
    assert str(diff).splitlines()[0] in [row[0] for row in rows[4:]]
    assert read(tmp_path / "book.xlsx", "columns")[1][:4] == ["s_juno", "participant", "state", "values"]
    assert read(tmp_path / "book.xlsx", "site") == [
        ["site_id", "change", "column", "old", "new"],
        *([place, "changed", "state", "0", "1"] for place in (1, 2, 3)),
    ]
    assert sorted(os.listdir(tmp_path)) == ["book.xlsx", "new", "old"]


def test_text_stays_text(tmp_path: Path) -> None:
    values: list[str | None] = [*FORMULAS, *ODD]
    texts(tmp_path, values).to_excel(tmp_path / "book.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "book.xlsx")["t"]
    cells = [row[4] for row in sheet.iter_rows(min_row=2)]
    assert [shown(cell.value) for cell in cells] == values
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.quotePrefix for cell in cells[:5]] == [True, True, True, True, False]
    assert [type(row[0].value) for row in sheet.iter_rows(min_row=2, max_row=2)] == [int]


def test_null_is_not_an_empty_text(tmp_path: Path) -> None:
    texts(tmp_path, [None, ""]).to_excel(tmp_path / "book.xlsx")
    null, empty = (row[4] for row in openpyxl.load_workbook(tmp_path / "book.xlsx")["t"].iter_rows(min_row=2))
    assert (null.value, null.fill.fill_type) == (None, "solid")
    assert (empty.value, empty.fill.fill_type) == (None, None)  # openpyxl reads an empty text as nothing


def test_long_numbers_keep_their_digits(tmp_path: Path) -> None:
    key = [1, 10**15 - 1, 10**15, -(2**62)]
    facts: dict[str, Any] = {"has_primary_key": True, "keys": (("id",),), "not_null": ["id"]}
    old = frozen(tmp_path / "old", Given("s_x", "t", {"id": ("bigint", []), "v": ("text", [])}, **facts))
    new = frozen(tmp_path / "new", Given("s_x", "t", {"id": ("bigint", key), "v": ("text", list("abcd"))}, **facts))
    new.diff(old).to_excel(tmp_path / "book.xlsx")
    found = [row[0] for row in read(tmp_path / "book.xlsx", "t")[1:]]
    assert found == [str(-(2**62)), 1, 10**15 - 1, str(10**15)]


def test_names_of_sheets(tmp_path: Path) -> None:
    names = ["visit", "VISIT", "a/b:c", "x" * 40, "x" * 41, "history", "tables", "'q'", "''"]
    old = frozen(tmp_path / "old", *(Given("s_x", one, {"v": ("text", ["a"])}) for one in names))
    new = frozen(tmp_path / "new", *(Given("s_x", one, {"v": ("text", ["b"])}) for one in names))
    new.diff(old).to_excel(tmp_path / "book.xlsx")
    titles = openpyxl.load_workbook(tmp_path / "book.xlsx").sheetnames
    assert len({one.lower() for one in titles}) == len(names) + 2
    assert max(map(len, titles)) == 31
    rows = {row[1]: row[-1] for row in read(tmp_path / "book.xlsx", "tables")[1 : len(names) + 1]}
    assert rows["a/b:c"] == "a_b_c"
    assert (rows["history"], rows["tables"]) == ("history~2", "tables~2")
    assert set(rows.values()) == set(titles[2:])


def test_what_does_not_fit_a_sheet_is_refused_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diff = texts(tmp_path, ["a"] * 5)
    earlier = tmp_path / "book.xlsx"
    diff.to_excel(earlier)
    before = earlier.read_bytes()
    for limit, value in (("MOST_ROWS", 5), ("MOST_COLUMNS", 4)):
        with monkeypatch.context() as patch:
            patch.setattr(excel, limit, value)
            with pytest.raises(InvalidInput, match=r"s_x\.t does not fit a sheet.*tables=\[\.\.\.\] without it"):
                diff.to_excel(earlier)
            diff.to_excel(tmp_path / "without.xlsx", tables=[])
    monkeypatch.setattr(excel, "MOST_ROWS", 6)
    assert earlier.read_bytes() == before
    diff.to_excel(earlier, tables=[("s_x", "t")])
    assert excel.MOST_COLUMNS == 16_384
    assert sorted(os.listdir(tmp_path)) == ["book.xlsx", "new", "old", "without.xlsx"]


@pytest.mark.parametrize("text", ["x" * 32_768, "😀" * 16_384, "\x01" * 4_682])
def test_a_text_that_does_not_fit_a_cell(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"does not fit a cell of Excel .*s_x\.t, column 'v'"):
        texts(tmp_path, [text]).to_excel(tmp_path / "book.xlsx")
    assert not (tmp_path / "book.xlsx").exists()


@pytest.mark.parametrize("text", ["x" * 32_767, "😀" * 16_383, "\x01" * 4_681])
def test_a_text_that_just_fits(tmp_path: Path, text: str) -> None:
    texts(tmp_path, [text]).to_excel(tmp_path / "book.xlsx")
    assert shown(read(tmp_path / "book.xlsx", "t")[1][4]) == text


def test_where_a_book_cannot_be(tmp_path: Path) -> None:
    diff = texts(tmp_path, ["a"])
    with pytest.raises(InvalidInput, match=r"ends in \.xlsx"):
        diff.to_excel(tmp_path / "book.csv")
    with pytest.raises(InvalidInput, match="would lie in a snapshot"):
        diff.to_excel(tmp_path / "new" / "s_x" / "book.xlsx")
    with pytest.raises(InvalidInput, match=r"no folder for the workbook .*nowhere"):
        diff.to_excel(tmp_path / "nowhere" / "book.xlsx")
    (tmp_path / "taken.xlsx").mkdir()
    with pytest.raises(SnapshotError, match="cannot be written"):
        diff.to_excel(tmp_path / "taken.xlsx")
    assert sorted(os.listdir(tmp_path)) == ["new", "old", "taken.xlsx"]


# ---------------------------------------------------------------------- the command
@pytest.fixture
def cuts(tmp_path: Path) -> tuple[str, str]:
    return tuple(str(frozen(tmp_path / f"cut{shift}", *study(shift)).path) for shift in (0, 1))  # type: ignore[return-value]


def test_the_command_tells_by_its_exit_status(cuts: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = cuts
    assert cli.main(["diff", old, old]) == 0
    assert "3 tables: 3 the same" in capsys.readouterr().out
    assert cli.main(["diff", old, new]) == 1
    assert "~ s_juno.site" in capsys.readouterr().out
    assert cli.main(["diff", old, new, "--ignore", "state", "--quiet"]) == 0
    assert cli.main(["diff", old, new + "x"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("insight-frames diff: There is no snapshot")


def test_the_command_takes_keys_and_writes_a_book(
    cuts: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = tmp_path / "book.xlsx"
    assert cli.main(["diff", *cuts, "--key", "s_juno.site=label,site_id", "--xlsx", str(book)]) == 1
    assert "it holds NULL" in capsys.readouterr().out
    assert "site" in openpyxl.load_workbook(book).sheetnames
    assert cli.main(["diff", *cuts, "--key", "s_juno.site"]) == 2
    assert "expected schema.table=column,column" in capsys.readouterr().err
    assert cli.main(["diff", *cuts, "--xlsx", "book.txt"]) == 2
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit, match="2"):
        cli.main(["diff", cuts[0]])
    with pytest.raises(SystemExit, match="0"):
        cli.main(["diff", "--help"])
    assert "exit status: 0 nothing changed" in " ".join(capsys.readouterr().out.split())
