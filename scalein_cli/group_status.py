"""What may be removed from a group now, and what stands in the way: a dry decision. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.guardrails import limits, read_scope, vetoes
from scalein.decision.model import (
    Activity,
    Limit,
    Plan,
    ReadScope,
    RemovalRequest,
    Snapshot,
    Target,
    Veto,
)
from scalein.decision.planner import plan_removal
from scalein.decision.reasons import Reason
from scalein.processing.dependencies import MAX_PER_MESSAGE
from scalein.report.texts import REASONS, plain

SHOWN_HISTORY_SECONDS = 86_400  # for the last removal and activities in progress
# A limit is the reason of what it retains; the other reasons are an instance's own.
NOT_OWN = (Reason.NOT_NEEDED, Reason.NOT_NAMED)


class GroupStatus(NamedTuple):
    """A group now: what the largest request would remove, and what each guardrail says."""

    scaling_group_id: str
    snapshot: Snapshot
    plan: Plan  # of the largest request
    vetoes: tuple[Veto, ...]
    limits: tuple[Limit, ...]
    headroom: int
    last_removal: Activity | None
    is_dry_run: bool


def largest_request(scaling_group_id: str, group_policy: GroupPolicy) -> RemovalRequest:
    """A request for as many instances as one message may remove, in the policy's order."""
    target = Target(instances=MAX_PER_MESSAGE)
    return RemovalRequest(scaling_group_id, "status", target, order=group_policy.order)


def scope_of(request: RemovalRequest, group_policy: GroupPolicy) -> ReadScope:
    """What the decision needs, and the history of a day at least."""
    scope = read_scope(request, group_policy)
    return scope._replace(history_seconds=max(scope.history_seconds, SHOWN_HISTORY_SECONDS))


def status_of(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy, max_instances: int
) -> GroupStatus:
    """The status of the group in the snapshot, which has its activities."""
    bounds = limits(snapshot, group_policy)
    removals = [a for a in snapshot.activities or () if a.removed and a.ended_at]
    return GroupStatus(
        snapshot.group.id,
        snapshot,
        plan_removal(request, snapshot, group_policy, max_instances),
        tuple(vetoes(request, snapshot, group_policy)),
        bounds,
        next(limit.allows for limit in bounds if limit.guardrail is Reason.MIN_SIZE),
        max(removals, key=lambda activity: activity.started_at, default=None),
        group_policy.dry_run,
    )


def obstacles_text(status: GroupStatus) -> str:
    """Sentences: what blocks every removal, what each guardrail allows, why others are retained."""
    sentences = [veto.detail for veto in status.vetoes]
    if status.is_dry_run:
        sentences.append("The policy makes every request to this group a dry run.")
    sentences.append(f"Guardrails allow: {limits_text(status.limits)}.")
    retained = "" if status.vetoes else _retained_text(status)
    return " ".join([*sentences, *filter(None, [retained])])


def limits_text(bounds: Sequence[Limit]) -> str:
    """Each guardrail with the number that it allows."""
    return ", ".join(
        f"{limit.guardrail.value} {limit.allows}{_unit(limit)}"
        for limit in sorted(bounds, key=lambda limit: limit.allows)
    )


def _unit(limit: Limit) -> str:
    return " instances" if limit.unit == "instances" else ""


def _retained_text(status: GroupStatus) -> str:
    """How many instances are retained for reasons of their own."""
    guardrails = {limit.guardrail for limit in status.limits}
    reasons = Counter(
        verdict.reason
        for verdict in status.plan.retained
        if verdict.reason not in guardrails and verdict.reason not in NOT_OWN
    )
    counts = [f"{n} {plain(REASONS[reason]).label}" for reason, n in reasons.most_common()]
    return f"Retained: {', '.join(counts)}." if counts else ""


def status_json(status: GroupStatus) -> dict[str, Any]:
    """The status as a JSON object."""
    group, plan = status.snapshot.group, status.plan
    return {
        "scalingGroupId": status.scaling_group_id,
        "allows": len(plan.selected),
        "blockedBy": [{"reason": v.reason.value, "detail": v.detail} for v in status.vetoes],
        "limits": [
            {
                "guardrail": limit.guardrail.value,
                "allows": limit.allows,
                "unit": limit.unit,
                "detail": limit.detail,
            }
            for limit in status.limits
        ],
        "capacity": {
            "total": group.total_capacity,
            "minSize": group.min_size,
            "desired": group.desired_capacity,
            "headroom": status.headroom,
        },
        "retainedByReason": dict(Counter(v.reason.value for v in plan.retained)),
        "lifecycleState": group.lifecycle_state,
        "suspendedProcesses": list(group.suspended_processes),
        "activitiesInProgress": running_ids(status.snapshot.activities or ()),
        "lastRemoval": status.last_removal and activity_json(status.last_removal),
        "dryRun": status.is_dry_run,
        "error": None,
    }


def running_ids(activities: Iterable[Activity]) -> list[str]:
    """The ids of the activities that run."""
    return [activity.id for activity in activities if activity.ended_at is None]


def activity_json(activity: Activity) -> dict[str, Any]:
    """A scaling activity as a JSON object. Its ids are those that ESS lists."""
    ended_at = activity.ended_at
    return {
        "scalingActivityId": activity.id,
        "status": activity.status,
        "startedAt": f"{activity.started_at:%Y-%m-%dT%H:%M:%SZ}",
        "endedAt": f"{ended_at:%Y-%m-%dT%H:%M:%SZ}" if ended_at else None,
        "trigger": activity.trigger or None,
        "removed": activity.removed,
        "removedIds": sorted(activity.removed_ids),
        "added": activity.added,
        "addedIds": sorted(activity.added_ids),
        "failures": [{"id": id, "code": code} for id, code in activity.failures],
    }
