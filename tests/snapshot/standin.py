"""A source of record batches for the tests of snapshots: the shape of a live one, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pyarrow as pa

from insight_frames import pgtypes
from insight_frames.catalog import Column, ForeignKey, Table

EVIDENCE = {
    "consistency": "one-statement",
    "statements": 1,
    "snapshots": ["740:740:"],
    "taken": "2026-11-24T01:02:03.000004Z",
}


class Given:
    """One table: its place in the catalogue, its schema and its batches."""

    def __init__(
        self,
        schema: str,
        name: str,
        columns: dict[str, tuple[str, list[Any]]],
        *,
        size: int = 2,
        labels: Sequence[str] = (),
        not_null: Sequence[str] = (),
        comments: dict[str, str] | None = None,
        rows: int | None = None,
        **facts: Any,
    ) -> None:
        comments = comments or {}
        self.fields = [
            _field(one, type_, labels, one not in not_null, comments.get(one)) for one, (type_, _) in columns.items()
        ]
        self.schema = pa.schema(self.fields)
        self.table = Table(
            schema,
            name,
            columns=tuple(
                Column(one, type_, number, one not in not_null, comments.get(one))
                for number, (one, (type_, _)) in enumerate(columns.items(), 1)
            ),
            **facts,
        )
        whole = {one: values for one, (_, values) in columns.items()}
        count = rows if rows is not None else len(next(iter(whole.values()), []))
        self.batches = [self._batch(whole, start, min(start + size, count)) for start in range(0, count, size)]

    def _batch(self, whole: dict[str, list[Any]], start: int, stop: int) -> pa.RecordBatch:
        if not whole:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * (stop - start), pa.struct([])))
        columns = [_array(whole[one.name][start:stop], one) for one in self.fields]
        fields = [
            one if one.type == array.type else one.with_type(array.type)
            for one, array in zip(self.fields, columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


class Text(list[Any]):
    """Values of a column that arrives as text where one of them does not fit its type."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return Text(found) if isinstance(place, slice) else found


def _array(values: list[Any], field: pa.Field[Any]) -> pa.Array[Any]:
    if isinstance(values, Text):
        if any(isinstance(one, str) for one in values):
            return pa.array(values, pa.string())
        return pa.array(list(values), field.type)
    if pa.types.is_dictionary(field.type):
        labels = list(pgtypes.type_of(field).labels)
        codes = pa.array([None if one is None else labels.index(one) for one in values], pa.int32())
        return pa.DictionaryArray.from_arrays(codes, pa.array(labels, pa.string()), ordered=True)
    return pa.array(values, field.type)


def _field(name: str, type_: str, labels: Sequence[str], nullable: bool, comment: str | None) -> pa.Field[Any]:
    found = pgtypes.pg_type(type_, labels=labels if type_ == "s.colour" else ())
    return pgtypes.field(name, pgtypes.reading(found, numbers="exact"), nullable=nullable, comment=comment)


class Source:
    """Gives tables one after another, or interleaved; `step` is called before every batch and at the end."""

    def __init__(
        self,
        given: Sequence[Given],
        *,
        interleave: bool = False,
        step: Callable[[int], None] = lambda number: None,
        evidence: dict[str, Any] | None = None,
    ) -> None:
        self.given = list(given)
        self.tables = [one.table for one in given]
        self._interleave, self._step = interleave, step
        self._evidence = EVIDENCE if evidence is None else evidence
        self.opened = self.reading = 0

    @contextmanager
    def open_tables(self, tables: Sequence[Table], *, on_bad: str = "text", **how: Any) -> Iterator[_Batches]:
        assert on_bad == "text"
        assert (how["consistency"], how["logs"]) == (None, ())
        self.opened += 1
        given = {(one.table.schema, one.table.name): one for one in self.given}
        chosen = [given[one.schema, one.name] for one in tables]
        yield _Batches(self, chosen, self._interleave, self._step, self._evidence, how["kept"])


class _Batches:
    def __init__(
        self,
        source: Source,
        given: list[Given],
        interleave: bool,
        step: Callable[[int], None],
        evidence: dict[str, Any],
        kept: Mapping[int, Any],
    ) -> None:
        self._source = source
        self.schemas = [one.schema for one in given]
        self.evidence: dict[str, Any] = {}
        self.whole: dict[int, Any] = dict(kept)
        self._given, self._interleave, self._step, self._proof = given, interleave, step, evidence

    def __iter__(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        self._source.reading += 1
        try:
            yield from self._all()
        finally:
            self._source.reading -= 1

    def _all(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        asked = [index for index in range(len(self._given)) if index not in self.whole]
        order = [(turn, index) for index in asked for turn in range(len(self._given[index].batches))]
        number = 0
        for turn, index in sorted(order) if self._interleave else order:
            self._step(number)
            number += 1
            yield index, self._given[index].batches[turn]
            if turn + 1 == len(self._given[index].batches):
                self.whole[index] = {"read": turn}
        self._step(number)
        self.evidence = dict(self._proof)


def study(shift: int = 0) -> list[Given]:
    """Three small tables that refer to each other; `shift` makes another state of them."""
    sites = Given(
        "s_juno",
        "site",
        {"site_id": ("integer", [1, 2, 3]), "label": ("text", ["A", "", None]), "state": ("bigint", [shift] * 3)},
        not_null=["site_id"],
        comment="Sites of the study",
        has_primary_key=True,
        keys=(("site_id",), ("label",)),
    )
    people = Given(
        "s_juno",
        "participant",
        {
            "participant_id": ("integer", [10, 11, 12, 13, 14]),
            "site_id": ("integer", [1, 1, 2, None, 3]),
            "weight": ("numeric(6,2)", [Decimal("70.50"), None, Decimal("81.25"), Decimal("0.00"), Decimal("99.99")]),
            "state": ("bigint", [shift] * 5),
        },
        not_null=["participant_id"],
        comments={"weight": "kg, at screening"},
        has_primary_key=True,
        keys=(("participant_id",),),
        foreign_keys=(
            ForeignKey(("site_id",), "s_juno", "site", ("site_id",)),
            ForeignKey(("state",), "s_other", "not_taken", ("id",)),
        ),
    )
    empty = Given("s_juno", "note", {"note_id": ("integer", []), "text": ("text", [])})
    return [sites, people, empty]
