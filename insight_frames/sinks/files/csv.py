"""CSV as RFC 4180 has it: every value as PostgreSQL prints it, NULL as nothing, an empty text as two quotes.

Lines are put together column by column in Arrow, which is as fast as its own writer and lets us say how lines end; they
are read back by Arrow's reader, which knows nothing of how they were made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ...errors import InvalidInput, sentence
from . import values
from .publish import PathLike, check_path, digest, publish
from .report import FileReport
from .table import FileTable

LineEnd = Literal["\r\n", "\n"]
Encoding = Literal["utf-8", "utf-8-sig"]
_ROWS = 65_536
_NEEDS_QUOTES = '[",\r\n]|^$|^\\s|\\s$|^\ufeff'
_BLOCK = (1 << 31) - 1


def write(path: PathLike, table: FileTable, *, lineterminator: LineEnd, encoding: Encoding) -> FileReport:
    """Write one table."""
    target = check_path(path, ".csv")
    _check(table, lineterminator, encoding)
    check = values.Carrier("CSV", {}, values.texts(most=None, na_rep=None), "text")
    columns = [check.carry(table, place)[1] for place in range(table.data.num_columns)]
    names = table.data.schema.names
    rows = table.data.num_rows

    def write_to(partial: Path) -> str:
        with partial.open("wb") as file:
            file.write(b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b"")
            file.write(_lines([pa.array([one]) for one in names], 1, lineterminator))
            for start in range(0, rows, _ROWS):
                size = min(_ROWS, rows - start)
                file.write(_lines([one.slice(start, size).combine_chunks() for one in columns], size, lineterminator))
        return digest(names, columns, rows)

    made = publish(target, [table.label], rows, write=write_to, read=lambda partial: _read(partial, names))
    return FileReport([made])


def encoded(table: FileTable, *, head: bool, lineterminator: LineEnd = "\n") -> Iterator[bytes]:
    """Give a table as pieces of CSV, for a stream that nobody can read back; ``head``: names first."""
    _check(table, lineterminator, "utf-8")
    check = values.Carrier("CSV", {}, values.texts(most=None, na_rep=None), "text")
    columns = [check.carry(table, place)[1] for place in range(table.data.num_columns)]
    if head:
        yield _lines([pa.array([one]) for one in table.data.schema.names], 1, lineterminator)
    for start in range(0, table.data.num_rows, _ROWS):
        size = min(_ROWS, table.data.num_rows - start)
        yield _lines([one.slice(start, size).combine_chunks() for one in columns], size, lineterminator)


def _check(table: FileTable, lineterminator: str, encoding: str) -> None:
    if lineterminator not in ("\r\n", "\n"):
        raise InvalidInput(sentence("lineterminator= cannot be meant", expected=r"'\r\n' or '\n'"))
    if encoding not in ("utf-8", "utf-8-sig"):
        raise InvalidInput(sentence("encoding= cannot be meant", expected="'utf-8' or 'utf-8-sig'"))
    if not table.data.num_columns:
        raise InvalidInput(sentence("A table without columns cannot be a CSV file", where=table.label))
    if table.data.num_columns == 1 and table.data.column(0).null_count:
        raise InvalidInput(
            sentence(
                "A NULL in a table of one column would be an empty line, which readers leave out",
                where=f"{table.label}, column {table.data.schema.names[0]!r}",
                try_="write a second column, such as the key",
            )
        )


def _lines(columns: list[Any], rows: int, end: str) -> bytes:
    fields = [_field(one) for one in columns]
    fields[-1] = _joined(fields[-1], "", separator=end)
    lines = _joined(*fields, separator=",")
    data = lines.buffers()[2]
    return b"" if data is None else data.to_pybytes()


def _field(column: pa.Array) -> pa.Array:
    wide = column.cast(pa.large_string())
    doubled = pc.replace_substring(wide, '"', '""')
    quoted = _joined('"', doubled, '"', separator="")
    return pc.fill_null(pc.if_else(pc.match_substring_regex(wide, _NEEDS_QUOTES), quoted, wide), "")


def _joined(*parts: pa.Array | str, separator: str) -> pa.Array:
    wide = [pa.scalar(one, pa.large_string()) if isinstance(one, str) else one for one in (*parts, separator)]
    return pc.binary_join_element_wise(*wide)


def _read(path: Path, names: list[str]) -> str:
    """Read everything as text: what stands in quotes is a value, nothing at all is NULL."""
    block = min(path.stat().st_size + 1, _BLOCK)
    found = arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(block_size=block, autogenerate_column_names=True),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types={f"f{place}": pa.string() for place in range(len(names))},
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )
    head = [one[0].as_py() for one in found.columns]
    return digest(head, [one.slice(1) for one in found.columns], found.num_rows - 1)
