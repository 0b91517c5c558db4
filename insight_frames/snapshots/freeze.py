"""From what a user names to what is taken: the catalogue of now, the tables meant, and the facts for the manifest.

Two schemas of which one is the TEST twin of the other are never taken together unasked. A table that is altered, comes
or goes between catalogue and rows lets everything start once more from a fresh catalogue.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, get_args

from ..catalog import Catalog, Table
from ..errors import InvalidInput, QueryFailed, TableNotFound, near, sentence
from ..progress import Asked, Progress
from ..sources.generations import LOG
from ..sources.outcome import stale
from ..sources.transaction import Consistency
from ..wire.cells import StaleCatalog
from . import folder
from .cut import Snapshot
from .take import TableSource, take

CATALOG_TRIES = 3
_TEST = r"test(?:ing)?|uat|train(?:ing)?|sandbox"
_ENVIRONMENT = re.compile(rf"(.+?)[^a-z0-9]*(?:({_TEST})|prod(?:uction)?)\W*")


class Source(TableSource, Protocol):
    """Whoever knows a catalogue and can open many of its tables as of one moment."""

    def read_catalog(self, schemas: Sequence[str] | None) -> Catalog:
        """Read the catalogue of some schemas, of all if None."""
        ...


def freeze(
    source: Source,
    path: str | os.PathLike[str],
    *,
    schemas: str | Sequence[str] | None = None,
    tables: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    overwrite: bool = False,
    consistency: Consistency | None = None,
    progress: Asked = None,
    info: Callable[[], Mapping[str, Any]],
) -> Snapshot:
    """Take a snapshot of what is named; see :func:`insight_frames.snapshot`.

    ``info`` gives the facts of the server for the manifest; what the catalogue tells is added.
    """
    if consistency is not None and consistency not in get_args(Consistency):
        expected = " or ".join(map(repr, get_args(Consistency)))
        raise InvalidInput(sentence("consistency is not known", expected=f"{expected} (or leave it out)"))
    names = [schemas] if isinstance(schemas, str) else schemas
    folder.refuse(folder.resolve(path), overwrite)
    with Progress(progress, "snapshot") as told:
        how = {"overwrite": overwrite, "consistency": consistency, "progress": told}
        for _ in range(CATALOG_TRIES - 1):
            try:
                return _now(source, path, (names, tables, exclude), how, info)
            except (StaleCatalog, QueryFailed) as error:
                if not stale(error):
                    raise
        return _now(source, path, (names, tables, exclude), how, info)


def _now(
    source: Source,
    path: str | os.PathLike[str],
    named: tuple[Sequence[str] | None, Sequence[str] | None, Sequence[str] | None],
    how: Mapping[str, Any],
    info: Callable[[], Mapping[str, Any]],
) -> Snapshot:
    catalog = source.read_catalog(named[0])
    chosen = select(catalog, *named)
    schemas = {one.schema for one in chosen}
    known = catalog.tables.values()
    facts = {
        **info(),
        "postgresql_version": catalog.settings.get("version"),
        "database": catalog.settings.get("database"),
        "schemas": {name: catalog.schemas.get(name) for name in sorted(schemas)},
        "not_readable": sorted(f"{one.schema}.{one.name}" for one in known if not one.readable),
    }
    logs = [one for one in known if one.name == LOG and one.schema in schemas and one.select]
    listed = [] if named[1] is not None else [place for place in catalog.tables if place[0] in schemas]
    return take(source, chosen, path, logs=logs, listed=listed, info=facts, **how)


def select(
    catalog: Catalog, schemas: Sequence[str] | None, tables: Sequence[str] | None, exclude: Sequence[str] | None
) -> list[Table]:
    """Pick the readable tables, those named if any are, without those excluded; names may be ``schema.table``."""
    if schemas is None:
        refuse_twins(sorted({one.schema for one in catalog.tables.values() if one.readable}))
    for one in schemas or ():
        catalog.check_schema(one)
    left_out = {(one.schema, one.name) for one in _named(catalog, exclude or (), "exclude")}
    readable = [one for one in catalog.tables.values() if one.readable]
    chosen = readable if tables is None else _named(catalog, tables, "tables")
    unique = {(one.schema, one.name): one for one in chosen}
    found = [one for place, one in unique.items() if place not in left_out]
    if not found:
        raise _nothing(catalog, schemas, bool(chosen))
    return found


def _named(catalog: Catalog, names: Sequence[str], what: str) -> list[Table]:
    if isinstance(names, str):
        raise InvalidInput(sentence(f"{what} must be a list of names", got="one str", try_=f"{what}=[{names!r}]"))
    if not all(isinstance(one, str) for one in names):
        raise InvalidInput(sentence(f"{what} must be a list of names", got="something that is no str"))
    known: dict[str, list[Table]] = {}
    for one in catalog.tables.values():
        known.setdefault(one.name, []).append(one)
        known.setdefault(f"{one.schema}.{one.name}", []).append(one)
    for name in names:
        if name not in known:
            hint = near(name, known) or "list_tables() shows what there is"
            raise TableNotFound(sentence(f"There is no table {name!r} to {what.rstrip('s')}", try_=hint))
    return [one for name in names for one in known[name]]


def _nothing(catalog: Catalog, schemas: Sequence[str] | None, excluded: bool) -> InvalidInput:
    where = f"schema {', '.join(map(repr, schemas))}" if schemas else ""
    if excluded:
        return InvalidInput(sentence("exclude leaves no table to take", where=where, try_="a shorter list"))
    closed = sum(not one.readable for one in catalog.tables.values())
    got = f"{closed} that this account may not read" if closed else "none"
    return InvalidInput(
        sentence("There is no table to take", where=where, got=got, try_="list_tables() shows what may be read")
    )


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
