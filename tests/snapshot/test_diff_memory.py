"""Seven million rows are compared in less than 300 MB, by key (though all of them changed) or as a multiset."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from standin import Given, Source

from insight_frames.snapshots import take

ROWS, STEP, MOST = 7_000_000, 65_536, 300
COLUMNS = {
    "id": "integer",
    "participant": "text",
    "item": "text",
    "score": "double precision",
    "day": "date",
    "moment": "timestamp without time zone",
    "remark": "text",
    "state": "bigint",
}
MEASURE = """
import re, sys
import pandas, pyarrow.compute, pyarrow.parquet
import insight_frames as ifr

def memory(what):
    return int(re.search(what + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

old, new = (ifr.open_snapshot(one) for one in sys.argv[1:])
before = memory("VmRSS")
one = ifr.diff(old, new).tables[0]
print(memory("VmHWM") - before, one.added, one.removed, one.changed)
"""


class Batches(Sequence[pa.RecordBatch]):
    """Rows that are made when they are asked for."""

    def __init__(self, schema: pa.Schema, every: int) -> None:
        self._schema, self._every = schema, every

    def __len__(self) -> int:
        return -(-ROWS // STEP)

    def __getitem__(self, place: int) -> pa.RecordBatch:  # type: ignore[override]
        rows = np.arange(place * STEP, min(ROWS, (place + 1) * STEP))
        chance = np.random.default_rng(place)
        texts = [
            pa.array(rows // 50).cast(pa.string()),
            pa.array(chance.integers(0, 9999, len(rows))).cast(pa.string()),
        ]
        arrays = [
            pa.array(rows, pa.int32()),
            *texts,
            pa.array(chance.random(len(rows))),
            pa.array(chance.integers(10_000, 20_000, len(rows)), pa.int32()).cast(pa.date32()),
            pa.array(chance.integers(0, 2**50, len(rows)), pa.timestamp("us")),
            pa.array(np.where(chance.random(len(rows)) < 0.9, None, "a remark of somebody"), pa.string()),
            pa.array(np.where((rows + 1) % self._every, 0, 1)),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return (self[place] for place in range(len(self)))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from Linux's /proc")
@pytest.mark.parametrize(
    ("key", "every", "found"),
    [(["id"], 1, (0, 0, ROWS)), ([], 100, (ROWS // 100, ROWS // 100, 0))],
    ids=["key", "multiset"],
)
def test_the_peak_of_memory(tmp_path: Path, key: list[str], every: int, found: tuple[int, int, int]) -> None:
    for marked, name in ((2 * ROWS, "old"), (every, "new")):
        given = Given("s_x", "t", {one: (type_, []) for one, type_ in COLUMNS.items()}, not_null=key)
        given.batches = Batches(given.schema, marked)  # type: ignore[assignment]
        source = Source([given])
        take(source, source.tables, tmp_path / name)
    arguments = [sys.executable, "-c", MEASURE, str(tmp_path / "old"), str(tmp_path / "new")]
    if key:
        arguments[2] = MEASURE.replace("ifr.diff(old, new)", "ifr.diff(old, new, keys={'s_x.t': ['id']})")
    peak, *counts = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
    print(f"peak over baseline: {float(peak):.0f} MB")
    assert tuple(map(int, counts)) == found
    assert float(peak) < MOST
