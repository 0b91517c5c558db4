"""One more row in a packed statement: which relation and file each name meant, and what became of earlier tables.

It comes before the tables' rows, so that a statement that breaks off still tells of which generation its tables are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..catalog import Table
from ..sql import identifier, qualified, string_literal
from ..wire import packed
from ..wire.cells import Cell, Frame, cut

ROW = -3  # the branch of this row, beside those of the settings and the end
LOG = "refresh_log"
LOG_ROWS = 3
_SORTABLE = ("smallint", "integer", "bigint", "timestamp", "date")


@dataclass
class Generations(Frame):
    """The frame of a statement with this row in it; ``expected`` are shapes of tables by branch, and of earlier ones.

    Attributes
    ----------
    oids : dict of int to str
        By branch.
    digests, proofs : list
        In the order in which they were asked for.
    logs : dict
        Schema to the last rows of its refresh_log.
    """

    oids: dict[int, str] = field(default_factory=dict)
    digests: list[str | None] = field(default_factory=list)
    proofs: list[list[Any] | None] = field(default_factory=list)
    logs: dict[str, Any] = field(default_factory=dict)
    told: bool = False

    def take(self, cell: Cell) -> None:
        """Take note of a row that belongs to no table."""
        super().take(cell)
        if cell.t == ROW:
            got = json.loads(json.loads(b'"' + (cell.raw or b"{}") + b'"'))
            self.oids = {int(key): oid for key, oid in (got["oids"] or {}).items()}
            self.digests, self.proofs, self.logs = got["digests"], got["proofs"], got["logs"] or {}
            self.told = True

    def prove(self, where: str) -> None:
        """Raise IncompleteResult unless all of these rows came."""
        super().prove(where)
        if not self.told:
            raise cut(where, "no row of generations")


def asking(
    shapes: Mapping[int, tuple[str, str]], digests: Sequence[str], proofs: Sequence[str], logs: Sequence[Table]
) -> packed.Branch:
    """Ask for the oids of tables by branch, and for what digests, proofs and logs give."""
    names = ",".join(f"('{key}',{string_literal(packed.regclass(*name))})" for key, name in shapes.items())
    oids = f"(select json_object_agg(v.k,v.r::regclass::oid::text) from (values {names}) v(k,r))"
    rows = ",".join(f"({string_literal(one.schema)},{_last_rows(one)})" for one in logs)
    log = f"(select json_object_agg(v.k,v.r) from (values {rows}) v(k,r))"
    return packed.Branch(
        ROW,
        f"select '{ROW}'::text as t, null::text as m, null::text as n,\n"
        f" json_build_object('oids',{oids if names else 'null'},\n"
        f"  'digests',array_to_json(array[{','.join(digests)}]::text[]),\n"
        f"  'proofs',array_to_json(array[{','.join(proofs)}]::json[]),\n"
        f"  'logs',{log if rows else 'null'})::text as d",
        numbered=False,
    )


def _last_rows(log: Table) -> str:
    """Give the SQL of the last rows of a refresh_log; nothing is known of its columns but what the catalogue says."""
    types = {one.name: one.type for one in log.columns}
    sortable = [one for one, type_ in types.items() if type_.startswith(_SORTABLE)]
    key = log.key or ()
    by = [one for one in key if one in sortable] if set(key) <= set(sortable) else []
    by = by or sortable[:1]
    order = f" order by {','.join(f't.{identifier(one)} desc nulls last' for one in by)}" if by else ""
    return (
        f"(select json_agg(l.r) from (select row_to_json(t) as r from {qualified(log.schema, log.name)} t"
        f"{order} limit {LOG_ROWS}) l)"
    )
