"""Both wire formats under damaged bytes: the right rows or an InsightError, and neither for long nor at any price.

``make fuzz`` does the same 100,000 times; ``FUZZ_MUTATIONS`` says how often.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import KINDS, Damage, changed, damage, wrong
from recordings import ERAS, SCHEMA, Recording, load, prepare, record
from sandboxes import Connect

from insight_frames import IncompleteResult, InsightError
from insight_frames.sandbox import Box
from insight_frames.wire import rows, unpack

MUTATIONS = int(os.environ.get("FUZZ_MUTATIONS", "1000"))
SECONDS = 5.0  # of the processor, for one case
MEGABYTES = 300  # that the process may grow by in one test
PARTS = range(4)
NAMES = list(load(ERAS[0]))
ALL = [load(era)[name] for era in ERAS for name in NAMES]


@pytest.fixture
def bounded() -> Iterator[None]:
    """Memory stays what it was, or nearly."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES << 10


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many blocks, and so threads, as an answer of some megabytes has."""
    for module in (rows, unpack):
        monkeypatch.setattr(module, "BLOCK", 2000)
    monkeypatch.setattr(unpack, "BLOCK_COLUMN", 0)
    monkeypatch.setattr(unpack, "FEW", 0)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def fault_of(one: Recording, whole: dict[int, pa.Table], made: Damage, size: int) -> str | None:
    """Read a damaged answer and say what is wrong with what came of it; None if nothing is."""
    begun = time.process_time()
    try:
        found = wrong(whole, one.read(pieces(made.body, size)), one.data, made)
    except InsightError:
        found = None
    except Exception as error:  # whatever else it is, it is wrong
        found = repr(error)[:200]
    took = time.process_time() - begun
    return found or (f"{took:.1f} seconds" if took > SECONDS else None)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("one", ALL, ids=repr)
def test_damaged_answers(one: Recording, part: int, bounded: None, request: pytest.FixtureRequest) -> None:
    if part == PARTS[-1]:
        request.getfixturevalue("small_blocks")
    whole = one.read([one.data])
    found = []
    for number in range(-(-MUTATIONS // (len(ALL) * len(PARTS)))):
        chance = Random(f"{one} {part} {number}")
        made, size = damage(one.data, chance), chance.choice((1 << 20, 1 << 20, 1000, len(one.data) // 50 + 1))
        fault = fault_of(one, whole, made, size)
        if fault is not None:
            found.append((number, fault, made.kinds, one.data[max(0, made.first - 40) : made.last + 10][:200]))
    assert not found, found[:3]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_damage_that_hypothesis_thinks_of(name: str, data: st.DataObject) -> None:
    one = load(data.draw(st.sampled_from(ERAS)))[name]
    made = Damage(one.data, len(one.data), len(one.data), "")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(made.body)))
        stop = min(len(made.body), start + data.draw(st.integers(0, 30) | st.integers(0, len(made.body))))
        new = data.draw(
            st.binary(max_size=12) | st.sampled_from((b'"', b",", b"\\", b"\\n", b"}", b'},{"t":"0"', b"0"))
        )
        made = changed(one.data, made, (start, stop, new), "drawn")
    assert fault_of(one, one.read([one.data]), made, data.draw(st.sampled_from((1 << 20, 1000)))) is None, made


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("0") | st.just("-1")
keys = st.sampled_from(["t", "m", "n", "d", "error", "status", "via", "message"]) | st.text(max_size=3)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=20
)


@given(
    documents
    | st.lists(st.fixed_dictionaries(dict.fromkeys("tmnd", documents)), max_size=4)
    | st.lists(st.fixed_dictionaries(dict.fromkeys("td", documents)), max_size=4),
    st.booleans(),
)
def test_any_json_at_all(document: Any, lined: bool) -> None:
    """What is no answer to the question is an error, whatever it is."""
    text = json.dumps(document, separators=(",", ":"))
    body = (text.replace("},{", "},\n{").replace("[{", "[\n{") if lined else text).encode()
    for name in ("many branches", "plain nasty"):
        with pytest.raises(InsightError):
            load(ERAS[0])[name].read([body])


@given(st.binary(max_size=200), st.sampled_from((b"", b"[", b'[{"t":', b'[\n{"d":"h (0,1,1,"t":', b'{"error":')))
def test_any_bytes_at_all(behind: bytes, before: bytes) -> None:
    for name in ("many branches", "plain nasty"):
        with pytest.raises(InsightError):
            load(ERAS[0])[name].read([before + behind])


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(one, marks=[pytest.mark.long] if one.name.endswith(ERAS[0]) else [], id=repr(one))
        for one in ALL
        if len(one.data) < 3000
    ],
)
def test_every_digit(one: Recording) -> None:
    """Every digit of an answer made another: it stands in a value, or it is noticed."""
    whole = one.read([one.data])
    for place, code in enumerate(one.data):
        if code in b"0123456789":
            for digit in b"019":
                body = one.data[:place] + bytes([digit]) + one.data[place + 1 :]
                fault = fault_of(one, whole, Damage(body, place, place + 1, "digit"), 1 << 20)
                assert fault is None, (place, chr(digit), fault, one.data[max(0, place - 30) : place + 10])


@pytest.mark.parametrize("one", [one for one in ALL if not one.plain and len(one.data) > 3000], ids=repr)
def test_a_row_lost_inside_a_cell(one: Recording) -> None:
    line = b"\\n(0,200,"
    start = one.data.index(line)
    lost = one.data[:start] + one.data[one.data.index(b"\\n(0,201,") :]
    twice = one.data[:start] + one.data[start : one.data.index(b"\\n(0,201,")] + one.data[start:]
    for body in (lost, twice):
        with pytest.raises(IncompleteResult, match="rows in place of"):
            one.read([body])


@pytest.mark.parametrize("seed", range(20))
def test_damage_tells_where_it_is(seed: int) -> None:
    """What the tests above rest on: outside of the bytes it names, damage changes none."""
    data = bytes(Random(seed).randbytes(300)) + b'\\n,"1"},{"t"' * 5
    for kind in KINDS:
        made = changed(data, Damage(data, len(data), len(data), ""), kind(data, Random(seed)), kind.__name__)
        assert made.body[: made.first] == data[: made.first]
        behind = len(data) - made.last
        assert not behind or made.body[-behind:] == data[made.last :]
    made = damage(data, Random(seed))
    assert made.body[: made.first] == data[: made.first]


def test_what_is_not_right_is_seen() -> None:
    one = load("0.47")["pages"]
    whole = one.read([one.data])
    table, nowhere = whole[0], Damage(one.data, 100, 101, "")
    assert wrong(whole, whole, one.data, nowhere) is None
    turned = {0: table.take(list(range(table.num_rows))[::-1])}
    for other in ({0: table.slice(1)}, {0: table.drop_columns(["t"])}, turned):
        assert wrong(whole, other, one.data, nowhere) is not None


@pytest.mark.parametrize("era", ERAS)
def test_the_sandbox_still_answers_so(box: Box, connect: Connect, era: str) -> None:
    prepare(box)
    try:
        for now in record(connect(), era):
            then = load(era)[now.name.rsplit(" ", 1)[0]]
            assert {key: table.to_pydict() for key, table in now.read([now.data]).items()} == {
                key: table.to_pydict() for key, table in then.read([then.data]).items()
            }
            assert len(now.data) - len(then.data) in range(-60, 60)
    finally:
        with box.connect() as database:
            database.execute(f"drop schema {SCHEMA} cascade".encode())
