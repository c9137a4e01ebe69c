"""The only module that knows ESS's custom scale-in policy (CustomPolicy): its question, our answer. Pure.

ESS asks when it scales in by itself, and removes by itself what the answer names; RemoveInstances never asks. The
question is documented; the answer is not published, and its form here is unverified (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scalein.contract import check
from scalein.decision.capacity import capacity_of
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Count, Instance, RankedBy, RemovalRequest, Snapshot
from scalein.decision.removal_order import DEFAULT_POLICIES, CandidateQueue
from scalein.decision.retention import retention_rules
from scalein.intake.decoding import value_of

SCHEMA = "custom-policy"


class ZoneShare(NamedTuple):
    """So much capacity is to leave a zone; of an empty zone, any."""

    zone_id: str
    capacity: int


class ScaleInQuestion(NamedTuple):
    scaling_group_id: str
    shares: tuple[ZoneShare, ...]
    instance_ids: frozenset[str]  # whom ESS would take


def parse_question(event: bytes) -> ScaleInQuestion:
    """Raises RejectedEvent."""
    document = value_of(event)
    check(document, SCHEMA)
    return ScaleInQuestion(
        document["ScalingGroupId"],
        tuple(
            ZoneShare(share.get("ZoneId", ""), int(share["Capacity"]))
            for share in document["CapacityToRemove"]
        ),
        frozenset(instance["InstanceId"] for instance in document["Instances"]),
    )


def request_of(question: ScaleInQuestion, group_policy: GroupPolicy) -> RemovalRequest:
    """What has to be known is as for a request with the policy's order."""
    wanted = sum(share.capacity for share in question.shares)
    return RemovalRequest(
        question.scaling_group_id, "", Count(wanted), order=group_policy.order or DEFAULT_POLICIES
    )


def selected(
    question: ScaleInQuestion,
    request: RemovalRequest,
    snapshot: Snapshot,
    group_policy: GroupPolicy,
) -> list[tuple[str, RankedBy]]:
    """Who leaves each zone, in the policy's order. Fewer than asked where too few may leave for what they are."""
    why_not = retention_rules(request, snapshot, group_policy)
    left = [i for i in snapshot.instances if i.id in question.instance_ids and why_not(i) is None]
    found: list[tuple[str, RankedBy]] = []
    for share in question.shares:
        there = [instance for instance in left if share.zone_id in ("", instance.zone_id)]
        line = CandidateQueue(there, request, snapshot, group_policy.metric)
        found += _taken(line, share.capacity, snapshot)
        taken = {id for id, _ in found}
        left = [instance for instance in left if instance.id not in taken]
    return found


def answer(instance_ids: Sequence[str]) -> dict[str, Any]:
    """The only place that knows its form: inferred from AWS's custom termination policy, unverified."""
    return {"InstanceIds": list(instance_ids)}


def _taken(
    line: CandidateQueue, capacity: int, snapshot: Snapshot
) -> Iterator[tuple[str, RankedBy]]:
    instance: Instance | None
    while capacity > 0 and (instance := line.first()):
        weight = capacity_of(instance, snapshot)
        if weight <= capacity:
            capacity -= weight
            yield instance.id, line.select()
        else:
            line.skip()
