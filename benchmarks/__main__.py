"""Run the benchmark: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

from insight_frames import sandbox
from insight_frames.sandbox import Box

from . import __doc__ as about
from . import machine, report, shapes, starting, ways
from .measure import PRELOAD, Job, Measured, measure
from .replay import replaying
from .shapes import Shape, Target

ERA = "0.47"
BASELINE = Path(__file__).with_name("baseline.md")
ROUNDS = 5
QUICK = "The quick form: it shows that all ways still work, and its numbers mean nothing.\n"


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=about)
    names = [one.name for one in shapes.SHAPES]
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds (default {ROUNDS})")
    parser.add_argument("--shapes", nargs="+", choices=names, help="only these (default: all but large)")
    parser.add_argument("--ways", nargs="+", choices=list(ways.WAYS), help="only these, beside read_table")
    parser.add_argument("--large", action="store_true", help="also five million rows")
    parser.add_argument("--quick", action="store_true", help="all shapes, few rows, one round: does it still work?")
    parser.add_argument("--out", type=Path, help="write the report there; a whole run writes benchmarks/baseline.md")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    asked = parsed(words)
    rounds = asked.rounds or (1 if asked.quick else ROUNDS)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    with sandbox.start(sql=[], era=ERA) as box:
        parts = [machine.head(server_version(box), ERA, rounds)]
        parts += [QUICK] if asked.quick else []
        sections = []
        for shape in chosen(asked):
            kept = set(asked.ways or ways.WAYS) | {ways.READ_TABLE}
            size = shape.small() if asked.quick else shape
            sections.append(run(context, box, size, rounds, kept, warm=not asked.quick))
            say(report.section(sections[-1]))
    parts += [report.headline(sections), starting.table(starting.starts(rounds, warm=not asked.quick))]
    say(parts[-2] + "\n" + parts[-1])
    whole = not (asked.quick or asked.shapes or asked.ways) and rounds >= ROUNDS
    out = asked.out or (BASELINE if whole else None)
    if out is not None:
        out.write_text("\n".join([*parts, *map(report.section, sections)]), encoding="utf-8")


def chosen(asked: argparse.Namespace) -> list[Shape]:
    if asked.shapes:
        return [one for one in shapes.SHAPES if one.name in asked.shapes]
    return [one for one in shapes.SHAPES if one.name != "large" or asked.large or asked.quick]


def say(text: str) -> None:
    print(text, flush=True)


def server_version(box: Box) -> str:
    with box.connect() as database:
        return str(database.info.server_version // 10000) + "." + str(database.info.server_version % 10000)


def run(
    context: ForkServerContext, box: Box, shape: Shape, rounds: int, kept: Container[str], *, warm: bool
) -> report.Section:
    """Measure one shape: the live ways and those from memory, all of them in turns."""
    with made(box, shape, kept) as targets, replaying(context, box.url) as memory:
        live = [(one, box.url) for one in live_ways(shape) if one in kept]
        replayed = [(one, memory) for one in replayed_ways(shape) if one in kept]
        found: dict[tuple[str, str], list[Measured]] = {one: [] for one in (*live, *replayed)}
        for pair in replayed if warm else []:  # the first time it comes from the sandbox
            once(context, box, *pair, targets)
        for number in range(rounds):
            for pair, measured in found.items():
                measured.append(once(context, box, *pair, targets))
                print(f"{shape.name} {number + 1}/{rounds} {pair[0]}: {measured[-1].wall:.2f} s", file=sys.stderr)
    same_exports(found)
    return report.Section(
        shape, targets, {one[0]: found[one] for one in live}, {one[0]: found[one] for one in replayed}
    )


@contextmanager
def made(box: Box, shape: Shape, kept: Container[str]) -> Iterator[tuple[Target, ...]]:
    with box.connect() as database:
        targets = shapes.load(database, shape)
        if ways.WITHOUT_SQL in kept and ways.WITHOUT_SQL in replayed_ways(shape):
            synchronise(box)
        yield targets
        shapes.drop(database, shape)


def synchronise(box: Box) -> None:
    """Let Metabase look at the database again: without SQL it reads only tables that it has numbered."""
    admin = box.accounts["admin"]
    session, number = ways.signed_in(box.url, admin.username, admin.password)
    session.post(f"{box.url}/api/database/{number}/sync_schema", timeout=600).raise_for_status()


def once(context: ForkServerContext, box: Box, way: str, url: str, targets: tuple[Target, ...]) -> Measured:
    job = Job(way, url, box.username, box.password, box.dsn, targets, warm_up=targets.count(targets[0]) > 1)
    got = measure(context, job, box.clear_requests, lambda: len(box.requests))
    return got if url == box.url else replace(got, requests=None)


def live_ways(shape: Shape) -> list[str]:
    """Which ways a shape is read by; PLAIN and WITHOUT_SQL are slow through the double for its own reasons."""
    if shape.name == "hundred":
        return [ways.READ_TABLE, ways.READ_SQL, ways.ALONE, ways.ANY_JSON, ways.BY_JSON, ways.ADBC, ways.DIRECT]
    if shape.name == "study":
        return [ways.SNAPSHOT, ways.ANY_CSV, ways.ADBC]
    names = [one for one in ways.WAYS if one not in (ways.PLAIN, ways.WITHOUT_SQL, ways.ALONE)]
    if shape.no_exports:
        names = [one for one in names if ways.WAYS[one].kind in ("ours", "direct")]
    return names


def replayed_ways(shape: Shape) -> list[str]:
    if shape.no_exports or shape.name == "study":
        return []
    return [one for one in ways.REPLAYED if one != ways.WITHOUT_SQL or shape.name in ("narrow", "wide", "text")]


def same_exports(found: dict[tuple[str, str], list[Measured]]) -> None:
    """Stop unless every download of one export had the same bytes, also those that were thrown away."""
    for kind in ("json", "csv"):
        for live in (True, False):
            sizes = {
                one.received
                for (way, _), measured in found.items()
                for one in measured
                if ways.WAYS[way].kind == kind and (one.requests is not None) is live
            }
            if sizes and max(sizes) - min(sizes) > 0.001 * max(sizes) + 1000 * len(found):
                raise SystemExit(f"one {kind} export had different sizes: {sorted(sizes)}")


if __name__ == "__main__":
    main()
