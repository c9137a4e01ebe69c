"""Copies the parts that the templates share from template.yml to the others.

    python -m tools.templates

A part begins with a comment `# == Heading` and ends where the next part or section begins. Parts
with the same heading are the same; a heading that ends in the generation of Function Compute is of
that generation alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "template.yml"
COPIES = (ROOT / "template-fc2.yml", ROOT / "s-resources.yml")
HEADING = re.compile(r"^ *# == (.+)$")


def parts_of(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a template in their order: heading and text. What is in no part has the heading
    ""."""
    heading, lines = "", list[str]()
    for line in text.splitlines(keepends=True):
        match = HEADING.match(line)
        if match or (heading and re.match(r"[A-Z]", line)):
            yield heading, "".join(lines)
            heading, lines = (match[1].strip() if match else ""), []
        lines.append(line)
    yield heading, "".join(lines)


def in_step(text: str, source: str) -> str:
    """The text of a template, with the parts of the source that have the same heading."""
    shared = {heading: part for heading, part in parts_of(source) if heading}
    return "".join(shared.get(heading, part) for heading, part in parts_of(text))


if __name__ == "__main__":
    for path in COPIES:
        template = path.read_text(encoding="utf-8")
        path.write_text(in_step(template, SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
