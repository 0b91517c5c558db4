"""A real trial as a study: GBSG2, 686 patients of the German Breast Cancer Study Group, from a package that ships it.

The data are read from lifelines or scikit-survival where one of them is installed, and are not part of this package.
They hold no dates and no sites, so none are made up: those columns are NULL, and all participants are of one site.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from psycopg import sql

from insight_frames.sandbox.postgres import SandboxError, Server
from insight_frames.sandbox.study import run

SCHEMA = "s_gbsg2prod"
COLUMNS = ("horTh", "age", "menostat", "tsize", "tgrade", "pnodes", "progrec", "estrec", "time", "cens")
FILES = {"lifelines": "datasets/gbsg2.csv", "sksurv": "datasets/data/GBSG2.arff"}


def load(server: Server, dbname: str) -> None:
    """Make the study in an empty database; the roles exist.

    Raises
    ------
    SandboxError
        If no package with the data is installed, or its file is not as it is known.
    """
    rows = list(patients(source()))
    with server.connect(dbname) as connection, connection.transaction():
        texts = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(one.lower())) for one in COLUMNS)
        connection.execute(sql.SQL("create temp table patient (n int, {})").format(texts))
        with connection.cursor().copy("copy patient from stdin") as copy:
            for n, row in enumerate(rows, 1):
                copy.write_row((n, *row))
        run(connection, "gbsg2", {"schema": SCHEMA})
        connection.execute("drop table patient")


def source() -> Path:
    """Find the file in an installed package, without importing it."""
    for package, name in FILES.items():
        spec = find_spec(package)
        path = Path(spec.origin).parent / name if spec is not None and spec.origin is not None else None
        if path is not None and path.is_file():
            return path
    raise SandboxError(
        "The study gbsg2 is data of the package lifelines or scikit-survival, and neither is installed here."
        " Try: pip install 'lifelines<0.30.1', or study='cardio3', which needs neither."
    )


def patients(path: Path) -> Iterator[list[str]]:
    """Read the patients as texts, in the order of ``COLUMNS``; both files are lines of commas below a head."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".arff":
        head = [line.split()[1] for line in lines if line.lower().startswith("@attribute")]
        lines = lines[lines.index("@data") + 1 :]
    else:
        head = lines.pop(0).split(",")
    if sorted(head) != sorted(COLUMNS):
        raise SandboxError(f"{path} is not as it is known. Expected: the columns {', '.join(COLUMNS)}.")
    for line in csv.reader(lines, quotechar="'"):
        known = dict(zip(head, line, strict=False))
        if line:
            yield [_text(name, known[name]) for name in COLUMNS]


def _text(name: str, value: str) -> str:
    """Write a value in one way: whole numbers without a fraction, as the packages differ in that."""
    return value if name in ("horTh", "menostat", "tgrade") else str(int(float(value)))
