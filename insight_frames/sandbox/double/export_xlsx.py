"""XLSX files: one sheet named "Query result", made whole at the end; every number a double, since 0.36 times as
dates.

Written by hand with inline strings, which every reader understands; only what distinguishes the eras is modelled.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from xml.sax.saxutils import escape

from . import javatext as java
from . import values
from .era import ERAS, Era
from .query import Result

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/styles.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_SPACE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_RELATION = f'<Relationship Id="rId{{0}}" Type="{_SPACE}/{{1}}" Target="{{2}}"/>'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_SHEETS = '<sheets><sheet name="Query result" sheetId="1" r:id="rId1"/></sheets>'
_BOOK = f'<workbook {_MAIN} xmlns:r="{_SPACE}">{_SHEETS}</workbook>'
_FORMATS = ("General", "#,##0", "#,##0.##", "mmmm d, yyyy", "h:mm am/pm", "mmmm d, yyyy, h:mm am/pm")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_EPOCH = date(1899, 12, 30).toordinal()
_TEXT_LIMIT = 32_767


def _styles() -> str:
    formats = "".join(f'<numFmt numFmtId="{170 + n}" formatCode="{code}"/>' for n, code in enumerate(_FORMATS) if n)
    cells = "".join(f'<xf numFmtId="{170 + n if n else 0}" applyNumberFormat="1"/>' for n in range(len(_FORMATS)))
    return (
        f'<styleSheet {_MAIN}><numFmts count="{len(_FORMATS) - 1}">{formats}</numFmts>'
        "<fonts><font/></fonts><fills><fill><patternFill/></fill></fills><borders><border/></borders>"
        f'<cellStyleXfs><xf/></cellStyleXfs><cellXfs count="{len(_FORMATS)}">{cells}</cellXfs></styleSheet>'
    )


def _string(text: str) -> str:
    shown = _CONTROL.sub(lambda match: f"_x{ord(match.group()):04X}_", text[:_TEXT_LIMIT])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(shown, {chr(13): "&#13;"})}</t></is></c>'


def _number(style: int, value: float) -> str:
    return f'<c s="{style}"><v>{value!r}</v></c>'


def _fraction(time: str) -> float:
    hours, minutes, seconds = java.millis(time).split(":")
    return (int(hours) * 3600 + int(minutes) * 60 + float(seconds)) / 86400


def _serial(text: str) -> float | None:
    """The day number of a date, or None for days that the sheet cannot hold."""
    if text in java.INFINITE:
        return None
    year, rest = java.split_date(text)
    if not 1900 <= year <= 9999:
        return None
    month, day = map(int, rest.split("-"))
    return float(date(year, month, day).toordinal() - _EPOCH)


def _moment(style: int, text: str, time: str, plain: Callable[[str], str]) -> str:
    day = _serial(text)
    return _string(plain(text)) if day is None else _number(style, day + _fraction(time))


def _cell(era: Era, writer: values.Writer, kind: str) -> Callable[[str], str]:
    plain = (lambda text: text) if writer.text is None else writer.text
    if kind in ("int", "oid", "numeric", "float4", "float8", "money"):
        style = 1 if kind in ("int", "oid") else 2

        def number(text: str) -> str:
            shown = plain(text)
            if shown in java.SPECIAL or not shown:
                return _string(shown) if shown else "<c/>"
            return _number(style, java.as_float4(text) if kind == "float4" else float(shown))

        return number
    if kind in ("bool", "bit"):
        return lambda text: f'<c t="b"><v>{1 if plain(text) == "true" else 0}</v></c>'
    if era.number < 36:
        return lambda text: _string(plain(text))
    temporal: dict[str, Callable[[str], str]] = {
        "date": lambda text: _moment(3, text, "00:00:00", plain),
        "time": lambda text: _number(4, _fraction(text[:8].replace("24:", "23:"))),
        "timetz": lambda text: _number(4, _fraction(java.utc_time(text)[:8])),
        "timestamp": lambda text: _moment(5, text, java.clock(text) if text not in java.INFINITE else "0:0:0", plain),
    }
    temporal["timestamptz"] = temporal["timestamp"]
    return temporal.get(kind, lambda text: _string(plain(text)))


def rows(era: Era, titles: list[str], result: Result) -> Iterator[bytes]:
    """The file, in one piece."""
    flags = era if not era.formatted else ERAS[47]
    writers = [values.writer(flags, column, "json") for column in result.columns]
    cells = [_cell(era, writer, writer.kind) for writer in writers]
    lines = [f"<row>{''.join(map(_string, titles))}</row>"]
    for chunk, count in result.chunks():
        for row in range(count):
            found = (chunk.get_value(row, index) for index in range(len(cells)))
            shown = (
                "<c/>" if value is None else cell(bytes(value).decode("utf-8"))
                for value, cell in zip(found, cells, strict=True)
            )
            lines.append(f"<row>{''.join(shown)}</row>")
    sheet = f"<worksheet {_MAIN}><sheetData>{''.join(lines)}</sheetData></worksheet>"
    yield _packed(sheet)


def _packed(sheet: str) -> bytes:
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS.format(_RELATION.format(1, "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": _BOOK,
        "xl/_rels/workbook.xml.rels": _RELATIONS.format(
            _RELATION.format(1, "worksheet", "worksheets/sheet1.xml") + _RELATION.format(2, "styles", "styles.xml")
        ),
        "xl/styles.xml": _styles(),
        "xl/worksheets/sheet1.xml": sheet,
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return target.getvalue()
