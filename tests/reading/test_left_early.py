"""A stream that is opened and left without reading lets go of its request."""

from __future__ import annotations

import pytest

from insight_frames import Connection
from insight_frames.question import table_question


@pytest.mark.parametrize("era", ["0.47"])
def test_a_stream_that_is_never_read_is_closed(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    from insight_frames.wire import http

    closed = []
    close = http.Answer.close
    monkeypatch.setattr(http.Answer, "close", lambda answer: (closed.append(answer.where), close(answer)))
    connection.list_tables("s_cardio3prod")
    closed.clear()
    with connection._source.open(table_question("s_cardio3prod", "item_data")) as stream:
        assert closed == []
        stream.close()
        assert len(closed) == 1, "at once, not when the garbage is collected"
