"""Column and table names made readable, as the front end shows them.

Up to 0.34 the servers cut names into words with a frequency list of English, which splits what it does not know
("workflow" becomes "Work Flow"); such a list is no part of the sandbox, so the words it is known to cut stand here.
"""

from __future__ import annotations

import re

_CUTS = {
    "ai": {31: "a i"},
    "bool": {31: "bo ol", 34: "bo ol"},
    "bytea": {31: "by tea", 34: "byte a"},
    "dot.ted": {31: "dot. ted", 34: "dot. ted"},
    "hstore": {31: "hs tore", 34: "hst ore"},
    "per%cent": {31: "pe r% cent", 34: "pe r%c ent"},
    "tstz": {31: "tst z", 34: "tst z"},
    "ttz": {31: "tt z", 34: "tt z"},
    "workflow": {31: "work flow", 34: "work flow"},
}
_ACRONYMS = {"id", "url", "ip", "uid", "uuid", "guid"}


def _capital(word: str) -> str:
    return word.upper() if word.lower() in _ACRONYMS else word[:1].upper() + word[1:]


def _cut(era: int, word: str) -> str:
    if era < 34 and re.fullmatch(r"column\d", word):  # PostgreSQL's own names of the columns of VALUES
        return f"colum n{word[-1]}"
    return _CUTS.get(word.lower(), {}).get(era, word)


def readable(era: int, name: str) -> str:
    """``event_crf_id`` as ``Event Crf ID``."""
    words = [part for part in re.split(r"[_\s-]+", name) if part]
    cut = [piece for word in words for piece in _cut(era, word).split(" ")]
    return " ".join(_capital(word) for word in cut) or name
