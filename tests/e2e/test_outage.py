"""Ten minutes without ESS, on a driven clock, over real sockets: none of 100 messages is lost.

Each is delivered once: the trigger repeats nothing, whatever its settings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.ess.model import Assumptions
from tests.support.clouds import group, instances
from tests.support.worlds import World, world_of

OUTAGE_SECONDS = 600
ACTIONS = (
    "DescribeScalingGroups",
    "DescribeScalingInstances",
    "DescribeScalingActivities",
    "RemoveInstances",
)
GROUPS = [f"asg-{number:02}" for number in range(20)]
FLEET = [group(*instances(8, f"i-{id}"), scalingGroupId=id, desiredCapacity=8) for id in GROUPS]
POLICY: dict[str, Any] = {
    "groups": {id: {} for id in GROUPS},
    "alarms": [
        {
            "when": {"eventName": "Instance:*"},
            "scalingGroupId": "alarm",
            "remove": {"instanceIds": "alarm"},
        }
    ],
}


def message(number: int) -> dict[str, Any]:
    group_id = GROUPS[number % len(GROUPS)]
    return {"scalingGroupId": group_id, "remove": {"count": 1}, "requestId": f"m-{number}"}


def queued(document: Any, number: int) -> dict[str, Any]:
    data = {"messageId": f"q-{number}", "messageBody": json.dumps(document)}
    return {"specversion": "1.0", "type": "mns:Queue:SendMessage", "id": f"{number}", "data": data}


def one_by_one(world: World) -> None:
    for number in range(100):
        world.send(message(number))
        world.cloud.clock.advance(0.1)


def in_one_event(world: World) -> None:
    batch = [queued(message(number), number) for number in range(100)]
    world.send(json.dumps(batch).encode())


def outcomes_of(world: World) -> dict[str, list[str]]:
    """By message, the statuses in order."""
    statuses: dict[str, list[str]] = {}
    for response in world.outcomes:
        for outcome in response.get("outcomes", [response]):
            statuses.setdefault(outcome["requestId"], []).append(outcome["status"])
    return statuses


@pytest.mark.parametrize("kind", ["unavailable", "throttled", "reset"])
@pytest.mark.parametrize("send", [one_by_one, in_one_event])
def test_an_outage_of_ten_minutes_loses_none_of_a_hundred_messages(
    kind: str, send: Callable[[World], None]
) -> None:
    with world_of(*FLEET, policy=POLICY, assumptions=Assumptions(activity_seconds=5)) as world:
        for action in ACTIONS:
            world.cloud.inside.faults.add(kind, action, times=1_000_000)
        send(world)
        world.follow(OUTAGE_SECONDS - world.cloud.clock.elapsed)
        assert world.removals == []
        attempts = world.cloud.inside.faults.occurrences.total()
        world.cloud.inside.faults.clear()
        world.follow()

        last = Counter(statuses[-1] for statuses in outcomes_of(world).values())
        assert last == {"removed": 100}
        assert len({id for removal in world.removals for id in removal}) == 100
        assert attempts < 150  # of all 100 messages, in ten minutes
        assert sum(world.cloud.clock.naps) <= 10


def test_alarms_whose_group_is_to_be_found_and_dry_runs_come_again_too() -> None:
    policy = {**POLICY, "groups": {**POLICY["groups"], "asg-01": {"dryRun": True}}}
    alarm = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "acs.ecs",
        "type": "ecs:Instance:PreemptibleInstanceInterruption",
        "data": {"instanceId": "i-asg-05-0003", "action": "delete"},
    }
    with world_of(*FLEET, policy=policy, assumptions=Assumptions(activity_seconds=5)) as world:
        for action in ACTIONS:
            world.cloud.inside.faults.add("unavailable", action, times=1_000_000)
        first = [
            world.send(json.dumps(alarm).encode()),
            world.send(message(1)),
            world.send({**message(2), "dryRun": True}),
        ]
        assert [one["status"] for one in first] == ["retry"] * 3
        assert all(one["followUp"] for one in first)
        world.follow(OUTAGE_SECONDS)
        world.cloud.inside.faults.clear()
        world.follow()

        statuses = outcomes_of(world)
        assert statuses.pop("m-1")[-1] == "dry-run"
        assert statuses.pop("m-2")[-1] == "dry-run"
        assert [one[-1] for one in statuses.values()] == ["removed"]
        assert world.removals == [["i-asg-05-0003"]]
