"""Cuts Metabase's own JSON exports into blocks of whole rows, whatever their keys are, and reads them.

What is sent by us has keys that mark a safe place to cut (``cells``, ``objects``); here keys are the columns' titles.
Inside a JSON text no line feed and no bare quote can stand, so that an object's end before either is a row's end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import InsightError
from . import answers, limits
from .cells import cut, no_rows, readable
from .parts import Parts, cut_at

BLOCK = 1 << 20  # bytes of the body that are read at a time
_HEAD = 512  # bytes of the body's beginning that are waited for: a key, and more
_KEY = re.compile(rb'\{"(?:[^"\\]|\\.)*":')
_LATE = re.compile(rb'\}\s*(?=\{")')


class Number(str):
    """A JSON number as it was sent: its digits are not rounded, and it is told from a text of the same digits."""

    __slots__ = ()


def blocks(pieces: Iterable[bytes], where: str, size: int = BLOCK) -> Iterator[Parts]:
    """Cut the body into blocks of whole objects with commas between them, of ``size`` bytes or little more.

    Raises
    ------
    QueryFailed, PermissionDenied
        An error object stands in place of the objects, or behind them.
    IncompleteResult
        The body ends before its ``]``.
    """
    source = iter(pieces)
    head = limits.opening(source, _HEAD, where)
    if head[:1] != b"[":
        raise no_rows(limits.document(source, where, begun=head), where)
    begun = head[1:].lstrip()
    first = _KEY.match(begun)
    # on one line a text may end like an object that another follows, but no first key stands behind it
    separator = b"},\n{" if head[1:2] == b"\n" else b"}," + (first[0] if first else b'{"')
    rest = yield from cut_at(separator, begun, source, size, where)
    last = _last(rest, where)
    if last:
        yield [last]


def _last(data: bytes, where: str) -> bytes:
    """Take the list's end off the last objects."""
    rest = data.strip()
    if rest.endswith(b"]") and ((rest := rest[:-1].rstrip()).endswith(b"}") or not rest):
        return rest
    raise _late(data, where) or cut(where, "a body without its end")


def _late(data: bytes, where: str) -> InsightError | None:
    """Recognise the error object behind the rows, with no comma before it, or in place of the first."""
    late = _LATE.search(data)
    return answers.late_failure(data[late.end() if late else 0 :].decode("utf-8", "replace"), where)


def rows(block: Parts, where: str) -> list[Any]:
    """Read one block: a list of dicts, in which numbers are :class:`Number`."""
    with readable(where):
        return list(json.loads(b"".join([b"[", *block, b"]"]), parse_int=Number, parse_float=Number))
