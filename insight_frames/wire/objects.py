"""Cuts a list of JSON objects of our own keys into blocks of whole ones, and reads a block's texts by key.

A JSON text holds neither a line's end nor a bare quote, so that where an object begins with one of our keys is a safe
place to cut; each object then gets a line of its own, as Arrow's JSON reader wants it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pyarrow as pa

from . import limits
from .cells import cut, no_list, no_rows
from .keyed import read
from .parts import Parts, cut_at

_OURS = rb'\{"[dt]":'
_FIRST = re.compile(_OURS)
_LATE = re.compile(rb"\}\s*(?=\{)(?!" + _OURS + rb")")


def blocks(pieces: Iterable[bytes], where: str, size: int) -> Iterator[Parts]:
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
    rest = yield from cut_at(glue + opening[0], head[1:].lstrip(), source, size, where)
    yield [_last(rest, where)]


def _last(data: bytes, where: str) -> bytes:
    """Take the list's end off the last objects."""
    rest = data.rstrip()
    if rest.endswith(b"]") and (rest := rest[:-1].rstrip()).endswith(b"}"):
        return rest
    late = _LATE.search(data)
    raise no_rows(bytes(data[late.end() :]), where) if late else cut(where, "a body without its end")


def texts(block: Parts, schema: pa.Schema) -> list[pa.StringArray]:
    """Give the texts of a block by key, not proven to be UTF-8; ArrowInvalid for other objects than of these keys."""
    return [column.chunk(0) for column in read(block, schema)[1].columns]
