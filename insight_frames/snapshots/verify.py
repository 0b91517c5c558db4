"""Finds what has happened to a snapshot since it was taken: every damage with a message of its own.

Bytes are compared with their SHA-256, rows with the content hash, the whole with the fingerprint; the last is the one
that counts if it was quoted somewhere else, because whoever edits files can edit the manifest too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import manifest as inventory
from ..errors import InvalidInput, SnapshotError, sentence
from ..progress import Asked, Progress
from ..sinks import content as hashing
from ..sinks.parquet import column_facts
from ..sources.offline import footer

_SHORTEST = 12  # digits of a fingerprint that say anything


@dataclass(frozen=True)
class Report:
    """What was found. True only if the snapshot is intact.

    Attributes
    ----------
    problems : list of str
        One message for each damage; empty if all is well.
    tables, rows, bytes : int
        What was checked.
    fingerprint : str
        Of the contents as they are now.
    """

    path: Path
    problems: list[str] = field(default_factory=list)
    tables: int = 0
    rows: int = 0
    bytes: int = 0
    fingerprint: str = ""

    def __bool__(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        if not self.problems:
            return (
                f"{self.path}: intact, {self.tables} tables, {self.rows:,} rows, {self.bytes:,} bytes,"
                f" fingerprint {self.fingerprint}"
            )
        return "\n".join([f"{self.path}: {len(self.problems)} problems", *(f"- {one}" for one in self.problems)])


def verify(path: Path, *, fingerprint: str | None = None, progress: Asked = None) -> Report:
    """Check a snapshot folder; SnapshotError if it cannot be opened at all."""
    manifest = _read(path)
    problems = _check_manifest(manifest)
    resources = manifest["resources"]
    lists = manifest["insight"].get("lists", [])
    problems += _check_names(path, [one["path"] for one in (*resources, *lists)])
    problems += _check_lists(path, lists)
    hashes = {one["hash"]: one["path"] for one in resources}
    contents = []
    rows, size = sum(one["insight"]["rows"] for one in resources), sum(one["bytes"] for one in resources)
    with Progress(progress, "verify", tables=len(resources), rows=rows, bytes=size) as told:
        for one in resources:
            schema, table = one["insight"]["schema"], one["insight"]["table"]
            told.begin(f"{schema}.{table}")
            found, content = _check_file(path / one["path"], one, hashes, told)
            problems += [f"{one['path']}: {problem}" for problem in found]
            contents.append((schema, table, content or ""))
            told.table_done()
    now = hashing.fingerprint(contents)
    problems += _check_fingerprint(manifest["insight"]["fingerprint"], now, fingerprint)
    return Report(path, problems, len(resources), rows, size, now[:16])


def _read(path: Path) -> inventory.Manifest:
    try:
        return inventory.loads((path / inventory.NAME).read_text("utf-8", errors="surrogatepass"))
    except OSError as error:
        raise SnapshotError(
            sentence("The manifest cannot be read", where=str(path / inventory.NAME), got=type(error).__name__)
        ) from error


def _check_manifest(manifest: inventory.Manifest) -> list[str]:
    if inventory.own_hash(manifest) == manifest["insight"]["sha256"]:
        return []
    return [f"{inventory.NAME}: it was edited after the snapshot was taken: its own hash does not fit"]


def _check_names(path: Path, expected: list[str]) -> list[str]:
    wanted = {inventory.NAME, *expected}
    folders = {one.rpartition("/")[0] for one in expected} - {""}
    problems: list[str] = []

    def closed(error: OSError) -> None:
        name = Path(error.filename).relative_to(path).as_posix()
        problems.append(f"{shown(name)}: this folder cannot be read ({error.strerror or type(error).__name__})")

    for place, names, files in os.walk(path, onerror=closed):
        inside = Path(place).relative_to(path)
        for name in ((inside / one).as_posix() for one in sorted(files)):
            if name not in wanted:
                problems.append(f"{shown(name)}: this file does not belong to the snapshot")
            elif name == inventory.NAME and (path / name).is_symlink():
                problems.append(f"{name}: it is not a plain file")
        for name in ((inside / one).as_posix() for one in sorted(names)):
            if name not in folders:
                problems.append(f"{shown(name)}: this folder does not belong to the snapshot")
            elif (path / name).is_symlink():
                problems.append(f"{name}: it is a link and not a folder of the snapshot")
    return problems


def _check_lists(path: Path, lists: list[dict[str, Any]]) -> list[str]:
    """Check the lists beside the data that the rows were chosen with."""
    problems = []
    for one in lists:
        file = path / one["path"]
        if file.is_symlink() or not file.is_file():
            problems.append(f"{shown(one['path'])}: the file is missing")
        elif inventory.file_entry(path, one["path"]) != one:
            problems.append(f"{shown(one['path'])}: its bytes are not those that it was written with")
    return problems


def shown(name: str) -> str:
    """Write a file's name so that it can be printed, on one line: it may hold any byte."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in name)


def _check_file(
    file: Path, resource: dict[str, Any], hashes: dict[str, str], progress: Progress
) -> tuple[list[str], str | None]:
    """Check one table's file; give the problems and the content hash of what is in it, if it can be read."""
    if file.is_symlink() or not file.is_file():
        return ["the file is missing" if not os.path.lexists(file) else "it is not a plain file"], None
    try:
        size, digest = file.stat().st_size, inventory.file_hash(file, lambda count: progress.advance(bytes=count))
    except OSError as error:
        return [f"the file cannot be read ({error.strerror or type(error).__name__})"], None
    problems = []
    if size != resource["bytes"]:
        more = "longer" if size > resource["bytes"] else "shorter"
        problems.append(f"the file is {more} than it was: expected {resource['bytes']} bytes, got {size}")
    if digest != resource["hash"]:
        other = hashes.get(digest)
        if other is not None:
            problems.append(f"it holds the bytes of {other}")
        elif size == resource["bytes"]:
            problems.append("the file has its length but other bytes (SHA-256 differs)")
    try:
        found, content = _check_rows(file, resource, progress)
    except (OSError, pa.ArrowException, ValueError, LookupError, TypeError, SnapshotError) as error:
        return [*problems, f"its rows cannot be read ({type(error).__name__})"], None
    return problems + found, content


def _check_rows(file: Path, resource: dict[str, Any], progress: Progress) -> tuple[list[str], str]:
    problems = []
    hashed = hashing.ContentHash()
    with pq.ParquetFile(file) as opened:
        schema = opened.schema_arrow
        rows = opened.metadata.num_rows if schema.names else int(footer(opened).get("rows", 0))
        columns = [(one["name"], one["stored"]) for one in resource["insight"]["columns"]]
        if [(one.name, hashing.encoding(one.type)) for one in schema] != columns:
            problems.append("its columns or their types differ from the manifest's")
        for batch in opened.iter_batches() if schema.names else ():
            hashed.add(batch.columns, batch.num_rows)
            progress.advance(rows=batch.num_rows)
    if not schema.names:
        hashed.add([], rows)
    if rows != resource["insight"]["rows"]:
        problems.append(f"it holds another number of rows: expected {resource['insight']['rows']}, got {rows}")
    content = hashed.hexdigest(column_facts(schema))
    if content != resource["insight"]["content"]:
        problems.append("its contents differ from the manifest's (content hash)")
    return problems, content


def _check_fingerprint(recorded: str, now: str, quoted: str | None) -> list[str]:
    problems = []
    if now != recorded:
        problems.append(
            f"{inventory.NAME}: the contents have fingerprint {now[:16]}, the manifest says {recorded[:16]}"
        )
    if quoted is not None:
        digits = quoted.strip().lower()
        if len(digits) < _SHORTEST or digits.strip("0123456789abcdef"):
            raise InvalidInput(
                sentence("That is not a fingerprint", expected=f"at least {_SHORTEST} hexadecimal digits of one")
            )
        if not now.startswith(digits):
            problems.append(f"this is not the snapshot with fingerprint {digits[:16]}: its contents have {now[:16]}")
    return problems
