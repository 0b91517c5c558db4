"""SPSS's .sav: names of 64 bytes, texts of 32,767, moments in seconds since 1582, which leaves them milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from . import values
from .names import LabelRule, NameRule
from .readstat import Format, Options, Ready, library, number_kinds

_SECOND = 1_000_000
_EPOCH = "1582-10-14"
_FIRST = "1582-10-15"
_MOST = float.fromhex("0x1.ffffffffffffdp+1023")  # the two beyond mean "missing" and "lowest"
_RESERVED = frozenset(["all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"])


def _days(column: Any) -> Any:
    return pc.multiply(values.dates(_EPOCH, first=_FIRST)(column), 86_400.0)


def _write(ready: Ready, path: Path) -> None:
    library().write_sav(
        ready.frame,
        path,
        file_label=ready.file_label,
        column_labels=ready.labels,
        variable_value_labels=ready.value_labels,
        variable_format=ready.looks,
        variable_measure={name: "ordinal" if name in ready.ordered else "nominal" for name in ready.value_labels},
    )


def _read(path: Path) -> tuple[Any, Any]:
    found: tuple[Any, Any] = library().read_sav(path, disable_datetime_conversion=True, user_missing=True)
    return found


def _texts(options: Options) -> values.Convert:
    return values.texts(most=32_767, na_rep=options.na_rep, rstrip=options.rstrip)


SPSS = Format(
    title="SPSS",
    suffix=".sav",
    kinds={
        **number_kinds(least=0.0, most=_MOST),
        "enum": values.enum_codes,
        "date": _days,
        "timestamp": values.moments(_EPOCH, _SECOND, first=_FIRST),
        "moment": values.moments(_EPOCH, _SECOND, first=_FIRST),
        "time": values.times(_SECOND),
    },
    looks={
        "integer": "F16.0",
        "date": "SDATE10",
        "timestamp": "DATETIME23.2",
        "moment": "DATETIME23.2",
        "time": "TIME11.2",
    },
    texts=_texts,
    names=NameRule(64, bytes=True, allowed=r"[\w.$#@]", first=r"[^\W\d_]|@", reserved=_RESERVED),
    label=LabelRule(256),
    file_label=LabelRule(64),
    value_label=LabelRule(120),
    write=_write,
    read=_read,
)
