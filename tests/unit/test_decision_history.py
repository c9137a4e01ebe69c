"""Any sequence of events in a simulated group: what must hold at every moment, counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scalein.decision.group_policy import Budget, GroupPolicy
from scalein.decision.model import Target
from scalein.decision.planner import plan_removal
from scalein_cli.simulated_group import SimulatedGroup
from tests.support.clock import NOON
from tests.support.fleets import group_of, member, request_for

ACTIVITY = timedelta(seconds=60)
TARGETS = st.one_of(
    st.integers(1, 6).map(lambda value: Target(instances=value)),
    st.sampled_from([5, 20, 50, 100]).map(lambda value: Target(percent=value)),
    st.integers(0, 12).map(lambda value: Target(to_capacity=value)),
    st.lists(st.integers(0, 11).map("i-{:02}".format), min_size=1, max_size=4, unique=True)
    .map(tuple)
    .map(lambda value: Target(instance_ids=value)),
)
GUARDRAILS = st.fixed_dictionaries(
    {
        "floor": st.integers(0, 6),
        "max_removed_per_event": st.none() | st.integers(1, 3),
        "budget": st.none()
        | st.builds(Budget, st.sampled_from([300, 1_800]), st.integers(1, 4), st.none()),
        "cooldown_seconds": st.none() | st.sampled_from([120, 600]),
        "cooldown_after_scale_out_seconds": st.none() | st.just(300),
    }
).map(lambda fields: GroupPolicy(**fields))  # type: ignore[arg-type]


class Life(RuleBasedStateMachine):
    """A group, messages at any time, and a record of it that the code under test never sees."""

    @initialize(
        size=st.integers(1, 12),
        min_size=st.integers(0, 6),
        group_policy=GUARDRAILS,
        desired=st.booleans(),
    )
    def begin(self, size: int, min_size: int, group_policy: GroupPolicy, desired: bool) -> None:
        zones = "hij"
        members = [member(f"i-{n:02}", 1 + n, zones[n % 3]) for n in range(size)]
        fleet = group_of(
            *members,
            min_size=min_size,
            desired_capacity=size if desired else None,
            multi_az_policy="BALANCE",
        )
        self.group_policy, self.least, self.now = (
            group_policy,
            max(min_size, group_policy.floor),
            NOON,
        )
        self.group = SimulatedGroup(
            fleet, timedelta(seconds=group_policy.history_seconds), ACTIVITY
        )
        self.removed: list[tuple[datetime, int]] = []  # when, and how many
        self.added: list[datetime] = []

    @rule(seconds=st.sampled_from([0, 1, 30, 60, 90, 200, 600, 4_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(number=st.integers(1, 3))
    def scale_out(self, number: int) -> None:
        self.group.at(self.now)
        self.group.add(number)
        self.added.append(self.now)

    @rule(goal=TARGETS, denies_partial=st.booleans())
    def message(self, goal: Target, denies_partial: bool) -> None:
        snapshot = self.group.at(self.now)
        before = self.group.stable_capacity()
        plan = plan_removal(
            request_for(goal, denies_partial=denies_partial), snapshot, self.group_policy
        )
        if not plan.selected:
            return
        assert before - len(plan.selected) >= self.least
        self._no_cooldown_is_broken()
        self.group.remove(plan.selected)
        self.removed.append((self.now, len(plan.selected)))

    def _no_cooldown_is_broken(self) -> None:
        over = ACTIVITY + timedelta(seconds=self.group_policy.cooldown_seconds or 0)
        if self.group_policy.cooldown_seconds:
            assert all(self.now - then >= over for then, _ in self.removed)
        if self.group_policy.cooldown_after_scale_out_seconds:
            pause = timedelta(seconds=self.group_policy.cooldown_after_scale_out_seconds)
            assert all(self.now - then >= pause for then in self.added)

    @invariant()
    def the_budget_holds_in_every_window(self) -> None:
        """Each window that ends with a removal, counted by brute force."""
        if not hasattr(self, "removed") or self.group_policy.budget is None:
            return
        window = timedelta(seconds=self.group_policy.budget.window_seconds)
        for end, _ in self.removed:
            inside = sum(number for then, number in self.removed if end - window < then <= end)
            assert inside <= (self.group_policy.budget.instances or 0)

    @precondition(lambda self: hasattr(self, "removed") and not self.removed)
    @invariant()
    def no_instance_is_removed_without_a_message(self) -> None:
        assert len(self.group.at(self.now).instances) >= 1


TestLife = Life.TestCase


def test_two_removals_of_the_same_moment_are_both_recorded() -> None:
    fleet = group_of(*(member(f"i-{n}") for n in range(6)), desired_capacity=6)
    group = SimulatedGroup(fleet, timedelta(hours=1), ACTIVITY)
    group.at(NOON)
    group.remove(["i-0"])
    group.remove(["i-1"])
    later = group.at(NOON + ACTIVITY)

    assert [activity.removed for activity in later.activities or ()] == [1, 1]
    assert (len(later.instances), later.group.total_capacity, later.group.desired_capacity) == (
        4,
        4,
        4,
    )
