"""How far away the server is, how fast answers come, whether they come as they are made, and what gzip does to them.

The times are of one short moment and say what is to be expected, no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from ..wire.compression import Encoding
from .asking import Desk, MetabaseDesk
from .report import Section

_TIMES = 5
_CELLS = 48  # of 32 KB, as packed cells are
_SLEEP = 0.6
_BULK = (
    "select (select string_agg(md5((g * 1000 + i)::text), '') from generate_series(1, 1000) i) as d "
    f"from generate_series(1, {_CELLS}) g"
)
_SLOW_END = (
    f"select g::text as g, repeat('x', 120) as x, case when g = 2000 then pg_sleep({_SLEEP})::text end as s "
    "from generate_series(1, 2000) g"
)


def speed(desk: MetabaseDesk) -> Section:
    """Take some times."""
    section = Section("speed")
    desk.learn(section, "small request", lambda: milliseconds(lambda: desk.session.user()))
    desk.learn(section, "small statement", lambda: milliseconds(lambda: desk.ask("select '1' as one")), sql=True)
    desk.learn(section, "rows come", lambda: _streams(desk), sql=True)
    desk.learn(section, "plain answer", lambda: _rate(desk, "identity"), sql=True)
    desk.learn(section, "gzip", lambda: _rate(desk, "gzip"), sql=True)
    return section


def direct(desk: Desk) -> Section:
    """Take the time of a small statement, where no Metabase is in between."""
    section = Section("speed")
    desk.learn(section, "small statement", lambda: milliseconds(lambda: desk.rows("select '1'", ("one",))))
    return section


def milliseconds(work: Callable[[], object]) -> str:
    taken = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return f"{min(taken):.0f} ms at best, {median(taken):.0f} ms in the middle"


def _streams(desk: MetabaseDesk) -> str:
    reply = desk.ask(_SLOW_END)
    if reply.rows is None and reply.failure is not None:
        raise reply.failure
    early = reply.seconds - reply.first > _SLEEP / 2
    known = desk.server.streams
    told = "while they are made" if early else "when all are made: the server holds whole answers in memory"
    if early and not known:
        told += " (this package takes that for granted with 0.35 to 0.48 only)"
    if known and not early:
        told += " (something in between does: this version itself does not)"
    return told


def _rate(desk: MetabaseDesk, encoding: Encoding) -> str:
    reply = desk.ask(_BULK, encoding=encoding)
    if reply.rows is None and reply.failure is not None:
        raise reply.failure
    if encoding == "gzip" and not reply.gzip:
        return "not given"
    return f"{reply.size / reply.seconds / 1e6:,.1f} MB/s, {reply.size / 1e6:.1f} MB in {reply.seconds:.2f} s"
