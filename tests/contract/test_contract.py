"""Every recorded case of every era, asked of the double: the answers are equal to what the real server said."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import compare
import kit
import pytest
from doubles import HERE, Start

ERAS = ("0.47", "0.49", "0.34", "0.31")
DATA = kit.load_cases()
CASES = {case["id"]: case for case in DATA["cases"]}
UNKNOWN = {"<table>", "<other database>"}  # a metric of an earlier run, over a database that the recording cannot name


class WithoutLeftovers(compare.Normal):
    """Leaves out of lists what only the other cases of that server's run explain: archived cards of theirs."""

    def walk(self, node: Any, rows: bool = False) -> Any:
        seen = super().walk(node, rows)
        if isinstance(node, list) and not rows:
            return [one for one in seen if not (isinstance(one, dict) and self.leftover(one))]
        return seen

    @staticmethod
    def leftover(item: dict[str, Any]) -> bool:
        return item.get("archived") is True and str(item.get("name")).startswith("kit: case ")


@cache
def recording(era: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Context and steps of a recording."""
    context, steps = compare.read(HERE / "answers" / f"metabase-{era}.jsonl")
    return context, steps


_PREPARED: dict[str, tuple[str, kit.Context]] = {}


@pytest.fixture
def prepared(request: pytest.FixtureRequest, era: str) -> tuple[str, kit.Context]:
    """The era's double, with what the cases need in it."""
    if era not in _PREPARED:
        start: Start = request.getfixturevalue("start_double")
        url = start(era).url
        context = kit.prepare(url, DATA, admin="admin@example.com:metapass1", database_name="Insight contract")
        _PREPARED[era] = url, context
    return _PREPARED[era]


def unequal(era: str, case: dict[str, Any], context: kit.Context, answers: list[dict[str, Any]]) -> list[str]:
    """The differences between the recorded answers of a case and these."""
    recorded_context, steps = recording(era)
    recorded = steps[case["id"]]
    assert recorded[0]["mark"] == kit.case_mark(case), "the recording is of other steps"
    assert len(recorded) == len(answers)
    one, two = WithoutLeftovers(recorded_context), WithoutLeftovers(context.describe())
    found = []
    for was, now in zip(recorded, answers, strict=True):
        before, after = one.response(was), two.response(now)
        if case["steps"][was["step"]].get("loose"):
            before, after = compare.loosen(before), compare.loosen(after)
        for path, left, right in compare.differences(before, after):
            if not (isinstance(left, str) and left in UNKNOWN):
                shown = f"recorded {compare.show(left, 300)}, now {compare.show(right, 300)}"
                found.append(f"step {was['step']} {path}: {shown}")
    return found


@pytest.mark.parametrize(
    ("era", "case"),
    [
        pytest.param(era, name, marks=pytest.mark.xdist_group(f"contract-{era}"), id=f"{era}-{name}")
        for era in ERAS
        for name in CASES
    ],
)
def test_answers_as_recorded(era: str, case: str, prepared: tuple[str, kit.Context]) -> None:
    url, context = prepared
    answers = list(kit.run_case(url, context, CASES[case]))
    assert json.dumps([line["response"] for line in answers])
    assert unequal(era, CASES[case], context, answers) == []
