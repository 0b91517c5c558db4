"""Takes a snapshot: every table as of one moment, into Parquet files and an inventory, or nothing at all.

Rows are written as they come and nothing is published before the source has proven that all of them came, of one
moment; so memory stays bounded and a broken connection costs time, never truth.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import pyarrow as pa

from .. import manifest
from ..catalog import Table
from ..errors import InconsistentSnapshot, InvalidInput, sentence
from ..sinks.parquet import ParquetTable, Written
from . import folder
from .cut import Snapshot, open_snapshot
from .inventory import resources

PENDING_BYTES = 64 << 20  # rows of all tables together that wait for their row group
_CONSISTENT = ("one-statement", "same-generation")
_SOURCE = ("server", "server_version", "database", "postgresql_version", "user")
_TEST = r"test(?:ing)?|uat|train(?:ing)?|sandbox"
_ENVIRONMENT = re.compile(rf"(.+?)[^a-z0-9]*(?:({_TEST})|prod(?:uction)?)\W*")


class Batches(Protocol):
    """Record batches of many tables as of one moment; `evidence` is complete when they have ended."""

    schemas: list[pa.Schema]
    evidence: dict[str, Any]

    def __iter__(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Give (index of the table, record batch)."""
        ...


class TableSource(Protocol):
    """Whoever can open many tables as of one moment."""

    def open_tables(
        self, tables: Sequence[Table], *, on_bad: Literal["raise", "text"] = "text"
    ) -> AbstractContextManager[Batches]:
        """Open them; ``on_bad="text"`` gives a column as text from the batch on in which a value does not fit."""
        ...


def take(
    source: TableSource,
    tables: Sequence[Table],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    info: Mapping[str, Any] | None = None,
) -> Snapshot:
    """Write tables to a folder of Parquet files, as of one moment, all or nothing.

    Parameters
    ----------
    source : TableSource
        Gives the rows.
    tables : sequence of Table
        What to take; from the catalogue.
    path : path
        The folder to be. It must not exist, or be a snapshot and `overwrite` be true.
    overwrite : bool
        Replace the snapshot under this path, once the new one is whole.
    info : mapping, optional
        Facts for the manifest: ``server``, ``server_version``, ``database``, ``postgresql_version``, ``user`` (these
        also go into each file), ``schemas`` (schema to comment), and whatever else is to be kept, such as
        ``refresh_log``, ``filters`` and ``not_readable``: plain JSON values.

    Returns
    -------
    Snapshot
        Opened again from the disk.

    Raises
    ------
    SnapshotError
        The path exists, lies in another snapshot, is being written to, or cannot be written.
    InconsistentSnapshot
        The source cannot prove one moment.
    """
    _check(tables)
    target = folder.resolve(path)
    facts = _facts(info or {})
    started = _now()
    with folder.writing(target, overwrite=overwrite) as hidden:
        provenance = {**{key: facts[key] for key in _SOURCE}, "started": started}
        written, evidence = _write(source, tables, hidden, provenance)
        text = manifest.dumps(_manifest(target.name, tables, written, evidence, facts, started))
        with folder.disk(target):
            folder.write_file(hidden / manifest.NAME, text)
    return open_snapshot(target)


def refuse_twins(schemas: Sequence[str]) -> None:
    """Raise if one of the schemas looks like the TEST twin of another: mixing them is the worst mistake of all.

    >>> refuse_twins(["s_juno", "s_vega"])
    >>> refuse_twins(["s_juno", "s_junotest"])
    Traceback (most recent call last):
    insight_frames.errors.InvalidInput: 's_junotest' looks like the TEST twin of 's_juno'. Try: schemas=['s_juno'], \
or schemas=['s_juno', 's_junotest'] if both are meant.
    """
    seen: dict[str, list[tuple[bool, str]]] = {}
    for one in schemas:
        found = _ENVIRONMENT.fullmatch(one.lower())
        stem, is_test = (found[1], found[2] is not None) if found else (one.lower(), False)
        seen.setdefault(stem, []).append((is_test, one))
    for group in seen.values():
        (_, real), (is_test, last) = min(group), max(group)
        if is_test and len(group) > 1:
            raise InvalidInput(
                sentence(
                    f"{last!r} looks like the TEST twin of {real!r}",
                    try_=f"schemas=[{real!r}], or schemas={sorted(one for _, one in group)!r} if both are meant",
                )
            )


def _check(tables: Sequence[Table]) -> None:
    names = [(one.schema, one.name) for one in tables]
    if not names:
        raise InvalidInput(sentence("There is no table to take", try_="list_tables() shows what this account may read"))
    twice = sorted({one for one in names if names.count(one) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InvalidInput(sentence(f"The table {'.'.join(twice[0])} is named twice", try_="name each table once"))


def _facts(info: Mapping[str, Any]) -> dict[str, Any]:
    facts = {**dict.fromkeys(_SOURCE), "schemas": {}, **info}
    address = urlsplit(facts["server"] or "")
    if "@" in address.netloc or address.query or address.fragment:
        facts["server"] = address._replace(netloc=address.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return facts


def _write(
    source: TableSource, tables: Sequence[Table], hidden: Path, provenance: Mapping[str, Any]
) -> tuple[list[Written], dict[str, Any]]:
    with source.open_tables(tables, on_bad="text") as batches:
        sinks: list[ParquetTable] = []
        rows = iter(batches)
        try:
            for table, schema in zip(tables, batches.schemas, strict=True):
                sinks.append(_sink(table, schema, hidden, provenance))
            for index, batch in rows:
                sinks[index].write(batch)
                while sum(one.pending_bytes for one in sinks) > PENDING_BYTES:
                    max(sinks, key=lambda one: one.pending_bytes).flush()
            written = [one.close() for one in sinks]
        except BaseException:
            for one in sinks:
                one.abort()
            if isinstance(rows, Generator):
                rows.close()  # hang up now, not when the traceback is let go
            raise
        evidence = dict(batches.evidence)
    if evidence.get("consistency") not in _CONSISTENT:
        raise InconsistentSnapshot(
            sentence(
                "The source gave no evidence that all tables are of one moment",
                expected=" or ".join(_CONSISTENT),
                got=str(evidence.get("consistency")),
                try_="take it again, or fewer tables",
            )
        )
    return written, evidence


def _sink(table: Table, schema: pa.Schema, hidden: Path, provenance: Mapping[str, Any]) -> ParquetTable:
    path = hidden / manifest.file_path(table.schema, table.name)
    with folder.disk(path.parent):
        path.parent.mkdir(exist_ok=True)
    names = {"schema": table.schema, "table": table.name}
    return ParquetTable(path, schema, label=f"{table.schema}.{table.name}", provenance={**provenance, **names})


def _manifest(
    name: str,
    tables: Sequence[Table],
    written: Sequence[Written],
    evidence: dict[str, Any],
    facts: Mapping[str, Any],
    started: str,
) -> manifest.Manifest:
    finished = _now()
    inventory, warnings, fingerprint = resources(tables, written)
    schemas = {one.schema: facts["schemas"].get(one.schema) for one in tables}
    proof = {key: one for key, one in evidence.items() if key not in ("consistency", "statements", "taken")}
    summary = {
        "format": manifest.FORMAT,
        "version": manifest.VERSION,
        "fingerprint": fingerprint,
        "source": {key: facts[key] for key in _SOURCE},
        "schemas": schemas,
        "started": started,
        "taken": evidence.get("taken") or started,
        "finished": finished,
        "statements": int(evidence.get("statements") or 0),
        "consistency": evidence["consistency"],
        "evidence": proof,
        "libraries": _libraries(),
        "warnings": [*facts.get("warnings", ()), *warnings],
    }
    others = {key: one for key, one in facts.items() if key not in (*_SOURCE, *summary)}
    return {
        "name": re.sub(r"[^a-z0-9._-]", "-", name.lower()),
        "profile": "data-package",
        "created": finished,
        "insight": {**summary, **others},
        "resources": inventory,
    }


def _libraries() -> dict[str, str]:
    versions = {"python": ".".join(str(one) for one in sys.version_info[:3])}
    for one in ("insight-frames", "pyarrow", "numpy", "pandas"):
        try:
            versions[one] = metadata.version(one)
        except metadata.PackageNotFoundError:
            versions[one] = "not installed as a package"
    return versions


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
