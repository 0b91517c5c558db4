"""Numbers in parameters, read as Java's ``NumberFormat`` reads them: as far as they are one, the rest is ignored."""

from __future__ import annotations

import re
from typing import Any

from .query import QueryError

_NUMBER = re.compile(r"-?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:E-?\d+)?")


def number(given: Any) -> Any:
    """The number in front of a text; anything but a text is taken as it is."""
    if not isinstance(given, str):
        return given
    match = _NUMBER.match(given)
    if match is None:
        raise QueryError(
            f'Unparseable number: "{given}"', java="class java.text.ParseException", error_type="invalid-parameter"
        )
    text = match.group().replace(",", "")
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else (int(text) if text.isdigit() else value)
