"""Prints sentences: on a terminal, lines end between words."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text


def say(console: Console, text: str | Text, indent: int = 0) -> None:
    """Prints the text, wrapped at words on a terminal; an empty one not at all.

    A longer word than the terminal is wide stays whole. A pipe gets the text as it is.
    """
    whole = Text(text) if isinstance(text, str) else text
    for line in whole.split(allow_blank=True) if whole else ():
        ends = line_ends(line.plain, console.width - indent) if console.is_terminal else []
        for part in line.divide(ends):
            part.rstrip()
            console.print(Text(" " * indent).append_text(part), soft_wrap=True)


def line_ends(text: str, width: int) -> list[int]:
    """Where a text of one line is divided, so that each part has whole words."""
    ends = [0]
    for word in re.finditer(r"\S+", text):
        if word.start() > ends[-1] and cell_len(text[ends[-1] : word.end()]) > width:
            ends.append(word.start())
    return ends[1:]
