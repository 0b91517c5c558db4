"""The head of the report: where it was measured, and what no number below it says."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

REFUSED = """\
What is not measured, and what no number here says:

* How fast a Metabase makes its own exports. The server here is a double, written in Python: a ratio to the *double's*
  plain export flatters nobody. It tells only that our answers and the plain ones came from the same server. What the
  client itself costs is in the tables "from memory", where no server works at all; what a study's server costs has to
  be measured there.
* A network. Everything is on one machine, and all HTTP asks for `identity`, never gzip.
* Seconds. They belong to this machine at this hour. A ratio is the median of the ratios of equal rounds; peaks of
  memory are steady, CPU seconds nearly so.
* The server's memory and CPU. CPU and memory are the client's alone; with two cores, the double and PostgreSQL
  compete with the client for them.
* Bytes and requests of direct connections: they are not HTTP.
* Plain exports of more than 1,048,575 rows: Metabase ends them there without a word, so there is no whole answer.
* Anything unchecked. A way whose rows, or the sum of whose keys, are not PostgreSQL's stops the run. Values that a way
  loses (an empty text that arrives as missing, for instance) are counted in the last column.

`pd.read_sql` reads over psycopg. "Peak" is the kernel's high-water mark of a fresh process over its memory when the
work began; "of the frame" is the peak over the bytes of the frame that `read_table` gives. A snapshot is measured with
its login; everybody else has logged in, or is connected, and `read_table` knows its catalogue.
"""


def head(postgresql: str, metabase: str, rounds: int) -> str:
    """Give the report's head in Markdown."""
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    versions = ", ".join(f"{one} {version(one)}" for one in ("pandas", "pyarrow", "requests", "adbc-driver-postgresql"))
    lines = [
        "# The cost of a read",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, medians of {rounds} interleaved rounds. {os.cpu_count()} cores"
        f" ({_processor()}), load average at start {load}. Python {platform.python_version()}, {versions},"
        f" PostgreSQL {postgresql}, the sandbox's double of Metabase {metabase}.",
        "",
        REFUSED,
    ]
    return "\n".join(lines)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
