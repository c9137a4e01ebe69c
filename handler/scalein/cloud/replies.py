"""Parses ESS's replies, API 2014-08-28, into the types of `decision.model`.

A reply that contradicts itself, or lacks or garbles what a decision needs, must never look like an
empty group. So a value has its documented type, or the reply is Inconsistent: nothing is converted,
and what is absent has its documented default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from scalein.cloud.fields import (
    Inconsistent,
    Reply,
    flag_of,
    id_of,
    ids_of,
    integer_of,
    objects_of,
    text_of,
    time_of,
)
from scalein.decision.model import Activity, Instance, ScalingGroup, Snapshot

PAGE_SIZE = 100  # instances; the maximum of ESS
MAX_INSTANCES = 10_000  # of a group; the quota is typically 2,000
MAX_ACTIVITIES = 1_000_000  # of a group in 30 days
ACTIVITY_ID = re.compile(r"[A-Za-z0-9_-]{5,128}")  # asa-...; anything else is garbled
# EndTime 09:54 may be any moment of that minute: the last one is the safe one.
TO_THE_MINUTE = timedelta(seconds=59)
# A Date header that is further off is garbled: ESS refuses clocks that differ by 15 minutes.
MAX_SKEW = timedelta(days=1)

FINAL = ("Successful", "Warning", "Failed", "Rejected")  # statuses of an ended activity
DIGITS = re.compile(r"[0-9]{1,9}")
DATE = "Date"  # the key under which `sdk` adds an answer's Date header to its reply


def cloud_time_of(reply: Reply, now: datetime) -> datetime | None:
    """Returns the time by the clock of the service; None if the answer has no plausible one."""
    try:
        time = parsedate_to_datetime(reply[DATE])
        return time if abs(time - now) <= MAX_SKEW else None
    except (TypeError, ValueError, OverflowError):  # also of a time without a zone
        return None


def page_count(reply: Reply) -> int:
    """Returns how many pages a list of instances has. Raises Inconsistent."""
    return -(-total_of(reply, MAX_INSTANCES) // PAGE_SIZE)


def total_of(reply: Reply, max_value: int) -> int:
    """Returns TotalCount. Raises Inconsistent."""
    return integer_of(reply.get("TotalCount"), "TotalCount", max_value)


def group_of(reply: Reply, scaling_group_id: str) -> Reply | None:
    """Returns the only group of a list; None if the list is empty. Raises Inconsistent."""
    groups = objects_of(reply, "ScalingGroups", "ScalingGroup")
    if total_of(reply, 1) != len(groups):
        raise Inconsistent("the number of listed groups differs from TotalCount.")
    if groups and groups[0].get("ScalingGroupId") != scaling_group_id:
        raise Inconsistent("an answer is about another scaling group.")
    return groups[0] if groups else None


def members_of(reply: Reply, scaling_group_id: str | None = None) -> list[Reply]:
    """Returns a page of instances as ESS lists them; with a group id, each must be of that group.

    Raises Inconsistent.
    """
    items = objects_of(reply, "ScalingInstances", "ScalingInstance")
    for item in items:
        id_of(item.get("InstanceId"), "InstanceId")
        if scaling_group_id and item.get("ScalingGroupId", scaling_group_id) != scaling_group_id:
            raise Inconsistent("an answer is about another scaling group.")
    return items


def groups_of_members(reply: Reply, instance_ids: tuple[str, ...]) -> set[str]:
    """Returns the scaling groups that have any of these instances. Raises Inconsistent."""
    items = members_of(reply)
    ids = {item["InstanceId"] for item in items}
    if (
        total_of(reply, MAX_INSTANCES) != len(items)
        or len(ids) != len(items)
        or not ids <= set(instance_ids)
    ):
        raise Inconsistent("the list of instances is not of the requested ids, or not complete.")
    return {id_of(item.get("ScalingGroupId"), "ScalingGroupId") for item in items}


class Page(NamedTuple):
    """A page of the instances of a group."""

    total: int  # TotalCount: instances on all pages
    instances: list[Instance]


def page_of(reply: Reply, scaling_group_id: str, known_traits: Traits) -> Page:
    """Returns the instances of a page. `known_traits`: of the other pages; this adds to them.
    Raises Inconsistent.
    """
    items = members_of(reply, scaling_group_id)
    total = total_of(reply, MAX_INSTANCES)
    return Page(total, [_instance(item, known_traits) for item in items])


def snapshot_of(group: Reply, pages: list[Page], now: datetime) -> Snapshot:
    """Returns the group with the instances of all pages. Raises Inconsistent."""
    instances = tuple([instance for page in pages for instance in page.instances])
    ids = {instance.id for instance in instances}
    if {page.total for page in pages} != {len(instances)} or len(ids) != len(instances):
        raise Inconsistent(f"{len(instances)} instances are listed, which differs from TotalCount.")
    return Snapshot(_group(group), instances, now)


def _group(item: Reply) -> ScalingGroup:
    weighted = flag_of(item, "Weighted")
    counters = ("ActiveCapacity", "ProtectedCapacity", "StandbyCapacity")
    stable = [integer_of(item[name], name) for name in counters if item.get(name) is not None]
    return ScalingGroup(
        id=id_of(item.get("ScalingGroupId"), "ScalingGroupId"),
        lifecycle_state=id_of(item.get("LifecycleState"), "LifecycleState"),
        min_size=integer_of(item.get("MinSize"), "MinSize"),
        total_capacity=integer_of(item.get("TotalCapacity"), "TotalCapacity"),
        # Whether a weighted group's counters count weights is not documented, so they are not used.
        stable_capacity=None if weighted or len(stable) < len(counters) else sum(stable),
        weighted=weighted,
        removal_policies=tuple(ids_of(item, "RemovalPolicies", "RemovalPolicy")),
        multi_az_policy=text_of(item, "MultiAZPolicy") or "PRIORITY",
        desired_capacity=(
            integer_of(item.get("DesiredCapacity"), "DesiredCapacity")
            if flag_of(item, "EnableDesiredCapacity")
            else None
        ),
        suspended_processes=tuple(ids_of(item, "SuspendedProcesses", "SuspendedProcess")),
        max_size=item["MaxSize"] if isinstance(item.get("MaxSize"), int) else None,
    )


INSTANCE_TEXTS = (
    "LifecycleState",
    "ZoneId",
    "ScalingConfigurationId",
    "LaunchTemplateId",
    "LaunchTemplateVersion",
    "HealthStatus",
    "SpotStrategy",
    "CreationType",
    "WarmupState",
)


# By the texts of an instance, what they say. Most instances of a group have the same ones, and to
# check those of 2,000 takes a third of an invocation.
Traits = dict[tuple[Any, ...], tuple[str, str, str, bool, bool, bool, bool]]


def _instance(item: Reply, known_traits: Traits) -> Instance:
    """Returns an instance; adds what its texts say to what is known."""
    texts = tuple(map(item.get, INSTANCE_TEXTS))
    try:
        traits = known_traits.get(texts)
    except TypeError:  # a list or an object, where a text belongs
        traits = None
    if traits is None:
        traits = known_traits[texts] = _traits(item)
    state, zone_id, configuration, healthy, warming_up, spot, attached = traits
    weight = item.get("WeightedCapacity")
    return Instance(
        item["InstanceId"],
        state,
        zone_id,
        configuration,
        time_of(item, "CreatedTime") or time_of(item, "CreationTime"),
        None if weight is None else integer_of(weight, "WeightedCapacity"),
        healthy,
        warming_up,
        spot,
        attached,
    )


def _traits(item: Reply) -> tuple[str, str, str, bool, bool, bool, bool]:
    """Returns state, zone, configuration, and whether it is healthy, warming up, spot, attached."""
    texts = [text_of(item, name) for name in INSTANCE_TEXTS]
    state, zone_id, configuration, template, version, health, spot, creation, warmup = texts
    if not state:
        raise Inconsistent("LifecycleState is missing or malformed.")
    return (
        state,
        zone_id,
        configuration or (f"{template}:{version}" if template else ""),
        (health or "Healthy") == "Healthy",
        warmup == "WaitingForInstanceWarmup",
        spot.startswith("Spot"),
        (creation or "AutoCreated") != "AutoCreated",
    )


def activities_of(reply: Reply, scaling_group_id: str | None = None) -> list[Activity]:
    """Returns a page of activities; with a group id, each must be of that group.

    Raises Inconsistent.
    """
    items = objects_of(reply, "ScalingActivities", "ScalingActivity")
    if scaling_group_id and any(
        item.get("ScalingGroupId", scaling_group_id) != scaling_group_id for item in items
    ):
        raise Inconsistent("an answer is about another scaling group.")
    return [_activity(item) for item in items]


def activities_by_id_of(reply: Reply, activity_ids: tuple[str, ...]) -> list[Activity]:
    """Returns those of the requested activities that ESS still knows. Raises Inconsistent."""
    activities = activities_of(reply)
    ids = {activity.id for activity in activities}
    if (
        total_of(reply, MAX_ACTIVITIES) != len(activities)
        or len(ids) != len(activities)
        or not ids <= set(activity_ids)
    ):
        raise Inconsistent("the list of activities is not of the requested ids, or not complete.")
    return activities


def activity_id_of(reply: Reply) -> str:
    """Returns the activity of an accepted removal. Raises Inconsistent."""
    id = id_of(reply.get("ScalingActivityId"), "ScalingActivityId")
    if not ACTIVITY_ID.fullmatch(id):
        raise Inconsistent("ScalingActivityId is malformed.")
    return id


def _activity(item: Reply) -> Activity:
    status = id_of(item.get("StatusCode"), "StatusCode")
    started_at, ended_at = time_of(item, "StartTime"), time_of(item, "EndTime")
    if started_at is None:
        raise Inconsistent("StartTime is missing.")
    # An unknown status counts as an end only if the activity has an end time.
    is_running = status == "InProgress" or (status not in FINAL and ended_at is None)
    created = ids_of(item, "CreatedInstances", "CreatedInstance")
    started = ids_of(item, "StartedInstances", "StartedInstance")
    destroyed = ids_of(item, "DestroyedInstances", "DestroyedInstance")
    stopped = ids_of(item, "StoppedInstances", "StoppedInstance")
    return Activity(
        id=id_of(item.get("ScalingActivityId"), "ScalingActivityId"),
        status=status,
        started_at=started_at,
        ended_at=None if is_running else (ended_at or started_at) + TO_THE_MINUTE,
        added=_count(item, created, "CreatedCapacity") + _count(item, started, "StartedCapacity"),
        removed=_count(item, destroyed, "DestroyedCapacity")
        + _count(item, stopped, "StoppedCapacity"),
        trigger=text_of(item, "TriggerSourceType"),
        removed_ids=frozenset(destroyed + stopped),
        added_ids=frozenset(created + started),
        failures=tuple(_failures(item)),
    )


def _failures(item: Reply) -> Iterator[tuple[str, str]]:
    """Yields the instance id and code of each failure.

    The inner names repeat the outer ones: ErrorMessages.ErrorMessages,
    FailedInstanceIds.FailedInstanceIds.
    """
    for error in objects_of(item, "ErrorMessages", "ErrorMessages", is_required=False):
        for instance_id in ids_of(error, "FailedInstanceIds", "FailedInstanceIds"):
            yield instance_id, text_of(error, "Code") or "Unknown"


def _count(item: Reply, ids: list[str], capacity: str) -> int:
    """Returns the number of listed instances; if none is listed, the capacity, which may be a
    text and in weights.
    """
    value = item.get(capacity)
    if isinstance(value, str) and DIGITS.fullmatch(value):
        value = int(value)
    by_capacity = 0 if value is None else integer_of(value, capacity)
    return len(ids) or by_capacity
