"""How the benchmarks judge and print what they measured."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import written
from benchmarks.removals import TIMES, Cold, ratios
from benchmarks.timing import Row, at_most, markdown, span


@pytest.mark.parametrize(("value", "is_met"), [(0.59, True), (0.60, True), (0.61, False)])
def test_a_goal_is_met_up_to_its_limit(value: float, is_met: bool) -> None:
    assert at_most("ratio", value, 0.6, "{:.2f}").is_met is is_met


def test_a_row_without_a_goal_says_neither_yes_nor_no() -> None:
    assert Row("size", "4 MB").cells == ("size", "4 MB", "", "")


def test_a_goal_that_is_missed_is_said_in_capitals() -> None:
    row = at_most("ratio", 0.7, 0.6, "{:.2f}", "of the best 0.65")

    assert row.cells == ("ratio", "0.70 (of the best 0.65)", "at most 0.60", "NO")


def test_a_ratio_is_the_median_of_rounds_and_not_of_programs() -> None:
    runs = [Cold(wall, 1.0, 1, 3) for wall in (1.0, 4.0, 30.0)]
    others = [Cold(wall, 2.0, 1, 3) for wall in (1.0, 100.0, 20.0)]

    assert ratios(runs, others, TIMES["wall"]) == (1.0, 1.0)
    assert ratios(runs, others, TIMES["processor"]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("values", "text"), [([1, 1], "1 call"), ([3, 2, 5], "2 to 5 calls"), ([0], "0 calls")]
)
def test_a_span_says_the_fewest_and_the_most(values: list[int], text: str) -> None:
    assert span(values, "call") == text


def test_tables_are_written_between_their_marks_and_nowhere_else() -> None:
    text = "before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n"
    table = markdown([Row("size", "4 MB")], "The package")

    once = written(text, [table])

    assert once == text.replace("old\n", f"\n{table}\n")
    assert written(once, [table]) == once
