"""Lines of a terminal end between words, and lose none."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from scalein_cli.lines import line_ends

texts = st.lists(st.text("ab-\u4e2d", min_size=1, max_size=30), max_size=20).map(" ".join)


@given(texts, st.integers(1, 40))
def test_each_line_fits_or_is_one_word(text: str, width: int) -> None:
    ends = [0, *line_ends(text, width), len(text)]
    lines = [text[begin:end] for begin, end in pairwise(ends)]

    assert "".join(lines) == text
    assert [word for line in lines for word in line.split()] == text.split()
    assert all(cell_len(line.rstrip()) <= width or len(line.split()) == 1 for line in lines)


@given(texts)
def test_a_text_that_fits_is_one_line(text: str) -> None:
    assert line_ends(text, cell_len(text)) == []
