"""How tests and modules are written."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SOURCES = sorted(
    p
    for folder in ("handler", "localcloud", "scalein_cli", "benchmarks")
    for p in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_nothing_is_patched(path: Path) -> None:
    """The environment may be set; objects of the code under test may not be replaced."""
    words = ("mock." + "patch", "monkeypatch." + "setattr", "Magic" + "Mock")

    assert [word for word in words if word in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_the_name_of_a_test_is_a_sentence(path: Path) -> None:
    names = re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert [name for name in names if len(name.split("_")) < 4] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 300


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_a_skipped_test_names_the_command_that_brings_what_it_needs(path: Path) -> None:
    """pytest.skip is called in one place, which takes the need and the command."""
    words = ("pytest." + "skip(", "import" + "orskip", "mark." + "skip")
    text = path.read_text(encoding="utf-8")

    assert path.name == "needs.py" or [word for word in words if word in text] == []
