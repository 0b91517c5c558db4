"""What a slow link costs, and whether ``compression="auto"`` finds the better way: ``python -m benchmarks.links``.

The sandbox's double sends by a line of limited bandwidth. Each round reads one table with a connection that knows
nothing yet (login, catalogue, rows) and again with the same one, in turns plainly, in gzip and with "auto".
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from insight_frames import Connection, sandbox
from insight_frames.sandbox import Box
from insight_frames.wire.compression import Compression

from .shapes import SHAPES, load

SCHEMA = "s_cardio3prod"  # the study's, whose catalogue is as large as a study's
WAYS: tuple[Compression, ...] = ("identity", "gzip", "auto")
BAR = 1.15

HEAD = """\
# Slow links

{now:%Y-%m-%d %H:%M} UTC, medians of {rounds} interleaved rounds, load average at start {load}. Rows of 12 columns as in
`item_data`, in a schema with a study's catalogue. "Cold" is a new connection: login, version, catalogue, rows; "warm"
is the same one again. Seconds of the clock; the double's gzip is zlib's level 6, flushed behind every cell, as Java
does it, and competes with the client for two cores. "Chosen" is what "auto" asked for, cold and warm, round by round.

| link | rows | | identity s | gzip s | auto s | auto : better | bar | chosen |
|---|---:|---|---:|---:|---:|---:|---:|---|
"""


@dataclass(frozen=True)
class Step:
    """One bandwidth, and a table that is read in seconds there."""

    mbit: float | None
    rows: int

    @property
    def name(self) -> str:
        return "no limit" if self.mbit is None else f"{self.mbit:g} Mbit/s"

    @property
    def table(self) -> str:
        return f"rows_{self.rows}"


@dataclass
class Found:
    """What one way took at one bandwidth."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)


STEPS = (Step(10, 60_000), Step(50, 250_000), Step(100, 400_000), Step(200, 600_000), Step(None, 600_000))
QUICK = tuple(Step(one.mbit, 2_000) for one in STEPS)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.links", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--quick", action="store_true", help="few rows, one round: does it still work?")
    parser.add_argument("--out", type=Path, help="write the table there")
    asked = parser.parse_args(words)
    rounds, steps = (1, QUICK) if asked.quick else (asked.rounds, STEPS)
    load_average = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    text = HEAD.format(now=datetime.now(UTC), rounds=rounds, load=load_average)
    with sandbox.start() as box:
        make_tables(box, steps)
        for step in steps:
            text += table(step, measure(box, step, rounds))
    print(text)
    if asked.out is not None:
        asked.out.write_text(text, encoding="utf-8")


def make_tables(box: Box, steps: Sequence[Step]) -> None:
    """Copy the benchmark's narrow rows into tables of the study's schema."""
    narrow = next(one for one in SHAPES if one.name == "narrow")
    with box.connect() as database:
        for rows in sorted({one.rows for one in steps}):
            load(database, replace(narrow, rows=rows))
            name = f"{SCHEMA}.rows_{rows}"
            database.execute(f"create table {name} as table {narrow.schema}.item_data".encode())
            database.execute(f"drop schema {narrow.schema} cascade; grant select on {name} to insight_analyst".encode())
            database.execute(f"vacuum analyze {name}".encode())


def measure(box: Box, step: Step, rounds: int) -> dict[Compression, Found]:
    """Read the table in every way, in turns."""
    found = {one: Found() for one in WAYS}
    box.throttle(None if step.mbit is None else step.mbit * 1e6 / 8)
    for number in range(rounds):
        for way, so_far in found.items():
            with Connection(
                box.url, username=box.username, password=box.password, compression=way, keep_session=False
            ) as connection:
                for times in (so_far.cold, so_far.warm):
                    begun = time.perf_counter()
                    frame = connection.read_table(SCHEMA, step.table)
                    times.append(time.perf_counter() - begun)
                    so_far.chosen.append(frame.attrs["insight"]["compression"])
                    if len(frame) != step.rows or frame["item_data_id"].sum() != step.rows * (step.rows + 1) // 2:
                        raise SystemExit(f"{way} at {step.name}: other rows than PostgreSQL's")
            said = f"{so_far.cold[-1]:.2f} s, {so_far.warm[-1]:.2f} s"
            print(f"{step.name} {number + 1}/{rounds} {way}: {said}", file=sys.stderr)
    return found


def table(step: Step, found: dict[Compression, Found]) -> str:
    """Give the two lines of one bandwidth in Markdown."""
    lines = []
    for number, kind in enumerate(("cold", "warm")):
        identity, gzip, auto = (getattr(found[one], kind) for one in WAYS)
        better = min(identity, gzip, key=median)
        ratio = median(a / b for a, b in zip(auto, better, strict=True))
        chosen = ", ".join(found["auto"].chosen[number::2])
        numbers = " | ".join(f"{median(one):.2f}" for one in (identity, gzip, auto))
        lines.append(f"| {step.name} | {step.rows:,} | {kind} | {numbers} | {ratio:.2f} | <= {BAR} | {chosen} |\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
