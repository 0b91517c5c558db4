"""Cuts a body where objects end, without copying it: a block is the pieces that it stands in, one behind the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import chain

from . import limits

Parts = list[bytes | memoryview]


def cut_at(
    separator: bytes, begun: bytes, source: Iterable[bytes], size: int, where: str
) -> Generator[Parts, None, bytes]:
    """Give blocks of ``size`` bytes or little more, and return what stands behind the last place to cut.

    A block ends with the first byte of a separator, and the next one begins with the separator's last ``{``.
    """
    behind = separator.index(b"{")
    held: Parts = []
    length = 0
    for piece in _large(chain([begun], source), len(separator)):
        held.append(piece)
        length += len(piece)
        if length < size:
            continue
        place = _last(separator, held)
        if place is not None:
            rest = _tail(held, place + behind)
            yield _head(held, place + 1)
            held, length = rest, sum(map(len, rest))
        limits.check_cell(length - size, where)
    return b"".join(held)


def _large(pieces: Iterable[bytes], least: int) -> Iterator[bytes]:
    """Put small pieces together, so that no separator reaches over more than two."""
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= least:
            yield b"".join(held) if len(held) > 1 else piece
            held, length = [], 0
    yield b"".join(held)


def _last(separator: bytes, held: Parts) -> int | None:
    """Find the last separator in the last piece or where that begins; its place, from the last piece's beginning on."""
    piece = bytes(held[-1])
    place = piece.rfind(separator)
    if place >= 0:
        return place
    most = len(separator) - 1
    before = bytes(held[-2][-most:]) if len(held) > 1 else b""
    place = (before + piece[:most]).rfind(separator)
    return place - len(before) if place >= 0 else None


def _head(held: Parts, end: int) -> Parts:
    """Give what stands before a place."""
    if end > 0:
        return [*held[:-1], memoryview(held[-1])[:end]]
    return [*held[:-2], memoryview(held[-2])[: len(held[-2]) + end]]


def _tail(held: Parts, start: int) -> Parts:
    """Give what stands from a place on."""
    if start >= 0:
        return [memoryview(held[-1])[start:]]
    return [memoryview(held[-2])[start:], held[-1]]
