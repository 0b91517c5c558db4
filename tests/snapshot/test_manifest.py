"""The inventory: a valid Data Package, sealed, and refused with a reason when it is damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import Given, Source, study

from insight_frames import manifest
from insight_frames.errors import SnapshotError
from insight_frames.snapshots import take

_FIELD_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "date", "time", "datetime"))


@pytest.fixture
def package(tmp_path: Path) -> dict[str, Any]:
    extra = Given(
        "s_other",
        "Odd Name/1",
        {"colour": ("s.colour", ["red", None]), "raw": ("bytea", [b"\x00", None]), "d": ("numeric", ["1.50", "2"])},
        labels=("red", "green"),
        comment='Comment with ☃ and "quotes"',
    )
    source = Source([*study(), extra, Given("s_other", "nothing", {}, rows=3)])
    cut = take(source, source.tables, tmp_path / "My Cut", info={"server": "https://acme.example"})
    text = (cut.path / manifest.NAME).read_text("utf-8")
    assert manifest.loads(text) == cut.manifest
    return cut.manifest


def test_it_is_a_data_package(package: dict[str, Any]) -> None:
    """The rules of the Data Package specification that concern us, checked by hand."""
    assert re.fullmatch(r"[-a-z0-9._/]+", package["name"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", package["created"])
    names = [one["name"] for one in package["resources"]]
    assert len(set(names)) == len(names) == 5
    for resource in package["resources"]:
        assert re.fullmatch(r"[-a-z0-9._/]+", resource["name"])
        assert not resource["path"].startswith(("/", ".", "~"))
        assert ".." not in resource["path"].split("/")
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", resource["hash"])
        assert resource["type"] == "file"  # of a "table" validators would try to read the rows
        fields = [one["name"] for one in resource["schema"]["fields"]]
        assert {one["type"] for one in resource["schema"]["fields"]} <= _FIELD_TYPES
        assert set(resource["schema"].get("primaryKey", ())) <= set(fields)
        for key in resource["schema"].get("uniqueKeys", ()):
            assert set(key) <= set(fields)
        for link in resource["schema"].get("foreignKeys", ()):
            target = link["reference"]["resource"] or resource["name"]
            schema = next(one["schema"] for one in package["resources"] if one["name"] == target)
            assert set(link["fields"]) <= set(fields)
            assert set(link["reference"]["fields"]) <= {one["name"] for one in schema["fields"]}


def test_what_it_says_of_a_table(package: dict[str, Any]) -> None:
    site, people, _, odd, nothing = package["resources"]
    assert (site["name"], people["path"]) == ("s_juno.site", "s_juno/participant.parquet")
    assert (odd["name"], odd["path"]) == ("s_other.odd-name-1", "s_other/%4fdd%20%4eame%2f1.parquet")
    assert (odd["insight"]["schema"], odd["insight"]["table"]) == ("s_other", "Odd Name/1")
    assert site["schema"]["primaryKey"] == ["site_id"]
    assert site["schema"]["uniqueKeys"] == [["label"]]
    assert people["schema"]["foreignKeys"] == [
        {"fields": ["site_id"], "reference": {"resource": "s_juno.site", "fields": ["site_id"]}}
    ]
    assert [one["table"] for one in people["insight"]["foreign_keys"]] == ["site", "not_taken"]
    weight = {"name": "weight", "type": "numeric(6,2)", "nullable": True, "comment": "kg, at screening"}
    assert people["insight"]["columns"][2] == {**weight, "stored": "decimal(6,2)"}
    assert people["schema"]["fields"][2] == {"name": "weight", "type": "number", "description": "kg, at screening"}
    assert people["schema"]["fields"][0]["constraints"] == {"required": True}
    assert odd["schema"]["fields"][0]["constraints"] == {"enum": ["red", "green"]}
    assert odd["schema"]["fields"][1]["format"] == "binary"
    assert odd["description"].startswith("Comment with ☃")
    assert (nothing["insight"]["rows"], nothing["schema"]["fields"]) == (3, [])


@given(st.lists(st.tuples(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9)), unique=True, max_size=6))
def test_names_of_any_kind(names: list[tuple[str, str]]) -> None:
    paths = [manifest.file_path(*one) for one in names]
    assert len({one.casefold() for one in paths}) == len(names)
    for path in paths:
        assert re.fullmatch(r"[a-z0-9_%]+/[a-z0-9_%]+\.parquet", path)
    slugs = manifest.slugs(names)
    assert len(set(slugs)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_.-]+", one) for one in slugs)


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        for one in path[:-1]:
            found = found[one]
        if to is KeyError:
            del found[path[-1]]
        else:
            found[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("insight", to=KeyError), "does not describe a snapshot"),
        (_set("insight", "format", to="another"), "does not describe a snapshot"),
        (_set("insight", "version", to=2), "newer version.*got 2.*newest insight_frames"),
        (_set("insight", "version", to="1"), "newer version"),
        (_set("insight", "fingerprint", to="abc"), "insight.fingerprint.*64 hexadecimal digits"),
        (_set("insight", "sha256", to=KeyError), "insight.sha256"),
        (_set("insight", "statements", to=True), "insight.statements.*int"),
        (_set("resources", to={}), "resources.*a list"),
        (_set("resources", 0, to=3), r"resources\[0\].*an object"),
        (_set("resources", 0, "insight", "rows", to="3"), r"resources\[0\]\.insight\.rows.*int"),
        (_set("resources", 0, "insight", "rows", to=-1), "not negative"),
        (_set("resources", 0, "path", to="../../etc/passwd"), r"resources\[0\]\.path.*site\.parquet"),
        (_set("resources", 0, "hash", to="md5:1"), r"resources\[0\]\.hash"),
        (_set("resources", 0, "insight", "comment", to=KeyError), r"comment.*str or null"),
        (_set("resources", 0, "insight", "columns", 0, "type", to=None), r"columns\[0\]\.type.*str"),
        (_set("resources", 1, "name", to="s_juno.site"), "resource names stand twice"),
    ],
)
def test_damage_is_named(change: Callable[[Any], None], message: str, package: dict[str, Any]) -> None:
    damaged = json.loads(json.dumps(package))
    change(damaged)
    with pytest.raises(SnapshotError, match=message):
        manifest.loads(json.dumps(damaged))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"insight": 1}', '{"a": 1, "a": 2}', "[" * 100_000])
def test_what_is_no_manifest(text: str) -> None:
    with pytest.raises(SnapshotError, match=r"readable JSON|does not describe"):
        manifest.loads(text)


def test_the_seal(package: dict[str, Any]) -> None:
    assert manifest.own_hash(package) == package["insight"]["sha256"]
    package["insight"]["taken"] = "2020-01-01T00:00:00Z"
    assert manifest.own_hash(package) != package["insight"]["sha256"]
    sealed = manifest.loads(manifest.dumps(package))
    assert manifest.own_hash(sealed) == sealed["insight"]["sha256"]
