"""Takes a snapshot: every table as of one moment, into Parquet files and an inventory, or nothing at all.

Rows are written as they come and nothing is published before the source has proven that all of them came, of one
moment; so memory stays bounded and a broken connection costs time, never truth. What had come whole before it broke is
left in the hidden folder for the next attempt, which proves it again.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import pyarrow as pa

from .. import manifest
from ..catalog import Table
from ..errors import IncompleteResult, InconsistentSnapshot, InvalidInput, ServerUnavailable, SnapshotError, sentence
from ..progress import Progress, watched
from ..sinks.parquet import Written
from ..sources.transaction import Consistency
from . import folder, rest
from .cut import Snapshot, open_snapshot
from .inventory import resources
from .writer import Writer

_CONSISTENT = ("one-transaction", "one-statement", "same-generation")
_SOURCE = ("server", "server_version", "database", "postgresql_version", "user")


class Batches(Protocol):
    """Record batches of many tables as of one moment; `evidence` is complete when they have ended."""

    schemas: list[pa.Schema]
    evidence: dict[str, Any]

    @property
    def whole(self) -> dict[int, rest.Known]:
        """What is known of the tables that are whole already and can be proven by a later attempt."""
        ...

    def __iter__(self) -> Iterator[tuple[int, pa.RecordBatch | None]]:
        """Give (index of the table, record batch); None lets the table begin anew."""
        ...


class TableSource(Protocol):
    """Whoever can open many tables as of one moment."""

    def open_tables(
        self,
        tables: Sequence[Table],
        *,
        on_bad: Literal["raise", "text"] = "text",
        consistency: Consistency | None = None,
        kept: Mapping[int, rest.Known] = ...,
        logs: Sequence[Table] = ...,
        listed: Sequence[tuple[str, str]] = ...,
    ) -> AbstractContextManager[Batches]:
        """Open them.

        ``on_bad="text"`` gives a column as text from the batch on in which a value does not fit; tables that are
        ``kept`` from an earlier attempt come only if they have moved since; of ``logs`` the last rows are told;
        ``listed`` are all tables of the schemas, if others than these must not be there.
        """
        ...


def take(
    source: TableSource,
    tables: Sequence[Table],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    consistency: Consistency | None = None,
    logs: Sequence[Table] = (),
    listed: Sequence[tuple[str, str]] = (),
    info: Mapping[str, Any] | None = None,
    lists: Mapping[str, str] | None = None,
    progress: Progress | None = None,
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
    consistency : str, optional
        See :func:`insight_frames.snapshot`.
    logs : sequence of Table
        Tables of refreshes, whose last rows the manifest is to tell.
    listed : sequence of (schema, table)
        All that the catalogue has in the schemas taken, if nothing may come or go unnoticed.
    info : mapping, optional
        Facts for the manifest: ``server``, ``server_version``, ``database``, ``postgresql_version``, ``user`` (these
        also go into each file), ``schemas`` (schema to comment), and whatever else is to be kept, such as
        ``refresh_log``, ``filters`` and ``not_readable``: plain JSON values.
    lists : mapping of str to str, optional
        Small files beside the data, by name: what a condition was asked with. The manifest holds their hashes.
    progress : Progress, optional
        Is told what is done.

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
    origin = {key: facts[key] for key in _SOURCE}
    asked = None if consistency == "one-statement" else rest.question(tables, origin)
    with folder.writing(target, overwrite=overwrite, question=asked) as hidden:
        how = {"consistency": consistency, "logs": logs, "listed": listed}
        told = progress or Progress(False, "snapshot")
        written, evidence = _write(source, tables, hidden, how, asked, {**origin, "started": started}, told)
        with folder.disk(target):
            for name, content in (lists or {}).items():
                folder.write_file(hidden / name, content)
            facts["lists"] = [manifest.file_entry(hidden, name) for name in lists or {}]
        text = manifest.dumps(_manifest(target.name, tables, written, evidence, facts, started))
        with folder.disk(target):
            folder.write_file(hidden / manifest.NAME, text)
    return open_snapshot(target)


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
    source: TableSource,
    tables: Sequence[Table],
    hidden: Path,
    how: Mapping[str, Any],
    asked: str | None,
    provenance: Mapping[str, Any],
    progress: Progress,
) -> tuple[list[Written], dict[str, Any]]:
    with folder.disk(hidden):
        files, known = rest.recall(hidden, tables)
    with source.open_tables(tables, on_bad="text", kept=known, **how) as batches:
        writer = Writer(hidden, tables, batches.schemas, provenance, files)
        progress.expect(tables=len(tables), rows=sum(one.rows_estimate or 0 for one in tables) or None)
        rows = iter(batches)
        if progress.on:
            rows = watched(rows, [f"{one.schema}.{one.name}" for one in tables], progress)
        try:
            for index, batch in rows:
                writer.write(index, batch)
            written = writer.close()
        except BaseException as error:
            if asked and isinstance(error, IncompleteResult | ServerUnavailable) and batches.whole:
                with suppress(SnapshotError):  # the error that brought us here is the one to be told
                    rest.note(hidden, asked, tables, writer.keep(batches.whole), batches.whole)
            writer.abort()
            if isinstance(rows, Generator):
                rows.close()  # hang up now, not when the traceback is let go
            raise
        evidence = dict(batches.evidence)
        if known:
            evidence["kept_from_earlier_attempt"] = len(known)
    _check_evidence(evidence, how)
    return written, evidence


def _check_evidence(evidence: Mapping[str, Any], how: Mapping[str, Any]) -> None:
    expected = (*_CONSISTENT, "none") if how.get("consistency") == "none" else _CONSISTENT
    if evidence.get("consistency") not in expected:
        raise InconsistentSnapshot(
            sentence(
                "The source gave no evidence that all tables are of one moment",
                expected=" or ".join(expected),
                got=str(evidence.get("consistency")),
                try_="take it again, or fewer tables",
            )
        )


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
    apart = ("consistency", "statements", "taken", "generations", "refresh_log")
    proof = {key: one for key, one in evidence.items() if key not in apart}
    for resource, generation in zip(inventory, evidence.get("generations", ()), strict=False):
        resource["insight"]["generation"] = generation
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
        "warnings": [*facts.get("warnings", ()), *warnings, *_doubts(tables, evidence)],
        "refresh_log": facts.get("refresh_log", evidence.get("refresh_log", {})),
        "filters": facts.get("filters", []),
        "masks": facts.get("masks", []),
    }
    others = {key: one for key, one in facts.items() if key not in (*_SOURCE, *summary)}
    return {
        "name": re.sub(r"[^a-z0-9._-]", "-", name.lower()),
        "profile": "data-package",
        "created": finished,
        "insight": {**summary, **others},
        "resources": inventory,
    }


def _doubts(tables: Sequence[Table], evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say what a reader of the data must know beside it."""
    found = [
        {"schema": one.schema, "table": one.name, "column": None, "reason": "row security may hide rows from the user"}
        for one in tables
        if one.row_security
    ]
    if evidence["consistency"] == "none":
        reason = "nothing was proven: the tables may be of different moments"
        found.insert(0, {"schema": None, "table": None, "column": None, "reason": reason})
    return found


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
