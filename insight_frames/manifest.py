"""The inventory of a snapshot: ``datapackage.json``, plain data that other tools read as a Frictionless Data Package.

What only we know stands in keys called ``insight``, because a package's own ``schema`` means something else than a
schema of PostgreSQL. The inventory carries its own hash, so that an edit shows; only the fingerprint, quoted somewhere
else, proves that nobody made a new hash for the edit.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from .errors import SnapshotError, sentence

Manifest: TypeAlias = dict[str, Any]

NAME = "datapackage.json"
FORMAT = "insight-snapshot"
VERSION = 1
FOOTER = b"insight_frames"  # the key of our facts in a Parquet footer: JSON
STORED = b"stored"  # metadata of a Parquet field: b"text" where the column fell back to PostgreSQL's text

_BLOCK = 1 << 20
_PLAIN = re.compile(r"[a-z0-9_]")
_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])$")
_HEX = re.compile(r"[0-9a-f]{64}")
_SUMMARY: dict[str, type | tuple[type, ...]] = {
    "format": str,
    "version": int,
    "fingerprint": str,
    "source": dict,
    "schemas": dict,
    "started": str,
    "taken": str,
    "finished": str,
    "statements": int,
    "consistency": str,
    "evidence": dict,
    "libraries": dict,
    "warnings": list,
}
_RESOURCE: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "path": str,
    "bytes": int,
    "hash": str,
    "schema": dict,
    "insight": dict,
}
_LIST: dict[str, type | tuple[type, ...]] = {"path": str, "bytes": int, "hash": str}
_LIST_NAME = re.compile(r"[a-z]+(-[0-9]+)?\.csv")
_TABLE: dict[str, type | tuple[type, ...]] = {
    "schema": str,
    "table": str,
    "kind": str,
    "comment": (str, type(None)),
    "rows": int,
    "content": str,
    "columns": list,
    "primary_key": bool,
    "keys": list,
    "foreign_keys": list,
}
_COLUMN: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "type": str,
    "nullable": bool,
    "comment": (str, type(None)),
    "stored": str,
}


def file_path(schema: str, table: str) -> str:
    """Name a table's file, relative to the snapshot and safe on every file system.

    Everything but ``a-z 0-9 _`` is percent-encoded, capitals too: names that differ only in case stay apart where the
    file system does not tell them apart, and nothing can lead out of the folder.

    >>> file_path("s_juno", "participant"), file_path("..", "Group/1")
    ('s_juno/participant.parquet', '%2e%2e/%47roup%2f1.parquet')
    """
    return f"{_encode(schema)}/{_encode(table)}.parquet"


def _encode(name: str) -> str:
    text = "".join(
        one if _PLAIN.match(one) else "".join(f"%{byte:02x}" for byte in one.encode("utf-8", "surrogatepass"))
        for one in name
    )
    return f"%{ord(text[0]):02x}{text[1:]}" if _RESERVED.match(text) else text


def slugs(tables: Iterable[tuple[str, str]]) -> list[str]:
    """Give every table a resource name as the Data Package asks for: lower case, without odd characters, unique.

    >>> slugs([("s_juno", "Group"), ("s_juno", "group")])
    ['s_juno.group', 's_juno.group-2']
    """
    taken: set[str] = set()
    names = []
    for schema, table in tables:
        plain = ".".join(re.sub(r"[^a-z0-9_]", "-", one.lower()) for one in (schema, table))
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name)
        names.append(name)
    return names


def is_snapshot(path: Path) -> bool:
    """Whether a folder holds a manifest of ours, be it damaged or not."""
    try:
        text = (path / NAME).read_text("utf-8", errors="replace")
    except OSError:
        return False
    return f'"{FORMAT}"' in text


def file_hash(path: Path, told: Callable[[int], object] | None = None) -> str:
    """SHA-256 of a file's bytes as the inventory writes it; ``told`` hears how many bytes have been read."""
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
            if told is not None:
                told(len(block))
    return f"sha256:{digest.hexdigest()}"


def file_entry(folder: Path, name: str) -> dict[str, Any]:
    """Describe a small file beside the data: where it is, its bytes and its hash."""
    return {"path": name, "bytes": (folder / name).stat().st_size, "hash": file_hash(folder / name)}


def own_hash(manifest: Mapping[str, Any]) -> str:
    """SHA-256 over the manifest without its own hash: JSON with sorted keys and without blanks, in UTF-8."""
    bare = {**manifest, "insight": {key: one for key, one in manifest["insight"].items() if key != "sha256"}}
    text = json.dumps(bare, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def dumps(manifest: Mapping[str, Any]) -> str:
    """Seal a manifest with its own hash and write it as JSON text; what is wrong in it is a SnapshotError."""
    sealed = {**manifest, "insight": {**manifest["insight"], "sha256": own_hash(manifest)}}
    _check(sealed)
    return json.dumps(sealed, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def loads(text: str) -> Manifest:
    """Read a manifest and check its form; whether its hash is right, :func:`own_hash` says."""
    try:
        manifest = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(sentence(f"{NAME} is not readable JSON", try_="restore it from a copy")) from error
    _check(manifest)
    return dict(manifest)


def tables(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List (schema, table) of all resources, in their order."""
    return [(one["insight"]["schema"], one["insight"]["table"]) for one in manifest["resources"]]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _check(manifest: Any) -> None:
    summary = manifest.get("insight") if isinstance(manifest, dict) else None
    if not isinstance(summary, dict) or summary.get("format") != FORMAT:
        raise SnapshotError(sentence(f"{NAME} does not describe a snapshot", expected=f"insight.format {FORMAT!r}"))
    version = summary.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise SnapshotError(
            sentence(
                "The snapshot was written by a newer version of insight_frames",
                where=NAME,
                expected=f"format version {VERSION} or older",
                got=str(version),
                try_="install the newest insight_frames",
            )
        )
    _typed(summary, _SUMMARY, "insight")
    _digest(summary["fingerprint"], "insight.fingerprint")
    _digest(summary.get("sha256"), "insight.sha256")
    for number, one in enumerate(summary.get("lists", [])):
        _typed(one, _LIST, f"insight.lists[{number}]")
        if not _LIST_NAME.fullmatch(one["path"]):
            raise _broken(f"insight.lists[{number}].path", "the name of a list beside the data")
    resources = manifest.get("resources")
    if not isinstance(resources, list):
        raise _broken("resources", "a list")
    for number, one in enumerate(resources):
        _check_resource(one, f"resources[{number}]")
    _distinct([one["name"] for one in resources], "resource names")
    _distinct(tables(manifest), "tables")


def _check_resource(resource: Any, where: str) -> None:
    _typed(resource, _RESOURCE, where)
    table = resource["insight"]
    _typed(table, _TABLE, f"{where}.insight")
    if resource["path"] != file_path(table["schema"], table["table"]):
        raise _broken(f"{where}.path", file_path(table["schema"], table["table"]))
    if resource["bytes"] < 0 or table["rows"] < 0:
        raise _broken(where, "numbers of bytes and rows that are not negative")
    _digest(resource["hash"].removeprefix("sha256:"), f"{where}.hash")
    _digest(table["content"], f"{where}.insight.content")
    for place, column in enumerate(table["columns"]):
        _typed(column, _COLUMN, f"{where}.insight.columns[{place}]")
    _distinct([one["name"] for one in table["columns"]], f"columns in {where}")


def _typed(found: Any, wanted: Mapping[str, type | tuple[type, ...]], where: str) -> None:
    if not isinstance(found, dict):
        raise _broken(where, "an object")
    for key, kind in wanted.items():
        value = found.get(key)
        right = isinstance(value, kind) and (key in found) and not (kind is int and isinstance(value, bool))
        if not right:
            names = [one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,))]
            raise _broken(f"{where}.{key}", " or ".join(names).replace("NoneType", "null"))


def _digest(value: Any, where: str) -> None:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise _broken(where, "64 hexadecimal digits")


def _distinct(values: Sequence[Any], what: str) -> None:
    if len(set(values)) != len(values):
        raise SnapshotError(sentence(f"{NAME} is damaged: {what} stand twice", try_="restore it from a copy"))


def _broken(where: str, expected: str) -> SnapshotError:
    return SnapshotError(sentence(f"{NAME} is damaged", where=where, expected=expected, try_="restore it from a copy"))
