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
from typing import Any

from scalein.decision.model import Activity, Instance, ScalingGroup, Snapshot

PAGE_SIZE = 100  # instances; the maximum of ESS
MAX_INSTANCES = 10_000  # of a group; the quota is typically 2,000
MAX_ACTIVITIES = 1_000_000  # of a group in 30 days
MAX_CAPACITY = 10**9  # weights add up
ACTIVITY_ID = re.compile(r"[A-Za-z0-9_-]{5,128}")  # asa-...; anything else is garbled
# EndTime 09:54 may be any moment of that minute: the last one is the safe one.
TO_THE_MINUTE = timedelta(seconds=59)
# A Date header that is further off is garbled: ESS refuses clocks that differ by 15 minutes.
MAX_SKEW = timedelta(days=1)

FINAL = ("Successful", "Warning", "Failed", "Rejected")  # statuses of an ended activity
ID = re.compile(r"[!-~]{1,128}")
# CreatedTime has seconds, every other time has none.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")
DIGITS = re.compile(r"[0-9]{1,9}")
DATE = "Date"  # the key under which `sdk` adds an answer's Date header to its reply

Reply = dict[str, Any]


class Inconsistent(Exception):
    """ESS's answers contradict each other, or lack what every decision needs."""


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
    return _integer(reply.get("TotalCount"), "TotalCount", max_value)


def group_of(reply: Reply, scaling_group_id: str) -> Reply | None:
    """Returns the only group of a list; None if the list is empty. Raises Inconsistent."""
    groups = _objects(reply, "ScalingGroups", "ScalingGroup")
    if total_of(reply, 1) != len(groups):
        raise Inconsistent("the number of listed groups differs from TotalCount.")
    if groups and groups[0].get("ScalingGroupId") != scaling_group_id:
        raise Inconsistent("an answer is about another scaling group.")
    return groups[0] if groups else None


def members_of(reply: Reply, scaling_group_id: str | None = None) -> list[Reply]:
    """Returns a page of instances as ESS lists them; with a group id, each must be of that group.

    Raises Inconsistent.
    """
    items = _objects(reply, "ScalingInstances", "ScalingInstance")
    for item in items:
        _id(item.get("InstanceId"), "InstanceId")
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
    return {_id(item.get("ScalingGroupId"), "ScalingGroupId") for item in items}


def snapshot_of(scaling_group_id: str, group: Reply, pages: list[Reply], now: datetime) -> Snapshot:
    """Returns the group with the instances of all pages. Raises Inconsistent."""
    items = [item for page in pages for item in members_of(page, scaling_group_id)]
    totals = {total_of(page, MAX_INSTANCES) for page in pages}
    if totals != {len(items)} or len({item["InstanceId"] for item in items}) != len(items):
        raise Inconsistent(f"{len(items)} instances are listed, which differs from TotalCount.")
    valid_texts: set[object] = {None, ""}
    instances = tuple([_instance(item, valid_texts) for item in items])
    return Snapshot(_group(group), instances, now)


def _group(item: Reply) -> ScalingGroup:
    weighted = _flag(item, "Weighted")
    counters = ("ActiveCapacity", "ProtectedCapacity", "StandbyCapacity")
    stable = [_integer(item[name], name) for name in counters if item.get(name) is not None]
    return ScalingGroup(
        id=_id(item.get("ScalingGroupId"), "ScalingGroupId"),
        lifecycle_state=_id(item.get("LifecycleState"), "LifecycleState"),
        min_size=_integer(item.get("MinSize"), "MinSize"),
        total_capacity=_integer(item.get("TotalCapacity"), "TotalCapacity"),
        # Whether a weighted group's counters count weights is not documented, so they are not used.
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


def _instance(item: Reply, valid_texts: set[object]) -> Instance:
    """Returns an instance; adds its texts to those that are known to be valid: most instances of a
    group have the same ones, and to check 2,000 takes a third of an invocation.
    """
    values = list(map(item.get, INSTANCE_TEXTS))
    if not _all_known(values, valid_texts):
        for name in INSTANCE_TEXTS:
            _text(item, name)
        valid_texts.update(values)
    state, zone_id, configuration, template, version, health, spot, creation, warmup = values
    if not state:
        raise Inconsistent("LifecycleState is missing or malformed.")
    weight = item.get("WeightedCapacity")
    return Instance(
        id=item["InstanceId"],
        lifecycle_state=state,
        zone_id=zone_id or "",
        scaling_configuration=configuration or (f"{template}:{version or ''}" if template else ""),
        joined_at=_time(item, "CreatedTime") or _time(item, "CreationTime"),
        weight=None if weight is None else _integer(weight, "WeightedCapacity"),
        healthy=(health or "Healthy") == "Healthy",
        warming_up=warmup == "WaitingForInstanceWarmup",
        spot=(spot or "").startswith("Spot"),
        attached=(creation or "AutoCreated") != "AutoCreated",
    )


def _all_known(values: list[Any], valid_texts: set[object]) -> bool:
    try:
        return valid_texts.issuperset(values)
    except TypeError:  # a list or an object, where a text belongs
        return False


def activities_of(reply: Reply, scaling_group_id: str | None = None) -> list[Activity]:
    """Returns a page of activities; with a group id, each must be of that group.

    Raises Inconsistent.
    """
    items = _objects(reply, "ScalingActivities", "ScalingActivity")
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
    id = _id(reply.get("ScalingActivityId"), "ScalingActivityId")
    if not ACTIVITY_ID.fullmatch(id):
        raise Inconsistent("ScalingActivityId is malformed.")
    return id


def _activity(item: Reply) -> Activity:
    status = _id(item.get("StatusCode"), "StatusCode")
    started_at, ended_at = _time(item, "StartTime"), _time(item, "EndTime")
    if started_at is None:
        raise Inconsistent("StartTime is missing.")
    # An unknown status counts as an end only if the activity has an end time.
    is_running = status == "InProgress" or (status not in FINAL and ended_at is None)
    created = _ids(item, "CreatedInstances", "CreatedInstance")
    started = _ids(item, "StartedInstances", "StartedInstance")
    destroyed = _ids(item, "DestroyedInstances", "DestroyedInstance")
    stopped = _ids(item, "StoppedInstances", "StoppedInstance")
    return Activity(
        id=_id(item.get("ScalingActivityId"), "ScalingActivityId"),
        status=status,
        started_at=started_at,
        ended_at=None if is_running else (ended_at or started_at) + TO_THE_MINUTE,
        added=_count(item, created, "CreatedCapacity") + _count(item, started, "StartedCapacity"),
        removed=_count(item, destroyed, "DestroyedCapacity")
        + _count(item, stopped, "StoppedCapacity"),
        trigger=_text(item, "TriggerSourceType"),
        removed_ids=frozenset(destroyed + stopped),
        added_ids=frozenset(created + started),
        failures=tuple(_failures(item)),
    )


def _failures(item: Reply) -> Iterator[tuple[str, str]]:
    """Yields the instance id and code of each failure.

    The inner names repeat the outer ones: ErrorMessages.ErrorMessages,
    FailedInstanceIds.FailedInstanceIds.
    """
    for error in _objects(item, "ErrorMessages", "ErrorMessages", is_required=False):
        for instance_id in _ids(error, "FailedInstanceIds", "FailedInstanceIds"):
            yield instance_id, _text(error, "Code") or "Unknown"


def _count(item: Reply, ids: list[str], capacity: str) -> int:
    """Returns the number of listed instances; if none is listed, the capacity, which may be a
    text and in weights.
    """
    value = item.get(capacity)
    if isinstance(value, str) and DIGITS.fullmatch(value):
        value = int(value)
    by_capacity = 0 if value is None else _integer(value, capacity)
    return len(ids) or by_capacity


def _list(owner: Reply, plural: str, singular: str, is_required: bool) -> list[Any]:
    """Returns a list, which comes as {plural: {singular: [...]}} or without the inner name."""
    outer = owner.get(plural)
    if not is_required and (outer is None or outer == {}):
        return []
    inner = outer.get(singular) if isinstance(outer, dict) else outer
    if not isinstance(inner, list):
        raise Inconsistent(f"{plural} is not a list.")
    return inner


def _objects(owner: Reply, plural: str, singular: str, is_required: bool = True) -> list[Reply]:
    items = _list(owner, plural, singular, is_required)
    if not all(isinstance(item, dict) for item in items):
        raise Inconsistent(f"{plural} has an element that is not an object.")
    return items


def _ids(owner: Reply, plural: str, singular: str) -> list[str]:
    ids = [_id(item, singular) for item in _list(owner, plural, singular, is_required=False)]
    if len(set(ids)) != len(ids):
        raise Inconsistent(f"{plural} lists an id twice.")
    return ids


def _id(value: object, name: str) -> str:
    if isinstance(value, str) and ID.fullmatch(value):
        return value
    raise Inconsistent(f"{name} is missing or malformed.")


def _text(item: Reply, name: str) -> str:
    """Returns the text; empty if it is absent."""
    return "" if item.get(name) in (None, "") else _id(item[name], name)


def _integer(value: object, name: str, max_value: int = MAX_CAPACITY) -> int:
    if type(value) is int and 0 <= value <= max_value:  # True is an int to Python
        return value
    raise Inconsistent(f"{name} is not an integer from 0 to {max_value}.")


def _flag(item: Reply, name: str) -> bool:
    value = item.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Inconsistent(f"{name} is neither true nor false.")


def _time(item: Reply, name: str) -> datetime | None:
    """Returns the time; None if it is absent."""
    value = item.get(name)
    if value in (None, ""):
        return None
    if isinstance(value, str) and TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            pass
    raise Inconsistent(f"{name} is not a time.")
