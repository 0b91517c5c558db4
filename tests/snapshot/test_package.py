"""The manifest is a valid Frictionless Data Package, by the reference implementation, hashes of the files included."""

from __future__ import annotations

from pathlib import Path

import pytest
from frictionless import Package

from insight_frames import Connection


@pytest.mark.parametrize("era", ["0.47"])
def test_a_snapshot_of_the_study_is_a_valid_data_package(connection: Connection, tmp_path: Path) -> None:
    cut = connection.snapshot(tmp_path / "cut", schemas="s_cardio3prod")
    report = Package(str(cut.path / "datapackage.json")).validate()
    assert report.valid, report.flatten(["type", "note"])
    assert len(report.tasks) == len(cut.tables)
