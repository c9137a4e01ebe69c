"""The only module that knows the shapes of ESS's replies, API 2014-08-28: what they say, as our nouns.

A reply that contradicts itself, or lacks what a decision needs, must never look like "none left".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from scalein.model import Activity, Instance, ScalingGroup, Snapshot

PAGE_SIZE = 100
MOST_INSTANCES = 10_000  # of a group; the quota is typically 2,000
MOST_ACTIVITIES = 1_000_000  # of a group in 30 days
TO_THE_MINUTE = timedelta(seconds=59)  # EndTime 09:54 may be any moment of that minute: the last one is the safe one

Reply = dict[str, Any]


class Inconsistent(Exception):
    """ESS's answers contradict each other, or lack what every decision needs."""


def page_count(reply: Reply) -> int:
    """Of a list of instances. Raises Inconsistent."""
    return -(-total_of(reply, MOST_INSTANCES) // PAGE_SIZE)


def total_of(reply: Reply, most: int) -> int:
    """Raises Inconsistent."""
    total = reply.get("TotalCount")
    if not isinstance(total, int) or not 0 <= total <= most:
        raise Inconsistent("TotalCount is not a number that can be.")
    return total


def items_of(reply: Reply, plural: str, singular: str) -> list[Any]:
    """Lists travel as {plural: {singular: [...]}}; absent means empty."""
    inner = reply.get(plural) or {}
    return list(inner.get(singular) or ()) if isinstance(inner, dict) else list(inner)


def snapshot_of(scaling_group_id: str, groups: list[Any], pages: list[Reply], now: datetime) -> Snapshot:
    """Raises Inconsistent: a read that contradicts itself must never look like 'none left'."""
    found = [item for page in pages for item in items_of(page, "ScalingInstances", "ScalingInstance")]
    totals = {page.get("TotalCount") for page in pages}
    try:
        if totals != {len(found)} or len({item["InstanceId"] for item in found}) != len(found):
            raise Inconsistent(f"{len(found)} instances are listed, another number of them is counted.")
        if any(item.get("ScalingGroupId", scaling_group_id) != scaling_group_id for item in [*groups, *found]):
            raise Inconsistent("an answer speaks of another scaling group.")
        return Snapshot(_group(groups[0]), tuple(_instance(item) for item in found), now)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Inconsistent(f"an answer lacks or garbles what a decision needs ({type(error).__name__}).") from error


def _group(item: Reply) -> ScalingGroup:
    weighted = bool(item.get("Weighted"))
    stable: list[Any] = [item.get(counter) for counter in ("ActiveCapacity", "ProtectedCapacity", "StandbyCapacity")]
    return ScalingGroup(
        id=item["ScalingGroupId"],
        lifecycle_state=item["LifecycleState"],
        min_size=int(item["MinSize"]),
        total_capacity=int(item["TotalCapacity"]),
        # Whether a weighted group's counters count weights is not documented, so they are left aside there.
        stable_capacity=None if weighted or None in stable else sum(int(counter) for counter in stable),
        weighted=weighted,
        removal_policies=tuple(items_of(item, "RemovalPolicies", "RemovalPolicy")),
        multi_az_policy=item.get("MultiAZPolicy") or "PRIORITY",
        desired_capacity=int(item["DesiredCapacity"]) if item.get("EnableDesiredCapacity") else None,
        suspended_processes=tuple(items_of(item, "SuspendedProcesses", "SuspendedProcess")),
    )


def _instance(item: Reply) -> Instance:
    template = item.get("LaunchTemplateId")
    from_template = f"{template}:{item.get('LaunchTemplateVersion')}" if template else ""
    weight = item.get("WeightedCapacity")
    return Instance(
        id=item["InstanceId"],
        lifecycle_state=item["LifecycleState"],
        zone_id=item.get("ZoneId") or "",
        scaling_configuration=item.get("ScalingConfigurationId") or from_template,
        joined_at=_time(item.get("CreatedTime") or item.get("CreationTime")),
        weight=None if weight is None else int(weight),
        healthy=item.get("HealthStatus", "Healthy") == "Healthy",
        spot=str(item.get("SpotStrategy") or "").startswith("Spot"),
        attached=item.get("CreationType", "AutoCreated") != "AutoCreated",
        warming_up=item.get("WarmupState") == "WaitingForInstanceWarmup",
    )


def _time(text: str | None) -> datetime | None:
    """`2020-12-21T03:11:00Z` (CreatedTime) or `2020-12-21T03:11Z` (CreationTime): when it joined the group."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def activities_of(reply: Reply) -> list[Activity]:
    """Raises Inconsistent."""
    try:
        return [_activity(item) for item in items_of(reply, "ScalingActivities", "ScalingActivity")]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Inconsistent(f"an activity lacks or garbles what a guardrail needs ({type(error).__name__}).") from error


def _activity(item: Reply) -> Activity:
    started_at = _time(item["StartTime"])
    if started_at is None:
        raise ValueError
    runs = item["StatusCode"] == "InProgress"
    return Activity(
        id=item["ScalingActivityId"],
        status=item["StatusCode"],
        started_at=started_at,
        ended_at=None if runs else (_time(item.get("EndTime")) or started_at) + TO_THE_MINUTE,
        added=_number(item, "Created") + _number(item, "Started"),
        removed=_number(item, "Destroyed") + _number(item, "Stopped"),
        trigger=item.get("TriggerSourceType") or "",
        removed_ids=frozenset(_listed(item, "Destroyed") + _listed(item, "Stopped")),
        failures=tuple(_failures(item)),
    )


def _failures(item: Reply) -> Iterator[tuple[str, str]]:
    """The inner names repeat the outer ones (ErrorMessages.ErrorMessages, FailedInstanceIds.FailedInstanceIds)."""
    for error in items_of(item, "ErrorMessages", "ErrorMessages"):
        for instance_id in items_of(error, "FailedInstanceIds", "FailedInstanceIds"):
            yield str(instance_id), str(error.get("Code") or "Unknown")


def _number(item: Reply, what: str) -> int:
    """Instances by their list; by the capacity, which may be text and in weights, where there is none."""
    return len(_listed(item, what)) or int(item.get(f"{what}Capacity") or 0)


def _listed(item: Reply, what: str) -> list[str]:
    return [str(id) for id in items_of(item, f"{what}Instances", f"{what}Instance")]
