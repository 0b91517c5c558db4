"""What the tests of one moment share: something done before the n-th statement, and the check across tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from insight_frames import Connection
from insight_frames.snapshots import Snapshot

PROD = "s_cardio3prod"


@contextmanager
def before_statements(connection: Connection, action: Callable[[int], object]) -> Iterator[list[str]]:
    """Call ``action`` with the number of each statement that reads tables, before it is sent; gives their texts.

    The one that is to be sent is the last of them already.
    """
    server, sent = connection._source.server, list[str]()
    export = server.export

    def and_first(sql: str, **how: Any) -> Any:
        if "'oids'" in sql:
            sent.append(sql)
            action(len(sent) - 1)
        return export(sql, **how)

    server.export = and_first  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        server.export = export  # type: ignore[method-assign]


def proves(sql: str) -> bool:
    """Whether a statement proves tables that were read before it."""
    return "json_build_array(count(*)" in sql


def states(cut: Snapshot) -> set[Any]:
    """Give the marks of all states that are in a snapshot of the study; more than one means that it is mixed.

    A refresh moves the column ``refreshed_at`` of every table to ``source_as_of`` of its own row in refresh_log.
    """
    found = {cut.read_table(PROD, "refresh_log")["source_as_of"].max()}
    for schema, name in cut.tables:
        if "refreshed_at" in cut.describe_table(schema, name)["column"].tolist():
            found.update(cut.read_table(schema, name, columns=["refreshed_at"])["refreshed_at"].unique())
    return found
