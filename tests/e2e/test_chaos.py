"""A short run of the chaos test; each of its judges finds the defect that is planted for it.

`make chaos` is the long run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from localcloud.ess.model import Activity, Assumptions
from localcloud.fleet import service_of
from tests.chaos import GROUPS, Message, WatchedService, chaos, violations
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import group, instances
from tests.support.fakes import token_of
from tests.support.truth import Did, Said

END, LATER = NOON + timedelta(seconds=20), NOON + timedelta(seconds=60)


@pytest.mark.slow
def test_nothing_is_violated_in_chaos() -> None:
    report = chaos(number=150, seed=7, rate=0.1)

    assert report.violations == []
    assert report.removals > 20, report.text()
    assert sum(report.faults.values()) > 20, report.text()
    assert report.kills > 0, report.text()


def did(
    *ids: str, activity_id: str = "asa-1", removed: tuple[str, ...] | None = None, **fields: Any
) -> Did:
    removed_ids = frozenset(ids if removed is None else removed)
    return Did(activity_id, "asg-1", ids, removed_ids, NOON, END)._replace(**fields)


def said(status: str, *removed: str, at: datetime = LATER, **fields: Any) -> Said:
    activities = ["asa-1"] if removed or status == "failed" else []
    known = {
        "accepted": list(removed),
        "removed": [] if status == "removing" else list(removed),
        "notRemoved": [],
        "unaccounted": [],
        "scalingActivityIds": activities,
    }
    return Said(at, {"status": status, "originalStatus": None, "omitted": {}, **known, **fields})


def judged(
    outcomes: list[Said], *dids: Did, requested: int = 2, tokens: Mapping[str, int] | None = None
) -> list[str]:
    """Returns what all judges say of a message. `tokens`: its token of each activity."""
    message = Message("m", "asg-1", requested, b"", outcomes)
    numbers = tokens or {one.activity_id: number for number, one in enumerate(dids)}
    known = {
        token_of("asg-1", "m", number): (NOON, "", {"ScalingActivityId": activity_id})
        for activity_id, number in numbers.items()
        if number >= 0
    }
    return violations([message], known, {one.activity_id: one for one in dids})


def test_nothing_is_found_where_an_outcome_is_true() -> None:
    not_removed = [{"id": "i-2", "code": "x"}]
    half, none = did("i-1", "i-2", removed=("i-1",)), did("i-1", "i-2", removed=())

    assert judged([said("removed", "i-1", "i-2")], did("i-1", "i-2")) == []
    assert (
        judged(
            [said("removing", "i-1", "i-2", at=NOON), said("removed", "i-1", "i-2")],
            did("i-1", "i-2"),
        )
        == []
    )
    assert judged([said("partly-removed", "i-1", notRemoved=not_removed)], half) == []
    assert (
        judged([said("failed", notRemoved=[{"id": "i-1", "code": "x"}, *not_removed])], none) == []
    )
    assert judged([said("unconfirmed")], did("i-1", "i-2")) == []
    assert (
        judged([said("duplicate", originalStatus="unconfirmed", scalingActivityIds=["asa-9"])])
        == []
    )
    assert judged([said("refused")]) == []
    assert judged([said("duplicate", originalStatus="refused")]) == []


@pytest.mark.parametrize(
    "status", ["at-target", "blocked", "refused", "expired", "superseded", "rejected"]
)
def test_it_is_a_lie_that_nothing_was_removed_where_something_was(status: str) -> None:
    assert judged([said(status)], did("i-1")) == [f"m: {status}: the message removed 1 instances"]


LIES = {
    "an id that no removal took": (
        said("removing", "i-9"),
        "of which no removal by this message was accepted",
    ),
    "another's activity": (
        said("removing", "i-1", scalingActivityIds=["asa-9"]),
        "it lists scaling activities that are not of this message",
    ),
    "an end too early": (said("removed", "i-1", "i-2", at=NOON), "still runs, or began later"),
    "an activity that is not listed": (
        said("removed", "i-1", "i-2", scalingActivityIds=[]),
        "does not list exactly the scaling activities",
    ),
    "fewer than there were": (said("removed", "i-1"), "1 removed instances, the cloud removed 2"),
    "removed, and said to be there": (
        said("partly-removed", "i-1", "i-2", notRemoved=[{"id": "i-2", "code": "x"}]),
        "as not removed that were",
    ),
    "the wrong word": (said("partly-removed", "i-1", "i-2"), "it should be removed"),
}


@pytest.mark.parametrize(("outcome", "lie"), LIES.values(), ids=LIES)
def test_a_lie_about_the_removed_instances_is_found(outcome: Said, lie: str) -> None:
    outcomes = (
        [outcome, said("removed", "i-1", "i-2")]
        if outcome.outcome["status"] == "removing"
        else [outcome]
    )
    (found,) = judged(outcomes, did("i-1", "i-2"))

    assert lie in found


def test_failed_is_a_lie_where_instances_go() -> None:
    not_removed = [{"id": id, "code": "x"} for id in ("i-1", "i-2")]

    assert judged([said("failed", notRemoved=not_removed)], did("i-1", "i-2")) == [
        "m: failed: it lists 0 removed instances, the cloud removed 2",
        "m: failed: it lists instances as not removed that were",
        "m: failed: it should be partly-removed",
    ]


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        ([], "no outcome at all"),
        ([said("retry")], "no final outcome; the last were ['retry']"),
        ([said("refused"), said("expired")], "several final outcomes: expired, refused"),
        (
            [said("refused"), said("duplicate", originalStatus="expired")],
            "several final outcomes: expired, refused",
        ),
    ],
)
def test_a_message_without_exactly_one_end_is_found(outcomes: list[Said], why: str) -> None:
    assert judged(outcomes) == [f"m: {why}"]


def test_more_than_requested_is_found() -> None:
    outcome = said("removed", "i-1", "i-2", "i-3")

    assert judged([outcome], did("i-1", "i-2", "i-3")) == ["m: 2 requested, 3 accepted"]


def test_a_second_effect_of_a_message_is_found() -> None:
    both = did("i-1"), did("i-2", activity_id="asa-2")
    outcome = said("removed", "i-1", "i-2", scalingActivityIds=["asa-1", "asa-2"])

    assert judged([outcome], *both) == ["m: 2 removals of 2 instances"]


def test_an_instance_that_is_removed_twice_is_found() -> None:
    both = did(*(f"i-{n}" for n in range(20))), did("i-0", activity_id="asa-2", removed=())
    outcome = said("removed", *(f"i-{n}" for n in range(20)), scalingActivityIds=["asa-1", "asa-2"])

    assert judged([outcome], *both, requested=30) == ["m: an instance was removed twice"]


def test_a_removal_for_no_message_is_found() -> None:
    assert judged([said("refused")], did("i-1"), tokens={"asa-1": -1}) == [
        "asa-1 removed 1 instances for no message"
    ]


def test_a_budget_that_is_exceeded_in_a_window_is_found() -> None:
    id, budget = next(
        (id, rules["budget"]) for id, (_, rules) in GROUPS.items() if "budget" in rules
    )
    window = timedelta(seconds=budget["windowSeconds"])

    def removal(number: int, at: datetime) -> Did:
        ids = tuple(f"i-{number}-{n}" for n in range(budget["instances"]))
        return did(*ids, activity_id=f"asa-{number}", group=id, started_at=at, ended_at=at)

    apart = {one.activity_id: one for one in (removal(1, NOON), removal(2, NOON + window))}
    beside = {one.activity_id: one for one in (removal(1, NOON), removal(2, NOON + window / 2))}

    assert [one for one in violations([], {}, apart) if one.startswith(f"{id}:")] == []
    assert [one for one in violations([], {}, beside) if one.startswith(f"{id}:")] == [
        f"{id}: {2 * budget['instances']} within a window, {budget['instances']} may"
    ]


@pytest.mark.parametrize(
    "number", [0, 2]
)  # of a group with a MinSize of 20, and of one with a floor of 30
def test_a_removal_below_min_size_or_floor_is_found_when_it_is_accepted(number: int) -> None:
    id, least = f"asg-{number}", {0: 20, 2: 30}[number]
    attributes, _ = GROUPS[id]
    clock = DrivenClock(NOON)
    made = service_of(
        {"groups": [group(*instances(least), scalingGroupId=id, **attributes)]},
        clock,
        Assumptions(),
    )
    service = WatchedService(clock, made.region_id, made.assumptions, made.groups)
    service.violations, service.archive = [], {}
    one = service.groups[id].instances["i-0001"]
    service.start_removal(
        service.groups[id], [one], Activity("asa-1", id, NOON, END, "", "", least), True
    )

    assert service.violations == [f"{id}: {least - 1} instances remain, {least} must"]
