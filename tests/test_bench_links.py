"""The benchmark of slow links still measures what it says: its quick form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_quick_form_measures_every_link(tmp_path: Path) -> None:
    out = tmp_path / "links.md"
    command = [sys.executable, "-m", "benchmarks.links", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.strip("|").split("|") for line in out.read_text(encoding="utf-8").splitlines() if "<=" in line]
    measured = [(row[0].strip(), row[2].strip()) for row in rows]
    links = ("10 Mbit/s", "50 Mbit/s", "100 Mbit/s", "200 Mbit/s", "no limit")
    assert measured == [(link, kind) for link in links for kind in ("cold", "warm")]
    assert all(float(row[6]) > 0 for row in rows)
