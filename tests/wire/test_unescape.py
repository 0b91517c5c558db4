"""JSON's escapes come off exactly, whatever the text holds."""

from __future__ import annotations

import json
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


@given(st.text(CHARACTERS))
@example("")
@example("\\")
@example('\\\\"\\\n\\\\n')
@example("\x01\\u0041\x7f\u2028😀")
def test_escapes_come_off(text: str) -> None:
    for ascii_only in (False, True):
        raw = json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode()
        assert unescape(raw) == text.encode()
    assert unescape(raw.replace(b"/", b"\\/")) == text.encode()


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("broken", [rb"a\q", rb"a\u12", rb"a\ud800"])
def test_what_is_no_json_text_is_an_error(broken: bytes, dense: bool) -> None:
    with pytest.raises(ValueError, match="JSON"):
        unescape(broken + (rb"\n" if dense else b" " * 100))


def test_neighbours_of_a_dense_text_stay_apart() -> None:
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
    escaped = b"\\\\" * 20
    lines.rows(line, lines.Columns([pa.int64()]))
    objects.texts([block], pa.schema([("d", pa.string())]))
    unescape(escaped)
    assert len(read) == 3
    assert not set(read) & {np.frombuffer(one, np.uint8).ctypes.data for one in (line, block, escaped)}
