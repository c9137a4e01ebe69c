"""The guardrails of a removal: why no instance may be removed now, and how many at most.

They come from the operator's policy, from the state of the scaling group, and from MinSize, which
is compared with the capacity here. Each has a reason, and a sentence with the values at hand.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from scalein.decision.budget import budget_limit
from scalein.decision.capacity import (
    PENDING_STATES,
    REMOVING_STATES,
    SERVING_STATES,
    STABLE_STATES,
    capacity_in,
    percentage_of,
)
from scalein.decision.group_policy import NO_LIMITS, GroupPolicy
from scalein.decision.model import (
    Activity,
    Limit,
    ReadScope,
    RemovalRequest,
    Snapshot,
    Veto,
)
from scalein.decision.reasons import Reason
from scalein.decision.removal_order import REMOVAL_POLICIES, is_by_metric

KNOWN_REMOVAL_POLICIES = frozenset(order.value for order in REMOVAL_POLICIES)
MAX_SKEW_SECONDS = 900  # ESS refuses calls of a clock that differs more from its own


def read_scope(request: RemovalRequest, group_policy: GroupPolicy) -> ReadScope:
    """What a decision on this request needs besides the group and its instances."""
    seconds = group_policy.history_seconds
    # Reads go by this machine's clock; what is counted goes by the earlier of two clocks.
    return ReadScope(
        seconds and seconds + MAX_SKEW_SECONDS,
        group_policy.metric if is_by_metric(request) else None,
    )


def veto(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy = NO_LIMITS
) -> Veto | None:
    """The first reason why no instance may be removed now, or None.

    Lasting reasons come before passing ones. Raises ValueError if something of `read_scope` was
    not read for the snapshot: that must not count as absent.
    """
    needed = read_scope(request, group_policy)
    lacks_history = needed.history_seconds and snapshot.activities is None
    if lacks_history or (needed.metric and snapshot.samples is None):
        raise ValueError("Activities or a metric that the decision needs were not read")
    return next(vetoes(request, snapshot, group_policy), None)


def limits(snapshot: Snapshot, group_policy: GroupPolicy = NO_LIMITS) -> tuple[Limit, ...]:
    """How many may be removed at most, by each guardrail that limits it."""
    stable, description = _stable(snapshot)
    min_size, floor = snapshot.group.min_size, group_policy.floor
    headroom = max(0, stable - min_size)
    detail = f"MinSize is {min_size}; {description}."
    all_limits = [Limit(Reason.MIN_SIZE, headroom, "capacity", detail)]
    if floor > min_size:
        detail = f"The policy's floor is {floor}; {description}."
        all_limits.append(Limit(Reason.FLOOR, max(0, stable - floor), "capacity", detail))
    all_limits += _limits_per_request(snapshot, group_policy)
    if group_policy.budget is not None:
        all_limits.append(budget_limit(group_policy.budget, snapshot))
    return tuple(all_limits)


def _limits_per_request(snapshot: Snapshot, group_policy: GroupPolicy) -> Iterator[Limit]:
    maximum, percent = (
        group_policy.max_removed_per_event,
        group_policy.max_removed_percent_per_event,
    )
    if maximum is not None:
        detail = f"maxRemovedPerEvent of the policy is {maximum}."
        yield Limit(Reason.MAX_PER_REQUEST, maximum, "instances", detail)
    if percent is not None:
        total = snapshot.group.total_capacity
        allowed = percentage_of(total, percent)
        share = f"{percent:g} % of TotalCapacity {total}"
        detail = f"maxRemovedPercentPerEvent of the policy allows {share}."
        yield Limit(Reason.MAX_PERCENT_PER_REQUEST, allowed, "capacity", detail)


def _stable(snapshot: Snapshot) -> tuple[int, str]:
    """The capacity from which MinSize is subtracted, and a clause that says what it is.

    ESS itself compares TotalCapacity, which still counts instances that are being removed, so a
    second removal could pass its check and fall below MinSize. So the stable instances are counted
    too, by the list and by the group's own counters, which are not read at the same moment. The
    smallest of the three is safe.
    """
    group, listed = snapshot.group, capacity_in(STABLE_STATES, snapshot)
    counted = listed if group.stable_capacity is None else group.stable_capacity
    stable = min(listed, counted)
    if group.total_capacity <= stable:
        return group.total_capacity, f"TotalCapacity is {group.total_capacity}"
    return stable, f"the capacity of InService, Protected and Standby instances is {stable}"


def vetoes(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> Iterator[Veto]:
    """Yields every reason why no instance may be removed now, lasting ones before passing ones."""
    yield from _stopped(group_policy)
    yield from _group_state(snapshot)
    yield from _unknown_removal_policy(request, snapshot)
    yield from _paused(snapshot, group_policy)
    yield from _window_closed(snapshot, group_policy)
    yield from _unhealthy(snapshot, group_policy)
    yield from _below_desired(snapshot)
    yield from _cooling_down(request, snapshot, group_policy)
    # The last, for this veto alone is retried: a retry is of no use if a cooldown follows.
    yield from _in_progress(snapshot)


def _stopped(group_policy: GroupPolicy) -> Iterator[Veto]:
    """Vetoes every removal while the stop switch is on. It comes first: who stopped the function
    must see in the next outcome that it is stopped.
    """
    if group_policy.stopped_by:
        detail = f"The stop switch is on: {group_policy.stopped_by}."
        yield Veto(Reason.STOP_SWITCH, detail)


def _group_state(snapshot: Snapshot) -> Iterator[Veto]:
    group = snapshot.group
    if group.lifecycle_state != "Active":
        enable = " Enable it." if group.lifecycle_state == "Inactive" else ""
        detail = f"The scaling group is {group.lifecycle_state}, not Active.{enable}"
        yield Veto(Reason.GROUP_NOT_ACTIVE, detail)
    # A suspended ScaleIn process rejects manual removal too (ESS guide, Suspend a process).
    if "ScaleIn" in group.suspended_processes:
        detail = "The ScaleIn process of the scaling group is suspended."
        yield Veto(Reason.SCALE_IN_SUSPENDED, detail)


def _unknown_removal_policy(request: RemovalRequest, snapshot: Snapshot) -> Iterator[Veto]:
    """Vetoes a removal in the order of an unknown removal policy, such as CustomPolicy.

    This function would have to guess which instances come first.
    """
    if request.order or request.target.is_named:
        return
    unknown = [p for p in snapshot.group.removal_policies if p not in KNOWN_REMOVAL_POLICIES]
    if unknown:
        detail = f"The group's removal policy {unknown[0]} is not known to this function."
        yield Veto(Reason.UNKNOWN_REMOVAL_POLICY, detail)


def _paused(snapshot: Snapshot, group_policy: GroupPolicy) -> Iterator[Veto]:
    pause = group_policy.pause
    # By the earlier clock a pause lasts longer.
    if pause is not None and (pause.until is None or snapshot.now < pause.until):
        until = f" until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
        reason = f" ({pause.reason})" if pause.reason else ""
        yield Veto(Reason.PAUSED, f"The policy pauses the group{until}{reason}.")


def _window_closed(snapshot: Snapshot, group_policy: GroupPolicy) -> Iterator[Veto]:
    """Vetoes a removal outside the windows, by this machine's clock or by ESS's.

    It is not known which of them is wrong.
    """
    windows = group_policy.windows
    if windows is None:
        return
    closed = [now for now in (snapshot.now, snapshot.latest_now) if not windows.is_open_at(now)]
    if closed:
        time = f"{closed[0].astimezone(windows.zone):%a %H:%M} ({windows.zone})"
        forbidden = windows.is_forbidden_at(closed[0])
        place = "inside a forbidden window" if forbidden else "outside the allowed windows"
        yield Veto(Reason.WINDOW_CLOSED, f"Local time {time} is {place}.")


def _unhealthy(snapshot: Snapshot, group_policy: GroupPolicy) -> Iterator[Veto]:
    """Vetoes a removal in a group with too few healthy instances: its low load may be an outage.

    Pending, Standby and Removing instances do not count.
    """
    quorum = group_policy.healthy_quorum_percent
    if quorum is None:
        return
    members = [i for i in snapshot.instances if i.lifecycle_state in SERVING_STATES]
    healthy = sum(instance.healthy for instance in members)
    if members and healthy * 100 < Fraction(repr(quorum)) * len(members):
        detail = (
            f"{healthy} of {len(members)} InService and Protected instances are Healthy; "
            f"the policy demands {quorum:g} %."
        )
        yield Veto(Reason.UNHEALTHY_GROUP, detail)


def _below_desired(snapshot: Snapshot) -> Iterator[Veto]:
    """Vetoes a removal in a group below its desired capacity: ESS would replace the instances.

    ESS creates what the stable and the pending capacity lack of the desired capacity.
    """
    desired = snapshot.group.desired_capacity
    if desired is None:
        return
    capacity = capacity_in(STABLE_STATES + PENDING_STATES, snapshot)
    if desired > capacity:
        detail = (
            f"The desired capacity is {desired}; the group has {capacity}, pending instances "
            "included. ESS would replace the removed instances."
        )
        yield Veto(Reason.BELOW_DESIRED, detail)


def _in_progress(snapshot: Snapshot) -> Iterator[Veto]:
    """Vetoes a removal beside an activity that excludes it. If none were read, ESS refuses.

    A group without desired capacity runs one activity at a time. One with desired capacity runs
    others beside it, but not beside an alarm task's (ESS guide, Expected number of instances).
    """
    runs_one = snapshot.group.desired_capacity is None
    blocking_ids = [
        activity.id
        for activity in snapshot.activities or ()
        if activity.ended_at is None and (runs_one or activity.trigger == "Cms")
    ]
    if blocking_ids:
        detail = f"Scaling activity {min(blocking_ids)} is in progress."
        yield Veto(Reason.ACTIVITY_IN_PROGRESS, detail)


def _cooling_down(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> Iterator[Veto]:
    """Vetoes a removal in a cooldown. A message does not wait for its own activities."""
    if group_policy.cooldown_seconds:
        yield from _removal_under_way(request, snapshot, group_policy.cooldown_seconds)
    others = [a for a in snapshot.activities or () if a.id not in request.own_ids]
    for reason, cause, seconds, activities in (
        (
            Reason.COOLDOWN,
            "a scale-in",
            group_policy.cooldown_seconds,
            [activity for activity in others if activity.removed],
        ),
        (
            Reason.COOLDOWN_AFTER_SCALE_OUT,
            "a scale-out",
            group_policy.cooldown_after_scale_out_seconds,
            [activity for activity in others if activity.added],
        ),
        (
            Reason.COOLDOWN_AFTER_FAILURE,
            "a failed activity",
            group_policy.cooldown_after_failure_seconds,
            [activity for activity in others if activity.status == "Failed"],
        ),
    ):
        rest = seconds and _rest_of_cooldown(seconds, activities, snapshot.now)
        if rest:
            yield Veto(reason, f"The cooldown of {seconds} s after {cause} {rest}.")


def _removal_under_way(
    request: RemovalRequest, snapshot: Snapshot, cooldown_seconds: int
) -> Iterator[Veto]:
    ids = {i.id for i in snapshot.instances if i.lifecycle_state in REMOVING_STATES}
    others = ids - request.own_ids
    if others:
        detail = (
            f"Another removal is in progress: {min(others)} is being removed. The cooldown of "
            f"{cooldown_seconds} s follows."
        )
        yield Veto(Reason.COOLDOWN, detail)


def _rest_of_cooldown(seconds: int, activities: list[Activity], now: datetime) -> str:
    """A clause that says when the cooldown after these activities ends; empty if it is over."""
    running_ids = [activity.id for activity in activities if activity.ended_at is None]
    if running_ids:
        return f"begins when scaling activity {min(running_ids)} ends"
    ended_at = max((a.ended_at for a in activities if a.ended_at), default=None)
    if ended_at is None or now >= ended_at + timedelta(seconds=seconds):
        return ""
    return f"ends at {ended_at + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"
