"""How the benchmarks judge and print what they measured."""

from __future__ import annotations

from typing import Any, cast

import pytest

from benchmarks.__main__ import written
from benchmarks.load import Server
from benchmarks.outage import SCENARIOS, Cost, Scenario, events_of, fleet, row
from benchmarks.pages import Contestant, Turn
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


RETRIED = Cost(5.0, 0.8, 100, 13, 0, {"retry": 100}, scheduled=100, removed=0)
THROTTLED = Scenario("ESS throttles", "throttled")


def test_a_failing_service_is_cheap_by_billed_seconds_and_calls() -> None:
    assert row(THROTTLED, RETRIED).cells == (
        "100 messages, ESS throttles",
        "5.0 s billed, 13 calls (100 retry; 0.8 s processor, 100 invocations)",
        "at most 15 s, 60 calls",
        "yes",
    )


@pytest.mark.parametrize(
    "cost",
    [
        RETRIED._replace(billed_seconds=15.1),
        RETRIED._replace(calls=61),
        RETRIED._replace(raised=1),
        RETRIED._replace(scheduled=99),
    ],
    ids=["dear", "many calls", "raised", "lost"],
)
def test_what_is_dear_or_loses_a_message_misses_the_goal(cost: Cost) -> None:
    assert row(THROTTLED, cost).is_met is False


def test_messages_that_come_again_must_have_removed_their_instances_in_the_end() -> None:
    scenario = next(each for each in SCENARIOS if each.mode == "until removed")
    done = RETRIED._replace(status_counts={"removed": 100}, scheduled=0, removed=100)

    assert row(scenario, done).is_met is True
    assert row(scenario, done._replace(removed=99)).is_met is False
    assert row(scenario, done._replace(status_counts={"removed": 99, "retry": 1})).is_met is False


def test_a_slow_service_has_no_goal_but_that_no_message_is_lost() -> None:
    slow = Scenario("ESS is slow", "slow")

    assert row(slow, RETRIED._replace(billed_seconds=600.0)).is_met is None
    assert row(slow, RETRIED._replace(scheduled=98)).cells[2:] == ("none lost", "NO")


def test_a_hundred_messages_are_a_hundred_in_every_scenario_and_no_group_runs_out() -> None:
    assert {scenario.messages for scenario in SCENARIOS} == {100}
    assert sum(len(group["instances"]) for group in fleet()["groups"]) >= 100
    assert {len(events_of(scenario)) for scenario in SCENARIOS} == {1, 100}


def contestant(name: str, *turns: Turn) -> Contestant:
    server = Server(name, 0, cast("Any", None), cast("Any", None))
    return Contestant(server, 1, 1, list(turns))


def test_the_best_turn_counts_for_pages_and_for_what_one_costs() -> None:
    pages, cost = contestant("localcloud", Turn(900, 0.9), Turn(1_200, 1.1)).rows()

    assert (pages.measured, pages.is_met) == ("1,200", True)
    assert (cost.measured, cost.is_met) == ("0.90 ms", True)


def test_too_few_pages_and_dear_ones_miss_the_goal_and_other_servers_have_none() -> None:
    slow = Turn(999, 1.01)

    assert [row.is_met for row in contestant("localcloud", slow).rows()] == [False, False]
    assert [row.is_met for row in contestant("moto", slow).rows()] == [None, None]
