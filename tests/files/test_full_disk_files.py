"""A disk that takes no more: a clear error from every writer, the earlier file as it was, nothing else left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import insight_frames as ifr

CHILD = """
import resource, signal, sys
import numpy as np, pandas as pd
import insight_frames as ifr

frame = pd.DataFrame({"a": np.random.default_rng(1).random(20_000), "b": ["text"] * 20_000})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writers = {".xlsx": ifr.to_excel, ".csv": ifr.to_csv, ".dta": ifr.to_stata, ".sav": ifr.to_spss, ".xpt": ifr.to_xpt,
           ".json": ifr.to_dataset_json}
ifr.to_stata(frame.iloc[:5], sys.argv[1] + "/warm.dta")
ifr.to_excel(frame.iloc[:5], sys.argv[1] + "/warm.xlsx")
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for suffix, write in writers.items():
    try:
        write(frame, f"{sys.argv[1]}/a{suffix}")
        print(suffix, "was written")
    except ifr.FileError as error:
        print(suffix, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    for suffix in (".xlsx", ".csv", ".dta", ".sav", ".xpt", ".json"):
        (tmp_path / f"a{suffix}").write_bytes(b"earlier")
    done = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    unread = told.pop(".xpt")  # ReadStat itself says nothing of such a disk: only reading back finds a short file
    assert unread.startswith(("The file does not read back", "The file cannot be written"))
    assert [one[:26] for one in told.values()] == ["The file cannot be written"] * 5
    names = {one for one in os.listdir(tmp_path) if not one.startswith("warm")}
    assert names == {"a.xlsx", "a.csv", "a.dta", "a.sav", "a.xpt", "a.json"}
    assert {(tmp_path / one).read_bytes() for one in names} == {b"earlier"}


def test_a_unit_stands_in_the_label(tmp_path: Path) -> None:
    frame = pd.DataFrame({"w": [70.5]})
    frame.attrs["insight"] = {"columns": {"w": {"comment": "Weight", "unit": "kg"}}}
    ifr.to_stata(frame, tmp_path / "a.dta")
    with pd.io.stata.StataReader(tmp_path / "a.dta") as reader:
        assert reader.variable_labels() == {"w": "Weight [kg]"}
