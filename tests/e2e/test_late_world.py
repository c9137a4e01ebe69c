"""Small stories that chaos and the kill test found: what the cloud does at one moment."""

from __future__ import annotations

import pytest

from localcloud.ess.model import Assumptions
from localcloud.lag import Lag
from tests.support.clouds import group, instances
from tests.support.truth import Did, Said, lies
from tests.support.worlds import World, world_of


def false_outcomes(world: World) -> list[str]:
    """Of a world with one message. Outcomes are as of the last moment."""
    own = [Did.of(activity) for activity in world.cloud.inside.service.activities.values()]
    return lies([Said(world.cloud.clock.now(), outcome) for outcome in world.outcomes], own)


def test_a_removal_whose_next_follow_up_cannot_be_scheduled_is_looked_at_again_until_its_end() -> (
    None
):
    with world_of(group(*instances(5)), assumptions=Assumptions(activity_seconds=60)) as world:
        world.send({"requestId": "m", "remove": {"count": 1}})
        world.cloud.inside.faults.add("reset", "InvokeFunction", times=4)  # each has two attempts

        assert world.follow()["status"] == "removed"
        assert [outcome["status"] for outcome in world.outcomes].count("retry") == 2


def test_a_follow_up_that_comes_again_elsewhere_reports_no_end_before_the_next_one_does() -> None:
    """The call of the first process is in no memory, and the history does not show it yet."""
    with world_of(group(*instances(30)), assumptions=Assumptions(activity_seconds=20)) as world:
        world.restarts = True
        world.cloud.inside.lag = Lag(history=60)
        world.send({"requestId": "m", "remove": {"count": 30}})
        functions = world.cloud.inside.functions
        assert functions
        while len(world.removals) == 1:
            due = functions.next_due()
            assert due
            world.cloud.clock.advance(max(0.0, (due - world.cloud.clock.now()).total_seconds()))
            (invocation,) = functions.take_due()
            world.send(invocation.event)
        world.cloud.clock.advance(20)
        world.send(invocation.event)
        world.follow()

        assert [len(ids) for ids in world.removals] == [20, 10]
        assert false_outcomes(world) == []


@pytest.mark.parametrize("history", [0, 60])
def test_a_process_without_memory_may_miss_its_own_removal_while_the_history_is_late(
    history: int,
) -> None:
    """The exception in the table of guarantees: only a shared ledger or a timely history knows."""
    with world_of(
        group(*instances(5)), assumptions=Assumptions(activity_seconds=1), follow_ups=False
    ) as world:
        world.restarts = True
        world.cloud.inside.lag = Lag(history=history)
        request = {"requestId": "m", "remove": {"instanceIds": ["i-0001"]}}
        world.send(request)
        world.cloud.clock.advance(1)
        outcome = world.send(request)

        assert len(world.removals) == 1
        assert outcome["status"] == ("blocked" if history else "unconfirmed")
