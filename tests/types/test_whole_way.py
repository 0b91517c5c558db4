"""Every type the whole way: client, HTTP, Metabase's double, PostgreSQL and back; live, by SQL and from a snapshot."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from typecases import CASES, Case
from typeoracle import check, column_oracle
from typereader import TYPES, Connection, dtype_name, wanted_dtype

import insight_frames as ifr
from insight_frames import sandbox

TABLES = {f"t{number}": case for number, case in enumerate(CASES)}
BACKENDS = (None, "numpy_nullable", "pyarrow")


@pytest.fixture(scope="module")
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandbox.Box]:
    """A server whose schema s_types holds a table a type."""
    script = [TYPES, "grant usage on schema public to public", "create schema s_types"]
    for name, case in TABLES.items():
        script.append(f"create table s_types.{name} (n int not null, v {case.type})")
        values = [*case.ordinary, *case.extreme, *([] if case.type == "dose" else ["null"])]
        script.extend(f"insert into s_types.{name} values ({n}, {value})" for n, value in enumerate(values))
    script.append("grant usage on schema s_types to public")
    script.append("grant select on all tables in schema s_types to public")
    path = tmp_path_factory.mktemp("types") / "types.sql"
    path.write_text(";\n".join(script) + ";\n", encoding="utf-8")
    with sandbox.start(sql=[path], era=request.param) as box:
        yield box


@pytest.fixture(scope="module")
def live(box: sandbox.Box) -> ifr.Connection:
    return ifr.connect(box.url, username=box.username, password=box.password)


@pytest.fixture(scope="module")
def direct(box: sandbox.Box) -> Iterator[Connection]:
    with psycopg.connect(box.dsn, autocommit=True) as direct:
        direct.execute("set timezone to 'UTC'")
        yield direct


@pytest.fixture(scope="module")
def cut(live: ifr.Connection, tmp_path_factory: pytest.TempPathFactory) -> ifr.Snapshot:
    return live.snapshot(tmp_path_factory.mktemp("cuts") / "cut", schemas=["s_types"])


@pytest.mark.parametrize("box", ["0.47", "0.31"], indirect=True, scope="module")
@pytest.mark.parametrize(("table", "case"), TABLES.items(), ids=map(str, CASES))
def test_live(table: str, case: Case, live: ifr.Connection, direct: Connection) -> None:
    values, printed = column_oracle(direct, f"s_types.{table}", case)
    for backend in BACKENDS:
        frame = live.read_table("s_types", table, order_by="n", dtype_backend=backend)
        assert dtype_name(frame["v"].dtype) == wanted_dtype(case, case.type != "dose", backend)
        check(frame["v"], values, printed)
    frame = live.read_sql(f"select * from s_types.{table} order by n")
    check(frame["v"], values, printed)


@pytest.mark.parametrize("box", ["0.47"], indirect=True, scope="module")
@pytest.mark.parametrize(("table", "case"), TABLES.items(), ids=map(str, CASES))
def test_offline(table: str, case: Case, live: ifr.Connection, cut: ifr.Snapshot, direct: Connection) -> None:
    for backend in BACKENDS:
        for exact in (False, True):
            how = {"order_by": "n", "dtype_backend": backend, "coerce_float": not exact}
            try:
                expected = live.read_table("s_types", table, **how)
            except ifr.ValueOutOfRange:  # NaN in a decimal
                assert exact
                continue
            stored = cut.read_table("s_types", table, **how)
            assert stored.dtypes.equals(expected.dtypes)
            # repr: NaN in a list differs from itself
            assert repr(stored["v"].tolist()) == repr(expected["v"].tolist())
