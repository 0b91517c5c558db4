"""What Excel is and is not, for whoever writes a workbook: limits, names of sheets, texts that stay texts.

Excel guesses and cuts where we may not: what looks like a formula or an error is marked as text, and characters that
its XML cannot hold are escaped as Excel itself does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
MOST_CHARACTERS = 32_767
DIGITS = 10**15  # what Excel keeps of a number
GREY = "FFD0D0D0"
_TITLE = 31
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)|[\0-\x08\x0b-\x1f\ufffe\uffff]")
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]|[^\x20-\U0010ffff]")
_FORMULA = ("=", "+", "-", "@")


def units(value: str) -> int:
    """Count characters as Excel does: those beyond U+FFFF are two; escapes count as written.

    >>> units("a😀"), units("\\x0b")
    (3, 7)
    """
    return len(escaped(value).encode("utf-16-le", "surrogatepass")) // 2


def escaped(value: str) -> str:
    """Write a text so that Excel reads it back as it was.

    >>> escaped("a\\x0bb"), escaped("_x000D_")
    ('a_x000B_b', '_x005F_x000D_')
    """
    return _ESCAPED.sub(lambda found: found[0] if found[0] in "\t\n" else f"_x{ord(found[0]):04X}_", value)


def text_cell(sheet: Any, value: str) -> Any:
    """Make a cell that holds a text, whatever it looks like."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, escaped(value))
    cell.data_type = "s"
    if value.startswith(_FORMULA):
        cell.quotePrefix = True  # stays text when somebody edits the cell
    return cell


def titles(names: Iterable[str]) -> list[str]:
    """Make sheet names: allowed characters, 31 at most, different also without regard to case.

    >>> titles(["Site", "site", "a/b"])
    ['Site', 'site~2', 'a_b']
    """
    found: list[str] = []
    taken = {"history"}  # Excel keeps this one for itself
    for name in names:
        base = _FORBIDDEN.sub("_", name).strip("'") or "_"
        title, number = base[:_TITLE], 1
        while title.lower() in taken:
            number += 1
            title = f"{base[: _TITLE - len(str(number)) - 1]}~{number}"
        taken.add(title.lower())
        found.append(title)
    return found


def begin_sheet(book: Any, title: str, names: Sequence[str], widths: Sequence[float], rows: int) -> Any:
    """Make a sheet with a frozen, bold header, a filter, and columns as wide as asked."""
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for place, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    if names:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{rows + 1}"
    head, bold = [text_cell(sheet, one) for one in names], Font(bold=True)
    for cell in head:
        cell.font = bold
    sheet.append(head)
    return sheet
