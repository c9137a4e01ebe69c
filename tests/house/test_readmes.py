"""The Chinese README has the content of the English one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
)
MAX_WORDS = 700
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def heading_levels(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)]


def code_blocks(text: str) -> list[str]:
    return FENCE.findall(text)


def commands(text: str) -> list[str]:
    return re.findall(r"`((?:make|scalein|\.venv/bin/scalein) [^`\n]+)`", text)


def names_in_code(text: str) -> list[str]:
    """The inline code, in any order: another language has another order of words."""
    return sorted(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))


def link_targets(text: str) -> list[str]:
    """Every target but that of the other language's README."""
    return [t for t in re.findall(r"\]\(([^)]+)\)", text) if not t.startswith("README.")]


def rows_and_items(text: str) -> list[str]:
    return re.findall(r"^(\||\* )", FENCE.sub("", text), re.MULTILINE)


@pytest.mark.parametrize(
    "parts_of",
    [heading_levels, code_blocks, commands, names_in_code, link_targets, rows_and_items],
    ids=lambda function: function.__name__,
)
def test_both_languages_have_the_same(parts_of: Callable[[str], list[str]]) -> None:
    assert parts_of(CHINESE) == parts_of(ENGLISH) != []


def test_each_readme_links_to_the_other_first() -> None:
    first = [re.findall(r"\]\(([^)]+)\)", text)[0] for text in (ENGLISH, CHINESE)]

    assert first == ["README.zh-CN.md", "README.md"]


def test_the_readme_is_short() -> None:
    assert len(ENGLISH.split()) < MAX_WORDS
