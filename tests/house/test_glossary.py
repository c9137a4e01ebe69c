"""Code and documents keep to the words of docs/glossary.md."""

from __future__ import annotations

import ast
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
    # It names the words on purpose.
    if path.name != "glossary.md"
)
# Schemas, the dashboard, events, templates, pages and settings of tools.
FOLDERS = (
    *(".", "docs", "events", "handler/scalein/schemas", "localcloud", "locks"),
    *("policy-tests", "scalein_cli/schemas"),
)
OTHERS = sorted(
    [
        path
        for folder in FOLDERS
        for pattern in ("*.json", "*.yml", "*.yaml", "*.toml", "*.txt")
        for path in (ROOT / folder).glob(pattern)
    ]
    + [*(ROOT / "localcloud").glob("fleets/*.json"), *(ROOT / "localcloud").glob("console/page/*")]
    + [*(ROOT / "tools").glob("*.toml"), *(ROOT / "tools").glob("*.sh"), ROOT / "Makefile"]
)
PAGES = [path for path in OTHERS if path.suffix in (".js", ".html", ".css")]


def first_column(heading: str) -> list[str]:
    """What the table under a heading of the glossary says is not used."""
    section = GLOSSARY.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[1:]
    words = [word.strip(" `") for row in rows if set(row) != {"-"} for word in row.split(",")]
    return [word for word in words if word]


NAMES = frozenset(first_column("Names that are not used"))
WORDS = first_column("Words that are not used in messages and documents")
WORD = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, WORDS))})(?![\w-])", re.IGNORECASE)


# What was renamed stands in these, beside the present name.
RENAMES = re.compile(
    r'^### Renamed\n.*?(?=^### )|"x-newNameByFormerName": \{[^}]*\}', re.MULTILINE | re.DOTALL
)


def lines_without_renames(path: Path) -> list[str]:
    """The lines of a file, with the same numbers; those of renames are empty."""
    text = path.read_text(encoding="utf-8")
    return RENAMES.sub(lambda found: "\n" * found[0].count("\n"), text).split("\n")


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


@pytest.mark.parametrize("path", [*DOCUMENTS, *OTHERS], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_document_has_a_word_that_the_glossary_replaces(path: Path) -> None:
    lines = lines_without_renames(path)

    assert [(n, w) for n, line in enumerate(lines, 1) for w in WORD.findall(line)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_name_in_the_console_is_one_that_the_glossary_replaces(path: Path) -> None:
    """Its comments and texts are no names; a word in them is read as one all the same."""
    assert NAMES & set(re.findall(r"\w+", path.read_text(encoding="utf-8").lower())) == set()


def code_names() -> list[str]:
    """The names in the column "in code" of the glossary's tables of things."""
    tables = GLOSSARY.split("## Names that are not used")[0].split("## What comes in")[1]
    cells = re.findall(r"^\|[^|\n]+\|([^|\n]+)\|[^|\n]+\|$", tables, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_the_code_has_each_name_that_the_glossary_says_it_has() -> None:
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "handler").rglob("*.py")
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {
        getattr(node, field, None) for node in nodes for field in ("id", "name", "attr", "arg")
    }

    assert len(code_names()) > 40
    assert [name for name in code_names() if name not in names] == []
