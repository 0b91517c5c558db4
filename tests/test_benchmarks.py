"""The benchmark still measures what it says: its quick form, every way over every shape."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXACT = {
    "read_table", "read_sql, ordered", "read_table, plain path", "read_table, without SQL", "ADBC, direct",
    "pd.read_sql, direct",
}  # fmt: skip
UNCOUNTED = {
    "snapshot, cold", "read_table, in chunks", "JSON export, thrown away", "JSON export, a connection each",
    "CSV export, thrown away",
}  # fmt: skip
LOSSY = {"pd.read_csv, typed", "pd.read_csv, untyped"}  # '' and NULL are one in a CSV export


def test_the_quick_form_measures_every_way_over_every_shape(tmp_path: Path) -> None:
    out = tmp_path / "quick.md"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    head, *sections = out.read_text(encoding="utf-8").split("\n## ")
    assert "What is not measured" in head
    titles = [one.split(":")[0].split("\n")[0] for one in sections]
    assert titles == ["Ratios and bars", "To begin", "narrow", "wide", "text", "many", "hundred", "study", "large"]
    lost: dict[str, set[str]] = {}
    for line in "\n".join(sections[2:]).splitlines():
        cells = [one.strip() for one in line.strip("|").split("|")]
        if len(cells) > 8 and cells[0] != "way" and cells[0].strip("-"):
            lost.setdefault(cells[0], set()).add(cells[-1])
    assert set(lost) == EXACT | UNCOUNTED | LOSSY | {"r.json(), DataFrame"}
    assert all(lost[name] == {"0"} for name in EXACT)
    assert all(lost[name] == {"-"} for name in UNCOUNTED)
    assert all(lost[name] - {"0"} for name in LOSSY)
