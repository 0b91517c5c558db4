"""Intervals keep months, days and microseconds apart, exactly as PostgreSQL stores them.

Parquet has no type for that triple, so Arrow carries PostgreSQL's own text in its default style, and a frame turns it
into timedelta64 where no value counts in months (whose length nobody knows).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .codec import Codec, from_hex
from .kinds import BadValue
from .moments import DAY_US, time_text

_WIRE = np.dtype([("microseconds", ">i8"), ("days", ">i4"), ("months", ">i4")])
_TOP = (np.iinfo(np.int64).max, np.iinfo(np.int32).max, np.iinfo(np.int32).max)
_BOTTOM = (np.iinfo(np.int64).min, np.iinfo(np.int32).min, np.iinfo(np.int32).min)
_FORM = re.compile(
    r"(?:(-?\d+|\+\d+) years? ?)?(?:([-+]?\d+) mons? ?)?(?:([-+]?\d+) days? ?)?"
    r"(?:([-+])?(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?"
)


def interval_text(microseconds: int, days: int, months: int) -> str:
    """The triple in PostgreSQL's default style: ``1 year -2 mons +3 days -04:05:06.7``."""
    triple = (microseconds, days, months)
    if triple in (_TOP, _BOTTOM):
        return "infinity" if triple == _TOP else "-infinity"
    years, rest = divmod(abs(months), 12)
    sign = -1 if months < 0 else 1
    parts: list[str] = []
    negative = False
    for count, unit in ((sign * years, "year"), (sign * rest, "mon"), (days, "day")):
        if count:
            plus = "+" if negative and count > 0 else ""
            parts.append(f"{plus}{count} {unit}{'' if count == 1 else 's'}")
            negative = count < 0
    if microseconds or not parts:
        plus = "-" if microseconds < 0 else "+" if negative else ""
        parts.append(plus + time_text(abs(microseconds)))
    return " ".join(parts)


def interval_parts(text: str) -> tuple[int, int, int] | None:
    """Microseconds, days and months of PostgreSQL's text in its default style; None for infinity.

    >>> interval_parts("1 mon -1 days +02:03:04.5")
    (7384500000, -1, 1)
    """
    if text in ("infinity", "-infinity"):
        return None
    found = _FORM.fullmatch(text)
    if found is None or not text:
        raise ValueError("it is not an interval in PostgreSQL's default style")
    years, months, days, sign, hours, minutes, seconds, fraction = found.groups()
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    microseconds = whole * 1_000_000 + int((fraction or "0").ljust(6, "0"))
    return (-microseconds if sign == "-" else microseconds), int(days or 0), int(years or 0) * 12 + int(months or 0)


def interval_microseconds(text: str) -> int | None:
    """Length in microseconds with a day of 24 hours; None where months or infinity leave it open."""
    parts = interval_parts(text)
    if parts is None or parts[2]:
        return None
    length = parts[0] + parts[1] * DAY_US
    return length if abs(length) < 2**63 else None


@dataclass(frozen=True)
class Interval(Codec):
    """The hex of PostgreSQL's binary interval -> its text in the default style."""

    bare: bool = True

    def decode(self, strings: Any) -> Any:
        coded = strings.dictionary_encode()  # a column has few different intervals
        try:
            triples, _ = from_hex(coded.dictionary, _WIRE)
        except BadValue as bad:
            raise BadValue(pc.index(coded.indices, bad.index).as_py(), bad.text, bad.why) from None
        return pa.array([interval_text(*one) for one in triples.tolist()], pa.string()).take(coded.indices)

    render = decode


INTERVAL = Interval("encode(interval_send({0}),'hex')")
