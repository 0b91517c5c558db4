"""Cuts a list of JSON objects into blocks of whole ones, and takes a block apart into one column of text for each key.

All objects of an export have the same keys in one order, so that pyarrow's CSV reader can part them at their colons,
which takes it less than half the time of the JSON reader; what does not have that form, the JSON reader reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson

from . import limits
from .cells import cut, no_list, no_rows
from .values import OtherForm, undotted

_OURS = rb'\{"(?:n|c\d+)":'
_FIRST = re.compile(_OURS)
_LATE = re.compile(rb"\}\s*(?=\{)(?!" + _OURS + rb")")

_NEWLINE, _BLANK, _QUOTE, _COMMA, _BACKSLASH, _OPEN, _CLOSE = b'\n ",\\{}'
_MEANT = np.zeros(256, np.uint8)  # what stands behind a backslash (NUL: another one) -> what is meant
_MEANT[list(b'\0"/bfnrt')] = list(b'\\"/\b\f\n\r\t')
_DENSE = 64  # with more backslashes than one in so many bytes the JSON reader is the faster one


@dataclass(frozen=True)
class Block:
    """Whole objects; ``end`` is what stands between the last value of one and the end of its line."""

    data: bytearray
    end: str
    first: bool


def blocks(pieces: Iterable[bytes], where: str, size: int) -> Iterator[Block]:
    """Cut the body into blocks of whole objects, each on a line of its own, of ``size`` bytes or little more.

    Raises
    ------
    QueryFailed, PermissionDenied
        An error object stands in place of the objects, or behind them.
    IncompleteResult
        The body ends before its ``]``.
    """
    source = iter(pieces)
    head = limits.opening(source, 24, where)
    if head[:1] != b"[":
        raise no_rows(limits.document(source, where, begun=head), where)
    glue, end = (b"},\n", "},") if head[1:2] == b"\n" else (b"},", "}")
    opening = _FIRST.match(head[1:].lstrip())
    if opening is None:
        raise no_list(limits.document(source, where, begun=head), where)
    data = bytearray(head[1:].lstrip())
    separator, first, seen = glue + opening[0], True, 0
    for piece in source:
        data += piece
        if len(data) < size:
            continue
        place = data.rfind(separator, seen)
        seen = max(0, len(data) - len(separator))
        if place >= 0:
            yield Block(_lines(data[: place + len(glue)], end), end, first)
            del data[: place + len(glue)]
            first, seen = False, 0
        limits.check_cell(len(data) - size, where)
    yield Block(_lines(_last(data, where) + glue[1:], end), end, first)


def _last(data: bytearray, where: str) -> bytearray:
    """Take the list's end off the last objects."""
    rest = data.rstrip()
    if rest.endswith(b"]") and (rest := rest[:-1].rstrip()).endswith(b"}"):
        return rest
    late = _LATE.search(data)
    raise no_rows(bytes(data[late.end() :]), where) if late else cut(where, "a body without its end")


def _lines(data: bytearray, end: str) -> bytearray:
    """Where objects follow each other on one line, make a line's end of the comma behind each."""
    if end == "}":
        codes = np.frombuffer(data, np.uint8)
        opens = np.flatnonzero(codes == _OPEN)[1:]
        opens = opens[(codes[opens - 1] == _COMMA) & (codes[opens - 2] == _CLOSE) & (codes[opens + 1] == _QUOTE)]
        codes[opens - 1] = _NEWLINE  # a quote inside a text has a backslash before it
        codes[-1] = _NEWLINE
    return data


class Texts(NamedTuple):
    """A block's marks, its values by column, and how many characters each row's values have with their dots."""

    marks: pa.StringArray
    columns: list[pa.StringArray]
    lengths: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Form:
    """The keys of the objects: first that of a mark, then those of values, which are sent behind a dot or as NULL."""

    names: tuple[str, ...]

    def texts(self, block: Block) -> Texts:
        """Give the marks as they are, and the values without their dots; Changed or OtherForm if that cannot be."""
        with suppress(OtherForm, pa.ArrowInvalid):
            return self._by_colons(block)
        try:
            return self._by_keys(block)
        except pa.ArrowInvalid:
            raise OtherForm from None

    def _by_colons(self, block: Block) -> Texts:
        r"""Read ``{"n":"1","c0":".a"},`` as the fields ``{"n"``, ``1,"c0"`` and ``.a},`` of a line of CSV."""
        data, escaped = _unescaped(block.data)
        fields = [column.chunk(0) for column in self._fields(data, escaped).columns]
        keys = [one[0].as_py().rpartition(',"')[2].removeprefix('{"').removesuffix('"') for one in fields[:-1]]
        if sorted(keys) != sorted(self.names) or not _all(pc.equal(fields[0], f'{{"{keys[0]}"')):
            raise OtherForm
        behind = [*(f',"{one}"' for one in keys[1:]), block.end]
        place = keys.index(self.names[0])
        marks = fields[1 + place]
        if not _all(pc.ends_with(marks, behind[place])):
            raise OtherForm
        held = {key: (fields[1 + i], behind[i]) for i, key in enumerate(keys) if i != place}
        del fields
        return self._together(_cut(marks, behind[place]), held)

    def _together(self, marks: pa.StringArray, held: dict[str, tuple[pa.StringArray, str]]) -> Texts:
        """Take what does not belong to the values off all columns behind which texts of one length stand."""
        groups: dict[int, list[str]] = {}
        for name, (_, behind) in held.items():
            groups.setdefault(len(behind), []).append(name)
        found: dict[str, pa.StringArray] = {}
        lengths = np.zeros(len(marks), np.int64)
        for names in groups.values():
            made = undotted(*zip(*(held.pop(name) for name in names), strict=True))
            found.update(zip(names, made.columns, strict=True))
            lengths += made.lengths
        return Texts(marks, [found[name] for name in self.names[1:]], lengths)

    def _fields(self, data: Any, escaped: bool) -> pa.Table:
        reader = pacsv.open_csv(
            pa.py_buffer(data),
            read_options=pacsv.ReadOptions(column_names=self._columns, use_threads=False, block_size=len(data) + 1),
            parse_options=pacsv.ParseOptions(
                delimiter=":", double_quote=False, escape_char="\\" if escaped else False, newlines_in_values=escaped
            ),
            convert_options=self._converted,
        )
        return reader.read_all()

    @cached_property
    def _columns(self) -> list[str]:
        return [str(i) for i in range(len(self.names) + 1)]

    @cached_property
    def _converted(self) -> pacsv.ConvertOptions:
        return pacsv.ConvertOptions(column_types=dict.fromkeys(self._columns, pa.string()), strings_can_be_null=False)

    def _by_keys(self, block: Block) -> Texts:
        """Read the objects as JSON, whatever the order of their keys and the escapes in their texts."""
        codes = np.frombuffer(block.data, np.uint8)
        commas = np.flatnonzero(codes == _NEWLINE) - 1  # a line's end never stands inside a JSON text
        codes[commas[codes[commas] == _COMMA]] = _BLANK
        table = pajson.read_json(
            pa.py_buffer(codes),
            read_options=pajson.ReadOptions(use_threads=False, block_size=len(codes) + 1),
            parse_options=pajson.ParseOptions(explicit_schema=self._schema, unexpected_field_behavior="error"),
        )
        for name, column in zip(self.names, table.columns, strict=True):
            if column.null_count and block.data.count(f'"{name}":null'.encode()) != column.null_count:
                raise OtherForm  # to the JSON reader a key that is missing is NULL
        marks, *values = (_without_nulls(column.combine_chunks()) for column in table.columns)
        return self._together(marks, {name: (one, "") for name, one in zip(self.names[1:], values, strict=True)})

    @cached_property
    def _schema(self) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self.names])


def _unescaped(data: bytearray) -> tuple[Any, bool]:
    """Put what is meant behind each backslash, as the CSV reader understands it; whether there was any."""
    if _BACKSLASH not in data:
        return data, False
    if data.count(_BACKSLASH) * _DENSE > len(data):
        raise OtherForm
    codes = np.frombuffer(data.replace(b"\\\\", b"\\\0"), np.uint8)  # so that each backslash left begins an escape
    places = np.flatnonzero(codes == _BACKSLASH) + 1
    meant = _MEANT[codes[places]]
    if not meant.all():  # the digits of a control character
        raise OtherForm
    codes[places] = meant
    return codes, True


def _cut(texts: pa.StringArray, behind: str) -> pa.StringArray:
    return pc.binary_slice(texts.view(pa.binary()), 0, -len(behind)).view(pa.string())


def _without_nulls(texts: pa.StringArray) -> pa.StringArray:
    """Make empty texts of NULLs, and look for bytes that are no UTF-8: the JSON reader does neither."""
    made = pa.Array.from_buffers(pa.string(), len(texts), [None, *texts.buffers()[1:]], 0, texts.offset)
    made.validate(full=True)
    return made


def _all(truths: pa.BooleanArray) -> bool:
    return bool(truths.true_count == len(truths))
