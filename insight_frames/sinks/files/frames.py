"""The words for one frame: ``to_excel``, ``to_csv``, ``to_stata`` and their kin, named as pandas names them.

They differ from pandas' methods in what they refuse: a value that the format would change, cut or mix up with a missing
one is an error before anything is written, and a file gets its name only after it was read back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import csv, dataset_json, excel
from .csv import Encoding, LineEnd
from .publish import PathLike
from .report import FileReport
from .table import from_frame
from .values import OutOfRange

if TYPE_CHECKING:
    import pandas as pd


def to_excel(
    frame: pd.DataFrame,
    path: PathLike,
    *,
    sheet_name: str | None = None,
    index: bool | None = None,
    out_of_range: OutOfRange = "raise",
) -> FileReport:
    """Write a frame to an Excel workbook (.xlsx), with a second sheet that tells types and labels of its columns.

    The header is frozen and has a filter, columns are wide enough to be read, dates are dates, and text stays text
    whatever it looks like (``=1+1``, ``007``, ``TRUE``). Moments with a time zone are written in UTC and shown with a
    Z. NULL is an empty cell, a grey one where the column also holds empty texts.

    What Excel cannot hold, and what is therefore an error: more than 1,048,575 rows or 16,384 columns; texts of more
    than 32,767 characters; whole numbers and decimals of more than 15 digits; NaN and infinity apart from NULL; dates
    before 1900-03-01; moments after 2079 whose microsecond a double does not give back; lists, intervals, bytes. Its
    numbers know no -0.0: that becomes 0. The levels of a category that no row has are not in the file.

    Parameters
    ----------
    frame : DataFrame
        From insight_frames, or made by hand.
    path : str or path-like
        The file, ending in ``.xlsx``. One that is there is replaced, at once and whole.
    sheet_name : str, optional
        Default: the table's name.
    index : bool, optional
        Write the index levels as columns. Default: those that have a name.
    out_of_range : {"raise", "text"}
        What to do about columns with values that do not fit: an error, or the whole column as PostgreSQL's text.

    Returns
    -------
    FileReport
        ``files`` with the hash of the file, and ``changes``: what is called or written otherwise than in the frame.

    Raises
    ------
    InvalidInput
        The path or a column's type cannot be used, or the frame does not fit a sheet.
    ValueOutOfRange
        A value does not fit; column and row are named, the value is on ``err.value``.
    FileError
        The file cannot be written, or does not read back as what was written.

    Examples
    --------
    >>> import pandas as pd, insight_frames as ifr
    >>> df = pd.DataFrame({"label": ["007", "=1+1"], "weight": [70.5, None]})
    >>> ifr.to_excel(df, folder / "weights.xlsx")
    <FileReport: weights.xlsx, 2 rows>
    >>> pd.read_excel(folder / "weights.xlsx", dtype={"label": str})["label"].tolist()
    ['007', '=1+1']
    """
    table = from_frame(frame, index=index, name=sheet_name)
    return excel.write(path, [table], out_of_range=out_of_range, contents=False)


def to_csv(
    frame: pd.DataFrame,
    path: PathLike,
    *,
    index: bool | None = None,
    lineterminator: LineEnd = "\r\n",
    encoding: Encoding = "utf-8",
) -> FileReport:
    """Write a frame as CSV (RFC 4180, UTF-8): every value as PostgreSQL prints it, whatever its type.

    NULL is nothing between two commas, an empty text is ``""``, and floats have all digits that tell them from others.

    What CSV cannot hold: types and labels, which readers guess or do without (pandas, for one, reads ``""`` and nothing
    alike, and ``007`` as 7 unless ``dtype=str`` is given; ``pyarrow.csv`` with ``strings_can_be_null=True,
    quoted_strings_can_be_null=False`` tells NULL apart). A NULL in a table of one column, which would be an empty line,
    is an error. Excel runs texts such as ``=1+1`` as formulas when it opens a CSV file; :func:`to_excel` prevents that.

    Parameters
    ----------
    frame : DataFrame
        From insight_frames, or made by hand.
    path : str or path-like
        The file, ending in ``.csv``. One that is there is replaced, at once and whole.
    index : bool, optional
        Write the index levels as columns. Default: those that have a name.
    lineterminator : {"\\r\\n", "\\n"}
        How lines end; line breaks within texts are left as they are.
    encoding : {"utf-8", "utf-8-sig"}
        The second one begins with a mark by which Excel knows UTF-8.

    Returns
    -------
    FileReport
        ``files`` with the hash of the file.

    Raises
    ------
    InvalidInput
        The path, the frame or a keyword cannot be used.
    ValueOutOfRange
        A text holds the character U+0000.
    FileError
        The file cannot be written, or does not read back as what was written.

    Examples
    --------
    >>> import pandas as pd, insight_frames as ifr
    >>> df = pd.DataFrame({"label": ["A", "", None], "note": ["one, two", 'say "hi"', "x"]})
    >>> ifr.to_csv(df, folder / "notes.csv")
    <FileReport: notes.csv, 3 rows>
    >>> (folder / "notes.csv").read_bytes()
    b'label,note\\r\\nA,"one, two"\\r\\n"","say ""hi\"""\\r\\n,x\\r\\n'
    """
    return csv.write(path, from_frame(frame, index=index), lineterminator=lineterminator, encoding=encoding)


def to_dataset_json(
    frame: pd.DataFrame,
    path: PathLike,
    *,
    name: str | None = None,
    index: bool | None = None,
    out_of_range: OutOfRange = "raise",
) -> FileReport:
    """Write a frame as CDISC Dataset-JSON 1.1: one document (.json), or metadata and rows as lines (.ndjson).

    Each column has its item OID, name, label, data type and, of texts, length; the table's key is its key sequence.
    Decimals are texts whose target is ``decimal``; dates and moments are ISO 8601, their target ``integer``, those with
    a time zone in UTC with a Z. NULL is ``null`` and no empty text. Categories are their labels.

    What it cannot hold, and what is therefore an error: whole numbers beyond 2^53, which most readers of JSON would
    change; NaN and infinity apart from NULL; lists, intervals, bytes. The levels of a category are not in the file.

    Parameters
    ----------
    frame : DataFrame
        From insight_frames, or made by hand.
    path : str or path-like
        The file, ending in ``.json`` or ``.ndjson``. One that is there is replaced, at once and whole.
    name : str, optional
        Of the data set, also in its OIDs. Default: the table's.
    index : bool, optional
        Write the index levels as columns. Default: those that have a name.
    out_of_range : {"raise", "text"}
        What to do about columns with values that do not fit: an error, or the whole column as PostgreSQL's text.

    Returns
    -------
    FileReport
        ``files`` with the hash of the file, and ``changes``: columns that became text.

    Raises
    ------
    InvalidInput
        The path, the frame, a keyword or a column's type cannot be used.
    ValueOutOfRange
        A value does not fit; column and row are named, the value is on ``err.value``.
    FileError
        The file cannot be written, or does not read back as what was written.

    Examples
    --------
    >>> import json, pandas as pd, insight_frames as ifr
    >>> df = pd.DataFrame({"USUBJID": ["001", "002"], "AGE": [61, None]}).astype({"AGE": "Int64"})
    >>> ifr.to_dataset_json(df, folder / "dm.json", name="DM")
    <FileReport: dm.json, 2 rows>
    >>> found = json.loads((folder / "dm.json").read_text())
    >>> found["rows"], found["columns"][0]["itemOID"]
    ([['001', 61], ['002', None]], 'IT.DM.USUBJID')
    """
    return dataset_json.write(path, from_frame(frame, index=index, name=name), out_of_range=out_of_range)
