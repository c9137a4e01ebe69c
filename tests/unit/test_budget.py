"""The budget, judged by what a simulated group did: it grows, shrinks, is refilled, and shows the past."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import event, given
from hypothesis import strategies as st

from scalein.decision.budget import Budget
from scalein.decision.guardrails import GroupPolicy
from scalein.decision.model import Activity, Count, Instance, ReadScope, ScalingGroup, Snapshot
from scalein.decision.planner import plan_removal
from scalein.processing.group_view import GroupView
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import ScriptedGateway
from tests.support.fleets import request_for

WINDOW = 3_600
FLIGHT = 300.0  # that the ledger knows of our own removals, longer than the reads lag
NEVER = datetime.max.replace(tzinfo=NOON.tzinfo)


@dataclass
class Life:
    joined_at: datetime
    asked_at: datetime = NEVER  # to leave
    gone_at: datetime = NEVER


@dataclass
class Group:
    """What really happened; and what ESS shows of it, so many seconds late."""

    clock: DrivenClock = field(default_factory=DrivenClock)
    lives: dict[str, Life] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    lists_lag: float = 0
    history_lag: float = 0

    def grow(self, count: int, seconds: float = 0, listed: bool = True) -> frozenset[str]:
        joined_at = self.clock.now() + timedelta(seconds=seconds)
        ids = frozenset(f"i-{len(self.lives) + n:03}" for n in range(count))
        self.lives |= {id: Life(joined_at) for id in ids}
        self._record(
            joined_at, added=count, added_ids=ids if listed else frozenset(), trigger="Ess"
        )
        return ids

    def remove(self, ids: tuple[str, ...], seconds: float, trigger: str = "APIs") -> None:
        now = self.clock.now()
        ends = now + timedelta(seconds=seconds)
        for id in ids:
            self.lives[id].asked_at, self.lives[id].gone_at = now, ends
        self._record(ends, removed=len(ids), removed_ids=frozenset(ids), trigger=trigger)

    def _record(self, ends: datetime, **what: object) -> None:
        id, started = (
            f"asa-{len(self.activities)}",
            self.clock.now().replace(second=0, microsecond=0),
        )
        self.activities.append(Activity(id, "Successful", started, ends, **what))  # type: ignore[arg-type]

    def stable(self, at: datetime) -> list[str]:
        return [id for id, life in self.lives.items() if life.joined_at <= at < life.asked_at]

    def snapshot(self) -> Snapshot:
        at = self.clock.now() - timedelta(seconds=self.lists_lag)
        instances = tuple(
            Instance(
                id, "InService" if at < life.asked_at else "Removing", "h", "asc-1", life.joined_at
            )
            for id, life in self.lives.items()
            if life.joined_at <= at < life.gone_at
        )
        group = ScalingGroup("asg-1", "Active", 0, len(instances), desired_capacity=0)
        return Snapshot(group, instances, self.clock.now(), self.history())

    def history(self) -> tuple[Activity, ...]:
        """What runs lists nothing yet; what has ended did so in the last second of a minute."""
        at = self.clock.now() - timedelta(seconds=self.history_lag)
        began = [activity for activity in self.activities if activity.started_at <= at]
        return tuple(
            one._replace(ended_at=one.ended_at.replace(second=59, microsecond=999_999))
            if one.ended_at and one.ended_at <= at
            else Activity(one.id, "InProgress", one.started_at, None, trigger=one.trigger)
            for one in began
        )

    def removed_since(self, since: datetime) -> int:
        return sum(since < life.asked_at <= self.clock.now() for life in self.lives.values())


def leave(group: Group, budget: Budget, count: int, seconds: float) -> int:
    """One message: as the function decides with a ledger that knows of our own removals. How many leave."""
    gateway = ScriptedGateway(group.snapshot())
    one = GroupView("asg-1", gateway, group.clock)
    lately = group.clock.now() - timedelta(seconds=FLIGHT)
    ours = {id for id, life in group.lives.items() if lately < life.asked_at <= group.clock.now()}
    one.update(frozenset(ours), 1)
    snapshot = one.snapshot(ReadScope(WINDOW))
    plan = plan_removal(request_for(Count(count)), snapshot, GroupPolicy(budget=budget), 1_000)
    group.remove(plan.selected, seconds) if plan.selected else None
    return len(plan.selected)


def judge(group: Group, budget: Budget, leaving: int) -> None:
    """By what the group did: no more in the window than its share of those that were there when it began."""
    since = group.clock.now() - timedelta(seconds=WINDOW)
    allowed = int(Fraction(repr(budget.percent)) * len(group.stable(since)) / 100)
    if leaving:
        assert group.removed_since(since) <= allowed


def group_at(size: int, lists_lag: float = 0, history_lag: float = 0) -> Group:
    """A group whose instances have been there for a day."""
    group = Group(lists_lag=lists_lag, history_lag=history_lag)
    group.lives = {f"i-{n:03}": Life(NOON - timedelta(days=1)) for n in range(size)}
    return group


ACTS = st.one_of(
    st.tuples(st.just("leave"), st.integers(1, 60), st.sampled_from([5, 40, 300])),
    st.tuples(st.just("leave"), st.integers(1, 60), st.sampled_from([5, 40, 300])),
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
    st.lists(ACTS, min_size=1, max_size=14),
    st.booleans(),
)
def test_no_more_leave_in_any_window_than_the_share_of_those_that_were_there(
    size: int,
    lists_lag: float,
    history_lag: float,
    percent: float,
    acts: list[tuple[str, int, int]],
    listed: bool,
) -> None:
    group, budget = group_at(size, lists_lag, history_lag), Budget(WINDOW, None, percent)
    for act, count, seconds in acts:
        stable = group.stable(group.clock.now())
        if act == "leave":
            leaving = leave(group, budget, count, seconds)
            event(f"{min(leaving, 3)} leave")
            judge(group, budget, leaving)
        elif act == "grow":
            group.grow(count, seconds, listed)
        elif act == "refill":
            group.grow(max(0, size - len(stable)), seconds, listed)
        elif (
            act == "shrink" and not lists_lag and not history_lag
        ):  # what others do unseen cannot be counted
            group.remove(tuple(stable[:count]), seconds, trigger="Cms")
        elif act == "wait":
            group.clock.elapsed += seconds
        group.clock.elapsed += 1


def test_ten_that_are_refilled_each_time_lose_half_and_no_more() -> None:
    group, budget = group_at(10), Budget(WINDOW, None, 50)
    removed = 0
    for _ in range(20):
        removed += leave(group, budget, 10, seconds=10)
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
        removed += leave(group, budget, 90, seconds=10)

    assert removed == 9


def test_the_budget_is_free_again_once_the_window_has_passed() -> None:
    group, budget = group_at(10), Budget(WINDOW, None, 50)

    assert leave(group, budget, 10, seconds=10) == 5
    group.clock.elapsed += WINDOW + 120
    assert leave(group, budget, 10, seconds=10) == 2
