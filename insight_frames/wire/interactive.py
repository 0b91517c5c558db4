"""Rows of an interactive answer, for servers whose exports are written for people or show labels in place of values.

Rows come first and the verdict last, so that rows are given block by block and the end tells whether they are all:
status, number of rows, and the fields that the columns are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import IncompleteResult, InsightError, sentence
from . import answers, limits
from .cells import cut, no_rows, readable
from .listed import BLOCK, Number

_OPENING = b'{"data":{"rows":['
_BETWEEN = b"],\n["
_END = re.compile(rb"(?:^|\n)\]")
_LATE = re.compile(rb'\]\s*(?=\{")')


class Rows:
    """The rows of one answer; ``cols`` and ``count`` are there when all rows were given."""

    def __init__(self, pieces: Iterable[bytes], where: str) -> None:
        self._pieces, self._where = iter(pieces), where
        self.cols: list[dict[str, Any]] = []
        self.count = 0

    def __iter__(self) -> Iterator[list[list[Any]]]:
        data = limits.opening(self._pieces, len(_OPENING) + 1, self._where)
        if not data.startswith(_OPENING + b"\n"):  # written in one piece
            yield from self._whole(limits.document(self._pieces, self._where, limits.LISTING, begun=data))
            return
        data, seen = data[len(_OPENING) + 1 :], 0
        for piece in self._pieces:
            data += piece
            if len(data) < BLOCK:
                continue
            place = data.rfind(_BETWEEN, seen)
            seen = max(0, len(data) - len(_BETWEEN))
            if place >= 0:
                yield self._read(data[: place + 1])
                data, seen = data[place + 3 :], 0
            limits.check_cell(len(data) - BLOCK, self._where)
        end = _END.search(data)
        if end is None:
            raise self._late(data) or cut(self._where, "rows without an end")
        if rows := data[: end.start()].strip():
            yield self._read(rows)
        self._conclude(_OPENING + b"]" + data[end.end() :])

    def _read(self, rows: bytes) -> list[list[Any]]:
        with readable(self._where):
            read = json.loads(b"[" + rows + b"]", parse_int=Number, parse_float=Number)
        self.count += len(read)
        return list(read)

    def _whole(self, data: bytes) -> Iterator[list[list[Any]]]:
        with readable(self._where):
            node = json.loads(data, parse_int=Number, parse_float=Number)
        self._fail(node)
        rows = node["data"]["rows"]
        self.count = len(rows)
        yield rows
        self._check(node)

    def _conclude(self, data: bytes) -> None:
        with readable(self._where):
            node = json.loads(data)
        self._fail(node)
        self._check(node)

    def _fail(self, node: Any) -> None:
        if not isinstance(node, dict) or node.get("status") != "completed":
            known = isinstance(node, dict) and ({"error", "message", "cause"} & set(node))
            raise answers.failure(node, self._where) if known else no_rows(b"{}", self._where)

    def _check(self, node: dict[str, Any]) -> None:
        told = int(node.get("row_count", -1))
        if told != self.count:
            raise IncompleteResult(
                sentence("The answer is not whole", where=self._where, expected=f"{told} rows", got=str(self.count))
            )
        cols = node["data"].get("cols")
        self.cols = cols if isinstance(cols, list) else []

    def _late(self, data: bytes) -> InsightError | None:
        late = _LATE.search(data)
        return answers.late_failure(data[late.end() :].decode("utf-8", "replace"), self._where) if late else None
