"""An answer that ends early, wherever it ends and however cleanly, is never taken for a whole one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sandboxes import Connect, Scratch

from insight_frames import IncompleteResult, InsightError
from insight_frames.sources import metabase
from insight_frames.wire import rows as plain
from insight_frames.wire.cells import Frame, readable

# Texts that hold what ends a cell, a row or a list in the answer itself.
NASTY = [
    "plain",
    'quote "}]',
    '[{"a": "b"}]',
    '{"t":"0","m":null}',
    "},\n{",
    "back\\slash\\",
    ',0)\n(0,"',
    "",
    "é😀",
    "}\n]",
    "a\\n",
]
Reader = Callable[..., list[Any]]


@pytest.fixture
def table(scratch: Scratch) -> str:
    scratch.run("create table nasty (n int primary key, t text, j jsonb)")
    for number, text in enumerate(NASTY):
        scratch.run("insert into nasty values (%s, %s, to_jsonb(array[%s, '\"}]']))", number, text, text)
    return "nasty"


def recorded(monkeypatch: pytest.MonkeyPatch, reader: str) -> list[tuple[bytes, Reader]]:
    """Answers as they come, each with what reads it again from bytes."""
    kept: list[tuple[bytes, Reader]] = []
    original = getattr(plain if reader == "read_rows" else metabase, reader)

    def spy(pieces: Iterator[bytes], where: str, *more: Any) -> Any:
        data = b"".join(pieces)

        def again(*parts: bytes) -> list[Any]:
            fresh = [replace_frame(one) for one in more]
            with readable(where):
                return list(original(iter(parts), where, *fresh))

        kept.append((data, again))
        return original(iter([data]), where, *more)

    monkeypatch.setattr(plain if reader == "read_rows" else metabase, reader, spy)
    return kept


def replace_frame(one: Any) -> Any:
    return replace(one, started=False, ended=False) if isinstance(one, Frame) else one


def check(kept: list[tuple[bytes, Reader]]) -> None:
    for data, again in kept:
        assert len(data) > 800
        rows = sum(batch.num_rows for _, batch in again(data))
        assert rows == len(NASTY)
        wrong = []
        for size in range(len(data.rstrip())):
            try:
                again(data[:size])
            except IncompleteResult:
                continue
            except Exception as error:  # whatever else it is, it is wrong
                wrong.append((size, repr(error)[:100], data[max(0, size - 30) : size]))
            else:
                wrong.append((size, "taken for whole", data[max(0, size - 30) : size]))
        assert not wrong, wrong[:10]
        for size in (1, 2, 7, 100):  # and pieces may end anywhere
            pieces = [data[start : start + size] for start in range(0, len(data), size)]
            assert sum(batch.num_rows for _, batch in again(*pieces)) == len(NASTY)


@pytest.mark.parametrize("era", ["0.34", "0.47"])
@pytest.mark.parametrize("form", ["pages", "numbered"])
def test_packed(connect: Connect, table: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = recorded(monkeypatch, "read_cells")
    how = {} if form == "pages" else {"order_by": "n"}
    assert connect().read_table("s_scratch", table, **how).sort_values("n")["t"].tolist() == NASTY
    check(kept)


@pytest.mark.parametrize("era", ["0.34", "0.47"])
def test_plain(connect: Connect, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = recorded(monkeypatch, "read_rows")
    assert connect(path="plain").read_table("s_scratch", table).sort_values("n")["t"].tolist() == NASTY
    check(kept)


@pytest.mark.parametrize("era", ["0.34", "0.47"])
@pytest.mark.parametrize("form", ["pages", "numbered", "plain"])
def test_a_byte_lost_anywhere(connect: Connect, table: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network loses a byte unseen; if one did, the error would be ours, and without a value of a row in it."""
    path = "plain" if form == "plain" else "auto"
    kept = recorded(monkeypatch, "read_rows" if path == "plain" else "read_cells")
    how = {"order_by": "n"} if form == "numbered" else {}
    connect(path=path).read_table("s_scratch", table, **how)
    wrong = []
    for data, again in kept:
        for place in range(len(data)):
            try:
                again(data[:place] + data[place + 1 :])
            except InsightError as error:
                if "quote" in str(error) or "plain" in str(error):
                    wrong.append((place, str(error)))
            except Exception as error:  # whatever else it is, it is wrong
                wrong.append((place, repr(error)[:200], data[max(0, place - 30) : place + 10]))
    assert not wrong, wrong[:10]
