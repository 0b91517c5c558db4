"""The answer that the server gives a person: the columns of a question, and how many rows it has up to a cap.

Its values are used only where an export would not show them: they are made for a browser, and the cap spares it. A
failed query comes with a status of success, and what is wrong with it stands in the body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..errors import QuestionNotFound, ServerUnavailable, sentence
from ..wire import answers, limits
from ..wire.body import Answer
from ..wire.cells import cut
from ..wire.listed import Number

CAPS = (2_000, 10_000)  # of every version; an administrator may set others, which the answer then tells
MOST = 1 << 27  # bytes of 10,000 rows


@dataclass(frozen=True)
class Preview:
    """What such an answer tells.

    Attributes
    ----------
    cols : list of dict
        The server's ``cols``; ``empty`` is added to those in which only NULL was seen in all rows.
    rows : int
    capped : bool
        Whether there may be more rows.
    number : int or None
        The value, if the answer is one whole number.
    sql : str or None
        What was run, unless values were sent beside it.
    """

    cols: list[dict[str, Any]]
    rows: int
    capped: bool
    number: int | None
    sql: str | None = field(repr=False, default=None)
    text: str = field(repr=False, default="")

    def columns(self) -> list[list[Any]]:
        """Give the values by column, with numbers as they were sent."""
        rows = json.loads(self.text, parse_int=Number, parse_float=Number)["data"]["rows"]
        return [[row[place] for row in rows] for place in range(len(self.cols))]


def read(answer: Answer, label: str) -> Preview:
    """Read such an answer; the errors of a failed query, and QuestionNotFound for a question that is gone."""
    with answer:
        data = limits.document(answer.pieces(), answer.where, MOST)
    text = data.decode("utf-8", "replace")
    node = answers.json_object(text)
    if answer.status == 404:
        archived = (node or {}).get("error_code") == "archived"
        raise QuestionNotFound(sentence(f"{label} is archived" if archived else f"{label} is no longer there"))
    failed = node is not None and (node.get("status") == "failed" or "data" not in node)
    if node is None and answer.status in answers.GOOD and text.lstrip()[:1] in ("{", ""):
        raise cut(answer.where, "an answer without its end")
    if node is None or (answer.status not in answers.GOOD and not failed):
        raise answers.meaning(answer, text)
    if failed:
        raise answers.failure(node, answer.where)
    return _told(node, text, answer.where)


def _told(node: dict[str, Any], text: str, where: str) -> Preview:
    inner = node["data"] if isinstance(node["data"], dict) else {}
    rows, cols = inner.get("rows"), inner.get("cols")
    if not (isinstance(rows, list) and isinstance(cols, list) and all(map(_is_col, cols))):
        raise ServerUnavailable(
            sentence("This does not answer like Metabase", where=where, expected="rows and columns")
        )
    capped = inner.get("rows_truncated") is not None or len(rows) in CAPS
    shown = [{**col, "empty": not capped and all(row[place] is None for row in rows)} for place, col in enumerate(cols)]
    single = rows[0][0] if len(rows) == 1 and len(cols) == 1 else None
    number = int(single) if type(single) is int or (isinstance(single, str) and single.isdigit()) else None
    form = inner.get("native_form")
    sql = form.get("query") if isinstance(form, dict) and not form.get("params") else None
    return Preview(shown, len(rows), capped, number, sql if isinstance(sql, str) else None, text)


def _is_col(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("name"), str)
