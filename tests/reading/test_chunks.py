"""Frames that come in chunks: the same rows and dtypes, in bounded memory, and nothing behind an abandoned iterator."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pytest
from sandboxes import TWO_ERAS, Connect, Database, Scratch

from insight_frames import Connection, InvalidInput
from insight_frames.sandbox import Box

PROD = "s_cardio3prod"


@TWO_ERAS
@pytest.mark.parametrize("name", ["study_event", "participant_overview", "ig_physx_exam"])
def test_chunks_are_the_table(on_path: Connection, name: str) -> None:
    whole = on_path.read_table(PROD, name)
    for chunksize in (len(whole) // 3 + 1, 1000):
        parts = list(on_path.read_table(PROD, name, chunksize=chunksize))
        assert [len(one) for one in parts[:-1]] == [chunksize] * (len(parts) - 1)
        assert 0 < len(parts[-1]) <= chunksize or len(whole) == 0
        for part in parts:
            pd.testing.assert_series_equal(part.dtypes, parts[0].dtypes)
            assert part.attrs["insight"]["table"] == name
        joined = pd.concat(parts, ignore_index=True)
        assert len(joined) == len(whole)
        for column in whole:
            assert joined[column].isna().tolist() == whole[column].isna().tolist()
            assert joined[column].dropna().tolist() == whole[column].dropna().tolist()


def test_chunks_of_a_query_keep_its_order(on_path: Connection) -> None:
    parts = list(
        on_path.read_sql("select g, 'x' || g t from generate_series(1, 1001) g order by g desc", chunksize=100)
    )
    assert [len(one) for one in parts] == [100] * 10 + [1]
    assert [n for one in parts for n in one["g"]] == list(range(1001, 0, -1))
    indexed = list(on_path.read_sql("select g from generate_series(1, 5) g order by g", chunksize=2, index_col="g"))
    assert [one.index.tolist() for one in indexed] == [[1, 2], [3, 4], [5]]
    nothing = list(on_path.read_sql("select 1 as one where false", chunksize=10))
    assert [one.shape for one in nothing] == [(0, 1)]


@pytest.mark.parametrize("era", ["0.47"])
def test_dtypes_do_not_follow_the_data_of_a_chunk(on_path: Connection, scratch: Scratch) -> None:
    scratch.run(
        "create table late (k int not null, n int, f float8, b bool, t text, d date, big bigint, x numeric(5,2))"
    )
    scratch.run("insert into late select g, g, g, true, 't', '2024-01-01', g, g from generate_series(1, 50) g")
    scratch.run("insert into late (k) select g from generate_series(51, 100) g")
    parts = list(on_path.read_table("s_scratch", "late", chunksize=50, order_by="k"))
    assert len(parts) == 2
    pd.testing.assert_series_equal(parts[0].dtypes, parts[1].dtypes)
    assert str(parts[0]["k"].dtype) == "int64"
    assert parts[1].drop(columns="k").isna().all().all()


@pytest.mark.parametrize("era", ["0.47"])
def test_chunks_are_read_in_bounded_memory(connection: Connection, path: str, on_path: Connection) -> None:
    rows, most = (300_000 if path != "plain" else 60_000), 0
    query = f"select g, repeat('x', 100) || g as t from generate_series(1, {rows}) g"
    before, seen = pa.total_allocated_bytes(), 0
    for part in on_path.read_sql(query, chunksize=5_000):
        seen += len(part)
        most = max(most, pa.total_allocated_bytes() - before)
    assert seen == rows
    assert most < 40 << 20  # of 33 MB of text and their copies in flight, never more than some blocks of 4 MB


@pytest.mark.parametrize("chunksize", [0, -1, True, 2.5, "10"])
@pytest.mark.parametrize("era", ["0.47"])
def test_a_chunksize_that_cannot_be_meant(box: Box, connection: Connection, chunksize: object) -> None:
    with pytest.raises(InvalidInput, match="chunksize must be a number of rows"):
        connection.read_table(PROD, "site", chunksize=chunksize)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="chunksize must be a number of rows"):
        connection.read_sql("select 1 as one", chunksize=chunksize)  # type: ignore[arg-type]
    assert box.requests == []


def abandon_by_close(parts: object) -> None:
    parts.close()  # type: ignore[attr-defined]


def abandon_by_error(parts: object) -> None:
    try:
        for _ in parts:  # type: ignore[attr-defined]
            raise RuntimeError("in the loop")
    except RuntimeError:
        del parts


@pytest.mark.parametrize("era", ["0.47"])
@pytest.mark.parametrize("abandon", [abandon_by_close, abandon_by_error])
def test_an_abandoned_iterator_hangs_up(
    connect: Connect, path: str, scratch: Scratch, superuser: Database, abandon: Callable[[object], None]
) -> None:
    """The statement behind it is cancelled by the server, which sees the hang-up."""
    scratch.run("create table long as select g, repeat('x', 500) t from generate_series(1, 60000) g")
    connection = connect(path=path)
    parts = connection.read_table("s_scratch", "long", chunksize=100)
    assert len(next(parts)) == 100
    assert active(superuser) == 1
    abandon(parts)
    del parts
    gc.collect()
    deadline = time.monotonic() + 5
    while active(superuser) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert active(superuser) == 0
    assert len(connection.read_table("s_scratch", "long", limit=5)) == 5


def active(superuser: Database) -> int:
    row = superuser.execute(
        "select count(*) from pg_stat_activity where usename = 'insight_analyst' and state <> 'idle'"
    ).fetchone()
    return row[0] if row else 0
