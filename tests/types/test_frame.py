"""Keywords of a frame mean what they mean in pandas, and a value is never changed on the way."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from insight_frames.errors import ColumnNotFound, InvalidInput, ValueOutOfRange
from insight_frames.pgtypes import field, pg_type, reading
from insight_frames.sinks.frame import to_frame, to_frames

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
STR = "str" if PANDAS_3 else "object"


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def stream(*columns: tuple[str, str, list[Any]], **how: Any) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """A stream of two batches (one of two rows, one of the rest) of named columns of a PostgreSQL type."""
    readings = [reading(pg_type(type_), **how) for _, type_, _ in columns]
    schema = pa.schema([field(name, one, nullable=True) for (name, _, _), one in zip(columns, readings, strict=True)])
    arrays = [pa.array(values, one.arrow) for (_, _, values), one in zip(columns, readings, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=schema)
    return schema, [*table.slice(0, 2).to_batches(), *table.slice(2).to_batches()]


PEOPLE = (
    ("id", "integer", [3, 1, 2]),
    ("site", "text", ["001", None, "NA"]),
    ("weight", "double precision", [70.5, None, 60.0]),
    ("visits", "bigint", [1, None, 3]),
    ("seen", "date", [date(2020, 1, 1), None, date(202, 5, 3)]),
)


class TestIndex:
    def test_one(self) -> None:
        frame = to_frame(*stream(*PEOPLE), index_col="id")
        assert frame.index.name == "id"
        assert frame.index.tolist() == [3, 1, 2]
        assert "id" not in frame

    def test_several(self) -> None:
        frame = to_frame(*stream(*PEOPLE), index_col=["site", "id"])
        assert frame.index.names == ["site", "id"]

    def test_a_list_of_one(self) -> None:
        assert to_frame(*stream(*PEOPLE), index_col=["id"]).index.name == "id"

    def test_none(self) -> None:
        assert to_frame(*stream(*PEOPLE)).index.equals(pd.RangeIndex(3))

    def test_unknown(self) -> None:
        with pytest.raises(ColumnNotFound, match="Did you mean 'site'"):
            to_frame(*stream(*PEOPLE), index_col="sites")

    def test_ambiguous(self) -> None:
        with pytest.raises(InvalidInput, match="several columns"):
            to_frame(*stream(("a", "integer", [1]), ("a", "text", ["x"])), index_col="a")


class TestDtype:
    @pytest.mark.parametrize(
        ("column", "dtype", "values"),
        [
            ("id", "int8", [3, 1, 2]),
            ("id", "uint64", [3, 1, 2]),
            ("id", "float32", [3.0, 1.0, 2.0]),
            ("id", "Int16", [3, 1, 2]),
            ("id", "str", ["3", "1", "2"]),
            ("id", "category", [3, 1, 2]),
            ("id", object, [3, 1, 2]),
            ("visits", "Int64", [1, pd.NA, 3]),
            ("visits", "float64", [1.0, np.nan, 3.0]),
            ("visits", "string", ["1", pd.NA, "3"]),
            ("visits", str, ["1", None, "3"]),
            ("visits", "int32[pyarrow]", [1, pd.NA, 3]),
            ("weight", "float32", [70.5, np.nan, 60.0]),
            ("weight", "Float32", [70.5, pd.NA, 60.0]),
            ("weight", "str", ["70.5", None, "60.0"]),
            ("site", "string", ["001", pd.NA, "NA"]),
            ("site", "category", ["001", np.nan, "NA"]),
            ("site", pd.CategoricalDtype(["NA", "001"]), ["001", np.nan, "NA"]),
            ("site", "string[pyarrow]", ["001", pd.NA, "NA"]),
            ("id", pd.SparseDtype("int64"), [3, 1, 2]),
            ("seen", "datetime64[s]", [datetime(2020, 1, 1), pd.NaT, datetime(202, 5, 3)]),
            ("seen", "date32[day][pyarrow]", [date(2020, 1, 1), pd.NA, date(202, 5, 3)]),
        ],
    )
    def test_what_fits(self, column: str, dtype: Any, values: list[Any]) -> None:
        frame = to_frame(*stream(*PEOPLE), dtype={column: dtype})
        asked = pd.Series(frame[column], dtype=dtype).dtype
        assert frame[column].dtype == asked
        for got, want in zip(frame[column].tolist(), values, strict=True):
            assert (pd.isna(got) and pd.isna(want)) or (got == want and isinstance(got, str) == isinstance(want, str))
        assert frame.drop(columns=column).dtypes.equals(to_frame(*stream(*PEOPLE)).drop(columns=column).dtypes)

    @pytest.mark.parametrize(
        ("type_", "values", "dtype", "row"),
        [
            ("integer", [1, 2, 128], "int8", 3),
            ("integer", [1, -1], "uint8", 2),
            ("integer", [1, 300], pd.SparseDtype("int8"), 2),
            ("integer", [1, None], "int64", 2),
            ("integer", [1, 2], "bool", 2),
            ("bigint", [1, 2**53 + 1], "float64", 2),
            ("bigint", [1, 2**24 + 1], "float32", 2),
            ("bigint", [2**31], "Int32", 1),
            ("bigint", [2**31], "int32[pyarrow]", 1),
            ("double precision", [1.0, 1.5], "int64", 2),
            ("double precision", [float("nan")], "Int64", 1),
            ("double precision", [float("inf")], "int64", 1),
            ("double precision", [2.0**63], "int64", 1),
            ("double precision", [1e39], "float32", 1),
            ("double precision", [None, 0.5], "boolean", 2),
            ("boolean", [True, None], "bool", 2),
            ("text", ["1", "2", "word"], "int64", 3),
            ("text", ["1", "1.5"], "Int64", 2),
            ("text", ["1.5", "x"], "float64", 2),
            ("text", ["a", "b"], pd.CategoricalDtype(["a"]), 2),
            (
                "timestamp without time zone",
                [datetime(2020, 1, 1), datetime(2020, 1, 1, 0, 0, 0, 5)],
                "datetime64[s]",
                2,
            ),
            ("timestamp without time zone", [datetime(202, 1, 1)], "datetime64[ns]", 1),
            ("text", ["2020-01-01", "word"], "datetime64[us]", 2),
        ],
    )
    def test_what_does_not_fit(self, type_: str, values: list[Any], dtype: Any, row: int) -> None:
        with pytest.raises(ValueOutOfRange) as caught:
            to_frame(*stream(("v", type_, values)), dtype=dtype)
        assert (caught.value.column, caught.value.row) == ("v", row)
        assert "'v'" in str(caught.value)

    @pytest.mark.parametrize(
        ("type_", "values", "dtype"),
        [
            ("text", ["t"], "bool"),
            ("timestamp without time zone", [datetime(2020, 1, 1)], "bool"),
            ("timestamp without time zone", [datetime(2020, 1, 1)], "datetime64[us, UTC]"),
            ("timestamp with time zone", [datetime(2020, 1, 1, tzinfo=UTC)], "datetime64[us]"),
            ("bytea", [b"x"], "float64"),
        ],
    )
    def test_what_cannot_be_meant(self, type_: str, values: list[Any], dtype: Any) -> None:
        with pytest.raises(InvalidInput, match="'v'"):
            to_frame(*stream(("v", type_, values)), dtype=dtype)

    def test_exact_numbers_keep_their_digits(self) -> None:
        values = [Decimal("9007199254740993.00"), None]
        columns = stream(("v", "numeric(20,2)", values), numbers="exact")
        assert to_frame(*columns, dtype="Int64")["v"].tolist() == [9007199254740993, pd.NA]
        with pytest.raises(ValueOutOfRange):
            to_frame(*stream(("v", "numeric(20,2)", [Decimal("1.50")]), numbers="exact"), dtype="int64")
        text = stream(("v", "numeric", ["9007199254740993.0", None]), numbers="exact")
        assert to_frame(*text, dtype="Int64")["v"].tolist() == [9007199254740993, pd.NA]

    def test_one_for_all(self) -> None:
        frame = to_frame(*stream(("a", "integer", [1]), ("b", "text", ["7"])), dtype="Float64")
        assert frame.dtypes.astype(str).tolist() == ["Float64", "Float64"]

    def test_unknown_column(self) -> None:
        with pytest.raises(ColumnNotFound, match=r"dtype= names 'wieght'.*Did you mean 'weight'"):
            to_frame(*stream(*PEOPLE), dtype={"wieght": "float32"})

    def test_unknown_dtype(self) -> None:
        with pytest.raises(InvalidInput, match="does not know"):
            to_frame(*stream(*PEOPLE), dtype={"id": "int65"})

    def test_empty(self) -> None:
        schema, _ = stream(*PEOPLE)
        frame = to_frame(schema, [], dtype={"id": "int8", "site": "string", "seen": "datetime64[s]", "weight": "Int64"})
        assert frame.dtypes.astype(str).tolist() == ["int8", "string", "Int64", "int64", "datetime64[s]"]


class TestDates:
    def frame(self, values: list[Any], how: Any, type_: str = "text", **keywords: Any) -> pd.Series[Any]:
        return to_frame(*stream(("d", type_, values)), parse_dates=how, **keywords)["d"]

    @pytest.mark.parametrize("how", ["d", ["d"], {"d": None}, {"d": "%Y-%m-%d"}, {"d": {"format": "%Y-%m-%d"}}])
    @pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
    def test_text(self, how: Any, backend: Any) -> None:
        dates = self.frame(["2020-02-29", None, "1999-12-31"], how, dtype_backend=backend)
        assert dates.dtype == "datetime64[us]"
        assert dates.tolist() == [pd.Timestamp("2020-02-29"), pd.NaT, pd.Timestamp("1999-12-31")]

    def test_seconds(self) -> None:
        assert self.frame([86400, None], ["d"], "bigint").tolist() == [pd.Timestamp("1970-01-02"), pd.NaT]
        assert self.frame([1], {"d": "D"}, "bigint").tolist() == [pd.Timestamp("1970-01-02")]

    @pytest.mark.parametrize("type_", ["date", "timestamp without time zone"])
    @pytest.mark.parametrize("backend", [None, "pyarrow"])
    def test_dates_stay(self, type_: str, backend: Any) -> None:
        values = [date(202, 5, 3) if type_ == "date" else datetime(202, 5, 3)]
        plain = to_frame(*stream(("d", type_, values)), dtype_backend=backend)["d"]
        pd.testing.assert_series_equal(self.frame(values, ["d"], type_, dtype_backend=backend), plain)

    def test_zones(self) -> None:
        dates = self.frame(["2020-01-01 00:00+02:00"], {"d": {"utc": True}})
        assert dates.dtype == "datetime64[us, UTC]"

    @pytest.mark.parametrize("values", [["2020-01-01", "word"], ["2020-01-01", ""], ["2020-01-01", "2020"]])
    def test_what_is_no_date(self, values: list[Any]) -> None:
        with pytest.raises(ValueOutOfRange, match="cannot be read as a date") as caught:
            self.frame(values, ["d"])
        assert (caught.value.row, caught.value.value) == (2, values[1])

    def test_finer_than_microseconds(self) -> None:
        with pytest.raises(ValueOutOfRange):
            self.frame(["2020-01-01 00:00:00.123456789"], ["d"])

    def test_unknown_column(self) -> None:
        with pytest.raises(ColumnNotFound, match="parse_dates"):
            self.frame(["2020-01-01"], ["e"])

    def test_nat_on_request(self) -> None:
        assert self.frame(["2020-01-01", "word"], {"d": {"errors": "coerce"}}).isna().tolist() == [False, True]

    def test_what_is_no_name(self) -> None:
        wrong: list[dict[str, Any]] = [{"parse_dates": 5}, {"index_col": 5}]
        for keywords in wrong:
            with pytest.raises(InvalidInput, match="cannot be meant"):
                to_frame(*stream(*PEOPLE), **keywords)

    def test_true_means_nothing_as_in_pandas(self) -> None:
        assert self.frame(["2020-01-01"], True).dtype == STR


class TestShape:
    def test_integers(self) -> None:
        frame = to_frame(
            *stream(
                ("whole", "bigint", [2**63 - 1, 1]),
                ("fits", "bigint", [2**53, None]),
                ("large", "bigint", [2**53 + 1, None]),
                ("low", "bigint", [-(2**53) - 1, None]),
            )
        )
        assert frame.dtypes.astype(str).tolist() == ["int64", "float64", "Int64", "Int64"]
        assert frame["large"].tolist() == [2**53 + 1, pd.NA]

    @pytest.mark.parametrize("type_", ["real", "double precision", "numeric"])
    def test_nan_is_not_null_where_the_dtype_holds_both(self, type_: str) -> None:
        columns = stream(("v", type_, [float("nan"), None, 1.0]))
        nullable = to_frame(*columns, dtype_backend="numpy_nullable")["v"].array
        assert [str(one) for one in nullable] == ["nan", "<NA>", "1.0"]
        arrow = to_frame(*columns, dtype_backend="pyarrow")["v"]
        assert pa.array(arrow).is_null().to_pylist() == [False, True, False]

    def test_intervals(self) -> None:
        frame = to_frame(
            *stream(
                ("days", "interval", ["1 day 02:00:00", "-00:00:00.5"]),
                ("months", "interval", ["1 mon", "1 day"]),
                ("endless", "interval", ["infinity", "1 day"]),
                ("long", "interval", ["200000000 days", "1 day"]),
            )
        )
        assert frame.dtypes.astype(str).tolist() == ["timedelta64[us]", STR, STR, STR]
        assert frame["days"].tolist() == [pd.Timedelta(hours=26), pd.Timedelta(milliseconds=-500)]
        assert frame["months"].tolist() == ["1 mon", "1 day"]

    def test_no_rows(self) -> None:
        schema, _ = stream(*PEOPLE)
        frame = to_frame(schema, [])
        assert frame.shape == (0, 5)
        assert frame.dtypes.astype(str).tolist() == ["int64", STR, "float64", "int64", "datetime64[us]"]
        assert frame.index.equals(pd.RangeIndex(0))

    def test_no_columns(self) -> None:
        batch = pa.RecordBatch.from_struct_array(pa.array([{}] * 3, pa.struct([])))
        assert to_frame(pa.schema([]), [batch, batch]).shape == (6, 0)
        assert [one.shape for one in to_frames(pa.schema([]), [batch, batch], chunksize=4)] == [(4, 0), (2, 0)]

    def test_equal_names(self) -> None:
        columns = (("a", "integer", [1]), ("a", "text", ["x"]), ("", "boolean", [True]))
        frame = to_frame(*stream(*columns))
        assert frame.columns.tolist() == ["a", "a", ""]
        assert frame.iloc[0].tolist() == [1, "x", True]
        assert to_frame(*stream(*columns), dtype={"a": "string"}).dtypes.astype(str).tolist() == ["string"] * 2 + [
            "bool"
        ]

    def test_frames_can_be_written_to(self) -> None:
        frame = to_frame(*stream(*PEOPLE, ("yes", "boolean", [True, False, True])))
        frame.loc[0, "id"] = 7
        frame.loc[0, "weight"] = 1.5
        frame.loc[0, "seen"] = pd.Timestamp("2021-01-01")
        frame.loc[0, "yes"] = False
        assert frame.loc[0, ["id", "weight", "yes"]].tolist() == [7, 1.5, False]

    def test_wide_frames_take_new_columns(self) -> None:
        """pandas warns about frames of more than a hundred blocks when a column is added."""
        schema, batches = stream(*((f"c{n}", "integer", [n]) for n in range(300)))
        frame = to_frame(schema, batches)
        frame["new"] = 1
        assert frame.shape == (1, 301)

    def test_unknown_backend(self) -> None:
        polars: Any = "polars"
        with pytest.raises(InvalidInput, match="dtype_backend"):
            to_frame(*stream(*PEOPLE), dtype_backend=polars)

    def test_the_default_backend_of_pandas(self) -> None:
        default: Any = pd.api.extensions.no_default
        pd.testing.assert_frame_equal(to_frame(*stream(*PEOPLE), dtype_backend=default), to_frame(*stream(*PEOPLE)))


class TestChunks:
    def test_sizes(self) -> None:
        schema, batches = stream(("n", "integer", list(range(10))))
        for size, lengths in ((1, [1] * 10), (3, [3, 3, 3, 1]), (10, [10]), (99, [10])):
            frames = list(to_frames(schema, batches, chunksize=size))
            assert [len(one) for one in frames] == lengths
            assert [value for one in frames for value in one["n"]] == list(range(10))
            assert all(one.index.equals(pd.RangeIndex(len(one))) for one in frames)

    def test_an_empty_result_is_one_empty_frame(self) -> None:
        schema, _ = stream(*PEOPLE)
        (frame,) = to_frames(schema, [], chunksize=10, index_col="id")
        assert frame.shape == (0, 4)

    def test_long_texts_of_a_chunk_are_those_of_the_table(self) -> None:
        texts = [None if i % 7 == 3 else "" if i % 11 == 5 else f"{i} ü😀\n" * (i % 400) for i in range(1000)]
        schema, batches = stream(("n", "integer", list(range(1000))), ("note", "text", texts))
        table = pa.Table.from_batches(batches).combine_chunks().to_batches()
        for given in (batches, table):
            for size in (97, 500, 1000):
                frames = list(to_frames(schema, given, chunksize=size))
                whole = pd.concat(frames, ignore_index=True)
                pd.testing.assert_frame_equal(whole, to_frame(schema, given).astype(whole.dtypes))
                assert [None if pd.isna(one) else one for one in whole["note"]] == texts

    def test_batches_are_let_go_while_their_frame_is_made(self) -> None:
        drawn = []
        schema, _ = stream(("note", "text", ["x"]))

        def source() -> Iterator[pa.RecordBatch]:
            for letter in "abcdef":
                drawn.append(letter)
                yield pa.record_batch([pa.array([letter * 500_000] * 4)], schema=schema)

        before = pa.total_allocated_bytes()
        frame = next(to_frames(schema, source(), chunksize=10))
        assert drawn == ["a", "b", "c"]
        assert pa.total_allocated_bytes() - before < 3 << 20  # the last batch, of which more is to come
        assert [text[0] for text in frame["note"]] == ["a"] * 4 + ["b"] * 4 + ["c"] * 2
        assert frame["note"].str.len().eq(500_000).all()

    def test_batches_are_drawn_as_needed(self) -> None:
        schema, batches = stream(("n", "integer", list(range(10))))
        drawn = []

        def source() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                drawn.append(batch)
                yield batch

        frames = to_frames(schema, source(), chunksize=2)
        assert drawn == []
        next(frames)
        assert len(drawn) == 1

    @pytest.mark.parametrize("size", [0, -1, 1.5, True, "10"])
    def test_bad_size(self, size: Any) -> None:
        schema, batches = stream(*PEOPLE)
        with pytest.raises(InvalidInput, match="chunksize"):
            to_frames(schema, batches, chunksize=size)

    def test_bad_keywords_raise_before_the_first_frame(self) -> None:
        schema, batches = stream(*PEOPLE)
        with pytest.raises(ColumnNotFound):
            to_frames(schema, batches, chunksize=2, index_col="nothing")
        with pytest.raises(InvalidInput, match="CategoricalDtype"):
            to_frames(schema, batches, chunksize=2, dtype={"site": "category"})
        frames = to_frames(schema, batches, chunksize=2, dtype={"site": pd.CategoricalDtype(["001", "NA"])})
        assert len({str(one["site"].dtype) for one in frames}) == 1
