"""Servers that never come to an end, or answer what nobody would: a clear InsightError, soon, in bounded memory."""

from __future__ import annotations

import gzip
import json
import logging
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count, repeat
from random import Random

import pytest
from hostileserver import answer, endless, hostile
from mutations import damage
from recordings import ERAS, HERE, SCHEMA, ask

from insight_frames import Connection, InsightError
from insight_frames.wire import limits

ROWS = 62  # of all that `ask` asks
MANY = int(os.environ.get("FUZZ_MUTATIONS", "1000")) // 20
SECONDS, MEGABYTES = 8.0, 400

LOGIN, PROPERTIES, DATABASES, CATALOGUE, PACKED, NUMBERED, COLUMNS, PLAIN = range(8)
ALL = range(8)
DOCUMENTS = (LOGIN, PROPERTIES, DATABASES, CATALOGUE, COLUMNS)
EXPORTS = (CATALOGUE, PACKED, NUMBERED, COLUMNS, PLAIN)


@cache
def said(era: str) -> list[tuple[str, bytes]]:
    """The recorded conversation: requests and bodies."""
    kept = json.loads((HERE / f"{era} conversation.json").read_text(encoding="utf-8"))
    return [(request, body.encode()) for request, body in kept]


@contextmanager
def replaced(place: int, writes: Callable[[], Iterable[bytes]], era: str = "0.47") -> Iterator[str]:
    """Serve the conversation with another answer at one place."""
    number = count()

    def write(request: str) -> Iterable[bytes]:
        here = next(number)
        expected, body = said(era)[min(here, len(ALL) - 1)]
        return writes() if here == place or request != expected else answer(body)

    with hostile(write) as url:
        yield url


def outcome(url: str, **more: str) -> InsightError | int:
    """Ask all; the number of rows, or the error."""
    begun, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asked = Connection(url, username="ann@example.com", password="of nobody", keep_session=False, timeout=20, **more)
    with asked:
        try:
            return ask(asked, SCHEMA)
        except InsightError as error:
            return error
        finally:
            assert time.process_time() - begun < SECONDS
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES << 10


def refused(place: int, writes: Callable[[], Iterable[bytes]], **more: str) -> str:
    with replaced(place, writes) as url:
        error = outcome(url, **more)
    assert isinstance(error, InsightError)
    return str(error)


@pytest.mark.parametrize("era", ERAS)
def test_the_conversation_as_it_was(era: str) -> None:
    with replaced(-1, list, era) as url:
        assert outcome(url) == ROWS


# ------------------------------------------------------------------ answers without an end
ENDLESS = {
    "one text": lambda: endless(b'{"a":"', then=repeat(b"x" * 65536)),
    "white space": lambda: endless(then=repeat(b" \n" * 32768)),
    "numbers": lambda: endless(b"[", then=repeat(b"1234567890," * 6000)),
    "one number": lambda: endless(b'[{"t":', then=repeat(b"9" * 65536)),
    "lists in lists": lambda: endless(then=repeat(b"[" * 65536)),
    "objects in objects": lambda: endless(then=repeat(b'{"error":' * 8192)),
    "other objects": lambda: endless(b"[", then=repeat(b'{"a":1},' * 8192)),
    "a page": lambda: endless(b"<html>", then=repeat(b"<p>" * 20000)),
    "nothing readable": lambda: endless(then=repeat(bytes(65536))),
    "gzip": lambda: endless(head="Content-Encoding: gzip\r\n", then=bomb(b"[{" + b" " * (1 << 25))),
    "gzip of a text": lambda: endless(head="Content-Encoding: gzip\r\n", then=bomb(b'{"a":"' + b"x" * (1 << 25))),
    "chunks of one byte": lambda: endless(head="Transfer-Encoding: chunked\r\n", then=repeat(b"1\r\n \r\n" * 8192)),
    "the size of a chunk": lambda: endless(head="Transfer-Encoding: chunked\r\n", then=repeat(b"0" * 65536)),
    "a head line": lambda: [b"HTTP/1.1 200 OK\r\nX: ", *repeat(b"x" * 65536, 4000)],
    "a status line": lambda: [b"HTTP/1.1 200 ", *repeat(b"x" * 65536, 4000)],
    "head lines": lambda: [b"HTTP/1.1 200 OK\r\n", *repeat(b"X: y\r\n" * 8192, 4000)],
}


@cache
def bomb(unpacked: bytes) -> tuple[bytes, ...]:
    """Megabytes in few bytes."""
    return (gzip.compress(unpacked, 9),)


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, met sooner."""
    for name in ("DOCUMENT", "LISTING", "CELL", "HELD"):
        monkeypatch.setattr(limits, name, 1 << 20)
    monkeypatch.setattr(limits, "CELLS", 1000)


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("place", ALL)
def test_an_answer_without_an_end(place: int, name: str, low_limits: None) -> None:
    refused(place, ENDLESS[name], compression="gzip")


def test_the_limits_as_they_are() -> None:
    assert "at most 16,777,216 bytes" in refused(LOGIN, ENDLESS["one text"])
    assert "at most 67,108,864 bytes" in refused(CATALOGUE, ENDLESS["white space"])
    assert "at most 65,536 bytes of white space" in refused(PACKED, ENDLESS["white space"])


# ------------------------------------------------------------------ rows without an end
def cells(first: bytes, more: Iterable[bytes]) -> Callable[[], Iterator[bytes]]:
    """Rows as they were asked for, and what follows; joined to larger parts, so that the server is no brake."""

    def write() -> Iterator[bytes]:
        source = iter(more)
        yield from endless(first)
        while part := b"".join(one for one, _ in zip(source, range(500), strict=False)):
            yield part

    return write


def cell(t: int, m: object, n: object, d: str | None) -> bytes:
    return b",\n" + json.dumps({"t": str(t), "m": m, "n": n, "d": d}, separators=(",", ":")).encode()


def beginning(place: int) -> bytes:
    """The recorded answer's first row."""
    return said("0.47")[place][1].partition(b"},\n")[0] + b"}"


ROWS_300 = "(0,1,,,)\n" * 300 + "300 2700"
CELLS_WITHOUT_END: dict[str, tuple[int, Iterable[bytes], str]] = {
    "more than announced": (PACKED, (cell(0, "3", str(n), "(0,1,0)\n1 8") for n in count()), "more than 3 cells"),
    "as many as can be announced": (
        PACKED,
        (cell(0, "9" * 30, str(n), "(0,1,0)\n1 8") for n in count()),
        "does not end",
    ),
    "without rows": (PACKED, (cell(0, "9" * 30, str(n), None) for n in count()), "does not end"),
    "numbered": (NUMBERED, (cell(0, None, str(n), "(0,1,,,0)\n" * 300 + "300 3000") for n in count()), "does not end"),
    "never the first": (NUMBERED, (cell(0, None, str(n), ROWS_300) for n in count(1)), "does not end"),
    "numbered without rows": (NUMBERED, (cell(0, None, str(n), None) for n in count()), "a cell without rows"),
    "no rows at all": (NUMBERED, (cell(0, None, None, None) for n in count()), "no rows twice"),
    "the last row": (NUMBERED, (cell(-2, None, None, None) for n in count()), "one twice"),
    "branches not asked for": (NUMBERED, (cell(n, None, "1", None) for n in count(1)), "not asked for"),
    "one cell": (PACKED, (b',\n{"t":"0","m":"1","n":"0","d":"', *[]), "whole"),
}


@pytest.mark.parametrize("name", CELLS_WITHOUT_END)
def test_cells_without_an_end(name: str, low_limits: None) -> None:
    place, more, message = CELLS_WITHOUT_END[name]
    assert message in refused(place, cells(beginning(place), more))


BEGUN = [(PACKED, b',\n{"t":"0","m":"1","n":"0","d":"'), (PLAIN, b',\n{"d":"(0,2,')]


@pytest.mark.parametrize(("place", "begun"), BEGUN)
@pytest.mark.parametrize("text", [b"x", b"{", b"},{", b'\\"', b"\\n(0,1,0)", b" "])
def test_a_cell_or_row_without_an_end(place: int, begun: bytes, text: bytes, low_limits: None) -> None:
    parts = [beginning(place) + begun]
    message = refused(place, lambda: endless(*parts, then=repeat(text * 20000)))
    assert "at most 1,048,576 bytes in a cell" in message
    assert "huge values" in message


# ------------------------------------------------------------------ answers of another kind
VALUES = [
    None, True, 1, -1, 1.5, "", "x", [], {}, [1], [None], ["x"], [[]], [{}], {"data": None}, {"data": 1}, {"data": [1]},
    {"data": [{"engine": "postgres"}]}, {"data": [{"engine": "postgres", "id": "x", "name": 1}]}, {"version": 1},
    {"version": {"tag": 1}}, {"version": {"tag": ""}}, {"id": None}, {"id": 1}, {"id": ""}, {"id": ["x"]},
    {"error": None}, {"error": 1}, {"error": ["x"]}, {"error": "x", "via": 1}, {"error": "x", "via": {"a": 1}},
    {"error": "x", "state": 7}, {"error": "x", "via": [1]}, {"status": 1}, {"message": {"a": "b"}}, {"cause": []},
    {"errors": 1}, {"errors": {"username": 1}}, {"errors": {"password": ["x"]}}, {"errors": {"username": "9" * 5000}},
    {"error": "ERROR: x\n  Position: " + "9" * 5000}, {"error": 'ERROR: "' * 5000}, {"error": "(" * 5000},
    [{"t": 1, "m": 1, "n": 1, "d": 1}], [{"t": "0", "n": "9" * 5000, "d": None}], [{"t": None, "n": None, "d": "[]"}],
    [{"t": "-1", "m": "1", "n": "2", "d": "{}"}], [{"t": "0", "n": "0", "d": "[" * 5000}], [{"n": "9" * 5000}],
    [{"i": "x", "name": 1, "type": 2, "typtype": 3, "base": 4, "element": 5, "element_typtype": 6, "labels": 7}],
]  # fmt: skip
TEXTS = [
    b"", b"[", b"]", b"{", b'"', b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000, b"9" * 10_000, b"[" + b"9" * 10_000,
    b"1e999", b"[1e999,-1e999,NaN]", b'{"id":1e999}', b'{"data":[{"engine":"postgres","name":"x","id":1e999}]}',
    b'{"version":{"tag":"v0.' + b"9" * 10_000 + b'.1"}}', b'{"errors":{"username":"1' + b"0" * 400 + b' seconds"}}',
    b'[{"t":"0","m":' + b"[" * 200_000, b'[{"a":1}' + b',{"a":1}' * 50_000, b'[{"a":' * 20_000, b'[{"t":"0"}] ]',
    b'[\n{"t":"-1","m":"1","n":"1","d":"' + b"[" * 100_000 + b'"}\n]',
    b'[\n{"t":"-1","m":"1","n":"1","d":"{\\"version\\":1e999,\\"digits\\":1e999,\\"DateStyle\\":1,\\"tables\\":[]}"}\n]',
    b"<" * 100_000, b'{"error":"' + b'"' * 10,
]  # fmt: skip
BODIES = [json.dumps(one).encode() for one in VALUES] + TEXTS


@pytest.mark.parametrize(
    ("status", "every"),
    [(200, 2), (400, 14), (401, 14)]
    + [pytest.param(one, 1, marks=pytest.mark.long) for one in (200, 202, 400, 401, 403, 404, 500, 503)],
)
@pytest.mark.parametrize("place", ALL)
def test_answers_of_another_kind(place: int, status: int, every: int) -> None:
    """An InsightError of few words; or all rows, where what was said does not matter (a version without a number)."""
    for number, body in enumerate(BODIES[::every]):
        with replaced(place, lambda body=body: answer(body, status=status)) as url:
            got = outcome(url)
        assert isinstance(got, InsightError) or got == ROWS, (number, body[:80], got)
        assert len(str(got)) < 2000, (number, body[:80])


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("part", range(2))
def test_damaged_conversations(era: str, part: int, caplog: pytest.LogCaptureFixture) -> None:
    """What the small documents say cannot be proven; but no answer gives fewer rows for it."""
    caplog.set_level(logging.CRITICAL)
    for number in range(MANY // 4):
        chance = Random(f"{era} {part} {number}")
        place = chance.choice(ALL)
        made = damage(said(era)[place][1], chance)
        with replaced(place, lambda body=made.body: answer(body), era) as url:
            got = outcome(url)
        assert isinstance(got, InsightError) or got == ROWS, (number, place, made.kinds, got)
