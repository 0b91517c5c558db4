"""Stata's .dta of version 118: long texts, Unicode names, value labels; moments keep the microsecond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import values
from .names import LabelRule, NameRule
from .readstat import Format, Options, Ready, library, number_kinds

_MOST = float.fromhex("0x1.fffffffffffffp+1022")  # what lies above are missing values
_MILLISECOND = 1000
_RESERVED = (
    """_all alias _b byte _coef _cons double float if in int long _n _N _pi _pred _rc _skip str strL using with"""
)
_TEXT = 2_000_000_000


def _write(ready: Ready, path: Path) -> None:
    library().write_dta(
        ready.frame,
        path,
        file_label=ready.file_label or None,
        column_labels=ready.labels,
        version=15,
        variable_value_labels=ready.value_labels,
        variable_format=ready.looks,
    )


def _read(path: Path) -> tuple[Any, Any]:
    found: tuple[Any, Any] = library().read_dta(path, disable_datetime_conversion=True)
    return found


def _texts(options: Options) -> values.Convert:
    return values.texts(most=_TEXT, na_rep=options.na_rep)


STATA = Format(
    title="Stata",
    suffix=".dta",
    kinds={
        **number_kinds(least=0.0, most=_MOST),
        "enum": values.enum_codes,
        "date": values.dates("1960-01-01", first="0100-01-01"),
        "timestamp": values.moments("1960-01-01", _MILLISECOND, first="0100-01-01"),
        "moment": values.moments("1960-01-01", _MILLISECOND, first="0100-01-01"),
        "time": values.times(_MILLISECOND),
    },
    looks={
        "integer": "%16.0g",
        "date": "%td",
        "timestamp": "%tc",
        "moment": "%tc",
        "time": "%tcHH:MM:SS",
    },
    texts=_texts,
    names=NameRule(
        32,
        reserved=frozenset([*_RESERVED.lower().split(), *(f"str{n}" for n in range(1, 2046))]),
        fold=False,
    ),
    label=LabelRule(80, bytes=False),
    file_label=LabelRule(80, bytes=False),
    value_label=LabelRule(32_000),
    write=_write,
    read=_read,
)
