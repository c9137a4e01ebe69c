"""The only module that decides whether anyone may leave now, and how much at most. Pure.

What the operator's policy allows, what the group's state forbids, and the project's only MinSize arithmetic. Every
number comes with the reason that it is given for.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from scalein.decision.budget import Budget, budget_limit
from scalein.decision.capacity import (
    COMING_STATES,
    LEAVING_STATES,
    STABLE_STATES,
    WORKING_STATES,
    capacity_in,
    share,
)
from scalein.decision.model import (
    Activity,
    Instance,
    Limit,
    Metric,
    Named,
    Order,
    ReadScope,
    RemovalRequest,
    Snapshot,
)
from scalein.decision.reasons import Reason
from scalein.decision.removal_order import REMOVAL_POLICIES, is_by_metric
from scalein.decision.windows import Windows

KNOWN_REMOVAL_POLICIES = frozenset(order.value for order in REMOVAL_POLICIES)
MAX_SKEW_SECONDS = 900  # ESS refuses calls by a clock that is further from its own


class Pause(NamedTuple):
    until: datetime | None = None  # None: until somebody ends it
    reason: str = ""


class GroupPolicy(NamedTuple):
    """What the operator's policy allows in one scaling group. None, 0, empty: not limited here."""

    floor: int = 0
    max_removed_per_event: int | None = None
    max_removed_percent_per_event: float | None = None
    budget: Budget | None = None
    cooldown_seconds: int | None = None
    cooldown_after_scale_out_seconds: int | None = None
    cooldown_after_failure_seconds: int | None = None
    order: tuple[Order, ...] = ()
    metric: Metric = Metric()
    minimum_age_seconds: int = 0
    remove_protected: bool = False
    remove_standby: bool = False
    remove_policy: str | None = None
    stop_instance_timeout_seconds: int | None = None
    keep_desired_capacity: bool = False
    healthy_quorum_percent: float | None = None
    pause: Pause | None = None
    windows: Windows | None = None
    dry_run: bool = False

    @property
    def history_seconds(self) -> int:
        """How far back the group's activities must be known; 0: not at all."""
        spans = [
            self.cooldown_seconds,
            self.cooldown_after_scale_out_seconds,
            self.cooldown_after_failure_seconds,
        ]
        return max(filter(None, [self.budget and self.budget.window_seconds, *spans]), default=0)


NONE = GroupPolicy()


class Veto(NamedTuple):
    """Why nobody at all may leave now."""

    reason: Reason
    detail: str = ""


def veto(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy = NONE
) -> Veto | None:
    """The first of the reasons why nobody may leave, from the lasting to the passing; None where somebody may."""
    needed = read_scope(request, group_policy)
    if (needed.history_seconds and snapshot.activities is None) or (
        needed.metric and snapshot.samples is None
    ):
        raise ValueError(
            "what the guardrails or the order go by was not read"
        )  # unread is not none
    return next(_vetoes(request, snapshot, group_policy), None)


def read_scope(request: RemovalRequest, group_policy: GroupPolicy) -> ReadScope:
    """What a decision on this request needs besides the group and its instances."""
    seconds = group_policy.history_seconds
    # What is read goes by our clock, what is counted by the earlier one.
    return ReadScope(
        seconds and seconds + MAX_SKEW_SECONDS,
        group_policy.metric if is_by_metric(request) else None,
    )


def limits(snapshot: Snapshot, group_policy: GroupPolicy = NONE) -> tuple[Limit, ...]:
    """The most that may leave, for each reason that there is to limit it."""
    total, min_size, (stable, name) = (
        snapshot.group.total_capacity,
        snapshot.group.min_size,
        _stable(snapshot),
    )
    told = f"{name} {stable} less"
    floors = [(Reason.MIN_SIZE, "MinSize", min_size)]
    floors += (
        [(Reason.FLOOR, "the policy's floor", group_policy.floor)]
        if group_policy.floor > min_size
        else []
    )
    found = [
        Limit(reason, max(0, stable - least), "capacity", f"{told} {of} {least}")
        for reason, of, least in floors
    ]
    if group_policy.max_removed_per_event is not None:
        detail = "maxRemovedPerEvent of the policy"
        found.append(
            Limit(Reason.MAX_PER_REQUEST, group_policy.max_removed_per_event, "instances", detail)
        )
    if group_policy.max_removed_percent_per_event is not None:
        percent = group_policy.max_removed_percent_per_event
        found.append(
            Limit(
                Reason.MAX_PER_REQUEST,
                share(total, percent),
                "capacity",
                f"{percent:g} % of {total}",
            )
        )
    if group_policy.budget is not None:
        found.append(budget_limit(group_policy.budget, snapshot))
    return tuple(found)


def retention_rules(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> Callable[[Instance], Reason | None]:
    """Why a member stays, for what it is or how it does; None where it may leave. Made once for all members."""
    named = isinstance(request.target, Named) and not request.target.by_plan
    weighted, now = (
        snapshot.group.weighted,
        snapshot.now,
    )  # by the earlier clock an instance is younger
    allowed = {"InService"}
    allowed |= {"Protected"} if named and group_policy.remove_protected else set()
    allowed |= {"Standby"} if named and group_policy.remove_standby else set()
    youngest = (
        now - timedelta(seconds=group_policy.minimum_age_seconds)
        if group_policy.minimum_age_seconds
        else None
    )
    fresh = _fresh(snapshot, group_policy.metric) if is_by_metric(request) else None

    def reason(instance: Instance) -> Reason | None:
        if instance.lifecycle_state not in allowed:
            return STAY_BY_STATE.get(instance.lifecycle_state, Reason.NOT_IN_SERVICE)
        if weighted and not instance.weight:
            return Reason.WEIGHT_UNKNOWN
        if instance.warming_up:
            return Reason.WARMING_UP
        if youngest and (instance.joined_at is None or instance.joined_at > youngest):
            return Reason.TOO_YOUNG  # of an age that nobody knows, too
        if fresh is not None and instance.id not in fresh:
            return Reason.NO_METRIC
        return None

    return reason


STAY_BY_STATE = {
    "Protected": Reason.PROTECTED,
    "Standby": Reason.STANDBY,
    "Pending": Reason.PENDING,
    "Pending:Wait": Reason.PENDING,
    "Removing": Reason.REMOVING,
    "Removing:Wait": Reason.REMOVING,
    "Stopped": Reason.STOPPED,
}


def _fresh(snapshot: Snapshot, metric: Metric) -> set[str]:
    """Whose value of the metric is not older than a few periods: missing is not zero."""
    # By the later clock a value is older: one too old to go by never passes for fresh.
    since = _latest(snapshot) - timedelta(
        seconds=metric.period_seconds * metric.stale_after_periods
    )
    return {id for id, sample in (snapshot.samples or {}).items() if sample.taken_at >= since}


def _latest(snapshot: Snapshot) -> datetime:
    """By the later of the two clocks, ours and ESS's."""
    return (
        snapshot.taken_at
        if snapshot.cloud_time is None
        else max(snapshot.taken_at, snapshot.cloud_time)
    )


def _vetoes(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> Iterator[Veto]:
    group, now = snapshot.group, snapshot.now  # by the earlier clock a pause lasts longer
    if group.lifecycle_state != "Active":
        yield Veto(Reason.GROUP_NOT_ACTIVE)
    if "ScaleIn" in group.suspended_processes:
        yield Veto(
            Reason.SCALE_IN_SUSPENDED
        )  # it rejects manual removal too (ESS guide, Suspend a process)
    chosen_by_group = not request.order and not isinstance(request.target, Named)
    if chosen_by_group and not KNOWN_REMOVAL_POLICIES.issuperset(group.removal_policies):
        yield Veto(
            Reason.UNKNOWN_REMOVAL_POLICY
        )  # such as CustomPolicy: guessing would take the wrong instance
    pause = group_policy.pause
    if pause is not None and (pause.until is None or now < pause.until):
        until = f" until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
        yield Veto(Reason.PAUSED, f"Paused{until}{f': {pause.reason}' if pause.reason else ''}.")
    # Which of two clocks is wrong is not known: a window is open where it is by both.
    if group_policy.windows is not None and not all(
        map(group_policy.windows.open_at, (now, _latest(snapshot)))
    ):
        yield Veto(
            Reason.WINDOW_CLOSED,
            f"It is {now.astimezone(group_policy.windows.zone):%a %H:%M} there.",
        )
    yield from _unhealthy(snapshot, group_policy)
    yield from _below_desired(snapshot)
    yield from _cooling_down(request, snapshot, group_policy)
    yield from _in_progress(
        snapshot
    )  # last: to try later is of no use where a cooldown would meet it


def _unhealthy(snapshot: Snapshot, group_policy: GroupPolicy) -> Iterator[Veto]:
    """Low load during an outage is not idleness. Whoever is on the way in or out, or parked, does not count."""
    quorum = group_policy.healthy_quorum_percent
    if quorum is None:
        return
    members = [i for i in snapshot.instances if i.lifecycle_state in WORKING_STATES]
    well = sum(instance.healthy for instance in members)
    if members and well * 100 < Fraction(repr(quorum)) * len(members):
        yield Veto(
            Reason.UNHEALTHY_GROUP, f"{well} of {len(members)} are healthy; {quorum:g} % must be."
        )


def _below_desired(snapshot: Snapshot) -> Iterator[Veto]:
    """ESS compares desired with stable capacity, and creates what is missing beyond what is coming already."""
    desired = snapshot.group.desired_capacity
    if desired is None:
        return
    there = capacity_in(STABLE_STATES + COMING_STATES, snapshot)
    if desired > there:
        yield Veto(
            Reason.BELOW_DESIRED, f"Desired capacity is {desired}, and {there} are there or coming."
        )


def _in_progress(snapshot: Snapshot) -> Iterator[Veto]:
    """A group without desired capacity runs one activity at a time; one with, others beside it, but not beside an
    alarm task's (ESS guide, Expected number of instances). Only where the activities were read: ESS tells, else.
    """
    for activity in snapshot.activities or ():
        alone = snapshot.group.desired_capacity is None or activity.trigger == "Cms"
        if activity.ended_at is None and alone:
            yield Veto(Reason.ACTIVITY_IN_PROGRESS, f"{activity.id} runs.")


def _cooling_down(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> Iterator[Veto]:
    """A message that goes on with what it began does not wait for itself."""
    activities = [
        activity for activity in snapshot.activities or () if activity.id not in request.own_ids
    ]
    scale_ins = [activity for activity in activities if activity.removed]
    scale_outs = [activity for activity in activities if activity.added]
    failures = [activity for activity in activities if activity.status == "Failed"]
    leaving = (i.id for i in snapshot.instances if i.lifecycle_state in LEAVING_STATES)
    if group_policy.cooldown_seconds and not request.own_ids.issuperset(leaving):
        yield Veto(Reason.COOLDOWN, "A removal is under way.")
    for reason, seconds, of in (
        (Reason.COOLDOWN, group_policy.cooldown_seconds, scale_ins),
        (
            Reason.COOLDOWN_AFTER_SCALE_OUT,
            group_policy.cooldown_after_scale_out_seconds,
            scale_outs,
        ),
        (Reason.COOLDOWN_AFTER_FAILURE, group_policy.cooldown_after_failure_seconds, failures),
    ):
        if not seconds:
            continue
        over = [_over(activity, seconds) for activity in of]
        if any(moment is None or snapshot.now < moment for moment in over):
            ends = [moment for moment in over if moment is not None]
            yield Veto(
                reason, f"Over at {max(ends):%H:%M:%S} UTC." if ends and None not in over else ""
            )


def _over(activity: Activity, seconds: int) -> datetime | None:
    """When the cooldown after an activity ends; None while the activity runs."""
    return None if activity.ended_at is None else activity.ended_at + timedelta(seconds=seconds)


def _stable(snapshot: Snapshot) -> tuple[int, str]:
    """The capacity that all MinSize arithmetic begins with, and what it is.

    ESS itself compares TotalCapacity, which still counts instances on their way out, so a second removal could
    pass its check and undershoot. What is stable is counted too, from the list and by the group's own counters,
    for the two were not read at quite the same moment; the smallest holds.
    """
    group, listed = snapshot.group, capacity_in(STABLE_STATES, snapshot)
    counted = listed if group.stable_capacity is None else group.stable_capacity
    return min(
        (group.total_capacity, "TotalCapacity"),
        (listed, "stable capacity"),
        (counted, "stable capacity"),
    )
