"""Numbers gathered piece by piece are those of the column as a whole, whatever the batches' sizes."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insight_frames.pgtypes import field, gather, pg_type, reading
from insight_frames.sinks.frame import to_frame

EPOCH = datetime(1970, 1, 1)
MOMENTS = st.integers(-(10**15), 10**15).map(lambda us: EPOCH + timedelta(microseconds=us))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double precision": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "date": st.dates(),
    "timestamp": MOMENTS,
    "timestamptz": MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
}


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "_PIECE", 3)
    monkeypatch.setattr(gather, "_LARGEST", 5)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("backend", [None, "numpy_nullable"])
@pytest.mark.parametrize("type_", VALUES)
def test_pieces_make_the_whole(type_: str, backend: Any) -> None:
    one = field("x", reading(pg_type(type_)), nullable=True)

    @settings(max_examples=40)
    @given(st.lists(st.lists(st.none() | VALUES[type_], max_size=7), max_size=6))
    def check(chunks: list[list[Any]]) -> None:
        schema = pa.schema([one, field("again", reading(pg_type(type_)), nullable=True)])
        batches = [pa.record_batch([pa.array(chunk, one.type)] * 2, schema=schema) for chunk in chunks]
        frame = to_frame(schema, batches, dtype_backend=backend)
        expected = [value for chunk in chunks for value in chunk]
        for name in ("x", "again"):
            assert [_python(value) for value in frame[name]] == [_python(value) for value in expected]
        if None in expected and type_ == "bigint" and any(abs(value or 0) > 2**53 for value in expected):
            assert frame["x"].dtype == "Int64"

    check()


def _python(value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    if isinstance(value, date):
        return pd.Timestamp(value).as_unit("us").isoformat().replace("+00:00", "")
    return float(value) if isinstance(value, float | np.floating) else value


@pytest.mark.usefixtures("small_pieces")
def test_a_column_can_be_written_to() -> None:
    schema = pa.schema(
        [field(name, reading(pg_type(type_)), nullable=True) for name, type_ in (("x", "integer"), ("y", "date"))]
    )
    batch = pa.record_batch([pa.array([1, 2], pa.int32()), pa.array([date(2020, 1, 1)] * 2)], schema=schema)
    for batches in ([batch], [batch, batch, batch]):
        frame = to_frame(schema, batches)
        frame.loc[1, "x"] = 7
        frame.loc[1, "y"] = pd.Timestamp("2021-02-03")
        assert frame["x"].tolist()[:2] == [1, 7]
        assert frame["y"].dt.year.tolist()[:2] == [2020, 2021]
        assert batch.column(0).to_pylist() == [1, 2]


def test_a_wide_frame_takes_more_columns_without_a_warning() -> None:
    schema = pa.schema([field(f"x{i}", reading(pg_type("double precision")), nullable=True) for i in range(300)])
    batch = pa.record_batch([pa.array([1.0, None])] * 300, schema=schema)
    frame = to_frame(schema, [batch, batch])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame["more"] = 1
    assert frame.shape == (4, 301)
    assert frame.notna().sum().tolist() == [2] * 300 + [4]
