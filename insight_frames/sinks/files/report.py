"""What a writer tells when it is done: the files, and whatever stands in them under another name or in another form.

Formats that shorten names and labels make it necessary: nobody finds a column again whose new name is told nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Change:
    """One thing that the file calls, labels or holds otherwise than the table.

    Attributes
    ----------
    table, column : str
        Where it was; the column is empty if the table itself is meant.
    what : str
        "name", "label", "value label", "type", "text" or "rows".
    was, now : str
        Before, and in the file. Never a value of a row.
    """

    table: str
    column: str
    what: str
    was: str
    now: str


@dataclass(frozen=True)
class WrittenFile:
    """One file that was written, read back and found to be what was meant."""

    path: Path
    tables: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class FileReport:
    """What was written, returned by ``to_excel``, ``to_csv``, ``to_stata`` and their kin.

    Attributes
    ----------
    files : list of WrittenFile
        ``path``, ``tables``, ``rows``, ``bytes`` and ``sha256`` of each file.
    changes : DataFrame
        One row for each name, label or column that stands in the file otherwise than in the table: table, column,
        what, was, now.
    """

    files: list[WrittenFile] = field(default_factory=list)
    found: list[Change] = field(default_factory=list)

    @property
    def changes(self) -> pd.DataFrame:
        """Names, labels and columns that are other in the files: table, column, what, was, now."""
        import pandas as pd

        rows = [(one.table, one.column, one.what, one.was, one.now) for one in self.found]
        return pd.DataFrame(rows, columns=["table", "column", "what", "was", "now"])

    @property
    def renamed(self) -> dict[tuple[str, str], str]:
        """{(table, column): name in the file} of the columns that have another name there."""
        return {(one.table, one.column): one.now for one in self.found if one.what == "name" and one.column}

    def __repr__(self) -> str:
        rows = sum(one.rows for one in self.files)
        names = self.files[0].path.name if len(self.files) == 1 else f"{len(self.files)} files"
        changes = f", {len(self.found)} changes (see .changes)" if self.found else ""
        return f"<FileReport: {names}, {rows:,} rows{changes}>"


def together(reports: Sequence[FileReport]) -> FileReport:
    """Make one report of several."""
    return FileReport(
        [file for one in reports for file in one.files], [found for one in reports for found in one.found]
    )
