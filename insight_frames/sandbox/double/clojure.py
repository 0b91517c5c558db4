"""The order in which a Clojure set gives its elements, and the digest that Metabase keeps of a table's fields.

A real server numbers new tables and fields in the order in which a set of maps yields them, so lists "by id" only
agree with it if hashes do: Murmur3 as Clojure applies it, walked five bits at a time from the low end.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_MASK = 0xFFFFFFFF


class Keyword(str):
    """``:type/Integer`` is ``Keyword("type/Integer")``; keywords and strings hash differently."""

    __slots__ = ()


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (32 - by))) & _MASK


def _mix_key(key: int) -> int:
    return (_rotate((key * 0xCC9E2D51) & _MASK, 15) * 0x1B873593) & _MASK


def _mix(seed: int, key: int) -> int:
    return (_rotate(seed ^ _mix_key(key), 13) * 5 + 0xE6546B64) & _MASK


def _finish(seed: int, length: int) -> int:
    seed ^= length
    seed = ((seed ^ (seed >> 16)) * 0x85EBCA6B) & _MASK
    seed = ((seed ^ (seed >> 13)) * 0xC2B2AE35) & _MASK
    return seed ^ (seed >> 16)


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-be")
    return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]


def _java(text: str) -> int:
    total = 0
    for unit in _units(text):
        total = (31 * total + unit) & _MASK
    return total


def _characters(text: str) -> int:
    units, seed = _units(text), 0
    for at in range(1, len(units), 2):
        seed = _mix(seed, units[at - 1] | units[at] << 16)
    if len(units) % 2:
        seed ^= _mix_key(units[-1])
    return _finish(seed, 2 * len(units))


@lru_cache(maxsize=4096)
def _keyword(text: str) -> int:
    space, _, name = text.rpartition("/")
    seed = _characters(name)
    signed = seed - (1 << 32) if seed >> 31 else seed
    seed ^= ((_java(space) if space else 0) + 0x9E3779B9 + (seed << 6) + (signed >> 2)) & _MASK
    return (seed + 0x9E3779B9) & _MASK


def _integer(value: int) -> int:
    return 0 if value == 0 else _finish(_mix(_mix(0, value & _MASK), value >> 32 & _MASK), 8)


def _string(text: str) -> int:
    hashed = _java(text)
    return 0 if hashed == 0 else _finish(_mix(0, hashed), 4)


def _ordered(items: Iterable[Any]) -> int:
    total, count = 1, 0
    for item in items:
        total, count = (31 * total + clojure_hash(item)) & _MASK, count + 1
    return _finish(_mix(0, total), count)


def clojure_hash(value: Any) -> int:
    """Clojure's ``hash`` of nil, booleans, integers, strings, keywords, vectors (list, tuple) and maps (dict)."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, Keyword):
        return _keyword(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, dict):
        return _finish(_mix(0, sum(_ordered(pair) for pair in value.items()) & _MASK), len(value))
    return _ordered(value)


def set_order(value: Any) -> tuple[int, ...]:
    """Sort key that puts values into the order of a Clojure hash set (or the keys of a hash map)."""
    hashed = clojure_hash(value)
    return tuple(hashed >> shift & 31 for shift in range(0, 35, 5))


def _sized(small: int, medium: int, count: int) -> bytes:
    return bytes((small, count)) if count < 128 else bytes((medium,)) + count.to_bytes(2, "big")


def _frozen(value: Any) -> bytes:
    if value is None:
        return b"\x03"
    if value is True:
        return b"\x08"
    data = str(value).encode("utf-8")
    return _sized(106, 85, len(data)) + data if isinstance(value, Keyword) else _sized(105, 16, len(data)) + data


def digest(rows: list[tuple[Any, ...]]) -> str:
    """The base64 of the MD5 of a sequence of vectors in the binary form that the old servers hash."""
    body = b"".join(_sized(110, 69, len(row)) + b"".join(_frozen(item) for item in row) for row in rows)
    raw = hashlib.md5(_sized(38, 39, len(rows)) + body, usedforsecurity=False).digest()
    return base64.b64encode(raw).decode("ascii")
