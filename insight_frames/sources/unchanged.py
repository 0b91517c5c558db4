"""Proof that a table read in several statements held still between them.

Snapshots that are equal prove it for free. Otherwise the table must still be the same file, hold as many rows as were
read, and no row version that the first statement could not have seen: then what was read is what it holds now.
"""

from __future__ import annotations

from collections.abc import Collection

from ..catalog import Table
from ..errors import IncompleteResult, InconsistentSnapshot, sentence
from ..wire import packed
from ..wire.server import Server


def prove_unchanged(
    server: Server, table: Table, snapshot: str, rows: int, files: Collection[str | None], what: str
) -> None:
    """Raise InconsistentSnapshot unless the ``rows`` that were read are the table as it is now.

    Parameters
    ----------
    snapshot : str
        What the first statement could see.
    files : collection
        Under which file each of the statements found the table: who rewrites it moves its rows, unseen by their marks.
    what : str
        Ends the message: "while ...".
    """
    if len(set(files)) == 1:
        got = server.rows(packed.unchanged(table.schema, table.name, snapshot), ("rows", "newer"))
        if len(got) != 1:
            raise IncompleteResult(sentence("The proof did not arrive whole", expected="one row", got=str(len(got))))
        if not int(got[0]["newer"] or 0) and int(got[0]["rows"] or 0) == rows:
            return
    raise InconsistentSnapshot(
        sentence(
            f"{table.schema}.{table.name} changed while {what}",
            try_="again when the refresh has ended (refresh_log tells)",
        )
    )
