"""Dates, timestamps and times of day: PostgreSQL's own integers, checked against the years 1 to 9999 all at once.

Python, pandas and Parquet readers agree only inside those years, so BC, infinity and year 10000 are errors unless a
caller asks for text; the text is PostgreSQL's ISO form at UTC whatever the session says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from .codec import Codec, from_hex, refuse, spread

DAY_US = 86_400_000_000
_EPOCH = date(2000, 1, 1).toordinal()  # PostgreSQL counts from here, Arrow from 1970
_UNIX = _EPOCH - date(1970, 1, 1).toordinal()
_FIRST, _END = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH + 1
_CYCLE = 146_097  # days in 400 years: the calendar repeats


def date_text(days: int, tail: str = "") -> str:
    """Days since 2000-01-01 as PostgreSQL prints them, `tail` (the time) before the BC."""
    cycles, rest = divmod(days + _EPOCH - 1, _CYCLE)
    day = date.fromordinal(rest + 1)
    year = day.year + 400 * cycles
    era = "" if year > 0 else " BC"
    return f"{year if year > 0 else 1 - year:04d}-{day.month:02d}-{day.day:02d}{tail}{era}"


def time_text(microseconds: int) -> str:
    """Microseconds since midnight as PostgreSQL prints them, without trailing zeros."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{text}.{fraction:06d}".rstrip("0") if fraction else text


def moment_text(microseconds: int, zone: str = "") -> str:
    """Microseconds since 2000-01-01 as PostgreSQL prints a timestamp."""
    days, rest = divmod(microseconds, DAY_US)
    return date_text(days, f" {time_text(rest)}{zone}")


@dataclass(frozen=True)
class Moment(Codec):
    """date, timestamp or timestamptz: a count of `unit` since 2000-01-01."""

    wire: str = ">i8"
    scale: int = DAY_US  # counts in a day
    zone: str = ""
    bare: bool = True

    def decode(self, strings: Any) -> Any:
        counts, mask = from_hex(strings, self.wire)
        counts = counts.astype(counts.dtype.newbyteorder("="))
        if len(counts) and not (_FIRST * self.scale <= counts.min() and counts.max() < _END * self.scale):
            bad = (counts < _FIRST * self.scale) | (counts >= _END * self.scale)
            refuse(bad, mask, lambda place: self.text(int(counts[place])), lambda place: self._why(int(counts[place])))
        return spread(counts + counts.dtype.type(_UNIX * self.scale), mask, self.arrow)

    def render(self, strings: Any) -> Any:
        counts, mask = from_hex(strings, self.wire)
        return texts(counts, mask, self.text)

    def encode(self, column: Any) -> Any:
        counts = column.cast(pa.int32() if self.scale == 1 else pa.int64()).to_pylist()
        return pa.array([None if n is None else self.text(n - _UNIX * self.scale) for n in counts], pa.string())

    def text(self, count: int) -> str:
        edges = np.iinfo(self.wire)
        if count in (edges.min, edges.max):
            return "infinity" if count > 0 else "-infinity"
        return date_text(count) if self.scale == 1 else moment_text(count, self.zone)

    def _why(self, count: int) -> str:
        if "infinity" in self.text(count):
            return "it is infinite"
        return "it lies after year 9999" if count > 0 else "it lies before year 1"


@dataclass(frozen=True)
class TimeOfDay(Codec):
    """time without time zone; PostgreSQL's 24:00:00 has no place in Arrow or Python."""

    bare: bool = True

    def decode(self, strings: Any) -> Any:
        counts, mask = from_hex(strings, ">i8")
        counts = counts.astype(np.int64)
        refuse(counts >= DAY_US, mask, lambda place: time_text(int(counts[place])), lambda _: "it is the 24th hour")
        return spread(counts, mask, self.arrow)

    def render(self, strings: Any) -> Any:
        counts, mask = from_hex(strings, ">i8")
        return texts(counts, mask, time_text)

    def encode(self, column: Any) -> Any:
        counts = column.cast(pa.int64()).to_pylist()
        return pa.array([None if n is None else time_text(n) for n in counts], pa.string())


def texts(counts: Any, mask: Any, text: Callable[[int], str]) -> Any:
    """Numbers of the non-NULL rows -> a column of text with the NULLs put back."""
    made = [text(one) for one in counts.tolist()]
    if mask is None:
        return pa.array(made, pa.string())
    rest = iter(made)
    return pa.array([next(rest) if there else None for there in mask.tolist()], pa.string())


DATE = Moment("encode(date_send({0}),'hex')", arrow=pa.date32(), wire=">i4", scale=1)
TIMESTAMP = Moment("encode(timestamp_send({0}),'hex')", arrow=pa.timestamp("us"))
TIMESTAMPTZ = Moment("encode(timestamptz_send({0}),'hex')", arrow=pa.timestamp("us", "UTC"), zone="+00")
TIME = TimeOfDay("encode(time_send({0}),'hex')", arrow=pa.time64("us"))
