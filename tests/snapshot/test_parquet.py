"""The Parquet sink: what it stores comes back, in bounded pieces, and a file that was given up is no file."""

from __future__ import annotations

import hashlib
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from standin import Given, Text

from insight_frames import manifest
from insight_frames.errors import SnapshotError
from insight_frames.sinks import parquet
from insight_frames.sinks.parquet import ParquetTable, Written
from insight_frames.sources.offline import footer


def stored(given: Given, path: Path, *, flush: bool = False) -> tuple[Written, pa.Table]:
    sink = ParquetTable(path, given.schema, label="s.t", provenance={"server": "https://acme.example"})
    for batch in given.batches:
        sink.write(batch)
        if flush:
            sink.flush()
    written = sink.close()
    assert os.listdir(path.parent) == [path.name]
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert written.bytes == path.stat().st_size
    return written, pq.read_table(path)


def test_layout_and_footer(tmp_path: Path) -> None:
    columns = {
        "n": ("bigint", list(range(3000))),
        "at": ("timestamp with time zone", list(range(3000))),
        "a.b": ("date", list(range(3000))),
        "word": ("text", ["same"] * 3000),
        "parts": ("integer[]", [[1, 2]] * 3000),
        "x.list.element": ("integer", [1] * 3000),
    }
    given = Given("s", "t", columns, size=500, comments={"n": "a number"})
    written, table = stored(given, tmp_path / "t.parquet")
    assert (written.rows, table.num_rows, written.text_columns) == (3000, 3000, ())
    with pq.ParquetFile(tmp_path / "t.parquet") as file:
        group = file.metadata.row_group(0)
        encodings = {group.column(one).path_in_schema: group.column(one).encodings for one in range(group.num_columns)}
        assert file.metadata.num_row_groups == 1
        assert {group.column(one).compression for one in range(group.num_columns)} == {"ZSTD"}
        for one in ("n", "at", "a.b"):
            assert "DELTA_BINARY_PACKED" in encodings[one]
        assert "RLE_DICTIONARY" in encodings["word"]
        assert footer(file) == {"server": "https://acme.example", "rows": 3000, "content": written.content}
        assert file.schema_arrow.field("n").metadata[b"comment"] == b"a number"
        assert file.schema_arrow.field("n").metadata[b"pg_type"] == b"bigint"


def test_memory_is_bounded_by_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 10_000)
    given = Given(
        "s", "t", {"n": ("integer", list(range(1000))), "x": ("text", ["y" * 5] * 500 + ["y" * 500] * 500)}, size=30
    )
    sink = ParquetTable(tmp_path / "t.parquet", given.schema)
    most = 0
    for batch in given.batches:
        sink.write(batch)
        most = max(most, sink.pending_bytes)
    sink.close()
    assert most < 10_000
    assert pq.read_metadata(tmp_path / "t.parquet").num_row_groups > 20
    assert pq.read_table(tmp_path / "t.parquet")["n"].to_pylist() == list(range(1000))


def test_the_content_hash_does_not_depend_on_row_groups(tmp_path: Path) -> None:
    columns = {"n": ("integer", list(range(50))), "word": ("text", [None, "a"] * 25)}
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one, _ = stored(Given("s", "t", columns, size=50), tmp_path / "one" / "t.parquet")
    other, _ = stored(Given("s", "t", columns, size=7), tmp_path / "other" / "t.parquet", flush=True)
    assert one.content == other.content
    assert one.sha256 != other.sha256


FALLEN = {
    "numeric(6,2)": ([Decimal("1.50"), None, "NaN", Decimal("-2.00")], ["1.50", None, "NaN", "-2.00"]),
    "numeric(60,1)": ([Decimal("1.5"), "NaN"], ["1.5", "NaN"]),
    "date": ([date(2001, 2, 3), None, "infinity", date(9999, 12, 31)], ["2001-02-03", None, "infinity", "9999-12-31"]),
    "timestamp without time zone": ([0, "-infinity"], ["1970-01-01 00:00:00", "-infinity"]),
    "timestamp with time zone": ([1, "infinity"], ["1970-01-01 00:00:00.000001+00", "infinity"]),
    "time without time zone": ([0, "24:00:00"], ["00:00:00", "24:00:00"]),
    "integer[]": ([[1, None], [], None, "{{1},{2}}"], ["{1,NULL}", "{}", None, "{{1},{2}}"]),
    "text[]": ([["a,b", 'q"', "NULL"], "[0:0]={x}"], ['{"a,b","q\\"","NULL"}', "[0:0]={x}"]),
}


@pytest.mark.parametrize("type_", FALLEN)
@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_column_falls_back_to_text(type_: str, flush: bool, first: bool, tmp_path: Path) -> None:
    values, texts = FALLEN[type_]
    if first:
        values, texts = values[::-1], texts[::-1]
    columns = {"n": ("integer", list(range(len(values)))), "x": (type_, Text(values))}
    written, table = stored(Given("s", "t", columns, size=1), tmp_path / "t.parquet", flush=flush)
    assert table["x"].to_pylist() == texts
    assert table["n"].to_pylist() == list(range(len(values)))
    assert written.text_columns == ("x",)
    assert table.schema.field("x").metadata[manifest.STORED] == b"text"
    assert table.schema.field("x").metadata[b"pg_type"] == type_.encode()
    (tmp_path / "again").mkdir()
    columns["x"] = (type_, Text(texts))
    again, _ = stored(Given("s", "t", columns, size=4), tmp_path / "again" / "t.parquet")
    assert again.content == written.content


def test_two_columns_fall_at_different_rows(tmp_path: Path) -> None:
    columns = {
        "a": ("date", Text([date(2001, 1, 1), date(2001, 1, 2), "infinity", None])),
        "b": ("date", Text([date(2001, 1, 1), "-infinity", None, date(2001, 1, 4)])),
    }
    written, table = stored(Given("s", "t", columns, size=1), tmp_path / "t.parquet", flush=True)
    assert table["a"].to_pylist() == ["2001-01-01", "2001-01-02", "infinity", None]
    assert table["b"].to_pylist() == ["2001-01-01", "-infinity", None, "2001-01-04"]
    assert written.text_columns == ("a", "b")


def test_empty_and_without_columns(tmp_path: Path) -> None:
    written, table = stored(Given("s", "t", {"n": ("integer", []), "p": ("numeric(70,3)", [])}), tmp_path / "t.parquet")
    assert (written.rows, table.schema.types) == (0, [pa.int32(), pa.decimal256(70, 3)])
    for rows in (0, 5):
        (tmp_path / str(rows)).mkdir()
        written, table = stored(Given("s", "t", {}, rows=rows), tmp_path / str(rows) / "t.parquet")
        assert (written.rows, table.num_columns) == (rows, 0)
        with pq.ParquetFile(tmp_path / str(rows) / "t.parquet") as file:
            assert footer(file)["rows"] == rows


@pytest.mark.parametrize("flushed", [0, 1, 2])
def test_what_is_given_up_leaves_nothing(flushed: int, tmp_path: Path) -> None:
    given = Given("s", "t", {"n": ("integer", list(range(10)))})
    sink = ParquetTable(tmp_path / "t.parquet", given.schema)
    for batch in given.batches[:3]:
        sink.write(batch)
        if flushed:
            sink.flush()
            assert os.listdir(tmp_path) == ["t.parquet.partial"]
    if flushed == 2:
        with pytest.raises(pa.ArrowException):  # without its footer the file is not even readable
            pq.ParquetFile(tmp_path / "t.parquet.partial")
    sink.abort()
    sink.abort()
    del sink
    assert os.listdir(tmp_path) == []


def test_batches_of_another_shape_are_refused(tmp_path: Path) -> None:
    given = Given("s", "t", {"n": ("integer", [1]), "m": ("integer", [1])})
    sink = ParquetTable(tmp_path / "t.parquet", given.schema, label="s.t")
    with pytest.raises(SnapshotError, match=r"s\.t has other columns"):
        sink.write(given.batches[0].select(["n"]))
    with pytest.raises(SnapshotError, match=r"'n' arrived as another type; expected int32, got int64"):
        sink.write(given.batches[0].set_column(0, "n", pa.array([1])))
    sink.abort()


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    given: Any = Given("s", "t", {"n": ("integer", [1])})
    sink = ParquetTable(tmp_path / "gone" / "t.parquet", given.schema, label="s.t")
    with pytest.raises(SnapshotError, match=r"file of s\.t cannot be written"):
        sink.close()
    sink.abort()
