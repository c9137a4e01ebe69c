"""Every fault at every call: the outcome is right, and after redelivery there is one effect."""

from __future__ import annotations

import pytest

from localcloud.ess.model import Assumptions
from localcloud.faults import FORCED_STATUSES, KINDS
from tests.support.clouds import group, instances
from tests.support.redis_server import redis_server
from tests.support.worlds import World, world_of

READS = ("DescribeScalingGroups", "DescribeScalingInstances", "DescribeScalingActivities")
PASSING = [kind for kind in KINDS if kind not in (*FORCED_STATUSES, "state-change", "forbidden")]
CASES = [(kind, action, 1) for kind in PASSING for action in (*READS, "RemoveInstances")]
IN_REAL_TIME = (
    "drip",
    "gzip-bomb",
)  # each takes seconds; test_time.py and test_transport.py bound them
OFTEN = [(kind, action, 60) for kind, action, _ in CASES if kind not in IN_REAL_TIME]
POLICY = {"groups": {"asg-1": {"budget": {"instances": 40, "windowSeconds": 3_600}}}}


def until_served(world: World) -> list[str]:
    """As a trigger does it: what raises comes again."""
    for _ in range(8):
        outcome = world.send({"remove": {"count": 25}, "requestId": "m"})
        if outcome["status"] != "retry" or outcome["followUp"]:
            break
        world.cloud.clock.advance(60)
    world.follow()
    return [outcome["status"] for outcome in world.outcomes]


@pytest.mark.parametrize(
    ("kind", "action", "times"),
    [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in OFTEN)],
)
def test_a_passing_fault_costs_a_try_and_no_second_effect(
    kind: str, action: str, times: int
) -> None:
    """Once; and so often that the first invocation cannot get past it."""
    with world_of(
        group(*instances(60), minSize=20),
        policy=POLICY,
        assumptions=Assumptions(activity_seconds=5),
    ) as world:
        world.cloud.inside.faults.add(kind, action, times, seconds=0.001)
        statuses = until_served(world)

        removed_ids = [id for removal in world.removals for id in removal]
        assert len(removed_ids) == len(set(removed_ids)) <= 25
        assert world.stable() >= 20
        if times == 1:
            assert statuses[-1] == "removed", statuses
            assert len(removed_ids) == 25
        else:
            ends = {"removed", "partly-removed", "retry", "expired", "duplicate"}
            # Its answer never arrives, and no ledger proves whose the removal in the history is.
            unconfirmed = {"unconfirmed"} if action == "RemoveInstances" else set()
            assert statuses[-1] in ends | unconfirmed, statuses
        if statuses[-1] == "unconfirmed":
            assert len(world.removals) == 1
            (activity,) = world.cloud.inside.service.activities.values()
            assert activity.scaling_activity_id in world.outcomes[-1]["message"]


@pytest.mark.parametrize("kind", [*FORCED_STATUSES, "state-change"])
def test_a_removal_that_goes_wrong_is_reported_and_not_tried_blindly_again(kind: str) -> None:
    with world_of(
        group(*instances(60), minSize=20),
        policy=POLICY,
        assumptions=Assumptions(activity_seconds=5),
    ) as world:
        world.cloud.inside.faults.add(kind, "RemoveInstances")
        statuses = until_served(world)

        removed_ids = [id for removal in world.removals for id in removal]
        assert len(removed_ids) == len(set(removed_ids)) <= 25
        expected = {
            "state-change": {"removed", "partly-removed"},
            "accepted-warning": {"partly-removed"},
        }
        assert statuses[-1] in expected.get(kind, {"failed"}), statuses


@pytest.mark.parametrize(
    ("how", "closed"), [("kill", True), ("kill", False), ("pause", True), ("pause", False)]
)
def test_without_a_ledger_the_policy_decides_and_the_outcome_says_so(
    how: str, closed: bool
) -> None:
    policy = {**POLICY, "ledgerUnavailable": "failClosed" if closed else "failOpen"}
    with (
        redis_server() as server,
        world_of(group(*instances(9)), policy=policy, ledger=server.url) as world,
    ):
        first = world.send({"remove": {"count": 1}, "requestId": "a"})
        world.cloud.clock.advance(120)
        getattr(server, how)()
        second = world.send({"remove": {"count": 1}, "requestId": "b"})

        assert (first["status"], first["ledger"]) == ("removing", "redis")
        assert (second["status"], second["ledger"]) == (
            ("retry", "redis") if closed else ("removing", "unavailable")
        )
        assert len(world.removals) == (1 if closed else 2)


def test_a_token_that_expires_between_two_calls_costs_a_try() -> None:
    with world_of(group(*instances(9)), follow_ups=False) as world:
        world.cloud.inside.faults.add("token-expired", "RemoveInstances")
        first = world.send({"remove": {"count": 1}, "requestId": "m"})
        second = world.send({"remove": {"count": 1}, "requestId": "m"})

        assert [outcome["status"] for outcome in (first, second)] == ["retry", "removing"]
        assert len(world.removals) == 1
