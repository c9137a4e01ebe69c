"""The only module that knows the shapes of ESS's replies, API 2014-08-28: what they say, as our nouns.

A reply that contradicts itself, or lacks or garbles what a decision needs, must never look like "none left". So a value
has its documented type, or it is Inconsistent: nothing is converted, and what is absent has its documented default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from scalein.decision.model import Activity, Instance, ScalingGroup, Snapshot

PAGE_SIZE = 100
MOST_INSTANCES = 10_000  # of a group; the quota is typically 2,000
MAX_ACTIVITIES = 1_000_000  # of a group in 30 days
MOST_CAPACITY = 10**9  # weights add up
ACTIVITY_ID = re.compile(r"[A-Za-z0-9_-]{5,128}")  # asa-...; anything else is garbled
TO_THE_MINUTE = timedelta(
    seconds=59
)  # EndTime 09:54 may be any moment of that minute: the last one is the safe one

FINAL = ("Successful", "Warning", "Failed", "Rejected")  # statuses of an activity that is over
ID = re.compile(r"[!-~]{1,128}")
TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z"
)  # CreatedTime has seconds, every other time has none
DIGITS = re.compile(r"[0-9]{1,9}")

Reply = dict[str, Any]


class Inconsistent(Exception):
    """ESS's answers contradict each other, or lack what every decision needs."""


def page_count(reply: Reply) -> int:
    """Of a list of instances. Raises Inconsistent."""
    return -(-total_of(reply, MOST_INSTANCES) // PAGE_SIZE)


def total_of(reply: Reply, most: int) -> int:
    """Raises Inconsistent."""
    return _integer(reply.get("TotalCount"), "TotalCount", most)


def group_of(reply: Reply, scaling_group_id: str) -> Reply | None:
    """The only group of a list; None where the list says that there is none. Raises Inconsistent."""
    groups = _objects(reply, "ScalingGroups", "ScalingGroup")
    if total_of(reply, 1) != len(groups):
        raise Inconsistent("the list of groups has another number of them than it says.")
    if groups and groups[0].get("ScalingGroupId") != scaling_group_id:
        raise Inconsistent("an answer speaks of another scaling group.")
    return groups[0] if groups else None


def members_of(reply: Reply, scaling_group_id: str | None = None) -> list[Reply]:
    """A page of instances as ESS lists them; of that group, where one is named. Raises Inconsistent."""
    found = _objects(reply, "ScalingInstances", "ScalingInstance")
    for item in found:
        _id(item.get("InstanceId"), "InstanceId")
        if scaling_group_id and item.get("ScalingGroupId", scaling_group_id) != scaling_group_id:
            raise Inconsistent("an answer speaks of another scaling group.")
    return found


def groups_of_members(reply: Reply, instance_ids: tuple[str, ...]) -> set[str]:
    """The scaling groups that have any of these instances. Raises Inconsistent."""
    found = members_of(reply)
    listed = {item["InstanceId"] for item in found}
    if (
        total_of(reply, MOST_INSTANCES) != len(found)
        or len(listed) != len(found)
        or not listed <= set(instance_ids)
    ):
        raise Inconsistent("the list of instances has others than it says, or than were asked for.")
    return {_id(item.get("ScalingGroupId"), "ScalingGroupId") for item in found}


def snapshot_of(scaling_group_id: str, group: Reply, pages: list[Reply], now: datetime) -> Snapshot:
    """Raises Inconsistent."""
    found = [item for page in pages for item in members_of(page, scaling_group_id)]
    totals = {total_of(page, MOST_INSTANCES) for page in pages}
    if totals != {len(found)} or len({item["InstanceId"] for item in found}) != len(found):
        raise Inconsistent(f"{len(found)} instances are listed, another number of them is counted.")
    return Snapshot(_group(group), tuple(_instance(item) for item in found), now)


def _group(item: Reply) -> ScalingGroup:
    weighted = _flag(item, "Weighted")
    counters = ("ActiveCapacity", "ProtectedCapacity", "StandbyCapacity")
    stable = [_integer(item[name], name) for name in counters if item.get(name) is not None]
    return ScalingGroup(
        id=_id(item.get("ScalingGroupId"), "ScalingGroupId"),
        lifecycle_state=_id(item.get("LifecycleState"), "LifecycleState"),
        min_size=_integer(item.get("MinSize"), "MinSize"),
        total_capacity=_integer(item.get("TotalCapacity"), "TotalCapacity"),
        # Whether a weighted group's counters count weights is not documented, so they are left aside there.
        stable_capacity=None if weighted or len(stable) < len(counters) else sum(stable),
        weighted=weighted,
        removal_policies=tuple(_ids(item, "RemovalPolicies", "RemovalPolicy")),
        multi_az_policy=_text(item, "MultiAZPolicy") or "PRIORITY",
        desired_capacity=(
            _integer(item.get("DesiredCapacity"), "DesiredCapacity")
            if _flag(item, "EnableDesiredCapacity")
            else None
        ),
        suspended_processes=tuple(_ids(item, "SuspendedProcesses", "SuspendedProcess")),
    )


def _instance(item: Reply) -> Instance:
    template, version = _text(item, "LaunchTemplateId"), _text(item, "LaunchTemplateVersion")
    weight = item.get("WeightedCapacity")
    return Instance(
        id=item["InstanceId"],
        lifecycle_state=_id(item.get("LifecycleState"), "LifecycleState"),
        zone_id=_text(item, "ZoneId"),
        scaling_configuration=_text(item, "ScalingConfigurationId")
        or (f"{template}:{version}" if template else ""),
        joined_at=_time(item, "CreatedTime") or _time(item, "CreationTime"),
        weight=None if weight is None else _integer(weight, "WeightedCapacity"),
        healthy=(_text(item, "HealthStatus") or "Healthy") == "Healthy",
        spot=_text(item, "SpotStrategy").startswith("Spot"),
        attached=(_text(item, "CreationType") or "AutoCreated") != "AutoCreated",
        warming_up=_text(item, "WarmupState") == "WaitingForInstanceWarmup",
    )


def activities_of(reply: Reply, scaling_group_id: str | None = None) -> list[Activity]:
    """Of that group, where one is named. Raises Inconsistent."""
    found = _objects(reply, "ScalingActivities", "ScalingActivity")
    if scaling_group_id and any(
        item.get("ScalingGroupId", scaling_group_id) != scaling_group_id for item in found
    ):
        raise Inconsistent("an answer speaks of another scaling group.")
    return [_activity(item) for item in found]


def known_activities_of(reply: Reply, activity_ids: tuple[str, ...]) -> list[Activity]:
    """Of those that were asked for by id. Raises Inconsistent."""
    found = activities_of(reply)
    listed = {activity.id for activity in found}
    if (
        total_of(reply, MAX_ACTIVITIES) != len(found)
        or len(listed) != len(found)
        or not listed <= set(activity_ids)
    ):
        raise Inconsistent(
            "the list of activities has others than it says, or than were asked for."
        )
    return found


def activity_id_of(reply: Reply) -> str:
    """Of an accepted removal. Raises Inconsistent."""
    id = _id(reply.get("ScalingActivityId"), "ScalingActivityId")
    if not ACTIVITY_ID.fullmatch(id):
        raise Inconsistent("ScalingActivityId is not one that can be.")
    return id


def _activity(item: Reply) -> Activity:
    status, started_at, ended_at = (
        _id(item.get("StatusCode"), "StatusCode"),
        _time(item, "StartTime"),
        _time(item, "EndTime"),
    )
    if started_at is None:
        raise Inconsistent("StartTime is not there.")
    # A status that is not known counts as an end only where the time of an end is there.
    runs = status == "InProgress" or (status not in FINAL and ended_at is None)
    created, begun = (
        _ids(item, "CreatedInstances", "CreatedInstance"),
        _ids(item, "StartedInstances", "StartedInstance"),
    )
    destroyed = _ids(item, "DestroyedInstances", "DestroyedInstance")
    stopped = _ids(item, "StoppedInstances", "StoppedInstance")
    return Activity(
        id=_id(item.get("ScalingActivityId"), "ScalingActivityId"),
        status=status,
        started_at=started_at,
        ended_at=None if runs else (ended_at or started_at) + TO_THE_MINUTE,
        added=_count(item, created, "CreatedCapacity") + _count(item, begun, "StartedCapacity"),
        removed=_count(item, destroyed, "DestroyedCapacity")
        + _count(item, stopped, "StoppedCapacity"),
        trigger=_text(item, "TriggerSourceType"),
        removed_ids=frozenset(destroyed + stopped),
        added_ids=frozenset(created + begun),
        failures=tuple(_failures(item)),
    )


def _failures(item: Reply) -> Iterator[tuple[str, str]]:
    """The inner names repeat the outer ones (ErrorMessages.ErrorMessages, FailedInstanceIds.FailedInstanceIds)."""
    for error in _objects(item, "ErrorMessages", "ErrorMessages", needed=False):
        for instance_id in _ids(error, "FailedInstanceIds", "FailedInstanceIds"):
            yield instance_id, _text(error, "Code") or "Unknown"


def _count(item: Reply, ids: list[str], capacity: str) -> int:
    """Instances by their list; by the capacity, which may be text and in weights, where there is none."""
    value = item.get(capacity)
    if isinstance(value, str) and DIGITS.fullmatch(value):
        value = int(value)
    by_capacity = 0 if value is None else _integer(value, capacity)
    return len(ids) or by_capacity


def _list(owner: Reply, plural: str, singular: str, needed: bool) -> list[Any]:
    """Lists travel as {plural: {singular: [...]}}, or without the inner name."""
    outer = owner.get(plural)
    if not needed and (outer is None or outer == {}):
        return []
    inner = outer.get(singular) if isinstance(outer, dict) else outer
    if not isinstance(inner, list):
        raise Inconsistent(f"{plural} is not a list.")
    return inner


def _objects(owner: Reply, plural: str, singular: str, needed: bool = True) -> list[Reply]:
    found = _list(owner, plural, singular, needed)
    if not all(isinstance(item, dict) for item in found):
        raise Inconsistent(f"{plural} has what is not an object.")
    return found


def _ids(owner: Reply, plural: str, singular: str) -> list[str]:
    found = [_id(item, singular) for item in _list(owner, plural, singular, needed=False)]
    if len(set(found)) != len(found):
        raise Inconsistent(f"{plural} has one twice.")
    return found


def _id(value: object, name: str) -> str:
    if isinstance(value, str) and ID.fullmatch(value):
        return value
    raise Inconsistent(f"{name} is not a name that can be.")


def _text(item: Reply, name: str) -> str:
    """Empty: absent."""
    return "" if item.get(name) in (None, "") else _id(item[name], name)


def _integer(value: object, name: str, most: int = MOST_CAPACITY) -> int:
    if type(value) is int and 0 <= value <= most:  # True is an int to Python
        return value
    raise Inconsistent(f"{name} is not a number that can be.")


def _flag(item: Reply, name: str) -> bool:
    value = item.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Inconsistent(f"{name} is neither true nor false.")


def _time(item: Reply, name: str) -> datetime | None:
    """None: absent."""
    value = item.get(name)
    if value in (None, ""):
        return None
    if isinstance(value, str) and TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            pass
    raise Inconsistent(f"{name} is not a time.")
