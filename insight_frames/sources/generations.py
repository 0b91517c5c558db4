"""One more row in a packed statement: which relation and file each name meant, and what became of earlier tables.

It comes before the tables' rows, so that a statement that breaks off still tells of which generation its tables are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..catalog import Table
from ..errors import sentence
from ..sql import identifier, qualified, string_literal
from ..wire import packed
from ..wire.cells import Cell, Frame, StaleCatalog, cut
from ..wire.limits import parsed

ROW = -3  # the branch of this row, beside those of the settings and the end
LOG = "refresh_log"
LOG_ROWS = 3
_SORTABLE = ("smallint", "integer", "bigint", "timestamp", "date")


@dataclass
class Generations(Frame):
    """The frame of a statement with this row in it; ``expected`` are shapes of tables by branch, and of earlier ones.

    ``listed`` is the hash of the names that the catalogue had; StaleCatalog if others are there.

    Attributes
    ----------
    oids : dict of int to str
        By branch.
    digests, proofs : list
        In the order in which they were asked for.
    logs : dict
        Schema to the last rows of its refresh_log.
    """

    more: ClassVar[tuple[int, ...]] = (ROW,)
    oids: dict[int, str] = field(default_factory=dict)
    digests: list[str | None] = field(default_factory=list)
    proofs: list[list[Any] | None] = field(default_factory=list)
    logs: dict[str, Any] = field(default_factory=dict)
    told: bool = False
    listed: str | None = None

    def take(self, cell: Cell) -> None:
        """Take note of a row that belongs to no table."""
        super().take(cell)
        if cell.t == ROW:
            if self.told:
                raise cut("the packed statement", "its row of generations twice")
            got = parsed(parsed(b'"' + (cell.raw or b"{}") + b'"'))
            self.oids = {int(key): oid for key, oid in (got["oids"] or {}).items()}
            self.digests, self.proofs, self.logs = got["digests"], got["proofs"], got["logs"] or {}
            self.told = True
            if self.listed not in (None, got["listed"]):
                raise StaleCatalog(sentence("Tables have come or gone since the catalogue was read", try_="ask again"))

    def prove(self, where: str) -> None:
        """Raise IncompleteResult unless all of these rows came."""
        super().prove(where)
        if not self.told:
            raise cut(where, "no row of generations")


def asking(
    shapes: Mapping[int, tuple[str, str]],
    digests: Sequence[str],
    proofs: Sequence[str] = (),
    logs: Sequence[Table] = (),
    schemas: Sequence[str] = (),
) -> packed.Branch:
    """Ask for the oids of tables by branch, for what digests, proofs and logs give, and for the names in schemas."""
    names = ",".join(f"('{key}',{string_literal(packed.regclass(*name))})" for key, name in shapes.items())
    oids = f"(select json_object_agg(v.k,v.r::regclass::oid::text) from (values {names}) v(k,r))"
    rows = ",".join(f"({string_literal(one.schema)},{_last_rows(one)})" for one in logs)
    log = f"(select json_object_agg(v.k,v.r) from (values {rows}) v(k,r))"
    return packed.Branch(
        ROW,
        f"select '{ROW}'::text as t, null::text as m, null::text as n,\n"
        f" json_build_object('oids',{oids if names else 'null'},\n"
        f"  'digests',array_to_json(array[{','.join(digests)}]::text[]),\n"
        f"  'listed',{_names(schemas) if schemas else 'null'},\n"
        f"  'proofs',array_to_json(array[{','.join(proofs)}]::json[]),\n"
        f"  'logs',{log if rows else 'null'})::text as d",
        numbered=False,
    )


def names_hash(names: Iterable[tuple[str, str]]) -> str:
    """Hash (schema, table) of many tables, whatever their order; :func:`_names` is the same in SQL."""
    each = sorted(hashlib.md5(f"{schema}.{name}".encode(), usedforsecurity=False).hexdigest() for schema, name in names)
    return hashlib.md5("".join(each).encode(), usedforsecurity=False).hexdigest()


def _names(schemas: Sequence[str]) -> str:
    """Give the SQL of the hash of all names in some schemas that the catalogue would list."""
    literals = ",".join(string_literal(one) for one in schemas)
    return (
        "(select md5(coalesce(string_agg(v.h,'' order by v.h collate \"C\"),'')) from (\n"
        "    select md5(convert_to(n.nspname||'.'||c.relname,'UTF8')) as h\n"
        "    from pg_class c join pg_namespace n on n.oid=c.relnamespace\n"
        f"    where c.relkind in ('r','p','v','m','f') and not c.relispartition and n.nspname in ({literals})) v)"
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
