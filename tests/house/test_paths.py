"""Files and tests that scripts and settings of tools name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for pattern in (".ci/run", "tools/*.toml", "tools/*.sh", "requirements*.txt")
    for path in ROOT.glob(pattern)
)
FOLDERS = "benchmarks|docs|events|handler|localcloud|locks|scalein_cli|tests|tools"
# Made by the commands that use them.
MADE = ("/node_modules", "handler/scalein/MODULE.py")


def paths_in(text: str) -> set[str]:
    """What looks like a path from the top of the repository, without a full stop at its end and
    without variables of the shell.
    """
    found = re.findall(rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]+)(\$?)", text)
    return {path.rstrip(".") for path, variable in found if not variable}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_tool_names_exists(path: Path) -> None:
    named = paths_in(path.read_text(encoding="utf-8").replace("$root/", ""))

    assert [name for name in named if not name.endswith(MADE) and not (ROOT / name).exists()] == []


def test_every_test_that_the_gate_names_exists() -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", (ROOT / ".ci/run").read_text(encoding="utf-8"))

    assert named
    for path, name in named:
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name


def test_paths_are_found_in_commands_and_in_sentences() -> None:
    assert paths_in('"PYTHON -m pytest tests/unit/test_a.py" # see tests/b.py.') == {
        "tests/unit/test_a.py",
        "tests/b.py",
    }
