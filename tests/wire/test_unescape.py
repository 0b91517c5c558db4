"""JSON's escapes come off exactly, whatever the text holds."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from insight_frames.wire.unpack import unescape

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
