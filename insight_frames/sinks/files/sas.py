"""SAS transport files (.xpt), version 5 as authorities want it and version 8 with longer names, labels and texts.

Their numbers are IBM's: as precise as doubles, but within a smaller range, which ReadStat leaves for infinity or 0
without a word. They know no -0.0, and no value labels: a category is written as its labels.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow.compute as pc

from ...errors import InvalidInput, sentence
from . import values
from .names import LabelRule, NameRule
from .readstat import Format, Options, Ready, library, number_kinds

Version = Literal[5, 8]
_LEAST = float.fromhex("0x1p-260")
_MOST = float.fromhex("0x1.fffffffffffffp+248")
_SECOND = 1_000_000
_FIRST = "1582-01-01"


def _write(ready: Ready, path: Path, version: int) -> None:
    library().write_xport(
        ready.frame,
        path,
        file_label=ready.file_label,
        column_labels=ready.labels,
        table_name=ready.table_name,
        file_format_version=version,
        variable_format=ready.looks,
    )


def _read(path: Path) -> tuple[Any, Any]:
    found: tuple[Any, Any] = library().read_xport(path, disable_datetime_conversion=True)
    return found


def _positive_zero(convert: values.Convert) -> values.Convert:
    return lambda column: pc.add(convert(column), 0.0)


def _texts(options: Options, most: int) -> values.Convert:
    return values.texts(most=most, na_rep=options.na_rep, rstrip=options.rstrip)


def _format(version: int, *, name: int, label: int, text: int, upper: bool) -> Format:
    rule = NameRule(name, allowed="[A-Za-z0-9_]", first="[A-Za-z_]", upper=upper)
    numbers = {kind: _positive_zero(convert) for kind, convert in number_kinds(least=_LEAST, most=_MOST).items()}
    moments = values.moments("1960-01-01", _SECOND, first=_FIRST)
    return Format(
        title=f"SAS transport {version}",
        suffix=".xpt",
        kinds={
            **numbers,
            "date": values.dates("1960-01-01", first=_FIRST),
            "timestamp": moments,
            "moment": moments,
            "time": values.times(_SECOND),
        },
        looks={"date": "DATE9", "timestamp": "DATETIME26.6", "moment": "DATETIME26.6", "time": "TIME15.6"},
        texts=partial(_texts, most=text),
        names=rule,
        label=LabelRule(label),
        file_label=LabelRule(40),
        value_label=None,
        write=partial(_write, version=version),
        read=_read,
        needs_last_row=version == 5,
    )


_VERSIONS: dict[int, Format] = {
    5: _format(5, name=8, label=40, text=200, upper=True),
    8: _format(8, name=32, label=256, text=32_767, upper=False),
}


def xpt(version: int) -> Format:
    """Give the format of that version, 5 or 8."""
    if version not in _VERSIONS:
        raise InvalidInput(sentence("version= cannot be meant", expected="8 or 5"))
    return _VERSIONS[version]
