"""The notebooks run from top to bottom, in a kernel of their own, and what is kept in them is what running them gives.

They assert what matters themselves (the variance components that were seeded, the hazard ratios that were published);
the default run executes one, the long run all.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = {
    "01_first_study": "enrolment and missingness are plotted",
    "02_data_cut": "what changed is plotted",
    "03_models": "effects, survival and hazard ratios are plotted",
}
QUICK = "01_first_study"  # the cheapest
# a machine's path, address or user must not stand in what is kept
MACHINE = re.compile(r"/tmp/|/root|/home/|/Users/|\\\\Users|site-packages|127\.0\.0\.1|localhost", re.I)


def kept(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def shapes(notebook: Any) -> list[list[str]]:
    """Say what kind of output each cell of code has."""
    return [
        sorted(kind for one in cell.outputs for kind in one.get("data", {one.output_type: ""}))
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_all_notebooks_are_known() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_is_kept_is_real_and_of_no_machine(name: str) -> None:
    notebook = kept(name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run from top to bottom, once"
    assert not [one for cell in code for one in cell.outputs if one.output_type == "error"]
    assert any("image/png" in kinds for kinds in shapes(notebook)), NOTEBOOKS[name]
    data = [one.get("data", one) for cell in code for one in cell.outputs]
    texts = [json.dumps({kind: value for kind, value in one.items() if kind != "image/png"}) for one in data]
    texts += [cell.source for cell in notebook.cells]
    assert not [one for one in texts if MACHINE.search(one)]


@pytest.mark.parametrize(
    "name", [one if one == QUICK else pytest.param(one, marks=pytest.mark.long) for one in NOTEBOOKS]
)
def test_notebook_runs(name: str) -> None:
    notebook = kept(name)
    before = shapes(notebook)
    NotebookClient(notebook, timeout=280, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
    assert shapes(notebook) == before
