"""What cannot be had without SQL, said before or found out after: types, names, and values that a version alters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ..catalog import Column
from ..errors import IncompleteResult, InsightError, InvalidInput, PermissionDenied, sentence
from ..wire import shown
from ..wire.tables import Field
from ..wire.unpack import Layout
from . import fields as words


class Asking:
    """Within it, a refusal is one of this table and not of SQL."""

    def __init__(self, label: str) -> None:
        self.label = label

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, PermissionDenied):
            raise PermissionDenied(
                sentence(
                    f"This account may not read {self.label}",
                    where="asked for by its number, without SQL",
                    try_="ask an administrator of Insight for the right to read it",
                )
            ) from None


class Hidden:
    """What an old version shows as something else, and how many rows of it there may be."""

    def __init__(self, fields: Sequence[Field], layout: Layout, era: int | None) -> None:
        self.fields, self.layout = fields, layout
        self.doubtful = era in shown.SIGNLESS
        self.nulls: Counter[int] = Counter()
        self.era = era

    def see(self, made: pa.RecordBatch) -> None:
        if self.doubtful:
            for place, values in enumerate(made.columns):
                self.nulls[place] += values.null_count

    def doubts(self) -> Iterator[tuple[str, list[Any], int]]:
        """Give (column, filter, how many rows it must choose) for what only the database can tell."""
        for place, (field, reading) in enumerate(zip(self.fields, self.layout.readings, strict=True)):
            ref = words.reference(field.id, self.era)
            if self.doubtful and reading.type.name == "numeric" and self.nulls[place]:
                yield field.name, ["is-null", ref], self.nulls[place]
            if self.doubtful and reading.type.name in ("date", "timestamp", "timestamptz"):
                yield field.name, ["<", ref, "1000-01-01"], 0


def without(wanted: Sequence[Column], era: int | None, numbers: str, layout: Layout, fields: Sequence[Field]) -> str:
    bad = [
        one.name
        for one, reading, field in zip(wanted, layout.readings, fields, strict=True)
        if field.converted or field.labelled or shown.refusal(reading.type, era, numbers) is not None
    ]
    named = ", ".join(map(repr, bad[:8])) + (" ..." if len(bad) > 8 else "")
    return f"columns=[...] without {named}, or the right to run SQL"


def refuse_doubles(label: str, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidInput(
            sentence(
                f"Metabase takes several columns of {label} for one",
                got=f"names that differ in upper and lower case only: {twice[0]!r}",
                try_="the right to run SQL",
            )
        )


def other_columns(label: str) -> InsightError:
    return IncompleteResult(
        sentence(f"{label} came with other columns than were asked for", try_="again, after Metabase has synchronised")
    )
