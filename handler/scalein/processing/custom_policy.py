"""ESS's custom scale-in policy (removal policy CustomPolicy): the question and the answer. Pure.

ESS asks when it scales in by itself, and removes the instances of the answer by itself;
RemoveInstances never asks. The question is documented. The form of the answer is not published: it
is inferred from AWS's custom termination policy, and unverified (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scalein.contract import check
from scalein.decision.capacity import capacity_of
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Instance, RankedBy, RemovalRequest, Snapshot, Target
from scalein.decision.removal_order import DEFAULT_POLICIES, CandidateQueue
from scalein.decision.retention import retention_check
from scalein.intake.decoding import value_of

SCHEMA = "custom-policy"


class ScaleInQuestion(NamedTuple):
    """Which of the instances should ESS remove?"""

    scaling_group_id: str
    capacity_by_zone: tuple[tuple[str, int], ...]  # to remove, by zone id; empty id: any zone
    instance_ids: frozenset[str]  # the candidates


def parse_question(event: bytes) -> ScaleInQuestion:
    """Returns the question of an event. Raises RejectedEvent."""
    document = value_of(event)
    check(document, SCHEMA)
    return ScaleInQuestion(
        document["ScalingGroupId"],
        tuple(
            (entry.get("ZoneId", ""), int(entry["Capacity"]))
            for entry in document["CapacityToRemove"]
        ),
        frozenset(instance["InstanceId"] for instance in document["Instances"]),
    )


def request_of(question: ScaleInQuestion, group_policy: GroupPolicy) -> RemovalRequest:
    """Returns a request that needs the same reads as the question: the policy's removal order."""
    capacity = sum(capacity for _, capacity in question.capacity_by_zone)
    return RemovalRequest(
        question.scaling_group_id,
        "",
        Target(instances=capacity),
        order=group_policy.order or DEFAULT_POLICIES,
    )


def selected(
    question: ScaleInQuestion,
    request: RemovalRequest,
    snapshot: Snapshot,
    group_policy: GroupPolicy,
) -> list[tuple[str, RankedBy]]:
    """Returns the ids to remove, zone by zone in the policy's removal order, with what ranked each.

    They are fewer than ESS wants if the policy retains too many candidates.
    """
    reason_to_retain = retention_check(request, snapshot, group_policy)
    candidates = [
        instance
        for instance in snapshot.instances
        if instance.id in question.instance_ids and reason_to_retain(instance) is None
    ]
    ranked: list[tuple[str, RankedBy]] = []
    for zone_id, capacity in question.capacity_by_zone:
        in_zone = [instance for instance in candidates if zone_id in ("", instance.zone_id)]
        queue = CandidateQueue(in_zone, request, snapshot, group_policy.metric)
        from_zone = list(_first(queue, capacity, snapshot))
        ranked += from_zone
        ids = {id for id, _ in from_zone}
        candidates = [instance for instance in candidates if instance.id not in ids]
    return ranked


def answer(instance_ids: Sequence[str]) -> dict[str, Any]:
    """Returns the answer to ESS; its form is unverified."""
    return {"InstanceIds": list(instance_ids)}


def _first(
    queue: CandidateQueue, capacity: int, snapshot: Snapshot
) -> Iterator[tuple[str, RankedBy]]:
    """Takes the first instances of the queue which together have no more than this capacity."""
    instance: Instance | None
    while capacity > 0 and (instance := queue.first()):
        weight = capacity_of(instance, snapshot)
        if weight <= capacity:
            capacity -= weight
            yield instance.id, queue.select()
        else:
            queue.skip()
