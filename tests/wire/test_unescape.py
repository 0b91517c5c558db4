"""JSON's escapes come off exactly, whatever the text holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from insight_frames.wire import lines, objects
from insight_frames.wire.lines import unescape

CHARACTERS = st.one_of(st.sampled_from('\\"\n\r\t\b\f/un{}[],()'), st.characters(exclude_categories=["Cs"]))


BOTH = [unescape, lines._by_reader]  # the second for long texts that are full of escapes


@pytest.mark.parametrize("take_off", BOTH)
@given(st.text(CHARACTERS))
@example("")
@example("\\")
@example('\\\\"\\\n\\\\n')
@example("\x01\\u0041\x7f\u2028😀")
def test_escapes_come_off(take_off: Callable[[bytes], bytes | pa.Buffer], text: str) -> None:
    for ascii_only in (False, True):
        raw = json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode()
        assert take_off(raw) == text.encode()
    assert take_off(raw.replace(b"/", b"\\/")) == text.encode()


@pytest.mark.parametrize("take_off", BOTH)
@pytest.mark.parametrize("broken", [rb"a\q", rb"a\u12", rb"a\ud800", b'a"b', b"a\\"])
def test_what_is_no_json_text_is_an_error(take_off: Callable[[bytes], bytes | pa.Buffer], broken: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        take_off(broken)


@pytest.mark.parametrize("take_off", BOTH)
def test_bytes_that_are_no_text_are_an_error_in_their_line_at_the_latest(
    take_off: Callable[[bytes], bytes | pa.Buffer],
) -> None:
    columns = lines.Columns([pa.string()])
    assert lines.rows(take_off("(0,aü,0)\\n".encode()), columns).column(0).to_pylist() == ["aü"]
    with pytest.raises(ValueError, match=r"JSON|UTF8"):
        lines.rows(take_off(b"(0,a\xff,0)\\n"), columns)


def test_a_long_text_full_of_escapes_is_read_by_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []
    monkeypatch.setattr(lines, "_by_reader", lambda raw: taken.append(raw) or lines.own(raw))
    for raw in (b"a" * 100_000, rb"a\n" * 10_000, rb"a\n" * 30_000):
        unescape(raw)
    assert taken == [rb"a\n" * 30_000]


def test_neighbours_of_a_dense_text_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_SHORT", 0)
    raw = rb"\"},{\"d\":\"" * 20
    assert unescape(raw) == b'"},{"d":"' * 20


def test_arrows_readers_hold_nothing_of_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of theirs may let go of it while Python ends, which aborts the process: two scripts in a hundred."""
    read: list[int] = []

    def spied(original: Any) -> Any:
        def spying(given: Any, *more: Any, **named: Any) -> Any:
            read.append(given.address)
            return original(given, *more, **named)

        return spying

    monkeypatch.setattr(pacsv, "open_csv", spied(pacsv.open_csv))
    monkeypatch.setattr(pajson, "read_json", spied(pajson.read_json))
    line, block = b"(0,1,0)\n" * 20, b",\n".join([b'{"d":"1"}'] * 20)
    escaped = b"\\\\" * lines._SHORT
    lines.rows(line, lines.Columns([pa.int64()]))
    objects.texts([block], pa.schema([("d", pa.string())]))
    unescape(escaped)
    assert len(read) == 3
    assert not set(read) & {np.frombuffer(one, np.uint8).ctypes.data for one in (line, block, escaped)}
