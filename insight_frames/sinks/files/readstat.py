"""What Stata, SPSS and SAS transport files have in common: doubles, texts, labels; written and read back by ReadStat.

All numbers go in as doubles with a format, because ReadStat keeps every bit of them, while converters of dates cut
what they do not know. ReadStat cuts labels and wrong lengths without a word, so limits are checked here, before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ... import pgtypes
from ...errors import FileError, InvalidInput, sentence
from . import values
from .names import LabelRule, LongLabels, NameRule, renamed
from .publish import PathLike, check_path, digest, publish
from .report import Change, FileReport
from .table import CHOICES, FileTable, comment_of
from .values import Carrier, Convert, OutOfRange

_NUMBERS = ("integer", "float", "decimal")
ValueLabels = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class Options:
    """What the caller wants to happen to what does not fit."""

    out_of_range: OutOfRange = "raise"
    na_rep: str = ""
    rstrip: bool = False
    long_labels: LongLabels = "raise"
    value_labels: ValueLabels = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.long_labels not in ("raise", "shorten"):
            raise InvalidInput(sentence("long_labels= cannot be meant", expected="'raise' or 'shorten'"))


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    title, suffix : str
    kinds : dict
        See :class:`.values.Carrier`; "enum" is numbers with value labels where `value_label` is given, else text.
    looks : dict
        Kind to the format's own word for how to show it.
    texts : callable
        Makes the conversion of texts of the options.
    names, label, file_label, value_label
        Rules.
    write, read : callable
        ``write(ready, path)`` and ``read(path) -> (frame, metadata)`` of ReadStat.
    needs_last_row : bool
        Whether a last row of empty texts alone would not be there when the file is read.
    """

    title: str
    suffix: str
    kinds: dict[str, Convert]
    looks: dict[str, str]
    texts: Callable[[Options], Convert]
    names: NameRule
    label: LabelRule
    file_label: LabelRule
    value_label: LabelRule | None
    write: Callable[[Ready, Path], None]
    read: Callable[[Path], tuple[pd.DataFrame, Any]]
    needs_last_row: bool = False


@dataclass
class Ready:
    """A table as the format will hold it."""

    frame: pd.DataFrame = field(repr=False)
    columns: list[Any] = field(repr=False)
    table_name: str
    file_label: str
    labels: dict[str, str]
    value_labels: dict[str, dict[float, str]]
    looks: dict[str, str]
    ordered: frozenset[str]

    def ends_in_nothing(self) -> bool:
        """Whether the last row has empty texts and nothing else."""
        return len(self.frame) > 0 and all(one[-1].as_py() == "" for one in self.columns)

    def digest(self) -> str:
        """Hash what the file must give back."""
        return _digest(list(self.frame.columns), self.columns, len(self.frame), self.labels, self.value_labels)


def write(path: PathLike, table: FileTable, about: Format, options: Options) -> FileReport:
    """Write one table in one of the formats."""
    target = check_path(path, about.suffix)
    if not table.data.num_columns:
        raise InvalidInput(sentence(f"{about.title} has no tables without columns", where=table.label))
    ready, changes = _prepare(table, about, options)
    if about.needs_last_row and ready.ends_in_nothing():
        raise InvalidInput(
            sentence(
                f"{about.title} takes empty texts at the end of a table for no rows",
                where=f"{table.label}, row {table.data.num_rows}",
                try_="na_rep='...', or write the key, a number, as well",
            )
        )
    texts = [pa.types.is_string(one.type) for one in ready.columns]

    def write_to(partial: Path) -> str:
        with _errors(target):
            about.write(ready, partial)
        return ready.digest()

    made = publish(
        target, [table.label], table.data.num_rows, write=write_to, read=lambda partial: _read(partial, about, texts)
    )
    return FileReport([made], changes)


def _prepare(table: FileTable, about: Format, options: Options) -> tuple[Ready, list[Change]]:
    texts = about.texts(options)
    kinds = (
        about.kinds if about.value_label else {**about.kinds, "enum": lambda column: texts(column.cast(pa.string()))}
    )
    carrier = Carrier(about.title, kinds, texts, options.out_of_range)
    carried = [carrier.carry(table, place) for place in range(table.data.num_columns)]
    old = table.data.schema.names
    new = about.names.shorten(old)
    changes = [*renamed(table.label, old, new), *carrier.changes]
    labels, value_labels, looks = {}, {}, {}
    for name, about_column, (kind, _) in zip(new, table.data.schema, carried, strict=True):
        place = (table.label, about_column.name, "label")
        label = comment_of(about_column) or ("" if about_column.name == name else about_column.name)
        labels[name] = about.label.fit(label, options.long_labels, place, changes.append)
        if kind in about.looks:
            looks[name] = about.looks[kind]
        if kind == "moment":
            changes.append(Change(table.label, about_column.name, "type", "timestamp with time zone", "in UTC"))
        found = _value_labels(table, about_column, kind, options)
        if found and about.value_label is not None:
            place = (table.label, about_column.name, "value label")
            value_labels[name] = {
                float(code): about.value_label.fit(text, options.long_labels, place, changes.append)
                for code, text in found.items()
            }
    place = (table.label, "", "label")
    file_label = about.file_label.fit(table.comment or "", options.long_labels, place, changes.append)
    frame = pd.DataFrame({name: _numpy(column) for name, (_, column) in zip(new, carried, strict=True)}, columns=new)
    (table_name,) = about.names.shorten([table.name])
    columns = [column for _, column in carried]
    ordered = frozenset(
        name for name, one in zip(new, table.data.schema, strict=True) if getattr(one.type, "ordered", False)
    )
    return Ready(frame, columns, table_name, file_label, labels, value_labels, looks, ordered), changes


def _value_labels(table: FileTable, about: pa.Field[Any], kind: str, options: Options) -> Mapping[int, str]:
    """Find the labels of a column's codes: those of its enum, or those that were given."""
    if unknown := [one for one in options.value_labels if one not in table.data.schema.names]:
        raise InvalidInput(sentence(f"value_labels= names {unknown[0]!r}, which is no column", where=table.label))
    given = options.value_labels.get(about.name)
    if given is None:
        return dict(enumerate(pgtypes.type_of(about).labels, 1)) if kind == "enum" else _choices(about, kind)
    if kind not in _NUMBERS or not all(isinstance(one, int) and isinstance(text, str) for one, text in given.items()):
        raise InvalidInput(
            sentence(
                "value_labels= cannot be meant",
                where=f"{table.label}, column {about.name!r}",
                expected="a column of numbers, and {whole number: label}",
            )
        )
    return given


def _choices(about: pa.Field[Any], kind: str) -> Mapping[int, str]:
    """Find the study's own choices of a column of numbers, if their codes are whole numbers."""
    found = json.loads((about.metadata or {}).get(CHOICES, b"[]"))
    codes = [str(code) for code, _ in found]
    whole = kind in _NUMBERS and all(re.fullmatch(r"-?\d{1,9}", one) for one in codes) and len(set(codes)) == len(codes)
    return {int(code): str(label) for code, label in found if label is not None} if whole else {}


def _numpy(column: Any) -> Any:
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    return column.to_numpy()


def _read(path: Path, about: Format, texts: Sequence[bool]) -> str:
    with _errors(path):
        frame, told = about.read(path)
    columns: list[Any] = []
    for place, text in enumerate(texts[: frame.shape[1]]):
        found = frame.iloc[:, place]
        if text:
            columns.append(pa.array(["" if pd.isna(one) else str(one) for one in found], pa.string()))
        else:
            columns.append(pa.array(found.to_numpy(np.float64, na_value=np.nan), pa.float64(), from_pandas=True))
    labels = {name: label or "" for name, label in told.column_names_to_labels.items()}
    coded = {
        name: {float(code): text for code, text in one.items()} for name, one in told.variable_value_labels.items()
    }
    return _digest(list(frame.columns), columns, len(frame), labels, coded)


def _digest(
    names: list[str], columns: list[Any], rows: int, labels: dict[str, str], coded: dict[str, dict[float, str]]
) -> str:
    about = (sorted(labels.items()), sorted((name, sorted(one.items())) for name, one in coded.items()))
    return digest([*names, repr(about)], columns, rows)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn what ReadStat says into a sentence without its text, which may hold values."""
    errors = library()
    try:
        yield
    except (errors.ReadstatError, errors.PyreadstatError) as error:
        raise FileError(
            sentence(
                "The file cannot be written",
                where=str(path),
                got=type(error).__name__,
                try_="check the free space of that folder",
            )
        ) from None


def library() -> Any:
    """Import pyreadstat, or say how to get it."""
    try:
        import pyreadstat
    except ImportError as error:
        raise InvalidInput(
            sentence("pyreadstat is not installed", try_="pip install 'insight-frames[stats]'")
        ) from error
    return pyreadstat


def number_kinds(*, least: float, most: float) -> dict[str, Convert]:
    """The kinds of number that all of these formats hold, as doubles of some size."""
    return {
        "integer": values.integers,
        "float": values.in_range(values.floats, least, most),
        "decimal": values.in_range(values.decimals, least, most),
        "bool": values.booleans,
    }
