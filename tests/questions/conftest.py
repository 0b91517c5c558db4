"""Saved questions for a test, made by the administrator and deleted behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandboxes import Connect
from shelf import Shelf


@pytest.fixture
def shelf(connect: Connect) -> Iterator[Shelf]:
    """Where a test saves its questions."""
    made = Shelf(connect("admin"))
    yield made
    made.clear()
