"""The words for one frame and statistics programs: ``to_stata``, ``to_spss``, ``to_xpt``; see ``frames``.

Three functions and not one with a format's name, because each format has limits of its own that its reader must know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import readstat
from .names import LongLabels
from .publish import PathLike
from .readstat import Options, ValueLabels
from .report import FileReport
from .sas import Version, xpt
from .spss import SPSS
from .stata import STATA
from .table import from_frame
from .values import OutOfRange

if TYPE_CHECKING:
    import pandas as pd


def to_stata(
    frame: pd.DataFrame,
    path: PathLike,
    *,
    index: bool | None = None,
    na_rep: str = "",
    value_labels: ValueLabels | None = None,
    out_of_range: OutOfRange = "raise",
    long_labels: LongLabels = "raise",
) -> FileReport:
    """Write a frame to a Stata file (.dta, Stata 14 and later), with labels, and value labels of categories.

    Categories are their position, from 1, with all labels; booleans are 0 and 1; dates are %td, moments %tc (those with
    a time zone in UTC), to the microsecond. A column without label that got another name has its old one as label.

    What Stata cannot hold, and what is therefore an error: whole numbers beyond 2^53, decimals that a double does not
    give back, NaN and infinity apart from NULL, numbers beyond 8.99e307, dates before the year 100, lists, intervals,
    bytes, labels of more than 80 characters. It knows no NULL in text: that is an empty text, or `na_rep`. Names have
    at most 32 characters; what is longer or not allowed gets another name, listed in the report.

    Parameters
    ----------
    frame : DataFrame
        From insight_frames, or made by hand.
    path : str or path-like
        The file, ending in ``.dta``. One that is there is replaced, at once and whole.
    index : bool, optional
        Write the index levels as columns. Default: those that have a name.
    na_rep : str
        What stands for NULL in columns of text. A column in which it is also a value is an error.
    value_labels : dict, optional
        ``{column: {1: "Male", 2: "Female"}}`` for columns of numbers. Default: the choices that the frame knows of
        (``choices="code"`` or ``"both"`` when it was read).
    out_of_range : {"raise", "text"}
        What to do about columns with values that do not fit: an error, or the whole column as PostgreSQL's text.
    long_labels : {"raise", "shorten"}
        Labels that are too long: an error, or cut and listed in the report.

    Returns
    -------
    FileReport
        ``changes`` lists new names, shortened labels and columns that became text; ``renamed`` the names alone.

    Raises
    ------
    InvalidInput
        The path, a label, a keyword or a column's type cannot be used, or the extra ``stats`` is not installed.
    ValueOutOfRange
        A value does not fit; column and row are named, the value is on ``err.value``.
    FileError
        The file cannot be written, or does not read back as what was written.

    Examples
    --------
    >>> import pandas as pd, insight_frames as ifr
    >>> df = pd.DataFrame({"sex": pd.Categorical(["f", "m"], ["m", "f"]), "visit no": [1, 2]})
    >>> ifr.to_stata(df, folder / "a.dta").renamed
    {('the frame', 'visit no'): 'visit_no'}
    >>> pd.read_stata(folder / "a.dta")["sex"].tolist()
    ['f', 'm']
    """
    asked = Options(out_of_range, na_rep, long_labels=long_labels, value_labels=value_labels or {})
    return readstat.write(path, from_frame(frame, index=index), STATA, asked)


def to_spss(
    frame: pd.DataFrame,
    path: PathLike,
    *,
    index: bool | None = None,
    na_rep: str = "",
    rstrip: bool = False,
    value_labels: ValueLabels | None = None,
    out_of_range: OutOfRange = "raise",
    long_labels: LongLabels = "raise",
) -> FileReport:
    """Write a frame to an SPSS file (.sav), with labels, and value labels of categories.

    Categories are their position, from 1, with all labels; booleans are 0 and 1; moments with a time zone are in UTC. A
    column without label that got another name has its old one as label.

    What SPSS cannot hold, and what is therefore an error: whole numbers beyond 2^53, decimals that a double does not
    give back, NaN and infinity apart from NULL, dates before 1582-10-15, microseconds of moments (its seconds since
    1582 leave about two of them), lists, intervals, bytes; texts of more than 32,767 bytes or with blanks at the end;
    labels of more than 256 bytes, value labels of more than 120. It knows no NULL in text: that is an empty text, or
    `na_rep`. Names have at most 64 bytes and no capitals of their own; others are listed in the report.

    Parameters
    ----------
    frame : DataFrame
        From insight_frames, or made by hand.
    path : str or path-like
        The file, ending in ``.sav``. One that is there is replaced, at once and whole.
    index : bool, optional
        Write the index levels as columns. Default: those that have a name.
    na_rep : str
        What stands for NULL in columns of text. A column in which it is also a value is an error.
    rstrip : bool
        Cut off blanks at the end of texts, which the format loses anyway; otherwise they are an error.
    value_labels : dict, optional
        ``{column: {1: "Male", 2: "Female"}}`` for columns of numbers. Default: the choices that the frame knows of
        (``choices="code"`` or ``"both"`` when it was read).
    out_of_range : {"raise", "text"}
        What to do about columns with values that do not fit: an error, or the whole column as PostgreSQL's text.
    long_labels : {"raise", "shorten"}
        Labels that are too long: an error, or cut and listed in the report.

    Returns
    -------
    FileReport
        ``changes`` lists new names, shortened labels and columns that became text; ``renamed`` the names alone.

    Raises
    ------
    InvalidInput
        The path, a label, a keyword or a column's type cannot be used, or the extra ``stats`` is not installed.
    ValueOutOfRange
        A value does not fit; column and row are named, the value is on ``err.value``.
    FileError
        The file cannot be written, or does not read back as what was written.

    Examples
    --------
    >>> import pandas as pd, insight_frames as ifr
    >>> df = pd.DataFrame({"sex": pd.Categorical(["f", "m"], ["m", "f"]), "visit no": [1, 2]})
    >>> ifr.to_spss(df, folder / "a.sav").renamed
    {('the frame', 'visit no'): 'visit_no'}
    """
    asked = Options(out_of_range, na_rep, rstrip, long_labels, value_labels or {})
    return readstat.write(path, from_frame(frame, index=index), SPSS, asked)


def to_xpt(
    frame: pd.DataFrame,
    path: PathLike,
    *,
    version: Version = 8,
    table_name: str | None = None,
    index: bool | None = None,
    na_rep: str = "",
    rstrip: bool = False,
    out_of_range: OutOfRange = "raise",
    long_labels: LongLabels = "raise",
) -> FileReport:
    """Write a frame to a SAS transport file (.xpt), version 8, or 5 as authorities want it.

    Categories are their labels, because the format has no value labels; booleans are 0 and 1; moments with a time zone
    are in UTC. A column without label that got another name has its old one as label.

    What it cannot hold, and what is therefore an error: whole numbers beyond 2^53, decimals that a double does not give
    back, NaN and infinity apart from NULL, numbers whose size is below 5.4e-79 or above 9e74, dates before 1582,
    lists, intervals, bytes; texts of more than 32,767 bytes (version 5: 200) or with blanks at the end; labels of more
    than 256 bytes (40); in version 5, a table of texts alone whose last row is empty. It knows no -0.0 (that becomes 0)
    and no NULL in text: that is an empty text, or `na_rep`. Names have at most 32 (version 5: 8) ASCII characters;
    others are listed in the report. Texts are UTF-8.

    Parameters
    ----------
    frame : DataFrame
        From insight_frames, or made by hand.
    path : str or path-like
        The file, ending in ``.xpt``. One that is there is replaced, at once and whole.
    version : {8, 5}
        Of the format.
    table_name : str, optional
        Name of the data set. Default: the table's, shortened if need be.
    index : bool, optional
        Write the index levels as columns. Default: those that have a name.
    na_rep : str
        What stands for NULL in columns of text. A column in which it is also a value is an error.
    rstrip : bool
        Cut off blanks at the end of texts, which the format loses anyway; otherwise they are an error.
    out_of_range : {"raise", "text"}
        What to do about columns with values that do not fit: an error, or the whole column as PostgreSQL's text.
    long_labels : {"raise", "shorten"}
        Labels that are too long: an error, or cut and listed in the report.

    Returns
    -------
    FileReport
        ``changes`` lists new names, shortened labels and columns that became text; ``renamed`` the names alone.

    Raises
    ------
    InvalidInput
        The path, a label, a keyword or a column's type cannot be used, or the extra ``stats`` is not installed.
    ValueOutOfRange
        A value does not fit; column and row are named, the value is on ``err.value``.
    FileError
        The file cannot be written, or does not read back as what was written.

    Examples
    --------
    >>> import pandas as pd, insight_frames as ifr
    >>> df = pd.DataFrame({"i_vital_temp": [36.6], "i_vital_pulse": [70]})
    >>> list(ifr.to_xpt(df, folder / "vs.xpt", version=5).renamed.values())
    ['I_VITAL_', 'I_VITAL2']
    """
    asked = Options(out_of_range, na_rep, rstrip, long_labels)
    return readstat.write(path, from_frame(frame, index=index, name=table_name), xpt(version), asked)
