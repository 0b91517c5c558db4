"""Names and labels in formats that allow less than PostgreSQL: shortened by rule, told apart, and listed.

A name that the format takes keeps it, whatever the others become; of those that clash after shortening each but the
first gets a number, so that the result depends on nothing but the names and their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import InvalidInput, sentence
from .report import Change

LongLabels = Literal["raise", "shorten"]


@dataclass(frozen=True)
class NameRule:
    """What a format calls a name.

    Attributes
    ----------
    most : int
        Its length, in bytes of UTF-8 or in characters.
    bytes : bool
        Whether bytes are counted.
    allowed, first : str
        Regular expressions of one character, anywhere and at the beginning.
    reserved : frozenset of str
        Words that are no names, in lower case.
    fold : bool
        Whether capitals make no difference.
    upper : bool
        Whether names are written in capitals.
    """

    most: int
    bytes: bool = False
    allowed: str = r"\w"
    first: str = r"[^\W\d]"
    reserved: frozenset[str] = frozenset()
    fold: bool = True
    upper: bool = False

    def shorten(self, names: Sequence[str]) -> list[str]:
        """Give every name one that the format takes, each different.

        >>> NameRule(8, allowed="[A-Z0-9_]", first="[A-Z_]", upper=True).shorten(["i_vital_temp", "i_vital_pulse", "b"])
        ['I_VITAL_', 'I_VITAL2', 'B']
        """
        wished = [one.upper() if self.upper else one for one in names]
        made: dict[int, str] = {}
        taken: set[str] = set()
        for place, name in enumerate(wished):
            if self._fits(name) and self._key(name) not in taken:
                made[place] = name
                taken.add(self._key(name))
        for place, name in enumerate(wished):
            if place not in made:
                made[place] = self._free(name, taken)
                taken.add(self._key(made[place]))
        return [made[place] for place in range(len(names))]

    def _fits(self, name: str) -> bool:
        return (
            re.fullmatch(f"(?:{self.first})(?:{self.allowed})*", name) is not None
            and self._length(name) <= self.most
            and name.lower() not in self.reserved
            and not name.endswith(".")
        )

    def _free(self, name: str, taken: set[str]) -> str:
        clean = "".join(one if re.fullmatch(self.allowed, one) else "_" for one in name).rstrip(".")
        if not re.match(self.first, clean) or clean.lower() in self.reserved:
            clean = f"V_{clean}"
        base, number = self._cut(clean, ""), 1
        while self._key(base) in taken or not self._fits(base):
            number += 1
            base = self._cut(clean, str(number))
        return base

    def _cut(self, name: str, tail: str) -> str:
        while self._length(name + tail) > self.most:
            name = name[:-1]
        return name + tail

    def _length(self, name: str) -> int:
        return len(name.encode()) if self.bytes else len(name)

    def _key(self, name: str) -> str:
        return name.lower() if self.fold else name


@dataclass(frozen=True)
class LabelRule:
    """How long a label may be; what is longer is an error, or is cut at the end and listed."""

    most: int
    bytes: bool = True

    def fit(
        self, label: str, long_labels: LongLabels, place: tuple[str, str, str], tell: Callable[[Change], None]
    ) -> str:
        """Give the label as the file can hold it; `place` is (table, column, what) for messages."""
        table, column, what = place
        if self._length(label) <= self.most and "\0" not in label:
            return label
        if long_labels == "raise" or "\0" in label:
            unit = "bytes" if self.bytes else "characters"
            raise InvalidInput(
                sentence(
                    f"A {what} is longer than the format allows",
                    where=f"{table}, column {column!r}" if column else table,
                    expected=f"at most {self.most} {unit}",
                    got=str(self._length(label)),
                    try_="long_labels='shorten' cuts such labels and lists them in the report",
                )
            )
        short = label
        while self._length(short + "...") > self.most:
            short = short[:-1]
        tell(Change(table, column, what, label, short + "..."))
        return short + "..."

    def _length(self, label: str) -> int:
        return len(label.encode()) if self.bytes else len(label)


def renamed(table: str, old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """List the columns that have another name in the file."""
    return [Change(table, one, "name", one, other) for one, other in zip(old, new, strict=True) if one != other]
