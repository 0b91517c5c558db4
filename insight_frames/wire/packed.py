"""Packed statements: PostgreSQL packs about 300 rows into one text cell, Metabase carries a few thousand such cells.

Every statement gives four text columns: ``t`` the branch, ``m`` how many cells that branch must deliver (form C),
``n`` the cell's number, ``d`` the rows and behind them how many, in how many bytes. Form C walks a heap by page ranges
and proves itself by ``m``; form N numbers the rows of anything else, has exactly 300 rows in every cell but the last,
and an end mark in its last row. Columns are text because some servers format numbers, and branches are told apart by
``t`` and ``n``, never by their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..catalog import shape_of
from ..sql import qualified, string_literal

ROWS_PER_CELL = 300  # form N
WHOLE = 128 << 10  # bytes of a table on disk, up to which one cell takes all of it
SETTINGS = -1  # the branch of the settings row
END = -2  # the branch of the last row

# Names of our own derived tables and columns, unlikely to meet a column of the user's.
ALIAS = "_ifq"


@dataclass(frozen=True)
class Branch:
    """One table's or query's part of a packed statement."""

    key: int
    sql: str
    numbered: bool  # form N; otherwise form C
    offset: int = 0  # characters before the user's own text, for positions in error messages


def pages(
    key: int, schema: str, name: str, expressions: Sequence[str], *, first: int = 0, last: int | None = None
) -> Branch:
    """Form C: the heap table in ranges of pages, about 32 KB in a cell; ``first`` up to ``last`` narrows the pages.

    Needs PostgreSQL 14, where a condition on ``ctid`` becomes a TID range scan; on older servers it is one whole scan
    per cell. ``expressions`` are over the alias ``t``. Where TOAST makes pages heavy, one page is cut into slices.
    ``l`` is there to lock the table before its name becomes a number: a reader who waits for a refresh that exchanges
    the table would otherwise walk the new table by the size of the old one.
    """
    table, name_text = qualified(schema, name), string_literal(regclass(schema, name))
    size = f"pg_relation_size({name_text})/current_setting('block_size')::int"
    upper = size if last is None else f"least({size},{last})"
    end = "" if last is None else f" and t.ctid < '({last},0)'::tid"  # the last cell may reach beyond the range
    within = (
        f"\n   where t.ctid >= format('(%s,%s)',{first}+x.g/c.s,(x.g%c.s)*c.w)::tid\n"
        f"     and t.ctid <  format('(%s,%s)',{first}+(x.g+c.p)/c.s,((x.g+c.p)%c.s)*c.w)::tid{end}"
    )
    sql = (
        f"select '{key}'::text as t, c.m::text as m, x.g::text as n,\n"
        f" {_cell(table, expressions, within)} as d\n"
        f"from (select count(*) from only {table} where false) l,\n"
        f"  (select z.p, z.s, 292/z.s+1 as w, greatest(1,(z.b*z.s+z.p-1)/z.p) as m\n"
        f"  from (select y.b, greatest(1,least(64,32768*y.a/y.z)) as p, greatest(1,least(292,y.z/y.a/65536)) as s\n"
        f"    from (select greatest(1,{upper}-{first}) as b, greatest(1,{size}) as a,\n"
        f"            greatest(1,pg_table_size({name_text})) as z where {size} is not null) y) z\n"
        f"  offset 0) c,\n"
        f"  unnest(array(select generate_series(0,(c.m-1)*c.p,c.p))) x(g)"
    )
    return Branch(key, sql, numbered=False)


def whole(key: int, schema: str, name: str, expressions: Sequence[str]) -> Branch:
    """Form C of a small table: all of its rows in one cell, which takes PostgreSQL a third of the time to plan.

    ``m`` is null in place of 1 if the table has grown too large for a cell since the catalogue was read. Its name
    becomes a number when the statement runs, that is, with the table locked.
    """
    table, name_text = qualified(schema, name), string_literal(regclass(schema, name))
    sql = (
        f"select '{key}'::text as t, case when g.ok then '1'::text end as m, '0'::text as n,\n"
        f" case when g.ok then {_cell(table, expressions)} end as d\n"
        f"from (select pg_table_size({name_text}::text::regclass)<={WHOLE} as ok offset 0) g"
    )
    return Branch(key, sql, numbered=False)


def _cell(table: str, expressions: Sequence[str], within: str = "") -> str:
    """Give the SQL of a cell of form C: the rows of a table, or those of them ``within`` some pages."""
    row = ",".join(["0", *expressions, "0"])
    return (
        f"(select {_counted('r.d', 'r.c')}\n"
        f"  from (select string_agg(row({row})::text||E'\\n','') as d, count(*) as c from only {table} t{within}) r)"
    )


def numbered(key: int, source: str, names: int, expressions: Sequence[str], *, offset: int = 0) -> Branch:
    """Form N: the rows of any query text, in its own order; ``expressions`` are over :func:`reference`.

    ``offset`` is where the user's own text begins inside ``source``; the branch tells where it begins in its SQL.
    """
    row = ",".join(["0", *expressions, "lead(0) over ()"])
    aliases = ",".join(f"c{i}" for i in range(names))
    rows = r"string_agg(s.d||E'\n','' order by s.r)"
    head = (
        f"select '{key}'::text as t, null::text as m, s.b::text as n,"
        f" {_counted(rows, 'count(*)')} as d\n"
        f"from (select) o left join (\n"
        f" select (row_number() over ()-1)/{ROWS_PER_CELL} as b, row_number() over () as r, row({row})::text as d\n"
        f" from (\n"
    )
    tail = f"\n ) {ALIAS}{f'({aliases})' if names else ''}) s on true group by s.b"
    return Branch(key, head + source + tail, numbered=True, offset=len(head) + offset)


def _counted(rows: str, count: str) -> str:
    """Give the SQL of a cell: its rows, how many they are, and in how many bytes of the UTF-8 in which they travel."""
    return f"{rows}||{count}||' '||{octets(rows)}"


def octets(text: str) -> str:
    """Give the SQL of how many bytes a text has in the UTF-8 in which it travels."""
    other = f"octet_length(convert_to({text},'UTF8'))"
    return f"case getdatabaseencoding() when 'UTF8' then octet_length({text}) else {other} end"


def reference(number: int) -> str:
    """How an expression names the ``number``-th column (from 0) of a numbered branch."""
    return f"{ALIAS}.c{number}"


def combine(
    branches: Sequence[Branch],
    shapes: Mapping[int, tuple[str, str]] | None = None,
    query: str | None = None,
    *,
    labelled: bool = True,
) -> str:
    """Put branches into one statement between a settings row and an end row; one statement sees one moment.

    ``shapes`` maps branches to the tables (schema, name) that the settings row is to describe by a hash, so that a
    catalogue read earlier is known to hold still, and by the file they are in, ``labelled`` if they may have enums;
    ``query`` is one whose columns it is to describe by a hash.
    """
    head = (
        f"select '{SETTINGS}'::text as t, txid_current_snapshot()::text as m,\n"
        f" to_char(timezone('UTC',now()),'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as n,\n"
        f" json_build_object('version',current_setting('server_version_num')::int,"
        f"'DateStyle',current_setting('DateStyle'),'digits',current_setting('extra_float_digits')::int,"
        f"'tables',{_described(shapes or {}, labelled)},"
        f"'columns',{'null' if query is None else columns_of(query)})::text as d"
    )
    parts = [head, *(f"({one.sql})" for one in branches), f"select '{END}'::text, null, null, null"]
    return "\nunion all\n".join(parts)


def _described(shapes: Mapping[int, tuple[str, str]], labelled: bool) -> str:
    """Give the SQL of the tables' hashes and files; of names that become numbers when the statement runs."""
    names = {key: string_literal(regclass(*table)) for key, table in shapes.items()}
    if not names:
        return "null"
    oid = "v.r::regclass" if len(names) > 1 else f"{next(iter(names.values()))}::text::regclass"
    told = f"json_build_array({shape_of(oid, labelled=labelled)},pg_relation_filenode({oid})::text)"
    if len(names) == 1:  # the short way to write it is the shorter one to plan
        return f"json_build_object('{next(iter(names))}',{told})"
    values = ",".join(f"('{key}',{name})" for key, name in names.items())
    return f"(select json_object_agg(v.k,{told}) from (values {values}) v(k,r))"


DESCRIPTION = ("i", "name", "type", "typtype", "base", "element", "element_typtype", "labels")


def describe(source: str) -> tuple[str, int]:
    """Ask for names and exact types of any query's columns without running it; also gives the user text's offset.

    ``record_send`` of a row of NULLs is a list of type oids, and ``limit 0`` never runs the query. The last row, number
    -1, tells how many columns there are, and a hash of them as its type.
    """
    head = f"with {ALIAS}_x as (select {_NULLS_HEAD}"
    tail = (
        f"{_NULLS_TAIL})\n"
        "select (i-1)::text as i, k as name, format_type(t.oid,-1) as type, t.typtype::text as typtype,\n"
        " (with recursive d(o,m) as (select t.typbasetype, t.typtypmod where t.typtype='d' union all\n"
        "    select b.typbasetype, b.typtypmod from d join pg_type b on b.oid=d.o where b.typtype='d')\n"
        "  select format_type(d.o,d.m) from d join pg_type b on b.oid=d.o where b.typtype<>'d') as base,\n"
        " case when t.typcategory='A' then format_type(nullif(t.typelem,0),null) end as element,\n"
        " e.typtype::text as element_typtype,\n"
        " (select json_agg(l.enumlabel order by l.enumsortorder)::text from pg_enum l\n"
        "   where l.enumtypid in (t.oid,t.typbasetype,e.oid)) as labels\n"
        f"from {ALIAS}_x x cross join json_object_keys(x.j) with ordinality as k(k,i)\n"
        " join pg_type t on t.oid=(get_byte(x.b,8*i::int-4)::int8*16777216+get_byte(x.b,8*i::int-3)*65536\n"
        "   +get_byte(x.b,8*i::int-2)*256+get_byte(x.b,8*i::int-1))::oid\n"
        " left join pg_type e on e.oid=t.typelem and t.typcategory='A'\n"
        f"union all select '-1', (select count(*)::text from {ALIAS}_x x cross join json_object_keys(x.j)),"
        f" (select {_HASH} from {ALIAS}_x x), null, null, null, null, null"
    )
    return head + source + tail, len(head)


def columns_of(source: str) -> str:
    """Give the SQL of a hash of a query's columns, their names and types: the one in the last row of `describe`."""
    return f"(select {_HASH} from (select {_NULLS_HEAD}{source}{_NULLS_TAIL}) x)"


# A query's columns without running it, around its text: a row of NULLs as a record and as JSON.
_NULLS_HEAD = (
    f"record_send({ALIAS}.*) as b, row_to_json({ALIAS}.*) as j from\n"
    "  (select q.* from (select) o left join (select * from (\n"
)
_NULLS_TAIL = f"\n) q limit 0) q on true) {ALIAS}"
_HASH = "md5(encode(x.b,'hex')||coalesce((select string_agg(k,chr(10)) from json_object_keys(x.j) k),''))"


def shape(schema: str, name: str) -> str:
    """Give the SQL of the hash that the catalogue has of a table."""
    return shape_of(f"{string_literal(regclass(schema, name))}::regclass")


def regclass(schema: str, name: str) -> str:
    """Give the text that PostgreSQL reads as this relation's name."""
    return ".".join('"' + one.replace('"', '""') + '"' for one in (schema, name))
