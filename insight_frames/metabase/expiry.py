"""Until when a signed address may be used."""

from __future__ import annotations

import datetime as dt
import time

from ..errors import InvalidInput, sentence

Expires = dt.timedelta | dt.datetime | float
PERIOD = dt.timedelta(minutes=10)  # as in the vendor's own examples


def end(expires: Expires) -> int:
    """Give the moment in seconds at which a token ends."""
    if isinstance(expires, dt.datetime):
        if expires.tzinfo is None:
            raise InvalidInput(sentence("expires= is a moment without a zone", try_="datetime.now(timezone.utc) + ..."))
        found = expires.timestamp()
    elif isinstance(expires, dt.timedelta):
        found = time.time() + expires.total_seconds()
    elif isinstance(expires, (int, float)) and not isinstance(expires, bool):
        found = time.time() + expires
    else:
        raise InvalidInput(sentence("expires= cannot be meant", expected="a timedelta, a moment, or seconds",
                                    got=type(expires).__name__))  # fmt: skip
    if not time.time() < found < 1 << 33:
        raise InvalidInput(sentence("expires= lies in the past, or too far away", expected="a moment to come"))
    return int(found)
