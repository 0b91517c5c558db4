"""Snapshots beside a refresh that never rests: not one mixes two states; one export per table does, and is counted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from moments import PROD, states
from sandboxes import Connect

from insight_frames import Connection, InconsistentSnapshot
from insight_frames.sandbox import Box

TABLES = ["ig_ae_event", "ig_chem_chemistry", "ig_cm_drug", "participant", "participant_overview", "refresh_log"]

TIMES = {"0.34": 10, "0.47": 100}
Record = Callable[[str, object], None]


@pytest.mark.parametrize("era", ["0.34", "0.47"])
@pytest.mark.parametrize("mode", ["delete", "truncate", "swap"])
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_no_snapshot_mixes_two_states(
    box: Box, connect: Connect, era: str, mode: str, tmp_path: Path, record_property: Record
) -> None:
    connection = connect() if era == "0.47" else connect(statement_bytes=150_000)  # one statement, or several
    taken, mixed = beside(box, connection, mode, TIMES[era], tmp_path)
    record_property("refresh", told(era, mode, TIMES[era], taken, mixed))
    if era == "0.47":  # elsewhere a table is read in several statements too, and what does not hold still is refused
        assert taken == TIMES[era]
        assert mixed, "the loop over tables mixed nothing, so the check proves nothing"


@pytest.mark.parametrize("era", ["0.47"])
def test_few_snapshots_beside_every_mode(
    box: Box, connect: Connect, era: str, tmp_path: Path, record_property: Record
) -> None:
    """The same in small: three snapshots beside each of the three modes."""
    mixed = 0
    for mode in ("delete", "truncate", "swap"):
        (tmp_path / mode).mkdir()
        taken, some = beside(box, connect(), mode, 3, tmp_path / mode)
        record_property("refresh", told(era, mode, 3, taken, some))
        assert taken == 3
        mixed += some
    assert mixed, "the loop over tables mixed nothing, so the check proves nothing"


def beside(box: Box, connection: Connection, mode: str, times: int, folder: Path) -> tuple[int, int]:
    """Take snapshots beside refreshes: how many were taken, none of them mixed, and how many loops over tables were."""
    marked = [one for one in TABLES if "refreshed_at" in connection.describe_table(PROD, one)["column"].tolist()]
    assert len(marked) > 3
    mixed = taken = 0
    with box.refreshing(every=0.05, mode=mode):
        for number in range(times):
            with suppress(
                InconsistentSnapshot
            ):  # of several statements, when nothing holds still: nothing is published
                cut = connection.snapshot(folder / f"{number}", schemas=PROD, tables=TABLES)
                assert len(states(cut)) == 1
                taken += 1
            # what the vendor's guide does: one export per table
            with suppress(InconsistentSnapshot):
                seen = {mark for one in marked for mark in connection.read_table(PROD, one)["refreshed_at"]}
                mixed += len(seen) > 1
    return taken, mixed


def told(era: str, mode: str, times: int, taken: int, mixed: int) -> str:
    return f"{era}, {mode}: {taken} of {times} snapshots taken, 0 mixed; {mixed} of {times} loops over tables mixed"
