"""The ways rows go, each as a function that fails unless the result is whole and right, or lets the error through.

On an error a snapshot must have left nothing under its name, or what stood there before, whole; and the next one, which
keeps what came whole, must be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from faultcases import BREAKING
from faultstage import SCHEMA, Stage

from insight_frames import IncompleteResult, open_snapshot
from insight_frames.snapshots import Snapshot, folder

RELATIONS = (
    "select relname from pg_class where relnamespace = 's_scratch'::regnamespace and relkind in ('r', 'v') order by 1"
)


def same(frame: pd.DataFrame, truth: list[tuple[Any, ...]], *, ordered: bool = False) -> None:
    """Fail unless a frame holds these rows."""
    found = frame if ordered else frame.sort_values("n")
    assert list(found.itertuples(index=False, name=None)) == truth, "not the right rows"


def together(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(list(parts), ignore_index=True)


def by_table(stage: Stage) -> None:
    same(stage.connection.read_table(SCHEMA, "t"), stage.truth("t"))


def by_condition(stage: Stage) -> None:
    same(stage.connection.read_table(SCHEMA, "t", where="n > :n", params={"n": 0}), stage.truth("t"))


def by_chunks(stage: Stage) -> None:
    same(together(stage.connection.read_table(SCHEMA, "t", chunksize=150)), stage.truth("t"))


def by_query(stage: Stage) -> None:
    same(stage.connection.read_sql("select * from s_scratch.t order by n"), stage.truth("t"), ordered=True)


def by_chunks_of_a_query(stage: Stage) -> None:
    parts = stage.connection.read_sql("select * from s_scratch.t order by n", chunksize=150)
    same(together(parts), stage.truth("t"), ordered=True)


def by_snapshot(stage: Stage) -> None:
    """A snapshot under a new name."""
    stage.path = stage.place()
    whole(stage, taken(stage))


def by_overwrite(stage: Stage) -> None:
    """A snapshot in place of an older one."""
    stage.path = stage.place(stage.old)
    whole(stage, taken(stage, overwrite=True))


def by_resume(stage: Stage) -> None:
    """The second snapshot, after one that broke."""
    stage.path = stage.place(stage.kept)
    whole(stage, taken(stage))


def taken(stage: Stage, **how: Any) -> Snapshot:
    return stage.connection.snapshot(stage.path, schemas=SCHEMA, **how)


def whole(stage: Stage, cut: Snapshot) -> None:
    """Fail unless a snapshot holds what PostgreSQL does, table by table, and nothing lies beside it."""
    assert cut.verify(), "the snapshot is damaged"
    names = [name for (name,) in stage.tables.run(RELATIONS)]
    assert sorted(name for _, name in cut.tables) == names
    for name in {"p0", "p5", "t", "v"}.intersection(names):
        same(cut.read_table(SCHEMA, name), stage.truth(name))
    assert [one.name for one in cut.path.parent.iterdir()] == ["cut"], "something lies beside it"


# ------------------------------------------------------------------ before a fault, and behind one that was an error
def break_one(stage: Stage) -> None:
    """Let a snapshot break off for good behind its first tables, unless one did already."""
    if stage.kept is None:
        stage.path = stage.place()
        with stage.meeting(BREAKING), suppress(IncompleteResult):
            taken(stage)
        (left,) = stage.path.parent.iterdir()
        assert (left / folder.REST).exists(), "nothing was kept"
        stage.kept = stage.path


def take_one(stage: Stage) -> None:
    """Let a snapshot stand already."""
    if stage.old is None:
        stage.path = stage.place()
        stage.old = taken(stage).path


def nothing_there(stage: Stage) -> None:
    assert not stage.path.exists(), "something stands under the name"


def old_one_there(stage: Stage) -> None:
    assert stage.old is not None
    assert open_snapshot(stage.path).verify(fingerprint=open_snapshot(stage.old).fingerprint), "the old one is damaged"


def nothing_there_and_again(stage: Stage) -> None:
    nothing_there(stage)
    whole(stage, taken(stage))


def nothing(stage: Stage) -> None:
    """Frames leave nothing."""


Step = Callable[[Stage], None]


@dataclass(frozen=True)
class Sink:
    """One way, by the kind of question it asks, and with what is done before each fault and behind each error."""

    run: Step
    kind: str  # table, query or snapshot
    settings: dict[str, Any] = field(default_factory=dict)
    before: Step = nothing
    behind: Step = nothing
    lasting: bool = False

    @property
    def plain(self) -> bool:
        return self.settings.get("path") == "plain"


SEVERAL = {"statement_bytes": 60_000}  # a server that buffers answers is asked in several statements
PLAIN = {"path": "plain"}
SINKS = {
    "read_table": Sink(by_table, "table"),
    "where=": Sink(by_condition, "table"),
    "plain rows": Sink(by_table, "table", PLAIN),
    "chunksize": Sink(by_chunks, "table"),
    "read_sql": Sink(by_query, "query"),
    "... plain": Sink(by_query, "query", PLAIN),
    "... chunks": Sink(by_chunks_of_a_query, "query"),
    "snapshot": Sink(by_snapshot, "snapshot", behind=nothing_there),
    "... for good": Sink(by_overwrite, "snapshot", SEVERAL, take_one, old_one_there, lasting=True),
    "resume": Sink(by_resume, "snapshot", {}, break_one, nothing_there_and_again),
}
