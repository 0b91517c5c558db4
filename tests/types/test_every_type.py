"""Every type x {ordinary, extreme, NULL, empty table, all NULL} x back end x both paths equals what psycopg returns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from typecases import CASES, Case
from typeoracle import check, column_oracle
from typereader import Connection, MakeTable, dtype_name, read_packed, read_strings, wanted_dtype

from insight_frames.sinks.frame import to_frame, to_frames

BACKENDS = (None, "numpy_nullable", "pyarrow")


def contents(case: Case) -> dict[str, Sequence[str]]:
    given: dict[str, Sequence[str]] = {"ordinary": case.ordinary, "extreme": case.extreme, "empty": ()}
    if case.type != "dose":  # a domain that is NOT NULL
        given |= {"null": (case.ordinary[0], "null", *case.extreme), "all null": ("null", "null")}
    return given


ROWS = [pytest.param(case, name, id=f"{case}-{name}") for case in CASES for name in contents(case)]


@pytest.mark.parametrize(("case", "rows"), ROWS)
def test_frame_equals_psycopg(case: Case, rows: str, connection: Connection, make_table: MakeTable) -> None:
    given = contents(case)[rows]
    table = make_table(case.type, given)
    values, printed = column_oracle(connection, table, case)
    for read in (read_packed, read_strings):
        arrow = read(connection, table, order="order by t.n")
        arrow.validate(full=True)
        for backend in BACKENDS:
            frame = to_frame(arrow.schema, arrow.to_batches(), dtype_backend=backend)
            if case.type != "interval year to month" or any(values):  # without months it would be timedelta64
                assert dtype_name(frame["v"].dtype) == wanted_dtype(case, "null" in given, backend)
            check(frame["v"], values, printed)


@pytest.mark.parametrize("case", [case for case in CASES if "numeric" in case.type or case.type == "dose"], ids=str)
def test_exact_numbers_equal_psycopg(case: Case, connection: Connection, make_table: MakeTable) -> None:
    given = [one for one in (*case.ordinary, *case.extreme) if "NaN" not in one or case.type == "numeric"]
    table = make_table(case.type, given)
    values, printed = column_oracle(connection, table, case)
    for read in (read_packed, read_strings):
        arrow = read(connection, table, order="order by t.n", numbers="exact")
        for backend in BACKENDS:
            exact = to_frame(arrow.schema, arrow.to_batches(), dtype_backend=backend, coerce_float=False)
            check(exact["v"], values, printed)
            floats = to_frame(arrow.schema, arrow.to_batches(), dtype_backend=backend)
            assert dtype_name(floats["v"].dtype) == wanted_dtype(case, False, backend)
            check(floats["v"], values, printed)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_chunks_have_the_same_dtypes(case: Case, connection: Connection, make_table: MakeTable) -> None:
    given = (*case.ordinary, *case.extreme, *([] if case.type == "dose" else ["null", "null"]))
    table = make_table(case.type, given)
    values, printed = column_oracle(connection, table, case)
    arrow = read_packed(connection, table, order="order by t.n")
    for backend in BACKENDS:
        frames = list(to_frames(arrow.schema, arrow.to_batches(), chunksize=2, dtype_backend=backend))
        empty = list(to_frames(arrow.schema, [], chunksize=2, dtype_backend=backend))
        assert [len(one) for one in empty] == [0]
        for start, frame in enumerate(frames):
            assert frame.dtypes.equals(empty[0].dtypes)
            check(frame["v"], values[2 * start : 2 * start + 2], printed[2 * start : 2 * start + 2])
        assert sum(map(len, frames)) == len(values)
