"""A snapshot of some of the sandbox's study for all tests of files."""

from __future__ import annotations

import pytest
from sandboxes import Boxes

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.sandbox import Box


def connected(box: Box) -> Connection:
    person = box.accounts["analyst"]
    return Connection(box.url, username=person.username, password=person.password)


TABLES = ["site", "participant", "event_crf", "discrepancy_note", "crf", "refresh_log", "user_account"]


@pytest.fixture(scope="session")
def study(boxes: Boxes, tmp_path_factory: pytest.TempPathFactory) -> ifr.Snapshot:
    """Tables that belong to sites in several ways, and some that belong to none."""
    box = boxes("0.47")
    box.fault()
    with connected(box) as connection:
        return connection.snapshot(tmp_path_factory.mktemp("files") / "study", schemas="s_cardio3prod", tables=TABLES)
