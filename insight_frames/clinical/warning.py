"""One way to warn of what the data hold: at the caller's line, the rows in a report and never in the text."""

from __future__ import annotations

import sys
import warnings

import pandas as pd

from ..errors import DataWarning

_PACKAGE = __name__.partition(".")[0]


def warn(message: str, report: pd.DataFrame) -> None:
    """Give a DataWarning that points at the line outside the package that asked."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(DataWarning(message, report), stacklevel=level)
