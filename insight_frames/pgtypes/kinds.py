"""A column's PostgreSQL type, read from the catalogue's own words (``format_type``) and never guessed from data.

The catalogue's text is kept beside the canonical name because the table of types is keyed by the name, while people,
manifests and errors want to see what PostgreSQL itself would print.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


class BadValue(ValueError):
    """A value that its column's type cannot hold.

    Attributes
    ----------
    index : int
        0-based position in the array that was read.
    text : str
        The value as it arrived. It is never part of the message.
    why : str
        What is wrong with it, without the value: "it lies before year 1".
    """

    def __init__(self, index: int, text: str, why: str) -> None:
        super().__init__(f"value {index} cannot be read: {why}")
        self.index, self.text, self.why = index, text, why


@dataclass(frozen=True)
class PgType:
    """One column's type as the catalogue tells it.

    Attributes
    ----------
    text : str
        ``format_type`` of the column (of its base, for a domain): ``numeric(10,2)``, ``integer[]``, ``s_x.colour``.
    name : str
        What the table of types is keyed by: ``int4``, ``timestamptz``, ``enum``, ``array``, ``other`` ...
    kind : str
        "base", "enum", "composite", "range", "array" or "other".
    precision, scale : int or None
        Of ``numeric(p,s)``; otherwise None.
    labels : tuple of str
        Labels of an enum, in its order.
    element : PgType or None
        Of an array.
    """

    text: str
    name: str
    kind: str
    precision: int | None = None
    scale: int | None = None
    labels: tuple[str, ...] = ()
    element: PgType | None = None


def words(text: str) -> frozenset[str]:
    """A set of names, written as one line."""
    return frozenset(text.split())


_SPELLINGS = {
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "boolean": "bool",
    "character varying": "varchar",
    "character": "bpchar",
    '"char"': "char",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "bit varying": "varbit",
}
_BASE = frozenset(_SPELLINGS.values()) | words(
    """numeric money text name date interval bit bytea uuid json jsonb xml oid inet cidr macaddr macaddr8 point line
    lseg box path polygon circle tsvector tsquery jsonpath pg_lsn xid xid8 cid tid regclass regcollation regconfig
    regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype txid_snapshot pg_snapshot
    citext hstore"""
)
RANGES = words("int4range int8range numrange daterange tsrange tstzrange")
MULTIRANGES = frozenset(one.replace("range", "multirange") for one in RANGES)
_KINDS = {"c": "composite", "r": "range", "m": "range", "e": "enum"}
_MODIFIER = re.compile(r"\(([^()]*)\)")


def pg_type(
    text: str,
    *,
    typtype: str = "b",
    base: str | None = None,
    element: PgType | str | None = None,
    labels: Sequence[str] = (),
) -> PgType:
    """Read a type from the catalogue's words.

    Parameters
    ----------
    text : str
        ``format_type(atttypid, atttypmod)``.
    typtype : str
        ``pg_type.typtype``: b, e, d, c, r, m or p.
    base : str, optional
        Of a domain: ``format_type(typbasetype, typtypmod)`` of the type below all domains.
    element : PgType or str, optional
        Of an array; taken from `text` if not given.
    labels : sequence of str
        Of an enum (or of a domain over one), in ``enumsortorder``.

    Examples
    --------
    >>> pg_type("numeric(10,2)").scale
    2
    >>> pg_type("site_code", typtype="d", base="character varying(3)").name
    'varchar'
    """
    if typtype == "d" and base is not None:
        return pg_type(base, typtype="e" if labels else "b", element=element, labels=labels)
    if text.endswith("[]"):
        inner = element if isinstance(element, PgType) else _element(element or text[:-2], labels)
        return PgType(text, "array", "array", element=inner)
    if typtype == "e" or labels:
        return PgType(text, "enum", "enum", labels=tuple(labels))
    text = _unquoted(text)
    name, modifiers = _canonical(text)
    if name in RANGES or name in MULTIRANGES:
        return PgType(text, name, "range")
    if name not in _BASE or typtype in _KINDS:
        kind = _KINDS.get(typtype, "other")
        return PgType(text, kind, kind)
    if name == "numeric" and modifiers:
        precision, scale = (*modifiers, 0)[:2]
        return PgType(text, name, "base", precision, scale)
    return PgType(text, name, "base")


def _element(text: str, labels: Sequence[str]) -> PgType:
    return pg_type(text, typtype="e" if labels else "b", labels=labels)


def _unquoted(text: str) -> str:
    """The built-in name in the quotes that quote_all_identifiers puts around it; ``"char"`` always has them."""
    inner = text[1:-1]
    return inner if text == f'"{inner}"' and inner in _BASE | RANGES | MULTIRANGES and inner != "char" else text


def _canonical(text: str) -> tuple[str, list[int]]:
    """Split ``timestamp(3) without time zone`` into its canonical name and the numbers in brackets."""
    plain = _unquoted(text.removeprefix("pg_catalog."))
    if plain.startswith("interval"):
        return "interval", []
    found = None if plain.startswith('"') else _MODIFIER.search(plain)
    if found is None:
        return _SPELLINGS.get(plain, plain), []
    name = (plain[: found.start()] + plain[found.end() :]).strip()
    numbers = [int(one) for one in found[1].split(",") if re.fullmatch(r"\s*-?\d+\s*", one)]
    return _SPELLINGS.get(name, name), numbers
