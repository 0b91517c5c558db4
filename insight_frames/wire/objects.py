"""Cuts a list of JSON objects of our own keys into blocks of whole ones, and reads a block's texts by key.

A JSON text holds neither a line's end nor a bare quote, so that where an object begins with one of our keys is a safe
place to cut; each object then gets a line of its own, as Arrow's JSON reader wants it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from . import limits
from .cells import cut, no_list, no_rows
from .lines import own

_OURS = rb'\{"[dt]":'
_FIRST = re.compile(_OURS)
_LATE = re.compile(rb"\}\s*(?=\{)(?!" + _OURS + rb")")
_SYSTEM = pa.system_memory_pool()  # its own pool would keep several times as much for later blocks

_NEWLINE, _BLANK, _QUOTE, _COMMA, _OPEN, _CLOSE = b'\n ",{}'


@dataclass(frozen=True)
class Block:
    """Whole objects, one on a line; ``first`` if the list begins with them."""

    data: bytearray
    first: bool


def blocks(pieces: Iterable[bytes], where: str, size: int) -> Iterator[Block]:
    """Cut the body into blocks of whole objects, of ``size`` bytes or little more.

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
    glue = b"},\n" if head[1:2] == b"\n" else b"},"
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
            yield Block(_lines(data[: place + len(glue)]), first)
            del data[: place + len(glue)]
            first, seen = False, 0
        limits.check_cell(len(data) - size, where)
    yield Block(_lines(_last(data, where)), first)


def _last(data: bytearray, where: str) -> bytearray:
    """Take the list's end off the last objects."""
    rest = data.rstrip()
    if rest.endswith(b"]") and (rest := rest[:-1].rstrip()).endswith(b"}"):
        return rest
    late = _LATE.search(data)
    raise no_rows(bytes(data[late.end() :]), where) if late else cut(where, "a body without its end")


def _lines(data: bytearray) -> bytearray:
    """Put each object on a line of its own: nothing but its end stands between it and the next one."""
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(codes == _NEWLINE)
    if len(ends):
        commas = ends - 1
        codes[commas[codes[commas] == _COMMA]] = _BLANK
    else:
        opens = np.flatnonzero(codes == _OPEN)[1:]
        opens = opens[(codes[opens - 1] == _COMMA) & (codes[opens - 2] == _CLOSE) & (codes[opens + 1] == _QUOTE)]
        codes[opens - 1] = _NEWLINE  # a quote inside a text has a backslash before it
    if len(codes) and codes[-1] == _COMMA:
        codes[-1] = _BLANK
    return data


def texts(block: Block, schema: pa.Schema) -> list[pa.StringArray]:
    """Give the texts of a block by key, not proven to be UTF-8; ArrowInvalid for other objects than of these keys."""
    table = pajson.read_json(
        own(block.data),
        read_options=pajson.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
        parse_options=pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        memory_pool=_SYSTEM,
    )
    if any(column.num_chunks != 1 for column in table.columns):
        raise pa.ArrowInvalid("one block became several")
    return [column.chunk(0) for column in table.columns]
