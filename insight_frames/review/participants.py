"""Who takes part: the study's participants with all that is easily misread, and nobody left out."""

from __future__ import annotations

import pandas as pd

from ..catalog import Catalog
from ..clinical import people
from ..clinical.design import Shape
from ..clinical.warning import warn
from ..errors import InvalidInput, sentence
from ..study import Reader, check_reader


def participants(source: Reader, schema: str | None = None) -> pd.DataFrame:
    """List all participants, with everything said that is easily misread; nobody is left out.

    Parameters
    ----------
    source : Connection or Snapshot
    schema : str, optional
        The study's schema; needed if there are several with participants.

    Returns
    -------
    DataFrame
        One row a participant, sorted by ``participant`` (the label, text): ``oid``, ``site`` (its name), ``status``,
        ``removed`` (a flag or a status says so), ``dde`` (the label ends in ``-DDE``: a second entry of another
        participant's data) and ``dde_of`` (that one's label), ``test_site`` (the environment is TEST, or the site is
        called so) and ``enrolled``. What the study's tables do not tell is missing, named in
        ``df.attrs["insight"]["not_found"]`` and in a :class:`DataWarning`; ``["counts"]`` says how many there are of
        each.

    Raises
    ------
    SchemaNotFound
        With the nearest names.
    InvalidInput
        No table has one row a participant, or several schemas do.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> study = ifr.Connection(box.url, username=box.username, password=box.password)
    >>> ifr.participants(study, "s_cardio3prod").attrs["insight"]["counts"]
    {'participants': 62, 'removed': 1, 'dde': 2, 'test_site': 0}
    """
    check_reader(source)
    schema, shape, catalog = _people(source, schema)
    site = people.site_of(shape, catalog.tables)
    rows = source.read_table(schema, shape.table.name, columns=shape.columns)
    sites = None if site is None else source.read_table(site.table.schema, site.table.name, columns=site.columns)
    made = people.people(rows, shape, sites, site, "TEST" if schema.lower().endswith("test") else None)
    wanted = ("site", "status", "removed", "test_site", "enrolled")
    missing = [one for one in wanted if len(made) and made[one].isna().all()]
    counts = {one: int(made[one].eq(True).sum()) for one in ("removed", "dde", "test_site")}
    alone = int((made["dde"] & made["dde_of"].isna()).sum())
    columns = {name: {"type": type_, "comment": comment} for name, (type_, comment) in people.COLUMNS.items()}
    told = {"schema": schema, "table": shape.table.name, "key": ["participant"], "columns": columns}
    made.attrs["insight"] = {**told, "not_found": missing, "counts": {"participants": len(made), **counts}}
    said = [f"no {', '.join(missing)} is known"] if missing else []
    said += [f"{alone} second entries have no first"] if alone else []
    if said:
        where = f"{schema}.{shape.table.name}"
        message = sentence("Not all is known of the participants", where=where, got="; ".join(said))
        warn(message, made[made["dde"] & made["dde_of"].isna()])
    return made


def _people(source: Reader, schema: str | None) -> tuple[str, Shape, Catalog]:
    """Find the table of participants, in the schema or in the only one that has such a table."""
    names = [schema] if schema is not None else source.list_schemas()["schema"].tolist()
    found = []
    for name in names:
        catalog = source.catalog_of(name)
        if schema is not None:
            catalog.check_schema(name)
        shape = people.participants_in(one for one in catalog.tables.values() if one.schema == name)
        if shape is not None:
            found.append((name, shape, catalog))
    if len(found) == 1:
        return found[0]
    if found:
        known = " and ".join(one for one, _, _ in found)
        raise InvalidInput(sentence("Several schemas have participants", got=known, try_="schema= with one of them"))
    raise InvalidInput(
        sentence(
            "No table with one row a participant was found",
            where=schema or "",
            expected="a table keyed by participant_id (or the like), with a label or OID",
        )
    )
