"""A message's turn: against other messages, other instances of the function, and a cloud that shows old pictures."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from scalein.clock import Deadline
from scalein.gateway import NOTHING_MORE, OneGroup
from scalein.guardrails import NONE, Budget, Guardrails
from scalein.ledger import Closing, Kept, Memory, Terms
from scalein.model import Activity, Count, Needs, Outcome, RemovalRequest, Snapshot
from scalein.progress import Progress
from scalein.reasons import Status
from scalein.scale_in import Means, ScaleIn
from scalein.turn import LONGEST_DELAY_SECONDS, MOST_WAITS, Turn
from tests.clouds import group, instances
from tests.fakes import NOON, DrivenClock, FakeEss, ScriptedGateway
from tests.fleets import group_of, member, request_for
from tests.worlds import world_of

LEASE = 60.0


class Function:
    """Invocations of one function, each with its own holder, over one memory."""

    def __init__(self, ess: Any, guardrails: Guardrails = NONE) -> None:
        self.ess, self.guardrails = ess, guardrails
        self.clock, self.kept, self.number = DrivenClock(), Kept(), 0

    def ledger(self, holder: str) -> Memory:
        return Memory(Terms(holder, LEASE, 86_400, self.clock), self.kept)

    def serve(self, request: RemovalRequest) -> Outcome:
        self.number += 1
        deadline = Deadline.after(30, self.clock)
        turn = Turn(OneGroup(self.ess, self.clock), self.guardrails, deadline, self.ledger(f"fc-{self.number}"), None)
        return turn.serve(Progress(request, self.clock.now()))


def fleet(count: int = 6, min_size: int = 2, **fields: Any) -> Snapshot:
    return group_of(*(member(f"i-{n}", n) for n in range(1, count + 1)), min_size=min_size, **fields)


def ask(id: str, count: int = 1, sent: float | None = None) -> RemovalRequest:
    sent_at = None if sent is None else NOON + timedelta(seconds=sent)
    return request_for(Count(count), sent_at=sent_at)._replace(request_id=id)


def test_a_message_older_than_the_newest_decision_of_its_group_never_acts() -> None:
    function = Function(FakeEss(fleet()))
    statuses = [function.serve(ask(id, sent=sent)).status.value for id, sent in (("b", 2), ("a", 1), ("c", 2))]

    assert statuses == ["removing", "expired", "removing"]
    assert function.serve(ask("a", sent=1)).first == "expired"
    assert function.serve(ask("d")).status is Status.REMOVING  # of no known age


def test_what_may_not_act_yet_holds_back_nobody_older() -> None:
    function = Function(FakeEss(fleet()))
    function.ledger("other").enter("asg-1")

    assert function.serve(ask("b", sent=2)).status is Status.TRY_LATER
    function.ledger("other").close("x", "asg-1", Closing())
    assert function.serve(ask("a", sent=1)).status is Status.REMOVING


def test_another_invocation_keeps_out_a_message_of_the_same_group() -> None:
    ess = FakeEss(fleet())
    function = Function(ess)
    function.ledger("other").enter("asg-1")
    outcome = function.serve(ask("a"))

    assert (outcome.status, ess.reads) == (Status.TRY_LATER, [])
    assert "Another message of this scaling group" in outcome.message
    function.clock.elapsed += LEASE + 1
    ess.groups["asg-1"] = fleet()._replace(taken_at=function.clock.now())
    assert function.serve(ask("a")).status is Status.REMOVING


def test_another_invocation_keeps_out_the_same_message() -> None:
    ess = FakeEss(fleet())
    function = Function(ess)
    function.ledger("other").claim("asg-1:a")
    outcome = function.serve(ask("a"))

    assert (outcome.status, ess.reads) == (Status.TRY_LATER, [])
    assert "this very message" in outcome.message


class SlowRead(FakeEss):
    """Reading takes longer than the lease; in the meantime another invocation takes the group."""

    function: Function

    def snapshot(self, scaling_group_id: str, needs: Needs = NOTHING_MORE) -> Snapshot:
        self.function.clock.elapsed += LEASE + 1
        self.function.ledger("other").enter(scaling_group_id)
        return super().snapshot(scaling_group_id, needs)._replace(taken_at=self.function.clock.now())


def test_who_has_lost_the_lease_does_not_act() -> None:
    ess = SlowRead(fleet())
    ess.function = Function(ess)
    outcome = ess.function.serve(ask("a"))

    assert (outcome.status, ess.removals) == (Status.TRY_LATER, [])
    assert "LeaseLost" in outcome.message


def test_headroom_is_not_counted_twice_by_two_invocations_even_while_ess_shows_the_old_picture() -> None:
    function = Function(FakeEss(fleet(), lag=1))
    removed = [function.serve(ask(id, 3)).removed for id in "abc"]

    assert removed == [("i-1", "i-2", "i-3"), ("i-4",), ()]


class WithoutHistory(FakeEss):
    """Whoever leaves is gone at once, and the history is not there yet."""

    def snapshot(self, scaling_group_id: str, needs: Needs = NOTHING_MORE) -> Snapshot:
        shown = super().snapshot(scaling_group_id, needs)
        left = tuple(i for i in shown.instances if i.lifecycle_state != "Removing")
        total = shown.group._replace(total_capacity=len(left))
        return shown._replace(group=total, instances=left, activities=() if needs.history_seconds else None)


def test_a_budget_counts_whom_the_history_does_not_show_yet() -> None:
    function = Function(WithoutHistory(fleet(20)), Guardrails(budget=Budget(3_600, 5)))

    assert [len(function.serve(ask(id, 3)).removed) for id in "abc"] == [3, 2, 0]


def test_a_picture_that_has_grown_old_is_not_acted_upon() -> None:
    old = fleet()._replace(taken_at=NOON - timedelta(seconds=5.1))
    gateway = ScriptedGateway(old, fleet())
    outcome = ScaleIn(
        Progress(request_for(Count(1)), NOON), NONE, Means(gateway, gateway, Deadline.after(30, DrivenClock()))
    ).run()

    assert (gateway.reads, outcome.removed) == (2, ("i-1",))


def test_a_picture_that_is_always_old_is_left_for_later() -> None:
    old = fleet()._replace(taken_at=NOON - timedelta(minutes=1))
    gateway = ScriptedGateway(old)
    outcome = ScaleIn(
        Progress(request_for(Count(1)), NOON), NONE, Means(gateway, gateway, Deadline.after(30, DrivenClock()))
    ).run()

    assert (outcome.status, gateway.removals) == (Status.TRY_LATER, [])


@pytest.mark.parametrize("alone", [True, False])
def test_where_nothing_keeps_others_out_a_removal_beside_ours_ends_it(alone: bool) -> None:
    """In a group that runs removals beside each other: what was told stays told, and no more is."""
    gateway = ScriptedGateway(fleet(60, desired_capacity=60))
    gateway.past = (Activity("asa-other", "InProgress", NOON, None, trigger="APIs"),)
    means = Means(gateway, gateway, Deadline.after(30, DrivenClock()), alone=alone)
    scale_in = ScaleIn(Progress(request_for(Count(50)), NOON), NONE, means)
    outcome = scale_in.run()

    assert scale_in.raced is not alone
    assert [len(removal.instance_ids) for removal in gateway.removals] == ([20, 20, 10] if alone else [20])
    assert (len(outcome.removed), outcome.remaining) == ((50, 0) if alone else (20, 30))


def test_a_race_is_told() -> None:
    with world_of(group(*instances(60), desiredCapacity=60), follow_ups=False) as world:
        told = world.send({"remove": {"count": 30}})
        assert (told["raced"], told["ledger"]) == (False, "memory")
        other = world.send({"remove": {"count": 25}, "requestId": "other"})

        assert other["raced"] is True
        assert len(world.removals) == 3


def test_follow_ups_end_where_nothing_ever_happens() -> None:
    busy = {"scalingGroupId": "asg-1", "seconds": 10_000_000}
    with world_of(group(*instances(5)), activities=[busy]) as world:
        world.send({"remove": {"count": 1}})
        world.follow(30 * 86_400)
        told = [json.loads(json.dumps(outcome)) for outcome in world.outcomes]
        delays = [outcome["followUp"]["delaySeconds"] for outcome in told if outcome["followUp"]]

        assert len(delays) == MOST_WAITS
        assert delays[0] <= 10
        assert max(delays) <= LONGEST_DELAY_SECONDS
        assert len(set(delays[10:])) > 10  # jittered
        assert told[-1]["status"] == "try-later"
        assert "enough follow-ups" in told[-1]["message"]
        assert world.removals == []
