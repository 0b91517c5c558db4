"""Every example in docstrings and in the README runs, and the demo prints what the README shows."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import insight_frames
from insight_frames import api

PACKAGE = Path(insight_frames.__file__).parent
ROOT = PACKAGE.parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


def modules() -> list[str]:
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8") and path.name != "__main__.py":
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name: str, boxes, tmp_path: Path) -> None:
    module = importlib.import_module(name)
    box = boxes("0.47")
    needs_default = name == "insight_frames.api"
    if needs_default:
        api.connect(box.url, username=box.username, password=box.password)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    globs = {**vars(module), "box": box, "folder": tmp_path}
    for one in finder.find(module, name, globs=globs):
        runner.run(one)
    assert runner.summarize(verbose=False).failed == 0


def test_readme_session(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    session = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    example = doctest.DocTestParser().get_doctest(session, {"folder": tmp_path}, "README.md", "README.md", 0)
    runner = doctest.DocTestRunner(optionflags=OPTIONS & ~doctest.NORMALIZE_WHITESPACE)
    runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
