"""Types that are text in a frame: enums, bytea, ranges of moments, and the ``reg*`` names.

A range is packed as its brackets and its bounds' hex, because the text of its bounds follows DateStyle and TimeZone;
a ``reg*`` value is named with its schema always, because its own text follows search_path.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .codec import PLAIN, Codec, each
from .kinds import BadValue
from .moments import DATE, Moment


@dataclass(frozen=True)
class Enum(Codec):
    """A dictionary of all labels in the enum's order, the same in every batch."""

    labels: tuple[str, ...] = ()

    def decode(self, strings: Any) -> Any:
        codes = pc.index_in(strings, pa.array(self.labels, pa.string()))
        if codes.null_count != strings.null_count:
            stray = pc.and_(pc.is_null(codes), pc.is_valid(strings))
            index = pc.index(stray, True).as_py()
            raise BadValue(index, strings[index].as_py(), "it is not one of the enum's labels")
        return pa.DictionaryArray.from_arrays(codes, pa.array(self.labels, pa.string()), ordered=True)

    def encode(self, column: Any) -> Any:
        return column.cast(pa.string())


def enum(labels: tuple[str, ...]) -> Codec:
    """The codec of an enum; without labels it stays text."""
    if not labels:
        return PLAIN
    return Enum(arrow=pa.dictionary(pa.int32(), pa.string(), ordered=True), labels=labels)


@dataclass(frozen=True)
class Bytes(Codec):
    """bytea as hex digits, whatever bytea_output says."""

    bare: bool = True

    def decode(self, strings: Any) -> Any:
        return each(strings, _bytes, pa.binary())

    def render(self, strings: Any) -> Any:
        return pc.binary_join_element_wise("\\x", strings, "")

    def encode(self, column: Any) -> Any:
        return pa.array([None if v is None else "\\x" + v.hex() for v in column.to_pylist()], pa.string())


def _bytes(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except binascii.Error:
        raise ValueError("it is not hex digits") from None


_RANGE = (
    "case when isempty({0}) then 'empty' when {0} is not null then"
    " case when lower_inc({0}) then '[' else '(' end"
    "||coalesce(LOWER,'')||','||coalesce(UPPER,'')"
    "||case when upper_inc({0}) then ']' else ')' end end"
)
_PIECES = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class MomentRange(Codec):
    """A range, or multirange, of dates or timestamps: brackets and hex -> PostgreSQL's text."""

    bound: Moment = DATE

    def decode(self, strings: Any) -> Any:
        return each(strings, self._text, pa.string())

    render = decode

    def _text(self, wire: str) -> str:
        return wire if wire == "empty" else _PIECES.sub(self._bound, wire)

    def _bound(self, found: re.Match[str]) -> str:
        size = 2 * int(self.bound.wire[-1])
        if len(found[0]) != size:
            raise ValueError("a bound is not its hex form")
        text = self.bound.text(int.from_bytes(bytes.fromhex(found[0]), "big", signed=True))
        return f'"{text}"' if " " in text else text


def moment_range(bound: Moment, multirange: bool) -> Codec:
    """The codec of a range whose bounds are read by `bound`."""
    lower, upper = (bound.sql.format(f"{edge}({{0}})") for edge in ("lower", "upper"))
    sql = _RANGE.replace("LOWER", lower).replace("UPPER", upper)
    if multirange:
        one = sql.format("u.u")
        all_ = f"array_to_string(array(select {one} from unnest({{0}}) u(u)),',')"
        sql = f"case when {{0}} is not null then '{{{{'||{all_}||'}}}}' end"
    return MomentRange(sql=sql, bound=bound)


# Where a reg* type's objects live, for pg_identify_object.
REG_CATALOGUES = {
    "regclass": "pg_class",
    "regcollation": "pg_collation",
    "regconfig": "pg_ts_config",
    "regdictionary": "pg_ts_dict",
    "regnamespace": "pg_namespace",
    "regoper": "pg_operator",
    "regoperator": "pg_operator",
    "regproc": "pg_proc",
    "regprocedure": "pg_proc",
    "regrole": "pg_authid",
    "regtype": "pg_type",
}
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


class Registered(Codec):
    """A ``reg*`` value as its object's name with the schema; quotes only where the characters ask for them."""

    def decode(self, strings: Any) -> Any:
        return each(strings, lambda text: _QUOTED.sub(_unquote, text), pa.string())

    render = decode


def _unquote(found: re.Match[str]) -> str:
    return found[1] if re.fullmatch(r"[a-z_][a-z0-9_$]*", found[1]) else found[0]


def registered(name: str) -> Codec:
    """The codec of ``regclass`` and its family."""
    identity = f"(select identity from pg_identify_object('{REG_CATALOGUES[name]}'::regclass,{{0}}::oid,0))"
    sql = f"case when {{0}}::oid=0 then '-' else coalesce({identity},{{0}}::oid::text) end"
    return Registered(sql=sql)
