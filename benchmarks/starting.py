"""What it costs to begin: importing the package beside what it stands on, and asking its command for help.

The package is compiled first, as pip leaves it behind: where nobody may write bytecode (``PYTHONDONTWRITEBYTECODE``, a
folder of others), each start compiles it anew, which takes longer than running it.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import insight_frames

_BASE = "import pandas, pyarrow, requests"
_COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import insight_frames": [sys.executable, "-c", "import insight_frames"],
    _BASE: [sys.executable, "-c", _BASE],
    "the same and insight_frames, all that a read needs": [
        sys.executable,
        "-c",
        f"{_BASE}, insight_frames; insight_frames.Connection",
    ],
    "insight-frames --help": [str(Path(sys.executable).with_name("insight-frames")), "--help"],
}


def starts(rounds: int, *, warm: bool) -> dict[str, list[float]]:
    """Give the seconds of each command, in turns; ``warm`` runs each once before."""
    compileall.compile_dir(Path(insight_frames.__file__).parent, quiet=2)
    seconds: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    for number in range(-warm, rounds):
        for name, command in _COMMANDS.items():
            begun = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number >= 0:
                seconds[name].append(time.perf_counter() - begun)
    return seconds


def table(seconds: dict[str, list[float]]) -> str:
    """Give the report's section in Markdown."""
    lines = ["## To begin", "", "| command | s | min-max |", "|---|---:|---:|"]
    lines += [f"| `{name}` | {median(one):.3f} | {min(one):.3f}-{max(one):.3f} |" for name, one in seconds.items()]
    bare, alone, base, all_, _ = seconds.values()
    said = (
        f"`import insight_frames`, which loads the rest when it is used: {_more(bare, alone):.0f} ms. All that a read"
    )
    said += f" needs, beyond pandas, pyarrow and requests: {_more(base, all_):.0f} ms."
    return "\n".join([*lines, "", said, ""])


def _more(less: list[float], more: list[float]) -> float:
    return 1000 * median(b - a for a, b in zip(less, more, strict=True))
