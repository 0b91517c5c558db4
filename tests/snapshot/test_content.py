"""The content hash: recomputed here from its documentation alone, with struct and hashlib, row by row."""

from __future__ import annotations

import hashlib
import json
import math
import random
import struct
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight_frames.errors import SnapshotError
from insight_frames.sinks.content import ContentHash, encoding, fingerprint

_EPOCH = datetime(1970, 1, 1)
_WIDE = Context(prec=80)
_FORMATS = {"bool": "<?", "int16": "<h", "int32": "<i", "int64": "<q", "uint32": "<I", "float32": "<f", "float64": "<d"}
_NAN = {"float32": bytes.fromhex("0000c07f"), "float64": bytes.fromhex("000000000000f87f")}


def fixed_and_varying(kind: str, value: Any) -> tuple[bytes, bytes]:
    if kind in ("text", "bytes"):
        data = value.encode() if isinstance(value, str) else (value or b"")
        return struct.pack("<I", len(data)), data
    if kind.startswith("list<"):
        data = b"".join(row([(kind[5:-1], one)]) for one in value or [])
        return struct.pack("<I", len(data)), data
    if kind.startswith("decimal("):
        precision, scale = (int(one) for one in kind[8:-1].split(","))
        number = 0 if value is None else int(value.scaleb(scale, _WIDE))
        return number.to_bytes(16 if precision <= 38 else 32, "little", signed=True), b""
    if kind == "date":
        return struct.pack("<i", 0 if value is None else (value - _EPOCH.date()).days), b""
    if kind in ("time", "timestamp"):
        return struct.pack("<q", 0 if value is None else microseconds(value)), b""
    if isinstance(value, float) and math.isnan(value):
        return _NAN[kind], b""
    return struct.pack(_FORMATS[kind], 0 if value is None else value), b""


def microseconds(value: time | datetime) -> int:
    if isinstance(value, time):
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond
    return (value.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)


def row(values: list[tuple[str, Any]]) -> bytes:
    parts = [(b"\x00" if value is None else b"\x01", *fixed_and_varying(kind, value)) for kind, value in values]
    return b"".join(flag + fixed for flag, fixed, _ in parts) + b"".join(varying for _, _, varying in parts)


def by_the_book(columns: list[tuple[str, str, str]], rows: list[tuple[Any, ...]]) -> str:
    kinds = [kind for _, _, kind in columns]
    total = 0
    for one in rows:
        digest = hashlib.blake2b(row(list(zip(kinds, one, strict=True)))).digest()
        total = (total + int.from_bytes(digest, "little")) % 2**512
    text = "insight-content-1\n"
    for one in columns:
        text += json.dumps(list(one), ensure_ascii=False, separators=(",", ":")) + "\n"
    return hashlib.sha256(f"{text}{len(rows)}\n".encode() + total.to_bytes(64, "little")).hexdigest()


TYPES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "bool": (pa.bool_(), st.booleans()),
    "int16": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "int32": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint32": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "float32": (pa.float32(), st.floats(width=32)),
    "float64": (pa.float64(), st.floats()),
    "text": (pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)),
    "bytes": (pa.binary(), st.binary(max_size=12)),
    "date": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times()),
    "timestamp": (pa.timestamp("us"), st.datetimes()),
    "decimal(20,3)": (pa.decimal128(20, 3), st.decimals(-(10**16), 10**16, places=3)),
    "decimal(60,5)": (pa.decimal256(60, 5), st.integers(-(10**59), 10**59).map(lambda n: Decimal(n).scaleb(-5, _WIDE))),
    "list<text>": (pa.list_(pa.string()), st.lists(st.none() | st.text("ab,}", max_size=3), max_size=3)),
    "list<int32>": (pa.list_(pa.int32()), st.lists(st.none() | st.integers(-5, 5), max_size=3)),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[tuple[Any, ...]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(TYPES)), max_size=4))
    one = st.tuples(*(st.none() | TYPES[kind][1] for kind in kinds))
    return kinds, draw(st.lists(one, max_size=8))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.randoms(use_true_random=False), st.integers(1, 9))
def test_it_is_what_the_documentation_says(
    table: tuple[list[str], list[tuple[Any, ...]]], chance: random.Random, size: int
) -> None:
    kinds, rows = table
    columns = [(f"c{place}", "any", kind) for place, kind in enumerate(kinds)]
    assert [encoding(TYPES[kind][0]) for kind in kinds] == kinds
    expected = by_the_book(columns, rows)
    shuffled = chance.sample(rows, len(rows))
    for order, batch in ((rows, max(len(rows), 1)), (shuffled, size)):
        arrays = [pa.array([one[place] for one in order], TYPES[kind][0]) for place, kind in enumerate(kinds)]
        hashed = ContentHash()
        for start in range(0, len(order), batch):
            stop = min(start + batch, len(order))
            hashed.add([one.slice(start, stop - start) for one in arrays], stop - start)
        assert hashed.hexdigest(columns) == expected


def of(*columns: pa.Array[Any]) -> str:
    hashed = ContentHash()
    hashed.add(list(columns), len(columns[0]))
    return hashed.hexdigest([(str(place), "t", encoding(one.type)) for place, one in enumerate(columns)])


def test_what_looks_alike_is_told_apart() -> None:
    text = pa.string()
    pairs = [
        (of(pa.array([""])), of(pa.array([None], text))),
        (of(pa.array(["ab"]), pa.array(["c"])), of(pa.array(["a"]), pa.array(["bc"]))),
        (of(pa.array([0.0])), of(pa.array([-0.0]))),
        (of(pa.array([0])), of(pa.array([None], pa.int64()))),
        (of(pa.array(["a", "a"])), of(pa.array(["a"]))),
        (of(pa.array(["a", "b"]), pa.array([1, 2])), of(pa.array(["a", "b"]), pa.array([2, 1]))),
        (of(pa.array([[]], pa.list_(text))), of(pa.array([None], pa.list_(text)))),
        (of(pa.array([[None]], pa.list_(text))), of(pa.array([[""]], pa.list_(text)))),
        (of(pa.array([1], pa.int32())), of(pa.array([1], pa.int64()))),
        (of(pa.array([], text)), of(pa.array([], pa.int64()))),
    ]
    for one, other in pairs:
        assert one != other


def test_what_is_equal_hashes_equally_however_it_is_held() -> None:
    plain = pa.array(["x", None, "y", "x"])
    assert of(plain) == of(plain.dictionary_encode()) == of(plain.cast(pa.large_string()))
    assert of(pa.array([float("nan")])) == of(pa.array([-float("nan")]))
    naive = pa.array([datetime(2026, 1, 2, 3, 4, 5)], pa.timestamp("us"))
    assert of(naive) == of(pa.array([datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)], pa.timestamp("us", "UTC")))
    inside = pa.array([[1], [2, 3], None, [4]], pa.list_(pa.int32())).slice(1, 2)
    assert of(inside) == of(pa.array([[2, 3], None], pa.list_(pa.int32())))


def test_it_never_changes() -> None:
    """Fixed for ever: a snapshot of today must verify in twenty years."""
    columns = [pa.array([1, None, 3]), pa.array(["a", "", None]), pa.array([date(2026, 11, 24), None, None])]
    assert of(*columns) == "102903dbbd5c7e9be9944d8e14f5bfcc7e1b42afa38142737312062bffc5efda"
    assert fingerprint([("s", "t", "0" * 64)]) == "fcf993f27367d5f2f902ee7596fa9225b78fc84e9297f03d227382af3e8a6085"


def test_types_without_an_encoding_are_refused() -> None:
    for type_ in (pa.timestamp("ns"), pa.duration("s"), pa.struct([("a", pa.int8())]), pa.list_(pa.int8())):
        with pytest.raises(SnapshotError, match="cannot hold the Arrow type"):
            encoding(type_)
