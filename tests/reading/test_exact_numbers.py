"""Exact numerics, and NaN in a numeric(p,s), which Arrow's decimals do not hold."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sandboxes import Scratch

from insight_frames import Connection, ValueOutOfRange

pytestmark = pytest.mark.parametrize("era", ["0.47"])


@pytest.fixture
def numbers(scratch: Scratch) -> None:
    scratch.run("create table numbers (a numeric(10,2), b numeric(10,2), c numeric(10,2), d numeric)")
    scratch.run("insert into numbers values (1.50, 'NaN', null, 0.1000)")


@pytest.mark.usefixtures("numbers")
@pytest.mark.parametrize("backend", [None, "numpy_nullable"])
def test_exact_decimals_keep_nan_and_trailing_zeros(connection: Connection, backend: str | None) -> None:
    row = connection.read_table("s_scratch", "numbers", coerce_float=False, dtype_backend=backend).iloc[0].tolist()
    assert [str(one) for one in row] == ["1.50", "NaN", "None", "0.1000"]
    assert all(isinstance(one, Decimal) for one in (row[0], row[1], row[3]))


@pytest.mark.usefixtures("numbers")
def test_arrow_decimals_hold_no_nan_and_the_remedy_works(connection: Connection) -> None:
    looks = {"coerce_float": False, "dtype_backend": "pyarrow"}
    with pytest.raises(ValueOutOfRange, match=r"no decimal holds .*column 'b', row 1.*out_of_range=\"text\""):
        connection.read_table("s_scratch", "numbers", **looks)
    frame = connection.read_table("s_scratch", "numbers", out_of_range="text", **looks)
    assert [str(one) for one in frame.iloc[0]][:2] == ["1.50", "NaN"]
