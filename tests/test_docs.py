"""Every example in docstrings and in the README runs, and the demo prints what the README shows."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pandas as pd
import pytest

import insight_frames
from insight_frames.cli import NAMES

PACKAGE = Path(insight_frames.__file__).parent
ROOT = PACKAGE.parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


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
    needs_default = name.startswith("insight_frames.api.")
    if needs_default:
        insight_frames.connect(box.url, username=box.username, password=box.password)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    globs = {**vars(module), "box": box, "folder": tmp_path}
    for one in finder.find(module, name, globs=globs):
        runner.run(one)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.skipif(pd.__version__ < "3", reason="the README shows the dtypes of pandas 3 (str instead of object)")
def test_readme_session(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    session = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    example = doctest.DocTestParser().get_doctest(session, {"folder": tmp_path}, "README.md", "README.md", 0)
    runner = doctest.DocTestRunner(optionflags=OPTIONS & ~doctest.NORMALIZE_WHITESPACE)
    runner.run(example)
    assert runner.summarize(verbose=False).failed == 0


def masked(line: str) -> str:
    """A printed line without what differs from run to run: numbers, hashes, addresses."""
    line = re.sub(r"http://\S+", "<url>", line)
    line = re.sub(r"fingerprint [0-9a-f]{16}", "fingerprint <hash>", line)
    line = re.sub(r"is in \S+", "is in <folder>", line)
    line = re.sub(r"[\d,]*\d(\.\d+)?", "<n>", line)
    return re.sub(r" +", " ", line).strip()


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from insight_frames import demo

    assert demo.run(str(tmp_path / "cut")) == 0
    printed = [masked(line) for line in capsys.readouterr().out.splitlines()]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- demo -->\n```\n(.*?)```", text, re.S)[1].splitlines()
    at = 0
    for line in shown:
        if line == "...":
            continue
        assert masked(line) in printed[at:], line
        at += printed[at:].index(masked(line)) + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut"], "nothing but the snapshot is left"


def test_commands_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for named in re.findall(r"`make ([\w-]+)`", text):
        assert named in targets, named
    for command in re.findall(r"insight-frames (\w+)", text):
        assert command in NAMES, command
