"""What ESS costs while it fails: billed seconds and calls for messages, none of which is lost.

All over HTTPS, by the deployed package with follow-ups of Function Compute 3.0, in real time. Only
the ten minutes are shorter: the time from one follow-up to the next is skipped.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, NamedTuple

from benchmarks.code import Code
from benchmarks.command import command_for
from benchmarks.failing_ess import NO_ANSWER, NO_HANDSHAKE, REFUSED, failing_ess
from benchmarks.instances import Instance, LivingCloud, follow, instance, living_cloud
from benchmarks.timing import Row, span

GROUP_IDS = [f"asg-bp1benchmark{number:08}" for number in range(20)]
GROUP_SIZE = 10
POLICY: dict[str, Any] = {"groups": {id: {} for id in GROUP_IDS}}
OUTAGE_SECONDS = 600.0
SLOW_SECONDS = 2.0  # that an answer takes
MAX_BILLED_SECONDS, MAX_CALLS = 15.0, 60  # for a hundred messages, while ESS fails

ONE_BY_ONE, ONE_EVENT, UNTIL_REMOVED = "one by one", "in one event", "until removed"


class Scenario(NamedTuple):
    title: str
    fault: str  # of failing_ess, or of the local cloud
    mode: str = ONE_BY_ONE
    messages: int = 100
    instances: int = 1  # of the function, at once
    slow_seconds: float = SLOW_SECONDS

    @property
    def is_slow(self) -> bool:
        return self.fault == "slow"


SCENARIOS = (
    Scenario("ESS refuses connections", REFUSED),
    Scenario("ESS answers 503", "unavailable"),
    Scenario("ESS throttles", "throttled"),
    Scenario("ESS accepts connections and never begins TLS", NO_HANDSHAKE),
    Scenario("ESS never answers", NO_ANSWER),
    Scenario(f"ESS answers after {SLOW_SECONDS:.0f} s", "slow", instances=len(GROUP_IDS)),
    Scenario("ESS refuses connections, one event", REFUSED, ONE_EVENT),
    Scenario("ESS answers 503, one event", "unavailable", ONE_EVENT),
    Scenario("ESS answers 503 for ten minutes, with follow-ups", "unavailable", UNTIL_REMOVED),
)


class Cost(NamedTuple):
    """What the messages of one scenario cost, and what became of them."""

    billed_seconds: float
    cpu_seconds: float
    invocations: int
    calls: int
    raised: int  # of the invocations
    status_counts: dict[str, int]  # of messages
    scheduled: int  # follow-ups that are still to come
    removed: int  # instances that ESS was asked to remove


def figures(code: Code, repeats: int) -> list[Row]:
    """The most that the messages of each scenario cost in any repeat."""
    rows = []
    for scenario in SCENARIOS:
        costs = [measure(code, scenario) for _ in range(repeats)]
        rows.append(row(scenario, max(costs, key=lambda cost: cost.billed_seconds)))
    return rows


def measure(code: Code, scenario: Scenario) -> Cost:
    """Sends the messages of one scenario to new instances of the function."""
    with ExitStack() as stack:
        cloud = stack.enter_context(living_cloud(code, fleet()))
        endpoint, count_calls = stack.enter_context(
            failing_ess(scenario.fault, cloud, code.authority, scenario.slow_seconds)
        )
        instances = [
            stack.enter_context(instance(code, cloud, POLICY, endpoint))
            for _ in range(scenario.instances)
        ]
        end = cloud.clock.now() + timedelta(seconds=OUTAGE_SECONDS)
        _send(instances, events_of(scenario))
        if scenario.mode == UNTIL_REMOVED:
            follow(instances[0], cloud, until=end)
            cloud.inside.faults.clear()
            follow(instances[0], cloud)
        return _cost(instances, cloud, count_calls())


def _send(instances: Sequence[Instance], events: Sequence[bytes]) -> None:
    """Gives each instance its share of the events, one after another: those of one group are
    another instance's than those of the next.
    """

    def send(number: int) -> None:
        for event in events[number :: len(instances)]:
            instances[number].serve(event)

    with ThreadPoolExecutor(len(instances)) as threads:
        list(threads.map(send, range(len(instances))))


def _cost(instances: Sequence[Instance], cloud: LivingCloud, calls: int) -> Cost:
    activities = cloud.inside.service.activities.values()
    return Cost(
        billed_seconds=sum(sum(each.wall_seconds) for each in instances),
        cpu_seconds=sum(each.cpu_seconds for each in instances),
        invocations=sum(len(each.wall_seconds) for each in instances),
        calls=calls or sum(each.connections for each in instances),
        raised=sum(each.raised for each in instances),
        status_counts=Counter(
            status for each in instances for status in each.last_status_by_id.values()
        ),
        scheduled=len(cloud.queue.waiting),
        removed=len({id for activity in activities for id in activity.requested_ids}),
    )


def events_of(scenario: Scenario) -> list[bytes]:
    """The events that carry the messages, each of which removes one instance."""
    requests = [
        {
            "scalingGroupId": GROUP_IDS[number % len(GROUP_IDS)],
            "remove": {"count": 1},
            "requestId": f"m-{number}",
        }
        for number in range(scenario.messages)
    ]
    if scenario.mode == ONE_EVENT:
        return [json.dumps([_queued(request) for request in requests]).encode()]
    return [json.dumps(request).encode() for request in requests]


def _queued(request: dict[str, Any]) -> dict[str, Any]:
    id = request["requestId"]
    data = {"messageId": id, "messageBody": json.dumps(request)}
    return {"specversion": "1.0", "type": "mns:Queue:SendMessage", "id": id, "data": data}


def fleet() -> dict[str, Any]:
    """Groups that take removals at the same time, with instances enough for all messages."""
    groups = [
        {
            "scalingGroupId": group_id,
            "minSize": 0,
            "maxSize": 100,
            "desiredCapacity": GROUP_SIZE,
            "instances": [
                {
                    "instanceId": f"i-bp1benchmark{group:04}{number:04}",
                    "createdTime": "2026-01-01T00:00:00Z",
                }
                for number in range(GROUP_SIZE)
            ],
        }
        for group, group_id in enumerate(GROUP_IDS)
    ]
    return {"activitySeconds": 5, "groups": groups}


def row(scenario: Scenario, cost: Cost) -> Row:
    """The cost as it is printed. A slow ESS has no goal: its answers are what is billed."""
    statuses = ", ".join(f"{count} {status}" for status, count in cost.status_counts.items())
    invocations = span([cost.invocations], "invocation")
    measured = (
        f"{cost.billed_seconds:,.1f} s billed, {span([cost.calls], 'call')} "
        f"({statuses}; {cost.cpu_seconds:.1f} s processor, {invocations})"
    )
    if cost.raised:
        measured += f", {cost.raised} raised"
    figure = f"{scenario.messages} messages, {scenario.title}"
    if lost := scenario.messages - safe_messages(scenario, cost):
        return Row(figure, f"{measured}, {lost} messages lost", "none lost", False)
    if scenario.is_slow:
        return Row(figure, measured)
    is_cheap = cost.billed_seconds <= MAX_BILLED_SECONDS and cost.calls <= MAX_CALLS
    goal = f"at most {MAX_BILLED_SECONDS:.0f} s, {MAX_CALLS} calls"
    return Row(figure, measured, goal, is_cheap and not cost.raised)


def safe_messages(scenario: Scenario, cost: Cost) -> int:
    """How many messages have removed their instance, or a follow-up that comes again."""
    if scenario.mode == UNTIL_REMOVED:
        return min(cost.removed, cost.status_counts.get("removed", 0))
    return cost.scheduled


main = command_for("Waiting for ESS", 1, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.outage")
