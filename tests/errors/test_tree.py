"""The tree of errors: every class can be caught by its parents, and is one a user can name."""

from __future__ import annotations

import inspect
import pickle

import pytest

import insight_frames as ifr
from insight_frames import errors
from insight_frames.errors import near, sentence

CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.InsightError)]
BUILT_IN = {
    "InvalidInput": ValueError,
    "NotFound": LookupError,
    "PermissionDenied": PermissionError,
    "ServerUnavailable": ConnectionError,
}


def test_the_drawing_is_the_tree() -> None:
    drawn = [line.split("──")[-1].split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert sorted(["InsightError", *drawn]) == sorted(one.__name__ for one in CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_public_and_documented(kind: type[errors.InsightError]) -> None:
    assert getattr(ifr, kind.__name__) is kind
    assert kind.__doc__
    error = kind("a message with 'quotes'")
    assert str(error) == "a message with 'quotes'"
    assert isinstance(error, errors.InsightError)
    for name, parent in BUILT_IN.items():
        if issubclass(kind, getattr(errors, name)):
            assert isinstance(error, parent)


def test_attributes() -> None:
    assert errors.LoginThrottled("wait", 15).retry_after == 15
    failed = errors.QueryFailed("no", server_message="m", sqlstate="42703", position=8)
    assert (failed.server_message, failed.sqlstate, failed.position) == ("m", "42703", 8)
    assert errors.QueryFailed("no").position is None
    far = errors.ValueOutOfRange(
        "far", value="canary", row_key={"k": "canary"}, table="t", column="c", row=3, type="date"
    )
    assert (far.value, far.row_key, far.table, far.column, far.row, far.type) == (
        "canary",
        {"k": "canary"},
        "t",
        "c",
        3,
        "date",
    )
    assert "canary" not in str(far) + repr(far)


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_survive_other_processes(kind: type[errors.InsightError]) -> None:
    """As multiprocessing and joblib send them."""
    again = pickle.loads(pickle.dumps(kind("a message")))
    assert type(again) is kind
    assert str(again) == "a message"


def test_sentences() -> None:
    assert sentence("It failed") == "It failed."
    assert (
        sentence("It failed.", where="t", expected="a", got="b", try_="c")
        == "It failed. (t); expected a, got b. Try: c."
    )
    assert sentence("It failed", got="b") == "It failed; got b."
    assert sentence("It failed", try_=near("particpant", ["participant"])) == "It failed. Did you mean 'participant'?"
    assert near("zzz", ["participant"]) == ""
    assert near("LAB IMPORT", ["Lab Import", "site"]) == "did you mean 'Lab Import'?"
