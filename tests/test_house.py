"""The house itself: who may import whom, who speaks HTTP, what a user can say, and that all of it is explained.

When one of these fails, README.md ("A map of the house") tells where a line belongs.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import insight_frames

PACKAGE = Path(insight_frames.__file__).parent
ROOT = PACKAGE.parent
README = "see 'A map of the house' in README.md"

# Each line may import only from lines above it; rooms on one line never import each other.
LAYERS = [
    ["errors", "question"],
    ["sql", "catalog", "stream", "progress", "pgtypes", "manifest", "credentials"],
    ["wire"],
    ["direct"],
    ["sources", "sinks", "clinical"],
    ["reading"],
    ["dbapi"],
    ["study"],
    ["snapshots", "metabase", "diagnosis"],
    ["live"],
    ["connection", "direct_connection", "review"],
    ["api"],
    ["demo"],
    ["commands"],
    ["cli"],
]
LEVEL = {room: level for level, line in enumerate(LAYERS) for room in line}
FREE = {("question", "errors")}  # of one line, but errors use nothing
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[str, int]]:
    """Give (absolute module, line) of every import in a file, also of those inside functions."""
    package = ("insight_frames", *path.relative_to(PACKAGE).with_suffix("").parts)[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(one.name, node.lineno) for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found.append((module, node.lineno))
            found += [(f"{module}.{one.name}", node.lineno) for one in node.names]
    return found


def test_imports_go_one_way() -> None:
    wrong = []
    for path in MODULES:
        here = room(path)
        if here in ("__init__", "sandbox"):
            continue
        assert here in LEVEL, f"{path.name} has no room in the house; {README}"
        for module, line in imported(path):
            parts = module.split(".")
            if parts[0] != "insight_frames" or len(parts) < 2 or parts[1] in (here, "__version__"):
                continue
            there = parts[1]
            if there == "sandbox" and here in ("commands", "demo"):
                continue
            if LEVEL.get(there, -1 if there in insight_frames.__all__ else 99) >= LEVEL[here] and (
                (here, there) not in FREE
            ):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, f"{wrong}; {README}"


def test_only_one_module_speaks_http() -> None:
    speakers = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for module, _ in imported(path)
        if module.split(".")[0] in ("requests", "urllib3", "http", "urllib") and room(path) != "sandbox"
        if module.split(".")[:2] != ["urllib", "parse"]
    }
    assert speakers == {"wire/connections.py"}, README


def test_only_one_room_speaks_to_postgresql() -> None:
    speakers = {
        room(path) for path in MODULES for module, _ in imported(path) if module.split(".")[0].startswith("psycopg")
    }
    assert speakers == {"sandbox"}, README  # direct/address.py imports it by name, where it is installed
    named = [path for path in MODULES if 'import_module("psycopg")' in path.read_text(encoding="utf-8")]
    assert [path.relative_to(PACKAGE).as_posix() for path in named] == ["direct/address.py"], README


def test_the_sandbox_uses_nothing_of_the_client() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in MODULES
        if room(path) == "sandbox"
        for module, line in imported(path)
        if module.startswith("insight_frames.") and not module.startswith("insight_frames.sandbox")
    ]
    assert not wrong, f"{wrong}: what double and client share is the recorded contract only"


def test_what_a_user_can_say() -> None:
    assert insight_frames.__all__ == sorted(insight_frames.__all__, key=lambda one: (not one.isupper(), one))
    # constants, then classes, then functions, each sorted
    for name in insight_frames.__all__:
        assert getattr(insight_frames, name) is not None
    errors = importlib.import_module("insight_frames.errors")
    family = {name for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, Exception)}
    assert family <= set(insight_frames.__all__), "every error is a top-level name"
    assert set(dir(insight_frames)) == {*insight_frames.__all__, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'read_tabel'"):
        insight_frames.read_tabel  # noqa: B018


def test_the_function_stays_a_function_when_its_modules_are_loaded() -> None:
    for path in MODULES:
        if room(path) not in ("sandbox", "cli", "__init__"):
            importlib.import_module(".".join(("insight_frames", *path.relative_to(PACKAGE).with_suffix("").parts)))
    for name in insight_frames.__all__:
        assert not inspect.ismodule(getattr(insight_frames, name)), name


PUBLIC = [getattr(insight_frames, name) for name in insight_frames.__all__]


@pytest.mark.parametrize("function", [one for one in PUBLIC if inspect.isfunction(one)], ids=lambda one: one.__name__)
def test_every_public_function_is_explained(function) -> None:
    text = inspect.getdoc(function) or ""
    wanted = ["Returns", "Raises", "Examples", ">>> "]
    if inspect.signature(function).parameters:
        wanted.append("Parameters")
    missing = [one for one in wanted if one not in text]
    assert not missing, f"{function.__name__}: the docstring lacks {missing}"
    for name in inspect.signature(function).parameters:
        assert name in text, f"{function.__name__}: the docstring does not explain {name}"


def test_every_error_and_method_is_explained() -> None:
    for one in PUBLIC:
        if inspect.isclass(one):
            assert inspect.getdoc(one), one
            for name, method in vars(one).items():
                if inspect.isfunction(method) and not name.startswith("_"):
                    assert method.__doc__, f"{one.__name__}.{name}"


def test_methods_take_the_same_words_as_functions() -> None:
    for name in ("read_table", "read_sql", "list_tables", "list_schemas", "describe_table", "snapshot"):
        function = inspect.signature(getattr(insight_frames, name))
        method = inspect.signature(getattr(insight_frames.Connection, name))
        assert method == inspect.signature(getattr(insight_frames.PostgresConnection, name)), name
        assert list(function.parameters) == list(method.parameters)[1:], name
        offline = getattr(insight_frames.Snapshot, name, None)
        if offline is not None:
            assert list(function.parameters) == list(inspect.signature(offline).parameters)[1:], name


def test_modules_stay_small() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in MODULES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}, f"{long}: each module is one room"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def test_import_and_help_load_no_pandas() -> None:
    heavy = "sorted({'pandas', 'pyarrow', 'requests', 'openpyxl', 'numpy'} & set(sys.modules))"
    assert run(f"import sys, insight_frames; print({heavy})") == "[]"
    assert run(f"import sys; from insight_frames.cli import main; main(['--help']); print({heavy})").endswith("[]")


def test_nothing_is_sent_when_a_connection_is_made() -> None:
    made = insight_frames.Connection("http://127.0.0.1:9", username="nobody@example.com", password="not-a-password")
    assert repr(made) == "<Connection to http://127.0.0.1:9 as nobody@example.com>"
    assert "not-a-password" not in repr(vars(made))


def test_test_modules_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    assert len(names) == len(set(names)), "pytest imports test modules and their helpers by name"
