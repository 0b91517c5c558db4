"""The tables: one of live and one of replayed answers per shape, and the ratios that matter, with their bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from . import ways
from .measure import Measured
from .shapes import Shape, Target

MB = 1e6
Rounds = Mapping[str, Sequence[Measured]]  # way to its measurements


@dataclass(frozen=True)
class Section:
    """What was measured of one shape."""

    shape: Shape
    targets: tuple[Target, ...]
    live: Rounds
    replayed: Rounds

    @property
    def frame_bytes(self) -> int:
        read = self.live.get(ways.READ_TABLE)
        return read[0].answer.frame_bytes or 0 if read else 0


def wall(one: Measured) -> float:
    return one.wall


def peak(one: Measured) -> float:
    return max(one.peak, 1)


def ratio(rounds: Rounds, over: str, under: str, of: Callable[[Measured], float] = wall) -> float | None:
    """Give the median of the ratios of equal rounds, None if one of the two was not measured."""
    if over not in rounds or under not in rounds:
        return None
    return median(of(a) / of(b) for a, b in zip(rounds[over], rounds[under], strict=True))


def section(one: Section) -> str:
    """Give a shape's tables in Markdown."""
    rows = sum(target.rows for target in one.targets)
    lines = [
        f"## {one.shape.name}: {one.shape.about}",
        "",
        f"{rows:,} rows, a frame of {one.frame_bytes / MB:,.1f} MB. Through the sandbox's server, and directly:",
        "",
        *_table(one, one.live),
    ]
    if one.replayed:
        lines += ["", "The client alone, answers from memory:", "", *_table(one, one.replayed)]
    return "\n".join([*lines, ""])


def _table(section: Section, rounds: Rounds) -> list[str]:
    direct = ways.ADBC in rounds
    head = ["way", "x read_table", *(["x ADBC"] if direct else []), "wall s", "min-max", "CPU s", "peak MB"]
    head += ["of the frame", "MB received", "requests", "values lost"]
    lines = [_line(head), "|---" + "|---:" * (len(head) - 1) + "|"]
    for name, measured in rounds.items():
        cells = [name, _ratio(ratio(rounds, name, ways.READ_TABLE))]
        cells += [_ratio(ratio(rounds, name, ways.ADBC))] if direct else []
        lines.append(_line([*cells, *_costs(section, measured), *_brought(section, name, measured)]))
    return lines


def _costs(section: Section, measured: Sequence[Measured]) -> list[str]:
    walls = [one.wall for one in measured]
    memory = median(one.peak for one in measured)
    return [
        f"{median(walls):.3f}",
        f"{min(walls):.3f}-{max(walls):.3f}",
        f"{median(one.cpu for one in measured):.3f}",
        f"{memory / MB:,.0f}",
        f"{memory / section.frame_bytes:.2f}" if section.frame_bytes > 10 * MB else "-",
    ]


def _brought(section: Section, name: str, measured: Sequence[Measured]) -> list[str]:
    if ways.WAYS[name].kind == "direct":
        wire = ["-", "-"]
    else:
        requests = measured[0].requests
        wire = [f"{measured[0].received / MB:,.2f}", "-" if requests is None else str(requests)]
    values = measured[0].answer.values
    lost = "-" if values is None else f"{sum(one.values for one in section.targets) - values:,}"
    return [*wire, lost]


def _ratio(number: float | None) -> str:
    return "-" if number is None else f"{number:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


# ------------------------------------------------------------------ the ratios that matter
def headline(sections: Sequence[Section]) -> str:
    """Give the ratios that a bar was set for, with the bar."""
    lines = ["## Ratios and bars", "", "| ratio | measured | bar |", "|---|---:|---:|"]
    for one in sections:
        lines += [_line(row) for row in _bars(one)]
    lines += [_line(row) for row in _growth(sections)]
    return "\n".join([*lines, ""])


def _bars(one: Section) -> list[list[str]]:
    live, replayed, name = one.live, one.replayed, one.shape.name
    single = len(one.targets) == 1
    big = single and one.frame_bytes > 10 * MB
    found: list[tuple[str, float | None, str]] = [
        ("read_table : ADBC", ratio(live, ways.READ_TABLE, ways.ADBC), "<= 2.2" if name == "narrow" else ""),
        ("read_sql : ADBC", ratio(live, ways.READ_SQL, ways.ADBC), ""),
        ("the JSON export, thrown away : read_table", ratio(live, ways.ANY_JSON, ways.READ_TABLE), ""),
        ("the JSON export, thrown away : read_sql", ratio(live, ways.ANY_JSON, ways.READ_SQL), ""),
        ("pd.read_sql, direct : read_table", ratio(live, ways.DIRECT, ways.READ_TABLE), ""),
        *_beside_json(one, "our plain path", ways.PLAIN, big),
        *_beside_json(one, "reading without SQL", ways.WITHOUT_SQL, big),
        ("from memory, r.json() : read_table", ratio(replayed, ways.BY_JSON, ways.READ_TABLE), ""),
        ("from memory, pd.read_csv typed : read_table", ratio(replayed, ways.TYPED, ways.READ_TABLE), ""),
        ("read_table's peak : frame", _of_frame(one, ways.READ_TABLE) if big else None, "<= 2.0"),
        ("snapshot's peak, MB", _peak(live, ways.SNAPSHOT) if big else None, "<= 150"),
        ("chunks' peak, MB", _peak(live, ways.CHUNKS) if big else None, "<= 150"),
    ]
    if name == "hundred":
        found = [
            ("read_table : one bare request", ratio(live, ways.READ_TABLE, ways.ALONE), "<= 1.5"),
            ("read_sql : one bare request", ratio(live, ways.READ_SQL, ways.ALONE), "<= 2.2"),
            ("read_table : the export on a kept connection", ratio(live, ways.READ_TABLE, ways.ANY_JSON), ""),
            ("read_sql : the export on a kept connection", ratio(live, ways.READ_SQL, ways.ANY_JSON), ""),
        ]
    if name == "study":
        found = [
            ("the CSV exports, thrown away : snapshot", ratio(live, ways.ANY_CSV, ways.SNAPSHOT), ""),
            ("snapshot's peak, MB", _peak(live, ways.SNAPSHOT), "<= 150"),
        ]
    return [[f"{name}: {label}", f"{number:,.2f}", bar or "-"] for label, number, bar in found if number is not None]


def _beside_json(one: Section, name: str, way: str, big: bool) -> list[tuple[str, float | None, str]]:
    """Compare a way of reading row by row with the usual one: time and, where it tells something, memory."""
    memory = ratio(one.replayed, way, ways.BY_JSON, peak) if big else None
    return [
        (f"from memory, r.json() : {name}", ratio(one.replayed, ways.BY_JSON, way), ">= 4" if big else ""),
        (f"from memory, peak of {name} : r.json()", memory, "<= 0.2"),
    ]


def _growth(sections: Sequence[Section]) -> list[list[str]]:
    known = {one.shape.name: one for one in sections}
    if not {"narrow", "large"} <= set(known):
        return []
    rows = []
    for way in (ways.SNAPSHOT, ways.CHUNKS):
        small, large = (_peak(known[name].live, way) for name in ("narrow", "large"))
        if small is None or large is None:
            continue
        rows.append([f"large : narrow, peak of {way}", f"{large / small:.2f}", "<= 1.15"])
    return rows


def _peak(rounds: Rounds, way: str) -> float | None:
    return median(one.peak for one in rounds[way]) / MB if way in rounds else None


def _of_frame(one: Section, way: str) -> float:
    return median(each.peak for each in one.live[way]) / one.frame_bytes
