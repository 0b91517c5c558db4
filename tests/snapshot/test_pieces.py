"""Which tables share a statement, and which of a broken one are whole: pure functions, asked why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from insight_frames.catalog import Table
from insight_frames.errors import IncompleteResult
from insight_frames.sources.arrivals import Arrivals
from insight_frames.sources.pieces import TABLES_PER_STATEMENT, Piece, statements, watchable
from insight_frames.sources.unchanged import Taken


def heap(name: str, pages: int = 1) -> Table:
    return Table("s", name, pages=pages, bytes=pages * 8192)


VIEW = Table("s", "v", kind="view", heap=False)


def shape(groups: list[list[Piece]]) -> list[list[tuple[int, int, int | None]]]:
    return [[(one.index, one.first, one.last) for one in group] for group in groups]


def test_all_in_one_where_the_server_streams() -> None:
    tables = [VIEW, heap("a", 10_000), heap("b")]
    groups = statements(tables, [0, 1, 2], watchable, None)
    assert shape(groups) == [[(1, 0, None), (2, 0, None), (0, 0, None)]]


def test_large_tables_are_cut_and_views_come_last() -> None:
    tables = [VIEW, heap("a", 10), heap("b"), heap("c"), Table("s", "p", kind="partitioned table", heap=False)]
    groups = statements(tables, range(5), watchable, 8 * 8192)
    assert shape(groups) == [
        [(1, 0, 4)],
        [(1, 4, 8)],
        [(1, 8, None)],
        [(2, 0, None), (3, 0, None), (0, 0, None), (4, 0, None)],
    ]
    assert shape(statements(tables, [0, 2], watchable, 8 * 8192)) == [[(2, 0, None), (0, 0, None)]]
    assert statements(tables, [], watchable, 8 * 8192) == [[]]


@pytest.mark.parametrize("views", [0, 1, 3])
def test_no_more_tables_than_a_statement_takes(views: int) -> None:
    tables = [heap(f"t{number}") for number in range(TABLES_PER_STATEMENT)] + [VIEW] * views
    groups = statements(tables, range(len(tables)), watchable, None)
    assert [len(one) for one in groups] == ([TABLES_PER_STATEMENT, views] if views else [TABLES_PER_STATEMENT])


def test_what_can_be_watched() -> None:
    assert watchable(heap("t"))
    assert watchable(Table("s", "m", kind="materialized view"))
    for odd in ({"kind": "view"}, {"kind": "foreign table"}, {"heap": False}, {"inherited": True}, {"select": False}):
        assert not watchable(Table("s", "t", **odd))


# ---------------------------------------------------------------- what is whole of a broken statement
BODY = b"[" + b",\n".join(
    [
        b'{"t":"-1","m":"7:7:","n":"2026","d":"{}"}',
        b'{"t":"0","m":"2","n":"0","d":"(0,\\"{\\",0)\\n"}',
        b'{"t":"0","m":"2","n":"16","d":null}',
        b'{"t":"1","m":"1","n":"0","d":"(0,1,0)\\n"}',
        b'{"t":"2","m":null,"n":"0","d":"(0,1,)\\n"}',
        b'{"t":"3","m":"2","n":"0","d":"(0,1,0)\\n"}',
        b'{"t":"4","m":"1","n":"0","d":"(0,1,0)\\n"}',
        b'{"t":"-2","m":null,"n":null,"d":null}]',
    ]
)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_table_is_whole_when_a_later_one_was_handed_on(size: int) -> None:
    arrivals = Arrivals()
    pieces = [BODY[start : start + size] for start in range(0, len(BODY), size)]
    assert b"".join(arrivals.watch(pieces)) == BODY
    assert not arrivals.broke
    whole = []
    for key in (0, 1, 2, 3, 4):
        arrivals.handed_on(key)
        whole.append([one for one in range(5) if arrivals.whole(one)])
    assert whole == [[], [0], [0], [0, 1], [0, 1]]  # 2 does not tell how many it is, and of 3 one is missing


def test_whether_the_connection_broke() -> None:
    def breaks() -> Iterator[bytes]:
        yield BODY
        raise IncompleteResult("the connection broke")

    arrivals = Arrivals()
    with pytest.raises(IncompleteResult):
        list(arrivals.watch(breaks()))
    assert arrivals.broke
    for body, broke in ((BODY, False), (BODY[:-1], True), (BODY + b"\n ", False), (b"", True)):
        arrivals = Arrivals()
        list(arrivals.watch([body]))
        assert arrivals.broke == broke
    arrivals = Arrivals()
    next(iter(arrivals.watch([BODY[:100], BODY[100:]])))
    assert not arrivals.broke  # whoever stops reading in mid-body knows why


# ---------------------------------------------------------------- what proves that a table is what was read
@pytest.mark.parametrize(
    ("oid", "file", "found", "still"),
    [
        ("1", "7", None, True),
        ("1", "7", [3, 0, None], True),
        ("1", "7", [3, 1, None], False),
        ("1", "7", [3, 1, "9"], True),
        ("1", "7", [3, 1, "8"], False),
        ("1", "7", [2, 0, "9"], False),
        ("1", "8", None, False),
        ("2", "7", None, False),
        ("1", None, [3, 0, None], False),
    ],
)
def test_still(oid: str, file: str | None, found: list[object] | None, still: bool) -> None:
    assert Taken(3, "5:5:", "1", ["7", "7"], "9").still(oid, file, found) is still
    assert not Taken(3, "5:5:", "1", ["7", "6"], "9").still(oid, file, found)
