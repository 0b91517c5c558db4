"""The order of a Clojure set and the digest of a table's fields, against values that Clojure itself gives."""

from __future__ import annotations

import pytest

from insight_frames.sandbox.double.clojure import Keyword, clojure_hash, digest, set_order


@pytest.mark.parametrize(
    ("value", "hashed"),
    [(None, 0), (1, 1392991556), ("", 0), ("a", 1455541201), (Keyword("a"), -2123407586), ([1, 2, 3], 736442005)],
)
def test_hashes_are_clojures(value: object, hashed: int) -> None:
    assert clojure_hash(value) == hashed & 0xFFFFFFFF


def test_a_map_hashes_the_same_whatever_the_order_of_its_keys() -> None:
    one = {Keyword("name"): "crf", Keyword("schema"): "s"}
    assert set_order(one) == set_order(dict(reversed(one.items())))
    assert set_order(one) != set_order({**one, Keyword("schema"): "t"})


def test_digest_is_of_the_binary_form() -> None:
    rows = [
        ("id", "int4", Keyword("type/Integer"), None, True, None, None, None),
        ("kit", "text", Keyword("type/Text"), None, None, None, None, None),
    ]
    assert digest(rows) == "zLbYkh+IRd7fBHAuilVInQ=="
    assert digest([("x" * 300, None)]) != digest([("x" * 301, None)])
