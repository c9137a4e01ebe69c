"""Code and documents keep to the words of docs/glossary.md."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
CODE = sorted(
    path
    for folder in ("handler", "localcloud", "scalein_cli", "benchmarks", "tools", "tests")
    for path in (ROOT / folder).rglob("*.py")
    # This file names the words on purpose.
    if "node_modules" not in path.parts and path != Path(__file__)
)
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]
    # These two speak of the old words on purpose.
    if path.name not in ("glossary.md", "CHANGELOG.md")
)


def first_column(heading: str) -> list[str]:
    """What the table under a heading of the glossary says is not used."""
    section = GLOSSARY.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[1:]
    words = [word.strip(" `") for row in rows if set(row) != {"-"} for word in row.split(",")]
    return [word for word in words if word]


NAMES = frozenset(first_column("Names that are not used"))
WORDS = first_column("Words that are not used in messages and documents")
WORD = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, WORDS))})(?![\w-])", re.IGNORECASE)


def test_the_lists_are_read() -> None:
    assert {"told", "picture"} <= NAMES
    assert {"nobody", "anew"} <= set(WORDS)
    assert WORD.findall("Nobody leaves.")


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_is_one_that_the_glossary_replaces(path: Path) -> None:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    names = {token.string for token in tokens if token.type == tokenize.NAME}

    assert {name for name in names if name.strip("_").lower() in NAMES} == set()


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_of_the_code_has_a_word_that_the_glossary_replaces(path: Path) -> None:
    """Messages, docstrings and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    kinds = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1))
    found = {(t.start[0], w) for t in tokens if t.type in kinds for w in WORD.findall(t.string)}

    assert found == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_has_a_word_that_the_glossary_replaces(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert [(n, w) for n, line in enumerate(lines, 1) for w in WORD.findall(line)] == []
