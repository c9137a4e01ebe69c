"""A judge of reasons: whether each alone suffices, computed without the code under test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Instance, Order, Plan, RemovalRequest, Snapshot
from scalein.decision.reasons import Reason

STABLE = ("InService", "Protected", "Standby")
ESS_POLICIES = ("OldestInstance", "NewestInstance", "OldestScalingConfiguration")
BY_LIMITS = (
    Reason.MIN_SIZE,
    Reason.FLOOR,
    Reason.MAX_PER_REQUEST,
    Reason.MAX_PERCENT_PER_REQUEST,
    Reason.BUDGET,
)
SELECTED_FIRST = (Reason.REQUEST_LIMIT, Reason.PARTIAL_DENIED)


class Case:
    """One decision, and what can be counted in it."""

    def __init__(
        self, request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy, plan: Plan
    ) -> None:
        self.request, self.snapshot, self.group_policy, self.plan = (
            request,
            snapshot,
            group_policy,
            plan,
        )
        clocks = sorted((snapshot.taken_at, snapshot.cloud_time or snapshot.taken_at))
        self.group, self.now, self.latest = snapshot.group, clocks[0], clocks[1]
        self.members = {instance.id: instance for instance in snapshot.instances}
        self.planned_ids = [
            v.instance_id for v in plan.verdicts if v.selected or v.reason in SELECTED_FIRST
        ]
        self.held_ids = [v.instance_id for v in plan.verdicts if v.reason in BY_LIMITS]

    def weight(self, id: str) -> int:
        return (self.members[id].weight or 0) if self.group.weighted else 1

    def capacity(self, *states: str) -> int:
        return sum(
            self.weight(i.id) for i in self.snapshot.instances if i.lifecycle_state in states
        )

    @property
    def stable(self) -> int:
        counted = [self.group.total_capacity, self.capacity(*STABLE)]
        return min(
            counted
            if self.group.stable_capacity is None
            else [*counted, self.group.stable_capacity]
        )

    @property
    def requested(self) -> int:
        target, total = self.request.target, self.group.total_capacity
        if target.instances is not None:
            return target.instances
        if target.instance_ids is not None:
            return len(target.instance_ids)
        if target.percent is not None:
            return max(1, int(Fraction(repr(target.percent)) / 100 * total))
        assert target.to_capacity is not None
        removed = ("Removing", "Removing:Wait", "Stopped")
        in_service = sum(
            self.weight(i.id) for i in self.snapshot.instances if i.lifecycle_state not in removed
        )
        return max(0, min(total, in_service) - target.to_capacity)

    def cost(self, ids: list[str]) -> int:
        target = self.request.target
        is_by_capacity = (target.percent, target.to_capacity) != (None, None)
        by_capacity = self.group.weighted and is_by_capacity
        return sum(self.weight(id) for id in ids) if by_capacity else len(ids)

    def removed_with(self, id: str) -> int:
        return sum(self.weight(one) for one in [*self.planned_ids, id])

    def spent(self) -> int:
        """How much of the budget is spent, by a count over the history."""
        assert self.group_policy.budget is not None
        since = self.now - timedelta(seconds=self.group_policy.budget.window_seconds)
        past = [
            a.removed
            for a in self.snapshot.activities or ()
            if a.ended_at is None or since < a.ended_at
        ]
        return sum(past) + sum(
            i.lifecycle_state.startswith("Removing") for i in self.snapshot.instances
        )

    def budget(self) -> int:
        assert self.group_policy.budget is not None
        budget = self.group_policy.budget
        if budget.instances is not None:
            return budget.instances
        return int(Fraction(repr(budget.percent)) * self.members_at_first() / 100)

    def members_at_first(self) -> int:
        """How many instances surely were members when the budget's window began, one by one."""
        assert self.group_policy.budget is not None
        since = self.now - timedelta(seconds=self.group_policy.budget.window_seconds)
        recent = [
            a for a in self.snapshot.activities or () if a.ended_at is None or since < a.ended_at
        ]
        members = removed = 0
        for id in set(self.members).union(*(a.removed_ids for a in recent)):
            if any(id in a.added_ids for a in recent):
                continue
            was_removed = any(id in a.removed_ids for a in recent if a.id)
            if id not in self.members:
                removed += was_removed
                continue
            joined, state = self.members[id].joined_at, self.members[id].lifecycle_state
            is_member = was_removed or state in STABLE or state.startswith("Removing")
            members += is_member and joined is not None and joined <= since
        coming = any(i.lifecycle_state.startswith("Pending") for i in self.snapshot.instances)
        for a in recent:
            if a.ended_at is None and (coming or a.trigger in ("Cms", "Ess")):
                return members
            if a.status in ("Successful", "Warning") and a.added == a.removed == 0:
                return members
        return members + max(
            0,
            removed - sum(a.added - len(a.added_ids) for a in recent if a.added > len(a.added_ids)),
        )

    def cools(self, seconds: int | None, which: Callable[..., bool]) -> bool:
        return bool(seconds) and any(
            which(a)
            and (a.ended_at is None or self.now < a.ended_at + timedelta(seconds=seconds or 0))
            for a in self.snapshot.activities or ()
        )


def suffices(case: Case, id: str, reason: Reason) -> bool:
    """Whether the reason alone retains the instance."""
    if reason in STATES:
        return case.members[id].lifecycle_state in STATES[reason] and not _may_be_removed(
            case, case.members[id]
        )
    return JUDGES[reason](case, id)


STATES = {
    Reason.PROTECTED: ("Protected",),
    Reason.STANDBY: ("Standby",),
    Reason.PENDING: ("Pending", "Pending:Wait"),
    Reason.REMOVING: ("Removing", "Removing:Wait"),
    Reason.STOPPED: ("Stopped",),
    Reason.NOT_IN_SERVICE: ("New",),
}


def _may_be_removed(case: Case, instance: Instance) -> bool:
    if not case.request.target.is_named:
        return False
    policy = case.group_policy
    return {"Protected": policy.remove_protected, "Standby": policy.remove_standby}.get(
        instance.lifecycle_state, False
    )


def _exceeds_max(case: Case) -> bool:
    maximum = case.group_policy.max_removed_per_event
    return maximum is not None and len(case.planned_ids) + 1 > maximum


def _exceeds_max_percent(case: Case, id: str) -> bool:
    percent = case.group_policy.max_removed_percent_per_event
    if percent is None:
        return False
    return case.removed_with(id) > int(Fraction(repr(percent)) * case.group.total_capacity / 100)


def _unhealthy(case: Case) -> bool:
    counted = [
        i for i in case.snapshot.instances if i.lifecycle_state in ("InService", "Protected")
    ]
    quorum = case.group_policy.healthy_quorum_percent
    healthy = Fraction(sum(i.healthy for i in counted) * 100, len(counted) or 1)
    return quorum is not None and bool(counted) and healthy < Fraction(repr(quorum))


def _too_young(case: Case, id: str) -> bool:
    joined, minimum = (
        case.members[id].joined_at,
        timedelta(seconds=case.group_policy.minimum_age_seconds),
    )
    return bool(minimum) and (joined is None or case.now - joined < minimum)


def _no_metric(case: Case, id: str) -> bool:
    wanted = {Order.LOWEST_METRIC, Order.HIGHEST_METRIC} & set(case.request.order)
    sample, metric = (case.snapshot.samples or {}).get(id), case.group_policy.metric
    longest = timedelta(seconds=metric.period_seconds * metric.stale_after_periods)
    return bool(wanted) and (sample is None or case.latest - sample.taken_at > longest)


JUDGES: dict[Reason, Callable[[Case, str], bool]] = {
    Reason.NOT_NEEDED: lambda case, id: (
        case.cost(case.planned_ids + case.held_ids) >= case.requested
    ),
    Reason.NOT_NAMED: lambda case, id: (
        case.request.target.is_named and id not in (case.request.target.instance_ids or ())
    ),
    Reason.NOT_A_MEMBER: lambda case, id: case.request.target.is_named and id not in case.members,
    Reason.TOO_HEAVY: lambda case, id: (
        case.cost([id]) > case.requested - case.cost(case.planned_ids + case.held_ids)
    ),
    Reason.PARTIAL_DENIED: lambda case, id: (
        case.request.denies_partial and case.plan.shortfall is not None
    ),
    Reason.REQUEST_LIMIT: lambda case, id: len(case.planned_ids) > 20,
    Reason.WEIGHT_UNKNOWN: lambda case, id: case.group.weighted and not case.members[id].weight,
    Reason.WARMING_UP: lambda case, id: case.members[id].warming_up,
    Reason.TOO_YOUNG: _too_young,
    Reason.NO_METRIC: _no_metric,
    Reason.MIN_SIZE: lambda case, id: case.stable - case.removed_with(id) < case.group.min_size,
    Reason.FLOOR: lambda case, id: case.stable - case.removed_with(id) < case.group_policy.floor,
    Reason.MAX_PER_REQUEST: lambda case, id: _exceeds_max(case),
    Reason.MAX_PERCENT_PER_REQUEST: _exceeds_max_percent,
    Reason.BUDGET: lambda case, id: case.spent() + len(case.planned_ids) + 1 > case.budget(),
    Reason.GROUP_NOT_ACTIVE: lambda case, id: case.group.lifecycle_state != "Active",
    Reason.SCALE_IN_SUSPENDED: lambda case, id: "ScaleIn" in case.group.suspended_processes,
    Reason.UNKNOWN_REMOVAL_POLICY: lambda case, id: (
        not set(case.group.removal_policies) <= set(ESS_POLICIES)
        and not case.request.order
        and not case.request.target.is_named
    ),
    Reason.BELOW_DESIRED: lambda case, id: (
        (case.group.desired_capacity or 0) > case.capacity(*STABLE, "Pending", "Pending:Wait")
    ),
    Reason.ACTIVITY_IN_PROGRESS: lambda case, id: any(
        a.ended_at is None and (case.group.desired_capacity is None or a.trigger == "Cms")
        for a in case.snapshot.activities or ()
    ),
    Reason.STOP_SWITCH: lambda case, id: bool(case.group_policy.stopped_by),
    Reason.PAUSED: lambda case, id: (
        case.group_policy.pause is not None
        and (case.group_policy.pause.until is None or case.now < case.group_policy.pause.until)
    ),
    Reason.WINDOW_CLOSED: lambda case, id: (
        case.group_policy.windows is not None
        and (bool(case.group_policy.windows.forbid) or {case.now.hour, case.latest.hour} != {12})
    ),  # of tests/support/fleets.py: one allows this hour, the other forbids today
    Reason.UNHEALTHY_GROUP: lambda case, id: _unhealthy(case),
    Reason.COOLDOWN: lambda case, id: (
        case.cools(case.group_policy.cooldown_seconds, lambda a: a.removed > 0)
        or (
            bool(case.group_policy.cooldown_seconds)
            and any("Removing" in i.lifecycle_state for i in case.snapshot.instances)
        )
    ),
    Reason.COOLDOWN_AFTER_SCALE_OUT: lambda case, id: case.cools(
        case.group_policy.cooldown_after_scale_out_seconds, lambda a: a.added > 0
    ),
    Reason.COOLDOWN_AFTER_FAILURE: lambda case, id: case.cools(
        case.group_policy.cooldown_after_failure_seconds, lambda a: a.status == "Failed"
    ),
}
