"""One message at most once: against other messages, other invocations, and late reads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from scalein.cloud.gateway import GROUP_ONLY, Removal
from scalein.decision.group_policy import NO_LIMITS, Budget, GroupPolicy
from scalein.decision.model import Activity, ReadScope, RemovalRequest, Snapshot, Target
from scalein.decision.progress import Progress, message_key
from scalein.decision.reasons import Reason, Status
from scalein.errors import TryLater
from scalein.ledger.memory import MemoryLedger, MemoryStore
from scalein.ledger.protocol import LeaseOptions, MessageRef
from scalein.processing.group_view import GroupView
from scalein.processing.once import MessageProcessor
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import FakeEss, ScriptedGateway, dependencies_of, removal_run, scale_in
from tests.support.fleets import fleet, request_for
from tests.support.outcomes import checked

LEASE = 60.0


class Function:
    """Invocations of one function, each with its own holder, over one memory."""

    def __init__(
        self, ess: Any, group_policy: GroupPolicy = NO_LIMITS, follow_ups: Any = None
    ) -> None:
        self.ess, self.guardrails, self.follow_ups = ess, group_policy, follow_ups
        self.clock, self.retained, self.number = DrivenClock(), MemoryStore(), 0

    def ledger(self, owner: str) -> MemoryLedger:
        return MemoryLedger(LeaseOptions(owner, LEASE, 86_400, self.clock), self.retained)

    def serve(self, request: RemovalRequest) -> Outcome:
        self.number += 1
        return self.process(Progress(request, self.clock.now()), f"fc-{self.number}")

    def process(self, progress: Progress, owner: str) -> Outcome:
        ledger = self.ledger(owner)
        dependencies = dependencies_of(
            self.ess,
            self.clock,
            ledger,
            schedule_follow_up=self.follow_ups and self.follow_ups.schedule,
        )
        view = GroupView("asg-1", self.ess, self.clock)
        processor = MessageProcessor(view, self.guardrails, dependencies, 900)
        return checked([processor.process(progress)])[0]


def ask(id: str, count: int = 1, sent: float | None = None) -> RemovalRequest:
    sent_at = None if sent is None else NOON + timedelta(seconds=sent)
    return request_for(Target(instances=count), sent_at=sent_at)._replace(request_id=id)


def ref(id: str) -> MessageRef:
    return MessageRef("asg-1", message_key(ask(id)))


def alarm(id: str, sent: float, observation: str = "cpu", count: int = 1) -> RemovalRequest:
    return ask(id, count, sent)._replace(observation=observation, derived_id=True)


def test_a_command_is_never_superseded() -> None:
    function = Function(FakeEss(fleet()))
    statuses = [
        function.serve(ask(id, sent=sent)).status.value
        for id, sent in (("b", 2), ("a", 1), ("c", 2))
    ]

    assert statuses == ["removing"] * 3


def test_an_alarm_is_superseded_by_a_newer_one_of_the_same_observation_that_removed_something() -> (
    None
):
    function = Function(FakeEss(fleet()))
    served = [
        function.serve(alarm(id, sent)).status.value for id, sent in (("b", 2), ("a", 1), ("c", 2))
    ]

    assert served == ["removing", "superseded", "removing"]
    assert function.serve(alarm("a", 1)).original_status == "superseded"
    assert function.serve(alarm("d", 1, "memory")).status is Status.REMOVING


def test_an_alarm_that_removed_nothing_supersedes_none() -> None:
    function = Function(FakeEss(fleet(min_size=6)))
    assert function.serve(alarm("b", 2)).status is Status.BLOCKED
    function.ess = FakeEss(fleet())

    assert function.serve(alarm("a", 1)).status is Status.REMOVING


def test_another_invocation_keeps_out_a_message_of_the_same_group() -> None:
    ess = FakeEss(fleet())
    function = Function(ess)
    function.ledger("other").acquire_lease("asg-1")
    outcome = function.serve(ask("a"))

    assert (outcome.status, ess.reads) == (Status.RETRY, [])
    assert "Another message of this scaling group" in outcome.message
    function.clock.elapsed += LEASE + 1
    ess.groups["asg-1"] = fleet()._replace(taken_at=function.clock.now())
    assert function.serve(ask("a")).status is Status.REMOVING


def test_another_invocation_keeps_out_the_same_message() -> None:
    ess = FakeEss(fleet())
    function = Function(ess)
    function.ledger("other").claim_message(ref("a"))
    outcome = function.serve(ask("a"))

    assert (outcome.status, ess.reads) == (Status.RETRY, [])
    assert "this very message" in outcome.message


class SlowRead(FakeEss):
    """Reading takes longer than the lease; in the meantime another invocation takes the group."""

    function: Function

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        self.function.clock.elapsed += LEASE + 1
        self.function.ledger("other").acquire_lease(scaling_group_id)
        return (
            super()
            .snapshot(scaling_group_id, read_scope)
            ._replace(taken_at=self.function.clock.now())
        )


def test_an_invocation_that_lost_its_lease_does_not_act() -> None:
    ess = SlowRead(fleet())
    ess.function = Function(ess)
    outcome = ess.function.serve(ask("a"))

    assert (outcome.status, ess.removals) == (Status.RETRY, [])
    assert "LeaseLost" in outcome.message


def test_headroom_is_not_counted_twice_by_two_invocations_while_ess_shows_an_old_snapshot() -> None:
    function = Function(FakeEss(fleet(), lag=1))
    removed = [function.serve(ask(id, 3)).accepted for id in "abc"]

    assert removed == [("i-1", "i-2", "i-3"), ("i-4",), ()]


class WithoutHistory(FakeEss):
    """A removed instance vanishes at once, and the history does not show it yet."""

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        shown = super().snapshot(scaling_group_id, read_scope)
        left = tuple(i for i in shown.instances if i.lifecycle_state != "Removing")
        total = shown.group._replace(total_capacity=len(left))
        return shown._replace(
            group=total, instances=left, activities=() if read_scope.history_seconds else None
        )


def test_a_budget_counts_instances_that_the_history_does_not_show_yet() -> None:
    function = Function(WithoutHistory(fleet(20)), GroupPolicy(budget=Budget(3_600, 5)))

    assert [len(function.serve(ask(id, 3)).accepted) for id in "abc"] == [3, 2, 0]


@pytest.mark.parametrize("seconds", [0, 200])
def test_a_cooldown_counts_a_removal_that_the_history_does_not_show_yet(seconds: float) -> None:
    """Without a shared ledger too, in the process that made it."""
    function = Function(WithoutHistory(fleet(20)), GroupPolicy(cooldown_seconds=600))
    assert len(function.serve(ask("a", 3)).accepted) == 3
    function.clock.elapsed += seconds
    function.ess.groups["asg-1"] = function.ess.groups["asg-1"]._replace(
        taken_at=function.clock.now()
    )
    second = function.serve(ask("b", 3))

    assert (
        second.accepted,
        second.plan and second.plan.blocked_by and second.plan.blocked_by.reason,
    ) == ((), Reason.COOLDOWN)


def test_a_snapshot_that_has_grown_old_is_not_acted_upon() -> None:
    old = fleet()._replace(taken_at=NOON - timedelta(seconds=5.1))
    gateway = ScriptedGateway(old, fleet())
    outcome = scale_in(request_for(Target(instances=1)), gateway)

    assert (gateway.reads, outcome.accepted) == (2, ("i-1",))


def test_a_group_whose_snapshot_is_always_old_is_tried_again_later() -> None:
    gateway = ScriptedGateway(fleet()._replace(taken_at=NOON - timedelta(minutes=1)))

    with pytest.raises(TryLater):
        scale_in(request_for(Target(instances=1)), gateway)
    assert gateway.removals == []


@pytest.mark.parametrize("alone", [True, False])
def test_where_nothing_keeps_others_out_a_removal_beside_ours_ends_it(alone: bool) -> None:
    """Where ESS runs removals beside each other: what it accepted is reported, no more is sent."""
    gateway = ScriptedGateway(fleet(60, desired_capacity=60))
    gateway.past = (Activity("asa-other", "InProgress", NOON, None, trigger="APIs"),)
    run = removal_run(request_for(Target(instances=50)), gateway, is_shared=alone)
    outcome = run.advance()

    assert run.concurrent_removal is not alone
    assert [len(removal.instance_ids) for removal in gateway.removals] == (
        [20, 20, 10] if alone else [20]
    )
    assert (len(outcome.accepted), len(outcome.pending)) == ((50, 0) if alone else (20, 30))


class Requests:
    """Follow-ups that were asked for."""

    def __init__(self, known: bool = False) -> None:
        self.requested: list[tuple[Progress, int]] = []
        self._known = known

    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        self.requested.append((progress, delay_seconds))
        return not self._known


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("held", ["message", "group"])
def test_a_message_that_finds_itself_or_its_group_held_comes_again_by_itself(
    held: str, known: bool
) -> None:
    """409 to that request means that it is scheduled already."""
    follow_ups = Requests(known)
    function = Function(FakeEss(fleet()), follow_ups=follow_ups)
    other = function.ledger("other")
    other.claim_message(ref("a")) if held == "message" else other.acquire_lease("asg-1")
    outcome = function.serve(ask("a"))

    assert outcome.status is Status.RETRY
    assert outcome.follow_up is not None
    assert [(progress.follow_ups, progress.attempt) for progress, _ in follow_ups.requested] == [
        (0, 1)
    ]


def test_an_activity_that_the_reply_lacks_is_not_over() -> None:
    function = Function(FakeEss(fleet()), follow_ups=Requests())  # FakeEss shows no activity, ever
    function.serve(ask("a"))
    progress, _ = function.follow_ups.requested[-1]
    function.clock.elapsed += 60
    outcome = function.process(progress, "later")

    assert outcome.status is Status.REMOVING
    assert outcome.follow_up is not None


def test_an_invocation_that_lost_its_lease_after_a_call_makes_no_other() -> None:
    function: Function

    class Slow(FakeEss):
        def remove(self, removal: Removal) -> str:
            function.clock.elapsed += LEASE + 1
            function.ledger("other").acquire_lease("asg-1")
            return super().remove(removal)

    function = Function(Slow(fleet(60, min_size=0, desired_capacity=60)))
    outcome = function.serve(ask("a", 50))

    assert len(function.ess.removals) == 1
    assert len(outcome.accepted) == 20


@pytest.mark.parametrize("days", [0.02, 1.01])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.EXPIRED),
        ({"selected": ("i-1", "i-2"), "unaccounted": ("i-1",)}, Status.UNCONFIRMED),
    ],
)
def test_a_message_that_waited_too_long_ends_whatever_is_in_its_way(
    fields: dict[str, Any], status: Status, days: float
) -> None:
    busy = TryLater("RemoveInstances", "ScalingActivityInProgress", "one runs.")
    function = Function(ScriptedGateway(fleet(), answers=[busy] * 9), follow_ups=Requests())
    function.ess.snapshot("asg-1")
    first_claimed_at = function.clock.now() - timedelta(days=days)
    progress = Progress(ask("a", 2), first_claimed_at, follow_ups=3)._replace(**fields)
    outcome = function.process(progress, "fc-9")

    assert outcome.status is status
    assert outcome.follow_up is None
