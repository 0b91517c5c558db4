"""Proof that a table read earlier is the table as it stands now, row version by row version.

Transactions that were over before the statement's snapshot began (below its ``xmin``) are seen by it: if all rows of
now stem from such ones, and they are as many as were read, then none was added and none removed. If a writer was at
work at that time, younger transactions cannot be told apart like this; then a digest of all row versions is taken, and
compared. A snapshot's list of transactions is no evidence: it lacks subtransactions, and on a standby it is empty.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ..catalog import Table
from ..errors import IncompleteResult, InconsistentSnapshot, sentence
from ..sql import qualified, string_literal
from ..wire import packed
from ..wire.server import Server

_DIGEST_SINCE = 140000  # PostgreSQL version that hashes a ctid directly


@dataclass
class Taken:
    """What a table was when it was read: enough to tell later whether it still is that.

    Attributes
    ----------
    rows : int
    snapshot : str
        What the first of its statements could see.
    oid : str
    files : list
        Under which file each of its statements found it: who rewrites a table moves its rows, unseen by their marks.
    digest : str or None
        Of the row versions that the first of its statements saw, if a writer was at work.
    """

    rows: int = 0
    snapshot: str = ""
    oid: str = ""
    files: list[str | None] = field(default_factory=list)
    digest: str | None = None

    def still(self, oid: str, file: str | None, found: list[Any] | None) -> bool:
        """Whether what :func:`proof` found is this; None means that nothing at all was committed since."""
        if [oid, *self.files] != [self.oid] + [file] * len(self.files):
            return False
        if found is None:
            return True
        rows, newer, digest = found
        return rows == self.rows and (newer == 0 or (self.digest is not None and digest == self.digest))


def digest(table: Table, version_num: int) -> str:
    """Give the SQL of :func:`full_digest`, or of NULL if no writer is at work anywhere: nobody would need it."""
    now = "txid_current_snapshot()"
    return f"case when txid_snapshot_xmin({now})<txid_snapshot_xmax({now}) then {full_digest(table, version_num)} end"


def full_digest(table: Table, version_num: int) -> str:
    """Give the SQL of a digest over all visible row versions of a table, whatever their order."""
    one = "hashtidextended(t.ctid,t.xmin::text::int8)"
    if version_num < _DIGEST_SINCE:
        one = "('x'||substr(md5(t.ctid::text||' '||t.xmin::text),1,16))::bit(64)::int8"
    return f"(select coalesce(sum({one}),0)::text from only {qualified(table.schema, table.name)} t)"


def proof(table: Table, taken: Taken, version_num: int) -> str:
    """Give the SQL that finds ``[rows, how many may be newer, digest]`` now; NULL if nothing was committed meanwhile.

    ``xmin`` of a row has 32 bits and is completed by the current epoch: an ancient one may look new, none looks old.
    """
    seen = string_literal(taken.snapshot)
    newest = "(select txid_snapshot_xmax(txid_current_snapshot()))"
    full = f"(({newest}>>32)<<32|x.v)-case when ({newest}&4294967295)<x.v then 4294967296 else 0 end"
    return (
        f"case when txid_current_snapshot()::text={seen} and not pg_is_in_recovery() then null else\n"
        f" (select json_build_array(count(*),"
        f"count(*) filter (where {full}>=(select txid_snapshot_xmin({seen}::txid_snapshot))),"
        f"{'null' if taken.digest is None else full_digest(table, version_num)})\n"
        f"  from only {qualified(table.schema, table.name)} t, lateral (select t.xmin::text::int8 as v) x) end"
    )


def prove_unchanged(server: Server, table: Table, taken: Taken, version_num: int, what: str) -> None:
    """Raise InconsistentSnapshot unless what was read is the table as it is now; ``what`` ends "changed while ..."."""
    name = f"{string_literal(packed.regclass(table.schema, table.name))}::regclass"
    found = proof(table, taken, version_num)
    got = server.rows(f"select pg_relation_filenode({name})::text as file, ({found})::text as found", ("file", "found"))
    if len(got) != 1:
        raise IncompleteResult(sentence("The proof did not arrive whole", expected="one row", got=str(len(got))))
    if not taken.still(taken.oid, got[0]["file"], json.loads(got[0]["found"] or "null")):
        raise changed([table], what)


def changed(tables: Collection[Table], what: str) -> InconsistentSnapshot:
    """Say which tables did not hold still."""
    names = [f"{one.schema}.{one.name}" for one in tables]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return InconsistentSnapshot(
        sentence(
            f"{', '.join(names[:3])}{more} changed while {what}",
            try_="again when the refresh has ended (refresh_log tells)",
        )
    )
