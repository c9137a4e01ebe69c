"""The budget, judged by what a simulated group did, which also shows the past."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import event, given
from hypothesis import strategies as st

from scalein.decision.group_policy import Budget, GroupPolicy
from scalein.decision.model import (
    Activity,
    Instance,
    ReadScope,
    ScalingGroup,
    Snapshot,
    Target,
)
from scalein.decision.planner import plan_removal
from scalein.processing.group_view import GroupView
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import ScriptedGateway
from tests.support.fleets import request_for

WINDOW = 3_600
FLIGHT = 300.0  # that the ledger knows of our own removals, longer than the reads lag
NEVER = datetime.max.replace(tzinfo=NOON.tzinfo)


@dataclass
class Lifetime:
    joined_at: datetime
    removing_at: datetime = NEVER  # when a removal of it begins
    removed_at: datetime = NEVER


@dataclass
class Group:
    """What really happened; and what ESS shows of it, so many seconds late."""

    clock: DrivenClock = field(default_factory=DrivenClock)
    lifetimes: dict[str, Lifetime] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    lists_lag: float = 0
    history_lag: float = 0

    def grow(self, count: int, seconds: float = 0, listed: bool = True) -> frozenset[str]:
        joined_at = self.clock.now() + timedelta(seconds=seconds)
        ids = frozenset(f"i-{len(self.lifetimes) + n:03}" for n in range(count))
        self.lifetimes |= {id: Lifetime(joined_at) for id in ids}
        self._record(
            joined_at, added=count, added_ids=ids if listed else frozenset(), trigger="Ess"
        )
        return ids

    def remove(self, ids: tuple[str, ...], seconds: float, trigger: str = "APIs") -> None:
        now = self.clock.now()
        ends = now + timedelta(seconds=seconds)
        for id in ids:
            self.lifetimes[id].removing_at, self.lifetimes[id].removed_at = now, ends
        self._record(ends, removed=len(ids), removed_ids=frozenset(ids), trigger=trigger)

    def _record(self, ends: datetime, **what: object) -> None:
        id, started = (
            f"asa-{len(self.activities)}",
            self.clock.now().replace(second=0, microsecond=0),
        )
        self.activities.append(Activity(id, "Successful", started, ends, **what))  # type: ignore[arg-type]

    def stable(self, at: datetime) -> list[str]:
        return [
            id for id, life in self.lifetimes.items() if life.joined_at <= at < life.removing_at
        ]

    def snapshot(self) -> Snapshot:
        at = self.clock.now() - timedelta(seconds=self.lists_lag)
        instances = tuple(
            Instance(
                id,
                "InService" if at < life.removing_at else "Removing",
                "h",
                "asc-1",
                life.joined_at,
            )
            for id, life in self.lifetimes.items()
            if life.joined_at <= at < life.removed_at
        )
        group = ScalingGroup("asg-1", "Active", 0, len(instances), desired_capacity=0)
        return Snapshot(group, instances, self.clock.now(), self.history())

    def history(self) -> tuple[Activity, ...]:
        """What runs lists nothing yet; what has ended did so in the last second of a minute."""
        at = self.clock.now() - timedelta(seconds=self.history_lag)
        began = [activity for activity in self.activities if activity.started_at <= at]
        return tuple(
            activity._replace(ended_at=activity.ended_at.replace(second=59, microsecond=999_999))
            if activity.ended_at and activity.ended_at <= at
            else Activity(
                activity.id, "InProgress", activity.started_at, None, trigger=activity.trigger
            )
            for activity in began
        )

    def removed_since(self, since: datetime) -> int:
        return sum(since < life.removing_at <= self.clock.now() for life in self.lifetimes.values())


def remove_by_message(group: Group, budget: Budget, count: int, seconds: float) -> int:
    """How many instances a message removes, with a ledger that knows of this function's calls."""
    gateway = ScriptedGateway(group.snapshot())
    group_view = GroupView("asg-1", gateway, group.clock)
    lately = group.clock.now() - timedelta(seconds=FLIGHT)
    own_ids = {
        id for id, life in group.lifetimes.items() if lately < life.removing_at <= group.clock.now()
    }
    group_view.update(frozenset(own_ids), 1)
    snapshot = group_view.snapshot(ReadScope(WINDOW))
    plan = plan_removal(
        request_for(Target(instances=count)), snapshot, GroupPolicy(budget=budget), 1_000
    )
    group.remove(plan.selected, seconds) if plan.selected else None
    return len(plan.selected)


def judge(group: Group, budget: Budget, removed: int) -> None:
    """No more is removed in the window than the share of the members when it began."""
    since = group.clock.now() - timedelta(seconds=WINDOW)
    allowed = int(Fraction(repr(budget.percent)) * len(group.stable(since)) / 100)
    if removed:
        assert group.removed_since(since) <= allowed


def group_at(size: int, lists_lag: float = 0, history_lag: float = 0) -> Group:
    """A group whose instances joined a day ago."""
    group = Group(lists_lag=lists_lag, history_lag=history_lag)
    group.lifetimes = {f"i-{n:03}": Lifetime(NOON - timedelta(days=1)) for n in range(size)}
    return group


ACTIONS = st.one_of(
    st.tuples(st.just("remove"), st.integers(1, 60), st.sampled_from([5, 40, 300])),
    st.tuples(st.just("remove"), st.integers(1, 60), st.sampled_from([5, 40, 300])),
    st.tuples(st.just("grow"), st.integers(1, 80), st.sampled_from([0, 45, 400])),
    st.tuples(st.just("refill"), st.just(0), st.sampled_from([0, 45])),
    st.tuples(st.just("shrink"), st.integers(1, 10), st.sampled_from([5, 300])),
    st.tuples(st.just("wait"), st.just(0), st.sampled_from([1, 59, 61, 600, 1_799, 3_601])),
)


@given(
    st.integers(0, 60),
    st.sampled_from([0.0, 30.0, 60.0]),
    st.sampled_from([0.0, 30.0, 60.0]),
    st.floats(1, 100),
    st.lists(ACTIONS, min_size=1, max_size=14),
    st.booleans(),
)
def test_no_more_are_removed_in_any_window_than_the_share_of_its_members(
    size: int,
    lists_lag: float,
    history_lag: float,
    percent: float,
    actions: list[tuple[str, int, int]],
    listed: bool,
) -> None:
    group, budget = group_at(size, lists_lag, history_lag), Budget(WINDOW, None, percent)
    for action, count, seconds in actions:
        stable = group.stable(group.clock.now())
        if action == "remove":
            removed = remove_by_message(group, budget, count, seconds)
            event(f"{min(removed, 3)} removed")
            judge(group, budget, removed)
        elif action == "grow":
            group.grow(count, seconds, listed)
        elif action == "refill":
            group.grow(max(0, size - len(stable)), seconds, listed)
        elif (
            action == "shrink" and not lists_lag and not history_lag
        ):  # what others do unseen cannot be counted
            group.remove(tuple(stable[:count]), seconds, trigger="Cms")
        elif action == "wait":
            group.clock.elapsed += seconds
        group.clock.elapsed += 1


def test_ten_that_are_refilled_each_time_lose_half_and_no_more() -> None:
    group, budget = group_at(10), Budget(WINDOW, None, 50)
    removed = 0
    for _ in range(20):
        removed += remove_by_message(group, budget, 10, seconds=10)
        group.clock.elapsed += 61
        group.grow(10 - len(group.stable(group.clock.now())))
        group.clock.elapsed += 61

    assert removed == 5


def test_ten_that_grow_to_ninety_within_the_window_lose_nine_of_ten_and_no_more() -> None:
    group, budget = group_at(10), Budget(WINDOW, None, 90)
    group.grow(80)
    removed = 0
    for _ in range(10):
        group.clock.elapsed += 61
        removed += remove_by_message(group, budget, 90, seconds=10)

    assert removed == 9


def test_the_budget_is_free_again_once_the_window_has_passed() -> None:
    group, budget = group_at(10), Budget(WINDOW, None, 50)

    assert remove_by_message(group, budget, 10, seconds=10) == 5
    group.clock.elapsed += WINDOW + 120
    assert remove_by_message(group, budget, 10, seconds=10) == 2
