"""Why a member is retained: for its own state, age or metric, whatever the guardrails allow."""

from collections.abc import Callable
from datetime import timedelta

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Instance, Metric, RemovalRequest, Snapshot
from scalein.decision.reasons import Reason
from scalein.decision.removal_order import is_by_metric

REASON_BY_STATE = {
    "Protected": Reason.PROTECTED,
    "Standby": Reason.STANDBY,
    "Pending": Reason.PENDING,
    "Pending:Wait": Reason.PENDING,
    "Removing": Reason.REMOVING,
    "Removing:Wait": Reason.REMOVING,
    "Stopped": Reason.STOPPED,
}


def retention_check(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> Callable[[Instance], Reason | None]:
    """A function that returns the reason to retain a member; None for a candidate for removal.

    Values that all members share are computed once, here.
    """
    removable_states = _removable_states(request, group_policy)
    weighted = snapshot.group.weighted
    min_age = timedelta(seconds=group_policy.minimum_age_seconds)
    # By the earlier clock an instance is younger.
    latest_joined_at = snapshot.now - min_age if min_age else None
    fresh_ids = _fresh_ids(snapshot, group_policy.metric) if is_by_metric(request) else None

    def reason(instance: Instance) -> Reason | None:
        if instance.lifecycle_state not in removable_states:
            return REASON_BY_STATE.get(instance.lifecycle_state, Reason.NOT_IN_SERVICE)
        if weighted and not instance.weight:
            return Reason.WEIGHT_UNKNOWN
        if instance.warming_up:
            return Reason.WARMING_UP
        if latest_joined_at and (
            instance.joined_at is None or instance.joined_at > latest_joined_at
        ):
            return Reason.TOO_YOUNG  # also if its age is unknown
        if fresh_ids is not None and instance.id not in fresh_ids:
            return Reason.NO_METRIC
        return None

    return reason


def retention_values(group_policy: GroupPolicy) -> tuple[tuple[Reason, str], ...]:
    """The policy's values for a person, by the reason to retain an instance that they decide."""
    metric = group_policy.metric
    max_age_seconds = metric.period_seconds * metric.stale_after_periods
    return (
        (Reason.TOO_YOUNG, f"{group_policy.minimum_age_seconds} s"),
        (Reason.NO_METRIC, f"{metric.name}, {max_age_seconds} s"),
    )


def _removable_states(request: RemovalRequest, group_policy: GroupPolicy) -> set[str]:
    """The lifecycle states whose instances this request may remove.

    Protected and Standby only if the sender names the instances and the policy allows it.
    """
    states = {"InService"}
    if request.target.is_named and not request.target.by_plan:
        states |= {"Protected"} if group_policy.remove_protected else set()
        states |= {"Standby"} if group_policy.remove_standby else set()
    return states


def _fresh_ids(snapshot: Snapshot, metric: Metric) -> set[str]:
    """Ids of instances with a fresh value of the metric; a missing value is not zero."""
    max_age = timedelta(seconds=metric.period_seconds * metric.stale_after_periods)
    # By the later clock a value is older, so that no stale one passes for fresh.
    since = snapshot.latest_now - max_age
    return {id for id, sample in (snapshot.samples or {}).items() if sample.taken_at >= since}
